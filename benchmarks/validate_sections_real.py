"""Register real pairs of section images that have landmarks, and write the errors into docs/validation.md.

    python benchmarks/validate_sections_real.py path/to/data-images

The folder is BIRL's ``data-images`` (github.com/Borda/BIRL). Lengths are pixels; nothing else is known.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from page import write_section
from skimage.io import imread

from spallmap.registration.inset.register import register_inset
from spallmap.registration.result import Registration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
ARTIFICIAL = ("images/artificial_moving-{}.jpg", "images/artificial_reference.jpg")
KIDNEY = "rat-kidney_/scale-5pc/Rat-Kidney_{}"
LESION = "lesions_/scale-5pc/Izd2-29-041-w35_{}"
# Moving and reference image by the pair's name.
PAIRS = {
    "artificial, rigid": (ARTIFICIAL[0].format("rigid"), ARTIFICIAL[1]),
    "artificial, affine": (ARTIFICIAL[0].format("affine"), ARTIFICIAL[1]),
    "artificial, elastic": (ARTIFICIAL[0].format("elastic"), ARTIFICIAL[1]),
    "rat kidney, two stains": (KIDNEY.format("PanCytokeratin.jpg"), KIDNEY.format("HE.jpg")),
    "lesion, two stains": (LESION.format("proSPC.jpg"), LESION.format("HE.jpg")),
}


@dataclass(frozen=True)
class Outcome:
    """What came out of one pair.

    Parameters
    ----------
    found : Registration
        Moving to reference, in pixels.
    initial_px, tre_px : float
        Root mean square distance at the landmarks before, and with the map found.
    rigid_px, affine_px : float
        The same with the best rigid and the best affine map through these landmarks themselves.
    """

    found: Registration
    initial_px: float
    tre_px: float
    rigid_px: float
    affine_px: float


def landmarks_of(image: Path) -> NDArray[np.float64]:
    """Points (x, y, 0) that were marked in an image."""
    beside = image.with_suffix(".csv")
    path = beside if beside.exists() else image.parents[1] / "landmarks" / beside.name
    table = pd.read_csv(path)
    return np.column_stack([table["X"], table["Y"], np.zeros(len(table))]).astype(float)


def run(folder: Path, name: str) -> Outcome:
    """Register a pair and measure it at its landmarks."""
    moving, reference = (folder / image for image in PAIRS[name])
    images = [imread(path).astype(float).mean(axis=-1) for path in (moving, reference)]
    own, other = landmarks_of(moving), landmarks_of(reference)
    count = min(len(own), len(other))
    own, other = own[:count], other[:count]
    step = (1.0, 1.0)
    masks = [np.ones(image.shape, dtype=bool) for image in images]
    found = register_inset(images[0], masks[0], step, images[1], masks[1], step, kind="sem")
    design = np.column_stack([own[:, :2], np.ones(count)])
    affine = design @ np.linalg.lstsq(design, other[:, :2], rcond=None)[0]
    return Outcome(
        found,
        _rms(own - other),
        _rms(found.map(own) - other),
        _rms(_rigid(own, other) - other[:, :2]),
        _rms(affine - other[:, :2]),
    )


def _rms(difference: NDArray[np.float64]) -> float:
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


def _rigid(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points moved by the best rigid map, as complex numbers: a rotation is a factor."""
    p, q = own[:, 0] + 1j * own[:, 1], other[:, 0] + 1j * other[:, 1]
    factor = np.vdot(p - p.mean(), q - q.mean())
    moved = (p - p.mean()) * factor / abs(factor) + q.mean()
    return np.column_stack([moved.real, moved.imag])


def row(name: str, outcome: Outcome) -> str:
    """One line of the table."""
    o = outcome
    return (
        f"| {name} | {o.initial_px:.1f} | {o.tre_px:.1f} | {o.rigid_px:.1f} | {o.affine_px:.1f} "
        f"| {o.found.score:.2f} | {o.found.verdict} {'; '.join(o.found.reasons)} |"
    )


def main() -> None:
    """Run all pairs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    lines = [
        "| pair | before (px) | found (px) | best rigid through the landmarks (px) | best affine (px) "
        "| score | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in PAIRS:
        lines.append(row(name, run(folder, name)))
        print(lines[-1], flush=True)
    write_section(PAGE, "section-pairs", "\n".join(lines))


if __name__ == "__main__":
    main()
