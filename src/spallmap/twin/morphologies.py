"""Draws cells whose crack has one of the four shapes that cracks in solid electrolytes are sorted into."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from scipy.spatial.transform import Rotation

from spallmap.twin.geometry import CellGeometry, Floats, PatchCrack, PatchMatter, Side
from spallmap.twin.shapes import TYPICAL_VOXEL_UM, draw_cell

Morphology = Literal["straight", "branching", "spalling", "diffuse"]
MORPHOLOGIES: tuple[Morphology, ...] = get_args(Morphology)

# Width of a cell, over the usual one, that still has room for a crack of every kind.
SMALL_WIDTH = 0.6

# Voxels of 4.66 um that hold such a cell with its casing.
SMALL_SHAPE = (190, 216, 216)


def draw_morphology(
    rng: np.random.Generator,
    kind: Morphology,
    *,
    aperture_um: float | None = None,
    width: float = SMALL_WIDTH,
) -> CellGeometry:
    """Draw a shorted cell with one crack of a known kind.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything.
    kind : {"straight", "branching", "spalling", "diffuse"}
        *Straight*: one steep sheet from an interface inwards. *Branching*: such a sheet with one to three
        side sheets that meet it at 30 to 90 degrees. *Spalling*: a bowl or cone that starts at an interface
        and ends at it. *Diffuse*: 12 to 30 small sheets of random directions that meet one another within
        some 150 um below an interface.
    aperture_um : float, optional
        Aperture in the middle of the largest sheet (of a spalling crack: the typical one) instead of a random
        one between 1.0 and 1.7 usual voxels.
    width : float
        Radius of the cell over that of a usual one, see `draw_cell`.

    Returns
    -------
    CellGeometry
        The cell; its pristine state is ``without_cracks()``.

    Raises
    ------
    ValueError
        If the kind is unknown.

    References
    ----------
    Kazyak et al., Matter 2 (2020) 1025-1048: the four kinds.

    Examples
    --------
    >>> import numpy as np
    >>> cell = draw_morphology(np.random.default_rng(7), "branching")
    >>> cell.crack, 2 <= len(cell.patches) <= 4
    (None, True)
    """
    if kind not in MORPHOLOGIES:
        raise ValueError(f"kinds of crack are {MORPHOLOGIES}; got {kind!r}")
    aperture = TYPICAL_VOXEL_UM * rng.uniform(1.0, 1.7) if aperture_um is None else aperture_um
    cell = draw_cell(rng, decoy=False, aperture_um=aperture, width=width).shorted
    if kind == "spalling":
        return cell
    matter: PatchMatter = "sodium_crack" if rng.random() < 0.5 else "empty_crack"
    side: Side = 1 if rng.random() < 0.5 else -1
    root = _interface_point(rng, cell, side)
    if kind == "diffuse":
        patches = _network(rng, root, side, aperture, matter)
    else:
        main = _steep_sheet(rng, root, side, aperture, matter)
        n = int(rng.integers(1, 4)) if kind == "branching" else 0
        patches = (main, *(_side_sheet(rng, main) for _ in range(n)))
    return replace(
        cell, crack=None, patches=patches, site_um=(float(root[0]), float(root[1]), float(root[2]))
    )


def _interface_point(rng: np.random.Generator, cell: CellGeometry, side: Side) -> Floats:
    """Point of a face of the ceramic, under the inner half of an electrode."""
    outline = cell.electrodes[(side + 1) // 2].outline
    r, angle = 0.5 * outline.radius_um * np.sqrt(rng.random()), rng.uniform(0.0, 2.0 * np.pi)
    x, y = outline.centre_um[0] + r * np.cos(angle), outline.centre_um[1] + r * np.sin(angle)
    face = cell.top if side > 0 else cell.bottom
    return np.array([x, y, float(face(np.array(x), np.array(y)))])


def _steep_sheet(
    rng: np.random.Generator, root: Floats, side: Side, aperture: float, matter: PatchMatter
) -> PatchCrack:
    """Half an ellipse or somewhat more under an interface, whose second axis points into the ceramic."""
    steep, strike = np.deg2rad(rng.uniform(60.0, 88.0)), rng.uniform(0.0, 2.0 * np.pi)
    along = np.array([np.cos(strike), np.sin(strike), 0.0])
    across = np.array([-np.sin(strike), np.cos(strike), 0.0])
    inwards = np.cos(steep) * across - side * np.array([0.0, 0.0, np.sin(steep)])
    half = (float(rng.uniform(70.0, 120.0)), float(rng.uniform(120.0, 190.0)))
    centre = root + rng.uniform(-0.15, 0.2) * half[1] * inwards
    axes = np.stack([along, inwards, np.cross(along, inwards)])
    return PatchCrack(_triple(centre), axes, half, float(rng.uniform(3.0, 12.0)), aperture, matter)


def _side_sheet(rng: np.random.Generator, main: PatchCrack) -> PatchCrack:
    """Half an ellipse that stands on the inner part of a sheet and leads away from it, and inwards."""
    s, t = rng.uniform(-0.3, 0.3), rng.uniform(0.15, 0.55)
    point = _surface_point(main, s, t)
    along, inwards, normal = main.axes
    slope = 2.0 * main.bend_um * s / main.half_lengths_um[0]
    tangent, normal = along + slope * normal, normal - slope * along
    tangent, normal = tangent / np.linalg.norm(tangent), normal / np.linalg.norm(normal)
    rotation = rng.uniform(-np.pi / 3.0, np.pi / 3.0)
    line = np.cos(rotation) * tangent + np.sin(rotation) * inwards
    onwards = -np.sin(rotation) * tangent + np.cos(rotation) * inwards
    angle = np.deg2rad(rng.uniform(30.0, 90.0))
    away = np.cos(angle) * onwards + np.sin(angle) * normal * (1.0 if rng.random() < 0.5 else -1.0)
    half = (float(rng.uniform(45.0, 80.0)), float(rng.uniform(75.0, 130.0)))
    axes = np.stack([line, away, np.cross(line, away)])
    aperture = main.aperture_um * float(rng.uniform(0.8, 1.0))
    # It begins a little behind the main sheet's middle surface, which is bent, so that no gap is left.
    return PatchCrack(_triple(point), axes, half, 0.0, aperture, main.matter, begin=-0.05)


def _network(
    rng: np.random.Generator, root: Floats, side: Side, aperture: float, matter: PatchMatter
) -> tuple[PatchCrack, ...]:
    """Small sheets, each of which begins on an earlier one."""
    region = rng.uniform(70.0, 85.0)
    middle = root - np.array([0.0, 0.0, side * rng.uniform(0.6, 0.9) * region])
    patches: list[PatchCrack] = []
    n = int(rng.integers(12, 31))
    while len(patches) < n:
        centre = middle + rng.uniform(-0.3, 0.3, 3) * region
        if patches:
            r, angle = 0.8 * np.sqrt(rng.random()), rng.uniform(0.0, 2.0 * np.pi)
            earlier = patches[int(rng.integers(len(patches)))]
            centre = _surface_point(earlier, r * np.cos(angle), r * np.sin(angle))
            if np.linalg.norm(centre - middle) > region:
                continue
        axes = Rotation.random(None, rng).as_matrix()
        half = (float(rng.uniform(25.0, 50.0)), float(rng.uniform(25.0, 50.0)))
        width = aperture * float(rng.uniform(0.8, 1.0))
        patches.append(PatchCrack(_triple(centre), axes, half, float(rng.uniform(0.0, 4.0)), width, matter))
    return tuple(patches)


def _surface_point(patch: PatchCrack, s: float, t: float) -> Floats:
    """Point of a patch's middle surface, given as fractions of its semi-axes."""
    own = np.array([s * patch.half_lengths_um[0], t * patch.half_lengths_um[1], patch.bend_um * s * s])
    point: Floats = np.asarray(patch.centre_um) + own @ patch.axes
    return point


def _triple(point: Floats) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
