"""Find cracks of 0.3 to 3 voxels in simulated cells and write how well, into docs/validation.md.

    python benchmarks/validate_cracks.py

Pristine and shorted tomogram of each cell in memory; then cracks of every kind of shape.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from crack_blocks import cut_table
from crack_judge import APERTURE_BINS, Found, Judged, analyse, aperture_bin, hold, truth_of
from page import write_section

from spallmap.twin import (
    MORPHOLOGIES,
    CellGeometry,
    TwinCell,
    XctScan,
    draw_morphology,
    draw_xct_pose,
    simulate_xct,
)
from spallmap.twin.morphologies import SMALL_SHAPE, Morphology
from spallmap.twin.xct import draw_look

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
VOXEL_UM = 4.66
# Local apertures are between half and twice the typical one: from 0.3 to 3 voxels.
TYPICAL_VOXELS = (0.6, 1.5)
# Keeps the draw of the typical aperture apart from what else a seed decides.
APERTURE_STREAM = 99
MORPHOLOGY_STREAM = 4
THIN_STREAM = 5
# Apertures in the middle of single sheets, around what can just be found.
THIN_VOXELS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
# Cells for each of them.
THIN_CELLS = 6
SEEDS = tuple(range(521, 541))
WANTED_F1 = 0.97


@dataclass(frozen=True)
class Cell:
    """What came out of one cell."""

    seed: int
    typical: float
    judged: Judged
    in_pristine: int
    null_seconds: float
    seconds: float


def typical_aperture(seed: int) -> float:
    """Typical aperture of a cell's crack in voxels, evenly drawn in its logarithm."""
    low, high = np.log(TYPICAL_VOXELS)
    return float(np.exp(np.random.default_rng([seed, APERTURE_STREAM]).uniform(low, high)))


def run_cell(seed: int) -> Cell:
    """Draw both tomograms of a cell, find the cracks in both and hold them against the truth."""
    typical = typical_aperture(seed)
    twin = TwinCell(seed, aperture_um=VOXEL_UM * typical)
    pristine = analyse(twin.xct("pristine").volume, VOXEL_UM)
    scan = twin.xct("shorted")
    found = analyse(scan.volume, VOXEL_UM, pristine)
    truth = truth_of(twin.geometry("shorted"), scan.to_cell, scan.labels, VOXEL_UM)
    judged = hold(found, truth, VOXEL_UM)
    return Cell(seed, typical, judged, len(pristine.table), pristine.seconds, found.seconds)


@dataclass(frozen=True)
class Shape:
    """What came out of one crack of a known kind: of the largest crack found, and how many there were."""

    kind: Morphology
    seed: int
    said: str
    n_found: int
    judged: Judged


def run_shape(task: tuple[Morphology, int]) -> Shape:
    """Draw a cell with a crack of a kind, find and name it."""
    kind, seed = task
    rng = np.random.default_rng([seed, MORPHOLOGY_STREAM, MORPHOLOGIES.index(kind)])
    found, judged = _find_in(draw_morphology(rng, kind), rng)
    said = "none found"
    if judged.pieces["crack"]:
        said = str(found.table.sort_values("area_um2").iloc[-1]["morphology"])
    return Shape(kind, seed, said, len(found.table), judged)


def run_thin(task: tuple[float, int]) -> Judged:
    """Draw a cell with one steep sheet of a given aperture in its middle, and look for it."""
    aperture, seed = task
    rng = np.random.default_rng([seed, THIN_STREAM])
    return _find_in(draw_morphology(rng, "straight", aperture_um=VOXEL_UM * aperture), rng)[1]


def _find_in(geometry: CellGeometry, rng: np.random.Generator) -> tuple[Found, Judged]:
    """Scan a small cell without and with its crack, by the same scanner, and look for cracks."""
    look = draw_look(rng)

    def scan_of(state: CellGeometry) -> XctScan:
        pose = draw_xct_pose(rng, SMALL_SHAPE, VOXEL_UM)
        return simulate_xct(state, pose, rng, shape=SMALL_SHAPE, spacing_um=VOXEL_UM, look=look)

    null = analyse(scan_of(geometry.without_cracks()).volume, VOXEL_UM)
    scan = scan_of(geometry)
    found = analyse(scan.volume, VOXEL_UM, null)
    return found, hold(found, truth_of(geometry, scan.to_cell, scan.labels, VOXEL_UM), VOXEL_UM)


