"""Run the workflow's tomography on a volume of 10^9 voxels and write what it took into benchmarks/README.md.

    python benchmarks/full_size.py --work validation/full-size

The volume (2.1 GB, OME-TIFF) and its truth (1.0 GB) are drawn once and kept; results are made anew each time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from judge import CRACK_LABELS, DECOY_LABEL
from numpy.typing import NDArray
from page import write_section
from scipy import ndimage

from spallmap.results.ome_zarr import open_zarr
from spallmap.twin import CellGeometry, draw_cell, draw_xct_pose, simulate_xct_slabs
from spallmap.twin.formats import write_ome_pages
from spallmap.twin.scans import stream

ROOT = Path(__file__).resolve().parents[1]
README = Path(__file__).with_name("README.md")
SHAPE = (1000, 1024, 1024)
# The whole cell, casing included, is in the field.
VOXEL_UM = 1.4
# Typical aperture of the crack: about a voxel.
APERTURE_UM = 1.5
SAMPLE_S = 0.2
JUDGED_SLICES = 50
IDENTITY = "urn:uuid:5b4f3f0e-5d1f-5c86-9f0c-2f1c2a3b4c5d"


def cell_geometry(seed: int) -> CellGeometry:
    """Draw a cell whose decoy, too, is about a voxel wide in this scan."""
    rng = stream(seed, "geometry")
    shorted = draw_cell(rng, aperture_um=APERTURE_UM).shorted
    patches = tuple(replace(p, aperture_um=APERTURE_UM * rng.uniform(1.0, 1.7)) for p in shorted.patches)
    return replace(shorted, patches=patches)


def draw(cell: Path, seed: int, threads: int) -> float:
    """Draw the tomogram and its truth slab by slab; returns minutes, 0 where it is there.

    Parameters
    ----------
    cell : Path
        Folder that is made; whole or not there.
    seed : int
        Decides everything.
    threads : int
        Slabs that are drawn at a time.

    Returns
    -------
    float
        Minutes.
    """
    if cell.exists():
        return 0.0
    start = time.monotonic()
    partial = cell.with_name(f"{cell.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "truth").mkdir(parents=True)
    pose = draw_xct_pose(stream(seed, "pose"), SHAPE, VOXEL_UM)
    labels = np.lib.format.open_memmap(partial / "truth" / "labels.npy", "w+", np.uint8, SHAPE)

    def pages() -> Iterator[NDArray[np.uint16]]:
        slabs = simulate_xct_slabs(
            cell_geometry(seed),
            pose,
            stream(seed, "xct"),
            shape=SHAPE,
            spacing_um=VOXEL_UM,
            threads=threads,
        )
        for slab in slabs:
            labels[slab.first_slice : slab.first_slice + len(slab.labels)] = slab.labels
            yield from slab.volume

    write_ome_pages(partial / "scan.ome.tif", pages(), SHAPE, VOXEL_UM, IDENTITY)
    labels.flush()
    table = "cell\tstate\tmodality\tname\tpath\nfull\tshorted\txct\tscan\tscan.ome.tif\n"
    (partial / "acquisitions.tsv").write_text(table, encoding="utf-8")
    partial.rename(cell)
    return (time.monotonic() - start) / 60.0


@dataclass
class Memory:
    """Largest sums over a process and its descendants, GB."""

    resident: float = 0.0
    own: float = 0.0


def memory_kb(pid: int) -> tuple[int, int]:
    """Return resident and anonymous memory of a process and its descendants; 0 of one that has ended."""
    resident, own = 0, 0
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return 0, 0
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            resident = int(value.split()[0])
        elif name in ("RssAnon", "RssShmem"):
            own += int(value.split()[0])
    for child in children:
        more = memory_kb(child)
        resident, own = resident + more[0], own + more[1]
    return resident, own


def watch(pid: int, seen: Memory, ended: threading.Event) -> None:
    """Sample the memory of a process tree until asked to end."""
    while not ended.wait(SAMPLE_S):
        resident, own = (kb / 2**20 for kb in memory_kb(pid))
        seen.resident, seen.own = max(seen.resident, resident), max(seen.own, own)


def run(cell: Path, results: Path, cores: int) -> tuple[float, Memory]:
    """Run the workflow from the OME-TIFF to cracks.csv.

    Parameters
    ----------
    cell : Path
        Folder with the tomogram and the table.
    results : Path
        Where results go; removed before.
    cores : int
        For snakemake.

    Returns
    -------
    minutes : float
        Wall time, snakemake's own included.
    memory : Memory
        Peaks.
    """
    shutil.rmtree(results, ignore_errors=True)
    config = cell.with_name(f"{cell.name}.yaml")
    config.write_text(f"acquisitions: {cell / 'acquisitions.tsv'}\nresults: {results}\n", encoding="utf-8")
    command = [
        str(Path(sys.executable).parent / "snakemake"),
        *("--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores), "--quiet", "all"),
        *("--rerun-incomplete", "--configfile", str(config), "--"),
        str(results / "full" / "shorted" / "xct-scan" / "cracks.csv"),
    ]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT)
    seen, ended = Memory(), threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, seen, ended))
    watcher.start()
    try:
        code = process.wait()
    finally:
        ended.set()
        watcher.join()
    if code:
        raise SystemExit(f"the workflow ended with {code}")
    return (time.monotonic() - start) / 60.0, seen


def overlap(results: Path, cell: Path) -> dict[str, float]:
    """Recall, precision and F1 with one voxel of tolerance, slab by slab.

    Parameters
    ----------
    results : Path
        The tomogram's results.
    cell : Path
        The cell with its truth.

    Returns
    -------
    dict
        ``recall``, ``precision``, ``f1``.
    """
    truth = np.load(cell / "truth" / "labels.npy", mmap_mode="r")
    cracks = open_zarr(results / "cracks.ome.zarr").data
    near = ndimage.generate_binary_structure(3, 3)
    hits, true_n, right, found_n = 0, 0, 0, 0
    nz, ny, nx = truth.shape
    for first in range(0, nz, JUDGED_SLICES):
        last = min(first + JUDGED_SLICES, nz)
        low, high = max(0, first - 1), min(nz, last + 1)
        here = slice(first - low, last - low)
        true = np.isin(truth[low:high], (*CRACK_LABELS, DECOY_LABEL))
        found = np.asarray(cracks[slice(low, high), slice(0, ny), slice(0, nx)]) > 0
        if true.any() or found.any():
            hits += int(ndimage.binary_dilation(found, near)[here][true[here]].sum())
            right += int(ndimage.binary_dilation(true, near)[here][found[here]].sum())
            true_n, found_n = true_n + int(true[here].sum()), found_n + int(found[here].sum())
    recall, precision = hits / max(true_n, 1), right / max(found_n, 1)
    f1 = 2 * recall * precision / max(recall + precision, 1e-9)
    return {"recall": recall, "precision": precision, "f1": f1}


def main() -> None:
    """Draw, run, judge and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=ROOT / "validation" / "full-size")
    parser.add_argument("--seed", type=int, default=401)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--draw-only", action="store_true")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    cell, results = work / f"cell-{arguments.seed}", work / f"results-{arguments.seed}"
    drawn = draw(cell, arguments.seed, arguments.cores)
    print(f"drawn in {drawn:.1f} minutes", flush=True)
    if arguments.draw_only:
        return
    minutes, memory = run(cell, results, arguments.cores)
    folder = results / "full" / "shorted" / "xct-scan"
    said = overlap(folder, cell)
    cracks = pd.read_csv(folder / "cracks.csv")
    size = " x ".join(map(str, SHAPE))
    head = (
        "voxels",
        "cores",
        "wall (min)",
        "peak memory, all processes (GB)",
        "without file pages (GB)",
        "recall",
        "precision",
        "F1",
        "cracks (true: 2)",
    )
    values = [size, str(arguments.cores), f"{minutes:.1f}", f"{memory.resident:.1f}", f"{memory.own:.1f}"]
    values += [f"{said[k]:.3f}" for k in ("recall", "precision", "f1")] + [str(len(cracks))]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", f"| {' | '.join(values)} |"]
    print("\n".join(lines))
    write_section(README, "full-size", "\n".join(lines))


if __name__ == "__main__":
    main()
