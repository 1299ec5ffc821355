"""The logger as Snakemake uses it: its own test suite, and a run of a small workflow."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import TestLogHandlerBase

from snakemake_logger_plugin_spallmap import LogHandler

SNAKEFILE = """
sys.stderr.write("WARNING the table is odd\\n")

rule all:
    input: expand("out/{cell}.txt", cell=config.get("cells", "a b").split())

rule t2:
    input: "raw.txt"
    output: "out/{cell}.txt"
    log: "logs/t2/{cell}.log"
    params: t2={"long_ms": config.get("long_ms", 12)}
    script: "t2.py"

onsuccess:
    sys.stderr.write("the last table\\n")

onerror:
    sys.stderr.write("the last table\\n")
"""
SCRIPT = """
import sys, time
from pathlib import Path
from spallmap.errors import InputError
from spallmap.jobs import job

if snakemake.wildcards.cell == "crash":
    raise KeyError("nobody")
with job(f"{snakemake.wildcards.cell}/shorted", snakemake.log[0]):
    sys.stderr.write("a line of a job\\n")
    if snakemake.wildcards.cell == "bad":
        raise InputError("raw/2dseq", "12 bytes", "24 bytes: copy it again")
    Path(snakemake.output[0]).write_text("x")
"""


class TestHandler(TestLogHandlerBase):
    """What every logger of Snakemake has to stand."""

    __test__ = True

    def get_log_handler_cls(self):
        return LogHandler

    def get_log_handler_settings(self):
        return None

    @pytest.fixture(autouse=True)
    def _closed(self, monkeypatch):
        """Give the terminal back after each test."""
        made = []
        create = self._create_handler
        monkeypatch.setattr(self, "_create_handler", lambda: made.append(create()) or made[-1])
        yield
        for handler in made:
            handler.close()


def test_a_message_that_cannot_be_shown_does_not_end_the_run(capsys):
    suite = TestHandler()
    handler = suite._create_handler()
    record = suite._create_event_record(LogEvent.PROGRESS, done=1)
    record.msg = object()
    handler.emit(suite._create_event_record(LogEvent.JOB_INFO, jobid=1))
    handler.emit(record)
    handler.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "t2.py").write_text(SCRIPT)
    (tmp_path / "raw.txt").write_text("x")
    return tmp_path


def command(*words):
    snakemake = [sys.executable, "-m", "snakemake", "--logger", "spallmap", "--keep-going"]
    return [*snakemake, "--cores", "1", "--workflow-profile", "none", *words]


def run(folder, *words):
    return subprocess.run(
        command(*words), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_run_into_a_file_has_a_line_for_each_job_and_the_last_words_last(folder):
    ended = run(folder)
    assert ended.returncode == 0
    said = [re.sub(r"\d+:\d\d", "T", line) for line in ended.stderr.splitlines()]
    assert said[:2] == ["WARNING the table is odd", "T  3 jobs to run"]
    assert sorted(said[2:6]) == [
        "T  1 of 3  " + said[2 + said[2].startswith("a line")].split("  ")[-1],
        "T  2 of 3  " + next(line for line in said if "2 of 3" in line).split("  ")[-1],
        "a line of a job",
        "a line of a job",
    ]
    assert {line.split("  ")[-1] for line in said if " of 3 " in line and "jobs" not in line} == {
        "a: T2 map and regions (T)",
        "b: T2 map and regions (T)",
    }
    assert said[-2:] == ["3 of 3 jobs done, in T", "the last table"]
    assert "\x1b" not in ended.stderr
    again = run(folder)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr


def test_a_failed_job_is_said_at_once_with_its_own_words_and_no_traceback(folder):
    ended = run(folder, "--config", "cells=bad a")
    assert ended.returncode == 1
    assert (
        "FAILED bad: T2 map and regions\n"
        "    raw/2dseq: found 12 bytes; allowed: 24 bytes: copy it again\n"
        "    log: logs/t2/bad.log\n"
    ) in ended.stderr
    assert ended.stderr.count("12 bytes") == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == "the last table"
    assert re.search(r"^1 of 3 jobs done, 1 failed, in \d:\d\d$", ended.stderr, re.MULTILINE)


def test_a_crash_before_its_log_shows_the_traceback(folder):
    ended = run(folder, "--config", "cells=crash")
    assert ended.returncode == 1
    assert "FAILED crash: T2 map and regions" in ended.stderr
    assert "KeyError: 'nobody'" in ended.stderr
    assert ended.stderr.count("Traceback") == 1
    assert "logs/t2/crash.log" not in ended.stderr


def test_an_error_in_the_workflow_is_said_without_its_own_lines(folder):
    (folder / "Snakefile").write_text(
        "from snakemake.exceptions import WorkflowError\n"
        "raise WorkflowError('table.tsv, row 1: found no cell')\n"
    )
    ended = run(folder)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "table.tsv, row 1: found no cell"


def test_a_dry_run_fits_a_screen_and_says_why(folder):
    first = run(folder, "--dry-run")
    assert first.returncode == 0
    assert first.stdout.splitlines() == [
        "2 jobs would run.",
        "",
        "cell   jobs  why",
        "a, b      1  never made (each of 2)",
        "",
        "by step: T2 map and regions 2",
        "",
        "This was a dry run: nothing was made.",
    ]
    assert run(folder).returncode == 0
    assert "Nothing to be done" in run(folder, "--dry-run").stdout
    (folder / "config").mkdir()
    (folder / "config" / "config.yaml").write_text("t2: {long_ms: 12}\n")
    changed = run(folder, "--dry-run", "--config", "long_ms=14").stdout
    assert "a, b      1  t2.long_ms changed (each of 2)" in changed
    os.utime(folder / "raw.txt")
    (folder / "raw.txt").write_text("y" * 100)
    assert "a, b      1  raw.txt changed (each of 2)" in run(folder, "--dry-run").stdout


def test_very_many_cells_take_a_few_lines(folder):
    cells = " ".join(f"c{n}" for n in range(300))
    said = run(folder, "--dry-run", "--config", f"cells={cells}").stdout
    assert "300 jobs would run." in said
    assert "c0, c1, c2, c3 and 296 more" in said
    assert len(said.splitlines()) < 12


def on_terminal(folder, *words):
    """Run with a terminal; give what was written to it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*words),
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "70"},
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    os.close(ours)
    return process.wait(timeout=120), said.decode().replace("\r\n", "\n")


def test_on_a_terminal_one_line_lives_and_is_gone_at_the_end(folder):
    status, said = on_terminal(folder)
    assert status == 0
    living = re.findall(r"\r\x1b\[K([^\r\n]*)", said)
    assert any(re.match(r"\d:\d\d  0 of 3 done  [ab]: T2 map and regions \d:\d\d", line) for line in living)
    assert max(map(len, living)) < 70
    # what stays: each piece behind the last time that a line was cleared
    stays = [line.split("\r\x1b[K")[-1] for line in said.strip("\n").split("\n")]
    assert stays[0] == "WARNING the table is odd"
    assert stays.count("a line of a job") == 2
    assert re.fullmatch(r"3 of 3 jobs done, in \d:\d\d", stays[-2])
    assert stays[-1] == "the last table"
    assert said.endswith("the last table\n")