def run_cuts(seed: int) -> list[str]:
    """Find the cracks of a cell with different blocks; lines of a table."""
    twin = TwinCell(seed, aperture_um=VOXEL_UM * typical_aperture(seed))
    null, found = (analyse(twin.xct(state).volume, VOXEL_UM) for state in ("pristine", "shorted"))
    return cut_table(found.grey, found.phases, VOXEL_UM, null.grey, null.phases)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def percent(value: float) -> str:
    """Signed per cent."""
    return "" if np.isnan(value) else f"{100 * value:+.0f}"


def fraction(found: float, of: float) -> str:
    """Write a fraction; nothing of nothing is blank."""
    return f"{found / of:.3f}" if of else ""


def bias(judged: Judged, low: float) -> float:
    """Compare the mean found aperture with the mean true one, where that is at least `low` voxels."""
    wide = judged.true_aperture >= low
    if not wide.any():
        return float("nan")
    return float(judged.found_aperture[wide].mean() / judged.true_aperture[wide].mean() - 1.0)


def bin_names() -> list[str]:
    """Put the bins of true aperture in words."""
    edges = [f"{e:g}" for e in (*APERTURE_BINS[:-1], 3)]
    return [f"below {edges[1]}", *(f"{a} to {b}" for a, b in pairwise(edges[1:]))]


def cell_lines(cells: Sequence[Cell]) -> list[str]:
    """One row a cell, and how many hold."""
    rows = []
    for c in cells:
        j, o = c.judged, c.judged.overlap
        bins = [fraction(hit, n) for n, hit in j.recall_bins.T]
        rows.append(
            [
                str(c.seed),
                f"{c.typical:.2f}",
                f"{o['recall']:.3f}",
                f"{o['precision']:.3f}",
                f"{o['f1']:.3f}" + (" below" if o["f1"] < WANTED_F1 else ""),
                f"{j.near_face_recall:.3f}",
                *bins,
                str(j.pieces["crack"]),
                str(j.pieces["decoy"]),
                str(j.false_cracks),
                str(c.in_pristine),
                percent(j.volume_error["crack"]),
                percent(j.volume_error["decoy"]),
                percent(bias(j, 0.5)),
                f"{c.null_seconds:.0f} + {c.seconds:.0f}",
            ]
        )
    head = [
        "seed",
        "typical aperture (voxels)",
        "recall",
        "precision",
        "F1",
        "recall below 3 voxels of depth",
        *(f"recall {name}" for name in bin_names()),
        "pieces of the crack",
        "of the decoy",
        "false cracks",
        "in the pristine scan",
        "volume of the crack (%)",
        "of the decoy (%)",
        "aperture from 0.5 voxel (%)",
        "s, pristine + shorted",
    ]
    f1 = np.array([c.judged.overlap["f1"] for c in cells])
    volume = np.abs([c.judged.volume_error["crack"] for c in cells])
    pristine, false = sum(c.in_pristine for c in cells), sum(c.judged.false_cracks for c in cells)
    lines = [
        f"{len(cells)} cells. F1 at least {WANTED_F1}: {np.sum(f1 >= WANTED_F1)}; "
        f"median {np.median(f1):.3f}, "
        f"least {f1.min():.3f}. Cracks in pristine scans: {pristine}; false cracks in shorted ones: {false}. "
        f"Volume of the crack within 15 %: {np.sum(volume <= 0.15)}.",
        "",
    ]
    return lines + table(head, rows)


