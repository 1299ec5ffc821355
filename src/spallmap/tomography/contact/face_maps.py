"""The two interfaces of electrodes and ceramic as maps, a table of voids and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.tomography.contact.face_contact import measure_contact
from spallmap.tomography.phases.interfaces import find_interfaces

SIDES = ("bottom", "top")
# Channels of the maps: height z of the face; what lies against it (0 no ceramic, 1 sodium, 2 gas, 3 beyond
# the electrode); height of the gas; number of the void.
INTERFACE_CHANNELS = tuple(
    f"{side}_{name}" for side in SIDES for name in ("height_um", "against", "gap_um", "void")
)
VOID_COLUMNS = (
    "side",
    "void",
    "area_um2",
    "volume_um3",
    "height_max_um",
    "centroid_x_um",
    "centroid_y_um",
    "centroid_z_um",
)


@dataclass(frozen=True)
class InterfaceMaps:
    """What is known of both interfaces.

    Parameters
    ----------
    maps : ndarray of float32, shape (8, ny, nx)
        See :data:`INTERFACE_CHANNELS`, in the tomogram's own frame; NaN where there is no height or gap.
    voids : DataFrame
        One row a void, see :data:`VOID_COLUMNS`.
    summary : dict
        By side: areas, fraction of the electrode's area that does not touch the ceramic, number of voids, and
        roughness (Sa, Sq); empty where there is no ceramic.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import interface_maps
    >>> air = np.full((12, 20, 20), 10_000, dtype=np.uint16)
    >>> found = interface_maps(air, np.full(air.shape, 5, dtype=np.uint8), (5.0, 5.0, 5.0))
    >>> found.maps.shape, len(found.voids), found.summary
    ((8, 20, 20), 0, {})
    """

    maps: NDArray[np.float32]
    voids: pd.DataFrame
    summary: dict[str, dict[str, Any]]


def interface_maps(
    grey: Sliceable, labels: Sliceable, spacing_um: Sequence[float], threads: int = 1
) -> InterfaceMaps:
    """Map the faces of the ceramic and what lies against them.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    threads : int
        Number of threads.

    Returns
    -------
    InterfaceMaps
        Without heights and voids where there is no ceramic.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import INTERFACE_CHANNELS, interface_maps
    >>> z, y, x = np.mgrid[:50, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.full(z.shape, 5, dtype=np.uint8)
    >>> labels[radius < 20] = 2
    >>> labels[(abs(z - 25) < 10) & (radius < 26)] = 1
    >>> grey = np.choose(labels, [0, 50_000, 19_000, 0, 0, 10_000]).astype(np.uint16)
    >>> found = interface_maps(grey, labels, (5.0, 5.0, 5.0))
    >>> INTERFACE_CHANNELS[:2], found.maps[:2, 30, 30].tolist()
    (('bottom_height_um', 'bottom_against'), [77.5, 1.0])
    >>> found.summary["top"]["n_voids"]
    0
    """
    faces = find_interfaces(labels, grey, threads)
    maps = np.full((len(INTERFACE_CHANNELS), *labels.shape[1:]), np.nan, dtype=np.float32)
    if faces is None:
        maps[[k for k, name in enumerate(INTERFACE_CHANNELS) if name.endswith(("against", "void"))]] = 0.0
        return InterfaceMaps(maps, pd.DataFrame(columns=list(VOID_COLUMNS)), {})
    contact = measure_contact(grey, labels, faces, spacing_um, threads)
    heights, cuts, summary = (faces.bottom, faces.top), (faces.bottom_cut, faces.top_cut), {}
    for k, (side, face) in enumerate(zip(SIDES, (contact.bottom, contact.top), strict=True)):
        maps[4 * k] = heights[k] * np.float32(spacing_um[0])
        maps[4 * k + 1 : 4 * k + 4] = face.against, face.gap_um, face.void_labels
        # Where the volume ends before the ceramic there is no face.
        maps[4 * k, cuts[k]], maps[4 * k + 1, cuts[k]], maps[4 * k + 2, cuts[k]] = np.nan, 0.0, np.nan
        summary[side] = {
            **contact.as_json()[side],
            "cut_columns": int(np.count_nonzero(cuts[k])),
            "roughness": asdict(faces.roughness_um(spacing_um, top=side == "top")),
        }
    return InterfaceMaps(maps, contact.table()[list(VOID_COLUMNS)], summary)
