"""Histograms of T2 with the peaks that were fitted, and the widths of several states beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from spallmap.figures import style
from spallmap.relaxometry.distribution.widths import Estimate, WidthComparison, compare_widths
from spallmap.results.records import MriRecord

Array = NDArray[np.float64]

BIN_MS = 0.5
# A line over the electrode's orange bars: the same hue, dark enough to stand out.
ELECTRODE_LINE = "#8A5A00"
# The long peak is drawn and described where chance is less likely than this to make it.
SIGNIFICANT = 0.05
# How the legend names both widths.
WITHOUT_ERRORS = "without the pixels' errors, 95 % interval"
AS_SEEN = "as seen"
# Error bars hold the middle 68 % of a Poisson distribution, as one standard error does of a normal one.
_POISSON_FRACTION = 0.6827
# Characters of a state's name above a panel.
_LONGEST_NAME = 12
# Lowest number of pixels on the axis, which is logarithmic so that a few long pixels show beside many short
# ones.
_LOWEST = 0.3
# Room above the bars, as a factor.
_HEADROOM = 3.0


def short(state: str) -> str:
    """Cut a state's name down to what fits above a panel."""
    return state if len(state) <= _LONGEST_NAME else state[: _LONGEST_NAME - 1] + "…"


def estimate_of(table: Mapping[str, Any], name: str, unit: str = "") -> Estimate | None:
    """Read a number and its interval out of a summary; None where it is missing or not a number."""
    values = [table.get(f"{name}{end}{unit}") for end in ("", "_low", "_high")]
    if any(v is None or np.isnan(v) for v in values):
        return None
    return Estimate(*(float(v) for v in values if v is not None))


def in_words(estimate: Estimate, digits: int = 1, factor: float = 1.0) -> str:
    """Write a number with its interval."""
    value, low, high = (f"{factor * v:.{digits}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low}–{high})"


def poisson_interval(counts: Array) -> tuple[Array, Array]:
    """Interval of the mean behind each count.

    Parameters
    ----------
    counts : ndarray
        Whole numbers.

    Returns
    -------
    low, high : ndarray
        Ends of the central 68 % interval.

    References
    ----------
    Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936) 437.
    """
    tail = (1.0 - _POISSON_FRACTION) / 2.0
    low = np.where(counts > 0, stats.chi2.ppf(tail, 2.0 * np.maximum(counts, 1.0)) / 2.0, 0.0)
    high = np.asarray(stats.chi2.ppf(1.0 - tail, 2.0 * (counts + 1.0))) / 2.0
    return low, high


def binned(mri: MriRecord) -> tuple[Array, Array]:
    """Edges of the bins and counts: of the specimen where it was separated from noise, else of all pixels."""
    histogram = mri.summary.get("histogram")
    if histogram:
        counts = histogram.get("specimen_counts", histogram["counts"])
        return np.asarray(histogram["edges_ms"], float), np.asarray(counts, float)
    shown = np.asarray(mri.t2["t2_ms"])[mri.usable()]
    edges = np.arange(0.0, 2.5 * mri.long_ms + BIN_MS, BIN_MS)
    return edges, np.histogram(shown, edges)[0].astype(float)


def histogram_title(mri: MriRecord) -> str:
    """Say what is counted, and how much of it lies beyond the axis."""
    histogram = mri.summary.get("histogram") or {}
    of_specimen = "specimen_counts" in histogram
    beyond = histogram.get("specimen_n_above" if of_specimen else "n_above")
    more = f" ({beyond} beyond)" if beyond else ""
    return f"{short(mri.state)}: {'specimen' if of_specimen else 'fitted'} pixels{more}"


def _long_peak_p_value(mri: MriRecord) -> float | None:
    """p-value of the long peak; None where none was sought."""
    value = (mri.summary.get("long_component") or {}).get("p_value")
    return None if value is None or np.isnan(value) else float(value)


def draw_histogram(axes: Axes, mri: MriRecord) -> pd.DataFrame:
    """Draw a state's histogram with error bars, the fitted peaks over it and their numbers.

    Parameters
    ----------
    axes : Axes
        The panel.
    mri : MriRecord
        The acquisition, of all slices.

    Returns
    -------
    DataFrame
        One row per bin: counts, ends of their error bars, and what the peaks let expect.
    """
    edges, counts = binned(mri)
    threshold = mri.long_ms
    centres = 0.5 * (edges[1:] + edges[:-1])
    colours = [style.REGION_CURVE if low >= threshold - 1e-9 else style.ELECTRODE_CURVE for low in edges[:-1]]
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colours, alpha=0.4, linewidth=0.0)
    low, high = poisson_interval(counts)
    filled = counts > 0
    axes.errorbar(
        centres[filled],
        counts[filled],
        [(counts - low)[filled], (high - counts)[filled]],
        fmt="none",
        ecolor=style.NEUTRAL,
        elinewidth=0.6,
    )
    axes.axvline(threshold, color=style.REGION_CURVE, lw=0.8, ls=":", label=f"long: > {threshold:g} ms")
    top = float(high[filled].max()) if filled.any() else 1.0
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(_LOWEST, _HEADROOM * top)
    axes.set_xlim(0.0, float(edges[-1]))
    expected = _draw_peaks(axes, mri, edges)
    axes.legend(loc="upper right", handlelength=1.4, bbox_to_anchor=(1.0, 0.62), fontsize=6.0)
    _write_numbers(axes, mri)
    axes.set_xlabel(r"$T_2$ / ms")
    axes.set_ylabel(f"pixels per {edges[1] - edges[0]:g} ms")
    return pd.DataFrame(
        {
            "state": mri.state,
            "edge_low_ms": edges[:-1],
            "edge_high_ms": edges[1:],
            "pixels": counts,
            "pixels_low": low,
            "pixels_high": high,
            **expected,
        }
    )


