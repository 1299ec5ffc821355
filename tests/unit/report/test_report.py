from __future__ import annotations

import base64
import itertools
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spallmap.report import (
    CellReport,
    CrackLimit,
    IndexEntry,
    Picture,
    RegistrationEntry,
    T2Entry,
    figure_picture,
    render_index,
    render_report,
)
from spallmap.report.page_tables import cell_text, flatten, heading, table_view
from spallmap.report.pictures import fit, size_px
from spallmap.report.words import summary_sentences
from spallmap.tomography import CRACK_COLUMNS
from tests.unit.report.page_parts import parsed, png, registration

NASTY = "<script>alert('x')</script> & \"cell\""


@pytest.fixture
def report() -> CellReport:
    cracks = pd.DataFrame(
        {
            "crack": [1, 2],
            "volume_um3": [1234567.0, 2.0e5],
            "aperture_median_um": [5.2, np.nan],
            "depth_max_um": [124.0, 190.0],
            "touches_top": [True, False],
            "touches_bottom": [False, True],
            "morphology": ["spalling", "straight"],
        }
    )
    links = pd.DataFrame(
        {
            "region": [1, 1],
            "crack": [1, 2],
            "probability": [0.97, 0.02],
            "distance_um": [4.0, 410.0],
            "distance_se_um": [6.0, 6.0],
            "overlap_fraction": [0.92, 0.0],
        }
    )
    regions = pd.DataFrame({"region": [1], "pixels": [15], "t2_ms": [16.21], "t2_se_ms": [1.3], "snr": [6.1]})
    summary = {
        "electrode": {"t2_median_ms": 7.1, "fwhm_ms": 1.9},
        "long": {"threshold_ms": 12.0, "n_pixels": 15},
    }
    return CellReport(
        cell="cell-a",
        state="shorted",
        acquisitions=pd.DataFrame({"modality": ["mri"], "name": ["t2"], "spacing_um": ["23,46"]}),
        registrations=(
            RegistrationEntry(
                "mri-t2",
                "the tomogram",
                registration("accepted", "the misfit is 1.1"),
                pictures=(Picture("check", png(300, 200), "Edges should meet.", "edges on the image"),),
            ),
            RegistrationEntry(
                "sem-overview", "the tomogram", registration("refused", "the agreement is 0.11")
            ),
            RegistrationEntry("sem-detail", "sem-overview", None, "the image that it lies in was refused"),
        ),
        t2=(T2Entry("mri-t2", summary, regions),),
        cracks=cracks,
        links=links,
        links_summary={"p_value": 0.012, "null": {"method": "random places", "n": 1000}},
        figures=(figure_picture("figure5", png(400, 300)),),
        overlays=(figure_picture("mri_overlay", png(400, 200)),),
        parameters={"t2": {"model": "rician"}},
        provenance={"inputs": [{"path": "a.tif", "sha256": "ab"}]},
    )


def test_summary_says_what_was_found(report: CellReport) -> None:
    told = " ".join(summary_sentences(report))
    for part in (
        "1 long-T2 region (threshold 12 ms): region 1: T2 16.2 ± 1.3 ms over 15 pixels.",
        "median T2 is 7.1 ms",
        "2 cracks in the ceramic",
        "crack 1 (spalling), has a volume of 1,230,000 µm³, is 5.2 µm open",
        "touches the top electrode",
        "Region 1 lies on crack 1 (4 ± 6 µm from it) with a probability of 0.97",
        "p = 0.012 (random places, 1000 draws)",
        "1 of 2 accepted",
        "Refused: sem-overview onto the tomogram: the agreement is 0.11",
        "Not registered: sem-detail: the image that it lies in was refused",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("p_value", "n_regions", "warned"), [(0.06, 1, True), (0.01, 1, False), (0.06, 2, False)]
)
def test_a_large_p_of_one_region_is_not_read_against_its_link(
    report: CellReport, p_value: float, n_regions: int, warned: bool
) -> None:
    found = replace(report, links_summary={"p_value": p_value, "n_regions": n_regions})
    assert ("does not speak against the link" in " ".join(summary_sentences(found))) == warned


