"""Tomogram and section at one resolution, ready to be compared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtri

from spallmap import frames
from spallmap.registration.section.appearance import CERAMIC, EMPTY, SOLID, VOID, Section, block_mean
from spallmap.registration.section.materials.masks import near

# Variance of the tomogram's blur that sharpening takes back at most, square voxels: noise grows with it.
MOST_SHARPENED = 0.7
# Blur that is left after sharpening, voxels: of 0.2 to 1.0 the one with the least errors on six sections.
LEFT_BLUR_VOXELS = 0.5
# Blur of what is taken for flat, voxels.
FLAT_VOXELS = 2.0
# Blur of what is compared with it.
SHOWN_VOXELS = 1.0
# By how many robust standard deviations it must differ to be shown as it is, and how far around, voxels.
SHOWN_SIGMAS = 4.0
SHOWN_REACH = 2
# Slices to either side of the ceramic's middle one in which the noise is measured.
NOISE_REACH = 16
# Slices that are worked on at a time, to bound the memory.
SLAB = 64
# Weight of the ceramic's inside against everything else. The outline's contrast is strong and its position
# is off by edge brightening and roughness; inside, pores and cracks say where along the normal it lies.
INSIDE_WEIGHT = 4.0
# Weight of what is far from every edge outside the ceramic: casing and gas are one class and differ in grey.
FLAT_OUTSIDE_WEIGHT = 0.1
FLAT_OUTSIDE_UM = 20.0
# Fraction of one class from which on a point shows nothing else.
SINGLE = 0.99
# One in how many of such points the search looks at.
THINNED = 4
# Depth below the ceramic's surface from which it counts as inside, um.
INSIDE_DEPTH_UM = 12.0


@dataclass(frozen=True)
class Grid:
    """A tomogram at one resolution.

    Parameters
    ----------
    volume : ndarray of float32, shape (nz, ny, nx)
        Grey.
    spacing_um : tuple of float
        Its spacing in array order.
    origin_um : ndarray, shape (3,)
        Point of its first voxel in the tomogram's frame.
    blur_um : float
        Standard deviation of its whole blur.
    """

    volume: NDArray[np.float32]
    spacing_um: tuple[float, float, float]
    origin_um: NDArray[np.float64]
    blur_um: float


@dataclass(frozen=True)
class Level:
    """One resolution of the refinement.

    Parameters
    ----------
    grid : Grid
        The tomogram.
    points : ndarray, shape (n, 2)
        Section points (u, v) relative to the field's centre.
    basis : ndarray, shape (n, 4)
        Fraction of filled ceramic, other solid, empty space and voids in the ceramic at each point, blurred
        alike; a void counts in the first and in the last.
    void : ndarray, shape (n,)
        Fraction of voids in the ceramic, blurred alike.
    weights : ndarray, shape (n,)
        Weight of each point.
    inside : ndarray of bool, shape (n,)
        Points well inside the filled ceramic.
    added : ndarray, shape (n,)
        Added to the grey that the points meet: 0 for a real section, a misfit for a known answer.
    """

    grid: Grid
    points: NDArray[np.float64]
    basis: NDArray[np.float64]
    void: NDArray[np.float64]
    weights: NDArray[np.float64]
    inside: NDArray[np.bool_]
    added: NDArray[np.float64]

    @cached_property
    def total_weight(self) -> float:
        """Weight of all points."""
        return float(self.weights.sum())

    def weighted(self, weights: NDArray[np.float64]) -> Level:
        """Return the same with other weights."""
        return replace(self, weights=weights)

    def thinned(self) -> Level:
        """Return the same with one in `THINNED` of the points that show one class alone, for the search."""
        single = np.flatnonzero((self.basis[:, :3].max(axis=1) > SINGLE) & (self.void < 1.0 - SINGLE))
        kept = np.ones(len(self.points), dtype=np.bool_)
        kept[single] = False
        kept[single[::THINNED]] = True
        weights = self.weights.copy()
        weights[single] *= THINNED
        return replace(
            self,
            points=np.ascontiguousarray(self.points[kept]),
            basis=self.basis[kept],
            void=self.void[kept],
            weights=weights[kept],
            inside=self.inside[kept],
            added=self.added[kept],
        )

    def own_points(self, most: int) -> NDArray[np.float64]:
        """Up to about `most` of the points with their normal coordinate, 0; shape (n, 3)."""
        chosen = self.points[:: max(1, len(self.points) // most)]
        return np.column_stack([chosen, np.zeros(len(chosen))])


def sharpened(
    grey: NDArray[np.uint16], ceramic: NDArray[np.bool_], blur_voxels: float, *, threads: int = 1
) -> tuple[NDArray[np.float32], float]:
    """Take the tomogram's own blur back to first order where it shows something, and its noise elsewhere.

    A blurred tomogram shows a pore before and behind the plane that cuts it, where a section shows nothing:
    left in, this pulls the plane from pores that it just misses. On twelve simulated sections it took the
    largest error of the position from 0.64 to 0.36 voxel. In the flat parts sharpening raises the noise
    alone, whose fraction of the misfit depends on where between the voxels a plane lies, since interpolation
    averages it: planes were drawn by up to two voxels to where it is averaged most. There the mean of the
    surroundings is taken.

    Parameters
    ----------
    grey : ndarray of uint16, shape (nz, ny, nx)
        The tomogram.
    ceramic : ndarray of bool, shape (nz, ny, nx)
        The filled ceramic, not empty and most of it flat: the noise is measured there.
    blur_voxels : float
        Standard deviation of its point spread.
    threads : int
        Number of threads; the result does not depend on it.

    Returns
    -------
    sharp : ndarray of float32
        The same with less blur and less noise.
    left_voxels : float
        Standard deviation of the blur that is left.

    References
    ----------
    Gabor, "Information theory in electron microscopy", Laboratory Investigation 14 (1965): the Laplacian as
    the inverse of diffusion.
    """
    taken = min(blur_voxels**2, MOST_SHARPENED)
    limit = SHOWN_SIGMAS * _flat_noise(grey, ceramic)
    sharp = np.empty(grey.shape, dtype=np.float32)
    halo = int(np.ceil(4.0 * FLAT_VOXELS)) + SHOWN_REACH

    def fill(first: int) -> None:
        begin, end = max(first - halo, 0), min(first + SLAB + halo, len(grey))
        slab = grey[begin:end].astype(np.float32)
        flat = ndimage.gaussian_filter(slab, FLAT_VOXELS)
        shown = np.abs(ndimage.gaussian_filter(slab, SHOWN_VOXELS) - flat) > limit
        shown = ndimage.maximum_filter(shown, 2 * SHOWN_REACH + 1)
        slab -= np.float32(taken / 2.0) * ndimage.laplace(slab, mode="nearest")
        clean = np.where(shown, slab, flat)
        sharp[first : first + SLAB] = clean[first - begin : first - begin + SLAB]

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(fill, range(0, len(grey), SLAB)))
    return sharp, float(np.sqrt(blur_voxels**2 - taken + LEFT_BLUR_VOXELS**2))


def _flat_noise(grey: NDArray[np.uint16], ceramic: NDArray[np.bool_]) -> float:
    """Noise of what `sharpened` compares, from the middle slices of the ceramic."""
    filled = np.flatnonzero(ceramic.any(axis=(1, 2)))
    middle = int(filled[len(filled) // 2])
    rows = slice(max(middle - NOISE_REACH, 0), middle + NOISE_REACH)
    slab = grey[rows].astype(np.float32)
    apart = ndimage.gaussian_filter(slab, SHOWN_VOXELS) - ndimage.gaussian_filter(slab, FLAT_VOXELS)
    # The lower quarter: pores and their surroundings fill much of some ceramics.
    return float(np.quantile(np.abs(apart[ceramic[rows]]), 0.25) / ndtri(0.625))


def make_grid(
    grey: NDArray[np.float32],
    spacing_um: tuple[float, float, float],
    own_blur_um: float,
    *,
    binning: int = 1,
    blur_um: float = 0.0,
) -> Grid:
    """Bring a tomogram to a resolution.

    Parameters
    ----------
    grey : ndarray of float32, shape (nz, ny, nx)
        Common grey scale.
    spacing_um : tuple of float
        Of `grey`.
    own_blur_um : float
        Standard deviation of the blur that `grey` has already.
    binning : int
        Voxels averaged along each axis.
    blur_um : float
        Standard deviation of the added Gaussian blur.

    Returns
    -------
    Grid
        The tomogram at that resolution.
    """
    volume = block_mean(grey, (binning,) * 3) if binning > 1 else grey
    spacing = (spacing_um[0] * binning, spacing_um[1] * binning, spacing_um[2] * binning)
    if blur_um > 0.0:
        volume = ndimage.gaussian_filter(volume, [blur_um / s for s in spacing], truncate=3.0)
    total = np.sqrt(blur_um**2 + own_blur_um**2 + (spacing[0] ** 2 - spacing_um[0] ** 2) / 12.0)
    origin = frames.indices_to_points([(binning - 1) / 2.0] * 3, spacing_um)
    return Grid(np.ascontiguousarray(volume, dtype=np.float32), spacing, origin, float(total))


def make_level(section: Section, grid: Grid) -> Level:
    """Blur a section as much as a tomogram.

    Parameters
    ----------
    section : Section
        Class maps.
    grid : Grid
        The tomogram.

    Returns
    -------
    Level
        Points lie about one voxel of the grid apart.
    """
    sigma = [grid.blur_um / s for s in section.spacing_um]
    valid = section.valid.astype(np.float32)
    norm = ndimage.gaussian_filter(valid, sigma)
    maps = np.stack([ndimage.gaussian_filter(m, sigma) for m in section.maps]) / np.maximum(norm, 1e-3)
    fractions = (maps[CERAMIC] + maps[VOID], maps[SOLID], maps[EMPTY], maps[VOID])
    strides = [max(1, round(float(np.mean(grid.spacing_um)) / s)) for s in section.spacing_um]
    pick = np.s_[strides[0] // 2 :: strides[0], strides[1] // 2 :: strides[1]]
    ceramic = section.maps[CERAMIC] + section.maps[VOID] > 0.5
    # The rim of the picture is not the ceramic's surface.
    deep = ceramic & ~near(section.valid & ~ceramic, INSIDE_DEPTH_UM, section.spacing_um)
    seen = (section.valid & (norm > 0.9 * valid))[pick]
    kind = np.argmax(section.maps, axis=0)
    unmasked = ndimage.binary_erosion(section.valid, np.ones((3, 3), dtype=np.bool_), border_value=1)
    edge = (ndimage.maximum_filter(kind, 3) != ndimage.minimum_filter(kind, 3)) & unmasked
    far = ~near(edge, FLAT_OUTSIDE_UM, section.spacing_um)
    weights = np.where(deep, INSIDE_WEIGHT, np.where(far & ~ceramic, FLAT_OUTSIDE_WEIGHT, 1.0))[pick][seen]
    return Level(
        grid,
        np.ascontiguousarray((section.points() - section.centre_um)[pick][seen][:, :2]),
        np.stack([m[pick][seen] for m in fractions], axis=-1).astype(np.float64),
        maps[VOID][pick][seen].astype(np.float64),
        weights,
        deep[pick][seen],
        np.zeros(len(weights)),
    )
