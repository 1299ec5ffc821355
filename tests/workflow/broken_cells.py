"""Small cells, whole and broken in each way that a cell can be: files and rows of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from spallmap.twin.formats import write_paravision

TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\twithin\n"
# The whole cell, one whose detail lies nowhere in its overview, and one broken in each way.
ROWS = {
    "whole": ["sem\toverview\twhole/sem.tif\t0.5\t"],
    "refused": ["sem\toverview\trefused/sem.tif\t0.5\t", "sem\tdetail\trefused/detail.tif\t0.1\toverview"],
    "missing": ["mri\tna\tmissing/5\t\t"],
    "truncated": ["sem\toverview\ttruncated/sem.tif\t0.5\t"],
    "no-noise": ["mri\tna\tno-noise/5\t\t"],
}
BROKEN = ("missing", "truncated", "no-noise")
# What the last lines name beside the cell: its file and the remedy.
NAMED = [
    ("missing", "missing/5", "allowed: "),
    ("truncated", "truncated/sem.tif", "a complete TIFF file"),
    ("no-noise", "no-noise/5", "t2.sigma"),
]


def write_table(folder: Path, *cells: str) -> None:
    rows = [f"{cell}\tshorted\t{row}\n" for cell in cells for row in ROWS[cell]]
    (folder / "cells.tsv").write_text(HEADER + "".join(rows))
    (folder / "config.yaml").write_text("acquisitions: cells.tsv\nresults: out\n")


def write_sem(path: Path, seed: int, shape: tuple[int, int] = (80, 90)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.random.default_rng(seed).integers(20, 200, shape, np.uint8))


def write_scan(folder: Path, rows: slice = slice(10, 16)) -> None:
    """Write a bar of sodium in noise; over all rows there is no background to take the noise from."""
    rng = np.random.default_rng(3)
    bar = np.zeros((5, 32, 48))
    bar[:, rows] = 60.0 * np.exp(-np.array(TE_MS) / 7.0)[:, None, None]
    noisy = np.hypot(bar + rng.normal(size=bar.shape), rng.normal(size=bar.shape))
    write_paravision(folder, noisy, TE_MS, (23, 46))


def write_cells(folder: Path) -> None:
    """Write all five cells; the one that is missing has no file."""
    write_table(folder, *ROWS)
    for cell in ("whole", "refused", "truncated"):
        write_sem(folder / cell / "sem.tif", 1)
    write_sem(folder / "refused" / "detail.tif", 7, (60, 64))
    whole = (folder / "truncated" / "sem.tif").read_bytes()
    (folder / "truncated" / "sem.tif").write_bytes(whole[: len(whole) // 2])
    write_scan(folder / "no-noise" / "5", slice(None))
