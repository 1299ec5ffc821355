from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spallmap.errors import InputError
from spallmap.results.tables import write_json
from spallmap.runs import RegionLink, StateFindings, read_findings


def described(results: Path, *ids: str) -> list[dict[str, Any]]:
    return [
        {
            "id": one,
            "folder": f"{results}/{one}",
            "modality": one.split("/")[2].split("-")[0],
            "reference": one.endswith("xct-scan"),
        }
        for one in ids
    ]


ALL = ("b/shorted/xct-scan", "b/shorted/mri-t2", "a/aged/mri-m", "b/pristine/mri-t2")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    state = tmp_path / "b" / "shorted"
    write_json(state / "mri-t2" / "t2.json", {"electrode": {"t2_median_ms": 7.25}})
    (state / "mri-t2" / "regions.csv").write_text("region,pixels\n1,30\n2,12\n")
    write_json(state / "mri-t2" / "to_reference.json", {"verdict": "accepted", "reasons": []})
    (state / "xct-scan").mkdir()
    (state / "xct-scan" / "cracks.csv").write_text("crack\n3\n")
    write_json(state / "xct-scan" / "cracks.json", {"finding": "the casing is cut off"})
    (state / "links.csv").write_text(
        "region,source,crack,probability\n1,crack,3,0.7\n1,crack,4,0.1\n1,void,0,0.2\n2,unseen,0,0.55\n2,noise,0,0.45\n"
    )
    write_json(state / "links.json", {"p_value": 0.012})
    (state / "report.html").write_text("page")
    (state / "overlays").mkdir()
    for name in ("edx-e.png", "mri-t2.png"):
        (state / "overlays" / name).write_bytes(b"png")
    return tmp_path


def of(found: list[StateFindings], cell: str, state: str) -> StateFindings:
    return next(f for f in found if (f.cell, f.state) == (cell, state))


def test_cells_and_their_states_keep_the_order_of_the_table(results: Path) -> None:
    found = read_findings(described(results, *ALL))
    assert [(f.cell, f.state) for f in found] == [("b", "shorted"), ("b", "pristine"), ("a", "aged")]


def test_what_was_found_is_read(results: Path) -> None:
    found = of(read_findings(described(results, *ALL)), "b", "shorted")
    assert (found.t2_ms, found.n_regions, found.p_value) == (7.25, 2, 0.012)
    assert found.links == (RegionLink(1, "crack 3", 0.7), RegionLink(2, "unseen", 0.55))
    assert [(a.label, a.verdict, a.reasons) for a in found.acquisitions] == [
        ("xct-scan", "reference", ("the casing is cut off",)),
        ("mri-t2", "accepted", ()),
    ]
    assert found.report == "b/shorted/report.html"
    assert found.picture == "b/shorted/overlays/mri-t2.png"


def test_what_is_missing_is_missing(results: Path) -> None:
    found = of(read_findings(described(results, *ALL)), "a", "aged")
    assert (found.t2_ms, found.n_regions, found.p_value, found.links) == (None, None, None, ())
    assert [a.verdict for a in found.acquisitions] == ["not made"]
    assert not found.is_made
    assert found.earlier_report == ""


def test_what_an_earlier_run_left_is_not_read_as_this_ones(results: Path) -> None:
    state = results / "b" / "shorted"
    left = {str(state / "report.html"), str(state / "links.csv"), str(state / "mri-t2" / "to_reference.json")}
    found = of(read_findings(described(results, *ALL), left), "b", "shorted")
    assert found.with_verdict("not made") == ["mri-t2"]
    assert found.links == ()
    assert found.t2_ms == 7.25
    assert (found.report, found.earlier_report, found.picture) == ("", "b/shorted/report.html", "")


def test_a_third_verdict_is_written_as_words(results: Path) -> None:
    write_json(results / "a/aged/mri-m/to_reference.json", {"verdict": "not_applicable", "reasons": ["none"]})
    found = of(read_findings(described(results, *ALL)), "a", "aged")
    assert found.with_verdict("not applicable") == ["mri-m"]


def test_a_table_without_sources_links_to_cracks(results: Path) -> None:
    (results / "b/shorted/links.csv").write_text("region,crack,probability\n1,3,0.98\n2,4,\n")
    found = of(read_findings(described(results, *ALL)), "b", "shorted")
    assert found.links == (RegionLink(1, "crack 3", 0.98),)


def test_a_file_that_cannot_be_read_is_named(results: Path) -> None:
    (results / "b/shorted/links.json").write_text("{")
    with pytest.raises(InputError, match=r"links\.json"):
        read_findings(described(results, *ALL))