def _draw_peaks(axes: Axes, mri: MriRecord, edges: Array) -> dict[str, Array]:
    """Draw what the peaks let expect in each bin, the pixels' errors put back."""
    histogram = mri.summary.get("histogram") or {}
    missing = np.full(edges.size - 1, np.nan)
    out = {"expected_electrode": missing, "expected_long": missing}
    if "expected_electrode" not in histogram:
        return out
    p_value = _long_peak_p_value(mri)
    drawn = [("expected_electrode", ELECTRODE_LINE, "electrode's peak")]
    if p_value is not None and p_value < SIGNIFICANT:
        drawn.append(("expected_long", style.REGION_CURVE, "long peak"))
    for name, colour, label in drawn:
        out[name] = np.asarray(histogram[name], float)
        axes.stairs(out[name], edges, color=colour, lw=1.0, label=label)
    return out


def _write_numbers(axes: Axes, mri: MriRecord) -> None:
    """Write the peaks' numbers above the bars; intervals are 95 %."""
    electrode = mri.summary.get("electrode") or {}
    lines = []
    peak = estimate_of(electrode, "t2_peak", "_ms")
    width = estimate_of(electrode, "fwhm_intrinsic", "_ms")
    median, raw = (electrode.get(k) for k in ("t2_median_ms", "fwhm_ms"))
    if peak is not None:
        lines.append(rf"electrode: $T_2$ {in_words(peak, 2)} ms")
    elif median is not None and np.isfinite(median):
        lines.append(f"electrode: median {median:.1f} ms")
    if width is not None:
        lines.append(f"FWHM without errors {in_words(width, 2)} ms")
    if raw is not None and np.isfinite(raw):
        lines.append(f"FWHM as seen {raw:.2f} ms")
    lines += _long_in_words(mri)
    axes.text(
        0.99,
        0.99,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=6.0,
        linespacing=1.3,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
    )


def _long_in_words(mri: MriRecord) -> list[str]:
    p_value = _long_peak_p_value(mri)
    if p_value is None:
        return []
    found = mri.summary["long_component"]
    share, t2 = estimate_of(found, "share"), estimate_of(found, "t2", "_ms")
    if p_value >= SIGNIFICANT or share is None or t2 is None:
        upper = "" if share is None else f", below {100.0 * share.high:.0f} % of pixels"
        return [f"no long peak (p = {p_value:.2g}){upper}"]
    least = p_value <= found["p_value_smallest"] * (1.0 + 1e-9)
    return [
        f"long peak: p {'≤' if least else '='} {p_value:.2g}, {in_words(share, 0, 100.0)} % of pixels",
        rf"its $T_2$ {in_words(t2)} ms",
    ]


