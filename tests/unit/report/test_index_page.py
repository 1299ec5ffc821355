from __future__ import annotations

import pytest

from spallmap.report import render_index
from spallmap.runs import UNFINISHED, AcquisitionFinding, FailedJob, RegionLink, RunOutcome, StateFindings
from tests.unit.report.page_parts import parsed

SCAN = AcquisitionFinding("xct-scan", "reference")
MRI = AcquisitionFinding("mri-t2", "accepted", ("clear",))
SEM = AcquisitionFinding("sem-x", "refused", ("the agreement is 0.11",))
WHOLE = StateFindings(
    "cell-a",
    "shorted",
    (SCAN, MRI),
    t2_ms=7.234,
    n_regions=2,
    links=(RegionLink(1, "crack 3", 0.981),),
    p_value=0.0123,
    report="cell-a/shorted/report.html",
    picture="cell-a/shorted/overlays/mri-t2.png",
)
REFUSED = StateFindings("cell-b", "aged", (SEM,), report="cell-b/aged/report.html")
BROKEN = StateFindings("cell-c", "shorted", (AcquisitionFinding("sem-y", "not made"),))
FAILURE = FailedJob(
    "sem_image",
    "cell-c/shorted/sem-y",
    "c/sem.tif: found 30 bytes; allowed: a whole file",
    "out/logs/sem_image/cell-c/shorted/sem-y.log",
    ("report of cell-c/shorted", "figures of cell-c"),
)


def words(page: str) -> str:
    return " ".join(parsed(page).text.split())


def addresses(page: str) -> list[str]:
    tags = parsed(page).tags
    found = [str(a["href"]) for tag, a in tags if tag == "a"]
    return list(dict.fromkeys(address for address in found if not address.startswith("#")))


def test_every_cell_stands_with_its_findings_and_its_page() -> None:
    page = render_index(RunOutcome((WHOLE, REFUSED)), {"random_seed": 1})
    assert addresses(page) == ["cell-a/shorted/report.html", "cell-b/aged/report.html"]
    text = words(page)
    assert "2 cells, 3 acquisitions; 1 registration accepted, 1 refused" in text
    assert "the agreement is 0.11" in text
    for said in ("1 accepted", "7.23", "1: crack 3, 0.98", "0.0123", "refused: sem-x"):
        assert said in text
    assert "What failed" not in text
    assert UNFINISHED not in page


def test_a_failure_stands_on_top_with_its_reason_its_log_and_what_is_missing() -> None:
    page = render_index(RunOutcome((WHOLE, BROKEN), (FAILURE,), results="out"))
    text = words(page)
    assert text.index("What failed") < text.index("What was found")
    assert "c/sem.tif: found 30 bytes; allowed: a whole file" in text
    assert "Missing because of it: report of cell-c/shorted, figures of cell-c" in text
    assert "logs/sem_image/cell-c/shorted/sem-y.log" in addresses(page)
    assert "cell-c/shorted/report.html" not in addresses(page)
    assert UNFINISHED in page


def test_a_page_of_an_earlier_run_is_not_shown_as_this_ones() -> None:
    earlier = StateFindings("cell-c", "shorted", earlier_report="cell-c/shorted/report.html")
    page = render_index(RunOutcome((earlier,), (FAILURE,)))
    assert "an earlier run's report may no longer hold" in words(page)


@pytest.mark.parametrize(("left", "said"), [(1, "1 job is left to do"), (3, "3 jobs are left to do")])
def test_a_run_that_was_stopped_says_so(left: int, said: str) -> None:
    page = render_index(RunOutcome((WHOLE,), n_stopped=left))
    assert said in words(page)
    assert UNFINISHED in page


def test_an_index_of_nothing_still_stands() -> None:
    assert "No cell was asked for" in words(render_index(RunOutcome(())))
