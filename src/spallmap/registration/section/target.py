"""A tomogram made ready for sections to be looked for in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap import frames
from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.registration.fitting_size import Size, usual_size
from spallmap.registration.section.appearance import (
    CERAMIC,
    EMPTY,
    SOLID,
    VOID,
    Section,
    block_mean,
    least_absolute,
    read_section,
)
from spallmap.registration.section.resolutions import Grid, Level, make_grid, make_level, sharpened
from spallmap.registration.section.starts import STARTS
from spallmap.registration.verdict import Refused
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.labels import OUTSIDE, is_filled
from spallmap.tomography.measures.blur import measure_blur
from spallmap.tomography.phases.interfaces import find_interfaces

# Resolution of the coarse search in voxels.
COARSE_VOXELS = 4.0
# Voxels along the longest side of the volume that is searched; a larger one is binned first, and its own
# voxels are for the last refinement.
SEARCHED_VOXELS = 350
# Blur and binning of the refinement's levels, in voxels of the tomogram. From the first straight to the
# last, minima of the noise stopped one pose in three half a voxel short.
LEVELS = ((2.0, 2), (1.0, 1), (0.0, 1))
# Fraction of the ceramic-to-air step that noise and cupping may take away before a voxel counts as darker.
DEAD_ZONE = 0.12
# Layer under the ceramic's surface whose grey is mixed with its neighbour's by the tomogram's blur, voxels.
RIM_VOXELS = 2
# Coarse rows that are worked on at a time.
SLAB_ROWS = 16
# Height-map positions per axis that a plane is fitted to.
PLATE_SAMPLES = 60
# Both faces must be seen in this fraction of the columns that show ceramic.
LEAST_COLUMNS = 0.3
# A section is read with lengths in um, which a wrong size spoils: other sizes are taken until both faces are
# found.
READ_FACTORS = (1.0, 2.0, 0.5, 4.0, 0.25, 10.0, 0.1)
# A section across the plate is tilted by up to ten degrees, which thickens the ceramic by 1.5 %; rough faces
# add as much. The registration fits a scale of 3 % itself.
THICKNESS_ERROR = 0.03


@dataclass(frozen=True)
class Specimen:
    """A tomogram prepared for the coarse search.

    Parameters
    ----------
    channels : ndarray of float32, shape (4, nz, ny, nx)
        Fraction of ceramic, void in the ceramic, other solid and empty space per coarse voxel.
    spacing_um : tuple of float
        Spacing of the coarse voxels in array order.
    origin_um : ndarray, shape (3,)
        Point (x, y, z) of the first coarse voxel in the volume's frame.
    centre_um : ndarray, shape (3,)
        Centroid of the ceramic (x, y, z).
    plate_normal : ndarray of shape (3,), or None
        Unit normal (x, y, z) of the ceramic's two faces, where it is a plate.
    """

    channels: NDArray[np.float32]
    spacing_um: tuple[float, float, float]
    origin_um: NDArray[np.float64]
    centre_um: NDArray[np.float64]
    plate_normal: NDArray[np.float64] | None

    def ceramic_radius_um(self) -> float:
        """Distance from the ceramic's centroid within which 99.9 % of it lies."""
        where = np.nonzero(self.channels[:2].sum(axis=0) > 0.5)
        points = frames.indices_to_points(np.column_stack(where), self.spacing_um) + self.origin_um
        return float(np.percentile(np.linalg.norm(points - self.centre_um, axis=1), 99.9))


@dataclass(frozen=True)
class Target:
    """Where a section is looked for.

    Parameters
    ----------
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels of the tomography station.
    spacing_um : tuple of float
        Of the tomogram, in array order.
    specimen : Specimen
        For the coarse search.
    grids : tuple of Grid
        For the refinement, coarse first.
    prior : AxesPrior
        Rows along a named direction.
    starts, threads : int
        Coarse poses that are refined; number of threads.
    """

    phases: NDArray[np.uint8]
    spacing_um: tuple[float, float, float]
    specimen: Specimen
    grids: tuple[Grid, ...]
    prior: AxesPrior
    starts: int
    threads: int

    @property
    def voxel_um(self) -> float:
        """Mean voxel size."""
        return float(np.mean(self.spacing_um))

    def levels(self, section: Section) -> tuple[Level, ...]:
        """Bring a section to the resolution of each grid."""
        return tuple(make_level(section, grid) for grid in self.grids)


