"""What each crack measures: one row of the table of cracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.frames import indices_to_points
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.measures.apertures import AIR, METAL, Sheets, trace_sheets
from spallmap.tomography.measures.morphology import classify, touch_um
from spallmap.tomography.measures.spall import spall_of

CRACK_COLUMNS = (
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
# What more is known of a crack; these columns follow the others.
EXTRA_CRACK_COLUMNS = (
    "aperture_se_um",
    "volume_se_um3",
    "filling",
    "sodium_fraction",
    "air_fraction",
    "morphology_score",
    "closure",
    "n_sheets",
    "main_sheet_fraction",
    "junction_fraction",
    "network_fraction",
    "coherence",
)
# A crack touches an interface with at least this many points of its sheet: one may be noise.
MIN_TOUCHING = 10


# A crack is filled with what this fraction of its area is reported to hold.
FILLED_FRACTION = 0.8


def measure_cracks(
    cracks: Cracks,
    grey: Sliceable,
    labels: Sliceable,
    spacing_um: Sequence[float],
    sheets: Sheets | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Measure cracks.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    sheets : Sheets, optional
        From :func:`spallmap.tomography.trace_sheets`; traced where absent.
    threads : int
        Threads to read the volume with.

    Returns
    -------
    DataFrame
        One row per crack: number; volume (area times aperture), area of the middle surface, median and 95 %
        quantile of the aperture; median angle to the nearer interface; greatest depth below the nearer
        interface; whether it touches the top (larger z) and the bottom interface; morphology (straight,
        branching, spalling, diffuse); volume of ceramic between crack and interface where it is cut off,
        else 0; centroid of the middle surface in the volume's frame; standard errors of the median aperture
        and of the volume; filling (sodium, air, both, unknown), fractions of the area that are reported to
        hold sodium and air; and what decided the morphology, see
        :class:`spallmap.tomography.measures.morphology.Shape`.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks, measure_cracks
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> cracks = find_cracks(grey, labels, spacing_um)
    >>> row = measure_cracks(cracks, grey, labels, spacing_um).iloc[0]
    >>> row.morphology, bool(row.touches_top), round(row.dip_deg)
    ('straight', False, 16)
    """
    traced = trace_sheets(cracks, grey, labels, spacing_um, threads) if sheets is None else sheets
    by_crack = np.argsort(cracks.ridge_crack, kind="stable")
    starts = np.searchsorted(cracks.ridge_crack[by_crack], np.arange(1, cracks.n + 2))
    rows = [
        _measure(own, number, cracks, by_crack[starts[number - 1] : starts[number]], spacing_um)
        for number, own in traced.by_crack()
    ]
    table = pd.DataFrame(rows, columns=[*CRACK_COLUMNS, *EXTRA_CRACK_COLUMNS])
    return _complete(table, cracks.n)


def _complete(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """Give a row without measures to cracks that nothing could be measured of, amid pores for example."""
    if len(table) == n:
        return table
    whole = table.set_index("crack").reindex(pd.RangeIndex(1, n + 1, name="crack")).reset_index()
    for column in ("touches_top", "touches_bottom"):
        whole[column] = whole[column].eq(True)
    return whole[list(table.columns)]


def _measure(
    own: Sheets,
    number: int,
    cracks: Cracks,
    voxels: NDArray[np.int64],
    spacing_um: Sequence[float],
) -> dict[str, Any]:
    area, aperture, points = own.area_um2, own.aperture_um, own.points_xyz_um
    total = float(area.sum())
    spall = spall_of(points, own.depth_bottom_um, own.depth_top_um, total, spacing_um)
    reach = touch_um(spacing_um)
    normals = cracks.ridge_normal[voxels, ::-1] / np.asarray(spacing_um)[::-1]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    shape = classify(
        points,
        own.normals_xyz,
        area,
        spall.closure,
        min(spacing_um),
        indices_to_points(cracks.ridge_index[voxels], spacing_um),
        normals,
    )
    centroid = np.average(points, axis=0, weights=area)
    sodium = float(area[own.filling == METAL].sum() / total)
    air = float(area[own.filling == AIR].sum() / total)
    values = (
        number,
        float(np.sum(area * aperture)),
        total,
        float(np.median(aperture)),
        float(np.quantile(aperture, 0.95)),
        float(np.median(own.dip_deg)),
        float(np.max(own.depth_um, where=np.isfinite(own.depth_um), initial=-np.inf)),
        bool(np.count_nonzero(own.depth_top_um <= reach) >= MIN_TOUCHING),
        bool(np.count_nonzero(own.depth_bottom_um <= reach) >= MIN_TOUCHING),
        shape.morphology,
        spall.volume_um3,
        *(float(c) for c in centroid),
        # What errs is alike at all points of a crack: the levels, the filling. It does not average out.
        float(np.average(own.aperture_se_um, weights=area)),
        float(np.sum(area * own.aperture_se_um)),
        _filling(sodium, air),
        sodium,
        air,
        shape.score,
        spall.closure,
        shape.n_sheets,
        shape.main_fraction,
        shape.junction_fraction,
        shape.network_fraction,
        shape.coherence,
    )
    return dict(zip((*CRACK_COLUMNS, *EXTRA_CRACK_COLUMNS), values, strict=True))


def _filling(sodium: float, air: float) -> str:
    if sodium >= FILLED_FRACTION:
        return "sodium"
    if air >= FILLED_FRACTION:
        return "air"
    return "both" if min(sodium, air) >= (1.0 - FILLED_FRACTION) / 2.0 else "unknown"
