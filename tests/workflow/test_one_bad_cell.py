"""One bad cell leaves the others, and the end of a run says what was made, what was not, and what to do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from spallmap.results.tables import read_json
from spallmap.runs import UNFINISHED
from tests.workflow.broken_cells import BROKEN, NAMED, write_cells, write_scan, write_sem, write_table

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
pytestmark = [pytest.mark.workflow, pytest.mark.long]


def command(*arguments):
    made_of = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", *arguments]
    return [*made_of, "--configfile", "config.yaml"]


def snakemake(folder, *arguments):
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Ended:
    """What a run left, and what it said."""

    status: int
    table: str
    said: str
    index: str
    provenance: dict
    reports: list[str]


def ended(folder, *arguments):
    process = snakemake(folder, *arguments)
    return Ended(
        process.returncode,
        process.stdout,
        process.stderr,
        (folder / "out" / "index.html").read_text(encoding="utf-8"),
        read_json(folder / "out" / "provenance.json"),
        sorted(p.parts[-3] for p in folder.glob("out/*/*/report.html")),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    write_cells(folder)
    return folder


@pytest.fixture(scope="module")
def broken(folder):
    # no profile of ours: the Snakefile itself sees to it
    return ended(folder, "--workflow-profile", "none")


@pytest.fixture(scope="module")
def mended(folder, broken):
    """The next run: one file is there now, the rows of the other broken cells are taken out."""
    assert broken.status
    write_scan(folder / "missing" / "5")
    write_table(folder, "whole", "refused", "missing")
    return ended(folder)


def test_what_does_not_depend_on_the_bad_cells_is_made(broken):
    assert broken.status != 0
    assert broken.reports == ["refused", "whole"]


@pytest.mark.parametrize(("cell", "file", "remedy"), NAMED)
def test_the_last_lines_and_the_index_name_cell_file_and_remedy(broken, cell, file, remedy):
    last = broken.said[broken.said.index("\n3 jobs failed") :].splitlines()
    (line,) = (one for one in last if one.startswith(f"FAILED {cell}/shorted/"))
    after = last[last.index(line) + 1 :]
    assert file in line
    assert remedy in line
    assert after[0].strip().startswith("log: out/logs/")
    assert f"report of {cell}/shorted" in after[1]
    failed = broken.index[broken.index.index("What failed") : broken.index.index("What was found")]
    assert file in failed
    assert remedy in failed
    (row,) = (one for one in broken.table.splitlines() if one.startswith(f"{cell} "))
    assert "FAILED: " in row


def test_a_refusal_is_a_result_and_stands_in_the_table(broken, mended):
    (row,) = (one for one in broken.table.splitlines() if one.startswith("refused "))
    assert "sem-detail" in row
    assert row.endswith("out/refused/shorted/report.html")
    assert "FAILED refused" not in broken.said
    assert mended.status == 0


def test_after_a_failure_the_record_holds_what_was_made(broken):
    assert set(broken.provenance["inputs"]) == {"whole/sem.tif", "refused/sem.tif", "refused/detail.tif"}
    assert sorted(one["job"].split("/")[0] for one in broken.provenance["failed"]) == sorted(BROKEN)


def test_the_next_run_forgets_what_was_mended_or_taken_out(mended):
    assert mended.status == 0, mended.said[-2000:]
    assert UNFINISHED not in mended.index
    assert "truncated" not in mended.index
    assert "missing/shorted/report.html" in mended.index
    assert "failed" not in mended.provenance
    assert any(name.startswith("missing/5/") for name in mended.provenance["inputs"])
    assert "FAILED" not in mended.said + mended.table
    assert mended.table.splitlines()[-1] == "All cells: out/index.html"


def test_with_nothing_to_do_the_table_is_the_same(folder, mended):
    again = ended(folder)
    assert "Nothing to be done" in again.said
    assert again.table == mended.table
    assert again.index == mended.index


def test_figures_that_fail_stand_in_the_index_although_all_pages_are_there(folder, mended):
    assert mended.status == 0
    shutil.rmtree(folder / "out" / "figures")
    run, script = started(folder)
    os.kill(script, signal.SIGKILL)
    _, said = run.communicate(timeout=300)
    assert run.returncode != 0
    assert "FAILED paper_figures: " in said
    index = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert UNFINISHED in index
    assert "the paper&#39;s figures" in index
    assert "whole/shorted/report.html" in index
    again = ended(folder)
    assert again.status == 0, again.said[-2000:]
    assert UNFINISHED not in again.index


@pytest.fixture
def small(tmp_path):
    write_table(tmp_path, "whole")
    write_sem(tmp_path / "whole" / "sem.tif", 1)
    return tmp_path


IMAGE = "out/whole/shorted/sem-overview/image.ome.tif"


def started(folder, *arguments):
    """A run whose first job is at work, and the number of that job's process."""
    run = subprocess.Popen(
        command(*arguments), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 300
    while time.monotonic() < until:
        assert run.poll() is None, run.stderr.read()
        listed = ["ps", "-ww", "--ppid", str(run.pid), "-o", "pid=,args="]
        for line in subprocess.run(listed, capture_output=True, text=True, check=False).stdout.splitlines():
            if ".snakemake/scripts" in line:
                return run, int(line.split()[0])
        time.sleep(0.05)
    raise AssertionError("no job was started")


@pytest.mark.parametrize("retries", [0, 1])
def test_a_job_that_is_killed_is_named_unless_its_repetition_succeeds(small, retries):
    run, script = started(small, IMAGE, "--retries", str(retries))
    os.kill(script, signal.SIGKILL)
    table, said = run.communicate(timeout=300)
    if retries:
        assert run.returncode == 0, said
        assert "FAILED" not in said + table
        return
    assert run.returncode != 0
    assert "FAILED whole/shorted/sem-overview (sem_image): it was killed from outside" in said
    assert "memory" in said
    index = small / "out" / "index.html"
    assert "it was killed from outside" in index.read_text(encoding="utf-8")
    assert "sem-overview" in table


def test_where_nothing_was_made_the_index_says_so_and_the_next_run_makes_all(small):
    sem = small / "whole" / "sem.tif"
    whole = sem.read_bytes()
    sem.write_bytes(whole[: len(whole) // 2])
    failed = ended(small)
    assert failed.status != 0
    assert failed.reports == []
    assert "a complete TIFF file" in failed.index
    assert failed.provenance["inputs"] == {}
    twice = ended(small)
    assert twice.status != 0
    assert "a complete TIFF file" in twice.index
    sem.write_bytes(whole)
    planned = snakemake(small, "--dry-run").stdout
    for rule in ("sem_image", "report_page", "index", "provenance"):
        assert f"rule {rule}:" in planned


def test_a_run_that_is_stopped_leaves_a_whole_index_that_says_so(small):
    run, _ = started(small)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=300)
    assert run.returncode != 0
    assert "The run was stopped" in said
    assert "FAILED" not in said
    index = (small / "out" / "index.html").read_text(encoding="utf-8")
    assert UNFINISHED in index
    assert "The run was stopped" in index
    assert index.rstrip().endswith("</html>")


def test_a_lock_says_which_run_holds_it_and_what_to_type(small):
    run, script = started(small, IMAGE)
    os.kill(script, signal.SIGSTOP)
    files = {p: p.stat().st_mtime_ns for p in small.glob("out/**/*") if p.is_file()}
    second = snakemake(small, IMAGE)
    assert second.returncode != 0
    assert f"process {run.pid}" in second.stderr
    assert "wait for it" in second.stderr
    assert "--unlock" not in second.stderr.splitlines()[-1]
    assert {p: p.stat().st_mtime_ns for p in small.glob("out/**/*") if p.is_file()} == files
    run.kill()
    os.kill(script, signal.SIGKILL)
    run.communicate(timeout=60)
    third = snakemake(small, IMAGE)
    assert third.returncode != 0
    assert "it was killed" in third.stderr
    assert third.stderr.splitlines()[-2].endswith("--configfile config.yaml --unlock")
    unlocked = snakemake(small, IMAGE, "--unlock")
    assert unlocked.returncode == 0
    assert unlocked.stdout == ""
    assert snakemake(small, IMAGE).returncode == 0
    assert (small / IMAGE).exists()


@pytest.mark.parametrize("asked", [["--dry-run"], ["--lint"], ["--summary"], ["--list-rules"]])
def test_where_no_job_runs_nothing_is_said_at_the_end(small, asked):
    said = snakemake(small, *asked)
    assert "All cells: " not in said.stdout + said.stderr
    assert not os.path.lexists(small / "out" / "index.html")
