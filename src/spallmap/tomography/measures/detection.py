"""The thinnest crack that would have been found: a number, and a map of the ceramic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS
from spallmap.tomography.cracks.thresholds import Thresholds, quiet_ceramic
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.measures.blur import Blur

# Nodes of the map: the noise of ceramic changes over hundreds of micrometres.
MAX_NODES = 4_000
# The distance of the nodes is a multiple of this many voxels.
NODE_STEP = 8
# Edge of the cube around a node whose noise is measured; cubes of nearer nodes share voxels.
SAMPLE_VOXELS = 24
# Fewer voxels of quiet ceramic around a node do not give its noise to 10 %: smoothed, some 30 of them vary
# alone.
MIN_QUIET_VOXELS = 1_000
# The two maps of a limit.
LIMIT_CHANNELS = ("air_um", "sodium_um")
# Apertures that are tried.
APERTURES_VOXELS = np.concatenate([np.linspace(0.0, 1.0, 101), np.linspace(1.02, 4.0, 150)])
# The sheet that is meant has this many times the least area: half of it lies above the low threshold when its
# median does, and a smooth random field is connected from one half on.
AREA_FACTOR = 2.0
# Area of a sheet over which the response's noise is one: 2 pi times the variance of the noise's correlation,
# 1.8 voxels for the middle scale.
GRAIN_VOXELS2 = 20.0
_DIRECTIONS = np.array(
    [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [1, 1, 0],
        [1, -1, 0],
        [1, 0, 1],
        [1, 0, -1],
        [0, 1, 1],
        [0, 1, -1],
        [1, 1, 1],
        [1, 1, -1],
        [1, -1, 1],
        [-1, 1, 1],
    ],
    dtype=np.float64,
)


@dataclass(frozen=True)
class DetectionLimit:
    """The smallest aperture that would have been found.

    Parameters
    ----------
    air_um, sodium_um : ndarray of float32, shape (mz, my, mx)
        At the nodes of a coarse grid, for a crack that holds air or sodium; NaN where there is too little
        quiet ceramic to say, infinite where no crack up to four voxels would have been found.
    node_voxels : int
        The nodes are every so many voxels, the first at the volume's first voxel: the frame's origin stays.
    median_air_um, median_sodium_um : float
        Medians over the nodes in ceramic; NaN where there are none.
    """

    air_um: NDArray[np.float32]
    sodium_um: NDArray[np.float32]
    node_voxels: int
    median_air_um: float
    median_sodium_um: float

    @property
    def maps(self) -> NDArray[np.float32]:
        """Both maps, shape (2, mz, my, mx), in the order of :data:`LIMIT_CHANNELS`."""
        return np.stack([self.air_um, self.sodium_um])

    def node_spacing_um(self, spacing_um: Sequence[float]) -> list[float]:
        """Return the distance of the nodes.

        Parameters
        ----------
        spacing_um : sequence of float
            Voxel spacing of the volume along z, y and x.

        Returns
        -------
        list of float
            Along z, y and x.
        """
        return [self.node_voxels * s for s in spacing_um]

    def as_json(self) -> dict[str, float]:
        """Return the medians and the distance of the nodes.

        Returns
        -------
        dict
            ``air_um``, ``sodium_um`` and ``node_voxels``.
        """
        return {
            "air_um": self.median_air_um,
            "sodium_um": self.median_sodium_um,
            "node_voxels": self.node_voxels,
        }


def detection_limit(
    grey: Sliceable,
    labels: Sliceable,
    spacing_um: Sequence[float],
    thresholds: Thresholds,
    blur: Blur,
    sodium_contrast: float,
    threads: int = 1,
    node_voxels: int | None = None,
) -> DetectionLimit:
    """Say how thin a crack would have been found where.

    A sheet of known aperture is blurred by the point spread and the filter's scale; its noise-free response
    is computed with the filter's own differences, averaged over directions. The noise of the response is
    that of the quiet ceramic around each node: its mean and spread for a sheet in any direction of the axes.
    A sheet is found when its median response exceeds the low threshold and its largest, over as many
    independent positions as it has, the high one.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    thresholds : Thresholds
        What a crack had to exceed.
    blur : Blur
        From :func:`spallmap.tomography.measures.blur.measure_blur`.
    sodium_contrast : float
        Contrast of ceramic to sodium over that of ceramic to air.
    threads : int
        Number of threads.
    node_voxels : int, optional
        Distance of the map's nodes; the least multiple of eight that keeps them below :data:`MAX_NODES`
        where absent.

    Returns
    -------
    DetectionLimit
        All NaN where the thresholds are not usable.
    """
    every = _spacing(grey.shape) if node_voxels is None else node_voxels
    nodes = np.stack(np.meshgrid(*(np.arange(0, n, every) for n in grey.shape), indexing="ij"), axis=-1)
    shape = nodes.shape[:3]
    air, sodium = (np.full(int(np.prod(shape)), np.nan, dtype=np.float32) for _ in range(2))
    if thresholds.usable:
        signal = [sheet_response(APERTURES_VOXELS, blur.sigma_voxels, s) for s in SIGMAS_VOXELS]

        def limits(node: NDArray[np.int64]) -> tuple[float, float]:
            noise = _noise(grey, labels, node)
            if noise is None:
                return np.nan, np.nan
            contrast = float(CERAMIC_GREY - AIR_GREY)
            empty, filled = (
                _limit(signal, noise, c, thresholds) for c in (contrast, contrast * sodium_contrast)
            )
            return empty, filled

        for k, (a, s) in enumerate(map_blocks(limits, list(nodes.reshape(-1, 3)), threads)):
            air[k], sodium[k] = a, s
    voxel = np.float32(min(spacing_um))
    air, sodium = (v.reshape(shape) * voxel for v in (air, sodium))
    return DetectionLimit(air, sodium, every, _median(air), _median(sodium))


def sheet_response(apertures: NDArray[np.float64], blur: float, sigma: float) -> NDArray[np.float64]:
    """Response of the plate filter in the middle of sheets of unit contrast, averaged over directions.

    Parameters
    ----------
    apertures : ndarray, shape (n,)
        In voxels.
    blur : float
        Standard deviation of the point spread, in voxels.
    sigma : float
        Scale of the filter.

    Returns
    -------
    ndarray, shape (n,)
        Largest eigenvalue less the larger of the others' absolute values, of the Hessian by second
        differences.
    """
    width = np.sqrt(2.0) * np.hypot(blur, sigma)
    normals = _DIRECTIONS / np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)
    half = apertures[:, None] / 2.0

    def dark(step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Grey that is missing at a step from the middle, for every aperture and direction."""
        t = normals @ step
        missing: NDArray[np.float64] = 0.5 * (
            special.erf((t + half) / width) - special.erf((t - half) / width)
        )
        return missing

    axes = np.eye(3)
    hessian = np.empty((len(apertures), len(normals), 3, 3))
    middle = dark(np.zeros(3))
    for a in range(3):
        hessian[:, :, a, a] = 2.0 * (middle - dark(axes[a]))
        for b in range(a):
            mixed = 0.5 * (dark(axes[a] - axes[b]) - dark(axes[a] + axes[b]))
            hessian[:, :, a, b] = hessian[:, :, b, a] = mixed
    values = np.linalg.eigvalsh(hessian)
    response = values[..., 2] - np.abs(values[..., :2]).max(axis=-1)
    mean: NDArray[np.float64] = response.mean(axis=1)
    return mean


