from __future__ import annotations

import base64
import itertools
import re

import pandas as pd
import pytest

from spallmap.report import (
    CellReport,
    Picture,
    RegistrationEntry,
    figure_picture,
    render_index,
    render_report,
)
from spallmap.report.page_tables import heading
from spallmap.report.pictures import size_px
from spallmap.runs import AcquisitionFinding, FailedJob, RegionLink, RunOutcome, StateFindings
from spallmap.tomography import CRACK_COLUMNS
from tests.unit.report.page_parts import parsed, png, registration

NASTY = "<script>alert('x')</script> & \"cell\""


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
    finding = AcquisitionFinding(NASTY, "refused", (NASTY,))
    failed = FailedJob(NASTY, NASTY, NASTY, NASTY, (NASTY,))
    links = (RegionLink(1, NASTY, 0.9),)
    findings = StateFindings(NASTY, NASTY, (finding,), links=links, report="a/b.html", picture=NASTY)
    index = render_index(RunOutcome((findings,), (failed,)), {NASTY: NASTY})
    for html in (page, index):
        tree = parsed(html)
        assert not any(tag == "script" for tag, _ in tree.tags)
        assert NASTY in tree.text


def test_a_page_of_many_pictures_stays_small(report: CellReport) -> None:
    big = png(1800, 1100, 4)
    assert 2 * len(big) > 10.5e6
    page = render_report(
        CellReport("c", "s", figures=tuple(figure_picture(f"figure{k}", big) for k in (1, 3)))
    )
    assert len(page.encode()) < 15e6


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


def test_warnings_stand_before_everything_else() -> None:
    page = render_report(CellReport("a", "b", warnings=("mri-na: raw/5: found <b>3 samples</b>",)))
    assert "found &lt;b&gt;3 samples&lt;/b&gt;" in page
    assert page.index('id="warnings"') < page.index('id="summary"')
    assert 'id="warnings"' not in render_report(CellReport("a", "b"))
