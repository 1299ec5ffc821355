"""Linking long-T2 regions to cracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap
from spallmap.links.chance import METHOD, STATISTIC, chance_test
from spallmap.links.crack_footprints import Bodies, Footprint, ImagePlane, crack_footprints, project_bodies
from spallmap.links.null_placements import clusters
from spallmap.links.position_likelihood import (
    blur_um,
    crack_density,
    crack_priors,
    placement_likelihoods,
    posterior,
)
from spallmap.registration.result import Registration, StandardError

# A crack is within reach of a region when one pixel of it lies at most this many standard deviations of the
# point spread and the registration from the crack's footprint.
REACH = 3.0
# Before the image is seen, a region is as likely to have no known crack as to have one.
PRIOR_NONE = 0.5
COLUMNS = ("region", "crack", "probability", "distance_um", "distance_se_um", "overlap_fraction")
# Draws of the registration's error: their standard deviation is known to 2 %.
N_DRAWS = 1000


@dataclass(frozen=True)
class Links:
    """Links of all regions.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each region and crack within reach, the most probable crack first: region, crack,
        probability (those of a region's rows and of none sum to 1), distance_um (mean distance of the
        region's pixels from the crack's footprint in the image's plane, 0 on it), distance_se_um,
        overlap_fraction (fraction of the region's pixels that the footprint enters).
    summary : dict
        n_regions, n_cracks, statistic, statistic_name, p_value, null {method, n, mean, sd},
        registration_se_um {u, v, normal}, regions (a list of {region, probability_none, crack: the most
        probable one, None where none is more probable than any}), and reason where there is nothing to test.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.links import unlinked
    >>> links = unlinked(np.array([[0, 1]]), np.zeros((2, 2, 2), int), "no crack was found")
    >>> list(links.table.columns[:3]), links.summary["reason"]
    (['region', 'crack', 'probability'], 'no crack was found')
    """

    table: pd.DataFrame
    summary: dict[str, Any]


def link_regions(
    regions_labels: NDArray[Any],
    mri_spacing_um: Sequence[float],
    mri_to_reference: AffineMap,
    se_um: StandardError,
    cracks_labels: NDArray[Any],
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    seed: int = 1,
    prior_none: float = PRIOR_NONE,
    n_null: int = 1999,
) -> Links:
    """Link long-T2 regions to cracks, and test the links against chance.

    The image is a projection, so only its plane counts; see :mod:`spallmap.links.position_likelihood` for the
    model behind the probabilities and :mod:`spallmap.links.null_placements` for what chance means.

    Parameters
    ----------
    regions_labels : ndarray of int, shape (rows, columns)
        The regions on the MRI's grid; 0 is background.
    mri_spacing_um : sequence of float
        (row spacing, column spacing), um.
    mri_to_reference : AffineMap
        From the MRI's frame to the reference frame.
    se_um : StandardError
        The registration's; where u or v is None, the electrolyte's whole width in that direction is taken
        as possible.
    cracks_labels : ndarray of int, shape (nz, ny, nx)
        The cracks in the reference volume; 0 is background.
    phases : ndarray of int, shape (nz, ny, nx)
        Its phases.
    spacing_um : sequence of float
        Its voxel spacing in array order.
    seed : int
        Seed of all draws.
    prior_none : float
        Probability, before the image is seen, that a region has no known crack.
    n_null : int
        How many random placements the test draws.

    Returns
    -------
    Links
        Empty, with a reason, where there are no regions or no cracks in the image.

    Raises
    ------
    ValueError
        If the regions are not an image, or cracks and phases differ in shape.

    Examples
    --------
    One region lies on the one crack, which the image shows edge-on:

    >>> import numpy as np
    >>> from spallmap.axes import AxesPrior
    >>> from spallmap.registration.result import StandardError
    >>> shape, voxel_um, pixel_um = (40, 40, 40), (10.0, 10.0, 10.0), (23.0, 46.0)
    >>> phases, cracks = np.full(shape, 5), np.zeros(shape, int)
    >>> phases[4:10], phases[10:30], phases[30:36] = 2, 1, 2  # sodium, ceramic, sodium
    >>> cracks[14:16, 5:14] = 7
    >>> regions = np.zeros((18, 10), int)
    >>> regions[10:12, 1:4] = 1
    >>> to_reference = AxesPrior.parse("-z,y").map(regions.shape, pixel_um, shape, voxel_um)
    >>> error = StandardError(u=5.0, v=5.0, normal=None)
    >>> links = link_regions(regions, pixel_um, to_reference, error, cracks, phases, voxel_um)
    >>> links.table[["region", "crack", "overlap_fraction"]].values.tolist()
    [[1.0, 7.0, 1.0]]
    >>> bool(links.table["probability"][0] > 0.8), links.summary["p_value"] < 0.1
    (True, True)
    """
    if regions_labels.ndim != 2 or cracks_labels.shape != phases.shape:
        raise ValueError(
            f"regions of an image and cracks on the phases' grid are needed; got shapes "
            f"{regions_labels.shape}, {cracks_labels.shape} and {phases.shape}"
        )
    plane = ImagePlane.of(regions_labels.shape, mri_spacing_um, mri_to_reference, spacing_um)
    try:
        footprints = _footprints_to_link(plane, regions_labels, cracks_labels, spacing_um)
    except _NothingToLinkError as nothing:
        return unlinked(regions_labels, cracks_labels, str(nothing), se_um)
    bodies = project_bodies(plane, phases, spacing_um)
    errors = _errors_um(plane, bodies, se_um)
    rng = np.random.default_rng(seed)
    groups = clusters(regions_labels, mri_spacing_um, bodies)
    densities = [crack_density(plane, f, bodies.electrolyte, errors) for f in footprints]
    ratios = [placement_likelihoods(group, densities) for group in groups]
    priors = crack_priors(footprints)
    test = chance_test(groups, ratios, priors, n_null, rng)
    observed = {
        region: (ratio[0], pixels[0])
        for group, members in zip(groups, ratios, strict=True)
        for region, ratio, pixels in zip(group.regions, members, group.pixels, strict=True)
    }
    rows, about = [], []
    for region in sorted(observed):
        ratio, pixels = observed[region]
        reached = np.array([_within_reach(plane, f, pixels, errors) for f in footprints])
        probabilities = posterior(np.where(reached, ratio, 0.0), priors, prior_none)
        none = float(probabilities[-1])
        linked = [
            _row(plane, region, pixels, footprint, float(probability), errors, rng)
            for footprint, probability, near in zip(footprints, probabilities, reached, strict=False)
            if near
        ]
        linked.sort(key=lambda row: -row["probability"])
        best = linked[0]["crack"] if linked and linked[0]["probability"] > none else None
        rows += linked
        about.append({"region": region, "probability_none": none, "crack": best})
    null = {"method": METHOD, "n": test.n, "mean": test.mean, "sd": test.sd}
    found = {"statistic": test.statistic, "p_value": test.p_value, "null": null, "regions": about}
    return Links(_table(rows), {**_empty_summary(regions_labels, cracks_labels, se_um), **found})


def link_acquisition(
    regions_labels: NDArray[Any],
    mri_spacing_um: Sequence[float],
    registration: Registration,
    cracks_labels: NDArray[Any],
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    *,
    tomogram: Registration | None = None,
    seed: int = 1,
    n_null: int = 1999,
) -> Links:
    """Link the long-T2 regions of an MRI as it was registered, or say why they cannot be linked.

    Parameters
    ----------
    regions_labels : ndarray of int, shape (rows, columns) or (slices, rows, columns)
        The regions on the MRI's grid; 0 is background. A stack of one slice counts as a projection; of
        several slices nothing is linked.
    mri_spacing_um : sequence of float
        Its pixel size in array order, um.
    registration : Registration
        The MRI's, to the reference frame.
    cracks_labels, phases : ndarray of int, shape (nz, ny, nx)
        Cracks and phases of the tomogram; 0 is background.
    spacing_um : sequence of float
        Its voxel spacing in array order, um.
    tomogram : Registration, optional
        The tomogram's own, to the reference frame; absent where it is the reference. An accepted MRI that
        was registered through its own tomogram implies that this one was accepted.
    seed : int
        Seed of all draws.
    n_null : int
        How many random placements the test draws.

    Returns
    -------
    Links
        Empty, with a reason, where the MRI's registration was refused, the MRI is a stack of slices, or there
        is nothing to link.

    Raises
    ------
    ValueError
        If cracks and phases differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> refused = Registration(AffineMap.identity(), "none", "refused", ("too dark",), score=0.0)
    >>> regions, cracks = np.ones((2, 3), int), np.zeros((2, 3, 3), int)
    >>> links = link_acquisition(regions, (23.0, 46.0), refused, cracks, cracks, (10.0, 10.0, 10.0))
    >>> links.summary["reason"]
    "the MRI's registration was refused: too dark"
    """
    labels = np.squeeze(regions_labels)
    if not registration.accepted:
        reason = "the MRI's registration was refused: " + "; ".join(registration.reasons)
        return unlinked(labels, cracks_labels, reason)
    if labels.ndim != 2:
        return unlinked(labels, cracks_labels, "the MRI is a stack of slices; only projections are linked")
    to_tomogram = registration.map if tomogram is None else tomogram.map.inverse() @ registration.map
    return link_regions(
        labels,
        mri_spacing_um[-2:],
        to_tomogram,
        registration.se_um,
        cracks_labels,
        phases,
        spacing_um,
        seed=seed,
        n_null=n_null,
    )


def unlinked(
    regions_labels: NDArray[Any],
    cracks_labels: NDArray[Any],
    reason: str,
    se_um: StandardError | None = None,
) -> Links:
    """Make the result of a link that cannot be made.

    Parameters
    ----------
    regions_labels : ndarray of int, shape (rows, columns)
        The regions.
    cracks_labels : ndarray of int, shape (nz, ny, nx)
        The cracks.
    reason : str
        Why nothing is linked, in words that a person understands.
    se_um : StandardError, optional
        The registration's, where there is one.

    Returns
    -------
    Links
        An empty table, no p-value, and the reason.

    Examples
    --------
    >>> import numpy as np
    >>> links = unlinked(np.array([[0, 1]]), np.zeros((2, 2, 2), int), "no crack was found")
    >>> links.summary["n_regions"], links.summary["p_value"], len(links.table)
    (1, None, 0)
    """
    summary = _empty_summary(regions_labels, cracks_labels, se_um or StandardError(None, None, None))
    return Links(_table([]), {**summary, "reason": reason})


def _empty_summary(
    regions_labels: NDArray[Any], cracks_labels: NDArray[Any], se_um: StandardError
) -> dict[str, Any]:
    regions = [int(r) for r in np.unique(regions_labels) if r > 0]
    return {
        "n_regions": len(regions),
        "n_cracks": _n_labels(cracks_labels),
        "statistic": None,
        "statistic_name": STATISTIC,
        "p_value": None,
        "null": {"method": METHOD, "n": 0, "mean": None, "sd": None},
        "registration_se_um": {"u": se_um.u, "v": se_um.v, "normal": se_um.normal},
        "regions": [{"region": r, "probability_none": None, "crack": None} for r in regions],
    }


def _n_labels(labels: NDArray[Any]) -> int:
    return int(np.count_nonzero(np.unique(labels)))


class _NothingToLinkError(Exception):
    """Why there is nothing to link, in words that a person understands."""


def _footprints_to_link(
    plane: ImagePlane,
    regions_labels: NDArray[Any],
    cracks_labels: NDArray[Any],
    spacing_um: Sequence[float],
) -> tuple[Footprint, ...]:
    if _n_labels(regions_labels) == 0:
        raise _NothingToLinkError("no long-T2 region was found")
    if _n_labels(cracks_labels) == 0:
        raise _NothingToLinkError("no crack was found")
    footprints = crack_footprints(plane, cracks_labels, spacing_um)
    if not footprints:
        raise _NothingToLinkError("no crack lies in the image's field")
    return footprints


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"region": int, "crack": int} | dict.fromkeys(COLUMNS[2:], float))


def _errors_um(plane: ImagePlane, bodies: Bodies, se_um: StandardError) -> tuple[float, float]:
    """Give the errors along rows (v) and columns (u); unknown ones as of any position in the electrolyte."""
    errors = []
    for axis, se in enumerate((se_um.v, se_um.u)):
        inside = np.flatnonzero(bodies.electrolyte.any(axis=1 - axis))
        n_pixels = inside[-1] - inside[0] + 1 if len(inside) else plane.shape[axis]
        errors.append(float(n_pixels) * plane.spacing_um[axis] / np.sqrt(12.0) if se is None else float(se))
    return errors[0], errors[1]


def _within_reach(
    plane: ImagePlane, footprint: Footprint, pixels: NDArray[np.int64], errors: tuple[float, float]
) -> bool:
    sigma = blur_um(plane, errors)
    sampling = [c / s for c, s in zip(plane.cell_um, sigma, strict=True)]
    deviations = ndimage.distance_transform_edt(~footprint.cells, sampling=sampling)
    return bool(_at_pixels(plane, deviations, pixels).min() <= REACH)


def _row(
    plane: ImagePlane,
    region: int,
    pixels: NDArray[np.int64],
    footprint: Footprint,
    probability: float,
    errors: tuple[float, float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    # a pixel's source lies anywhere in the pixel: a uniform distribution of its width
    spread = np.hypot(errors, np.array(plane.spacing_um) / np.sqrt(12.0)) / np.array(plane.spacing_um)
    shifts = rng.normal(size=(N_DRAWS, 1, 2)) * spread
    distances = ndimage.distance_transform_edt(~footprint.cells, sampling=plane.cell_um)
    shifted = _at_pixels(plane, distances, pixels[None] + shifts).mean(axis=-1)
    entered = plane.to_pixels(footprint.cells.astype(np.float64)) > 0
    return {
        "region": region,
        "crack": footprint.crack,
        "probability": probability,
        "distance_um": float(_at_pixels(plane, distances, pixels).mean()),
        "distance_se_um": float(shifted.std(ddof=1)),
        "overlap_fraction": float(entered[pixels[:, 0], pixels[:, 1]].mean()),
    }


def _at_pixels(
    plane: ImagePlane, fine: NDArray[np.float64], pixels: NDArray[np.float64] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Interpolate a map of cells at (row, column) of pixels."""
    cells = np.array(plane.cells)
    coordinates = np.moveaxis((np.asarray(pixels, dtype=np.float64) + 0.5) * cells - 0.5, -1, 0)
    values: NDArray[np.float64] = ndimage.map_coordinates(fine, coordinates, order=1, mode="nearest")
    return values
