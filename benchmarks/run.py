"""Time the kernels that a run spends its time in, beside a named peer, in pairs within one run.

    python benchmarks/run.py

Prints the table and writes it into benchmarks/README.md. Ratios carry over between machines, seconds do not.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from bench_t2 import paired, relaxometry_table, size_table
from numpy.typing import NDArray
from page import write_section

from spallmap.tomography import plate_response

README = Path(__file__).with_name("README.md")
SCALES_VOXELS = (1.0, 1.5, 2.0)


def plate_filter(rng: np.random.Generator) -> list[str]:
    """Plate filter against SimpleITK's ObjectnessMeasure, the same scales on the same volume."""
    volume = rng.normal(50_000.0, 2_000.0, (128, 128, 128)).astype(np.float32)
    volume[60:62] -= 15_000.0

    def peer() -> NDArray[np.float32]:
        image = sitk.GetImageFromArray(volume)
        best: NDArray[np.float32] | None = None
        for scale in SCALES_VOXELS:
            smooth = sitk.SmoothingRecursiveGaussian(image, scale)
            found = sitk.GetArrayFromImage(
                sitk.ObjectnessMeasure(smooth, objectDimension=2, brightObject=False)
            )
            best = found if best is None else np.maximum(best, found)
        assert best is not None
        return best

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    mine, theirs = paired(lambda: plate_response(volume, sigmas=SCALES_VOXELS), peer)
    ratio = [b / a for a, b in zip(mine, theirs, strict=True)]
    speed = [volume.size / s / 1e6 for s in mine]
    return [
        f"| plate_response, 128³ voxels, 3 scales, one thread | SimpleITK ObjectnessMeasure, one thread | "
        f"{statistics.median(speed):.2f} million voxels/s | {statistics.median(ratio):.1f} "
        f"({min(ratio):.1f} to {max(ratio):.1f}) |"
    ]


def main() -> None:
    """Run everything and write the tables."""
    rng = np.random.default_rng(1)
    head = ["| what | peer | speed, median | times the peer, median (range) |", "| --- | --- | --- | --- |"]
    tables = {
        "t2": relaxometry_table(rng),
        "t2-size": size_table(rng),
        "plate-filter": head + plate_filter(rng),
    }
    for name, lines in tables.items():
        text = "\n".join(lines)
        print(text)
        write_section(README, name, text)


if __name__ == "__main__":
    main()
