"""Draws sections at random planes of simulated cells, and prepares the tomograms that they are placed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, displacement_um, grid_centre, grid_points
from spallmap.image import Image
from spallmap.readers.sem.data_bar import find_data_bar, specimen_mask
from spallmap.tomography import common_grey, segment_phases
from spallmap.twin import TwinCell, draw_section_look, simulate_sem
from spallmap.twin.faults.sem_faults import SemFaults, stretched
from spallmap.twin.poses import SEM_AXES, small_rotation
from spallmap.twin.sem import bar_row_of

VOXEL_UM = 4.66
SPACING_UM = (VOXEL_UM,) * 3
COLUMNS = 1024
ASPECT = 0.75
FIELD_UM = (500.0, 1500.0)
TILT_DEG = 10.0
SCALE_OFF = 0.02
ANISOTROPY = 0.004
# The field's middle lies within this fraction of the plate's radius and thickness about its own middle.
REACH_RADIUS = 0.6
REACH_THICKNESS = 0.3


@dataclass(frozen=True)
class Tomogram:
    """A cell's tomogram as the tomography station leaves it.

    Parameters
    ----------
    grey : ndarray of uint16
        On the common scale.
    phases : ndarray of uint8
        Labels.
    to_cell : AffineMap
        From its points to the cell frame.
    """

    grey: NDArray[np.uint16]
    phases: NDArray[np.uint8]
    to_cell: AffineMap


@dataclass(frozen=True)
class SectionCase:
    """A section image and where it truly lies.

    Parameters
    ----------
    image : Image
        With a mask that leaves out the data bar.
    truth : AffineMap
        From its points to the tomogram's; carries the scale that the pixel size is off by.
    """

    image: Image
    truth: AffineMap

    def error_um(self, found: AffineMap) -> float:
        """Mean distance over the field between a map and the truth."""
        return float(displacement_um(found, self.truth, self.field()).mean())

    def named_axes(self) -> AxesPrior:
        """Name the direction that the columns run along, to the nearest axis; the rows go down."""
        column = self.truth.linear[:, 0]
        k = int(np.argmax(np.abs(column[:2])))
        return AxesPrior.parse(f"-z,{'-' if column[k] < 0 else ''}{'xy'[k]}")

    def field(self) -> NDArray[np.float64]:
        """Points of the image that show the specimen, some hundred of them."""
        points = grid_points(self.image.spatial_shape, self.image.spacing_um)
        seen = np.ones(points.shape[:2], bool) if self.image.mask is None else self.image.mask
        chosen: NDArray[np.float64] = points[seen][:: max(1, seen.sum() // 500)]
        return chosen


def tomogram(seed: int, work: Path) -> Tomogram:
    """Draw and prepare the shorted tomogram of a cell; kept in `work` for a second look."""
    cell = TwinCell(seed)
    kept = work / f"tomogram-{seed}.npz"
    if not kept.exists():
        volume = cell.xct("shorted").volume
        grey = common_grey(volume).apply(volume)
        np.savez(kept, grey=grey, phases=segment_phases(grey, SPACING_UM))
    with np.load(kept) as loaded:
        return Tomogram(loaded["grey"], loaded["phases"], cell.xct_to_cell("shorted"))


def section(
    seed: int, number: int, reference_to_cell: AffineMap, faults: SemFaults | None = None
) -> SectionCase:
    """Cut a cell at a random plane.

    Parameters
    ----------
    seed : int
        Of the cell.
    number : int
        Of the plane.
    reference_to_cell : AffineMap
        The tomogram's pose; its axes are those that the section is tilted against.
    faults : SemFaults, optional
        What goes wrong; a tilt becomes part of the true map.

    Returns
    -------
    SectionCase
        The image as a microscope would give it, pixel size off by up to 2 %.
    """
    rng = np.random.default_rng([seed, number, 77])
    geometry = TwinCell(seed).geometry("shorted")
    width = rng.uniform(*FIELD_UM)
    pixel = width / COLUMNS
    shape = (round(ASPECT * COLUMNS), COLUMNS)
    usable = (bar_row_of(shape[0]), COLUMNS)
    linear = (
        reference_to_cell.linear @ small_rotation(rng, TILT_DEG, 0.0) @ SEM_AXES.linear(rng.uniform(0, 360))
    )
    radius, angle = REACH_RADIUS * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    outline = geometry.rim
    middle = np.array(
        [
            outline.centre_um[0] + radius * outline.radius_um * np.cos(angle),
            outline.centre_um[1] + radius * outline.radius_um * np.sin(angle),
            rng.uniform(-REACH_THICKNESS, REACH_THICKNESS) * geometry.thickness_um,
        ]
    )
    scale, uneven = 1.0 + rng.uniform(-SCALE_OFF, SCALE_OFF), rng.uniform(-ANISOTROPY, ANISOTROPY)
    linear = linear * np.array([scale * (1.0 + uneven), scale, 1.0])
    own = grid_centre(usable, (pixel, pixel))
    to_cell = AffineMap.from_parts(linear, middle - linear @ own)
    look = draw_section_look(rng, (shape[0] * pixel, width))
    drawn = simulate_sem(geometry, to_cell, rng, look=look, shape=shape, spacing_um=pixel, faults=faults)
    if faults is not None:
        to_cell = stretched(to_cell, shape, pixel, faults)
    mask = specimen_mask(drawn.image.shape, find_data_bar(drawn.image))
    image = Image(drawn.image, ("y", "x"), (pixel, pixel), mask=mask)
    return SectionCase(image, reference_to_cell.inverse() @ to_cell)
