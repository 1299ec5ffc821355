"""What two images of one section have in common: edges, whatever instrument and gain drew them.

Shading, charging and the grey of single grains differ between images; they are slow and are taken away by
subtracting a local mean. The remaining picture of one image is predicted from several pictures of the other,
mixed linearly: itself, itself blurred (the beams' widths differ) and the strength of its edges (an electron
image has bright rims whose width depends on the pixel size).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import Points, grid_points
from spallmap.registration.gauss_newton import Field
from spallmap.registration.inset.sheet import FloatArray, Sheet, resample_sheet

# What an inset is: one electron image, or the counts of several elements.
Kind = Literal["sem", "edx"]

# The search grid has at most this many samples along the inset's longer side.
_SEARCH_EXTENT_SAMPLES = 128

# Finest and slowest structure of the search, Gaussian sigma in samples.
_SEARCH_BLUR = 1.0
_SEARCH_BAND = 6.0

# Finest structure of the refinement, in samples of the coarser image. An electron image is used as sharp
# as linear interpolation allows, which is what distinguishes positions along a crack; counts need more
# averaging.
FINE_BLUR: dict[Kind, float] = {"sem": 0.6, "edx": 2.0}

# Slowest structure of the refinement, in samples of the coarser image: the contrast of single grains, which
# need not be the same in two images, is slower than that. Counts do not see grains, and a narrower band
# leaves their noise: with blur and band of 1.5 and 8 samples the edges of 23 maps with faults correlated by
# 0.47 to 0.84 at their place; with these by 0.66 to 0.92, and the positions were better.
_FINE_BAND: dict[Kind, float] = {"sem": 5.0, "edx": 16.0}

# Anscombe's constant: the root of a count and this has the same noise whatever the count.
_ANSCOMBE = 0.375

# Extra blur of the second picture of an electron image, in samples.
_BLURRED_SAMPLES = 2.0

# Blur of the edge strength, in samples: a rim is a few samples wide.
_RIM_SAMPLES = 1.0

# Blur of the counts before their edges are taken: some counts a pixel have no edges otherwise.
_NOISE_BLUR_SAMPLES = 1.0

# Widths of the bright rims that are tried, in samples of the coarser image. A rim is grey where it is bright
# and much of its surroundings dark: the product of the grey with itself blurred. Its width may belong to the
# beam, or to the pixels of a sharpening filter and then differ between the images: with three pictures alone
# such sections left 35 to 45 % of the overview's edges unexplained, with these 15 to 25 %.
_RIM_WIDTHS_SAMPLES = (0.7, 1.5)

# Mixtures with less than this fraction of the strongest one's variance are numerical noise. The products for
# the rims resemble the grey, and what they differ in is weak.
_MIN_FRACTION: dict[Kind, float] = {"sem": 1e-5, "edx": 1e-3}

# Contrast below this fraction of the brightest value is the rounding of sums, far above 1e-16 for each term.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Comparison:
    """An inset and an overview on grids on which they can be compared.

    Parameters
    ----------
    pictures : Sheet
        The inset's pictures, uncorrelated with each other.
    overview : Sheet
        The overview without its local mean.
    field : Field
        The same, to be sampled.
    """

    pictures: Sheet
    overview: Sheet
    field: Field

    def points(self) -> tuple[Points, FloatArray]:
        """Return the inset's sample points, shape (n, 3), and its pictures there, (n, k)."""
        step = self.pictures.spacing_um
        mask = self.pictures.mask
        return grid_points(mask.shape, (step, step))[mask], self.pictures.values[:, mask].T


