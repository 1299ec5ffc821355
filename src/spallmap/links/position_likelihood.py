"""How well each crack, or none, explains where a region lies.

The model. The sodium that makes a region lies anywhere on the footprint of its crack with equal
probability, and the image shows it through a point spread: a pixel's density is the blurred footprint, plus
a small uniform fraction for pixels that noise has joined to the region. The registration has moved all pixels
by one unknown shift, over which the likelihood is averaged. Given the shift, a region holds as many
independent observations of its position as neighbourhoods that are labelled together. What counts is the
likelihood as a density over all placements that the region could have had; without a crack all of these are
equally probable. Before the image is seen, a given fraction of the probability lies on no crack (a false
region, or a crack that was missed), and the rest is divided among the cracks in proportion to their volume:
sodium needs room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from spallmap.links.crack_footprints import Footprint, ImagePlane
from spallmap.links.null_placements import Cluster

# Width in pixels, at half its height, of the sinc that a full matrix has for a point spread.
POINT_SPREAD_WIDTH = 1.21
# Standard deviation of the Gaussian of the same width.
POINT_SPREAD_PIXELS = POINT_SPREAD_WIDTH / 2.3548
# Fraction of a region's pixels that need not lie on its source: rim pixels that noise has joined to it.
STRAY_FRACTION = 0.1
# Pixels of a region that count as one observation of its position: a pixel and its four neighbours, which are
# labelled together, so that a region's rim strays by whole neighbourhoods. With one for each resolution
# element, 1.5 pixels, probabilities of regions with such rims are too sure of themselves, and simulated
# cells' true cracks fall behind positions a pixel away.
PIXELS_PER_OBSERVATION = 5.0
# Blurring kernels, and the registration's shifts, end here, in standard deviations.
KERNEL_END = 5.0
SHIFT_END = 3.0


def _point_spread_um(plane: ImagePlane) -> tuple[float, float]:
    """Return the point spread's standard deviation along rows' and columns' direction, um."""
    return POINT_SPREAD_PIXELS * plane.spacing_um[0], POINT_SPREAD_PIXELS * plane.spacing_um[1]


def blur_um(plane: ImagePlane, se_um: Sequence[float]) -> tuple[float, float]:
    """Return the standard deviation of all that is unknown about a pixel's position.

    Parameters
    ----------
    plane : ImagePlane
        The image's grid.
    se_um : sequence of float
        (along rows' direction v, along columns' direction u): the registration's standard errors, um.

    Returns
    -------
    tuple of float
        (row direction, column direction), um.
    """
    spread = _point_spread_um(plane)
    return float(np.hypot(se_um[0], spread[0])), float(np.hypot(se_um[1], spread[1]))


@dataclass(frozen=True)
class CrackDensity:
    """Where the pixels of a region on one crack lie, for several shifts of the registration.

    Parameters
    ----------
    weights : ndarray, shape (n_shifts,)
        Probability of each shift.
    log_density : ndarray, shape (n_shifts, rows, columns)
        Logarithm of the density, which is positive everywhere.
    """

    weights: NDArray[np.float64]
    log_density: NDArray[np.float64]


