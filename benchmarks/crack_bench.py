"""The plate filter beside its peer: speed, answer and memory; called by run.py.

    python benchmarks/crack_bench.py

Prints the tables and writes nothing; with --full also the memory of a full-size volume.
"""

from __future__ import annotations

import functools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.tomography import (
    AIR_GREY,
    CERAMIC,
    CERAMIC_GREY,
    MIDDLE_GREY,
    OUTSIDE,
    SMOOTHING_VOXELS,
    VOID,
    find_cracks,
    plate_response,
)

SCALES_VOXELS = (1.0, 1.5, 2.0)
SIDE = 256
PAIRS = 2
THREADS = (2,)
# Standard deviation of the noise over the contrast between ceramic and air.
NOISE = 0.10
BLUR_VOXELS = 0.6
APERTURES_VOXELS = (0.3, 3.0)
# The peer's scales are compared as they are, and times sigma to this power, as ours are, which equalises
# noise.
NOISE_EXPONENT = 3.5
THRESHOLDS = 400
MEMORY_SHAPES = ((256, 256, 256), (512, 512, 512))
FULL_SHAPE = (1000, 1024, 1024)
# Edge of the cube that volumes for memory repeat.
TILE = 128
FRAME = 12

Greys = NDArray[np.float32]


def conical_crack(rng: np.random.Generator, side: int = SIDE) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Draw ceramic with a crack on a cone, wider and narrower around it, pores and noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws pores and noise.
    side : int
        Voxels along each edge.

    Returns
    -------
    volume : ndarray of uint16
        On the common grey scale.
    crack : ndarray of bool
        Voxels that the crack's middle surface passes or that it fills by half.
    """
    z, y, x = (a.astype(np.float32) for a in np.ogrid[:side, :side, :side])
    dy, dx = y - 0.5 * side + 0.3, x - 0.5 * side - 0.2
    r = np.hypot(dy, dx)
    slope = 0.6
    distance = (z - 0.3 * side - slope * r) / np.float32(np.hypot(1.0, slope))
    low, high = APERTURES_VOXELS
    aperture = low + (high - low) * np.abs(np.arctan2(dy, dx)) / np.float32(np.pi)
    inside = (r < 0.42 * side) & (r > 2.0)
    crack = inside & (np.abs(distance) <= np.maximum(aperture, 1.0) / 2.0)
    # What a sheet covers of a voxel: summed across the sheet it is the aperture.
    fraction = np.clip(0.5 * (aperture + 1.0) - np.abs(distance), 0.0, np.minimum(aperture, 1.0)) * inside
    solid = 1.0 - fraction.astype(np.float32)
    for _ in range(round(60 * (side / 256) ** 3)):
        radius = rng.uniform(2.0, 6.0)
        centre = rng.uniform(radius + 1, side - radius - 2, 3)
        lows = np.floor(centre - radius - 1).astype(int)
        box = tuple(slice(a, a + int(2 * radius) + 4) for a in lows)
        grid = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), axis=-1)
        away = np.linalg.norm(grid - centre, axis=-1)
        part = solid[box]
        part *= np.clip(away - radius + 0.5, 0.0, 1.0)[: part.shape[0], : part.shape[1], : part.shape[2]]
    contrast = CERAMIC_GREY - AIR_GREY
    grey = AIR_GREY + contrast * ndimage.gaussian_filter(solid, BLUR_VOXELS)
    grey += NOISE * contrast * rng.standard_normal(grey.shape, dtype=np.float32)
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16), crack


def objectness(volume: NDArray[np.uint16]) -> list[Greys]:
    """SimpleITK's measure of dark plates, one array a scale."""
    image = sitk.Cast(sitk.GetImageFromArray(volume), sitk.sitkFloat32)
    found = []
    for scale in SCALES_VOXELS:
        smooth = sitk.SmoothingRecursiveGaussian(image, scale)
        measured = sitk.ObjectnessMeasure(smooth, objectDimension=2, brightObject=False)
        found.append(sitk.GetArrayFromImage(measured))
    return found


def largest(responses: list[Greys], exponent: float = 0.0) -> Greys:
    """Take the largest over the scales, each times sigma to some power."""
    weighted = (r * np.float32(s**exponent) for r, s in zip(responses, SCALES_VOXELS, strict=True))
    return functools.reduce(np.maximum, weighted)


def best_f1(response: Greys, crack: NDArray[np.bool_]) -> tuple[float, float]:
    """F1 at one voxel tolerance of a thresholded response, at the threshold that is best for it.

    Parameters
    ----------
    response : ndarray of float32
        The filter's answer.
    crack : ndarray of bool
        The truth.

    Returns
    -------
    tuple of float
        F1 and the threshold.
    """
    near = ndimage.maximum_filter(response, size=3)[crack]
    on = np.sort(response[ndimage.binary_dilation(crack, ndimage.generate_binary_structure(3, 3))])
    everywhere = np.sort(response, axis=None)
    near.sort()
    grid = np.unique(np.quantile(everywhere, 1.0 - np.geomspace(0.3, 1e-4, THRESHOLDS)))
    recall = 1.0 - np.searchsorted(near, grid, side="right") / len(near)
    above = len(everywhere) - np.searchsorted(everywhere, grid, side="right")
    precision = (len(on) - np.searchsorted(on, grid, side="right")) / np.maximum(above, 1)
    f1 = 2 * recall * precision / np.maximum(recall + precision, 1e-9)
    best = int(np.argmax(f1))
    return float(f1[best]), float(grid[best])