def compare(
    channels: FloatArray,
    mask: NDArray[np.bool_],
    spacing_um: Sequence[float],
    overview: FloatArray,
    overview_mask: NDArray[np.bool_],
    overview_spacing_um: Sequence[float],
    *,
    kind: Kind,
    grid_um: float,
    overview_grid_um: float,
    blur: float,
    band: float,
    rims: bool = True,
    products: bool = False,
) -> Comparison:
    """Bring an inset and an overview to one resolution and one band of spatial frequencies.

    Parameters
    ----------
    channels : ndarray, shape (k, ny, nx)
        The inset.
    mask : ndarray of bool, shape (ny, nx)
        Where it shows the specimen.
    spacing_um : sequence of float
        Its (row, column) spacing.
    overview, overview_mask, overview_spacing_um
        The same for the overview, one channel.
    kind : {"sem", "edx"}
        What the inset is.
    grid_um, overview_grid_um : float
        Spacing of the two wanted grids.
    blur, band : float
        Gaussian sigma of the finest and of the slowest structure kept, in samples of `grid_um`.
    rims : bool
        Whether the strength of edges is one of the pictures.
    products : bool
        Whether an electron image gets pictures of rims of other widths too.

    Returns
    -------
    Comparison
        Ready for search and refinement.
    """
    if products and kind == "sem":
        channels = _with_products(channels[0], mask, [grid_um / s for s in spacing_um])
    inset = resample_sheet(channels, mask, spacing_um, grid_um, blur * grid_um)
    seen = resample_sheet(
        overview[None], overview_mask, overview_spacing_um, overview_grid_um, blur * grid_um
    )
    flat = _without_mean(seen.values[0], seen.mask, band * grid_um / overview_grid_um)
    seen = Sheet(flat[None], seen.mask, overview_grid_um)
    pictures = _sem_pictures(inset, band, rims) if kind == "sem" else _edx_pictures(inset, band, rims)
    square = (overview_grid_um, overview_grid_um)
    field = Field(flat.astype(np.float32), square, np.zeros(3), seen.mask)
    independent = _uncorrelated(pictures, inset.mask, float(np.abs(inset.values).max()), _MIN_FRACTION[kind])
    return Comparison(Sheet(independent, inset.mask, grid_um), seen, field)


def _with_products(grey: FloatArray, mask: NDArray[np.bool_], sample_px: Sequence[float]) -> FloatArray:
    """Return a grey with its square and its products with itself blurred, all of its own size."""
    mean = float(np.abs(grey[mask]).mean()) if mask.any() else 0.0
    level = grey / (mean or 1.0)
    weight, shown = mask.astype(np.float64), np.where(mask, level, 0.0)
    made = [grey, grey * level]
    for width in _RIM_WIDTHS_SAMPLES:
        sigma = [width * n for n in sample_px]
        seen = np.maximum(ndimage.gaussian_filter(weight, sigma, mode="constant"), 1e-3)
        made.append(grey * ndimage.gaussian_filter(shown, sigma, mode="constant") / seen)
    return np.where(mask, np.stack(made), 0.0)


def _sem_pictures(inset: Sheet, band: float, rims: bool) -> FloatArray:
    grey, mask = inset.values[0], inset.mask
    pictures = [*inset.values, _local_mean(grey, mask, _BLURRED_SAMPLES)]
    if rims:
        pictures.append(_edge_strength(grey, mask))
    return np.stack([_without_mean(p, mask, band) for p in pictures])


def _edx_pictures(inset: Sheet, band: float, rims: bool) -> FloatArray:
    mask = inset.mask
    counts = np.stack([_without_mean(p, mask, band) for p in inset.values])
    quiet = np.stack([_local_mean(p, mask, _NOISE_BLUR_SAMPLES) for p in counts])
    strongest = _uncorrelated(quiet, mask, float(np.abs(inset.values).max()), _MIN_FRACTION["edx"])[-1:]
    if not rims or strongest.size == 0:
        return counts
    return np.concatenate([counts, _without_mean(_edge_strength(strongest[0], mask), mask, band)[None]])


def _local_mean(values: FloatArray, mask: NDArray[np.bool_], sigma: float) -> FloatArray:
    weight = ndimage.gaussian_filter(mask.astype(np.float64), sigma, mode="constant")
    total = ndimage.gaussian_filter(np.where(mask, values, 0.0), sigma, mode="constant")
    return np.where(mask, total / np.maximum(weight, 1e-3), 0.0)


def _without_mean(values: FloatArray, mask: NDArray[np.bool_], sigma: float) -> FloatArray:
    return np.where(mask, values - _local_mean(values, mask, sigma), 0.0)


