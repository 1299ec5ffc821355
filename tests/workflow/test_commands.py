"""The commands as a user types them, on a cell with an MRI alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from spallmap.twin import COARSE, write_cell

SPALLMAP = [sys.executable, "-m", "spallmap"]
CORES = os.environ.get("SPALLMAP_TEST_CORES", "2")

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    write_cell(folder / "raw" / "c07", 3, cell="c07", states=("shorted",), modalities=("mri",), sizes=COARSE)
    for name in ("acquisitions.tsv", "config.yaml"):
        (folder / "raw" / "c07" / name).unlink()
    return folder


def spallmap(folder, *words):
    command = [*SPALLMAP, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)


def is_job(process):
    try:
        return "scripts" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def jobs_of(process):
    return [p for p in process.children(recursive=True) if is_job(p)]


def test_ctrl_c_in_the_middle_ends_in_one_line_and_leaves_nothing_behind(folder):
    assert spallmap(folder, "init", "raw").returncode == 0
    process = subprocess.Popen(
        [*SPALLMAP, "run", "raw/config.yaml", "--cores", CORES],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    whole = psutil.Process(process.pid)
    while not (jobs := jobs_of(whole)) and time.monotonic() < end:
        time.sleep(0.1)
    assert jobs
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert "FAILED" not in err
    assert err.splitlines()[-1] == "stopped; run the same command to go on"
    assert not any(job.is_running() and job.status() != psutil.STATUS_ZOMBIE for job in jobs)
    assert not list((folder / ".snakemake").glob("locks/*"))


def test_the_same_command_goes_on_and_a_nested_key_is_taken(folder):
    ended = spallmap(folder, "run", "raw/config.yaml", "--cores", CORES, "--config", "t2.long_ms=9.5")
    assert ended.returncode == 0, ended.stderr[-3000:]
    summary = json.loads((folder / "raw/results/c07/shorted/mri-scan5/t2.json").read_text())
    assert summary["long"]["threshold_ms"] == 9.5
    assert "T2 map and regions" in ended.stderr
    again = spallmap(folder, "run", "raw/config.yaml", "--cores", CORES, "--config", "t2.long_ms=9.5")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_dry_run_names_the_key_and_the_file_that_changed(folder):
    said = spallmap(folder, "run", "raw/config.yaml", "-n", "--config", "t2.long_ms=11").stdout
    assert "t2.long_ms changed" in said
    assert len(said.splitlines()) < 24
    samples = next((folder / "raw").rglob("2dseq"))
    before = samples.read_bytes()
    samples.write_bytes(before[: len(before) // 2] * 2)
    said = spallmap(folder, "run", "raw/config.yaml", "-n", "--config", "t2.long_ms=9.5").stdout
    samples.write_bytes(before)
    assert "2dseq changed" in said


def test_the_slurm_profile_is_found_in_the_checkout(folder):
    words = ("run", "raw/config.yaml", "-n", "--workflow-profile", "workflow/profiles/slurm")
    ended = spallmap(folder, *words)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "would run" in ended.stdout or "Nothing to be done" in ended.stdout


def test_an_input_that_cannot_be_used_ends_the_run_with_its_words(folder):
    table = Path(folder / "raw" / "acquisitions.tsv")
    (folder / "raw" / "bad.tsv").write_text(table.read_text().replace("mri_shorted", "nowhere"))
    (folder / "bad.yaml").write_text("acquisitions: raw/bad.tsv\nresults: bad\n")
    ended = spallmap(folder, "run", "bad.yaml", "--cores", CORES)
    assert ended.returncode == 1
    assert "raw/bad.tsv, row 1 (line 2), column 'path'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "common.smk" not in ended.stderr
    assert not (folder / "bad").exists()


def test_view_names_the_index(folder):
    ended = spallmap(folder, "view", "raw/config.yaml")
    assert ended.returncode == 0
    assert str(folder / "raw" / "results" / "index.html") in ended.stdout
