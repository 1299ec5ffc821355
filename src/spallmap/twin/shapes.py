"""Draws a cell at random: no two seeds share a radius, a pore, an outline or a crack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from spallmap.twin.geometry import (
    Casing,
    CellGeometry,
    Electrode,
    Floats,
    Hollows,
    Outline,
    PatchCrack,
    Side,
    SpallCrack,
    Waves,
)

Kind = Literal["dendrite", "control"]

# Cosines of a wavy surface: enough that it does not repeat within the cell.
N_WAVES = 18

# Voxel size of the tomograms that the apertures are drawn for.
TYPICAL_VOXEL_UM = 4.66


@dataclass(frozen=True)
class CellStates:
    """One cell before and after its short circuit.

    Parameters
    ----------
    pristine, shorted : CellGeometry
        The same ceramic, pores and casing; the electrodes have been pressed and moved between the two, and
        the cracks are in the second alone.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell
    >>> states = draw_cell(np.random.default_rng(7))
    >>> states.pristine.rim is states.shorted.rim
    True
    """

    pristine: CellGeometry
    shorted: CellGeometry


def draw_cell(
    rng: np.random.Generator,
    *,
    kind: Kind = "dendrite",
    decoy: bool = True,
    aperture_um: float | None = None,
    width: float = 1.0,
) -> CellStates:
    """Draw a cell.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides everything; the same numbers are drawn whatever the other arguments say, so that a control is
        the same cell without its cracks.
    kind : {"dendrite", "control"}
        A control has neither crack nor dendrite nor decoy.
    decoy : bool
        Whether there is a second crack, far from the first and without sodium.
    aperture_um : float, optional
        Typical aperture of the crack instead of a random one between a half and two and a half voxels.
    width : float
        Radius of ceramic, electrodes and casing over that of a usual cell, for tomograms of fewer voxels. The
        thickness and the crack stay; there are fewer pores and voids, of the usual density.

    Returns
    -------
    CellStates
        The two states.

    Examples
    --------
    >>> import numpy as np
    >>> states = draw_cell(np.random.default_rng(7))
    >>> states.pristine.crack, states.shorted.crack.shape
    (None, 'cone')
    >>> draw_cell(np.random.default_rng(7), kind="control").shorted.decoy is None
    True
    """
    radius = width * rng.uniform(485.0, 545.0)
    half = rng.uniform(165.0, 200.0)
    rim = Outline((0.0, 0.0), radius, _harmonics(rng, 5, 0.002))
    top = _waves(rng, half, 1.6, (40.0, 400.0), slope=0.003)
    bottom = _waves(rng, -half, 1.6, (40.0, 400.0), slope=0.003)
    electrodes = (_electrode(rng, -1, radius, half), _electrode(rng, 1, radius, half))
    pores = _first(width**2, _pores(rng, radius, half))
    inner = radius + rng.uniform(55.0, 85.0)
    outer = min(inner + rng.uniform(50.0, 75.0), 690.0)
    casing = Casing(inner, outer, rng.uniform(0.0, 360.0), rng.uniform(35.0, 90.0))
    crack = _crack(rng, electrodes, half, aperture_um)
    far_crack = _decoy(rng, crack, radius, half)
    site = (*crack.rim.centre_um, crack.side * half)
    n_voids = (rng.integers(30, 60), rng.integers(60, 110))
    voids = [_first(width**2, _voids(rng, electrodes, half, int(n))) for n in n_voids]
    before = tuple(_moved(rng, e) for e in electrodes)
    shorted = CellGeometry(
        rim,
        top,
        bottom,
        electrodes,
        casing,
        _joined(pores, voids[1]),
        crack,
        (far_crack,) if decoy else (),
        site,
    )
    pristine = replace(
        shorted.without_cracks(), electrodes=(before[0], before[1]), hollows=_joined(pores, voids[0])
    )
    return CellStates(pristine, shorted if kind == "dendrite" else shorted.without_cracks())


def _harmonics(rng: np.random.Generator, n: int, size: float) -> Floats:
    orders = np.arange(2, 2 + n)
    return rng.normal(size=(n, 2)) * (size * 2.0 / orders)[:, None]


def _waves(
    rng: np.random.Generator,
    offset: float,
    rms: float,
    lengths_um: tuple[float, float],
    slope: float = 0.0,
) -> Waves:
    """Cosines of random direction, long ones stronger, with a given root mean square."""
    length = np.exp(rng.uniform(np.log(lengths_um[0]), np.log(lengths_um[1]), N_WAVES))
    angle = rng.uniform(0.0, 2.0 * np.pi, N_WAVES)
    amplitude = np.sqrt(length) * rng.uniform(0.5, 1.0, N_WAVES)
    amplitude *= rms / np.sqrt(0.5 * np.sum(amplitude**2))
    k = 2.0 * np.pi / length
    phase = rng.uniform(0.0, 2.0 * np.pi, N_WAVES)
    tilt = rng.normal(0.0, 1.0, 2) * slope
    terms = np.column_stack([amplitude, k * np.cos(angle), k * np.sin(angle), phase])
    return Waves(offset, (float(tilt[0]), float(tilt[1])), terms)


def _electrode(rng: np.random.Generator, side: Side, radius: float, half: float) -> Electrode:
    mean = radius * rng.uniform(0.70, 0.84)
    centre = rng.uniform(-0.06, 0.06, 2) * radius
    outline = Outline((float(centre[0]), float(centre[1])), mean, _harmonics(rng, 4, 0.022))
    thickness = rng.uniform(115.0, 155.0)
    outer = _waves(rng, side * (half + thickness), 5.0, (150.0, 700.0), slope=0.012)
    t2_ms = _waves(rng, rng.uniform(6.6, 8.2), rng.uniform(0.4, 0.9), (150.0, 900.0))
    return Electrode(outline, outer, t2_ms)


def _moved(rng: np.random.Generator, electrode: Electrode) -> Electrode:
    """Return the electrode as it was before cycling: elsewhere, rotated, thicker, of its own T2."""
    outline = electrode.outline
    shift = rng.normal(0.0, 8.0, 2)
    rotation = np.deg2rad(rng.normal(0.0, 3.0))
    orders = np.arange(2, 2 + len(outline.harmonics))
    c, s = np.cos(orders * rotation), np.sin(orders * rotation)
    a, b = outline.harmonics.T
    harmonics = np.column_stack([c * a - s * b, s * a + c * b])
    centre = (outline.centre_um[0] + float(shift[0]), outline.centre_um[1] + float(shift[1]))
    pressed = np.sign(electrode.outer.offset) * rng.uniform(2.0, 12.0)
    outer = replace(electrode.outer, offset=float(electrode.outer.offset + pressed))
    t2_ms = _waves(rng, rng.uniform(6.8, 7.8), rng.uniform(0.25, 0.5), (150.0, 900.0))
    return Electrode(Outline(centre, outline.radius_um * rng.uniform(0.98, 1.0), harmonics), outer, t2_ms)


def _joined(*parts: Hollows) -> Hollows:
    return Hollows(
        np.concatenate([p.centres_um for p in parts]),
        np.concatenate([p.semi_axes_um for p in parts]),
        np.concatenate([p.axes for p in parts]),
        np.concatenate([p.in_sodium for p in parts]),
    )


def _first(fraction: float, hollows: Hollows) -> Hollows:
    n = round(fraction * len(hollows.centres_um))
    return Hollows(hollows.centres_um[:n], hollows.semi_axes_um[:n], hollows.axes[:n], hollows.in_sodium[:n])


def _disc_points(rng: np.random.Generator, n: int, radius: float) -> Floats:
    r = radius * np.sqrt(rng.uniform(0.0, 1.0, n))
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)])


def _pores(rng: np.random.Generator, radius: float, half: float) -> Hollows:
    n = int(rng.integers(350, 900))
    size = np.clip(np.exp(rng.normal(np.log(rng.uniform(5.5, 8.0)), 0.5, n)), 2.0, 24.0)
    semi_axes = size[:, None] * rng.uniform(0.75, 1.25, (n, 3))
    xy = _disc_points(rng, n, 0.99 * radius)
    z = rng.uniform(-half, half, n)
    axes = Rotation.random(n, rng).as_matrix()
    return Hollows(np.column_stack([xy, z]), semi_axes, axes, np.zeros(n, dtype=np.bool_))


def _voids(rng: np.random.Generator, electrodes: tuple[Electrode, Electrode], half: float, n: int) -> Hollows:
    """Flat lenses of gas on the ceramic's faces."""
    which = rng.integers(0, 2, n)
    xy = np.concatenate([_disc_points(rng, 1, 0.95 * electrodes[e].outline.radius_um) for e in which])
    xy += np.array([electrodes[e].outline.centre_um for e in which])
    width = np.clip(np.exp(rng.normal(np.log(24.0), 0.4, n)), 8.0, 60.0)
    semi_axes = np.column_stack([width, width * rng.uniform(0.6, 1.2, n), rng.uniform(7.0, 16.0, n)])
    rotated = Rotation.from_euler("z", rng.uniform(0.0, 360.0, (n, 1)), degrees=True)
    z = np.where(which == 1, half, -half)
    return Hollows(np.column_stack([xy, z]), semi_axes, rotated.as_matrix(), np.ones(n, dtype=np.bool_))


