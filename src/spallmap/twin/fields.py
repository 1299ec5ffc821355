"""Compiled functions of a point: how far it lies from each body of the cell.

A distance is negative inside a body. It is exact next to a surface up to the surface's small slopes, which is
where it is used: a boundary that crosses a sample of width w covers ``clip(1/2 - distance / w, 0, 1)`` of it.
The cell is the array `tape` of `spallmap.twin.tape`; `at` is where a record begins.
"""

from __future__ import annotations

import math

from spallmap.twin._compiled import compiled
from spallmap.twin.geometry import Floats
from spallmap.twin.tape import (
    BUCKET_UM,
    CASING,
    CRACK,
    CRACK_APERTURE,
    CRACK_DEPTH,
    CRACK_EDGE,
    CRACK_FACE,
    CRACK_IS_CONE,
    CRACK_RIM,
    CRACK_SIDE,
    CRACK_THINNEST,
    CRACK_TIP,
    CRACK_WAVINESS,
    CRACK_WIDEST,
    ELECTRODE_OUTER,
    ELECTRODE_OUTLINE,
    FACE,
    HOLLOW_SIZE,
    HOLLOWS,
    PATCH_BEGIN,
    PATCH_HEAD,
    PATCH_MATTER,
    PATCH_REACH,
    PATCH_SIZE,
    PATCH_STEEPNESS,
    PATCHES,
    RIM,
)

# Stands for a distance that is too large to matter.
FAR_UM = 1.0e6

# Step of the difference quotient for a crack's slope; far below its shortest wave.
GRADIENT_STEP_UM = 0.05

# Bound of a crack's slope inside its rim, over depth by radius: 2 for a bowl, half again for dents.
STEEPEST = 3.0


@compiled
def covered(distance: float, width: float) -> float:
    """Fraction of a sample of some width that lies inside a flat boundary."""
    return min(1.0, max(0.0, 0.5 - distance / width))


@compiled
def _plane_at(x: float, y: float, tape: Floats, at: int) -> float:
    """Value of a wave record without its cosines."""
    return float(tape[at] + tape[at + 1] * x + tape[at + 2] * y)


@compiled
def waves_at(x: float, y: float, tape: Floats, at: int) -> float:
    """Value of a wave record."""
    total = _plane_at(x, y, tape, at)
    for i in range(int(tape[at + 4])):
        j = at + 5 + 4 * i
        total += tape[j] * math.cos(tape[j + 1] * x + tape[j + 2] * y + tape[j + 3])
    return total


@compiled
def _waves_and_slope(x: float, y: float, tape: Floats, at: int) -> tuple[float, float, float]:
    """Value of a wave record and its slopes along x and y."""
    total, slope_x, slope_y = _plane_at(x, y, tape, at), tape[at + 1], tape[at + 2]
    for i in range(int(tape[at + 4])):
        j = at + 5 + 4 * i
        phase = tape[j + 1] * x + tape[j + 2] * y + tape[j + 3]
        total += tape[j] * math.cos(phase)
        steepness = tape[j] * math.sin(phase)
        slope_x -= steepness * tape[j + 1]
        slope_y -= steepness * tape[j + 2]
    return total, slope_x, slope_y


@compiled
def _radius_at(dx: float, dy: float, r: float, tape: Floats, at: int) -> float:
    """Radius of an outline in the direction of (dx, dy), which has the length r."""
    c, s = dx / r, dy / r
    ck, sk = c * c - s * s, 2.0 * c * s
    relative = 1.0
    for k in range(int(tape[at + 3])):
        relative += tape[at + 4 + 2 * k] * ck + tape[at + 5 + 2 * k] * sk
        ck, sk = ck * c - sk * s, sk * c + ck * s
    return float(tape[at + 2] * relative)


@compiled
def _outline_distance(x: float, y: float, tape: Floats, at: int) -> float:
    """Distance from an upright wall whose plan is an outline."""
    dx, dy = x - tape[at], y - tape[at + 1]
    r = math.sqrt(dx * dx + dy * dy)
    # No outline leaves its circle by more than a quarter of the radius: far from it the circle will do.
    if abs(r - tape[at + 2]) > 0.25 * tape[at + 2]:
        return float(r - tape[at + 2])
    return r - _radius_at(dx, dy, r, tape, at)


@compiled
def _height_above(x: float, y: float, z: float, near: float, tape: Floats, at: int) -> float:
    """Height over a wavy face; its waves are left out farther away than they and `near` reach."""
    height = z - _plane_at(x, y, tape, at)
    if abs(height) > tape[at + 3] + near:
        return height
    return z - waves_at(x, y, tape, at)


