"""What a crack has to exceed: the plate response of ceramic without cracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, grown, inner, map_blocks, tiles, whole
from spallmap.tomography.blockwise.distances import capped_distance
from spallmap.tomography.cracks.bright import bright_limit
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS, block_responses, combine
from spallmap.tomography.labels import VOID, is_filled

# The null leaves out what lies nearer than this to the ceramic's surface.
FAR_VOXELS = 6
# And nearer than this to a void.
FAR_FROM_VOIDS = 5
# Quantiles of the null that a crack must hold throughout and reach somewhere. Voids are kept out of the null,
# so that these describe noise and rings, not pores.
LOW_QUANTILE = 0.999
HIGH_QUANTILE = 0.9999
# The high threshold lies this factor above its quantile, since a volume holds more than 10,000 voxels.
HIGH_MARGIN = 1.25
# The two quantiles over the 90 % quantile, for where only the volume itself can serve as its null and cracks
# would be part of its tail. Gaussian noise has 1.9 and 2.2 (simulated); rings and pores below detection raise
# them by a quarter to a third in a simulated scan that has both.
NOISE_LOW = 2.45
NOISE_HIGH = 3.0
# Largest quantiles of a pristine scan that are believed, over those of noise: where they are higher, it holds
# cracks itself. Pristine scans of simulated cells with pores and rings have 1.0 to 1.25, 1.0 to 1.7.
MAX_LOW = 1.3
MAX_HIGH = 1.75
# Least number of ridge voxels of a crack: a sheet of 12 by 12 voxels. Smaller ones are not distinguished from
# pores.
MIN_AREA_VOXELS = 150
# Keeps a noise-free null from dividing by zero.
MIN_LEVEL = 1e-6
# Below this many voxels of null its far quantiles mean nothing.
MIN_NULL_VOXELS = 5_000
# Edge of the blocks that the null is taken from.
NULL_TILE = 96
# Number of such blocks, spread evenly over the ceramic: 28 million voxels give a quantile of 99.99 % to a per
# cent.
MAX_NULL_TILES = 32
# The configuration's random_seed unless it says otherwise: with it the draw depends on the number of blocks
# alone.
DEFAULT_SEED = 1


@dataclass(frozen=True)
class Thresholds:
    """What a crack had to exceed.

    Parameters
    ----------
    weights : tuple of float
        Factor of each scale of the plate filter; the 90 % quantile of the volume's quiet ceramic is 1 at
        every scale.
    low, high : float
        Response that a crack holds throughout, and that it reaches somewhere.
    min_area_voxels : int
        Least number of ridge voxels.
    null : str
        Where the thresholds come from, in words.
    bright : float
        Smoothed grey above which a voxel is no ceramic; infinite where the ceramic shows nothing bright.

    Examples
    --------
    >>> from spallmap.tomography import TOO_LITTLE, Thresholds
    >>> Thresholds((0.2, 0.5, 1.1), 2.6, 4.1, 150, "by hand").usable, TOO_LITTLE.usable
    (True, False)
    """

    weights: tuple[float, ...]
    low: float
    high: float
    min_area_voxels: int
    null: str
    bright: float = float("inf")

    @property
    def usable(self) -> bool:
        """Whether there was ceramic enough to set them."""
        return bool(self.weights)


TOO_LITTLE = Thresholds((), float("inf"), float("inf"), 0, "none: too little ceramic to look for cracks in")


def crack_thresholds(
    grey: Sliceable,
    labels: Sliceable,
    null_grey: Sliceable | None = None,
    null_labels: Sliceable | None = None,
    min_area_voxels: int = MIN_AREA_VOXELS,
    threads: int = 1,
    seed: int = DEFAULT_SEED,
) -> Thresholds:
    """Set the thresholds for the cracks of a volume.

    Parameters
    ----------
    grey, labels : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, and its phases.
    null_grey, null_labels : Sliceable, optional
        The pristine scan of the same cell in its own frame: how far the tail of its responses reaches,
        relative to their 90 % quantile. Where absent or too small, the tail of noise.
    min_area_voxels : int
        Least number of ridge voxels of a crack.
    threads : int
        Number of threads.
    seed : int
        Which blocks of a ceramic of many are taken for the null.

    Returns
    -------
    Thresholds
        :data:`TOO_LITTLE` where neither volume has ceramic enough.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import crack_thresholds
    >>> labels = np.full((40, 50, 50), 5, dtype=np.uint8)
    >>> labels[5:35, 5:45, 5:45] = 1
    >>> grey = np.random.default_rng(1).normal(50_000.0, 800.0, labels.shape)
    >>> thresholds = crack_thresholds(grey, labels)
    >>> round(thresholds.low, 2), round(thresholds.high / thresholds.low, 2)
    (3.12, 1.53)
    >>> thresholds.null[:27]
    'own ceramic: the noise tail'
    """
    null = None
    if null_grey is not None and null_labels is not None:
        null = _quiet(null_grey, null_labels, (0.9, LOW_QUANTILE, HIGH_QUANTILE), threads, seed)
    own = _quiet(grey, labels, (0.9,) if null is None else (), threads, seed)
    # The level of the noise is the volume's own: two scans of a cell need not be equally noisy.
    level_of = own or null
    if level_of is None:
        return TOO_LITTLE
    weights = tuple(1.0 / level for level in level_of.levels)
    if null is None:
        (level,) = level_of.tail
        low, high = NOISE_LOW * level, NOISE_HIGH * level
        text = f"own ceramic: the noise tail above the 90 % quantile of {level_of.amount}"
    else:
        level, low, high = null.tail
        text = f"pristine scan: quantiles {LOW_QUANTILE} and {HIGH_QUANTILE} of {null.amount}"
        most = level * np.array([MAX_LOW * NOISE_LOW, MAX_HIGH * NOISE_HIGH])
        if low > most[0] or high > most[1]:
            text += ", held down since it holds cracks or much structure itself"
        low, high = min(low, float(most[0])), min(high, float(most[1]))
        ratio = float(np.median(np.divide(level_of.levels, null.levels)))
        text += f"; this scan's noise is {ratio:.2f} times as strong"
    bright = bright_limit(grey, labels, _shuffled_tiles(labels, threads, seed), threads)
    if np.isfinite(bright):
        text += "; what is brighter than ceramic is cut off"
    return Thresholds(weights, low, HIGH_MARGIN * high, min_area_voxels, text, bright)


@dataclass(frozen=True)
class _Quiet:
    """Quantiles of the responses of quiet ceramic, and how many voxels they are of.

    `levels` are the 90 % quantiles of the scales, which a crack hardly moves; `tail` has quantiles of the
    largest response over the scales, each divided by its level.
    """

    levels: tuple[float, ...]
    tail: tuple[float, ...]
    n: int

    @property
    def amount(self) -> str:
        return f"{self.n} voxels of ceramic far from surfaces and voids"


def _quiet(
    grey: Sliceable, labels: Sliceable, quantiles: Sequence[float], threads: int, seed: int
) -> _Quiet | None:
    """Measure the noise of quiet ceramic; None where there is too little of it."""
    responses = _quiet_responses(grey, labels, threads, seed)
    if responses is None:
        return None
    levels = tuple(max(float(np.quantile(r, 0.9)), MIN_LEVEL) for r in responses)
    n = responses[0].size
    if not quantiles:
        return _Quiet(levels, (), n)
    values = combine(responses, tuple(1.0 / level for level in levels))
    tail = np.quantile(values, quantiles, overwrite_input=True)
    return _Quiet(levels, tuple(float(q) for q in tail), n)


def ceramic_box(labels: Sliceable, threads: int = 1) -> Region | None:
    """Find the bounding box of the ceramic with its cracks and voids.

    Parameters
    ----------
    labels : Sliceable, shape (nz, ny, nx)
        Phases.
    threads : int
        Number of threads.

    Returns
    -------
    tuple of slice or None
        None where there is no ceramic.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import ceramic_box
    >>> labels = np.full((20, 20, 20), 5, dtype=np.uint8)
    >>> labels[4:9, 3:17, 6:8] = 1
    >>> ceramic_box(labels)
    (slice(4, 9, None), slice(3, 17, None), slice(6, 8, None))
    """

    def extent(region: Region) -> NDArray[np.int64] | None:
        filled = is_filled(np.asarray(labels[region]))
        bounds = []
        for axis, s in enumerate(region):
            there = np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis)))
            if len(there) == 0:
                return None
            bounds.append((s.start + there[0], s.start + there[-1] + 1))
        return np.array(bounds, dtype=np.int64)

    found = [e for e in map_blocks(extent, tiles(whole(labels.shape)), threads) if e is not None]
    if not found:
        return None
    every = np.stack(found)
    (z0, z1), (y0, y1), (x0, x1) = ((int(every[:, a, 0].min()), int(every[:, a, 1].max())) for a in range(3))
    return slice(z0, z1), slice(y0, y1), slice(x0, x1)


def quiet_ceramic(labels: Sliceable, region: Region) -> NDArray[np.bool_]:
    """Find the ceramic of a region that is far from its surface and from voids.

    Parameters
    ----------
    labels : Sliceable, shape (nz, ny, nx)
        Phases.
    region : tuple of slice
        The part.

    Returns
    -------
    ndarray of bool
        Of the region's shape.
    """
    outer = grown(region, FAR_VOXELS + 1, labels.shape)
    phases = np.asarray(labels[outer])
    filled = is_filled(phases)
    here = inner(region, outer)
    if not filled[here].any():
        return np.zeros(filled[here].shape, dtype=bool)
    far = capped_distance(filled, FAR_VOXELS + 1)[here] > FAR_VOXELS
    quiet: NDArray[np.bool_] = far & (capped_distance(phases != VOID, FAR_VOXELS)[here] > FAR_FROM_VOIDS)
    return quiet


def _shuffled_tiles(labels: Sliceable, threads: int, seed: int) -> list[Region]:
    """Blocks of the ceramic's bounding box, shuffled so that the first ones are spread over all of it."""
    box = ceramic_box(labels, threads)
    if box is None:
        return []
    every = tiles(box, NULL_TILE)
    rng = np.random.default_rng(len(every) + (seed ^ DEFAULT_SEED))
    return [every[k] for k in rng.permutation(len(every))]


def _quiet_responses(
    grey: Sliceable, labels: Sliceable, threads: int, seed: int
) -> list[NDArray[np.float32]] | None:
    """Responses of quiet ceramic, one array a scale; None where there is too little."""
    every = _shuffled_tiles(labels, threads, seed)

    def of(region: Region) -> list[NDArray[np.float32]] | None:
        quiet = quiet_ceramic(labels, region)
        if not quiet.any():
            return None
        return [r[quiet] for r in block_responses(grey, region, SIGMAS_VOXELS)]

    scales: list[list[NDArray[np.float32]]] = [[] for _ in SIGMAS_VOXELS]
    for found in map_blocks(of, every, threads):
        for scale, response in zip(scales, found or [], strict=False):
            scale.append(response)
        if len(scales[0]) == MAX_NULL_TILES:
            break
    if sum(r.size for r in scales[0]) < MIN_NULL_VOXELS:
        return None
    # One scale after the other, so that its parts are gone before the next one is put together.
    return [np.concatenate(scales.pop(0)) for _ in SIGMAS_VOXELS]
