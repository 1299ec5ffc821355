"""Mistakes end a run before any job, from the command line as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\twithin\tlandmarks"

pytestmark = pytest.mark.workflow


def snakemake(folder, *arguments):
    command = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run_table(tmp_path, text):
    (tmp_path / "cells.tsv").write_text(text, encoding="utf-8")
    return snakemake(tmp_path, "--config", "acquisitions=cells.tsv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"{HEADER}\nc\tshorted\txct\tscan\tnone.tif\t4.66\t\t\t\n",
            ["row 1 (line 2)", "'path'", "none.tif"],
        ),
        (
            f"{HEADER}\nc\tshorted\txct\tscan\tbare.tif\t\t\t\t\n",
            ["row 1 (line 2)", "'spacing_um'", "bare.tif", "pixel size"],
        ),
        (
            "cell\tstate\tmodality\tname\tpath\tvoxel\nc\ts\txct\tscan\tbare.tif\t4\n",
            ["header", "column 6", "'voxel'"],
        ),
        ("cell;state;modality;name;path\nc;s;xct;scan;bare.tif\n", ["header", "semicolons", "tabs"]),
    ],
)
def test_a_bad_table_ends_the_run_with_row_and_column_and_makes_nothing(tmp_path, text, words):
    tifffile.imwrite(tmp_path / "bare.tif", np.zeros((4, 5, 6), np.uint16), photometric="minisblack")
    ended = run_table(tmp_path, text)
    assert ended.returncode != 0
    for word in words:
        assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "results").exists()


def test_a_bad_configuration_names_its_key(tmp_path):
    ended = snakemake(tmp_path, "--config", "t2={model: gauss}")
    assert ended.returncode != 0
    assert "t2.model" in ended.stderr
    assert "rician" in ended.stderr


@pytest.mark.parametrize("profile", [None, "local", "slurm"])
def test_a_dry_run_of_the_demo_says_what_it_will_do(profile):
    arguments = (
        [] if profile is None else ["--workflow-profile", str(ROOT / "workflow" / "profiles" / profile)]
    )
    ended = snakemake(ROOT, "--dry-run", "--forceall", *arguments)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout + ended.stderr
    for rule in (
        "demo_cell",
        "t2",
        "phases",
        "cracks",
        "register_section",
        "link",
        "cell_figures",
        "report_page",
    ):
        assert rule in said


def test_lint_complains_of_nothing_but_the_missing_environment():
    ended = snakemake(ROOT, "--lint")
    complaints = [
        line for line in (ended.stdout + ended.stderr).splitlines() if line.strip().startswith("* ")
    ]
    assert complaints
    assert all("conda environment or container" in line for line in complaints), complaints