def paired(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of both, run in turn, after one warm-up of ours, which is compiled."""
    ours()
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(PAIRS):
        for run, seconds in ((ours, mine), (peer, theirs)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return mine, theirs


def speed_table(rng: np.random.Generator) -> list[str]:
    """Plate filter against SimpleITK's ObjectnessMeasure: speed and answer.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the volume.

    Returns
    -------
    list of str
        Lines of a Markdown table.
    """
    volume, crack = conical_crack(rng)
    ours_f1, _ = best_f1(plate_response(volume, sigmas=SCALES_VOXELS, threads=2), crack)
    scales = objectness(volume)
    plain, weighted = (best_f1(largest(scales, e), crack)[0] for e in (0.0, NOISE_EXPONENT))
    head = (
        "threads",
        "plate_response (million voxels/s), median (range)",
        "SimpleITK ObjectnessMeasure",
        "times the peer, median (range)",
        "F1 of ours",
        "of the peer",
        "of the peer, its scales weighted like ours",
    )
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for threads in THREADS:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        mine, theirs = paired(
            functools.partial(plate_response, volume, sigmas=SCALES_VOXELS, threads=threads),
            lambda: largest(objectness(volume)),
        )
        ratio = [b / a for a, b in zip(mine, theirs, strict=True)]
        ours, peer = ([volume.size / s / 1e6 for s in seconds] for seconds in (mine, theirs))
        values = [str(threads), _median_range(ours, 1), _median_range(peer, 2), _median_range(ratio, 0)]
        values += [f"{f1:.3f}" for f1 in (ours_f1, plain, weighted)]
        lines.append(f"| {' | '.join(values)} |")
    return lines


def _median_range(values: list[float], digits: int) -> str:
    middle, low, high = (f"{v:.{digits}f}" for v in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def memory_table(shapes: tuple[tuple[int, int, int], ...] = MEMORY_SHAPES) -> list[str]:
    """Peak memory beyond the volume and its labels, each measured in a process of its own.

    Parameters
    ----------
    shapes : tuple of tuple of int
        Volumes; add `FULL_SHAPE` where 10 GB are free.

    Returns
    -------
    list of str
        Lines of a Markdown table.
    """
    lines = [
        "| voxels | input: grey and labels (MB) | cracks | their middle layers (million voxels) "
        "| find_cracks: peak beyond the input (MB) | minutes, two threads |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for shape in shapes:
        command = [sys.executable, str(Path(__file__).resolve()), "--child", *map(str, shape)]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        size = " x ".join(map(str, shape))
        lines.append(
            f"| {size} | {said['input_mb']:.0f} | {said['cracks']} | {said['ridge_voxels'] / 1e6:.2f} "
            f"| {said['beyond_mb']:.0f} | {said['seconds'] / 60:.1f} |"
        )
    return lines


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def repeated(shape: tuple[int, int, int]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Repeat a conical crack with its pores in ceramic that fills a volume but for a frame of air.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along z, y and x.

    Returns
    -------
    grey : ndarray of uint16
        On the common grey scale, filled slice by slice, so that drawing it leaves no peak of memory.
    labels : ndarray of uint8
        Ceramic; voids where the smoothed grey is dark; air.
    """
    tile, _ = conical_crack(np.random.default_rng(1), TILE)
    dark = ndimage.gaussian_filter(tile.astype(np.float32), SMOOTHING_VOXELS) < MIDDLE_GREY
    phases = np.where(dark, VOID, CERAMIC).astype(np.uint8)
    grey = np.full(shape, AIR_GREY, dtype=np.uint16)
    labels = np.full(shape, OUTSIDE, dtype=np.uint8)
    inside = (slice(FRAME, -FRAME), slice(FRAME, -FRAME))
    repeats = [-(-n // TILE) for n in shape[1:]]
    for z in range(FRAME, shape[0] - FRAME):
        for whole, part in ((grey, tile), (labels, phases)):
            whole[z][inside] = np.tile(part[z % TILE], repeats)[: shape[1], : shape[2]][inside]
    return grey, labels


def _child(shape: tuple[int, int, int]) -> dict[str, float]:
    """Find the cracks of a volume, after a small one that everything is compiled for."""
    find_cracks(*repeated((TILE, TILE, TILE)), (1.0, 1.0, 1.0))
    grey, labels = repeated(shape)
    before, start = _peak_mb(), time.perf_counter()
    found = find_cracks(grey, labels, (1.0, 1.0, 1.0), threads=2)
    return {
        "input_mb": (grey.nbytes + labels.nbytes) / 2**20,
        "beyond_mb": _peak_mb() - before,
        "seconds": time.perf_counter() - start,
        "cracks": found.n,
        "ridge_voxels": len(found.ridge_index),
    }


def main() -> None:
    """Print all tables, or measure in this process."""
    if sys.argv[1:2] == ["--child"]:
        nz, ny, nx = (int(n) for n in sys.argv[2:5])
        print(json.dumps(_child((nz, ny, nx))))
        return
    shapes = (*MEMORY_SHAPES, FULL_SHAPE) if "--full" in sys.argv else MEMORY_SHAPES
    print("\n".join([*speed_table(np.random.default_rng(1)), "", *memory_table(shapes)]))


if __name__ == "__main__":
    main()