@compiled
def ceramic_walls(x: float, y: float, z: float, near: float, tape: Floats) -> tuple[float, float, float]:
    """Distances from the ceramic's rim, its bottom face and its top face."""
    side = _outline_distance(x, y, tape, int(tape[RIM]))
    below = -_height_above(x, y, z, near, tape, int(tape[FACE]))
    above = _height_above(x, y, z, near, tape, int(tape[FACE + 1]))
    return side, below, above


@compiled
def electrode_walls(
    x: float, y: float, z: float, e: int, near: float, tape: Floats
) -> tuple[float, float, float]:
    """Distances from electrode e's rim, its face on the ceramic and its outer face (0 bottom, 1 top)."""
    sign = 2.0 * e - 1.0
    side = _outline_distance(x, y, tape, int(tape[ELECTRODE_OUTLINE + e]))
    inner = -sign * _height_above(x, y, z, near, tape, int(tape[FACE + e]))
    outer = sign * _height_above(x, y, z, near, tape, int(tape[ELECTRODE_OUTER + e]))
    return side, inner, outer


@compiled
def casing_covered(x: float, y: float, width: float, tape: Floats) -> float:
    """Fraction of a sample that the casing fills."""
    at = int(tape[CASING])
    r = math.sqrt(x * x + y * y)
    ring = covered(max(tape[at] - r, r - tape[at + 1]), width)
    if ring == 0.0 or x * tape[at + 2] + y * tape[at + 3] < 0.0:
        return ring
    across = abs(x * tape[at + 3] - y * tape[at + 2]) - tape[at + 4]
    return ring * (1.0 - covered(across, width))


@compiled
def hollow_distances(x: float, y: float, z: float, tape: Floats) -> tuple[float, float]:
    """Distances from the nearest pore and the nearest void; far where none lies within reach."""
    pore, void = FAR_UM, FAR_UM
    at = int(tape[HOLLOWS])
    ix = math.floor((x - tape[at]) / BUCKET_UM)
    iy = math.floor((y - tape[at + 1]) / BUCKET_UM)
    iz = math.floor((z - tape[at + 2]) / BUCKET_UM)
    nx, ny, nz = int(tape[at + 3]), int(tape[at + 4]), int(tape[at + 5])
    if ix < 0 or iy < 0 or iz < 0 or ix >= nx or iy >= ny or iz >= nz:
        return pore, void
    first = int(tape[at + 6]) + (ix * ny + iy) * nz + iz
    members, table = int(tape[at + 7]), int(tape[at + 8])
    for j in range(int(tape[first]), int(tape[first + 1])):
        h = table + HOLLOW_SIZE * int(tape[members + j])
        dx, dy, dz = x - tape[h], y - tape[h + 1], z - tape[h + 2]
        level, slope = 0.0, 0.0
        for a in range(3):
            axis = h + 6 + 3 * a
            q = (tape[axis] * dx + tape[axis + 1] * dy + tape[axis + 2] * dz) / tape[h + 3 + a]
            level += q * q
            slope += (q / tape[h + 3 + a]) ** 2
        # First-order distance from an ellipsoid: its level function over the length of its gradient.
        level, slope = math.sqrt(level), math.sqrt(slope)
        if slope > 1e-12:
            distance = level * (level - 1.0) / slope
        else:
            distance = -min(tape[h + 3], tape[h + 4], tape[h + 5])
        if tape[h + 15] > 0.0:
            void = min(void, distance)
        else:
            pore = min(pore, distance)
    return pore, void


@compiled
def _crack_depth(x: float, y: float, tape: Floats, at: int) -> float:
    """Depth of the crack's middle surface under the face, without its waves; negative beyond its rim."""
    rim = int(tape[at + CRACK_RIM])
    dx, dy = x - tape[rim], y - tape[rim + 1]
    r = math.sqrt(dx * dx + dy * dy)
    rho = r / _radius_at(dx, dy, r, tape, rim) if r > 1e-9 else 0.0
    depth = tape[at + CRACK_DEPTH]
    if tape[at + CRACK_IS_CONE] > 0.5:
        tip = tape[at + CRACK_TIP]
        full = math.sqrt(1.0 + tip * tip)
        return float(depth * (full - math.sqrt(rho * rho + tip * tip)) / (full - tip))
    return float(depth * (1.0 - rho * rho))