def test_page_says_how_the_echoes_came_about_and_what_is_wrong_with_the_noise(report: CellReport) -> None:
    entry = report.t2[0]
    doubted = {
        "echo_train": "cpmg",
        "noise": {"warnings": ["noise of neighbouring pixels correlated (0.40)"]},
    }
    found = replace(report, t2=(replace(entry, summary={**entry.summary, **doubted}),))
    told = " ".join(summary_sentences(found))
    assert "stimulated echoes" in told
    assert "to be doubted: noise of neighbouring pixels correlated (0.40)." in told
    assert "one train (CPMG)" in parsed(render_report(found)).text
    separate = replace(report, t2=(replace(entry, summary={**entry.summary, "echo_train": "separate"}),))
    assert "stimulated" not in " ".join(summary_sentences(separate))
    assert "separate spin echoes" in parsed(render_report(separate)).text


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
        "share": 0.11,
        "share_low": 0.06,
        "share_high": 0.22,
    }
    found = replace(report, t2=(replace(entry, summary={**entry.summary, "long_component": peak}),))
    assert words in " ".join(summary_sentences(found))


def test_summary_of_a_control_finds_nothing() -> None:
    empty = pd.DataFrame({"region": [], "pixels": [], "t2_ms": [], "t2_se_ms": []})
    cracks = pd.DataFrame({"crack": [], "volume_um3": []})
    links = pd.DataFrame({"region": [], "crack": [], "probability": []})
    told = summary_sentences(
        CellReport("c", "s", t2=(T2Entry("mri-t2", {}, empty),), cracks=cracks, links=links)
    )
    assert told == [
        "mri-t2: no long-T2 region (threshold 12 ms).",
        "The tomogram: no crack was found in the ceramic.",
        "Links: no long-T2 region lies within reach of a crack.",
    ]


def test_doubtful_links_are_told_as_doubtful(report: CellReport) -> None:
    links = report.links.assign(probability=[0.3, 0.1])  # type: ignore[union-attr]
    told = " ".join(summary_sentences(CellReport("c", "s", links=links)))
    assert "Region 1 lies on no crack for certain" in told


def test_page_is_whole_and_self_contained(report: CellReport) -> None:
    page = render_report(report)
    tree = parsed(page)
    assert len(page.encode()) < 15e6
    for tag, attributes in tree.tags:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
    assert "url(" not in page
    assert "@import" not in page
    assert not any(tag == "script" for tag, _ in tree.tags)
    images = [a for tag, a in tree.tags if tag == "img"]
    assert len(images) == 3
    for image in images:
        assert image["alt"]
        data = base64.b64decode(str(image["src"]).split(",")[1])
        assert size_px(data) == (int(str(image["width"])), int(str(image["height"])))
    assert "the agreement is 0.11" in tree.text
    assert "Edges should meet." in tree.text
    assert "aperture, median /\N{NO-BREAK SPACE}µm" in tree.text


def test_page_is_accessible(report: CellReport) -> None:
    tree = parsed(render_report(report))
    levels = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    tags = [tag for tag, _ in tree.tags]
    assert tags.count("caption") == tags.count("table") > 5
    assert ("html", {"lang": "en"}) in tree.tags
    assert any(tag == "meta" and a.get("name") == "viewport" for tag, a in tree.tags)
    ids = {a["id"] for _, a in tree.tags if "id" in a}
    targets = {
        str(a["href"])[1:] for tag, a in tree.tags if tag == "a" and str(a.get("href")).startswith("#")
    }
    assert targets <= ids


@pytest.mark.parametrize("nothing", [CellReport("c", "s"), CellReport("c", "s", remarks=("only this",))])
def test_a_page_of_nothing_still_stands(nothing: CellReport) -> None:
    assert "Nothing could be computed" in parsed(render_report(nothing)).text


def test_everything_from_outside_is_escaped() -> None:
    entry = RegistrationEntry(NASTY, NASTY, registration("refused", NASTY))
    picture = Picture(NASTY, png(10, 10), NASTY, NASTY)
    frame = pd.DataFrame({NASTY: [NASTY]})
    page = render_report(
        CellReport(
            NASTY,
            NASTY,
            frame,
            (entry,),
            remarks=(NASTY,),
            figures=(picture,),
            parameters={NASTY: NASTY},
            links_summary={NASTY: NASTY},
        )
    )
    index = render_index([IndexEntry(NASTY, NASTY, NASTY, "refused", (NASTY,), "a/b.html")], {NASTY: NASTY})
    for html in (page, index):
        tree = parsed(html)
        assert not any(tag == "script" for tag, _ in tree.tags)
        assert NASTY in tree.text


