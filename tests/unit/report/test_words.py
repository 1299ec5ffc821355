from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spallmap.report import (
    CellReport,
    CrackLimit,
    T2Entry,
    render_report,
)
from spallmap.report.words import summary_sentences
from tests.unit.report.page_parts import parsed


def test_summary_says_what_was_found(report: CellReport) -> None:
    said = " ".join(summary_sentences(report))
    for part in (
        "1 long-T2 region (threshold 12 ms): region 1: T2 16.2 ± 1.3 ms over 15 pixels.",
        "median T2 is 7.1 ± 0.13 ms",
        "2 cracks in the ceramic",
        "crack 1 (spalling), has a volume of 1,230,000 µm³, is 5.2 µm open",
        "touches the top electrode",
        "Region 1 lies on crack 1 (4 ± 6 µm from it) with a probability of 0.97",
        "p = 0.012 (random places, 1000 draws)",
        "1 of 2 accepted",
        "Refused: sem-overview onto the tomogram: the agreement is 0.11",
        "Not registered: sem-detail: the image that it lies in was refused",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("p_value", "n_regions", "warned"), [(0.06, 1, True), (0.01, 1, False), (0.06, 2, False)]
)
def test_a_large_p_of_one_region_is_not_read_against_its_link(
    report: CellReport, p_value: float, n_regions: int, warned: bool
) -> None:
    found = replace(report, links_summary={"p_value": p_value, "n_regions": n_regions})
    assert ("does not speak against the link" in " ".join(summary_sentences(found))) == warned


def test_page_says_how_the_echoes_came_about(report: CellReport) -> None:
    entry = report.t2[0]
    train = {"echo_train": "cpmg", "noise": {"warnings": ["noise of neighbouring pixels correlated (0.40)"]}}
    found = replace(report, t2=(replace(entry, summary={**entry.summary, **train}),))
    said = " ".join(summary_sentences(found))
    assert "stimulated echoes" in said
    # warnings stand at the top of the page
    assert "neighbouring" not in said
    assert "one train (CPMG)" in parsed(render_report(found)).text
    separate = replace(report, t2=(replace(entry, summary={**entry.summary, "echo_train": "separate"}),))
    assert "stimulated" not in " ".join(summary_sentences(separate))
    assert "separate spin echoes" in parsed(render_report(separate)).text


