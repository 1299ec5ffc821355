"""The results of a cell in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spallmap.report.context import CellReport, CrackLimit, RegistrationEntry, T2Entry
from spallmap.results.records import DEFAULT_LONG_MS

# A link that is more probable than not is reported as found; the others are reported as doubtful.
PROBABLE = 0.5
MAX_SENTENCES_PER_TABLE = 6

# A p above this is often read as "no link"; with one region it says little (see docs/methods.md, Links).
WEAK_P = 0.05


def count(n: int, noun: str) -> str:
    """Write a number with its noun: ``no crack``, ``1 crack``, ``2 cracks``."""
    return {0: f"no {noun}", 1: f"1 {noun}"}.get(n, f"{n} {noun}s")


def known(value: object) -> bool:
    """Say whether a value is there and finite."""
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))


def rounded(value: float) -> str:
    """Write a large number with three significant digits and no exponent: ``1,230,000``."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def summary_sentences(report: CellReport) -> list[str]:
    """Say in plain words what was found, what was not, and what could not be decided.

    Parameters
    ----------
    report : CellReport
        The page's content.

    Returns
    -------
    list of str
        Sentences in the order of the chain: MRI, cracks, links, registrations.
    """
    sentences: list[str] = []
    for entry in report.t2:
        sentences += _t2_sentences(entry)
    if report.cracks is not None:
        sentences += _crack_sentences(report.cracks, report.crack_limit)
    if report.interfaces is not None:
        sentences += _contact_sentences(report.interfaces)
    sentences += _link_sentences(report)
    sentences += _registration_sentences(report.registrations)
    return sentences


def _t2_sentences(entry: T2Entry) -> list[str]:
    electrode = entry.summary.get("electrode") or {}
    long = entry.summary.get("long") or {}
    threshold = long.get("threshold_ms", DEFAULT_LONG_MS)
    n = len(entry.regions)
    found = f"{entry.acquisition}: {count(n, 'long-T2 region')} (threshold {threshold:g} ms)"
    if n:
        shown = entry.regions.head(MAX_SENTENCES_PER_TABLE)
        found += ": " + "; ".join(_region(row) for row in shown.to_dict("records"))
    sentences = [found + "."]
    median, fwhm = electrode.get("t2_median_ms"), electrode.get("fwhm_ms")
    if known(median):
        width = f", its distribution {fwhm:.2g} ms wide at half its height" if known(fwhm) else ""
        error = electrode.get("t2_median_se_ms")
        off = f" ± {error:.2g}" if known(error) else ""
        sentences.append(f"{entry.acquisition}: the electrode's median T2 is {median:.3g}{off} ms{width}.")
    sentences += _long_peak(entry)
    sentences += _train_sentences(entry)
    return sentences + _quality_sentences(entry)


def _quality_sentences(entry: T2Entry) -> list[str]:
    """Say how well the decays fit, and how many pixels have no T2 and why; what is odd stands on top."""
    summary, sentences = entry.summary, []
    median, expected = summary.get("chi2_reduced_median"), summary.get("chi2_reduced_expected")
    if known(median) and known(expected):
        factor = float(summary.get("se_factor_median") or 1.0)
        widened = f"; it widens the errors of T2 {factor:.2g} times (median)" if factor > 1.0 else ""
        sentences.append(
            f"{entry.acquisition}: the decays' median reduced chi-square is {median:.2g}, noise alone gives "
            f"{expected:.2g}; {_percent(summary.get('misfit_fraction'))} % of the pixels misfit "
            f"(noise alone: 1 %){widened}."
        )
    beyond = (summary.get("n_by_status") or {}).get("beyond_echoes", 0)
    if beyond:
        sentences.append(
            f"{entry.acquisition}: the echoes set no limit to the T2 of {count(beyond, 'pixel')}, which are "
            "in no average."
        )
    clipped = summary.get("n_clipped", 0)
    if clipped:
        were = "has" if clipped == 1 else "have"
        sentences.append(
            f"{entry.acquisition}: {count(clipped, 'pixel')} {were} samples that were cut off at an end of "
            "their range; they were not fitted."
        )
    return sentences


