"""Place simulated MRI of bad days in their cells' tomograms, fault by fault, and refuse wrong ones.

    python benchmarks/validate_projection_faults.py --seeds 1401 1402 1403

Each cell's image gets some faults alone and some together; then other cells' images, reversed ones and cells
seen from a side, all with faults. Prints Markdown; an image counts as right within a quarter of a column.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from projection_faults import FAULTS, BadScan, bad_scan
from projection_images import AXES, Specimen, metal_at, random_of, specimen

from spallmap.axes import AxesPrior
from spallmap.frames import grid_points
from spallmap.image import Image
from spallmap.registration.projection import register_projection
from spallmap.registration.result import Registration
from spallmap.twin import STATES

ROOT = Path(__file__).resolve().parents[1]
RIGHT_UM, WRONG_UM = 11.5, 34.0
STREAM, COMBINED_STREAM = 21, 22
# A metal's common offset is part of its own frame: the truth moves with it.
ALONE = tuple(name for name in FAULTS if name != "offset")


@dataclass(frozen=True)
class Case:
    """One image held against its truth."""

    group: str
    found: Registration
    mean_um: float
    over_se: tuple[float, float]
    words: str


def register(cell: Specimen, scan: BadScan, axes: AxesPrior = AXES) -> Registration:
    """Register as the workflow does, with what the noise says of the sampling; even cells name a readout."""
    readout = None if cell.seed % 2 else "yx"[int(scan.drawn["readout"])]
    return register_projection(
        Image(scan.magnitude, ("y", "x"), scan.spacing_um, mask=~scan.dendrite),
        cell.phases,
        cell.spacing_um,
        prior=axes,
        sigma=scan.sigma,
        sampling=scan.sampling,
        readout=readout,
    )


def judge(group: str, cell: Specimen, scan: BadScan, faults: Sequence[str]) -> Case:
    """Register an image and measure its error in the true image's plane."""
    found = register(cell, scan)
    points = grid_points(scan.magnitude.shape, scan.spacing_um)
    own = ((found.map(points) - scan.truth(points)) @ scan.truth.linear)[..., :2]
    rms = np.sqrt((own**2).mean(axis=(0, 1)))
    u, v = (float(e / (s or np.nan)) for e, s in zip(rms, (found.se_um.u, found.se_um.v), strict=True))
    mean = float(np.hypot(own[..., 0], own[..., 1]).mean())
    name = f"{cell.seed} {cell.state} {'+'.join(faults)}"
    words = f"{name}: {mean:.1f} um, {found.verdict}, over SE {u:.2f} {v:.2f}"
    return Case(group, found, mean, (u, v), "; ".join([words, *found.reasons]))


def right_ones(cell: Specimen, number: int, n_alone: int, work: Path) -> Iterator[Case]:
    """Images of a cell in its own tomogram."""
    metal = metal_at(cell, 0, work)
    for k in range(n_alone):
        name = ALONE[(number * n_alone + k) % len(ALONE)]
        rng = random_of(cell.seed, cell.state, STREAM, ALONE.index(name))
        yield judge(name, cell, bad_scan(cell, metal, (name,), rng), (name,))
    rng = random_of(cell.seed, cell.state, COMBINED_STREAM)
    several = drawn_together(rng)
    yield judge(f"{len(several)} together", cell, bad_scan(cell, metal, several, rng), several)


def drawn_together(rng: np.random.Generator) -> tuple[str, ...]:
    """Two to four faults, with one kind of zero filling at most."""
    names = [str(n) for n in rng.choice(ALONE, size=int(rng.integers(2, 5)), replace=False)]
    filled = [n for n in names if n.startswith("zero")]
    return tuple(n for n in names if n not in filled[1:])


def wrong_ones(cell: Specimen, other: Specimen, work: Path) -> Iterator[tuple[str, Registration]]:
    """Images that must not be placed, each with faults."""
    rng = random_of(cell.seed, cell.state, STREAM, len(FAULTS))
    several = drawn_together(rng)
    scan = bad_scan(cell, metal_at(cell, 0, work), several, rng)
    yield f"in the tomogram of {other.seed}, {'+'.join(several)}", register(other, scan)
    flips: dict[str, Any] = {"rows reversed": np.s_[::-1], "columns reversed": np.s_[:, ::-1]}
    name, flip = list(flips.items())[cell.seed % 2]
    reversed_scan = replace(scan, magnitude=scan.magnitude[flip].copy(), dendrite=scan.dendrite[flip])
    yield f"{name}, {'+'.join(several)}", register(cell, reversed_scan)
    yield f"seen from a side, {'+'.join(several)}", register(cell, scan, AxesPrior.parse("-z,x"))


def lines(cases: Sequence[Case]) -> Iterator[str]:
    """One row for each fault."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
        groups["all"].append(case)
    yield (
        f"| fault | images | right (within {RIGHT_UM:g} um) | of these accepted "
        f"| accepted over {WRONG_UM:g} um | median error (um) | largest | error over its SE, own x | own y |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, group in groups.items():
        errors = np.array([c.mean_um for c in group])
        accepted = np.array([c.found.accepted for c in group])
        right = errors <= RIGHT_UM
        over = np.sqrt(np.nanmean(np.square([c.over_se for c in group]), axis=0))
        yield (
            f"| {name} | {len(group)} | {right.sum()} | {(accepted & right).sum()} "
            f"| {(accepted & (errors > WRONG_UM)).sum()} | {np.median(errors):.1f} | {errors.max():.1f} "
            f"| {over[0]:.2f} | {over[1]:.2f} |"
        )


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1401, 1413)))
    parser.add_argument("--alone", type=int, default=4, help="faults alone for each cell, in turn")
    parser.add_argument("--work", type=Path, default=ROOT / "validation" / "projection")
    arguments = parser.parse_args()
    cases: list[Case] = []
    wrong: list[tuple[str, Registration]] = []
    cells = [specimen(seed, STATES[seed % 2], arguments.work) for seed in arguments.seeds]
    for number, cell in enumerate(cells):
        for case in right_ones(cell, number, arguments.alone, arguments.work):
            cases.append(case)
            print(case.words, flush=True)
        for name, found in wrong_ones(cell, cells[number - 1], arguments.work):
            wrong.append((f"{cell.seed} {cell.state} {name}", found))
            print(wrong[-1][0], found.verdict, *found.reasons, flush=True)
    print("", *lines(cases), sep="\n")
    refused = sum(not found.accepted for _, found in wrong)
    print(f"\nWrong images refused: {refused} of {len(wrong)}")


if __name__ == "__main__":
    main()