def _spacing(shape: Sequence[int]) -> int:
    every = NODE_STEP
    while np.prod([-(-n // every) for n in shape]) > MAX_NODES:
        every += NODE_STEP
    return every


def _noise(grey: Sliceable, labels: Sliceable, node: NDArray[np.int64]) -> list[tuple[float, float]] | None:
    """Mean and spread that quiet ceramic adds to a sheet's response, one pair a scale."""
    half = SAMPLE_VOXELS // 2
    z, y, x = (
        slice(max(0, int(c) - half), min(n, int(c) + half)) for c, n in zip(node, grey.shape, strict=True)
    )
    region: Region = (z, y, x)
    quiet = quiet_ceramic(labels, region)
    if np.count_nonzero(quiet) < MIN_QUIET_VOXELS:
        return None
    found = []
    for sigma in SIGMAS_VOXELS:
        taps = gaussian_taps(sigma)
        radius = len(taps) - 1
        block = read_padded(grey, region, radius + 1).astype(np.float32)
        added = [v[quiet] for v in _added(smooth_block(block, taps))]
        # The median and the quartiles leave out what is no noise: small pores, a crack.
        low, middle, high = np.quantile(np.concatenate(added), (0.25, 0.5, 0.75))
        found.append((float(middle), float(high - low) / 1.349))
    return found


def _added(g: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Compute what noise adds to the response of sheets across z, y and x, a voxel less at each side."""
    core = (slice(1, -1),) * 3

    def moved(axis: int, by: int, other: int = 0, by_other: int = 0) -> NDArray[np.float32]:
        cut = list(core)
        cut[axis] = slice(1 + by, g.shape[axis] - 1 + by)
        if by_other:
            cut[other] = slice(1 + by_other, g.shape[other] - 1 + by_other)
        return g[tuple(cut)]

    second = [moved(a, 1) + moved(a, -1) - 2.0 * g[core] for a in range(3)]
    out = []
    for a in range(3):
        b, c = (k for k in range(3) if k != a)
        mixed = 0.25 * (moved(b, 1, c, 1) - moved(b, 1, c, -1) - moved(b, -1, c, 1) + moved(b, -1, c, -1))
        mean = 0.5 * (second[b] + second[c])
        spread = np.hypot(0.5 * (second[b] - second[c]), mixed)
        out.append(second[a] - np.abs(mean) - spread)
    return out


def _limit(
    signal: Sequence[NDArray[np.float64]],
    noise: Sequence[tuple[float, float]],
    contrast: float,
    thresholds: Thresholds,
) -> float:
    """Smallest aperture in voxels that some scale finds; infinite where none does."""
    independent = AREA_FACTOR * thresholds.min_area_voxels / GRAIN_VOXELS2
    # Median of the largest of so many normal deviates.
    luck = float(special.ndtri(0.5 ** (1.0 / max(independent, 1.0))))
    best = np.inf
    for response, (mean, spread), weight in zip(signal, noise, thresholds.weights, strict=True):
        needed = max(thresholds.low / weight, thresholds.high / weight - luck * spread) - mean
        enough = np.flatnonzero(contrast * response >= needed)
        if len(enough):
            best = min(best, float(APERTURES_VOXELS[enough[0]]))
    return best


def _median(values: NDArray[np.float32]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")