def crack_density(
    plane: ImagePlane, footprint: Footprint, electrolyte: NDArray[np.bool_], se_um: Sequence[float]
) -> CrackDensity:
    """Blur a crack's footprint by the point spread and move it by the registration's possible shifts.

    Parameters
    ----------
    plane : ImagePlane
        The image's grid.
    footprint : Footprint
        The crack.
    electrolyte : ndarray of bool, shape (rows, columns)
        Where stray pixels may lie.
    se_um : sequence of float
        See :func:`blur_um`.

    Returns
    -------
    CrackDensity
        Over the whole image.
    """
    spread = _point_spread_um(plane)
    sigma = [s / c for s, c in zip(spread, plane.cell_um, strict=True)]
    blurred = ndimage.gaussian_filter(
        footprint.cells.astype(np.float64), sigma, mode="constant", truncate=KERNEL_END
    )
    stray = electrolyte.astype(np.float64) if electrolyte.any() else np.ones(plane.shape)
    # a floor everywhere keeps the logarithm finite for pixels outside the electrolyte
    floor = STRAY_FRACTION * np.maximum(stray / stray.sum(), 1.0 / stray.size)
    total = plane.to_pixels(blurred).sum()
    (row_shifts, row_weights), (column_shifts, column_weights) = (
        _shifts(se, s) for se, s in zip(se_um, spread, strict=True)
    )
    densities = []
    for shift in product(row_shifts, column_shifts):
        cells = [round(float(d / c)) for d, c in zip(shift, plane.cell_um, strict=True)]
        density = plane.to_pixels(ndimage.shift(blurred, cells, order=0, mode="constant"))
        densities.append((1.0 - STRAY_FRACTION) * density / total + floor)
    return CrackDensity(np.outer(row_weights, column_weights).ravel(), np.log(np.array(densities)))


def _shifts(se_um: float, spread_um: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of a Gaussian: Gauss and Hermite's three, or a grid as fine as the point spread."""
    if se_um <= spread_um:
        return np.array([-1.0, 0.0, 1.0]) * np.sqrt(3.0) * se_um, np.array([1.0, 4.0, 1.0]) / 6.0
    n = int(np.ceil(SHIFT_END * se_um / spread_um))
    nodes = np.linspace(-SHIFT_END, SHIFT_END, 2 * n + 1)
    weights = np.exp(-0.5 * nodes**2)
    return nodes * se_um, weights / weights.sum()


def placement_likelihoods(
    cluster: Cluster, densities: Sequence[CrackDensity]
) -> tuple[NDArray[np.float64], ...]:
    """Compare each crack with none, for every placement of every region of a cluster.

    Parameters
    ----------
    cluster : Cluster
        Its regions and their placements.
    densities : sequence of CrackDensity
        One for each crack.

    Returns
    -------
    tuple of ndarray, each of shape (n_placements, n_cracks)
        Likelihood ratios, one array for each region; each column has a mean of 1, since without a crack all
        placements are alike.
    """
    ratios = []
    for pixels in cluster.pixels:
        independent = max(1.0, pixels.shape[1] / PIXELS_PER_OBSERVATION)
        columns = []
        for crack in densities:
            of_shifts = np.stack(
                [
                    independent * log_density[pixels[..., 0], pixels[..., 1]].mean(axis=1)
                    for log_density in crack.log_density
                ]
            )
            log_likelihood = special.logsumexp(of_shifts, axis=0, b=crack.weights[:, None])
            columns.append(log_likelihood - special.logsumexp(log_likelihood) + np.log(len(log_likelihood)))
        ratios.append(np.exp(np.stack(columns, axis=1)))
    return tuple(ratios)


def crack_priors(footprints: Sequence[Footprint]) -> NDArray[np.float64]:
    """Return each crack's prior probability, given that there is one: its fraction of the cracks' volume."""
    volumes = np.array([f.n_voxels for f in footprints], dtype=np.float64)
    priors: NDArray[np.float64] = volumes / volumes.sum()
    return priors


def posterior(
    ratios: NDArray[np.float64], priors: NDArray[np.float64], prior_none: float
) -> NDArray[np.float64]:
    """Weigh the cracks and none against each other.

    Parameters
    ----------
    ratios : ndarray, shape (n_cracks,)
        Likelihood ratios to none.
    priors : ndarray, shape (n_cracks,)
        From :func:`crack_priors`.
    prior_none : float
        Prior probability of no crack.

    Returns
    -------
    ndarray, shape (n_cracks + 1,)
        Probability of each crack, and last of none; sums to 1.
    """
    weights = np.append((1.0 - prior_none) * priors * ratios, prior_none)
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities
