"""Register details and element maps of simulated sections on a bad day, and print how well by fault.

    python benchmarks/validate_detail_faults.py --seeds 7001 7002 7003

One detail on the crack and one set of element maps a cell, two to four faults each; cracks and electrodes are
spoilt alike in all images of a section, what the microscope does to each on its own.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from validate_details import (
    OVERVIEW_SHAPE,
    OVERVIEW_UM,
    WANTED_PX,
    WORST_PX,
    Inset,
    Placed,
    Section,
    above_bar,
    draw_pose,
    hold,
    row,
)

from spallmap.frames import AffineMap, Points
from spallmap.twin import (
    TwinCell,
    draw_inset_pose,
    draw_section_look,
    draw_section_pose,
    simulate_edx,
    simulate_sem,
)
from spallmap.twin.faults.edx_faults import EdxFaults
from spallmap.twin.faults.sem_faults import SemFaults, seam_shifts, stretched
from spallmap.twin.sem import bar_row_of

STREAM = 53
# What is done to the section itself.
OF_THE_SECTION = ("epoxy", "chip_um", "fallen")
DETAIL_SHAPE, DETAIL_UM = (480, 640), 0.2
EDX_SHAPE, EDX_UM = (240, 320), 2.0


def drawn_faults(rng: np.random.Generator) -> tuple[SemFaults, SemFaults, EdxFaults]:
    """Draw the faults of an overview, of a detail and of element maps."""
    overview = SemFaults.draw(rng, int(rng.integers(2, 5)))
    own = SemFaults.draw(rng, int(rng.integers(1, 4)))
    # Details are taken on the stage as it stands.
    shared = {name: getattr(overview, name) for name in (*OF_THE_SECTION, "chip_seed", "tilt_stretch")}
    return overview, replace(own, **shared), EdxFaults.draw(rng, int(rng.integers(1, 3)))


def spoilt_insets(seed: int) -> tuple[Section, list[Inset], list[tuple[str, ...]]]:
    """Draw a section on a bad day with its overview, a detail and element maps, and name the faults."""
    rng = np.random.default_rng([seed, STREAM])
    geometry = TwinCell(seed).geometry("shorted")
    depth = 60.0 if geometry.crack is None else 0.5 * geometry.crack.depth_um
    usable = (bar_row_of(OVERVIEW_SHAPE[0]), OVERVIEW_SHAPE[1])
    to_cell = draw_section_pose(rng, geometry, usable, OVERVIEW_UM, depth)
    extent = (OVERVIEW_SHAPE[0] * OVERVIEW_UM, OVERVIEW_SHAPE[1] * OVERVIEW_UM)
    look = draw_section_look(rng, extent)
    faults, own, of_counts = drawn_faults(rng)
    # The simulation's own draw of what lies beside its place where tiles are stitched.
    tiles = seam_shifts(OVERVIEW_SHAPE, faults, copy.deepcopy(rng).spawn(1)[0])
    overview = simulate_sem(
        geometry, to_cell, rng, look=look, shape=OVERVIEW_SHAPE, spacing_um=OVERVIEW_UM, faults=faults
    )
    section = Section(seed, geometry, to_cell, look, overview)
    # From the plane to the overview, whose own tilt is in its true map.
    flat = stretched(AffineMap.identity(), OVERVIEW_SHAPE, OVERVIEW_UM, faults).inverse()
    pose = draw_pose(section, "crack", DETAIL_SHAPE, DETAIL_UM, rng)
    detail = simulate_sem(
        geometry,
        to_cell @ pose,
        rng,
        look=look,
        to_overview=pose,
        shape=DETAIL_SHAPE,
        spacing_um=DETAIL_UM,
        faults=own,
    )
    truth = flat @ pose @ stretched(AffineMap.identity(), DETAIL_SHAPE, DETAIL_UM, own)
    mask = above_bar(DETAIL_SHAPE, detail.bar_row)
    sem = Inset(seed, "sem", "crack", detail.image.astype(float), mask, DETAIL_UM, truth)
    room = [n * OVERVIEW_UM - m * EDX_UM for n, m in zip(usable, EDX_SHAPE, strict=True)]
    jitter = rng.uniform(-0.35, 0.35, 2) * np.maximum(np.array(room) - 20.0, 0.0)
    middle = np.append((np.array(usable) * OVERVIEW_UM / 2.0 + jitter)[::-1], 0.0)
    of_maps = draw_inset_pose(rng, EDX_SHAPE, EDX_UM, middle, 1.0)
    # Taken with the overview, on the stage as it stands.
    of_maps = of_maps @ stretched(AffineMap.identity(), EDX_SHAPE, EDX_UM, faults)
    counts = simulate_edx(
        geometry, to_cell @ of_maps, rng, shape=EDX_SHAPE, spacing_um=EDX_UM, faults=of_counts
    )
    edx = Inset(seed, "edx", "crack", counts.astype(float), np.ones(EDX_SHAPE, bool), EDX_UM, flat @ of_maps)
    insets = [_as_shown(inset, tiles) for inset in (sem, edx)]
    names = [(*faults.names, *(f"own {n}" for n in own.names)), (*faults.names, *of_counts.names)]
    return section, insets, names


def _as_shown(inset: Inset, tiles: NDArray[np.float64]) -> Inset:
    """Take the truth to where the overview shows an inset: a stitched tile may lie beside its place."""
    field: Points = inset.to_overview(inset.field)
    columns, rows = (np.rint(field[:, axis] / OVERVIEW_UM).astype(int) for axis in (0, 1))
    last = np.array(tiles.shape[:2]) - 1
    off = tiles[np.clip(rows, 0, last[0]), np.clip(columns, 0, last[1])].mean(axis=0)
    return replace(inset, to_overview=AffineMap.from_parts(np.eye(3), -off) @ inset.to_overview)


def line(name: str, placed: Sequence[Placed]) -> str:
    """One line of the table."""
    right = [p for p in placed if p.error_px <= WANTED_PX]
    accepted = [p for p in placed if p.found.accepted]
    ratios = np.array([p.ratio for p in accepted])
    over_se = " / ".join(f"{v:.2f}" for v in np.sqrt((ratios**2).mean(axis=0))) if accepted else ""
    return (
        f"| {name} | {len(placed)} | {len(right)} | {sum(p.found.accepted for p in right)} "
        f"| {max((p.error_px for p in accepted), default=np.nan):.2f} "
        f"| {sum(p.error_px > WORST_PX for p in accepted)} | {over_se} |"
    )


def table(placed: Iterable[tuple[Placed, tuple[str, ...]]]) -> str:
    """All details and maps, then fault by fault; an image counts in every fault that it has."""
    groups: dict[str, list[Placed]] = {}
    for p, names in placed:
        for name in (f"all {p.inset.kind}", *(f"{p.inset.kind}: {n}" for n in dict.fromkeys(names))):
            groups.setdefault(name, []).append(p)
    head = (
        "| fault | images | right (2 px) | of these accepted | worst accepted (px) "
        "| accepted beyond 10 px | error / standard error |"
    )
    return "\n".join([head, "|" + " --- |" * 7, *(line(name, groups[name]) for name in sorted(groups))])


def main() -> None:
    """Draw, register, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(7001, 7013)))
    done: list[tuple[Placed, tuple[str, ...]]] = []
    for seed in parser.parse_args().seeds:
        section, insets, names = spoilt_insets(seed)
        for inset, faults in zip(insets, names, strict=True):
            done.append((hold(inset, section), faults))
            print(row(done[-1][0]), ", ".join(faults), flush=True)
    print(table(done))


if __name__ == "__main__":
    main()
