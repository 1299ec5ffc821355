"""Place sections on a bad day, and sections that lie nowhere in the tomogram; print how well, by fault.

    python benchmarks/validate_section_faults.py --work <folder> --seeds 761 762

Planes of each cell with two to four faults each, and as many images that must be refused: of another cell,
mirrored, upside down. The tomograms are kept in the folder.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from section_cases import SPACING_UM, VOXEL_UM, SectionCase, Tomogram, section, tomogram

from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.registration.result import Registration
from spallmap.registration.section import register_section
from spallmap.twin.faults.sem_faults import SemFaults

STREAM = 54
PLANES = 3
PRIOR = AxesPrior.parse("-z,r")
RIGHT_VOXELS = 2.0
WRONG_VOXELS = 3.0


@dataclass(frozen=True)
class Trial:
    """One image and what came out of it; no error where it lies nowhere."""

    kind: str
    seed: int
    plane: int
    faults: tuple[str, ...]
    error_voxels: float | None
    error_um: tuple[float, ...]
    se_um: tuple[float | None, ...]
    accepted: bool
    reasons: tuple[str, ...]
    measures: dict[str, float | None]
    seconds: float

    @property
    def ratios(self) -> list[float]:
        """Root mean square error over the standard error along u, v and normal."""
        return [e / s if s else np.nan for e, s in zip(self.error_um, self.se_um, strict=True)]


def spoilt_planes(seed: int, volume: Tomogram) -> Iterator[tuple[str, int, tuple[str, ...], SectionCase]]:
    """Draw a cell's planes with faults, each with an image that must be refused."""
    for number in range(PLANES):
        rng = np.random.default_rng([seed, number, STREAM])
        faults = SemFaults.draw(rng, int(rng.integers(2, 5)))
        case = section(seed, number, volume.to_cell, faults)
        yield "right", number, faults.names, case
        wrong = ("another cell", "mirrored", "upside down")[number % PLANES]
        if wrong == "another cell":
            yield wrong, number, faults.names, section(seed + 1000, number, volume.to_cell, faults)
        else:
            yield wrong, number, faults.names, _flipped(case, upside_down=wrong == "upside down")


def _flipped(case: SectionCase, *, upside_down: bool) -> SectionCase:
    """Save an image mirrored, or rotated by half a turn; its data bar goes with it."""
    image = case.image
    flip = np.s_[::-1, ::-1] if upside_down else np.s_[:, ::-1]
    mask = None if image.mask is None else np.ascontiguousarray(image.mask[flip])
    data = np.ascontiguousarray(image.data[flip])
    return replace(case, image=Image(data, ("y", "x"), image.spacing_um, mask=mask))


def tried(
    kind: str, seed: int, number: int, names: tuple[str, ...], case: SectionCase, volume: Tomogram
) -> Trial:
    """Register one image and hold it against the truth."""
    # Mirrored, an image is the same section seen from behind, which only columns with a name exclude.
    prior = case.named_axes() if kind == "mirrored" else PRIOR
    begin = time.process_time()
    found = register_section(
        case.image, volume.grey, volume.phases, SPACING_UM, prior=prior, seed=1, threads=1
    )
    right = kind == "right"
    return Trial(
        kind,
        seed,
        number,
        names,
        case.error_um(found.map) / VOXEL_UM if right else None,
        tuple(errors_um(case, found)),
        (found.se_um.u, found.se_um.v, found.se_um.normal),
        found.accepted,
        found.reasons,
        dict(found.diagnostics.measures),
        time.process_time() - begin,
    )


def errors_um(case: SectionCase, found: Registration) -> list[float]:
    """Root mean square error over the field along u, v and normal."""
    field = case.field()
    axes = found.map.linear / np.linalg.norm(found.map.linear, axis=0)
    error: list[float] = np.sqrt((((found.map(field) - case.truth(field)) @ axes) ** 2).mean(axis=0)).tolist()
    return error


def line(name: str, trials: list[Trial]) -> str:
    """One line of the table."""
    right = [t for t in trials if t.error_voxels is not None and t.error_voxels <= RIGHT_VOXELS]
    accepted = [t for t in trials if t.accepted]
    beyond = sum(t.error_voxels is None or t.error_voxels > WRONG_VOXELS for t in accepted)
    ratios = np.array([t.ratios for t in accepted if t.error_voxels is not None])
    rms = " / ".join(f"{v:.2f}" for v in np.sqrt((ratios**2).mean(axis=0))) if ratios.size else ""
    worst = f"{ratios.max():.2f}" if ratios.size else ""
    return (
        f"| {name} | {len(trials)} | {len(right)} | {sum(t.accepted for t in right)} | {len(accepted)} "
        f"| {beyond} | {rms} | {worst} |"
    )


def table(trials: list[Trial]) -> str:
    """Right images, fault by fault, then those that must be refused."""
    groups: dict[str, list[Trial]] = {}
    for t in trials:
        names = (t.kind, *t.faults) if t.kind == "right" else (t.kind,)
        for name in names:
            groups.setdefault(name, []).append(t)
    head = (
        "| sections | images | right (2 voxels) | of these accepted | accepted | accepted and wrong "
        "| error / standard error u, v, normal | largest |"
    )
    return "\n".join([head, "|" + " --- |" * 8, *(line(name, groups[name]) for name in sorted(groups))])


def main() -> None:
    """Draw, register, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("validation/sections"))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(761, 765)))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    trials: list[Trial] = []
    for seed in options.seeds:
        volume = tomogram(seed, options.work)
        for kind, number, names, case in spoilt_planes(seed, volume):
            trials.append(tried(kind, seed, number, names, case, volume))
            print(json.dumps(trials[-1].__dict__), flush=True)
    print(table(trials))


if __name__ == "__main__":
    main()
