"""What fills a crack below the voxel: sodium or air, by how wide its grey profile is for its area."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from spallmap.blocks import Sliceable, read_padded, tiles, whole
from spallmap.tomography.blockwise.neighbours import CELL_VOXELS, PointGrid, point_grid, thin_out
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.labels import SODIUM
from spallmap.tomography.measures.blur import Blur
from spallmap.tomography.measures.profiles import STEP_VOXELS, WINDOW_VOXELS, profile_offsets
from spallmap.tomography.phases.topology import DEFAULT_SODIUM_GREY

# Distance of the points where profiles are pooled.
NODE_VOXELS = 5.0
# Gaussian radius of a pool: some 50 square voxels, 1100 um2 at 4.66 um.
POOL_VOXELS = 2.0
# Profiles are pooled about the sheet's own position in bins of this width, to 2.6 voxels on both sides.
BIN_VOXELS = 0.25
BINS = 21
# Samples further out show the noise.
FAR_FROM_VOXELS = 4.5
# Standard deviations of the point spread that are tried, 3 % apart: from a voxel's own width (0.29) with a
# sharp scanner to twice what scanners are run at.
BLURS_VOXELS = np.exp(np.linspace(np.log(0.45), np.log(1.3), 36))
# Relative standard error of a pool's missing grey: a profile's area is measured, its shape is judged.
AREA_SPREAD = 0.04
# Relative variation of a pooled profile's width that is no noise: the sheet's waves and its misplacement.
WIDTH_SPREAD = 0.03
# These waves and misplacements widen all profiles by this factor against the point spread at a flat face, and
# how well it is known. Simulated sheets with waves of 0.3 voxels have 1.03 to 1.11 where their position is
# known; at this factor what is reported with 90 % is right in 95 %. The cracks themselves do not decide: a
# crack that is all sodium looks like one of air in a blurrier scan.
WIDENED = 1.12
WIDENED_SPREAD = 0.04
# Fraction of its log odds that a pool lends to another close by, and how that falls with distance (Gaussian):
# fillings change over tens of micrometres, and near pools share points. What is known spreads, what is not
# known stays open, unlike in a field of coupled spins, which takes sides by itself.
LENT = 0.5
LENDING_VOXELS = 10.0
LENDING_REACH_VOXELS = 20.0
# Point spreads less likely than this, against the likeliest, are left out.
LEAST_FRACTION = 1e-3
# A pool's own profile is not believed further than 3000 to 1: its shape is a model.
MAX_LOG_ODDS = 8.0
# Fewer voxels inside the electrodes do not show the sodium's grey.
MIN_SODIUM_VOXELS = 2_000
# What is as bright as this beside the ceramic is no sodium, whose contrast is some 0.78.
LEAST_CONTRAST = 0.4
# More voxels would not change its median.
ENOUGH_SODIUM_VOXELS = 100_000
# The sodium is sought in cubes of this edge, spread over the volume, at most so many of them.
SODIUM_TILE = 48
MAX_SODIUM_TILES = 600


@dataclass(frozen=True)
class Filling:
    """What fills the cracks.

    Parameters
    ----------
    sodium_probability : ndarray, shape (n,)
        Of sodium rather than air, at each point.
    sodium_contrast : float
        Contrast of ceramic to sodium over that of ceramic to air.
    """

    sodium_probability: NDArray[np.float64]
    sodium_contrast: float


def distinguish_filling(
    grid: PointGrid,
    normal: NDArray[np.float64],
    profile: NDArray[np.float32],
    shift: NDArray[np.float64],
    voter: NDArray[np.bool_],
    contrast: float,
    blur: Blur,
) -> Filling:
    """Distinguish sodium from air in thin cracks.

    For the same missing grey a crack with sodium is wider by the ratio of the contrasts. Pooled over some 50
    square voxels, a profile's width distinguishes the two down to about a voxel where the point spread is
    known to some per cent. Neighbouring pools lend each other what they know, as filling is contiguous.

    Parameters
    ----------
    grid : PointGrid
        Points of the cracks in voxels.
    normal : ndarray, shape (n, 3)
        Unit vectors across the sheet.
    profile : ndarray of float32, shape (n, 29)
        Missing fraction of the contrast to air; see `sample_profiles`.
    shift : ndarray, shape (n,)
        Where the sheet lies along each profile, in voxels.
    voter : ndarray of bool, shape (n,)
        Points whose profiles are pooled.
    contrast : float
        See :func:`sodium_contrast`.
    blur : Blur
        The scan's point spread.

    Returns
    -------
    Filling
        With a probability of one half where nothing can be said.
    """
    n = len(shift)
    if n == 0:
        return Filling(np.zeros(0), contrast)
    nodes = thin_out(grid, NODE_VOXELS, normal)
    pools, weights, openings, noise = _pool(grid, normal, profile, shift, voter, nodes)
    spread = np.hypot(blur.relative_se, WIDENED_SPREAD)
    prior = np.exp(-0.5 * (np.log(BLURS_VOXELS / (WIDENED * blur.sigma_voxels)) / spread) ** 2)
    likely = prior >= LEAST_FRACTION * prior.max()
    prior = prior[likely] / prior[likely].sum()
    likelihood = np.stack(
        [_log_likelihood(pools, weights, openings, b, contrast, noise) for b in BLURS_VOXELS[likely]]
    )
    # A pool may be a little wider or narrower than the point spread says.
    steps = WIDTH_SPREAD / np.log(BLURS_VOXELS[1] / BLURS_VOXELS[0])
    peak = likelihood.max(axis=(0, 2), keepdims=True)
    likelihood = np.log(
        ndimage.gaussian_filter1d(np.exp(likelihood - peak), steps, axis=0, mode="nearest") + 1e-30
    )
    starts, members, lending = _beside(grid, normal, nodes)
    of_nodes = np.zeros(len(nodes))
    for own, probability in zip(likelihood, prior, strict=True):
        odds = np.clip(own[:, 1] - own[:, 0], -MAX_LOG_ODDS, MAX_LOG_ODDS)
        of_nodes += probability * special.expit(odds + _lent(odds, starts, members, lending))
    return Filling(_spread(grid, normal, nodes, of_nodes), contrast)


def sodium_contrast(grey: Sliceable, labels: Sliceable) -> float:
    """Contrast of ceramic to sodium over that of ceramic to air, from the electrodes' insides.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.

    Returns
    -------
    float
        Between 0 and 1; the usual one where there is too little sodium.
    """
    blocks = tiles(whole(labels.shape), SODIUM_TILE)
    found: list[NDArray[np.float32]] = []
    # A stride without a common factor visits every block once, spread over the volume.
    stride = _coprime(round(0.618 * len(blocks)), len(blocks))
    for k in range(min(len(blocks), MAX_SODIUM_TILES)):
        region = blocks[k * stride % len(blocks)]
        metal = read_padded(labels, region, 3) == SODIUM
        if not metal.any():
            continue
        core = ndimage.binary_erosion(metal, iterations=3)[3:-3, 3:-3, 3:-3]
        if core.any():
            found.append(np.asarray(grey[region])[core].astype(np.float32))
        if sum(map(len, found)) >= ENOUGH_SODIUM_VOXELS:
            break
    usual = float((CERAMIC_GREY - DEFAULT_SODIUM_GREY) / (CERAMIC_GREY - AIR_GREY))
    if sum(map(len, found)) < MIN_SODIUM_VOXELS:
        return usual
    level = float(np.median(np.concatenate(found)))
    contrast = float((CERAMIC_GREY - level) / (CERAMIC_GREY - AIR_GREY))
    return contrast if LEAST_CONTRAST <= contrast <= 1.0 else usual


def _coprime(start: int, n: int) -> int:
    step = max(1, start)
    while np.gcd(step, n) != 1:
        step += 1
    return step


def _pool(
    grid: PointGrid,
    normal: NDArray[np.float64],
    profile: NDArray[np.float32],
    shift: NDArray[np.float64],
    voter: NDArray[np.bool_],
    nodes: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Mean profiles about the sheet, their samples' weights, openings, and the variance of weight one."""
    offsets = profile_offsets()
    pools, weights = np.zeros((len(nodes), BINS)), np.zeros((len(nodes), BINS))
    window = np.abs(offsets) <= WINDOW_VOXELS
    single = np.nansum(profile[:, window], axis=1).astype(np.float64) * STEP_VOXELS
    openings = np.empty(len(nodes))
    far = np.abs(offsets) >= FAR_FROM_VOXELS
    grain = []
    for around in grid.around(CELL_VOXELS, normal, nodes):
        sums, counts, opening = _binned(
            around.starts, around.members, around.distance, profile, shift, voter, single, offsets
        )
        pools[around.rows] = sums / np.maximum(counts, 1e-9)
        weights[around.rows] = counts
        openings[around.rows] = opening
        total, fraction = around.mean_of_finite(profile[:, far], POOL_VOXELS)
        whole_fraction = fraction > 0.9
        grain.append(
            (total / np.maximum(fraction, 0.9))[whole_fraction] ** 2
            * _weight(around.starts, around.distance)[np.nonzero(whole_fraction)[0]]
        )
    values = np.concatenate(grain)
    return pools, weights, openings, float(np.median(values) / 0.455) if values.size else 1.0


