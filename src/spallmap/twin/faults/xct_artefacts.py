"""Draws the faults of a tomogram into its grey values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap, points_to_indices
from spallmap.twin.faults.xct_faults import XctFaults, slice_gains

Greys = NDArray[np.float32]

# Largest Laplacian of a Gaussian's edge of unit height and standard deviation: 1 / sqrt(2 pi e).
_EDGE_LAPLACIAN = 0.24197
# Grains are drawn in a cylinder that holds any ceramic, um.
_GRAINS_WITHIN_UM = (700.0, 260.0)
# Streaks are cast by so many of the largest grains at most.
_STREAKY_GRAINS = 60


def add_grains(
    grey: Greys, faults: XctFaults, to_cell: AffineMap, spacing_um: float, ceramic: float, dim: float
) -> list[tuple[NDArray[np.float64], float]]:
    """Draw bright grains into the ceramic, in place, before any blur.

    Parameters
    ----------
    grey : ndarray of float32, shape (nz, ny, nx)
        Grey above that of gas.
    faults : XctFaults
        The grains.
    to_cell : AffineMap
        From the scan's points to the cell frame.
    spacing_um : float
        Voxel size.
    ceramic, dim : float
        Grey of ceramic and of the brightest other solid, above gas.

    Returns
    -------
    list of tuple
        Position (z, y, x) and radius, in voxels, of the grains that lie in the ceramic.
    """
    rng = faults.stream("grains")
    reach, half = _GRAINS_WITHIN_UM
    n = int(faults.grains_per_mm3 * np.pi * reach**2 * 2.0 * half * 1e-9)
    radius, angle = reach * np.sqrt(rng.random(n)), rng.uniform(0.0, 2.0 * np.pi, n)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-half, half, n)], axis=1)
    radii = 0.5 * faults.grain_um * rng.lognormal(0.0, 0.35, n) / spacing_um
    seen = []
    for centre, r in zip(points_to_indices(to_cell.inverse()(points), (spacing_um,) * 3), radii, strict=True):
        low = np.maximum(np.floor(centre - r - 1).astype(int), 0)
        high = np.minimum(np.ceil(centre + r + 2).astype(int), grey.shape)
        if np.any(high <= low):
            continue
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        z, y, x = np.ogrid[box]
        away = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        solid = np.clip((grey[box] - dim) / (ceramic - dim), 0.0, 1.0)
        covered = np.clip(0.5 + r - away, 0.0, 1.0) * solid
        grey[box] += (faults.grain_fraction * ceramic * covered).astype(np.float32)
        if covered.max() > 0.5:
            seen.append((centre, float(r)))
    return seen


def add_grain_streaks(
    grey: Greys, faults: XctFaults, grains: list[tuple[NDArray[np.float64], float]], contrast: float
) -> None:
    """Let the largest grains cast dark and bright streaks within their slices, in place."""
    rng = faults.stream("grain streaks")
    for centre, r in sorted(grains, key=lambda grain: -grain[1])[:_STREAKY_GRAINS]:
        length = rng.uniform(12.0, 30.0)
        reach = int(2.5 * length)
        y0, x0 = (max(0, int(c) - reach) for c in centre[1:])
        rows = slice(y0, min(int(centre[1]) + reach, grey.shape[1]))
        columns = slice(x0, min(int(centre[2]) + reach, grey.shape[2]))
        y, x = np.ogrid[rows, columns]
        dy, dx = y - centre[1], x - centre[2]
        away = np.hypot(dy, dx)
        pattern = np.zeros(away.shape)
        for _ in range(int(rng.integers(2, 5))):
            angle, width = rng.uniform(0.0, np.pi), rng.uniform(0.7, 1.5)
            line = np.exp(-0.5 * ((dy * np.cos(angle) - dx * np.sin(angle)) / width) ** 2)
            pattern += rng.choice((-1.0, -1.0, 1.0)) * rng.uniform(0.5, 1.0) * line
        pattern *= faults.grain_streak_fraction * contrast * np.exp(-away / length) * (away > r)
        for k in range(max(0, int(centre[0] - 2 * r)), min(grey.shape[0], int(centre[0] + 2 * r) + 1)):
            grey[k, rows, columns] += (pattern * np.exp(-0.5 * ((k - centre[0]) / r) ** 2)).astype(np.float32)


def add_fringes(grey: Greys, faults: XctFaults) -> None:
    """Sharpen edges as free propagation of the beam does, in place."""
    width = faults.fringe_voxels
    curvature = ndimage.gaussian_laplace(grey, width, mode="nearest")
    grey -= np.float32(faults.fringe_fraction / _EDGE_LAPLACIAN * width**2) * curvature


def add_motion(grey: Greys, faults: XctFaults) -> None:
    """Lay two images over one another, in place; their mean position is that of the one."""
    angle = faults.stream("motion").uniform(0.0, 2.0 * np.pi)
    step = faults.motion_voxels * np.array([np.sin(angle), np.cos(angle)])
    second = faults.motion_fraction
    for slice_ in grey:
        images = [ndimage.shift(slice_, d * step, order=1, mode="nearest") for d in (-second, 1.0 - second)]
        slice_[...] = (1.0 - second) * images[0] + second * images[1]


def blur_second_scan(grey: Greys, faults: XctFaults) -> None:
    """Blur what was scanned second, in place."""
    upper = grey[faults.split(len(grey)) :]
    for axis in (1, 2):
        ndimage.gaussian_filter1d(upper, faults.stitch_blur_voxels, axis=axis, output=upper, mode="nearest")


def shade_along_stack(grey: Greys, faults: XctFaults) -> None:
    """Darken and smear both ends of the stack as a cone beam does, in place."""
    nz, ny, nx = grey.shape
    w2 = ((np.arange(nz) - (nz - 1) / 2.0) / (nz / 2.0)) ** 2
    if faults.cone_voxels:
        smeared = ndimage.gaussian_filter1d(grey, faults.cone_voxels, axis=0, mode="nearest")
        weight = w2.astype(np.float32)[:, None, None]
        grey *= 1.0 - weight
        grey += weight * smeared
    s = _relative_radius2(ny, nx)
    for slice_, w in zip(grey, w2, strict=True):
        slice_ *= 1.0 - faults.cone_fraction * w * (0.6 + 0.4 * s)


def brighten_rim(grey: Greys, faults: XctFaults) -> None:
    """Brighten the rim of a field that cuts the object, as truncated projections do, in place."""
    s = np.minimum(_relative_radius2(*grey.shape[1:]), np.float32(1.0))
    grey *= 1.0 + np.float32(faults.field_rim_fraction) * s**4


def add_streaks(grey: Greys, faults: XctFaults, contrast: float) -> None:
    """Draw lines across the slices, alike in neighbouring slices, in place."""
    rng = faults.stream("streaks")
    nz, ny, nx = grey.shape
    y, x = np.ogrid[:ny, :nx]
    dy, dx = y - (ny - 1) / 2.0, x - (nx - 1) / 2.0
    z = np.arange(nz) / nz
    for _ in range(faults.streaks):
        angle, offset = rng.uniform(0.0, np.pi), rng.uniform(-0.45, 0.45) * min(ny, nx)
        width = rng.uniform(0.8, 2.5) if rng.random() < 0.6 else rng.uniform(4.0, 15.0)
        away = dy * np.cos(angle) - dx * np.sin(angle) - offset
        along = (dy * np.sin(angle) + dx * np.cos(angle)) / max(ny, nx)
        pattern = np.exp(-0.5 * (away / width) ** 2) * (1.0 + rng.uniform(-1.0, 1.0) * along)
        pattern *= faults.streak_fraction * contrast * rng.uniform(0.4, 1.0) * rng.choice((-1.0, 1.0))
        drift = 1.0 + 0.3 * np.sin(2.0 * np.pi * (rng.uniform(0.3, 1.5) * z + rng.random()))
        grey += (drift[:, None, None] * pattern).astype(np.float32)


def add_arcs(grey: Greys, faults: XctFaults, ring_grey: float) -> None:
    """Draw rings of which only an arc is seen, in some slices, in place."""
    rng = faults.stream("arcs")
    nz, ny, nx = grey.shape
    y, x = np.ogrid[:ny, :nx]
    dy, dx = y - (ny - 1) / 2.0, x - (nx - 1) / 2.0
    radius, azimuth = np.hypot(dy, dx), np.arctan2(dy, dx)
    for _ in range(faults.arcs):
        r, middle, half = (
            rng.uniform(0.05, 0.45) * min(ny, nx),
            rng.uniform(-np.pi, np.pi),
            rng.uniform(0.4, 1.5),
        )
        off = np.abs((azimuth - middle + np.pi) % (2.0 * np.pi) - np.pi)
        arc = np.exp(-0.5 * ((radius - r) / 0.7) ** 2) * np.clip(5.0 * (half - off), 0.0, 1.0)
        first = int(rng.integers(0, max(1, nz - 20)))
        last = first + int(rng.integers(5, max(6, nz // 2)))
        grey[first:last] += (ring_grey * rng.uniform(1.0, 3.0) * rng.choice((-1.0, 1.0)) * arc).astype(
            np.float32
        )


def rescale_slices(grey: Greys, faults: XctFaults, contrast: float) -> None:
    """Give the second of two joined scans, and each slice, a grey scale of its own, in place."""
    if faults.stitch_grey_fraction:
        upper = grey[faults.split(len(grey)) :]
        upper *= 1.0 + 0.5 * np.float32(faults.stitch_grey_fraction)
        upper += np.float32(0.5 * faults.stitch_grey_fraction * contrast)
    if faults.slice_sd_fraction:
        grey *= slice_gains(faults, len(grey))


def exported(grey: Greys, faults: XctFaults, gas: float, ceramic: float) -> NDArray[np.unsignedinteger]:
    """Round to what the export's range and type hold.

    Parameters
    ----------
    grey : ndarray of float32, shape (nz, ny, nx)
        Grey values, clipped and scaled in place.
    faults : XctFaults
        Window, clipping, bits and field.
    gas, ceramic : float
        Grey of both.

    Returns
    -------
    ndarray of uint16 or uint8
        The tomogram.
    """
    contrast, top = ceramic - gas, float(2**faults.bits - 1)
    if faults.clip is not None:
        low, high = (gas + c * contrast for c in faults.clip)
        np.clip(grey, low, high, out=grey)
    ends = faults.window if faults.window is not None else faults.clip
    low, high = (0.0, 65535.0) if ends is None else (gas + e * contrast for e in ends)
    grey -= np.float32(low)
    grey *= np.float32(top / (high - low))
    if faults.field_round:
        grey[:, _relative_radius2(*grey.shape[1:]) > 1.0] = 0.0
    values = np.clip(np.rint(grey), 0, top)
    return values.astype(np.uint8) if faults.bits == 8 else values.astype(np.uint16)


def _relative_radius2(ny: int, nx: int) -> Greys:
    """Squared distance from the axis of rotation, 1 where the circle ends that fits into a slice."""
    y, x = ((np.arange(n) - (n - 1) / 2.0) / (min(ny, nx) / 2.0) for n in (ny, nx))
    squared: Greys = (y[:, None] ** 2 + x[None, :] ** 2).astype(np.float32)
    return squared
