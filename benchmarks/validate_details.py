"""Register details and element maps to simulated overviews and write how well, into docs/validation.md.

    python benchmarks/validate_details.py

Several details and element maps of each cell's section, then those of other cells and bad images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import write_section

from spallmap.frames import AffineMap, Points, displacement_um, grid_points
from spallmap.registration.inset import Kind, register_inset
from spallmap.registration.result import Registration
from spallmap.twin import (
    MATTER,
    SemImage,
    TwinCell,
    draw_inset_pose,
    draw_section_look,
    draw_section_pose,
    simulate_edx,
    simulate_sem,
)
from spallmap.twin.geometry import CellGeometry
from spallmap.twin.sem import SectionLook, bar_row_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
SEEDS = tuple(range(1309, 1317))
# Keeps these draws apart from what else a seed decides.
STREAM = 52
OVERVIEW_SHAPE = (640, 900)
OVERVIEW_UM = 1.0
DETAIL_SHAPE = (768, 1024)
# Overview pixels over detail pixels, drawn evenly in the logarithm.
RATIOS = (2.5, 20.0)
EDX_SHAPE = (120, 160)
EDX_UM = (0.5, 2.0)
ROTATION_DEG = 15.0
SUBJECTS = ("crack", "face", "pore", "ceramic")
EDX_SUBJECTS = ("crack", "face")
# Sections of which bad images are made.
N_SPOILT = 2
WANTED_PX = 2.0
WORST_PX = 10.0


@dataclass(frozen=True)
class Section:
    """A polished section with its overview."""

    seed: int
    geometry: CellGeometry
    to_cell: AffineMap
    look: SectionLook
    overview: SemImage

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where the overview shows the specimen."""
        return above_bar(self.overview.image.shape, self.overview.bar_row)