def _train_sentences(entry: T2Entry) -> list[str]:
    """Say what was done with a train's first echo and why, and what remains of stimulated echoes."""
    first: Mapping[str, Any] = entry.summary.get("first_echo") or {}
    if entry.summary.get("echo_train") != "cpmg":
        return []
    sentence = f"{entry.acquisition}: the echoes are one train"
    if known(first.get("deviation_fraction")):
        deviation, error = first["deviation_fraction"], first["deviation_se"]
        which = "below" if deviation < 0.0 else "above"
        sentence += (
            f"; its first echo lies {100.0 * abs(deviation):.2g} ± {100.0 * error:.1g} % {which} what the "
            f"later ones let expect, and {_use_of_first_echo(first)}"
        )
    elif first:
        sentence += "; its first echo could not be compared with the later ones, and "
        sentence += _use_of_first_echo(first)
    return [
        sentence + ".",
        f"{entry.acquisition}: where the train's pulses do not refocus fully, stimulated echoes make T2 "
        "longer than separate spin echoes would; among few echoes the alternation of odd and even ones can "
        "make it shorter by a tenth.",
    ]


def _use_of_first_echo(first: Mapping[str, Any]) -> str:
    """Say what was done, and the median T2 by either choice."""
    used, n_skipped = first.get("used"), first.get("n_skipped") or 0
    said = "is used as it is"
    if used == "adjust":
        said = f"is used as if at {first['effective_te_ms']:.3g} ms"
    elif n_skipped:
        by_data = {"keep": "would have kept it", "undecided": "do not say"}
        said = f"is left out as asked for (the data {by_data.get(first['decision'], 'would not keep it')})"
    elif used == "skip":
        said = "is left out"
    choices = [("kept", "with it as it is"), ("skipped", "without it")]
    if used == "adjust":
        choices.insert(0, ("adjusted", "so"))
    medians = [(first.get(f"t2_median_{choice}_ms"), words) for choice, words in choices]
    shown = ", ".join(f"{value:.3g} ms {words}" for value, words in medians if known(value))
    return f"{said}; median T2 of the pixels compared: {shown}" if shown else said


def _long_peak(entry: T2Entry) -> list[str]:
    peak = entry.summary.get("long_component") or {}
    p = peak.get("p_value")
    if p is None or not known(p):
        return []
    if p >= WEAK_P:
        return [
            f"{entry.acquisition}: the distribution of T2 alone, which knows of no neighbours, needs no "
            f"second, long peak (p = {p:.2g})."
        ]
    fraction, low, high = (_percent(peak.get(f"fraction{end}")) for end in ("", "_low", "_high"))
    bound = "at most " if p <= peak.get("p_value_smallest", 0.0) else ""
    return [
        f"{entry.acquisition}: the distribution of T2 has a peak of long T2 with {fraction} ({low} to "
        f"{high}) % of the pixels (p {bound}{p:.2g})."
    ]


def _percent(fraction: Any) -> str:
    return f"{100.0 * fraction:.0f}" if known(fraction) else "?"


def _region(row: Mapping[Hashable, Any]) -> str:
    se = f" ± {row['t2_se_ms']:.2g}" if known(row.get("t2_se_ms")) else ""
    return (
        f"region {row['region']}: T2 {row['t2_ms']:.3g}{se} ms over {count(int(str(row['pixels'])), 'pixel')}"
    )


