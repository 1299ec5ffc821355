"""The shape of a crack in the words of the solid-electrolyte literature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from spallmap.frames import Points
from spallmap.tomography.blockwise.neighbours import CELL_VOXELS, PointGrid, point_grid, thin_out

Morphology = Literal["straight", "branching", "spalling", "diffuse"]

# A sheet that comes this near to an interface touches it: three voxels of the paper's tomogram, within which
# the blurred interface hides a crack.
TOUCH_UM = 15.0
# Or this near in coarser voxels: the ceramic's outermost layer holds no point.
TOUCH_VOXELS = 1.5
# A crack that has risen to the interface along this fraction of its rim cuts a piece off; a slanting plane
# has less than half.
SPALLING_CLOSURE = 0.6
# Distance of the points that shapes are judged from: fine against the least sheet.
SAMPLE_VOXELS = 2.0
# Reach within which a sheet looks flat and a junction does not.
LOCAL_VOXELS = 10.0
# A neighbour is off a point's tangent plane beyond one voxel and a quarter of its distance: at 10 voxels a
# sheet bent to a radius of 15 voxels stays within, one that meets the plane at 30 degrees does not.
OFF_VOXELS = 1.0
OFF_SLOPE = 0.25
# A point lies at a junction when this fraction of its neighbours is off its plane: single points beside pores
# and rims are fewer.
CROSSING_FRACTION = 0.15
# Sampled points of one sheet are no further apart.
STEP_VOXELS = 4.0
# Their normals agree within 26 degrees.
SAME_COSINE = 0.9
# Parts of one sheet on two sides of a junction or a pore are this near.
GAP_VOXELS = 10.0
# They continue one another: normals within 20 degrees, a step that leaves their planes by 11 degrees.
GAP_COSINE = 0.94
GAP_SINE = 0.2
# A sheet counts from this fraction of the crack's area; what is smaller lies at junctions and rims.
MIN_SHEET_FRACTION = 0.03
# A crack is a network when its fraction of voxels at junctions, less half the coherence of their directions,
# exceeds this: of simulated cracks networks have 0.64 to 0.8 (thin-set ones drawn as points 0.56), branching
# ones up to 0.53.
NETWORK_EXCESS = 0.54
# A crack whose largest sheet has less than this fraction of it is led by none: simulated bowls have more than
# 0.9, branching cracks up to 0.7, networks less than 0.2.
MAIN_FRACTION = 0.8
# Fraction of a crack off its main sheet, at junctions or on side sheets, that makes it branching: simulated
# straight cracks have up to 0.02 (0.1 where pores break small ones), branching ones 0.14 and more.
BRANCHING_FRACTION = 0.12
# How sharply these limits are drawn for the score: a third of the gaps between the kinds.
NETWORK_WIDTH = 0.03
MAIN_WIDTH = 0.05
CLOSURE_WIDTH = 0.05
BRANCH_WIDTH = 0.025


def touch_um(spacing_um: Sequence[float]) -> float:
    """Distance from an interface within which a sheet touches it.

    Parameters
    ----------
    spacing_um : sequence of float
        Voxel spacing along z, y and x.

    Returns
    -------
    float
        15 um, or one and a half voxels where these are coarser.
    """
    return max(TOUCH_UM, TOUCH_VOXELS * max(spacing_um))


@dataclass(frozen=True)
class Shape:
    """The kind of a crack and what decided it.

    Parameters
    ----------
    morphology : {"straight", "branching", "spalling", "diffuse"}
        The kind.
    score : float
        How clear it is: near 1 where all limits are far, 0.5 or less where one is met.
    n_sheets : int
        Number of smooth sheets that the crack consists of.
    main_fraction : float
        Fraction of the crack on the largest one.
    junction_fraction : float
        Fraction of the crack where sheets meet or cross.
    network_fraction : float
        The same of all its voxels, those that no clear middle surface goes through among them.
    coherence : float
        Agreement of all directions: largest eigenvalue of the normals' mean outer product, 1 for a plane and
        1/3 for all directions alike.
    """

    morphology: Morphology
    score: float
    n_sheets: int
    main_fraction: float
    junction_fraction: float
    network_fraction: float
    coherence: float


def classify(
    points_xyz_um: Points,
    normals_xyz: NDArray[np.float64],
    area_um2: NDArray[np.float64],
    closure: float,
    voxel_um: float,
    voxels_xyz_um: Points | None = None,
    voxel_normals_xyz: NDArray[np.float64] | None = None,
) -> Shape:
    """Name the shape of a crack.

    The crack is separated at its junctions into smooth sheets. In this order: diffuse where no sheet leads
    and its junctions outweigh the order of its directions; spalling where one sheet leads and rises to the
    interface around most of its rim; branching where a fraction of the crack lies off the main sheet;
    straight else.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Middle surface of one crack.
    normals_xyz : ndarray, shape (n, 3)
        Unit vectors across the sheet.
    area_um2 : ndarray, shape (n,)
        Area that each point stands for.
    closure : float
        See :class:`spallmap.tomography.measures.spall.Spall`.
    voxel_um : float
        Voxel size.
    voxels_xyz_um, voxel_normals_xyz : ndarray, shape (m, 3), optional
        All voxels of the crack's ridges and their directions. Where small sheets cross, few of them lie on a
        clear middle surface. The points where absent.

    Returns
    -------
    Shape
        The kind and its measures.

    References
    ----------
    Kazyak et al., Li penetration in ceramic solid electrolytes: operando microscopy analysis of morphology,
    propagation, and reversibility, Matter 2 (2020): the four kinds.
    """
    fractions, junction = _sheet_fractions(points_xyz_um / voxel_um, normals_xyz)
    main = float(fractions[0])
    tensor = np.einsum("n,ni,nj->ij", area_um2, normals_xyz, normals_xyz) / area_um2.sum()
    coherence = float(np.linalg.eigvalsh(tensor)[-1])
    network, order = junction, coherence
    if voxels_xyz_um is not None and voxel_normals_xyz is not None:
        network = _sheet_fractions(voxels_xyz_um / voxel_um, voxel_normals_xyz)[1]
        n = voxel_normals_xyz
        order = float(np.linalg.eigvalsh(n.T @ n / len(n))[-1])
    leading = _above(main, MAIN_FRACTION, MAIN_WIDTH)
    diffuse = (1.0 - leading) * _above(network - 0.5 * order, NETWORK_EXCESS, NETWORK_WIDTH)
    closed = leading * _above(closure, SPALLING_CLOSURE, CLOSURE_WIDTH)
    side = _above(1.0 - main, BRANCHING_FRACTION, BRANCH_WIDTH)
    parts: dict[Morphology, float] = {
        "diffuse": diffuse,
        "spalling": (1.0 - diffuse) * closed,
        "branching": (1.0 - diffuse) * (1.0 - closed) * side,
        "straight": (1.0 - diffuse) * (1.0 - closed) * (1.0 - side),
    }
    kind = max(parts, key=lambda k: parts[k])
    return Shape(kind, parts[kind], len(fractions), main, junction, network, coherence)


def _above(value: float, limit: float, width: float) -> float:
    """Map a value to 0 far below a limit, 0.5 at it and 1 far above it."""
    return float(special.expit((value - limit) / width))


def _sheet_fractions(
    points: NDArray[np.float64], normals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Separate a crack into smooth sheets.

    Points with many neighbours off their tangent plane lie at junctions. The rest falls into pieces; pieces
    that continue one another across a junction are one sheet.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Middle surface of one crack, in voxels.
    normals : ndarray, shape (n, 3)
        Unit vectors across the sheet.

    Returns
    -------
    fractions : ndarray, shape (n_sheets,)
        Fractions of the crack on each sheet by falling size.
    junction : float
        Fraction at junctions; what is missing to 1 lies on sheets too small to count.
    """
    points = points - points.min(axis=0)
    one = np.zeros(len(points), dtype=np.int32)
    chosen = thin_out(point_grid(points, one), SAMPLE_VOXELS)
    points, normals = points[chosen], normals[chosen]
    even = _crossing(points, normals) < CROSSING_FRACTION
    junction = float(np.mean(~even))
    if not even.any():
        return np.zeros(1), junction
    n = len(points)
    points, normals = points[even], normals[even]
    piece = _joined(points, normals, STEP_VOXELS, SAME_COSINE, 0.5, np.arange(len(points)))
    piece = _joined(points, normals, GAP_VOXELS, GAP_COSINE, GAP_SINE, piece)
    size = np.sort(np.bincount(piece))[::-1] / n
    return size[: max(1, int(np.count_nonzero(size >= MIN_SHEET_FRACTION)))], junction


