"""Place simulated MRI in their cells' tomograms and write how well, into docs/validation.md.

    python benchmarks/validate_projection.py

Ten cells, half of them pristine, four poses each, several kinds of scan; then wrong cells and bad images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from page import write_section
from projection_images import (
    AXES,
    SHAPE,
    SKIN_STATED_UM,
    SPACING_UM,
    VARIANTS,
    Scan,
    Specimen,
    metal_at,
    random_of,
    scan_of,
    specimen,
)

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_points
from spallmap.image import Image
from spallmap.registration.projection import SKIN_DEPTH_UM, register_projection
from spallmap.registration.result import Registration
from spallmap.twin import STATES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "validation.md"
SEEDS = tuple(range(1101, 1111))
POSES = 4
WANTED_UM, WRONG_UM = 6.0, 34.0
# Keeps an image's noise apart from its pose's draw.
SCAN_STREAM, BAD_STREAM = 7, 8
AWAY_UM = 1300.0
POINTS = grid_points(SHAPE, SPACING_UM)


@dataclass(frozen=True)
class Placed:
    """One image held against its truth."""

    seed: int
    state: str
    pose: int
    variant: str
    found: Registration
    mean_um: float
    rms_um: tuple[float, float]
    seconds: float

    @property
    def over_se(self) -> list[float]:
        """Root mean square error over the field, over the reported standard error, along own x and y."""
        said = (self.found.se_um.u, self.found.se_um.v)
        return [e / (s or np.nan) for e, s in zip(self.rms_um, said, strict=True)]


def register(
    cell: Specimen, scan: Scan, skin_um: float = SKIN_DEPTH_UM, axes: AxesPrior = AXES
) -> Registration:
    """Register as the workflow does, the dendrite's pixels left out."""
    return register_projection(
        Image(scan.magnitude, ("y", "x"), SPACING_UM, mask=~scan.dendrite),
        cell.phases,
        cell.spacing_um,
        prior=axes,
        sigma=scan.sigma,
        skin_depth_um=skin_um,
    )


def place(cell: Specimen, pose: int, variant: str, work: Path) -> Placed:
    """Draw one image, register it and measure its error in the true image's plane."""
    number = list(VARIANTS).index(variant)
    scan = scan_of(
        metal_at(cell, pose, work), variant, random_of(cell.seed, cell.state, pose, SCAN_STREAM, number)
    )
    start = time.perf_counter()
    found = register(cell, scan, SKIN_STATED_UM.get(variant, SKIN_DEPTH_UM))
    seconds = time.perf_counter() - start
    own = own_errors_um(found.map, scan.truth)
    rms = np.sqrt((own**2).mean(axis=(0, 1)))
    mean = float(np.hypot(own[..., 0], own[..., 1]).mean())
    return Placed(cell.seed, cell.state, pose, variant, found, mean, (float(rms[0]), float(rms[1])), seconds)


def own_errors_um(found: AffineMap, truth: AffineMap) -> np.ndarray:
    """Displacement of the field along the true image's own axes, shape (ny, nx, 2)."""
    return ((found(POINTS) - truth(POINTS)) @ truth.linear)[..., :2]


def bad_scans(cell: Specimen, work: Path) -> Iterator[tuple[str, Scan, AxesPrior]]:
    """Images that must not be placed, each with what the table says of its axes."""
    rng = random_of(cell.seed, cell.state, BAD_STREAM)
    good = scan_of(metal_at(cell, 0, work), "plain", rng)
    noise = np.hypot(*rng.normal(scale=good.sigma, size=(2, *SHAPE)))

    def of(magnitude: np.ndarray) -> Scan:
        return Scan(magnitude, good.sigma, good.dendrite, good.truth)

    yield "empty: noise alone", of(noise), AXES
    yield "empty: zeros", of(np.zeros(SHAPE)), AXES
    yield "one grey", of(np.full(SHAPE, 30.0 * good.sigma)), AXES
    away = scan_of(metal_at(cell, 0, work, AWAY_UM), "plain", rng)
    yield f"field moved by {AWAY_UM:g} um: most of the cell lies outside", away, AXES
    flips: dict[str, Any] = {
        "rows reversed": np.s_[::-1],
        "columns reversed": np.s_[:, ::-1],
        "rotated by 180 degrees": np.s_[::-1, ::-1],
    }
    for name, flip in flips.items():
        yield name, Scan(good.magnitude[flip], good.sigma, good.dendrite[flip], good.truth), AXES
    yield "rows and columns swapped in the table", good, AxesPrior.parse("y,-z")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["", *(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))]


def spread(placed: Sequence[Placed], axis: int) -> str:
    """Root mean square, over images, of the error over its standard error."""
    return f"{np.sqrt(np.nanmean([p.over_se[axis] ** 2 for p in placed])):.2f}"


