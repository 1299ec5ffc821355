"""Which cracks of a state are new against an earlier one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spallmap.frames import AffineMap, Points, points_to_indices
from spallmap.image import Image
from spallmap.tomography.labels import is_filled
from spallmap.tomography.measures.reference import SAME_FRAME, ReferencePose
from spallmap.tomography.measures.surfaces import Surface

CHANGE_COLUMNS = (
    "crack",
    "change",
    "fraction_before",
    "fraction_comparable",
    "aperture_before_um",
    "widened_um",
)
# A crack with less of its area there before is new: chance contacts with other cracks cover less.
NEW_FRACTION = 0.1
# A crack with more of its area there before is unchanged: a rim of noise is lost from every scan.
UNCHANGED_FRACTION = 0.8
# Where the earlier scan shows less than this fraction of where a crack lies, nothing is said.
MIN_COMPARABLE_FRACTION = 0.5
# A point was there before within this many voxels beside the registrations' errors.
REACH_VOXELS = 2.0
# Level of a pyramid at which the earlier scan's phases are read, where it has one: half the resolution says
# as well whether there is ceramic, in an eighth of the memory.
COMPARED_LEVEL = 1


def comparison_level(n_levels: int) -> int:
    """Return the level of a pyramid at which the earlier scan's phases are looked up.

    Parameters
    ----------
    n_levels : int
        Number of levels that there are.

    Returns
    -------
    int
        0 is the full resolution.

    Examples
    --------
    >>> from spallmap.tomography import comparison_level
    >>> comparison_level(4), comparison_level(1)
    (1, 0)
    """
    return min(COMPARED_LEVEL, n_levels - 1)


def crack_changes(
    surface: Surface,
    earlier: Surface,
    numbers: Sequence[int],
    earlier_labels: Image,
    voxel_um: Sequence[float],
    pose: ReferencePose | None = None,
    earlier_pose: ReferencePose | None = None,
    earlier_searched: bool = True,
) -> pd.DataFrame:
    """Say which cracks of a tomogram are new against an earlier tomogram of the same cell.

    Parameters
    ----------
    surface, earlier : Surface
        Middle surfaces of the cracks of both, in the reference frame.
    numbers : sequence of int
        All cracks of the tomogram, those without a surface too.
    earlier_labels : Image
        Phases of the earlier tomogram in its own frame, full or coarse.
    voxel_um : sequence of float
        Voxel spacings of both tomograms; two points may be apart by :data:`REACH_VOXELS` of the largest, and
        by the combined standard error of both maps.
    pose, earlier_pose : ReferencePose, optional
        How the two map to the reference frame; absent where that is their own.
    earlier_searched : bool
        Whether cracks were looked for in the earlier tomogram.

    Returns
    -------
    DataFrame
        One row per crack, see :func:`compare_cracks`. Nothing is comparable where a map may not be used, its
        error is unknown in some direction, or the earlier tomogram was not searched.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.image import Image
    >>> from spallmap.tomography import Surface, crack_changes
    >>> corners = np.array([[10.0, 10.0, 10.0], [40.0, 10.0, 10.0], [10.0, 40.0, 10.0]])
    >>> ones = np.ones(3)
    >>> crack = Surface(corners, np.array([[0, 1, 2]]), ones.astype(np.int32), ones, ones, ones)
    >>> ceramic = Image(np.ones((9, 9, 9), dtype=np.uint8), ("z", "y", "x"), (5.0, 5.0, 5.0))
    >>> list(crack_changes(crack, crack.none_of_it(), [1], ceramic, [5.0])["change"])
    ['new']
    >>> list(crack_changes(crack, crack, [1, 2], ceramic, [5.0])["change"])
    ['unchanged', 'not comparable']
    """
    own, before = pose or SAME_FRAME, earlier_pose or SAME_FRAME
    comparable = shown_by(surface.points_xyz_um, before.map, earlier_labels.data, earlier_labels.spacing_um)
    if not (own.comparable and before.comparable and earlier_searched):
        # Nothing can be said of what was there before.
        comparable = np.zeros_like(comparable)
    table = compare_cracks(
        surface.points_xyz_um,
        surface.crack,
        vertex_areas(surface.points_xyz_um, surface.triangles),
        surface.aperture_um,
        earlier.points_xyz_um,
        earlier.aperture_um,
        REACH_VOXELS * max(voxel_um) + math.hypot(own.error_um, before.error_um),
        comparable,
    )
    return complete(table, numbers)


def compare_cracks(
    points_xyz_um: Points,
    crack: NDArray[np.int32],
    area_um2: NDArray[np.float64],
    aperture_um: NDArray[np.float64],
    earlier_xyz_um: Points,
    earlier_aperture_um: NDArray[np.float64],
    reach_um: float,
    comparable: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Compare the cracks of a state with those of an earlier state of the same cell.

    A point of a crack was there before when an earlier crack has a point within reach of it.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Points on the middle surfaces of the cracks.
    crack : ndarray of int, shape (n,)
        Number of each point's crack.
    area_um2, aperture_um : ndarray, shape (n,)
        Area that each point stands for, and the opening there.
    earlier_xyz_um : ndarray, shape (m, 3)
        Points on the earlier cracks, mapped into the same frame.
    earlier_aperture_um : ndarray, shape (m,)
        Their openings.
    reach_um : float
        Distance within which two points count as one: the registration's error and two voxels.
    comparable : ndarray of bool, shape (n,), optional
        Whether the earlier scan shows ceramic at the point; everywhere where absent.

    Returns
    -------
    DataFrame
        One row per crack: number; change (new, grown, unchanged, not comparable); fraction of the comparable
        area that was there before; fraction of the area that is comparable; median aperture before and by how
        much the same points have widened (NaN where nothing was there). Fractions of what is not comparable
        are NaN.

    Raises
    ------
    ValueError
        If the reach is not positive.
    """
    if not reach_um > 0:
        raise ValueError(f"the reach must be positive micrometres; got {reach_um}")
    seen = np.ones(len(crack), dtype=bool) if comparable is None else comparable
    there = np.zeros(len(crack), dtype=bool)
    before = np.full(len(crack), np.nan)
    if len(earlier_xyz_um) and len(crack):
        away, nearest = cKDTree(earlier_xyz_um).query(points_xyz_um, distance_upper_bound=reach_um)
        there = np.isfinite(away) & seen
        before[there] = earlier_aperture_um[np.asarray(nearest)[there]]
    order = np.argsort(crack, kind="stable")
    numbers, counts = np.unique(crack, return_counts=True)
    rows = []
    ends: NDArray[np.int64] = np.cumsum(counts)
    for number, start, end in zip(numbers, ends - counts, ends, strict=True):
        own = order[start:end]
        total, visible = float(area_um2[own].sum()), float(area_um2[own][seen[own]].sum())
        fraction = float(area_um2[own][there[own]].sum()) / visible if visible else np.nan
        shown = visible / total if total else 0.0
        old = own[there[own]]
        rows.append(
            (
                int(number),
                _change(fraction, shown),
                fraction,
                shown,
                float(np.median(before[old])) if len(old) else np.nan,
                float(np.median(aperture_um[old] - before[old])) if len(old) else np.nan,
            )
        )
    return pd.DataFrame(rows, columns=list(CHANGE_COLUMNS))