def _crack_sentences(cracks: pd.DataFrame, limit: CrackLimit | None) -> list[str]:
    unseen = []
    if limit is not None:
        edge = f"{limit.area_um2**0.5:.0f}"
        unseen = [
            f"Empty cracks of {rounded(limit.area_um2)} µm² ({edge} by {edge} µm) that are less than "
            f"{limit.aperture_um:.2g} µm open would not have been found (median over the ceramic). "
            f"Cracks of less than {rounded(limit.least_area_um2)} µm² are not distinguished from pores."
        ]
    if len(cracks) == 0:
        return ["The tomogram: no crack was found in the ceramic.", *unseen]
    largest = cracks.sort_values("volume_um3", ascending=False).iloc[0]
    sides = [side for side in ("top", "bottom") if bool(largest.get(f"touches_{side}", False))]
    plural = "s" if len(sides) > 1 else ""
    touching = f" and touches the {' and the '.join(sides)} electrode{plural}" if sides else ""
    aperture = largest.get("aperture_median_um")
    opened = f", is {aperture:.2g} µm open (median)" if known(aperture) else ""
    reach = largest.get("depth_max_um")
    deep = f", reaches {reach:.0f} µm deep" if known(reach) else ""
    kind = largest.get("morphology")
    named = f" ({kind})" if isinstance(kind, str) and kind else ""
    found = f"The tomogram: {count(len(cracks), 'crack')} in the ceramic{_changes(cracks)}."
    size = f"has a volume of {rounded(largest['volume_um3'])} µm³{opened}{deep}{touching}."
    return [f"{found} The largest, crack {int(largest['crack'])}{named}, {size}", *unseen]


def _changes(cracks: pd.DataFrame) -> str:
    """Say how many cracks are new, grown and unchanged against the pristine tomogram."""
    if "change" not in cracks:
        return ""
    counts = cracks["change"].value_counts()
    said = [f"{n} {change}" for change, n in counts.items() if n]
    return f" ({', '.join(said)} against the pristine state)" if said else ""


def _contact_sentences(interfaces: pd.DataFrame) -> list[str]:
    known_sides = [row for row in interfaces.to_dict("records") if known(row["lost_fraction"])]
    if not known_sides:
        return []
    parts = [
        f"{_percent(row['lost_fraction'])} % at the {row['side']} ({count(int(row['n_voids']), 'void')})"
        for row in known_sides
    ]
    return [f"Contact lost to voids between electrode and ceramic: {' and '.join(parts)}."]


def _link_sentences(report: CellReport) -> list[str]:
    if report.links is None:
        return ["Links between regions and cracks were not computed."] if report.t2 else []
    if len(report.links) == 0:
        reason = report.links_summary.get("reason") or "no long-T2 region lies within reach of a crack"
        return [f"Links: {reason}."]
    sentences = []
    for region, rows in list(report.links.groupby("region"))[:MAX_SENTENCES_PER_TABLE]:
        best = rows.sort_values("probability", ascending=False).iloc[0]
        distance = f"{rounded(best['distance_um'])} ± {rounded(best['distance_se_um'])} µm from it"
        where = f"crack {int(best['crack'])} ({distance})"
        if best["probability"] >= PROBABLE:
            text = f"Region {region} lies on {where} with a probability of {best['probability']:.2f}."
        else:
            text = (
                f"Region {region} lies on no crack for certain; the best candidate is {where}, "
                f"with a probability of {best['probability']:.2f}."
            )
        sentences.append(text)
    p = report.links_summary.get("p_value")
    if p is not None and known(p):
        null = report.links_summary.get("null") or {}
        how = f" ({null['method']}, {null['n']} draws)" if "method" in null and "n" in null else ""
        sentences.append(f"Against chance, p = {p:.2g}{how}.")
        if p > WEAK_P and report.links_summary.get("n_regions") == 1:
            sentences.append(
                "One region alone seldom gives a small p, even when its link is right: "
                "a large p does not speak against the link."
            )
    return sentences


def _registration_sentences(entries: Sequence[RegistrationEntry]) -> list[str]:
    """Say which registrations were accepted and which were refused, and why."""
    tried = [e for e in entries if e.registration is not None]
    accepted = [e for e in tried if e.registration is not None and e.registration.accepted]
    sentences = []
    if tried:
        sentences.append(f"Registrations: {len(accepted)} of {len(tried)} accepted.")
    for entry in tried:
        if entry.registration is not None and not entry.registration.accepted:
            why = "; ".join(entry.registration.reasons)
            sentences.append(
                f"Refused: {entry.acquisition} onto {entry.onto}: {why}. Nothing that follows rests on it."
            )
    for entry in entries:
        if entry.registration is None:
            sentences.append(
                f"Not registered: {entry.acquisition}: {entry.untried or 'no reason was given'}."
            )
    return sentences
