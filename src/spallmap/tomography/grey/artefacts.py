"""Rings and cupping of a tomogram: measured first, taken out only where they exceed the noise.

The model is ``grey = air + brightness(position) * (true - air) + ring(z, radius)``: cupping scales what
stands out from air, rings are added to everything. What is taken out depends on a voxel's position alone, so
that any part of a volume can be corrected by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, map_blocks
from spallmap.tomography.blockwise.coarse import Coarse, slabs
from spallmap.tomography.grey.cupping import Cupping, measure_cupping
from spallmap.tomography.grey.rings import (
    KNOT_SLICES,
    SECTORS,
    PolarSums,
    Rings,
    add_polar,
    find_centre,
    measure_rings,
    n_radii,
)

# Voxels further from the phase's level than this many standard deviations are pores, cracks or edges.
CLIP_SD = 4.0
# The axis of rotation is sought in this many groups of eight slices over the height of the phase.
CENTRE_SLABS = 8
# A phase in fewer slices of the coarse copy says nothing about rings.
MIN_PHASE_SLICES = 2


@dataclass(frozen=True)
class Artefacts:
    """What was measured and what is taken out.

    Parameters
    ----------
    cupping : Cupping or None
        Slow changes of the brightness; None where the phase is too small.
    rings : Rings or None
        Rings; None where the phase is too small.
    """

    cupping: Cupping | None
    rings: Rings | None

    @property
    def any_removed(self) -> bool:
        """Whether anything is taken out."""
        return bool((self.cupping and self.cupping.removed) or (self.rings and self.rings.removed))

    def correct(self, grey: NDArray[np.float32], region: Region, air: float) -> None:
        """Take rings and cupping out of a block, in place.

        Parameters
        ----------
        grey : ndarray of float32
            Grey values of the region in the scan.
        region : tuple of slice
            Where it lies in the volume.
        air : float
            Grey of air.
        """
        z, y, x = (np.arange(s.start, s.stop) for s in region)
        cupping = self.cupping if self.cupping and self.cupping.removed else None
        if self.rings is not None and self.rings.removed:
            index, fraction = self.rings.radius_index(y, x)
            profile = self.rings.at_slices(z)
        else:
            index = np.zeros((len(y), len(x)), dtype=np.int32)
            fraction = np.zeros((len(y), len(x)), dtype=np.float32)
            profile = np.zeros((len(z), 2), dtype=np.float32)
        plane = np.ones((len(y), len(x)), dtype=np.float32) if cupping is None else cupping.in_plane(y, x)
        line = np.zeros(len(z), dtype=np.float32) if cupping is None else cupping.along_z(z)
        _correct(grey, plane, line, index, fraction, profile, np.float32(air))

    def as_json(self) -> dict[str, Any]:
        """Return the measures without the tables.

        Returns
        -------
        dict
            ``cupping`` and ``rings``, each a dictionary or None.
        """
        c, r = self.cupping, self.rings
        return {
            "cupping": None
            if c is None
            else {
                "depth": c.depth,
                "depth_se": c.depth_se,
                "rms": c.rms,
                "wald": c.wald,
                "removed": c.removed,
                "centre_zyx": list(c.centre_zyx),
                "scale": list(c.scale),
                "coefficients": list(c.coefficients),
            },
            "rings": None
            if r is None
            else {
                "centre_yx": list(r.centre_yx),
                "centre_found": r.centre_found,
                "steady_sd": r.steady_sd,
                "drifting_sd": r.drifting_sd,
                "steady_excess": r.steady_excess,
                "drifting_excess": r.drifting_excess,
                "se": r.se,
                "removed": r.removed,
            },
        }


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _correct(
    grey: NDArray[np.float32],
    plane: NDArray[np.float32],
    line: NDArray[np.float32],
    index: NDArray[np.int32],
    fraction: NDArray[np.float32],
    profile: NDArray[np.float32],
    air: np.float32,
) -> None:
    for k in range(grey.shape[0]):
        for j in range(grey.shape[1]):
            for i in range(grey.shape[2]):
                r = index[j, i]
                ring = profile[k, r] + fraction[j, i] * (profile[k, r + 1] - profile[k, r])
                grey[k, j, i] = (grey[k, j, i] - ring - air) / (plane[j, i] + line[k]) + air


def measure_artefacts(
    source: Sliceable,
    coarse: Coarse,
    phase: NDArray[np.bool_],
    air: float,
    level: float,
    noise_sd: float,
    threads: int = 1,
) -> Artefacts:
    """Measure cupping and rings inside a phase.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        The scan.
    coarse : Coarse
        Its coarse copy.
    phase : ndarray of bool
        Inside of a phase in the copy.
    air, level : float
        Grey of air and of the phase.
    noise_sd : float
        Noise of one voxel.
    threads : int
        Number of threads.

    Returns
    -------
    Artefacts
        The measures.
    """
    shape = source.shape
    middle = ((shape[1] - 1) / 2.0, (shape[2] - 1) / 2.0)
    planes = np.flatnonzero(phase.any(axis=(1, 2)))
    if len(planes) < MIN_PHASE_SLICES:
        return Artefacts(None, None)
    centre, found = middle, False
    cupping = measure_cupping(coarse.values, phase, coarse.factor, middle, air, level)
    inside = _Inside(source, coarse, phase, cupping, air, level, CLIP_SD * noise_sd)
    fz = coarse.factor[0]
    first, last = int(planes[0]) * fz, (int(planes[-1]) + 1) * fz
    total, count = np.zeros((2, *shape[1:]))
    for start in np.unique(np.linspace(first, max(first, last - KNOT_SLICES), CENTRE_SLABS).astype(int)):
        residual = inside.residual(int(start), min(int(start) + KNOT_SLICES, last))
        near = np.abs(residual) <= inside.limit
        total += np.where(near, residual, 0.0).sum(axis=0)
        count += near.sum(axis=0)
    centre, found = find_centre(total, count, middle)
    polar = _polar_sums(inside, first, last, centre, threads)
    return Artefacts(cupping, measure_rings(polar, centre, found))


@dataclass(frozen=True)
class _Inside:
    """Grey of a phase beyond its level and its trend."""

    source: Sliceable
    coarse: Coarse
    phase: NDArray[np.bool_]
    cupping: Cupping | None
    air: float
    level: float
    limit: float

    def residual(self, first: int, last: int) -> NDArray[np.float32]:
        """Differences in some slices; NaN outside the phase."""
        _, ny, nx = self.source.shape
        fz, fy, fx = self.coarse.factor
        slab = np.asarray(self.source[slice(first, last), slice(0, ny), slice(0, nx)])
        out = np.full(slab.shape, np.nan, dtype=np.float32)
        y, x, z = np.arange(ny), np.arange(nx), np.arange(first, last)
        if self.cupping is None:
            plane, line = np.ones((ny, nx), dtype=np.float32), np.zeros(len(z), dtype=np.float32)
        else:
            plane, line = self.cupping.in_plane(y, x), self.cupping.along_z(z)
        _, cy, cx = self.phase.shape
        for k in range(len(z)):
            coarse_slice = (first + k) // fz
            if coarse_slice >= len(self.phase):
                continue
            mask = np.repeat(np.repeat(self.phase[coarse_slice], fy, axis=0), fx, axis=1)
            rows, columns = slice(0, cy * fy), slice(0, cx * fx)
            expected = self.air + (self.level - self.air) * (plane[rows, columns] + line[k])
            out[k, rows, columns] = np.where(mask, slab[k, rows, columns] - expected, np.nan)
        return out


def _polar_sums(
    inside: _Inside, first: int, last: int, centre: tuple[float, float], threads: int
) -> PolarSums:
    shape = inside.source.shape
    radii = n_radii(shape, centre)
    n_knots = -(-shape[0] // KNOT_SLICES)
    sums, counts = np.zeros((2, n_knots, SECTORS, radii))
    start = first // KNOT_SLICES * KNOT_SLICES

    def work(region: Region) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        z = region[0]
        own = np.zeros((2, -(-(z.stop - z.start) // KNOT_SLICES), SECTORS, radii))
        for k in range(z.start, z.stop, KNOT_SLICES):
            residual = inside.residual(k, min(k + KNOT_SLICES, z.stop))
            at = slice((k - z.start) // KNOT_SLICES, (k - z.start) // KNOT_SLICES + 1)
            add_polar(residual, k, inside.limit, centre[0], centre[1], own[0, at], own[1, at])
        return z.start // KNOT_SLICES, own[0], own[1]

    for knot, s, c in map_blocks(work, slabs(shape, KNOT_SLICES, start, last), threads):
        sums[knot : knot + len(s)] += s
        counts[knot : knot + len(c)] += c
    return PolarSums(sums, counts)