def _change(fraction_before: float, fraction_comparable: float) -> str:
    if fraction_comparable < MIN_COMPARABLE_FRACTION:
        return "not comparable"
    if fraction_before < NEW_FRACTION:
        return "new"
    return "unchanged" if fraction_before > UNCHANGED_FRACTION else "grown"


def vertex_areas(points_xyz_um: Points, triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Area that each corner of a triangulated surface stands for: a third of its triangles'.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Corners.
    triangles : ndarray of int, shape (m, 3)
        Corner numbers.

    Returns
    -------
    ndarray, shape (n,)
        Areas in um2; they sum to the surface's.
    """
    a, b, c = np.moveaxis(points_xyz_um[triangles], 1, 0)
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    shared = np.bincount(triangles.ravel(), np.repeat(area / 3.0, 3), minlength=len(points_xyz_um))
    return np.asarray(shared, dtype=np.float64)


def shown_by(
    points_xyz_um: Points, to_points: AffineMap, labels: NDArray[np.integer], spacing_um: Sequence[float]
) -> NDArray[np.bool_]:
    """Whether a tomogram shows ceramic at points.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        The points.
    to_points : AffineMap
        From the tomogram's frame to that of the points.
    labels : ndarray of int, shape (nz, ny, nx)
        The tomogram's phases, full or coarse.
    spacing_um : sequence of float
        Spacing of the labels along z, y and x.

    Returns
    -------
    ndarray of bool, shape (n,)
        False outside the tomogram.
    """
    index = np.rint(points_to_indices(to_points.inverse()(points_xyz_um), spacing_um)).astype(np.int64)
    inside = np.all((index >= 0) & (index < labels.shape), axis=1)
    shown = np.zeros(len(index), dtype=bool)
    shown[inside] = is_filled(labels[tuple(index[inside].T)])
    return shown


def complete(table: pd.DataFrame, numbers: Sequence[int]) -> pd.DataFrame:
    """Give every crack a row: those that nothing could be compared of are not comparable.

    Parameters
    ----------
    table : DataFrame
        From :func:`compare_cracks`.
    numbers : sequence of int
        All cracks of the state.

    Returns
    -------
    DataFrame
        One row per crack, in the numbers' order.
    """
    whole = table.set_index("crack").reindex(pd.Index(list(numbers), name="crack")).reset_index()
    whole["change"] = whole["change"].astype(object).fillna("not comparable")
    whole["fraction_comparable"] = whole["fraction_comparable"].fillna(0.0)
    return whole[list(CHANGE_COLUMNS)]