@compiled
def crack_sheet(x: float, y: float, z: float, near: float, tape: Floats) -> tuple[float, float, float]:
    """Where a point lies about the crack with sodium.

    Parameters
    ----------
    x, y, z : float
        The point, um.
    near : float
        Points farther than this need no exact answer, um.
    tape : ndarray
        The cell.

    Returns
    -------
    tuple of float
        Signed distance from the middle surface, local aperture, and distance from the edge of the sodium
        filling (negative where filled), um.
    """
    at = int(tape[CRACK])
    if at < 0:
        return FAR_UM, 0.0, FAR_UM
    rim = int(tape[at + CRACK_RIM])
    dx, dy = x - tape[rim], y - tape[rim + 1]
    if dx * dx + dy * dy > (1.5 * tape[rim + 2]) ** 2:
        return FAR_UM, 0.0, FAR_UM
    face, waves = int(tape[at + CRACK_FACE]), int(tape[at + CRACK_WAVINESS])
    side = tape[at + CRACK_SIDE]
    rough = z - _plane_at(x, y, tape, face) + side * _crack_depth(x, y, tape, at)
    # Inside its rim a bowl is at most twice depth over radius steep, somewhat more where the rim is dented.
    steepest = math.sqrt(1.0 + (STEEPEST * tape[at + CRACK_DEPTH] / tape[rim + 2]) ** 2)
    if abs(rough) > tape[waves + 3] + (near + tape[at + CRACK_WIDEST]) * steepest:
        return FAR_UM, 0.0, FAR_UM
    h = GRADIENT_STEP_UM
    slope_x = _crack_depth(x + h, y, tape, at) - _crack_depth(x - h, y, tape, at)
    slope_y = _crack_depth(x, y + h, tape, at) - _crack_depth(x, y - h, tape, at)
    wave, wave_x, wave_y = _waves_and_slope(x, y, tape, waves)
    slope_x = tape[face + 1] - side * slope_x / (2.0 * h) + wave_x
    slope_y = tape[face + 2] - side * slope_y / (2.0 * h) + wave_y
    distance = (rough - wave) / math.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    if abs(distance) > near + tape[at + CRACK_WIDEST]:
        return FAR_UM, 0.0, FAR_UM
    aperture = math.exp(waves_at(x, y, tape, int(tape[at + CRACK_APERTURE])))
    aperture = min(tape[at + CRACK_WIDEST], max(tape[at + CRACK_THINNEST], aperture))
    return distance, aperture, waves_at(x, y, tape, int(tape[at + CRACK_EDGE]))


@compiled
def patches_near(x: float, y: float, z: float, near: float, tape: Floats) -> int:
    """Return how many patches to look at: all, or none where the point is farther than `near` from each."""
    at = int(tape[PATCHES])
    if at < 0:
        return 0
    dx, dy, dz = x - tape[at + 1], y - tape[at + 2], z - tape[at + 3]
    reach = tape[at + 4] + near * tape[at + 5]
    return int(tape[at]) if dx * dx + dy * dy + dz * dz <= reach * reach else 0


@compiled
def patch_sheet(x: float, y: float, z: float, near: float, patch: int, tape: Floats) -> tuple[float, float]:
    """Signed distance from a patch's middle surface and its local aperture (0 beyond its rim), um.

    Points that are farther than `near` from the patch may be said to lie beyond its rim.
    """
    d = int(tape[PATCHES]) + PATCH_HEAD + PATCH_SIZE * patch
    dx, dy, dz = x - tape[d], y - tape[d + 1], z - tape[d + 2]
    reach = tape[d + PATCH_REACH] + near * tape[d + PATCH_STEEPNESS]
    if dx * dx + dy * dy + dz * dz > reach * reach:
        return FAR_UM, 0.0
    s = tape[d + 3] * dx + tape[d + 4] * dy + tape[d + 5] * dz
    t = tape[d + 6] * dx + tape[d + 7] * dy + tape[d + 8] * dz
    n = tape[d + 9] * dx + tape[d + 10] * dy + tape[d + 11] * dz
    half, bend = tape[d + 12], tape[d + 14]
    inside = 1.0 - (s / half) ** 2 - (t / tape[d + 13]) ** 2
    if inside <= 0.0 or t < tape[d + PATCH_BEGIN] * tape[d + 13]:
        return FAR_UM, 0.0
    slope = 2.0 * bend * s / half**2
    return (n - bend * (s / half) ** 2) / math.sqrt(1.0 + slope * slope), tape[d + 15] * math.sqrt(inside)


@compiled
def patch_matter(patch: int, tape: Floats) -> int:
    """Return what fills a patch: 0 nothing, 1 sodium, 2 nothing in the decoy; rendering goes by it."""
    return int(tape[int(tape[PATCHES]) + PATCH_HEAD + PATCH_SIZE * patch + PATCH_MATTER])


@compiled
def sheet_covered(distance: float, aperture: float, width: float) -> float:
    """Fraction of a sample that a flat sheet fills; its sum over the samples across it gives the aperture."""
    return covered(distance - aperture / 2.0, width) - covered(distance + aperture / 2.0, width)