def placed_lines(placed: Sequence[Placed]) -> list[str]:
    """One row for each kind of scan, the same by state, and what failed."""
    groups = {name: [p for p in placed if p.variant == name] for name in VARIANTS}
    groups |= {f"all, {state}": [p for p in placed if p.state == state] for state in STATES}
    groups["all"] = list(placed)
    rows = []
    for name, group in groups.items():
        errors = np.array([p.mean_um for p in group])
        accepted = np.array([p.found.accepted for p in group])
        rows.append(
            [
                name,
                str(len(group)),
                f"{int((errors <= WANTED_UM).sum())} ({100 * np.mean(errors <= WANTED_UM):.0f} %)",
                f"{np.median(errors):.2f}",
                f"{np.percentile(errors, 95):.2f}",
                f"{errors.max():.2f}",
                str(int((~accepted).sum())),
                str(int((accepted & (errors > WRONG_UM)).sum())),
                spread(group, 0),
                spread(group, 1),
                f"{np.median([p.seconds for p in group]):.0f}, {max(p.seconds for p in group):.0f}",
            ]
        )
    head = [
        "scan",
        "images",
        f"within {WANTED_UM:g} um",
        "median error (um)",
        "95th percentile",
        "largest",
        "refused",
        f"accepted over {WRONG_UM:g} um",
        "error over its SE, own x",
        "own y",
        "seconds (median, longest)",
    ]
    lines = table(head, rows)
    for p in placed:
        if p.mean_um > WANTED_UM or not p.found.accepted:
            said = f"{p.found.verdict}: {'; '.join(p.found.reasons)}" if p.found.reasons else p.found.verdict
            lines += ["", f"Cell {p.seed}, {p.state}, pose {p.pose}, {p.variant}: {p.mean_um:.1f} um, {said}"]
    return lines


def main() -> None:
    """Run everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--work", type=Path, default=ROOT / "validation" / "projection")
    parser.add_argument("--dry", action="store_true", help="leave the page as it is")
    arguments = parser.parse_args()
    work: Path = arguments.work
    kinds = list(VARIANTS)
    placed: list[Placed] = []
    wrong: list[list[str]] = []
    bad: list[list[str]] = []
    before: Specimen | None = None
    for seed in arguments.seeds:
        state = STATES[seed % 2]
        cell = specimen(seed, state, work)
        # Every pose is scanned plainly, and each other kind of scan takes one of the poses in turn.
        tasks = [(pose, kinds[0]) for pose in range(POSES)]
        tasks += [((seed + k) % POSES, kind) for k, kind in enumerate(kinds[1:])]
        for pose, variant in tasks:
            p = place(cell, pose, variant, work)
            placed.append(p)
            print(
                f"{seed} {state} {pose} {variant}: {p.mean_um:.2f} um, {p.found.verdict}, "
                f"over SE {p.over_se[0]:.2f} {p.over_se[1]:.2f}, "
                f"misfit {p.found.diagnostics.measures.get('misfit')}, {p.seconds:.0f} s",
                *p.found.reasons,
                flush=True,
            )
        if before is not None:
            scan = scan_of(metal_at(cell, 0, work), "plain", random_of(seed, state, BAD_STREAM))
            found = register(before, scan)
            wrong.append(
                [f"{seed} in {before.seed}", found.verdict, found.reasons[0] if found.reasons else ""]
            )
            print(*wrong[-1], flush=True)
        before = cell
    last = specimen(arguments.seeds[0], STATES[arguments.seeds[0] % 2], work)
    scan = scan_of(metal_at(last, 0, work), "plain", random_of(last.seed, last.state, BAD_STREAM))
    assert before is not None
    found = register(before, scan)
    wrong.append([f"{last.seed} in {before.seed}", found.verdict, found.reasons[0] if found.reasons else ""])
    for name, scan, axes in bad_scans(last, work):
        found = register(last, scan, axes=axes)
        bad.append([name, found.verdict, found.reasons[0] if found.reasons else ""])
        print(*bad[-1], flush=True)
    refused = sum(row[1] == "refused" for row in wrong)
    text = [
        f"{len(placed)} images of {len(arguments.seeds)} cells, "
        f"seeds {arguments.seeds[0]} to {arguments.seeds[-1]}.",
        *placed_lines(placed),
        "",
        f"Images of one cell in the tomogram of another: {refused} of {len(wrong)} refused.",
        *table(["MRI of cell ... in tomogram of", "verdict", "first reason"], wrong),
        "",
        f"Images that must not be placed (cell {last.seed}, {last.state}):",
        *table(["image", "verdict", "first reason"], bad),
    ]
    print("\n".join(text))
    if not arguments.dry:
        write_section(PAGE, "projections", "\n".join(text))


if __name__ == "__main__":
    main()
