"""Rings about the axis of rotation: their centre, their profile and whether they exceed the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

# Width of a radius bin in voxels: a detector's column is about one voxel wide and lies anywhere.
RADIUS_STEP = 0.5
# Slices that share a profile before it is smoothed along z.
KNOT_SLICES = 8
# Standard deviation of that smoothing in knots: rings drift over some tens of slices, while the rings that a
# crack or a pore may pass for are gone after a few.
DRIFT_KNOTS = 1.0
# Azimuth sectors that must agree on a ring, by which a crack or a pore is distinguished from one.
SECTORS = 16
# What is smoother than this standard deviation along the radius is cupping and no ring.
TREND_VOXELS = 15.0
# A sector that differs by more standard errors shows something else.
SECTOR_OUTLIER_SD = 3.0
# Window over which the strength of the rings is averaged to weigh a profile against its error.
STRENGTH_VOXELS = 10.0
# Rings are real if their mean squared profile is this many times that of its error. In volumes without rings
# the ratio is 1.0 to 1.4; at 2 the rings are as weak as the error of a whole scan's profile.
MIN_EXCESS = 2.0
# Fewer voxels of a sector and radius bin say nothing about it.
MIN_VOXELS = 6
# Smoothing of the image in which the centre is sought, from coarse to fine; each finds the centre to about a
# third of it.
SEARCH_SIGMA = (8.0, 4.0, 2.0, 1.0, 0.0)
# A centre that is not that of the field must explain this many times the variance; noise alone gives optimum
# centres of less than 1.1 times.
CENTRE_GAIN = 1.25


@dataclass(frozen=True)
class Rings:
    """Rings and what is taken out of them.

    Parameters
    ----------
    centre_yx : tuple of float
        Axis of rotation in voxels.
    centre_found : bool
        Whether the rings themselves show it; else it is the centre of the field.
    steady_sd, drifting_sd : float
        Standard deviation of the rings over the phase, in grey values of the scan, without what noise
        adds: what is alike in all slices, and what changes along z.
    steady_excess, drifting_excess : float
        Mean squared profile over that of its error; 1 where there are no rings.
    se : float
        Root mean square of the standard error of the profile that is taken out.
    removed : bool
        Whether rings exceed their error and are taken out.
    profile : ndarray of float32, shape (n_knots, n_radii)
        What is taken out, at slices ``KNOT_SLICES * (k + 1/2) - 1/2`` and radii ``RADIUS_STEP * (i + 1/2)``.
    """

    centre_yx: tuple[float, float]
    centre_found: bool
    steady_sd: float
    drifting_sd: float
    steady_excess: float
    drifting_excess: float
    se: float
    removed: bool
    profile: NDArray[np.float32]

    def radius_index(
        self, y: NDArray[np.int64], x: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Where voxels of a slice lie in the profile.

        Parameters
        ----------
        y, x : ndarray of int
            Rows and columns.

        Returns
        -------
        index : ndarray of int32, shape (len(y), len(x))
            Bin at the smaller radius.
        fraction : ndarray of float32
            Weight of the next bin.
        """
        radius = np.hypot((y - self.centre_yx[0])[:, None], (x - self.centre_yx[1])[None, :])
        at = np.clip(radius / RADIUS_STEP - 0.5, 0.0, self.profile.shape[1] - 1.001)
        index = at.astype(np.int32)
        return index, (at - index).astype(np.float32)

    def at_slices(self, z: NDArray[np.int64]) -> NDArray[np.float32]:
        """Profiles of slices.

        Parameters
        ----------
        z : ndarray of int
            Slices.

        Returns
        -------
        ndarray of float32, shape (len(z), n_radii)
            Grey to subtract.
        """
        at = np.clip((z + 0.5) / KNOT_SLICES - 0.5, 0.0, len(self.profile) - 1.0)
        index = np.minimum(at.astype(np.int64), max(0, len(self.profile) - 2))
        fraction = (at - index).astype(np.float32)[:, None]
        upper = self.profile[np.minimum(index + 1, len(self.profile) - 1)]
        between: NDArray[np.float32] = self.profile[index] * (1 - fraction) + upper * fraction
        return between