def test_page_says_how_well_the_decays_fit_and_which_pixels_have_no_t2(report: CellReport) -> None:
    entry = report.t2[0]
    quality = {
        "chi2_reduced_median": 4.2,
        "chi2_reduced_expected": 0.79,
        "misfit_fraction": 0.536,
        "se_factor_median": 2.45,
        "n_clipped": 12,
        "n_by_status": {"ok": 100, "beyond_echoes": 1},
    }
    found = replace(report, t2=(replace(entry, summary={**entry.summary, **quality}),))
    said = " ".join(summary_sentences(found))
    for part in (
        "median reduced chi-square is 4.2, noise alone gives 0.79; 54 % of the pixels misfit",
        "widens the errors of T2 2.5 times",
        "no limit to the T2 of 1 pixel, which",
        "12 pixels have samples that were cut off at an end of their range; they were not fitted",
    ):
        assert part in said
    clean = {**quality, "se_factor_median": 1.0, "n_clipped": 0, "n_by_status": {"ok": 100}}
    said = " ".join(
        summary_sentences(replace(report, t2=(replace(entry, summary={**entry.summary, **clean}),)))
    )
    for part in ("widens", "no limit", "cut off"):
        assert part not in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"used": "adjust", "decision": "adjust"},
            "its first echo lies 25 ± 1 % below what the later ones let expect, and is used as if at 6.48 "
            "ms; median T2 of the pixels compared: 7.51 ms so, 9.93 ms with it as it is, 7.42 ms without it.",
        ),
        (
            {"deviation_fraction": 0.004, "used": "keep", "decision": "keep"},
            "lies 0.4 ± 1 % above what the later ones let expect, and is used as it is; median",
        ),
        (
            {"used": "skip", "decision": "skip"},
            "and is left out; median T2 of the pixels compared: 9.93 ms with",
        ),
        (
            {"used": "skip", "decision": "adjust", "n_skipped": 1},
            "left out as asked for (the data would not keep it)",
        ),
        (
            {"used": "skip", "decision": "keep", "n_skipped": 1},
            "left out as asked for (the data would have kept it)",
        ),
        (
            {
                "deviation_fraction": None,
                "t2_median_kept_ms": None,
                "t2_median_skipped_ms": None,
                "used": "keep",
            },
            "its first echo could not be compared with the later ones, and is used as it is.",
        ),
    ],
)
def test_page_says_what_was_done_with_the_first_echo_of_a_train(
    report: CellReport, changed: dict[str, object], words: str
) -> None:
    first = {
        "decision": "adjust",
        "used": "adjust",
        "n_skipped": 0,
        "deviation_fraction": -0.25,
        "deviation_se": 0.012,
        "effective_te_ms": 6.48,
        "t2_median_kept_ms": 9.93,
        "t2_median_adjusted_ms": 7.51,
        "t2_median_skipped_ms": 7.42,
        **changed,
    }
    entry = report.t2[0]
    summary = {**entry.summary, "echo_train": "cpmg", "first_echo": first}
    said = " ".join(summary_sentences(replace(report, t2=(replace(entry, summary=summary),))))
    assert words in said
    assert "stimulated echoes" in said
    other = {**summary, "echo_train": "separate"}
    assert "first echo" not in " ".join(
        summary_sentences(replace(report, t2=(replace(entry, summary=other),)))
    )


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.4, "knows of no neighbours, needs no second, long peak (p = 0.4)"),
        (0.005, "with 11 (6 to 22) % of the pixels (p at most 0.005)"),
    ],
)
def test_page_says_whether_the_distribution_has_a_long_peak(
    report: CellReport, p_value: float, words: str
) -> None:
    entry = report.t2[0]
    peak = {
        "p_value": p_value,
        "p_value_smallest": 0.005,
        "fraction": 0.11,
        "fraction_low": 0.06,
        "fraction_high": 0.22,
    }
    found = replace(report, t2=(replace(entry, summary={**entry.summary, "long_component": peak}),))
    assert words in " ".join(summary_sentences(found))


def test_summary_of_a_control_finds_nothing() -> None:
    empty = pd.DataFrame({"region": [], "pixels": [], "t2_ms": [], "t2_se_ms": []})
    cracks = pd.DataFrame({"crack": [], "volume_um3": []})
    links = pd.DataFrame({"region": [], "crack": [], "probability": []})
    said = summary_sentences(
        CellReport("c", "s", t2=(T2Entry("mri-t2", {}, empty),), cracks=cracks, links=links)
    )
    assert said == [
        "mri-t2: no long-T2 region (threshold 12 ms).",
        "The tomogram: no crack was found in the ceramic.",
        "Links: no long-T2 region lies within reach of a crack.",
    ]


def test_doubtful_links_are_reported_as_doubtful(report: CellReport) -> None:
    links = report.links.assign(probability=[0.3, 0.1])  # type: ignore[union-attr]
    said = " ".join(summary_sentences(CellReport("c", "s", links=links)))
    assert "Region 1 lies on no crack for certain" in said


def test_the_summary_reports_changes_the_limit_and_lost_contact() -> None:
    cracks = pd.DataFrame(
        {"crack": [1, 2], "volume_um3": [5e5, 1e5], "change": ["grown", "new"], "morphology": "spalling"}
    )
    faces = pd.DataFrame(
        {"side": ["bottom", "top"], "lost_fraction": [0.055, np.nan], "n_voids": [7, 0], "sa_um": [1.0, 2.0]}
    )
    limit = CrackLimit(0.652, 6514.7, 3257.3)
    report = CellReport("c", "s", cracks=cracks, crack_limit=limit, interfaces=faces)
    text = " ".join(summary_sentences(report))
    assert "2 cracks in the ceramic (1 grown, 1 new against the pristine state)" in text
    assert "cracks of 6,510 µm² (81 by 81 µm) that are less than 0.65 µm open would not" in text
    assert "less than 3,260 µm² are not distinguished from pores" in text
    assert "6 % at the bottom (7 voids)." in text
    assert "top" not in text
    page = parsed(render_report(report)).text
    assert "fraction without contact" in page
    none = " ".join(summary_sentences(CellReport("c", "s", cracks=cracks[:0], crack_limit=limit)))
    assert "no crack was found" in none
    assert "less than 0.65 µm" in none
