"""The geometry laid out in one array, which compiled code reads much faster than many small ones.

The array starts with a directory: the entries named here hold where a body's record begins. Records:

- outline: centre x and y, radius, number of harmonics, then cosine and sine coefficient of each;
- waves: offset, two slopes, largest deviation from the plane, number of terms, then four numbers of each;
- casing: inner and outer radius, cosine and sine of the slot's azimuth, half the slot's width;
- hollows: lowest corner of the buckets (3), number of buckets along x, y and z (3), where the list of starts,
  the list of members and the table of hollows begin (3); a hollow: centre, semi-axes, axes, 1 for a void;
- crack: see `CRACK_*`; absent ones have no record;
- patches: their number, centre and radius of a sphere around all of them and the largest steepness, then
  `PATCH_SIZE` numbers of each:
  centre, axes, two half lengths, bend, aperture, `PATCH_REACH`, `PATCH_STEEPNESS`, `PATCH_MATTER`,
  `PATCH_BEGIN`; none, no record;
- stack: radius and half height of an upright cylinder that holds ceramic and electrodes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spallmap.twin.geometry import (
    CellGeometry,
    Floats,
    Hollows,
    Outline,
    PatchCrack,
    PatchMatter,
    SpallCrack,
    Waves,
)

RIM = 0
FACE = 1  # and 2: bottom, top
ELECTRODE_OUTLINE = 3  # and 4
ELECTRODE_OUTER = 5  # and 6
ELECTRODE_T2 = 7  # and 8
CASING = 9
HOLLOWS = 10
CRACK = 11
PATCHES = 12
STACK = 13
DIRECTORY_SIZE = 14

CRACK_RIM, CRACK_WAVINESS, CRACK_APERTURE, CRACK_EDGE, CRACK_FACE = range(5)
CRACK_DEPTH, CRACK_IS_CONE, CRACK_TIP, CRACK_SIDE, CRACK_THINNEST, CRACK_WIDEST = range(5, 11)

# Numbers before the first patch, and numbers of each.
PATCH_HEAD = 6
PATCH_SIZE = 20
# Distance of a patch's farthest point from its middle.
PATCH_REACH = 16
# How much thicker it is along its normal where it is steepest.
PATCH_STEEPNESS = 17
# Index of its filling in `PATCH_MATTERS`.
PATCH_MATTER = 18
# Where it begins.
PATCH_BEGIN = 19

PATCH_MATTERS: tuple[PatchMatter, ...] = ("empty_crack", "sodium_crack", "decoy")

# Numbers that describe one hollow.
HOLLOW_SIZE = 16

# Edge of the cubes that list the hollows near them; about the distance between pores.
BUCKET_UM = 50.0

# Distances to hollows are exact up to here: three skin depths of sodium.
REACH_UM = 35.0


class _Writer:
    """Appends records and remembers where they begin."""

    def __init__(self) -> None:
        self.numbers: list[float] = [-1.0] * DIRECTORY_SIZE

    def add(self, record: list[float] | Floats | NDArray[np.int64]) -> float:
        start = float(len(self.numbers))
        self.numbers.extend(float(v) for v in record)
        return start

    def outline(self, outline: Outline) -> float:
        n = len(outline.harmonics)
        return self.add([*outline.centre_um, outline.radius_um, n, *outline.harmonics.ravel()])

    def waves(self, waves: Waves) -> float:
        deviation = float(np.abs(waves.terms[:, 0]).sum())
        return self.add([waves.offset, *waves.slope, deviation, len(waves.terms), *waves.terms.ravel()])

    def hollows(self, hollows: Hollows) -> float:
        low, shape, starts, members = _buckets(hollows)
        n = len(hollows.centres_um)
        columns = (
            hollows.centres_um,
            hollows.semi_axes_um,
            hollows.axes.reshape(n, 9),
            hollows.in_sodium[:, None],
        )
        table = np.concatenate([np.asarray(p, dtype=np.float64) for p in columns], axis=1)
        records = [self.add(starts), self.add(members), self.add(table.ravel())]
        return self.add([*low, *shape, *records])

    def crack(self, crack: SpallCrack, face: float) -> float:
        records = [
            self.outline(crack.rim),
            self.waves(crack.waviness_um),
            self.waves(crack.aperture_log),
            self.waves(crack.sodium_edge_um),
            face,
        ]
        cone = 1.0 if crack.shape == "cone" else 0.0
        # The aperture's scale goes into its logarithm's offset.
        self.numbers[int(records[CRACK_APERTURE])] += math.log(crack.aperture_um)
        return self.add([*records, crack.depth_um, cone, crack.tip, crack.side, *crack.aperture_limits_um])

    def patches(self, patches: tuple[PatchCrack, ...]) -> float:
        records = [_patch_record(p) for p in patches]
        centres = np.array([p.centre_um for p in patches])
        middle = centres.mean(axis=0)
        away = np.linalg.norm(centres - middle, axis=1)
        radius = max(float(d) + r[PATCH_REACH] for d, r in zip(away, records, strict=True))
        steepest = max(r[PATCH_STEEPNESS] for r in records)
        return self.add([len(patches), *middle, radius, steepest, *(v for r in records for v in r)])


def _patch_record(patch: PatchCrack) -> list[float]:
    half, bend = patch.half_lengths_um, abs(patch.bend_um)
    steepness = math.hypot(1.0, 2.0 * bend / half[0])
    # The sheet's own middle surface, and half its aperture along the normal at its steepest.
    reach = math.hypot(max(half), bend + 0.5 * patch.aperture_um * steepness)
    return [
        *patch.centre_um,
        *patch.axes.ravel(),
        *half,
        patch.bend_um,
        patch.aperture_um,
        reach,
        steepness,
        float(PATCH_MATTERS.index(patch.matter)),
        patch.begin,
    ]


def _buckets(hollows: Hollows) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """List, cube by cube, which hollows come near it, in compressed rows."""
    if len(hollows.centres_um) == 0:
        return (
            np.zeros(3),
            np.zeros(3, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
            np.zeros(0, dtype=np.int64),
        )
    reach = hollows.semi_axes_um.max(axis=1)[:, None] + REACH_UM
    low = (hollows.centres_um - reach).min(axis=0)
    first = ((hollows.centres_um - reach - low) // BUCKET_UM).astype(np.int64)
    last = ((hollows.centres_um + reach - low) // BUCKET_UM).astype(np.int64)
    shape = last.max(axis=0) + 1
    buckets, members = [], []
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        grid = np.meshgrid(*(np.arange(p, q + 1) for p, q in zip(a, b, strict=True)), indexing="ij")
        inside = np.ravel_multi_index([g.ravel() for g in grid], tuple(shape))
        buckets.append(inside)
        members.append(np.full(len(inside), i))
    flat, owner = np.concatenate(buckets), np.concatenate(members)
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(int(np.prod(shape)) + 1))
    return low, shape, starts.astype(np.int64), owner[order].astype(np.int64)


def _bounds(geometry: CellGeometry) -> list[float]:
    """Radius and half height of a cylinder around ceramic and electrodes."""
    outlines = [geometry.rim, *(e.outline for e in geometry.electrodes)]
    radius = max(
        math.hypot(*o.centre_um) + o.radius_um * (1.0 + float(np.abs(o.harmonics).sum())) for o in outlines
    )
    heights = [
        abs(e.outer.offset) + math.hypot(*e.outer.slope) * radius + float(np.abs(e.outer.terms[:, 0]).sum())
        for e in geometry.electrodes
    ]
    return [radius, max(heights)]


def lay_out(geometry: CellGeometry) -> Floats:
    """Lay a geometry out for the compiled functions.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.

    Returns
    -------
    ndarray, shape (n,)
        Directory and records.
    """
    w = _Writer()
    directory = {RIM: w.outline(geometry.rim)}
    for e, (face, electrode) in enumerate(
        zip((geometry.bottom, geometry.top), geometry.electrodes, strict=True)
    ):
        directory[FACE + e] = w.waves(face)
        directory[ELECTRODE_OUTLINE + e] = w.outline(electrode.outline)
        directory[ELECTRODE_OUTER + e] = w.waves(electrode.outer)
        directory[ELECTRODE_T2 + e] = w.waves(electrode.t2_ms)
    ring = geometry.casing
    slot = math.radians(ring.slot_azimuth_deg)
    directory[CASING] = w.add(
        [ring.inner_um, ring.outer_um, math.cos(slot), math.sin(slot), ring.slot_width_um / 2.0]
    )
    directory[HOLLOWS] = w.hollows(geometry.hollows)
    if geometry.crack is not None:
        directory[CRACK] = w.crack(geometry.crack, directory[FACE + (geometry.crack.side + 1) // 2])
    if geometry.patches:
        directory[PATCHES] = w.patches(geometry.patches)
    directory[STACK] = w.add(_bounds(geometry))
    for entry, start in directory.items():
        w.numbers[entry] = start
    return np.array(w.numbers)
