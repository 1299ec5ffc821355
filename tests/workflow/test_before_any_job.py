"""Mistakes end a run before any job, from the command line as a user types it."""

from __future__ import annotations

import json
import os
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
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


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


def test_what_would_hang_or_break_snakemake_itself_is_reported(tmp_path):
    (tmp_path / "twice.yaml").write_text("t2:\n  long_ms: 12\n  long_ms: 14\n")
    os.mkfifo(tmp_path / "pipe.yaml")
    ended = snakemake(
        tmp_path, "--configfile", "pipe.yaml", "twice.yaml", "none.yaml", "--config", "t2.sigma=3"
    )
    assert ended.returncode == 1
    assert "pipe.yaml: found a pipe" in ended.stderr
    assert "twice.yaml, line 3: found the key 't2.long_ms' again" in ended.stderr
    assert "none.yaml: found no such file" in ended.stderr
    assert "--config 't2={sigma: 3}'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pipe_as_table_is_reported(tmp_path):
    os.mkfifo(tmp_path / "cells.tsv")
    ended = snakemake(tmp_path, "--config", "acquisitions=cells.tsv")
    assert ended.returncode != 0
    assert "cells.tsv: found a pipe" in ended.stderr
    assert "Traceback" not in ended.stderr


def section(path):
    tifffile.imwrite(path, np.arange(1200, dtype=np.uint16).reshape(30, 40))


def test_all_that_is_wrong_with_rows_files_and_landmarks_is_said_in_one_run(tmp_path):
    section(tmp_path / "a.tif")
    (tmp_path / "marks.csv").write_text("u_um,v_um,x_um,y_um,z_um,use\n1,5,2,5,3,5,4,5,5,5,fit\n")
    ended = run_table(
        tmp_path,
        f"{HEADER}\nc\tshorted\tsem\tone\ta.tif\t4,66\t\t\t\nc\tshorted\tsem\ttwo\tnone.tif\t0.5\t\t\t\n"
        "c\tshorted\tsem\tthree\ta.tif\t0.5\t\t\tmarks.csv\n",
    )
    assert ended.returncode != 0
    for words in (
        "3 errors:",
        "row 1 (line 2), column 'spacing_um': found '4,66'",
        "4.66 for one number",
        "row 2 (line 3), column 'path': found no file or folder none.tif",
        "marks.csv, row 1 (line 2): found 11 values separated by commas",
    ):
        assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "results").exists()


def test_nested_keys_of_the_command_line_and_odd_signs_in_paths_reach_the_results(tmp_path):
    raw = '-a {1-3} 100% it\'s "q" [b]*.tif'
    section(tmp_path / raw)
    (tmp_path / "-m {x-y}.csv").write_text("u_um,v_um,x_um,y_um,z_um,use\n1,2,3,4,5,check\n")
    (tmp_path / "t.tsv").write_text(f"{HEADER}\nc\tshorted\tsem\tn\t{raw}\t0.5\t\t\t-m {{x-y}}.csv\n")
    results = "-out %s it's"
    config = ["--config", "acquisitions=t.tsv", f"results={results}", "t2={long_ms: 14, sigma: null}"]
    assert snakemake(tmp_path, "--dry-run", *config).returncode == 0
    ended = snakemake(
        tmp_path, *config, "--", f"{results}/provenance.json", f"{results}/c/shorted/sem-n/image.ome.tif"
    )
    assert ended.returncode == 0, ended.stderr
    assert "WARNING" not in ended.stderr
    provenance = json.loads((tmp_path / results / "provenance.json").read_text())
    assert provenance["parameters"]["t2"]["long_ms"] == 14
    assert provenance["parameters"]["t2"]["sigma"] is None
    assert raw in json.dumps(provenance, ensure_ascii=False).replace('\\"', '"')


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
