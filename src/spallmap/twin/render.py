"""What fills a sample: fractions of matter at points and on grids, and the labels that are the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin._compiled import compiled
from spallmap.twin.fields import (
    FAR_UM,
    casing_covered,
    ceramic_walls,
    covered,
    crack_sheet,
    electrode_walls,
    hollow_distances,
    patch_matter,
    patch_sheet,
    patches_near,
    sheet_covered,
)
from spallmap.twin.geometry import CellGeometry, Floats
from spallmap.twin.tape import STACK, lay_out

# What the last axis of fractions stands for; what is missing to 1 is the gas outside.
MATTER = ("ceramic", "sodium", "casing", "empty_crack", "sodium_crack", "decoy", "pore", "void")

CERAMIC, SODIUM, CASING, EMPTY_CRACK, SODIUM_CRACK, DECOY, PORE, VOID = range(len(MATTER))

# A boundary within this many voxels' width of a voxel's middle touches one of its octants.
REFINE_WITHIN = 1.4

# Values of the true label volume; 0 is everything else: gas, casing, pores, voids.
LABELS = {"ceramic": 1, "sodium": 2, "empty_crack": 3, "sodium_crack": 4, "decoy": 5}


@compiled
def _fractions_at(x: float, y: float, z: float, width: float, tape: Floats, out: Floats) -> None:
    """Write the fractions of matter of one sample of some width into `out`, shape (8,)."""
    out[:] = 0.0
    out[CASING] = casing_covered(x, y, width, tape)
    stack = int(tape[STACK])
    if abs(z) > tape[stack + 1] + width or x * x + y * y > (tape[stack] + width) ** 2:
        return
    side, below, above = ceramic_walls(x, y, z, width, tape)
    disc = covered(side, width) * covered(below, width) * covered(above, width)
    metal = 0.0
    if disc < 1.0:
        for e in range(2):
            rim, inner, outer = electrode_walls(x, y, z, e, width, tape)
            metal += covered(rim, width) * covered(inner, width) * covered(outer, width)
    if disc + metal == 0.0:
        return
    pore_distance, void_distance = hollow_distances(x, y, z, tape)
    void = metal * covered(void_distance, width)
    out[SODIUM] = metal - void
    out[VOID] = void
    if disc == 0.0:
        return
    crack, filled = 0.0, 0.0
    distance, aperture, edge = crack_sheet(x, y, z, width, tape)
    if distance < FAR_UM:
        crack = disc * sheet_covered(distance, aperture, width)
        filled = crack * covered(edge, width)
    out[EMPTY_CRACK] = crack - filled
    out[SODIUM_CRACK] = filled
    solid = disc - crack
    for patch in range(patches_near(x, y, z, width, tape)):
        distance, aperture = patch_sheet(x, y, z, width, patch, tape)
        if aperture > 0.0:
            sheet = solid * sheet_covered(distance, aperture, width)
            out[EMPTY_CRACK + patch_matter(patch, tape)] += sheet
            solid -= sheet
    pore = solid * covered(pore_distance, width)
    out[PORE] = pore
    out[CERAMIC] = solid - pore


@compiled
def _crack_at(x: float, y: float, z: float, width: float, tape: Floats) -> tuple[int, float]:
    """Return label and local aperture of the crack that a sample lies on; 0 where there is none.

    A crack thinner than a sample never fills half of one: it is where its middle surface passes.
    """
    distance, aperture, edge = crack_sheet(x, y, z, width, tape)
    if abs(distance) <= max(aperture, width) / 2.0:
        return (4 if edge < 0.0 else 3), aperture
    for patch in range(patches_near(x, y, z, width, tape)):
        distance, aperture = patch_sheet(x, y, z, width, patch, tape)
        if aperture > 0.0 and abs(distance) <= max(aperture, width) / 2.0:
            return 3 + patch_matter(patch, tape), aperture
    return 0, 0.0


@compiled
def _label_at(x: float, y: float, z: float, width: float, tape: Floats, fractions: Floats) -> int:
    """Return the true label of one sample whose fractions are known."""
    in_disc = fractions[CERAMIC] + fractions[EMPTY_CRACK] + fractions[SODIUM_CRACK] + fractions[DECOY]
    if in_disc + fractions[PORE] > 0.5 and fractions[PORE] < 0.5:
        label, _aperture = _crack_at(x, y, z, width, tape)
        if label > 0:
            return label
    if fractions[CERAMIC] > 0.5:
        return 1
    return 2 if fractions[SODIUM] > 0.5 else 0


@compiled
def _fill_cracks(
    points: Floats, width: float, tape: Floats, labels: NDArray[np.uint8], apertures: Floats
) -> None:
    for i in range(points.shape[0]):
        label, aperture = _crack_at(points[i, 0], points[i, 1], points[i, 2], width, tape)
        labels[i], apertures[i] = label, aperture


@compiled
def _fill_points(points: Floats, width: float, tape: Floats, out: Floats) -> None:
    for i in range(points.shape[0]):
        _fractions_at(points[i, 0], points[i, 1], points[i, 2], width, tape, out[i])


@compiled
def _fill_volume(
    to_cell: Floats,
    first_slice: int,
    spacing: float,
    grey: Floats,
    tape: Floats,
    out: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> None:
    fractions, octant = np.zeros(grey.shape[0] - 1), np.zeros(grey.shape[0] - 1)
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                p = (i * spacing, j * spacing, (k + first_slice) * spacing)
                x = to_cell[0, 0] * p[0] + to_cell[0, 1] * p[1] + to_cell[0, 2] * p[2] + to_cell[0, 3]
                y = to_cell[1, 0] * p[0] + to_cell[1, 1] * p[1] + to_cell[1, 2] * p[2] + to_cell[1, 3]
                z = to_cell[2, 0] * p[0] + to_cell[2, 1] * p[1] + to_cell[2, 2] * p[2] + to_cell[2, 3]
                _fractions_at(x, y, z, REFINE_WITHIN * spacing, tape, fractions)
                mixed = False
                for m in range(fractions.shape[0]):
                    mixed = mixed or 0.0 < fractions[m] < 1.0
                if mixed:
                    # Where bodies meet, their flat boundaries do not multiply: look at half the width.
                    fractions[:] = 0.0
                    for corner in range(8):
                        u = (0.5 * (corner & 1) - 0.25) * spacing
                        v = (0.25 * (corner & 2) - 0.25) * spacing
                        w = (0.125 * (corner & 4) - 0.25) * spacing
                        _fractions_at(
                            x + to_cell[0, 0] * u + to_cell[0, 1] * v + to_cell[0, 2] * w,
                            y + to_cell[1, 0] * u + to_cell[1, 1] * v + to_cell[1, 2] * w,
                            z + to_cell[2, 0] * u + to_cell[2, 1] * v + to_cell[2, 2] * w,
                            spacing / 2.0,
                            tape,
                            octant,
                        )
                        for m in range(fractions.shape[0]):
                            fractions[m] += octant[m] / 8.0
                labels[k, j, i] = _label_at(x, y, z, spacing, tape, fractions)
                value = grey[-1]
                for m in range(fractions.shape[0]):
                    value += fractions[m] * (grey[m] - grey[-1])
                out[k, j, i] = value


def fractions_of(geometry: CellGeometry, points: Floats, width_um: float) -> Floats:
    """Fractions of matter of samples of one width.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    points : ndarray, shape (..., 3)
        Sample centres in the cell frame, um.
    width_um : float
        Edge of a sample.

    Returns
    -------
    ndarray, shape (..., 8)
        Fractions in the order of `MATTER`; their sum is at most 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell
    >>> cell = draw_cell(np.random.default_rng(7)).shorted
    >>> points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 900.0]])
    >>> fractions_of(cell, points, 4.66).sum(axis=-1).round(6).tolist()  # outside there is gas
    [1.0, 0.0]
    """
    flat = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 3)
    out = np.empty((len(flat), len(MATTER)))
    _fill_points(flat, float(width_um), lay_out(geometry), out)
    return out.reshape(*points.shape[:-1], len(MATTER))


def cracks_at(geometry: CellGeometry, points: Floats, width_um: float) -> tuple[NDArray[np.uint8], Floats]:
    """Find which crack samples of one width lie on, and how wide it is there.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    points : ndarray, shape (n, 3)
        Sample centres in the cell frame, um, within the ceramic; the cracks' formulas go on beyond it.
    width_um : float
        Edge of a sample.

    Returns
    -------
    labels : ndarray of uint8, shape (n,)
        The crack's value in `LABELS`, 0 for none: of the voxels of a rendered volume that have such a label,
        the same one.
    apertures_um : ndarray, shape (n,)
        Its local aperture, 0 for none.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell
    >>> cell = draw_cell(np.random.default_rng(7)).shorted
    >>> centre = np.array(cell.decoy.centre_um)[None]
    >>> labels, apertures_um = cracks_at(cell, centre, 1.0)
    >>> int(labels[0]) == LABELS["decoy"], bool(np.isclose(apertures_um[0], cell.decoy.aperture_um))
    (True, True)
    """
    flat = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 3)
    labels, apertures = np.empty(len(flat), dtype=np.uint8), np.empty(len(flat))
    _fill_cracks(flat, float(width_um), lay_out(geometry), labels, apertures)
    return labels, apertures


def render_volume(
    geometry: CellGeometry,
    to_cell: AffineMap,
    shape: tuple[int, int, int],
    spacing_um: float,
    values: dict[str, float],
    first_slice: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Mix one value per kind of matter in every voxel of a grid, with partial volume.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    to_cell : AffineMap
        From the grid's points to the cell frame, um.
    shape : tuple of int
        Slices, rows, columns.
    spacing_um : float
        Edge of a voxel.
    values : dict
        A value for every name of `MATTER` and for ``"gas"``.
    first_slice : int
        Slice of the whole grid that the first one of this block is.

    Returns
    -------
    mixed : ndarray of float32, shape (nz, ny, nx)
        The mixed values.
    labels : ndarray of uint8, shape (nz, ny, nx)
        The truth, see `LABELS`.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_xct_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> shape, spacing_um = (24, 40, 40), 37.0
    >>> to_cell = draw_xct_pose(rng, shape, spacing_um)
    >>> grey = dict.fromkeys((*MATTER, "gas"), 0.0) | {"ceramic": 1.0}
    >>> mixed, labels = render_volume(cell, to_cell, shape, spacing_um, grey)
    >>> mixed.shape, bool(mixed[labels == LABELS["ceramic"]].min() > 0.4)
    ((24, 40, 40), True)
    """
    table = np.array([values[name] for name in (*MATTER, "gas")])
    out = np.empty(shape, dtype=np.float32)
    labels = np.empty(shape, dtype=np.uint8)
    _fill_volume(to_cell.matrix, first_slice, float(spacing_um), table, lay_out(geometry), out, labels)
    return out, labels
