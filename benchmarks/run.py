"""Time the kernels that a run spends its time in, beside a named peer, in pairs within one run.

    python benchmarks/run.py

Prints the table and writes it into benchmarks/README.md. Ratios carry over between machines, seconds do not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from spallmap.relaxometry import fit_t2
from spallmap.tomography import plate_response

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
PAIRS = 5
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
SIGMA = 1.0
SCALES_VOXELS = (1.0, 1.5, 2.0)


def paired(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of both, run in turn after one warm-up each."""
    ours(), peer()
    mine, theirs = [], []
    for _ in range(PAIRS):
        for run, seconds in ((ours, mine), (peer, theirs)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return mine, theirs


def decays(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Magnitudes of `n` pixels with T2 from 4 to 25 ms and a signal-to-noise ratio from 5 to 50."""
    t2, s0 = rng.uniform(4.0, 25.0, n), rng.uniform(5.0, 50.0, n)
    signal = s0 * np.exp(-np.array(TE_MS)[:, None] / t2)
    noise = rng.normal(0.0, SIGMA, (2, *signal.shape))
    return np.hypot(signal + noise[0], noise[1])


def by_curve_fit(echoes: NDArray[np.float64]) -> NDArray[np.float64]:
    """T2 with the offset model, pixel by pixel, by scipy."""
    te, offset = np.array(TE_MS), np.sqrt(np.pi / 2.0) * SIGMA

    def model(t: NDArray[np.float64], s0: float, t2: float) -> NDArray[np.float64]:
        return s0 * np.exp(-t / t2) + offset

    found = np.full(echoes.shape[1], np.nan)
    for k in range(echoes.shape[1]):
        try:
            found[k] = curve_fit(model, te, echoes[:, k], p0=(echoes[0, k], 10.0), maxfev=200)[0][1]
        except RuntimeError:
            continue
    return found


def relaxometry(rng: np.random.Generator) -> list[str]:
    """T2 fits against scipy.optimize.curve_fit, in pixels a second."""
    many, few = decays(256 * 256, rng), decays(500, rng)
    rows = []
    for model in ("offset", "free_offset", "rician"):
        mine, theirs = paired(
            lambda model=model: fit_t2(many, TE_MS, model=model, sigma=SIGMA, min_snr=0.0),
            lambda: by_curve_fit(few),
        )
        speed = [many.shape[1] / s for s in mine]
        ratio = [(many.shape[1] / a) / (few.shape[1] / b) for a, b in zip(mine, theirs, strict=True)]
        rows.append(
            f"| fit_t2 `{model}`, 65 536 pixels | scipy curve_fit, offset, 500 pixels | "
            f"{statistics.median(speed):,.0f} pixels/s | {statistics.median(ratio):.0f} "
            f"({min(ratio):.0f} to {max(ratio):.0f}) |"
        )
    return rows


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
    lines = ["| what | peer | speed, median | times the peer, median (range) |", "| --- | --- | --- | --- |"]
    lines += relaxometry(rng) + plate_filter(rng)
    text = "\n".join(lines)
    print(text)
    page = README.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
