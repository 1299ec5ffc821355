"""Where MRI regions, cracks and sections meet in the reference frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spallmap.figures.planes import Cut, cut_through, image_grid_in, image_values_at
from spallmap.frames import AffineMap, indices_to_points, sample_volume
from spallmap.results.records import MriRecord, SectionRecord, XctRecord


@dataclass(frozen=True)
class LinkPosition:
    """A point where a long-T2 region's lines of sight meet a crack.

    Parameters
    ----------
    region, crack : int
        Their numbers.
    point_um : ndarray, shape (3,)
        In the reference frame.
    cut : Cut
        The plane through the point that holds the MRI's lines of sight (across) and its rows (up).
    n_voxels : int
        How many of the crack's voxels lie on the region's lines of sight; 0 where these only pass by.
    """

    region: int
    crack: int
    point_um: NDArray[np.float64]
    cut: Cut
    n_voxels: int


def mri_of_state(series: Sequence[MriRecord], state: str) -> MriRecord | None:
    """Return the plane of a state's MRI, the one with regions first; None where there is none."""
    here = [s for s in series if s.state == state]
    here.sort(key=lambda s: s.regions is None or not np.any(s.regions))
    return here[0].plane() if here else None


def regions_at(points_um: ArrayLike, mri: MriRecord) -> NDArray[np.int64]:
    """Long-T2 regions on whose lines of sight points of the reference frame lie.

    Parameters
    ----------
    points_um : array_like, shape (..., 3)
        Points of the reference frame.
    mri : MriRecord
        A plane with regions and a registration.

    Returns
    -------
    ndarray of int, shape (...)
        The region's number; 0 on no region's line of sight.

    Raises
    ------
    ValueError
        If the MRI has no regions or no registration.
    """
    if mri.regions is None or mri.registration is None:
        raise ValueError("regions along lines of sight need a registered MRI with regions")
    own = mri.registration.map.inverse()(points_um)
    labels = image_values_at(np.asarray(mri.regions, dtype=np.float64), mri.spacing_um, own, nearest=True)
    return np.nan_to_num(labels).astype(np.int64)


def link_position(mri: MriRecord, tomogram: XctRecord, links: pd.DataFrame | None) -> LinkPosition | None:
    """Choose the position to show: the most probable link, else the largest region beside the nearest crack.

    Parameters
    ----------
    mri : MriRecord
        A plane, registered.
    tomogram : XctRecord
        The reference tomogram.
    links : DataFrame, optional
        As links.csv.

    Returns
    -------
    LinkPlace or None
        None where there is no region or no crack.
    """
    if mri.regions is None or not np.any(mri.regions) or tomogram.cracks is None or mri.registration is None:
        return None
    cracks = np.asarray(tomogram.cracks)
    indices = np.argwhere(cracks > 0)
    if len(indices) == 0:
        return None
    points = indices_to_points(indices, tomogram.spacing_um)
    crack_of = cracks[tuple(indices.T)]
    region, crack = _most_probable(mri, crack_of, regions_at(points, mri), links)
    chosen = points[crack_of == crack]
    met = chosen[regions_at(chosen, mri) == region]
    to_reference = mri.registration.map
    own = to_reference.inverse()
    if len(met):
        u, v, w = np.median(own(met), axis=0)
        # The plane must hold crack voxels, not the empty middle of a bowl: take the voxel nearest to the
        # median.
        uvw = own(met)
        point = met[int(np.argmin(np.abs(uvw[:, 0] - u) / mri.spacing_um[1] + 0.01 * np.abs(uvw[:, 2] - w)))]
    else:
        rows, columns = np.nonzero(np.asarray(mri.regions) == region)
        u, v = columns.mean() * mri.spacing_um[1], rows.mean() * mri.spacing_um[0]
        uvw = own(chosen)
        w = float(uvw[int(np.argmin(np.hypot(uvw[:, 0] - u, uvw[:, 1] - v))), 2])
        point = to_reference((u, v, w))
    cut = _line_of_sight_cut(point, to_reference, tomogram)
    return LinkPosition(region, crack, np.asarray(point), cut, len(met))


def _most_probable(
    mri: MriRecord, crack_of: NDArray[np.int64], region_of: NDArray[np.int64], links: pd.DataFrame | None
) -> tuple[int, int]:
    present = set(np.unique(np.asarray(mri.regions)).tolist()) - {0}
    if links is not None and len(links):
        known = links[links["region"].isin(present) & links["crack"].isin(np.unique(crack_of))]
        if len(known):
            best = known.sort_values("probability").iloc[-1]
            return int(best["region"]), int(best["crack"])
    met = region_of > 0
    if met.any():
        pairs, counts = np.unique(np.stack([region_of[met], crack_of[met]]), axis=1, return_counts=True)
        region, crack = pairs[:, int(np.argmax(counts))]
        return int(region), int(crack)
    largest = int(np.argmax(np.bincount(np.asarray(mri.regions).ravel())[1:]) + 1)
    return largest, int(np.argmax(np.bincount(crack_of)[1:]) + 1)


def _line_of_sight_cut(point_um: ArrayLike, mri_to_reference: AffineMap, tomogram: XctRecord) -> Cut:
    """Plane through a point that holds the MRI's projection direction and its rows, first row on top."""
    linear = mri_to_reference.linear
    return cut_through(point_um, linear[:, 2], -linear[:, 1], tomogram.grey.shape, tomogram.spacing_um)


def cracks_on_section(section: SectionRecord, tomogram: XctRecord) -> NDArray[np.int64]:
    """Crack numbers on an SEM image's grid, shape of the image; 0 where there is none.

    Raises
    ------
    ValueError
        If the section has no registration or the tomogram no cracks.
    """
    if section.registration is None or tomogram.cracks is None:
        raise ValueError("cracks on a section need a registered section and a tomogram with cracks")
    points = image_grid_in(section.registration.map, section.grey.shape, section.spacing_um)
    return sample_volume(np.asarray(tomogram.cracks), tomogram.spacing_um, points, order=0).astype(np.int64)


def regions_on_section(section: SectionRecord, mri: MriRecord) -> NDArray[np.int64]:
    """Long-T2 regions whose lines of sight pass through an SEM image's pixels, shape of the image.

    Raises
    ------
    ValueError
        If one of the two is not registered.
    """
    if section.registration is None:
        raise ValueError("regions on a section need a registered section")
    points = image_grid_in(section.registration.map, section.grey.shape, section.spacing_um)
    return regions_at(points, mri)
