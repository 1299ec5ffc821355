"""The scan's point spread, measured at the faces of the ceramic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spallmap.blocks import Region, Sliceable
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.phases.interfaces import Interfaces

# Patches of a face reach this far from their middle: 5 by 5 columns, over which a face is a paraboloid.
PATCH_VOXELS = 2
# The edge is seen this far to both sides.
REACH_VOXELS = 6
# More would not change the median.
PATCHES_PER_FACE = 200
# Gauss-Newton steps; the blur moves by less than 1e-3 after half of them.
ROUNDS = 12
# Least step of grey over the contrast of ceramic and air: that to sodium has 0.75.
MIN_STEP = 0.4
# Standard deviation of a voxel's own width.
VOXEL_SIGMA = 1.0 / np.sqrt(12.0)
# Blurs besides the voxel's own that are believed.
LEAST_BLUR = 0.05
MAX_BLUR = 3.0
# Fewer patches do not measure it.
MIN_PATCHES = 20
# A patch's residual over the median one's beyond which something else than an edge lies there.
MAX_MISFIT = 1.5
# Point spread of laboratory scanners, whose makers state a resolution of 1.5 to 2.5 voxels, and the relative
# spread: where it cannot be measured.
USUAL_BLUR_VOXELS = 0.7
USUAL_SPREAD = 0.2
# Relative standard error that remains when it is measured: faces are rough below a patch.
LEAST_SPREAD = 0.03


@dataclass(frozen=True)
class Blur:
    """The point spread.

    Parameters
    ----------
    sigma_voxels : float
        Standard deviation along any direction, the voxel's own width in it.
    relative_se : float
        Its relative standard error.
    n_patches : int
        Patches of the ceramic's faces that it was measured at; 0 where it is the usual one.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import measure_blur
    >>> measure_blur(np.full((9, 9, 9), 10_000.0), None)
    Blur(sigma_voxels=0.7, relative_se=0.2, n_patches=0)
    """

    sigma_voxels: float
    relative_se: float
    n_patches: int


def measure_blur(grey: Sliceable, faces: Interfaces | None) -> Blur:
    """Measure the point spread at the ceramic's faces.

    In small patches of each face, a step between two greys with a Gaussian's integral as its profile and a
    paraboloid as its position is fitted to the voxels. The answer is the patches' median.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    faces : Interfaces or None
        From :func:`spallmap.tomography.find_interfaces`.

    Returns
    -------
    Blur
        The usual one where there is too little of a face.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> from spallmap.tomography import find_interfaces, measure_blur
    >>> labels = np.full((40, 50, 50), 5, dtype=np.uint8)
    >>> labels[10:30, 5:45, 5:45] = 1
    >>> grey = ndimage.gaussian_filter(np.where(labels == 1, 50_000.0, 10_000.0), 0.8)
    >>> blur = measure_blur(grey, find_interfaces(labels, grey))
    >>> round(blur.sigma_voxels, 1), blur.n_patches > 100
    (0.7, True)
    """
    found: list[tuple[float, float]] = []
    for face, inside in ((None, 1), (None, -1)) if faces is None else ((faces.bottom, 1), (faces.top, -1)):
        if face is None:
            continue
        for row, column in _middles(face):
            fitted = _patch(grey, face, row, column, inside)
            if fitted is not None:
                found.append(fitted)
    if len(found) >= MIN_PATCHES:
        sigma, misfit = np.array(found).T
        good = sigma[misfit <= MAX_MISFIT * np.median(misfit)]
        if len(good) >= MIN_PATCHES:
            middle = float(np.median(good))
            # Of a median, from the interquartile range.
            spread = float(np.subtract(*np.quantile(good, (0.75, 0.25)))) / 1.349
            error = 1.25 * spread / middle / np.sqrt(len(good))
            return Blur(middle, float(np.hypot(error, LEAST_SPREAD)), len(good))
    return Blur(USUAL_BLUR_VOXELS, USUAL_SPREAD, 0)


def _middles(face: NDArray[np.float32]) -> NDArray[np.int64]:
    """Middles of patches, spread over the columns that have a face."""
    there = np.argwhere(np.isfinite(face))
    step = max(1, round(np.sqrt(len(there) / PATCHES_PER_FACE)))
    chosen: NDArray[np.int64] = there[np.all(there % step == step // 2, axis=1)]
    return chosen


def _patch(
    grey: Sliceable, face: NDArray[np.float32], row: int, column: int, inside: int
) -> tuple[float, float] | None:
    """Blur and misfit of one patch; None where it holds no clear edge."""
    r, n = PATCH_VOXELS, REACH_VOXELS
    ny, nx = face.shape
    if not (r <= row < ny - r and r <= column < nx - r):
        return None
    middle = float(np.mean(face[row - r : row + r + 1, column - r : column + r + 1]))
    if not np.isfinite(middle):
        return None
    z0 = round(middle)
    if z0 - n < 0 or z0 + n >= grey.shape[0]:
        return None
    region: Region = (
        slice(z0 - n, z0 + n + 1),
        slice(row - r, row + r + 1),
        slice(column - r, column + r + 1),
    )
    values = np.asarray(grey[region]).astype(np.float64)
    # Ceramic at rising z for the bottom face.
    return _fit_edge(values[::inside], (middle - z0) * inside)


def _fit_edge(values: NDArray[np.float64], offset: float) -> tuple[float, float] | None:
    n, r = REACH_VOXELS, PATCH_VOXELS
    z, y, x = (a.ravel() for a in np.mgrid[-n : n + 1, -r : r + 1, -r : r + 1].astype(np.float64))
    v = values.ravel()
    low, high = float(np.median(values[:3])), float(np.median(values[-3:]))
    if high - low < MIN_STEP * (CERAMIC_GREY - AIR_GREY):
        return None
    surface = np.column_stack([np.ones_like(y), y, x, y * y, y * x, x * x])
    shape = np.zeros(6)
    shape[0] = offset
    blur = USUAL_BLUR_VOXELS
    for _ in range(ROUNDS):
        away = z - surface @ shape
        step, density, widening = _step(away, blur)
        density, widening = density * (high - low), widening * (high - low)
        design = np.column_stack([1.0 - step, step, widening, -density[:, None] * surface])
        change = np.linalg.lstsq(design, v - low - (high - low) * step, rcond=None)[0]
        low, high, blur = low + change[0], high + change[1], blur + float(np.clip(change[2], -0.2, 0.2))
        shape = shape + np.clip(change[3:], -1.0, 1.0)
        blur = max(blur, LEAST_BLUR)
        if blur > MAX_BLUR or abs(shape[0]) > n / 2:
            return None
    residual = v - low - (high - low) * _step(z - surface @ shape, blur)[0]
    return float(np.hypot(blur, VOXEL_SIGMA)), float(np.sqrt(np.mean(residual**2)))


def _step(
    away: NDArray[np.float64], blur: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Blurred step averaged over a voxel, and its derivatives by distance and by the blur."""
    right, left = (away + 0.5) / blur, (away - 0.5) / blur
    hill_right, hill_left = (np.exp(-0.5 * u * u) / np.sqrt(2.0 * np.pi) for u in (right, left))
    steps_right, steps_left = special.ndtr(right), special.ndtr(left)
    step = blur * (right * steps_right + hill_right - left * steps_left - hill_left)
    return step, steps_right - steps_left, hill_right - hill_left