def compared_widths(series: Sequence[MriRecord]) -> list[tuple[str, str, WidthComparison]]:
    """Compare the electrode's width of every state with that of the first.

    Parameters
    ----------
    series : sequence of MriRecord
        The states.

    Returns
    -------
    list of tuple
        First state, later state, and how their widths without the pixels' errors differ; only states whose
        width is known.
    """
    widths = [
        (p.state, estimate_of(p.summary.get("electrode") or {}, "fwhm_intrinsic", "_ms")) for p in series
    ]
    known = [(state, width) for state, width in widths if width is not None]
    return [(known[0][0], state, compare_widths(known[0][1], width)) for state, width in known[1:]]


def draw_widths(axes: Axes, series: Sequence[MriRecord]) -> pd.DataFrame:
    """Draw the widths of the electrode's peak of every state, with and without the pixels' errors.

    Parameters
    ----------
    axes : Axes
        The panel.
    series : sequence of MriRecord
        The states.

    Returns
    -------
    DataFrame
        One row per state; from the second on with difference and ratio to the first.
    """
    compared = {later: (first, result) for first, later, result in compared_widths(series)}
    rows: list[dict[str, Any]] = []
    said: list[str] = []
    seen: list[str] = []
    for k, mri in enumerate(series):
        electrode = mri.summary.get("electrode") or {}
        width, raw = estimate_of(electrode, "fwhm_intrinsic", "_ms"), electrode.get("fwhm_ms")
        row: dict[str, Any] = {"state": mri.state, "fwhm_as_seen_ms": raw}
        if width is not None:
            row |= _columns("fwhm_without_errors", width, "_ms")
            label = None if WITHOUT_ERRORS in seen else WITHOUT_ERRORS
            seen.append(WITHOUT_ERRORS)
            axes.errorbar(
                width.value,
                k,
                xerr=[[width.value - width.low], [width.high - width.value]],
                fmt="o",
                color=ELECTRODE_LINE,
                capsize=2.5,
                label=label,
            )
        if raw is not None and np.isfinite(raw):
            label = None if AS_SEEN in seen else AS_SEEN
            seen.append(AS_SEEN)
            axes.plot(raw, k, "|", ms=8.0, mew=1.4, color=style.NEUTRAL, label=label)
        if mri.state in compared:
            first, result = compared[mri.state]
            row |= _columns("difference", result.difference, "_ms") | _columns("ratio", result.ratio)
            said.append(_difference_in_words(first, mri.state, result))
        rows.append(row)
    axes.set_yticks(range(len(series)), [style.plain(short(p.state)) for p in series])
    axes.set_ylim(len(series) - 0.4, -0.6)
    axes.set_xlabel("full width at half maximum of the electrode's peak / ms\n" + "\n".join(said))
    # room for the legend to the right of all bars
    axes.set_xlim(0.0, 1.75 * axes.dataLim.x1)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right")
    return pd.DataFrame(rows)


def _columns(name: str, estimate: Estimate, unit: str = "") -> dict[str, float]:
    return {
        f"{name}{unit}": estimate.value,
        f"{name}_low{unit}": estimate.low,
        f"{name}_high{unit}": estimate.high,
    }


def _difference_in_words(first: str, later: str, result: WidthComparison) -> str:
    d, r = result.difference, result.ratio
    # of these maps: where T2 varies smoothly, other electrodes of the kind would show other widths
    verdict = "these two maps differ" if result.differ else "no difference is shown"
    high = f"{r.high:.2f}" if np.isfinite(r.high) else "any"
    return style.plain(
        f"{short(later)} less {short(first)}: {d.value:+.2f} ms ({d.low:+.2f} to {d.high:+.2f}), "
        f"ratio {r.value:.2f} ({r.low:.2f} to {high}): {verdict}"
    )