def _edge_strength(values: FloatArray, mask: NDArray[np.bool_]) -> FloatArray:
    if not mask.any() or min(mask.shape) < 2:
        return np.zeros(mask.shape)
    rise = np.hypot(*np.gradient(np.where(mask, values, np.median(values[mask]))))
    # The border of the mask is no edge of the specimen.
    rise[~ndimage.binary_erosion(mask)] = 0.0
    return _local_mean(rise, mask, _RIM_SAMPLES)


def _uncorrelated(
    pictures: FloatArray, mask: NDArray[np.bool_], brightest: float, least: float
) -> FloatArray:
    """Return principal components of the standardised pictures, weakest first.

    A picture whose contrast is only the rounding of the image's brightest value drops out.
    """
    seen = pictures[:, mask]
    if seen.shape[1] == 0:
        return np.zeros((0, *mask.shape))
    seen = seen - seen.mean(axis=1, keepdims=True)
    spread = seen.std(axis=1, keepdims=True)
    varied = spread[:, 0] > _ROUNDING * brightest
    if not varied.any():
        return np.zeros((0, *mask.shape))
    seen = seen[varied] / spread[varied]
    values, vectors = np.linalg.eigh(seen @ seen.T / seen.shape[1])
    kept = values > least * values.max()
    components = np.zeros((int(kept.sum()), *mask.shape))
    components[:, mask] = vectors.T[kept] @ seen
    return components


@dataclass(frozen=True)
class InsetImages:
    """An inset and its overview as they come.

    Parameters
    ----------
    channels : ndarray, shape (k, ny, nx)
        The inset, finite.
    mask : ndarray of bool, shape (ny, nx)
        Where it shows the specimen.
    spacing_um : tuple of float
        Its (row, column) spacing.
    overview, overview_mask, overview_spacing_um
        The same for the overview, one channel.
    kind : {"sem", "edx"}
        What the inset is.
    """

    channels: FloatArray
    mask: NDArray[np.bool_]
    spacing_um: tuple[float, float]
    overview: FloatArray
    overview_mask: NDArray[np.bool_]
    overview_spacing_um: tuple[float, float]
    kind: Kind

    @property
    def unit_um(self) -> float:
        """Spacing of the coarser of the two images."""
        return float(max(*self.spacing_um, *self.overview_spacing_um))

    @property
    def grid_um(self) -> float:
        """Spacing of the grid that is searched."""
        extent = max(n * s for n, s in zip(self.mask.shape, self.spacing_um, strict=True))
        return float(max(self.unit_um, extent / _SEARCH_EXTENT_SAMPLES))

    def coarse(self) -> Comparison:
        """Compare on the grid of the search, counts as they are: of their root some maps are not found."""
        return self.on_grid(self.grid_um)

    def on_grid(self, grid: float) -> Comparison:
        """Compare as the search does, on a grid of another spacing."""
        return self._compare(self.channels, grid, grid, _SEARCH_BLUR, _SEARCH_BAND, rims=True)

    def fine(self, *, rims: bool = True, products: bool = True) -> Comparison:
        """Compare as sharply as the coarser image allows."""
        kind = self.kind
        over = max(self.overview_spacing_um)
        blur, band, channels = FINE_BLUR[kind], _FINE_BAND[kind], self.channels
        if kind == "edx":
            # Before the blur: an edge of the blurred counts' root lies off the edge of the counts.
            channels = np.sqrt(np.maximum(channels, 0.0) + _ANSCOMBE)
        return self._compare(channels, self.unit_um, over, blur, band, rims=rims, products=products and rims)

    def _compare(
        self,
        channels: FloatArray,
        grid_um: float,
        overview_grid_um: float,
        blur: float,
        band: float,
        *,
        rims: bool,
        products: bool = False,
    ) -> Comparison:
        return compare(
            channels,
            self.mask,
            self.spacing_um,
            self.overview,
            self.overview_mask,
            self.overview_spacing_um,
            kind=self.kind,
            grid_um=grid_um,
            overview_grid_um=overview_grid_um,
            blur=blur,
            band=band,
            rims=rims,
            products=products,
        )
