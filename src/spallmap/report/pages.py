"""Pages from templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from spallmap.report.context import CellReport, RegistrationEntry
from spallmap.report.facts import registration_facts
from spallmap.report.page_environment import page_environment
from spallmap.report.page_tables import TableView, pairs_view, table_view
from spallmap.report.pictures import PackedPicture, fit, pack
from spallmap.report.words import summary_sentences

# How the echoes came about, in words; a train's T2 may hold stimulated echoes.
ECHO_TRAINS = {
    "cpmg": "one train (CPMG)",
    "separate": "separate spin echoes",
    "unknown": "train or separate: not said",
}

# What the page shows of each crack; all of it in one table would be wider than the page.
CRACK_TABLES = {
    "Cracks in the ceramic: size and position": (
        "crack",
        "volume_um3",
        "volume_se_um3",
        "area_um2",
        "aperture_median_um",
        "aperture_se_um",
        "aperture_p95_um",
        "centroid_x_um",
        "centroid_y_um",
        "centroid_z_um",
        "depth_max_um",
        "dip_deg",
    ),
    "Cracks in the ceramic: change, shape, filling and electrodes": (
        "crack",
        "change",
        "morphology",
        "morphology_score",
        "filling",
        "touches_top",
        "touches_bottom",
        "spall_volume_um3",
    ),
}

# A page lists the slices of two tomograms of 2000 slices each; a digest and a path take 150 bytes.
MOST_FILES = 5000


@dataclass(frozen=True)
class _RegistrationView:
    """A registration as it stands in the page.

    Parameters
    ----------
    acquisition, onto : str
        What was registered to what.
    verdict : str
        ``accepted``, ``refused`` or ``not registered``.
    reasons : tuple of str
        Why.
    facts : TableView or None
        Its numbers.
    pictures : tuple of PackedPicture
        Those that let a person judge it.
    """

    acquisition: str
    onto: str
    verdict: str
    reasons: tuple[str, ...]
    facts: TableView | None
    pictures: tuple[PackedPicture, ...]


def render_report(report: CellReport) -> str:
    """Render the page of one cell and state.

    Parameters
    ----------
    report : CellReport
        Its content.

    Returns
    -------
    str
        One HTML page with everything inside; it asks no network for anything.

    Examples
    --------
    >>> from spallmap.report import CellReport
    >>> page = render_report(CellReport("cell-a", "shorted", remarks=("This state has no MRI.",)))
    >>> page.splitlines()[0], "<h1>cell-a, shorted</h1>" in page, "This state has no MRI." in page
    ('<!DOCTYPE html>', True, True)
    """
    groups = [report.figures, report.overlays, *(e.pictures for e in report.registrations)]
    packed = iter([pack(p) for p in fit([p for group in groups for p in group])])
    figures, overlays, *of_registrations = (tuple(next(packed) for _ in group) for group in groups)
    registrations = [
        _registration_view(entry, pictures)
        for entry, pictures in zip(report.registrations, of_registrations, strict=True)
    ]
    return (
        page_environment()
        .get_template("report.html")
        .render(
            cell=report.cell,
            state=report.state,
            sentences=summary_sentences(report),
            warnings=report.warnings,
            remarks=report.remarks,
            acquisitions=_table(report.acquisitions, "What was measured"),
            registrations=registrations,
            t2_tables=_t2_tables(report),
            has_t2=bool(report.t2),
            has_cracks=report.cracks is not None,
            crack_tables=_crack_tables(report.cracks),
            interfaces=_table(report.interfaces, "The ceramic's two faces"),
            links=_table(report.links, "Long-T2 regions and the cracks within reach"),
            links_facts=pairs_view(report.links_summary, "The test against chance")
            if report.links_summary
            else None,
            figures=figures,
            overlays=overlays,
            parameters=pairs_view(report.parameters, "Parameters") if report.parameters else None,
            inputs=pairs_view(
                report.provenance["inputs"], "Files that were read, by their SHA-256", MOST_FILES
            )
            if report.provenance.get("inputs")
            else None,
            provenance=pairs_view(
                {k: v for k, v in report.provenance.items() if k != "inputs"}, "Versions and machine"
            )
            if report.provenance
            else None,
        )
    )


def _registration_view(entry: RegistrationEntry, pictures: Sequence[PackedPicture] = ()) -> _RegistrationView:
    """Prepare a registration for the page."""
    r = entry.registration
    if r is None:
        reasons = (entry.untried or "no reason was given",)
        return _RegistrationView(
            entry.acquisition, entry.onto, "not registered", reasons, None, tuple(pictures)
        )
    facts = pairs_view(registration_facts(r), f"Numbers of the registration of {entry.acquisition}")
    return _RegistrationView(entry.acquisition, entry.onto, r.verdict, r.reasons, facts, tuple(pictures))


def _t2_tables(report: CellReport) -> list[TableView]:
    tables = []
    for entry in report.t2:
        electrode, long = entry.summary.get("electrode") or {}, entry.summary.get("long") or {}
        line = {
            "model": entry.summary.get("model"),
            "echoes": ECHO_TRAINS.get(str(entry.summary.get("echo_train"))),
            "pixels fitted": entry.summary.get("n_fitted"),
            "noise sigma": entry.summary.get("noise_sigma"),
            "noise from": entry.summary.get("noise_method"),
            "median reduced chi-square": entry.summary.get("chi2_reduced_median"),
            "pixels clipped": entry.summary.get("n_clipped"),
            "electrode_T2_ms": electrode.get("t2_median_ms"),
            "electrode_T2_standard_error_ms": electrode.get("t2_median_se_ms"),
            "electrode_FWHM_ms": electrode.get("fwhm_ms"),
            "long_means_above_ms": long.get("threshold_ms"),
            "long pixels": long.get("n_pixels"),
            "long_T2_ms": long.get("t2_median_ms"),
        }
        tables.append(table_view(pd.DataFrame([line]), f"{entry.acquisition}: T2"))
        if len(entry.regions):
            tables.append(
                table_view(entry.regions, f"{entry.acquisition}: long-T2 regions, in the image's own frame")
            )
    return tables


def _crack_tables(cracks: pd.DataFrame | None) -> list[TableView]:
    if cracks is None or len(cracks) == 0:
        return []
    return [
        table_view(cracks[[c for c in columns if c in cracks]], caption)
        for caption, columns in CRACK_TABLES.items()
    ]


def _table(frame: pd.DataFrame | None, caption: str) -> TableView | None:
    return None if frame is None or len(frame) == 0 else table_view(frame, caption)
