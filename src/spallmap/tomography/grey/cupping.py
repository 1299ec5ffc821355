"""Slow changes of a phase's brightness over the field: measured on a coarse copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

# Fewer voxels of the coarse copy in the phase cannot bear seven coefficients.
MIN_SAMPLES = 2000
# More voxels make the fit no better: its error is then far below any effect.
MAX_SAMPLES = 200_000
# Voxels further from the fit than this many robust standard deviations are pores, cracks or edges.
OUTLIER_SD = 3.0
# Edge of the blocks of the coarse copy that count as independent: noise and rings are shorter, save that a
# ring runs around, and a ring is a radial change indeed.
CLUSTER_VOXELS = 6
# Wald statistic per coefficient above which the trend is real; clean volumes stay below 3.
MIN_WALD = 10.0
# A trend of less than this fraction of the contrast moves no threshold and no aperture, and is left.
MIN_RMS = 0.001


@dataclass(frozen=True)
class Cupping:
    """Brightness of the reference phase over the field, relative to its level, with air as the zero.

    With ``u, v, w`` the position along y, x and z from the centre in units of the scales, and ``s = u^2 +
    v^2``, the brightness is ``b0 + b1 s + b2 s^2 + b3 s^3 + b4 u + b5 v + b6 w + b7 w^2``. Beyond the
    positions where it was measured the nearest ones count.

    Parameters
    ----------
    centre_zyx, scale : tuple of float
        Centre and scales in voxels; the second scale holds for y and x.
    coefficients : tuple of float
        Of the eight terms.
    low, high : tuple of float
        Range of s, u, v and w in which it was measured.
    depth : float
        Brightness at the largest measured radius less that at the smallest, on the radial terms alone.
    depth_se : float
        Its standard error, from blocks of the volume as independent samples.
    rms : float
        Root mean square of the trend over the phase.
    wald : float
        Wald statistic per coefficient that all but the constant are zero.
    removed : bool
        Whether the trend exceeds its error and is taken out.
    """

    centre_zyx: tuple[float, float, float]
    scale: tuple[float, float]
    coefficients: tuple[float, ...]
    low: tuple[float, float, float, float]
    high: tuple[float, float, float, float]
    depth: float
    depth_se: float
    rms: float
    wald: float
    removed: bool

    def in_plane(self, y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float32]:
        """Part of the brightness that depends on the row and the column.

        Parameters
        ----------
        y, x : ndarray of int
            Rows and columns.

        Returns
        -------
        ndarray of float32, shape (len(y), len(x))
            The constant and the terms of s, u and v.
        """
        u = (y - self.centre_zyx[1])[:, None] / self.scale[1]
        v = (x - self.centre_zyx[2])[None, :] / self.scale[1]
        s = np.clip(u**2 + v**2, self.low[0], self.high[0])
        b = self.coefficients
        value = b[0] + s * (b[1] + s * (b[2] + s * b[3]))
        value += b[4] * np.clip(u, self.low[1], self.high[1]) + b[5] * np.clip(v, self.low[2], self.high[2])
        return value.astype(np.float32)

    def along_z(self, z: NDArray[np.int64]) -> NDArray[np.float32]:
        """Part of the brightness that depends on the slice.

        Parameters
        ----------
        z : ndarray of int
            Slices.

        Returns
        -------
        ndarray of float32
            The terms of w.
        """
        w = np.clip((z - self.centre_zyx[0]) / self.scale[0], self.low[3], self.high[3])
        value: NDArray[np.float32] = (w * (self.coefficients[6] + w * self.coefficients[7])).astype(
            np.float32
        )
        return value


def measure_cupping(
    values: NDArray[np.float32],
    phase: NDArray[np.bool_],
    factor: tuple[int, int, int],
    centre_yx: tuple[float, float],
    air: float,
    level: float,
) -> Cupping | None:
    """Fit the brightness of a phase.

    Parameters
    ----------
    values : ndarray of float32
        Coarse copy of the grey values.
    phase : ndarray of bool
        Inside of the phase in it.
    factor : tuple of int
        Voxels of the volume along each edge of a voxel of the copy.
    centre_yx : tuple of float
        What radii are measured from, in voxels of the volume.
    air, level : float
        Grey of air and of the phase.

    Returns
    -------
    Cupping or None
        None where the phase is too small.
    """
    index = np.argwhere(phase)
    if len(index) < MIN_SAMPLES:
        return None
    index = index[:: -(-len(index) // MAX_SAMPLES)]
    grey = values[tuple(index.T)].astype(np.float64)
    bright = (grey - air) / (level - air)
    position = (index + 0.5) * np.array(factor) - 0.5
    centre = np.array([position[:, 0].mean(), *centre_yx])
    away = position - centre
    scale = (
        max(1.0, float(np.abs(away[:, 0]).max())),
        max(1.0, float(np.hypot(away[:, 1], away[:, 2]).max())),
    )
    w, u, v = away[:, 0] / scale[0], away[:, 1] / scale[1], away[:, 2] / scale[1]
    s = u**2 + v**2
    design = np.column_stack([np.ones(len(s)), s, s**2, s**3, u, v, w, w**2])
    keep = np.abs(bright - np.median(bright)) < 0.3
    coefficients = np.zeros(design.shape[1])
    for _ in range(5):
        coefficients = np.linalg.lstsq(design[keep], bright[keep], rcond=1e-9)[0]
        residual = bright - design @ coefficients
        middle = np.median(residual[keep])
        spread = 1.4826 * float(stats.median_abs_deviation(residual[keep]))
        keep = np.abs(residual - middle) <= OUTLIER_SD * max(spread, 1e-9)
    covariance = _cluster_covariance(design[keep], residual[keep], index[keep] // CLUSTER_VOXELS)
    trend = design[:, 1:] @ coefficients[1:]
    wald = float(coefficients[1:] @ np.linalg.pinv(covariance[1:, 1:], rcond=1e-12) @ coefficients[1:]) / 7.0
    rms = float(np.std(trend))
    ends = np.array([[q, q**2, q**3] for q in (float(s.min()), float(s.max()))])
    across = ends[1] - ends[0]
    terms = np.stack([s, u, v, w])
    low, high = terms.min(axis=1), terms.max(axis=1)
    return Cupping(
        centre_zyx=(float(centre[0]), float(centre[1]), float(centre[2])),
        scale=scale,
        coefficients=tuple(float(c) for c in coefficients),
        low=(float(low[0]), float(low[1]), float(low[2]), float(low[3])),
        high=(float(high[0]), float(high[1]), float(high[2]), float(high[3])),
        depth=float(across @ coefficients[1:4]),
        depth_se=float(np.sqrt(across @ covariance[1:4, 1:4] @ across)),
        rms=rms,
        wald=wald,
        removed=wald > MIN_WALD and rms > MIN_RMS,
    )


def _cluster_covariance(design: Floats, residual: Floats, cluster: NDArray[np.int64]) -> Floats:
    """Covariance of least-squares coefficients from independent clusters (Liang and Zeger 1986)."""
    _, number = np.unique(cluster, axis=0, return_inverse=True)
    n = int(number.max()) + 1
    scores = np.stack(
        [np.bincount(number.ravel(), column * residual, minlength=n) for column in design.T], axis=1
    )
    bread = np.linalg.pinv(design.T @ design, rcond=1e-12)
    covariance: Floats = bread @ (scores.T @ scores) @ bread * (n / max(1, n - design.shape[1]))
    return covariance