def make_target(
    grey: NDArray[np.uint16],
    phases: NDArray[np.uint8],
    spacing_um: tuple[float, float, float],
    prior: AxesPrior,
    *,
    starts: int = STARTS,
    threads: int = 1,
) -> Target:
    """Prepare a tomogram.

    Parameters
    ----------
    grey : ndarray of uint16, shape (nz, ny, nx)
        On the common scale.
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels of the tomography station.
    spacing_um : tuple of float
        In array order.
    prior : AxesPrior
        What is known of the section's axes.
    starts, threads : int
        Coarse poses that are refined; number of threads.

    Returns
    -------
    Target
        What sections are placed in.

    Raises
    ------
    Refused
        If nothing can be placed in it, with the reason.
    """
    voxel = float(np.mean(spacing_um))
    binning = max(1, round(max(grey.shape) / SEARCHED_VOXELS))
    specimen = read_specimen(grey, phases, spacing_um, COARSE_VOXELS * binning * voxel)
    blur = measure_blur(grey, find_interfaces(phases, grey)).sigma_voxels
    sharp, left = sharpened(grey, is_filled(phases), blur, threads=threads)
    levels = [(added * binning, own * binning) for added, own in LEVELS]
    if binning > 1:
        levels.append(LEVELS[-1])
    grids = tuple(
        make_grid(sharp, spacing_um, left * voxel, binning=own, blur_um=added * voxel)
        for added, own in levels
    )
    return Target(phases, spacing_um, specimen, grids, prior, starts, threads)


def read_specimen(
    grey: NDArray[np.uint16],
    phases: NDArray[np.uint8],
    spacing_um: tuple[float, float, float],
    coarse_um: float,
) -> Specimen:
    """Prepare a tomogram for the search.

    Parameters
    ----------
    grey : ndarray of uint16, shape (nz, ny, nx)
        On the common scale.
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels of the tomography station.
    spacing_um : tuple of float
        In array order.
    coarse_um : float
        Wanted spacing of the class maps; whole voxels are averaged up to at most this.

    Returns
    -------
    Specimen
        The class maps.

    Raises
    ------
    Refused
        If there are none, with the reason.
    """
    filled = is_filled(phases)
    if filled.mean() < 1e-4:
        raise Refused("no ceramic in the volume")
    steps = tuple(max(1, int(coarse_um / s + 1e-6)) for s in spacing_um)
    channels = _channels(grey, phases, filled, steps)
    coarse = (spacing_um[0] * steps[0], spacing_um[1] * steps[1], spacing_um[2] * steps[2])
    origin = frames.indices_to_points([(b - 1) / 2.0 for b in steps], spacing_um)
    total = channels[CERAMIC] + channels[VOID]
    centroid = frames.indices_to_points(ndimage.center_of_mass(total), coarse) + origin
    return Specimen(channels, coarse, origin, centroid, _plate_normal(total > 0.5, coarse))