def _crack(
    rng: np.random.Generator,
    electrodes: tuple[Electrode, Electrode],
    half: float,
    aperture_um: float | None,
) -> SpallCrack:
    side: Side = 1 if rng.random() < 0.5 else -1
    outline = electrodes[(side + 1) // 2].outline
    rim_radius = rng.uniform(135.0, 205.0)
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    # Near the edge: the crack's rim comes within some tens of micrometres of the electrode's, either way.
    out = float(outline.radius_at(np.array(azimuth))) - rim_radius + rng.uniform(-50.0, 25.0)
    centre = (
        outline.centre_um[0] + out * float(np.cos(azimuth)),
        outline.centre_um[1] + out * float(np.sin(azimuth)),
    )
    depth = min(rim_radius * rng.uniform(0.55, 0.85), 0.45 * half * 2.0)
    drawn = TYPICAL_VOXEL_UM * float(np.exp(rng.uniform(np.log(0.75), np.log(1.7))))
    typical = drawn if aperture_um is None else aperture_um
    limits = (0.5 * TYPICAL_VOXEL_UM, 2.5 * TYPICAL_VOXEL_UM)
    if aperture_um is not None:
        limits = (0.5 * aperture_um, 2.0 * aperture_um)
    direction = azimuth + rng.normal(0.0, 0.8)
    slope = (-float(np.cos(direction)), -float(np.sin(direction)))
    start = rng.uniform(-0.40, 0.05) * rim_radius
    edge = _waves(rng, start - slope[0] * centre[0] - slope[1] * centre[1], 9.0, (50.0, 200.0))
    return SpallCrack(
        side=side,
        shape="bowl" if rng.random() < 0.5 else "cone",
        rim=Outline(centre, rim_radius, _harmonics(rng, 4, 0.05)),
        depth_um=depth,
        tip=rng.uniform(0.15, 0.35),
        waviness_um=_waves(rng, 0.0, 1.5, (45.0, 200.0)),
        aperture_um=typical,
        aperture_log=_waves(rng, 0.0, 0.30, (60.0, 350.0)),
        aperture_limits_um=limits,
        sodium_edge_um=replace(edge, slope=slope),
    )


def _decoy(rng: np.random.Generator, crack: SpallCrack, radius: float, half: float) -> PatchCrack:
    """Draw a steep sheet on the other side of the stack's axis, from a face into the ceramic."""
    away = np.arctan2(crack.rim.centre_um[1], crack.rim.centre_um[0]) + np.pi + rng.uniform(-0.7, 0.7)
    distance = rng.uniform(0.25, 0.6) * radius
    lengths = (rng.uniform(70.0, 110.0), rng.uniform(60.0, 90.0))
    side = 1.0 if rng.random() < 0.5 else -1.0
    height = side * (half - rng.uniform(0.3, 0.8) * lengths[1])
    steep = np.deg2rad(rng.uniform(55.0, 85.0))
    strike = rng.uniform(0.0, 2.0 * np.pi)
    along = np.array([np.cos(strike), np.sin(strike), 0.0])
    across = np.array([-np.sin(strike), np.cos(strike), 0.0])
    dip = np.cos(steep) * across + np.array([0.0, 0.0, np.sin(steep)])
    axes = np.stack([along, dip, np.cross(along, dip)])
    centre = (distance * float(np.cos(away)), distance * float(np.sin(away)), float(height))
    aperture = TYPICAL_VOXEL_UM * rng.uniform(1.0, 1.7)
    return PatchCrack(centre, axes, lengths, float(rng.uniform(5.0, 20.0)), aperture)