def test_index_lists_every_acquisition() -> None:
    entries = [
        IndexEntry("cell-a", "pristine", "xct-scan", "accepted", ("clear",), "cell-a/pristine/report.html"),
        IndexEntry("cell-a", "shorted", "xct-scan", "reference", (), "cell-a/shorted/report.html"),
        IndexEntry(
            "cell-b", "aged", "sem-x", "refused", ("the agreement is 0.11",), "cell-b/aged/report.html"
        ),
    ]
    tree = parsed(render_index(entries, {"seed": 1}))
    links = [a["href"] for tag, a in tree.tags if tag == "a" and not str(a["href"]).startswith("#")]
    assert links == ["cell-a/pristine/report.html", "cell-a/shorted/report.html", "cell-b/aged/report.html"]
    assert "the agreement is 0.11" in tree.text
    assert "1 registration accepted, 1 refused" in " ".join(tree.text.split())
    assert "No cell was asked for" in parsed(render_index([])).text


def test_pictures_shrink_to_the_budget() -> None:
    pictures = [Picture("a", png(900, 700, 1), "", ""), Picture("b", png(220, 210, 2), "", "")]
    fitted = fit(pictures, 600_000)
    assert sum(len(p.png) for p in fitted) <= 600_000
    assert size_px(fitted[0].png)[0] < 900
    assert fitted[1].png == pictures[1].png
    assert fit(pictures, 10_000_000) == pictures


def test_a_page_of_many_pictures_stays_small(report: CellReport) -> None:
    big = png(1800, 1100, 4)
    assert 2 * len(big) > 10.5e6
    page = render_report(
        CellReport("c", "s", figures=tuple(figure_picture(f"figure{k}", big) for k in (1, 3)))
    )
    assert len(page.encode()) < 15e6


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (np.nan, "–"), (True, "yes"), (np.bool_(False), "no"), (3, "3"), (16.2149, "16.21"),
     (1234567.8, "1234568"), (2.0, "2"), (1.23456e-5, "1.235e-05"), ("x", "x")],
)  # fmt: skip
def test_cells_read_well(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_headings_carry_units() -> None:
    assert heading("area_um2") == "area / µm²"
    assert heading("t2_se_ms") == "T2, standard error / ms"
    assert heading("touches_top") == "touches top"
    assert heading("ms") == "ms"


def test_long_tables_say_what_is_left_out() -> None:
    view = table_view(pd.DataFrame({"k": range(30)}), "numbers", max_rows=10)
    assert (len(view.rows), view.left_out) == (10, 20)


def test_nested_parameters_are_laid_out() -> None:
    tree = {"a": {"b": 1, "c": []}, "d": [1, 2], "e": [{"f": None}], "g": {}}
    assert flatten(tree) == [("a.b", "1"), ("a.c", "–"), ("d", "1, 2"), ("e.1.f", "–"), ("g", "–")]


def test_the_summary_tells_changes_the_limit_and_lost_contact() -> None:
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
    assert "less than 3,260 µm² are not told from pores" in text
    assert "6 % at the bottom (7 voids)." in text
    assert "top" not in text
    page = parsed(render_report(report)).text
    assert "fraction without contact" in page
    none = " ".join(summary_sentences(CellReport("c", "s", cracks=cracks[:0], crack_limit=limit)))
    assert "no crack was found" in none
    assert "less than 0.65 µm" in none


def test_cracks_stand_in_two_tables_that_share_their_number_alone() -> None:
    cracks = pd.DataFrame({name: [k] for k, name in enumerate(CRACK_COLUMNS)})
    page = render_report(CellReport("c", "s", cracks=cracks))
    headings = re.findall(r"<th[^>]*>([^<]*)</th>", page.replace("\N{NO-BREAK SPACE}", " "))
    assert sorted(headings) == sorted(["crack", *map(heading, CRACK_COLUMNS)])
    assert page.count("<table") == 2
    empty = render_report(CellReport("c", "s", cracks=cracks[:0]))
    assert "No crack was found" in empty
    assert "<table" not in empty


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    said = "16 % of 5 cells (6 to 22) % and 12.5 µm over 3 ms, 4 msgs <b>7 %</b>"
    tree = parsed(render_report(CellReport("c", "s", remarks=(said,), parameters={"7 %": "8 %"})))
    kept = "16~% of 5 cells (6 to 22)~% and 12.5~µm over 3~ms, 4 msgs <b>7~%</b>"
    assert kept.replace("~", "\N{NO-BREAK SPACE}") in tree.text
    assert not re.search(r"\d %", tree.text)
