"""Runs of the workflow from the command line as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
# Where other tests run beside these, one core is enough.
CORES = os.environ.get("SPALLMAP_TEST_CORES", "2")


def command(folder, *arguments):
    made_of = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", CORES, *arguments]
    return [*made_of, "--configfile", str(folder / "config.yaml")]


def run(folder, *arguments):
    return subprocess.run(
        command(folder, *arguments), cwd=folder, capture_output=True, text=True, check=False
    )