def _grid(points: NDArray[np.float64], reach: float) -> PointGrid:
    """Cells of the size of a reach."""
    return point_grid(points * (CELL_VOXELS / reach), np.zeros(len(points), dtype=np.int32))


def _crossing(points: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fraction of the points around each point that lie off its tangent plane."""
    out = np.empty(len(points))
    for around in _grid(points, LOCAL_VOXELS).around(CELL_VOXELS):
        counts = np.diff(around.starts)
        own = np.repeat(np.arange(len(counts)), counts)
        middle = own + around.rows.start
        step = points[around.members] - points[middle]
        off = np.abs(np.einsum("ij,ij->i", step, normals[middle]))
        away = off > OFF_VOXELS + OFF_SLOPE * np.linalg.norm(step, axis=1)
        out[around.rows] = np.bincount(own, away, len(counts)) / counts
    return out


def _joined(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    reach: float,
    cosine: float,
    sine: float,
    piece: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Join pieces by pairs of points with like normals and a step between them that stays in the sheet."""
    joined, n = [], int(piece.max()) + 1
    for around in _grid(points, reach).around(CELL_VOXELS):
        a = np.repeat(np.arange(around.rows.start, around.rows.stop), np.diff(around.starts))
        b = around.members.astype(np.int64)
        step = points[b] - points[a]
        length = np.linalg.norm(step, axis=1)
        fits = np.abs(np.einsum("ij,ij->i", normals[a], normals[b])) >= cosine
        for end in (a, b):
            fits &= np.abs(np.einsum("ij,ij->i", step, normals[end])) <= sine * length
        # Once each: a large sheet has dozens of pairs a point, all between the same pieces.
        links = piece[a[fits]] * np.int64(n) + piece[b[fits]]
        joined.append(np.unique(links))
    first, second = np.divmod(np.unique(np.concatenate(joined)), n)
    pairs = np.column_stack([first, second])
    graph = sparse.coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    group = sparse.csgraph.connected_components(graph, directed=False)[1]
    return group[piece].astype(np.int64)
