"""Which pixel size a section would need for the tomogram's ceramic: its thickness in both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.image import Image
from spallmap.registration.fitting_size import Size, usual_size
from spallmap.registration.section.appearance import CERAMIC, VOID, Section, read_section
from spallmap.registration.verdict import Refused
from spallmap.tomography.labels import is_filled

# Both faces must be seen in this fraction of the columns that show ceramic.
LEAST_COLUMNS = 0.3
# A section is read with lengths in um, which a wrong size spoils: other sizes are taken until both faces are
# found.
READ_FACTORS = (1.0, 2.0, 0.5, 4.0, 0.25, 10.0, 0.1)
# A section across the plate is tilted by up to ten degrees, which thickens the ceramic by 1.5 %; rough faces
# add as much. The registration fits a scale of 3 % itself.
THICKNESS_ERROR = 0.03


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
