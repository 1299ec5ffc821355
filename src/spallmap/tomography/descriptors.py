"""What each crack measures: one row of the table of cracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spallmap.tomography.cracks import Cracks
from spallmap.tomography.morphology import TOUCH_UM, classify
from spallmap.tomography.sheets import Sheets, trace_sheets
from spallmap.tomography.spall import spall_of

COLUMNS = (
    "crack",
    "volume_um3",
    "area_um2",
    "aperture_median_um",
    "aperture_p95_um",
    "dip_deg",
    "depth_max_um",
    "touches_top",
    "touches_bottom",
    "morphology",
    "spall_volume_um3",
    "centroid_x_um",
    "centroid_y_um",
    "centroid_z_um",
)
MIN_TOUCHING = 10
"""A crack touches an interface with at least this many points of its sheet: one may be noise."""


def measure_cracks(
    cracks: Cracks,
    grey: NDArray[Any],
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    sheets: Sheets | None = None,
) -> pd.DataFrame:
    """Measure cracks.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : ndarray, shape (nz, ny, nx)
        Volume on the common scale.
    phases : ndarray
        Its labels.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    sheets : Sheets, optional
        From :func:`spallmap.tomography.trace_sheets`; traced where absent.

    Returns
    -------
    DataFrame
        One row per crack: number; volume (area times aperture), area of the middle surface, median and 95 %
        quantile of the aperture; median angle to the nearer interface; greatest depth below the nearer
        interface; whether it touches the top (larger z) and the bottom interface; morphology (straight,
        branching, spalling, diffuse); volume of ceramic between crack and interface where it is cut off,
        else 0; centroid of the middle surface in the volume's frame.
    """
    traced = trace_sheets(cracks, grey, phases, spacing_um) if sheets is None else sheets
    rows = [_measure(traced, number, spacing_um) for number in range(1, cracks.n + 1)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _measure(sheets: Sheets, number: int, spacing_um: Sequence[float]) -> dict[str, Any]:
    own = sheets.crack == number
    area, aperture = sheets.area_um2[own], sheets.aperture_um[own]
    points = sheets.points_xyz_um[own]
    spall = spall_of(
        points, sheets.depth_bottom_um[own], sheets.depth_top_um[own], float(area.sum()), spacing_um
    )
    centroid = np.average(points, axis=0, weights=area)
    values = (
        number,
        float(np.sum(area * aperture)),
        float(area.sum()),
        float(np.median(aperture)),
        float(np.quantile(aperture, 0.95)),
        float(np.median(sheets.dip_deg[own])),
        float(sheets.depth_um[own].max()),
        bool(np.count_nonzero(sheets.depth_top_um[own] <= TOUCH_UM) >= MIN_TOUCHING),
        bool(np.count_nonzero(sheets.depth_bottom_um[own] <= TOUCH_UM) >= MIN_TOUCHING),
        classify(points, sheets.normals_xyz[own], spall.closure, min(spacing_um)),
        spall.volume_um3,
        *(float(c) for c in centroid),
    )
    return dict(zip(COLUMNS, values, strict=True))
