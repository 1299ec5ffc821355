"""Regions of long T2, decided by neighbouring pixels together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.frames import indices_to_points
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.models import SignalModel, get_model
from spallmap.relaxometry.result import FitStatus, T2Fit
from spallmap.relaxometry.samples import GRID_STEP, check_sigma, default_bounds, sorted_echoes, t2_grid

Array = NDArray[np.float64]
Labels = NDArray[np.int32]

# Share of each neighbour's log-likelihood that a pixel takes in: all of those at its sides, half of the
# diagonal ones. On simulated maps (dendrites of some 15 pixels at SNR 4 to 9 beside electrodes of 5 to 10 ms)
# this finds 2 % more of the dendrites than the side neighbours alone, at the same rate of false regions.
POOL = np.array([[0.5, 1.0, 0.5], [1.0, 1.0, 1.0], [0.5, 1.0, 0.5]])
# Signed root of twice the log-likelihood ratio between the best T2 and the threshold: what every pixel of a
# region must exceed, and what its best pixel must. Of 120 simulated dendrites as above 96 % are found and 2
# of 340 maps without one have a false region; with 1 for every pixel it is 92 % and none.
EDGE_Z = 0.5
PEAK_Z = 1.0
# Connected pixels that make a region: smaller clusters are what noise alone makes.
MIN_PIXELS = 3
# Signal at the first echo, in units of sigma, below which a pixel neither votes nor belongs to a region; at
# 2.5 there are three times as many false regions, at 3 the weakest dendrites suffer.
MIN_VOTE_SNR = 2.75

COLUMNS = (
    "region",
    "pixels",
    "area_um2",
    "t2_ms",
    "t2_se_ms",
    "snr",
    "centroid_x_um",
    "centroid_y_um",
)


@dataclass(frozen=True)
class Regions:
    """Connected regions whose T2 is long.

    Parameters
    ----------
    labels : ndarray of int32, shape of one echo
        0 outside, else the region's number, from 1 in reading order.
    table : pandas.DataFrame
        One row per region, columns :data:`COLUMNS`: number of pixels, area, T2 common to its pixels with its
        standard error, mean signal over noise at the first echo, and centroid in the image's own frame.
    z : ndarray, shape of one echo
        Signed root of twice the pooled log-likelihood ratio between the best T2 and the threshold; positive
        where the best T2 is longer. 0 where a pixel is too weak to vote.
    long_ms : float
        The threshold.
    """

    labels: Labels
    table: pd.DataFrame
    z: Array
    long_ms: float


def long_t2_regions(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    sigma: float,
    long_ms: float = 12.0,
    *,
    spacing_um: Sequence[float],
    model: str = "rician",
    mask: NDArray[np.bool_] | None = None,
    edge_z: float = EDGE_Z,
    peak_z: float = PEAK_Z,
    min_pixels: int = MIN_PIXELS,
    min_snr: float = MIN_VOTE_SNR,
) -> Regions:
    """Find the regions whose T2 is longer than a threshold.

    A single pixel at SNR 4 cannot tell. So each pixel's log-likelihood over T2, its own amplitude profiled
    out, is summed with its neighbours' (local likelihood with weights :data:`POOL`): one T2, as many
    amplitudes as pixels. Pixels whose best common T2 lies above `long_ms`, with a signed root of the
    likelihood ratio against `long_ms` beyond `edge_z`, are joined by their sides; `min_pixels` of them with
    one beyond `peak_z` make a region. The noise is taken as independent between pixels: do not use images
    that were filtered or zero-filled. Where long and short T2 share a pixel evenly, its common T2 lies near
    the threshold and it may be missed.

    Slices, if there are many, are treated one by one: neither the pooling nor a region crosses slices, whose
    distance is usually several pixels; numbers run on from slice to slice.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ny, nx) or (n_echoes, nz, ny, nx)
        The series.
    te_ms : sequence of float
        Echo time of each, in ms.
    sigma : float
        Noise per channel in the units of the data.
    long_ms : float
        The threshold.
    spacing_um : sequence of float
        Pixel size in array order, (y, x) or (z, y, x).
    model : str
        A key of :data:`spallmap.relaxometry.models.MODELS`.
    mask : ndarray of bool, optional
        Pixels to look at; absent: all.
    edge_z, peak_z, min_pixels, min_snr : float, float, int, float
        See above and the constants of this module.

    Returns
    -------
    Regions
        Label image and table.

    Raises
    ------
    InputError
        If the series is not an image or a stack, or an argument of :func:`spallmap.relaxometry.fit.fit_t2`
        that is passed on cannot be used.

    References
    ----------
    Polzehl and Spokoiny, Propagation-separation approach for local likelihood estimation, Probab. Theory
    Relat. Fields 135 (2006) 335 (likelihoods summed over a neighbourhood).
    """
    chosen = get_model(model)
    data, te = sorted_echoes(echoes, te_ms, chosen)
    if data.ndim not in (3, 4) or len(spacing_um) != data.ndim - 1:
        raise InputError(
            "echoes",
            f"shape {data.shape} with {len(spacing_um)} spacings",
            "(echo, y, x) or (echo, z, y, x) with one spacing per spatial axis",
        )
    level = check_sigma(sigma)
    fit = fit_t2(data, te.tolist(), model, level, long_ms, mask, min_snr=0.0)
    stack = data if data.ndim == 4 else data[:, None]
    snr = fit.snr if data.ndim == 4 else fit.snr[None]
    votes = np.isin(fit.status, (FitStatus.OK, FitStatus.AT_BOUND)).reshape(snr.shape) & (snr >= min_snr)
    labels = np.zeros(snr.shape, dtype=np.int32)
    z = np.zeros(snr.shape)
    rows: list[dict[str, Any]] = []
    for k in range(len(snr)):
        z[k] = _pooled_z(stack[:, k] / level, te, chosen, votes[k], long_ms)
        for region in _clusters(z[k], edge_z, peak_z, min_pixels):
            labels[k][region] = len(rows) + 1
            samples = chosen.prepare(stack[:, k][:, region].T / level, te)
            t2_ms, t2_se_ms = common_t2(samples, te, chosen, fit.t2_bounds_ms)
            centroid = indices_to_points(np.argwhere(region).mean(axis=0), spacing_um[-2:])
            values = (
                len(rows) + 1,
                int(region.sum()),
                float(region.sum() * spacing_um[-2] * spacing_um[-1]),
                t2_ms,
                t2_se_ms,
                float(snr[k][region].mean()),
                float(centroid[0]),
                float(centroid[1]),
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return Regions(labels.reshape(fit.snr.shape), _table(rows), z.reshape(fit.snr.shape), float(long_ms))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    kinds = {name: "int64" if name in ("region", "pixels") else "float64" for name in COLUMNS}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


def _pooled_z(
    samples: NDArray[Any], te_ms: Array, model: SignalModel, votes: NDArray[np.bool_], long_ms: float
) -> Array:
    """Signed root of the likelihood ratio, (ny, nx), of one slice (n_echoes, ny, nx) over sigma."""
    z = np.zeros(votes.shape)
    grid = t2_grid(default_bounds(te_ms), long_ms)
    threshold = int(np.argmin(np.abs(grid - long_ms)))
    if not votes.any():
        return z
    profile = np.zeros((*votes.shape, grid.size))
    own = model.profile(model.prepare(samples[:, votes].T, te_ms), te_ms, grid)
    profile[votes] = own - own[:, [threshold]]
    pooled = ndimage.convolve(profile, POOL[:, :, None], mode="constant")[votes]
    best = np.argmax(pooled, axis=1)
    root = np.sqrt(2.0 * np.maximum(pooled[np.arange(len(best)), best], 0.0))
    z[votes] = np.where(best > threshold, root, -root)
    return z


def _clusters(z: Array, edge_z: float, peak_z: float, min_pixels: int) -> list[NDArray[np.bool_]]:
    """Clusters of pixels above `edge_z`, large enough and somewhere above `peak_z`, in reading order."""
    labelled, n = ndimage.label(z > edge_z)
    sizes = np.bincount(labelled.ravel(), minlength=n + 1)
    peaks = ndimage.maximum(z, labelled, np.arange(n + 1))
    return [labelled == k for k in range(1, n + 1) if sizes[k] >= min_pixels and peaks[k] > peak_z]


# Points per round of the search for a common T2, and the interval in log T2 at which it ends: the vertex of a
# parabola finishes it.
_POINTS = 9
_RESOLUTION = 1e-3
# Step in log T2 for the curvature of a summed likelihood: large against rounding, small against its width.
_CURVATURE_STEP = 0.01


def common_t2(
    samples: Array, te_ms: Array, model: SignalModel, bounds_ms: tuple[float, float]
) -> tuple[float, float]:
    """Fit one T2 to several pixels, each with its own amplitude.

    Parameters
    ----------
    samples : ndarray, shape (n_pixels, n_echoes)
        As the model prepared them, in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    model : SignalModel
        The model.
    bounds_ms : tuple of float
        Where T2 is sought.

    Returns
    -------
    t2_ms, t2_se_ms : float
        The maximum of the summed profile likelihood and its standard error from the curvature there (observed
        information); NaN for the error where the maximum lies on a bound.
    """
    low, high = np.log(bounds_ms)
    grid = np.linspace(low, high, int((high - low) / GRID_STEP) + 2)
    while grid[-1] - grid[0] > _RESOLUTION:
        total = model.profile(samples, te_ms, np.exp(grid)).sum(axis=0)
        best = int(np.argmax(total))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], _POINTS)
    centre = float(grid[_POINTS // 2])
    if centre - low < _CURVATURE_STEP or high - centre < _CURVATURE_STEP:
        return float(np.exp(centre)), float("nan")
    around = np.exp(centre + _CURVATURE_STEP * np.array([-1.0, 0.0, 1.0]))
    left, middle, right = model.profile(samples, te_ms, around).sum(axis=0)
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return float(np.exp(centre)), float("nan")
    # the profile is quadratic here, and its vertex beats the resolution that comparing rounded values has
    t2_ms = float(np.exp(centre + 0.5 * _CURVATURE_STEP * (left - right) / bend))
    return t2_ms, t2_ms * _CURVATURE_STEP / float(np.sqrt(-bend))


def region_pixels(fit: T2Fit, regions: Regions) -> NDArray[np.bool_]:
    """Pixels inside any region whose own fit may be used."""
    return (regions.labels > 0) & fit.ok