def _weight(starts: NDArray[np.int64], distance: NDArray[np.float32]) -> NDArray[np.float64]:
    w = np.exp(-0.5 * (distance.astype(np.float64) / POOL_VOXELS) ** 2)
    total: NDArray[np.float64] = np.add.reduceat(w, starts[:-1])
    return total


def _log_likelihood(
    pools: NDArray[np.float64],
    weights: NDArray[np.float64],
    openings: NDArray[np.float64],
    blur: float,
    contrast: float,
    noise: float,
) -> NDArray[np.float64]:
    """Log likelihood of air and of sodium in each pool, shape (n, 2), for one point spread."""
    u = (np.arange(BINS) - BINS // 2) * BIN_VOXELS
    b = np.hypot(blur, BIN_VOXELS / np.sqrt(12.0))
    out = np.empty((len(pools), 2))
    # Samples half a voxel apart share their noise, four bins to a voxel hold two samples each.
    variance = noise * 2.0
    for k, c in enumerate((1.0, contrast)):
        half = np.maximum(openings / c, 0.05)[:, None] / 2.0
        right, left = (u + half) / (np.sqrt(2.0) * b), (u - half) / (np.sqrt(2.0) * b)
        shape = 0.5 * c * (special.erf(right) - special.erf(left))
        slope = np.exp(-(right**2)) - np.exp(-(left**2))
        # Misplacement and the ceramic's own level are free, the area nearly fixed.
        columns = np.stack([shape, slope, np.ones_like(shape)], axis=2)
        precision = np.diag([variance / AREA_SPREAD**2, 1e-9, 1e-9])
        weighted = columns * weights[:, :, None]
        normal = np.swapaxes(weighted, 1, 2) @ columns + precision
        away = pools - shape
        side = np.einsum("nui,nu->ni", weighted, away)
        best = np.linalg.solve(normal, side[:, :, None])[:, :, 0]
        squares = np.sum(weights * away**2, axis=1) - np.sum(side * best, axis=1)
        out[:, k] = -0.5 * squares / variance
    return out


def _beside(
    grid: PointGrid, normal: NDArray[np.float64], nodes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Find the other nodes near each node on its sheet, and what fraction of their log odds they lend it."""
    scale = CELL_VOXELS / LENDING_REACH_VOXELS
    coarse = point_grid(grid.points[nodes] * scale, grid.group[nodes])
    parts = list(coarse.around(CELL_VOXELS, normal[nodes]))
    lengths = np.concatenate([np.diff(p.starts) for p in parts])
    away = np.concatenate([p.distance for p in parts]).astype(np.float64) / scale
    weights = np.where(away > 0.0, LENT * np.exp(-0.5 * (away / LENDING_VOXELS) ** 2), 0.0)
    return np.concatenate([[0], np.cumsum(lengths)]), np.concatenate([p.members for p in parts]), weights


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _binned(
    starts: NDArray[np.int64],
    members: NDArray[np.int32],
    distance: NDArray[np.float32],
    profile: NDArray[np.float32],
    shift: NDArray[np.float64],
    voter: NDArray[np.bool_],
    single: NDArray[np.float64],
    offsets: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    n = starts.size - 1
    sums, counts = np.zeros((n, BINS)), np.zeros((n, BINS))
    opening = np.zeros(n)
    for k in range(n):
        weights = 1e-12
        for q in range(starts[k], starts[k + 1]):
            j = members[q]
            if not voter[j]:
                continue
            w = np.exp(-0.5 * (distance[q] / POOL_VOXELS) ** 2)
            opening[k] += w * single[j]
            weights += w
            for c in range(offsets.size):
                u = int(np.floor((offsets[c] - shift[j]) / BIN_VOXELS + 0.5)) + BINS // 2
                value = profile[j, c]
                if 0 <= u < BINS and not np.isnan(value):
                    sums[k, u] += w * value
                    counts[k, u] += w
        opening[k] /= weights
    return sums, counts, opening


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lent(
    odds: NDArray[np.float64],
    starts: NDArray[np.int64],
    members: NDArray[np.int32],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Log odds of sodium that the neighbours lend."""
    out = np.zeros(odds.size)
    for k in range(odds.size):
        for q in range(starts[k], starts[k + 1]):
            out[k] += weights[q] * odds[members[q]]
    return out


def _spread(
    grid: PointGrid, normal: NDArray[np.float64], nodes: NDArray[np.int64], of_nodes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bring values of nodes to the points around them."""
    total, weight = np.zeros(len(grid.points)), np.zeros(len(grid.points))
    for around in grid.around(NODE_VOXELS, normal, nodes):
        w = np.exp(-0.5 * (around.distance.astype(np.float64) / POOL_VOXELS) ** 2)
        own = np.repeat(of_nodes[around.rows], np.diff(around.starts))
        np.add.at(total, around.members, w * own)
        np.add.at(weight, around.members, w)
    # Rounding may leave the range by an ulp.
    return np.clip(total / weight, 0.0, 1.0)
