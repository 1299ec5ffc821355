"""Runs that get in each other's way, and jobs whose run is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.parent_run import RUN_VARIABLE
from spallmap.run_lock import LOCK

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")

pytestmark = [pytest.mark.workflow, pytest.mark.long]


def write_cell_of_one_image(folder):
    folder.mkdir()
    (folder / "cells.tsv").write_text(
        "cell\tstate\tmodality\tname\tpath\tspacing_um\nc\tshorted\tsem\toverview\tsem.tif\t0.5\n"
    )
    tifffile.imwrite(folder / "sem.tif", np.random.default_rng(1).integers(20, 200, (80, 90), np.uint8))


def command(folder, results, *arguments):
    run = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", *arguments]
    run += [f"{results}/c/shorted/sem-overview/image.ome.tif"]
    return [*run, "--config", f"acquisitions={folder / 'cells.tsv'}", f"results={results}"]


def job_of(folder):
    """The process of a script that a run in this folder has started."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode().split("\0")
            except OSError:  # it ended just now
                continue
            if len(words) > 1 and words[1].startswith(f"{folder}/.snakemake/scripts/"):
                return path.parent
        time.sleep(0.02)
    raise AssertionError("no job was started")


def test_a_job_of_a_killed_run_ends_and_the_next_run_goes_on(tmp_path):
    cell = tmp_path / "cell"
    write_cell_of_one_image(cell)
    with subprocess.Popen(
        command(cell, tmp_path / "out"), cwd=cell, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as run:
        job = job_of(cell)
        known = (job / "environ").read_bytes().decode().split("\0")
        assert f"{RUN_VARIABLE}={run.pid}" in known
        run.kill()
    end = time.monotonic() + 60
    while job.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not job.exists()
    assert not list((tmp_path / "out").rglob("image.ome.tif"))
    assert (
        subprocess.run([*command(cell, tmp_path / "out"), "--unlock"], cwd=cell, check=False).returncode == 0
    )
    assert subprocess.run(command(cell, tmp_path / "out"), cwd=cell, check=False).returncode == 0
    assert list((tmp_path / "out").rglob("image.ome.tif"))
    assert not list((tmp_path / "out").rglob(".part-*"))


def test_a_run_from_elsewhere_does_not_write_to_the_same_results(tmp_path):
    cell, elsewhere = tmp_path / "cell", tmp_path / "elsewhere"
    write_cell_of_one_image(cell)
    elsewhere.mkdir()
    with subprocess.Popen(
        command(cell, tmp_path / "out"), cwd=cell, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as run:
        job_of(cell)
        # its job is held, so that it lasts until the other one has ended
        os.kill(int(job_of(cell).name), signal.SIGSTOP)
        other = subprocess.run(
            command(cell, tmp_path / "out"), cwd=elsewhere, capture_output=True, text=True, check=False
        )
        os.kill(int(job_of(cell).name), signal.SIGCONT)
        assert run.wait(120) == 0
    assert other.returncode != 0
    assert f"another run writes to (process {run.pid} on" in other.stderr
    assert f"in {cell})" in other.stderr
    # it is not in the way any more
    assert (tmp_path / "out" / LOCK).exists()
    again = subprocess.run(
        command(cell, tmp_path / "out"), cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