@dataclass(frozen=True)
class Inset:
    """A detail or element maps, and where they truly lie."""

    seed: int
    kind: Kind
    subject: str
    image: NDArray[np.float64]
    mask: NDArray[np.bool_]
    spacing_um: float
    to_overview: AffineMap

    @property
    def field(self) -> Points:
        """Some points of its field."""
        points: Points = grid_points(self.mask.shape, (self.spacing_um,) * 2)[self.mask]
        return points[:: max(1, points.shape[0] // 2000)]


def above_bar(shape: Sequence[int], bar_row: int) -> NDArray[np.bool_]:
    """Mask of what is no data bar."""
    mask = np.ones(tuple(shape), dtype=bool)
    mask[bar_row:] = False
    return mask


def draw_section(seed: int) -> Section:
    """Draw a cell's section through its crack and take the overview."""
    rng = np.random.default_rng([seed, STREAM])
    geometry = TwinCell(seed).geometry("shorted")
    usable = (bar_row_of(OVERVIEW_SHAPE[0]), OVERVIEW_SHAPE[1])
    depth = 60.0 if geometry.crack is None else 0.5 * geometry.crack.depth_um
    to_cell = draw_section_pose(rng, geometry, usable, OVERVIEW_UM, depth)
    extent = (OVERVIEW_SHAPE[0] * OVERVIEW_UM, OVERVIEW_SHAPE[1] * OVERVIEW_UM)
    look = draw_section_look(rng, extent)
    overview = simulate_sem(geometry, to_cell, rng, look=look, shape=OVERVIEW_SHAPE, spacing_um=OVERVIEW_UM)
    return Section(seed, geometry, to_cell, look, overview)


def draw_insets(section: Section) -> Iterator[Inset]:
    """Draw one detail of every subject, and element maps of one, anywhere on the overview."""
    for number, subject in enumerate(SUBJECTS):
        rng = np.random.default_rng([section.seed, STREAM, 1, number])
        spacing = OVERVIEW_UM / float(np.exp(rng.uniform(*np.log(RATIOS))))
        pose = draw_pose(section, subject, DETAIL_SHAPE, spacing, rng)
        image = simulate_sem(
            section.geometry,
            section.to_cell @ pose,
            rng,
            look=section.look,
            to_overview=pose,
            shape=DETAIL_SHAPE,
            spacing_um=spacing,
        )
        mask = above_bar(image.image.shape, image.bar_row)
        yield Inset(section.seed, "sem", subject, image.image.astype(float), mask, spacing, pose)
    rng = np.random.default_rng([section.seed, STREAM, 2])
    subject, spacing = EDX_SUBJECTS[section.seed % 2], float(rng.uniform(*EDX_UM))
    pose = draw_pose(section, subject, EDX_SHAPE, spacing, rng)
    counts = simulate_edx(section.geometry, section.to_cell @ pose, rng, shape=EDX_SHAPE, spacing_um=spacing)
    yield Inset(
        section.seed, "edx", subject, counts.astype(float), np.ones(EDX_SHAPE, dtype=bool), spacing, pose
    )


def draw_pose(
    section: Section, subject: str, shape: Sequence[int], spacing_um: float, rng: np.random.Generator
) -> AffineMap:
    """Draw a pose on the overview whose middle third shows the subject."""
    reach = 0.5 * spacing_um * np.hypot(shape[0], shape[1])
    rows, columns = (
        np.arange(n)[(np.arange(n) * OVERVIEW_UM > reach) & (np.arange(n)[::-1] * OVERVIEW_UM > reach)]
        for n in (section.overview.bar_row, OVERVIEW_SHAPE[1])
    )
    inner = seen(section.overview.shares, subject)[np.ix_(rows, columns)]
    where = np.argwhere(inner if inner.any() else np.ones_like(inner))
    row, column = where[rng.integers(len(where))]
    jitter = rng.uniform(-1.0, 1.0, 2) * np.array(shape[::-1]) * spacing_um / 6.0
    middle = np.array([columns[column], rows[row]]) * OVERVIEW_UM + jitter
    return draw_inset_pose(rng, shape, spacing_um, [*middle, 0.0], ROTATION_DEG)


def seen(fractions: NDArray[np.float32], subject: str) -> NDArray[np.bool_]:
    """Where a section truly shows a subject."""

    def fraction(*names: str) -> NDArray[np.float32]:
        total: NDArray[np.float32] = fractions[..., [MATTER.index(n) for n in names]].sum(axis=-1)
        return total

    if subject == "crack":
        return fraction("empty_crack", "sodium_crack") > 0.3
    if subject == "pore":
        return fraction("pore") > 0.5
    ceramic = fraction("ceramic") > 0.5
    if subject == "face":
        sodium = fraction("sodium") > 0.5
        beside: NDArray[np.bool_] = np.zeros_like(ceramic)
        beside[:-1] = ceramic[:-1] & sodium[1:] | sodium[:-1] & ceramic[1:]
        return beside
    return ceramic


@dataclass(frozen=True, eq=False)
class Placed:
    """What came out of one inset."""

    inset: Inset
    found: Registration
    error_px: float
    """Mean over the field, in overview pixels."""
    ratio: NDArray[np.float64]
    """Root mean square error over the standard error, along columns and rows."""
    seconds: float


def register(inset: Inset, section: Section) -> tuple[Registration, float]:
    """Register an inset to a section's overview and time it, in seconds of one processor."""
    begin = time.process_time()
    found = register_inset(
        inset.image,
        inset.mask,
        (inset.spacing_um, inset.spacing_um),
        section.overview.image.astype(float),
        section.mask,
        (OVERVIEW_UM, OVERVIEW_UM),
        kind=inset.kind,
    )
    return found, time.process_time() - begin


def hold(inset: Inset, section: Section) -> Placed:
    """Register an inset and hold it against the truth."""
    found, seconds = register(inset, section)
    field = inset.field
    axes = found.map.linear / np.linalg.norm(found.map.linear, axis=0)
    along = ((found.map(field) - inset.to_overview(field)) @ axes)[:, :2]
    se = [np.nan if s is None else s for s in (found.se_um.u, found.se_um.v)]
    error = float(displacement_um(found.map, inset.to_overview, field).mean()) / OVERVIEW_UM
    return Placed(inset, found, error, np.sqrt((along**2).mean(axis=0)) / np.array(se), seconds)


def spoilt(inset: Inset, section: Section) -> Iterator[tuple[str, Inset]]:
    """Make images of a good one that must be refused."""

    def made(
        image: NDArray[np.float64], mask: NDArray[np.bool_] = inset.mask, pose: AffineMap = inset.to_overview
    ) -> Inset:
        return Inset(inset.seed, inset.kind, "spoilt", image, mask, inset.spacing_um, pose)

    yield "empty", made(np.zeros_like(inset.image))
    yield "one grey", made(np.where(inset.mask, 117.0, 0.0))
    yield "mirrored", made(inset.image[:, ::-1], inset.mask[:, ::-1])
    yield "rows and columns swapped", made(inset.image.T, inset.mask.T)
    aside = AffineMap.from_parts(np.eye(3), [0.0, -1.3 * OVERVIEW_SHAPE[0] * OVERVIEW_UM, 0.0])
    pose = aside @ inset.to_overview
    rng = np.random.default_rng([inset.seed, STREAM, 3])
    away = simulate_sem(
        section.geometry,
        section.to_cell @ pose,
        rng,
        look=section.look,
        to_overview=pose,
        shape=DETAIL_SHAPE,
        spacing_um=inset.spacing_um,
    )
    yield "beside the overview", made(away.image.astype(float), pose=pose)


def row(p: Placed) -> str:
    """One line of the table."""
    # A refusal may have no score.
    score = "none" if p.found.score is None else f"{p.found.score:.2f}"
    runner_up = f"{p.found.runner_up.score:.2f}" if p.found.runner_up else ""
    return (
        f"| {p.inset.seed} | {p.inset.kind} | {p.inset.subject} | {OVERVIEW_UM / p.inset.spacing_um:.1f} "
        f"| {p.error_px:.2f} | {score} | {runner_up} | {'/'.join(f'{r:.2f}' for r in p.ratio)} "
        f"| {p.seconds:.1f} | {p.found.verdict} {'; '.join(p.found.reasons)} |"
    )


def summary(name: str, placed: Sequence[Placed]) -> str:
    """One line of counts for a kind of inset."""
    errors = np.array([p.error_px for p in placed])
    accepted = [p for p in placed if p.found.accepted]
    ratios = np.array([p.ratio for p in accepted])
    spread = " / ".join(f"{v:.2f}" for v in np.sqrt((ratios**2).mean(axis=0))) if accepted else ""
    within = np.count_nonzero(errors <= WANTED_PX)
    return (
        f"| {name} | {len(placed)} | {within} | {np.median(errors):.2f} | {len(accepted)} "
        f"| {max((p.error_px for p in accepted), default=np.nan):.2f} "
        f"| {sum(p.error_px > WORST_PX for p in accepted)} | {spread} "
        f"| {np.median([p.seconds for p in placed]):.1f} |"
    )


def main() -> None:
    """Run all insets and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    sections = [draw_section(seed) for seed in parser.parse_args().seeds]
    placed: list[Placed] = []
    others: list[Placed] = []
    bad: list[tuple[str, Placed]] = []
    for k, (section, other) in enumerate(zip(sections, sections[1:] + sections[:1], strict=True)):
        insets = list(draw_insets(section))
        placed += [hold(i, section) for i in insets]
        print("\n".join(row(p) for p in placed[-len(insets) :]), flush=True)
        others += [hold(i, other) for i in ((insets[0], insets[-1]) if k % 2 else (insets[2],))]
        print("\n".join(f"another cell {row(p)}" for p in others[-2:]), flush=True)
        if k < N_SPOILT:
            bad += [(name, hold(made, section)) for name, made in spoilt(insets[0], section)]
            print("\n".join(f"{name} {row(p)}" for name, p in bad[-5:]), flush=True)
    write_section(PAGE, "details", report(placed, others, bad))


def report(placed: Sequence[Placed], others: Sequence[Placed], bad: Sequence[tuple[str, Placed]]) -> str:
    """Return the section of the page."""

    def of(kind: Kind, all_: Sequence[Placed]) -> list[Placed]:
        return [p for p in all_ if p.inset.kind == kind]

    def refused(chosen: Sequence[Placed]) -> str:
        return f"{sum(not p.found.accepted for p in chosen)} of {len(chosen)} refused"

    straight = [p for p in placed if p.inset.subject == "face"]
    groups = {
        "sem, on crack, pore or ceramic": [p for p in of("sem", placed) if p not in straight],
        "sem, on a face": [p for p in of("sem", placed) if p in straight],
        "edx, on a crack": [p for p in of("edx", placed) if p not in straight],
        "edx, on a face": [p for p in of("edx", placed) if p in straight],
    }
    names = list(dict.fromkeys(name for name, _ in bad))
    kinds: tuple[Kind, ...] = ("sem", "edx")
    heading: Callable[[int], str] = lambda n: "| " + " | ".join(["---"] * n) + " |"  # noqa: E731
    return "\n".join(
        [
            "| insets | number | within 2 px | median error (px) | accepted | worst accepted (px) "
            "| accepted beyond 10 px | error / standard error, columns / rows | CPU s |",
            heading(9),
            *(summary(name, chosen) for name, chosen in groups.items() if chosen),
            "",
            "| must be refused | |",
            heading(2),
            *(f"| {kind} of another cell | {refused(of(kind, others))} |" for kind in kinds),
            *(f"| {name} | {refused([p for n, p in bad if n == name])} |" for name in names),
            "",
            "| seed | kind | on | scale ratio | mean error (px) | score | next best "
            "| error / standard error | CPU s | verdict |",
            heading(10),
            *(row(p) for p in placed),
        ]
    )


if __name__ == "__main__":
    main()
