"""Processor time of a dry run and of a job's start, for one cell and for very many.

    python benchmarks/plan_run.py --cells 1 100 1000

Each cell has a tomogram in slices, an MRI and an SEM image, and with ``--pristine`` a second tomogram: 13 or
22 jobs, 50 or 90 files, which are links to those of one drawn cell. A job's start is that of one T2 map in a
process of its own, as a cluster starts it, its script included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile

from spallmap.twin.formats import write_paravision

ROOT = Path(__file__).parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
SLICES = 40
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um"
PRISTINE = "{cell}\tpristine\txct\tscan\traw/{cell}/pristine\t4.66"
ROWS = (
    "{cell}\tshorted\txct\tscan\traw/{cell}/shorted\t4.66",
    "{cell}\tshorted\tmri\tt2\traw/{cell}/5\t",
    "{cell}\tshorted\tsem\toverview\traw/{cell}/sem.tif\t0.5",
)


def draw_cell(folder: Path) -> None:
    """Draw files that pass the check; what they show does not matter."""
    rng = np.random.default_rng(1)
    bar = np.zeros((len(TE_MS), 32, 48))
    bar[:, 10:16, 6:40] = 60.0 * np.exp(-np.array(TE_MS) / 7.0)[:, None, None]
    echoes = np.hypot(bar + rng.normal(size=bar.shape), rng.normal(size=bar.shape))
    write_paravision(folder / "5", echoes, TE_MS, (23, 46))
    tifffile.imwrite(folder / "sem.tif", rng.integers(20, 200, (80, 90), np.uint8))
    for state in ("pristine", "shorted"):
        (folder / state).mkdir()
        for z in range(SLICES):
            tifffile.imwrite(folder / state / f"slice{z:03d}.tif", rng.integers(0, 6000, (40, 40), np.uint16))


def link_cell(drawn: Path, folder: Path) -> None:
    """Make another cell of the same files."""
    for file in drawn.rglob("*"):
        link = folder / file.relative_to(drawn)
        link.parent.mkdir(parents=True, exist_ok=True)
        if file.is_file():
            os.link(file, link)


def processor_time_s(folder: Path, *arguments: str) -> float:
    """Run Snakemake and return the processor time of it and of its jobs, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run([*SNAKEMAKE, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--pristine", action="store_true", help="with a second tomogram")
    arguments = parser.parse_args()
    lines = (PRISTINE, *ROWS) if arguments.pristine else ROWS
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "raw" / "cell0").mkdir(parents=True)
        draw_cell(folder / "raw" / "cell0")
        for n in range(1, max(arguments.cells)):
            link_cell(folder / "raw" / "cell0", folder / "raw" / f"cell{n}")
        print(f"{'cells':>8}{'dry run, s':>12}{'a job, s':>12}")
        for n in arguments.cells:
            rows = [row.format(cell=f"cell{k}") for k in range(n) for row in lines]
            (folder / "t.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
            config = ("--config", "acquisitions=t.tsv", f"results=results{n}")
            planned = processor_time_s(folder, "--dry-run", *config)
            job = ("--mode", "remote", "--nolock", "--force", "--allowed-rules", "t2")
            start = processor_time_s(folder, *job, "--target-jobs", "t2:acq=cell0/shorted/mri-t2", *config)
            print(f"{n:>8}{planned:>12.1f}{start:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