def bin_lines(judged: Sequence[Judged]) -> list[str]:
    """Recall and aperture by true local aperture, all cells together."""
    recall = np.sum([j.recall_bins for j in judged], axis=0)
    true = np.concatenate([j.true_aperture for j in judged])
    found = np.concatenate([j.found_aperture for j in judged])
    at = aperture_bin(true)
    rows = []
    for k, name in enumerate(bin_names()):
        own = at == k
        n, hit = (int(v) for v in recall[:, k])
        row = [name, str(n), fraction(hit, n), str(int(own.sum()))]
        if own.any():
            ratio = found[own] / np.maximum(true[own], 1e-9)
            low, high = np.quantile(found[own] - true[own], (0.16, 0.84))
            row += [
                percent(found[own].mean() / true[own].mean() - 1.0),
                percent(float(np.median(ratio)) - 1.0),
            ]
            row += [f"{(high - low) / 2:.2f}"]
        rows.append(row + [""] * (7 - len(row)))
    head = [
        "true local aperture (voxels)",
        "true voxels",
        "recall",
        "points of the sheets",
        "mean aperture (%)",
        "median (%)",
        "spread of a point (voxels)",
    ]
    return table(head, rows)


def shape_lines(shapes: Sequence[Shape]) -> list[str]:
    """Confusion table of the kinds of crack."""
    said = [*MORPHOLOGIES, "none found"]
    rows = []
    for kind in MORPHOLOGIES:
        own = [s for s in shapes if s.kind == kind]
        counts = [str(sum(s.said == name for s in own)) for name in said]
        pieces = np.mean([s.judged.pieces["crack"] for s in own])
        f1 = np.median([s.judged.overlap["f1"] for s in own])
        false = sum(s.judged.false_cracks for s in own)
        wrong = ", ".join(f"{s.seed}" for s in own if s.said != kind)
        rows.append([kind, *counts, f"{pieces:.1f}", f"{f1:.3f}", str(false), wrong or "none"])
    head = [
        "true",
        *(f"said: {name}" for name in said),
        "pieces, mean",
        "F1, median",
        "false cracks",
        "wrong",
    ]
    right = sum(s.said == s.kind for s in shapes)
    return [f"Right: {right} of {len(shapes)}.", "", *table(head, rows)]


def thin_lines(judged: Sequence[tuple[float, Judged]]) -> list[str]:
    """How thin a sheet may be to be found, and how much of it."""
    rows = []
    for aperture in THIN_VOXELS:
        own = [j for a, j in judged if a == aperture]
        n = sum(j.pieces["crack"] > 0 for j in own)
        recall = np.median([j.overlap["recall"] for j in own])
        false = sum(j.false_cracks for j in own)
        rows.append([f"{aperture:g}", f"{n} of {len(own)}", f"{recall:.3f}", str(false)])
    head = ["aperture in the middle (voxels)", "found", "recall, median", "false cracks"]
    return table(head, rows)


def main() -> None:
    """Run all cells and shapes and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument(
        "--shapes", type=int, nargs="*", default=list(SEEDS), help="seeds of the shapes' cells"
    )
    parser.add_argument("--thin", type=int, nargs="*", default=list(SEEDS[:THIN_CELLS]))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print the tables and leave the page as it is")
    arguments = parser.parse_args()
    # One core a process: the numerical libraries' own threads would only compete.
    os.environ["OMP_NUM_THREADS"] = "1"
    start = time.monotonic()
    sections = {}
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        cells = []
        for cell in pool.map(run_cell, arguments.seeds):
            cells.append(cell)
            print(cell_lines([cell])[-1], flush=True)
        if cells:
            by_aperture = bin_lines([c.judged for c in cells])
            sections["cracks"] = "\n".join([*cell_lines(cells), "", *by_aperture])
            sections["crack-blocks"] = "\n".join(pool.submit(run_cuts, arguments.seeds[0]).result())
        tasks = [(kind, seed) for kind in MORPHOLOGIES for seed in arguments.shapes]
        shapes = []
        for shape in pool.map(run_shape, tasks):
            shapes.append(shape)
            f1 = shape.judged.overlap["f1"]
            print(f"{shape.kind} {shape.seed}: {shape.said}, {shape.n_found} found, F1 {f1:.3f}", flush=True)
        if shapes:
            sections["morphology"] = "\n".join(shape_lines(shapes))
        thin = [(a, seed) for a in THIN_VOXELS for seed in arguments.thin]
        if thin:
            judged = list(zip([a for a, _ in thin], pool.map(run_thin, thin), strict=True))
            sections["crack-limit"] = "\n".join(thin_lines(judged))
    for name, text in sections.items():
        print(f"\n{text}")
        if not arguments.dry:
            write_section(PAGE, name, text)
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