@dataclass(frozen=True)
class PolarSums:
    """Grey beyond the phase's level, added up by knot, sector and radius.

    Parameters
    ----------
    sums, counts : ndarray, shape (n_knots, SECTORS, n_radii)
        Sum of the differences, and how many.
    """

    sums: Floats
    counts: Floats


def n_radii(shape: tuple[int, ...], centre_yx: tuple[float, float]) -> int:
    """Return the number of radius bins that reach the field's corners.

    Parameters
    ----------
    shape : tuple of int
        Of the volume.
    centre_yx : tuple of float
        Axis of rotation.

    Returns
    -------
    int
        At least two.
    """
    corners = np.hypot(
        np.array([0, 0, shape[1], shape[1]]) - centre_yx[0],
        np.array([0, shape[2], 0, shape[2]]) - centre_yx[1],
    )
    return int(corners.max() / RADIUS_STEP) + 3


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add_polar(
    residual: NDArray[np.float32],
    z: int,
    limit: float,
    centre_y: float,
    centre_x: float,
    sums: Floats,
    counts: Floats,
) -> None:
    """Add slices of grey differences to polar sums; values beyond the limit (and NaN) are left out."""
    for k in range(residual.shape[0]):
        knot = (z + k) // KNOT_SLICES - z // KNOT_SLICES
        for j in range(residual.shape[1]):
            dy = j - centre_y
            for i in range(residual.shape[2]):
                v = residual[k, j, i]
                if abs(v) <= limit:
                    dx = i - centre_x
                    r = int(np.sqrt(dy * dy + dx * dx) / RADIUS_STEP)
                    s = int((np.arctan2(dy, dx) / (2.0 * np.pi) + 0.5) * SECTORS) % SECTORS
                    sums[knot, s, r] += v
                    counts[knot, s, r] += 1.0


def measure_rings(polar: PolarSums, centre_yx: tuple[float, float], centre_found: bool) -> Rings:
    """Find the rings that exceed the noise.

    Parameters
    ----------
    polar : PolarSums
        Of the phase.
    centre_yx : tuple of float
        The axis of rotation that they were made with.
    centre_found : bool
        Whether the rings themselves showed it.

    Returns
    -------
    Rings
        The profile, zero where nothing exceeds the noise.
    """
    sums, counts = polar.sums, polar.counts
    steady, steady_se, weight = _agreed(sums.sum(axis=0)[None], counts.sum(axis=0)[None])
    steady, steady_excess, steady_sd = _shrunk(steady, steady_se, weight)
    left = sums - counts * steady[:, None, :]
    drift, drift_se, drift_weight = _agreed(
        *(ndimage.gaussian_filter1d(a, DRIFT_KNOTS, axis=0, mode="constant") for a in (left, counts))
    )
    drift, drift_excess, drift_sd = _shrunk(drift, drift_se, drift_weight)
    used = np.flatnonzero(counts.any(axis=(1, 2)))
    if len(used):
        # Slices without the phase take the drift of the nearest one that has it.
        nearest = used[np.abs(np.arange(len(drift))[:, None] - used[None, :]).argmin(axis=1)]
        drift = drift[nearest]
    profile = (steady + drift).astype(np.float32)
    removed = bool(steady_excess > MIN_EXCESS or drift_excess > MIN_EXCESS)
    total = float(weight.sum())
    seen = weight > 0.0
    se = float(np.sqrt(np.sum(weight[seen] * steady_se[seen] ** 2) / total)) if total else 0.0
    return Rings(
        centre_yx, centre_found, steady_sd, drift_sd, steady_excess, drift_excess, se, removed, profile
    )