def _channels(
    grey: NDArray[np.uint16], phases: NDArray[np.uint8], filled: NDArray[np.bool_], steps: tuple[int, ...]
) -> NDArray[np.float32]:
    """Fraction of each class per coarse voxel, slab by slab, to bound the memory."""
    n = [size // step for size, step in zip(grey.shape, steps, strict=True)]
    channels = np.empty((4, *n), dtype=np.float32)
    for row in range(0, n[0], SLAB_ROWS):
        rows = slice(row, min(row + SLAB_ROWS, n[0]))
        first, last = rows.start * steps[0], rows.stop * steps[0]
        begin, end = max(first - RIM_VOXELS, 0), min(last + RIM_VOXELS, len(grey))
        inner: NDArray[np.bool_] = ndimage.binary_erosion(filled[begin:end], iterations=RIM_VOXELS)
        void = block_mean(_voxel_void_fraction(grey[first:last], inner[first - begin : last - begin]), steps)
        ceramic = block_mean(filled[first:last], steps) - void
        empty = block_mean(phases[first:last] == OUTSIDE, steps)
        channels[CERAMIC, rows], channels[VOID, rows], channels[EMPTY, rows] = ceramic, void, empty
        channels[SOLID, rows] = np.clip(1.0 - void - ceramic - empty, 0.0, 1.0)
    return channels


def _voxel_void_fraction(grey: NDArray[np.uint16], inner: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fraction of each voxel that is not ceramic, from its grey, inside a mask; 0 elsewhere."""
    deficit = (CERAMIC_GREY - grey.astype(np.float32)) / (CERAMIC_GREY - AIR_GREY)
    fraction = np.clip((deficit - DEAD_ZONE) / (1.0 - DEAD_ZONE), 0.0, 1.0) * inner
    return np.asarray(fraction, dtype=np.float32)


def _plate_normal(
    mask: NDArray[np.bool_], spacing_um: tuple[float, float, float]
) -> NDArray[np.float64] | None:
    """Find the normal of the two faces of a plate by straight lines through their height maps."""
    extent = [np.ptp(np.nonzero(mask)[k]) * spacing_um[k] for k in range(3)]
    axis = int(np.argmin(extent))
    if extent[axis] > 0.8 * np.median(extent):
        return None
    stack = np.moveaxis(mask, axis, 0)
    others = [k for k in range(3) if k != axis]
    hit: NDArray[np.bool_] = np.asarray(stack.any(axis=0), dtype=np.bool_)
    # Only well inside the outline, where both faces are the plate's and not its side.
    core = ndimage.binary_erosion(hit, iterations=max(2, int(0.08 * np.sqrt(hit.sum()))))
    rows, columns = np.nonzero(core)
    if rows.size < 50:
        return None
    keep = np.linspace(0, rows.size - 1, min(rows.size, PLATE_SAMPLES**2)).astype(int)
    rows, columns = rows[keep], columns[keep]
    first = np.argmax(stack, axis=0)
    last = stack.shape[0] - 1 - np.argmax(stack[::-1], axis=0)
    middle = (first + last)[rows, columns] / 2.0 * spacing_um[axis]
    design = np.column_stack(
        [rows * spacing_um[others[0]], columns * spacing_um[others[1]], np.ones(rows.size)]
    )
    slopes = least_absolute(design, middle)
    normal = np.zeros(3)
    normal[axis], normal[others[0]], normal[others[1]] = 1.0, -slopes[0], -slopes[1]
    unit: NDArray[np.float64] = normal[::-1] / np.linalg.norm(normal)
    return unit


def thickness_sizes(
    image: Image, phases: NDArray[np.uint8], spacing_um: tuple[float, float, float]
) -> list[Size]:
    """Find the pixel size at which a section's ceramic is as thick as the tomogram's.

    Parameters
    ----------
    image : Image
        The section, with the stated size.
    phases : ndarray of uint8, shape (nz, ny, nx)
        The tomogram's labels.
    spacing_um : tuple of float
        Its voxel size.

    Returns
    -------
    list of tuple of float
        One size, along both axes by one factor; empty where the section does not show both faces.
    """
    true = plate_thickness_um(phases, spacing_um)
    for factor in READ_FACTORS:
        assumed = tuple(s * factor for s in image.spacing_um)
        try:
            section = read_section(replace(image, spacing_um=assumed), min(assumed))
        except Refused:
            continue
        seen = section_thickness_um(section)
        if true is not None and seen is not None:
            measured = [s * true / seen for s in assumed]
            return [usual_size(measured, image.spacing_um, THICKNESS_ERROR) or tuple(measured)]
    return []


def section_thickness_um(section: Section) -> float | None:
    """Median distance of the ceramic's two faces in a section; None where they are not both seen.

    Parameters
    ----------
    section : Section
        With a straight interface.

    Returns
    -------
    float or None
        Across the interface, in micrometres of the stated size.
    """
    if section.interface is None:
        return None
    ceramic = section.maps[CERAMIC] + section.maps[VOID] > 0.5
    valid, rows = section.valid, len(ceramic)
    columns = np.flatnonzero(ceramic.any(axis=0))
    first = np.argmax(ceramic, axis=0)[columns]
    last = rows - 1 - np.argmax(ceramic[::-1], axis=0)[columns]
    inside = (first > 0) & (last < rows - 1)
    inside &= valid[np.maximum(first - 1, 0), columns] & valid[np.minimum(last + 1, rows - 1), columns]
    if not columns.size or inside.mean() < LEAST_COLUMNS:
        return None
    height = float(np.median((last - first + 1)[inside])) * section.spacing_um[0]
    return height * float(section.interface[0])


def plate_thickness_um(phases: NDArray[np.uint8], spacing_um: tuple[float, float, float]) -> float | None:
    """Median thickness of the tomogram's ceramic across its faces; None where there is none.

    Parameters
    ----------
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels.
    spacing_um : tuple of float
        Voxel size.

    Returns
    -------
    float or None
        In micrometres.
    """
    filled = is_filled(phases)
    boxes = ndimage.find_objects(filled.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return None
    extent = [(s.stop - s.start) * um for s, um in zip(boxes[0], spacing_um, strict=True)]
    axis = int(np.argmin(extent))
    depth = filled.sum(axis=axis) * spacing_um[axis]
    # Away from the rim, where the faces end.
    core = ndimage.binary_erosion(depth > 0, iterations=max(2, int(0.1 * np.sqrt((depth > 0).sum()))))
    return float(np.median(depth[core])) if core.any() else None
