from __future__ import annotations

from spallmap.runs import AcquisitionFinding, FailedJob, RegionLink, RunOutcome, StateFindings
from spallmap.runs.final_table import failure_lines, table_lines

INDEX = "out/index.html"


def made(cell: str, verdict: str = "accepted") -> StateFindings:
    return StateFindings(
        cell,
        "shorted",
        (AcquisitionFinding("mri-t2", verdict), AcquisitionFinding("xct-scan", "reference")),
        t2_ms=7.249,
        n_regions=3,
        links=tuple(RegionLink(n, f"crack {n}", 0.981) for n in (1, 2, 3)),
        p_value=0.00123,
        report=f"{cell}/shorted/report.html",
    )


def failure(cell: str) -> FailedJob:
    return FailedJob(
        "sem_image",
        f"{cell}/shorted/sem-o",
        f"{cell}/o.tif: found 3 bytes; allowed: a whole file",
        f"{cell}.log",
    )


def test_a_row_says_all_that_the_page_says_first() -> None:
    heading, row, last = table_lines(RunOutcome((made("c7"),), results="out"), INDEX)
    assert heading.split() == ["cell", "state", "verdicts", "T2", "ms", "regions", "links", "p", "report"]
    for word in ("c7", "shorted", "1 accepted", "7.25", "3", "1: crack 1 0.98", "1 more", "0.0012"):
        assert word in row
    assert row.endswith("out/c7/shorted/report.html")
    assert last == "All cells: out/index.html"


def test_a_refusal_is_named_and_is_no_failure() -> None:
    outcome = RunOutcome((made("c7", "refused"),))
    assert "refused: mri-t2" in table_lines(outcome, INDEX)[1]
    assert outcome.is_whole
    assert failure_lines(outcome, INDEX) == []


def test_where_some_cells_were_asked_for_the_others_are_left_out() -> None:
    outcome = RunOutcome((made("c7"), made("c8"), made("c9")))
    assert [f.cell for f in outcome.of_cells({"c9", "c7"}).findings] == ["c7", "c9"]
    assert outcome.of_cells({""}).findings == outcome.findings


def test_columns_are_aligned() -> None:
    lines = table_lines(RunOutcome((made("c7"), made("a-long-name", "refused"))), INDEX)[:3]
    assert len({line.index("results/") for line in lines[1:]} | {lines[0].index("report")}) == 1


def test_a_failed_state_says_so_in_place_of_its_page() -> None:
    broken = StateFindings("c8", "shorted", (AcquisitionFinding("sem-o", "not made"),))
    lines = table_lines(RunOutcome((made("c7"), broken), (failure("c8"),)), INDEX)
    assert lines[2].endswith("FAILED: sem_image of sem-o")
    assert "2 cells, 1 of 2 reports made, 1 cell with failures" in lines


def test_a_table_of_a_hundred_cells_fits_a_screen_and_shows_what_failed() -> None:
    findings = [made(f"c{n}", "refused" if n == 60 else "accepted") for n in range(100)]
    findings[93] = StateFindings("c93", "shorted")
    outcome = RunOutcome(tuple(findings), (failure("c93"),))
    lines = table_lines(outcome, INDEX)
    assert len(lines) <= 25
    assert sum(line.startswith(("c93 ", "c60 ")) for line in lines) == 2
    assert "and 80 more" in lines
    assert "100 cells, 99 of 100 reports made, 1 registration refused, 1 cell with failures" in lines
    assert lines[-1].endswith(INDEX)


def test_of_many_failures_the_first_are_shown_and_the_rest_counted() -> None:
    names = [f"c{n}" for n in range(40)]
    outcome = RunOutcome(tuple(StateFindings(n, "shorted") for n in names), tuple(map(failure, names)))
    lines = failure_lines(outcome, INDEX)
    assert sum(line.startswith("FAILED ") for line in lines) == 10
    assert "and 30 more failed jobs: see out/index.html" in lines
    assert "and 20 more, 20 of them with failures" in table_lines(outcome, INDEX)


def test_a_failure_names_cell_file_remedy_and_log() -> None:
    lines = failure_lines(RunOutcome((), (failure("c8"),)), INDEX)
    assert lines[0].startswith("1 job failed")
    assert lines[1] == "FAILED c8/shorted/sem-o (sem_image): c8/o.tif: found 3 bytes; allowed: a whole file"
    assert lines[2].strip() == "log: c8.log"
    assert "run the same command again" in lines[-1]


def test_a_long_reason_is_cut_at_a_word_and_the_log_has_the_rest() -> None:
    reason = f"a.tif: found 3 bytes; allowed: {'or another file ' * 60}"
    lines = failure_lines(RunOutcome((), (FailedJob("t2", "c/s/mri-m", reason, "t2.log"),)), INDEX)
    assert lines[1].endswith(" ... (the log has the rest)")
    assert len(lines[1]) < 600
    assert lines[2].strip() == "log: t2.log"


def test_a_run_that_was_stopped_does_not_claim_that_the_rest_was_made() -> None:
    text = "\n".join(failure_lines(RunOutcome((), (failure("c8"),), n_stopped=4), INDEX))
    assert "was made" not in text
    assert "4 jobs are left to do" in text