def _agreed(sums: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean of the sectors that agree, its standard error and weight; knots by radii."""
    enough = counts >= MIN_VOXELS
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(enough, sums / counts, np.nan)
    none = ~enough.any(axis=1, keepdims=True)
    means_or_zero = np.where(none, 0.0, means)
    middle = np.nanmedian(means_or_zero, axis=1, keepdims=True)
    pulls = np.abs(means - middle) * np.sqrt(counts)
    # The noise of one voxel as the sectors show it; it holds the noise's correlation. A median of a few
    # takes some of the scatter with it.
    several = enough & (enough.sum(axis=1, keepdims=True) >= SECTORS // 4)
    if not several.any():
        empty = np.zeros((sums.shape[0], sums.shape[2]))
        return empty, empty + np.inf, empty
    voxel_sd = 1.4826 * float(np.median(pulls[several])) / np.sqrt(1.0 - 1.0 / SECTORS)
    kept = np.where(several & (pulls <= SECTOR_OUTLIER_SD * voxel_sd), counts, 0.0)
    weight = kept.sum(axis=1)
    mean = np.where(kept > 0.0, sums, 0.0).sum(axis=1) / np.maximum(weight, 1.0)
    error = np.where(weight > 0.0, voxel_sd / np.sqrt(np.maximum(weight, 1.0)), np.inf)
    return mean, error, weight


def _shrunk(mean: Floats, error: Floats, weight: Floats) -> tuple[Floats, float, float]:
    """Freed of its trend and weighed against its error: profile, excess and standard deviation."""
    known = np.isfinite(error)
    if not known.any():
        return np.zeros_like(mean), 1.0, 0.0
    sigma = TREND_VOXELS / RADIUS_STEP
    level = ndimage.gaussian_filter1d(weight * mean, sigma, axis=1, mode="constant")
    level /= np.maximum(ndimage.gaussian_filter1d(weight, sigma, axis=1, mode="constant"), 1e-9)
    ring = np.where(known, mean - level, 0.0)
    noise = np.where(known, error, 0.0) ** 2
    excess = float(np.sum(weight * ring**2) / np.sum(weight * noise))
    sd = float(np.sqrt(max(0.0, np.sum(weight * (ring**2 - noise)) / np.sum(weight))))
    if excess <= MIN_EXCESS:
        return np.zeros_like(mean), excess, sd
    window = STRENGTH_VOXELS / RADIUS_STEP
    fractions = [
        ndimage.gaussian_filter1d(a, window, axis=1, mode="constant")
        for a in (
            np.mean(known * (ring**2 - noise), axis=0, keepdims=True),
            np.mean(known, axis=0, keepdims=True),
        )
    ]
    strength = np.maximum(fractions[0] / np.maximum(fractions[1], 1e-9), 0.0)
    with np.errstate(invalid="ignore"):
        gain = np.where(known, strength / np.maximum(strength + noise, 1e-30), 0.0)
    return ring * gain, excess, sd


def find_centre(
    total: Floats, count: Floats, default_yx: tuple[float, float]
) -> tuple[tuple[float, float], bool]:
    """Find the axis of rotation as the point about which the image varies least along circles.

    Parameters
    ----------
    total, count : ndarray, shape (ny, nx)
        Grey differences of a phase added up along z, and how many there are.
    default_yx : tuple of float
        Where it is unless another point explains the image better.

    Returns
    -------
    centre_yx : tuple of float
        The axis.
    found : bool
        Whether rings about it were seen at all.
    """
    image, weight = _high_pass(total, count)
    if not weight.any():
        return default_yx, False
    guess = _crossing_of_normals(image, weight, default_yx)
    start = _explained(image, weight, default_yx)
    best, best_value = default_yx, start
    for first in (default_yx, guess):
        centre = _refined(image, weight, first)
        value = _explained(image, weight, centre)
        if value > best_value:
            best, best_value = centre, value
    default_best = _explained(image, weight, default_yx)
    # Under noise alone, what circles explain is 1 for each of them.
    bins = max(1.0, float(np.hypot(*image.shape)))
    if best_value - bins > CENTRE_GAIN * max(default_best - bins, 0.0) and best_value > MIN_EXCESS * bins:
        return best, True
    return default_yx, bool(default_best > MIN_EXCESS * bins)


def _high_pass(total: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Image without its trend, in units of its noise, and where it is known."""
    known = count > 0.3 * count.max() if count.any() else count > 0.0
    weight = np.where(known, count, 0.0)
    image = np.where(known, total / np.maximum(count, 1.0), 0.0)
    level = ndimage.gaussian_filter(image * known, 6.0, mode="constant")
    level /= np.maximum(ndimage.gaussian_filter(known.astype(np.float64), 6.0, mode="constant"), 1e-9)
    image = np.where(known, image - level, 0.0)
    if known.any():
        spread = 1.4826 * float(np.median(np.abs(image[known])))
        image = np.clip(image / max(spread, 1e-12), -3.0, 3.0)
    return image, known.astype(np.float64) * (weight > 0.0)


def _crossing_of_normals(
    image: Floats, weight: Floats, default_yx: tuple[float, float]
) -> tuple[float, float]:
    """Point that most lines along the image's gradients pass through, by reweighted least squares."""
    smooth = ndimage.gaussian_filter(image, 1.5)
    inside = ndimage.binary_erosion(weight > 0.0, iterations=3)
    gy, gx = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    rows, columns = np.nonzero(inside & (np.hypot(gy, gx) > 0.0))
    if len(rows) < 100:
        return default_yx
    g: Floats = np.stack([gy[rows, columns], gx[rows, columns]])
    strength: Floats = np.hypot(g[0], g[1])
    t = np.stack([-g[1], g[0]]) / strength
    points = np.stack([rows, columns]).astype(np.float64)
    centre: Floats = np.array(default_yx)
    width = 0.5 * max(image.shape)
    for _ in range(12):
        # Distance of the line through each point from the centre, seen as an angle from the point.
        off = np.sum(t * (centre[:, None] - points), axis=0)
        w = strength**2 / (1.0 + (off / width) ** 2) ** 2
        a = np.array([[np.sum(w * t[0] * t[0]), np.sum(w * t[0] * t[1])], [0.0, np.sum(w * t[1] * t[1])]])
        a[1, 0] = a[0, 1]
        along = np.sum(t * points, axis=0)
        b = np.array([np.sum(w * t[0] * along), np.sum(w * t[1] * along)])
        centre = (np.linalg.pinv(a, rcond=1e-9, hermitian=True) @ b).astype(np.float64)
        width = max(8.0, 0.7 * width)
    return float(centre[0]), float(centre[1])


def _refined(image: Floats, weight: Floats, first: tuple[float, float]) -> tuple[float, float]:
    """Search from a point for the best centre near it, on ever sharper images."""
    centre = first
    for sigma in SEARCH_SIGMA:
        smooth = ndimage.gaussian_filter(image, sigma) if sigma else image
        step = max(0.5 * sigma, 0.25)
        for _ in range(2 if sigma else 3):
            offers = [
                (centre[0] + j * step, centre[1] + i * step) for j in range(-3, 4) for i in range(-3, 4)
            ]
            centre = max(offers, key=lambda c: _explained(smooth, weight, c))
            step /= 2.0
    return centre


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _circle_sums(
    image: Floats, weight: Floats, centre_y: float, centre_x: float, sums: Floats, counts: Floats
) -> None:
    for j in range(image.shape[0]):
        dy = j - centre_y
        for i in range(image.shape[1]):
            if weight[j, i] > 0.0:
                dx = i - centre_x
                r = min(int(np.sqrt(dy * dy + dx * dx)), len(sums) - 1)
                sums[r] += image[j, i]
                counts[r] += 1.0


def _explained(image: Floats, weight: Floats, centre: tuple[float, float]) -> float:
    """Squared mean of every circle times its number of voxels, added up, over the image's variance."""
    sums, counts = np.zeros((2, int(3 * np.hypot(*image.shape)) + 2))
    _circle_sums(image, weight, centre[0], centre[1], sums, counts)
    used = counts > 0.0
    variance = float(np.sum(weight * image**2) / np.sum(weight))
    return float(np.sum(sums[used] ** 2 / counts[used])) / max(variance, 1e-12)
