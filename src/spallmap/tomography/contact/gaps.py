"""The height of gas between ceramic and sodium, fitted column by column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, read_padded, tiles
from spallmap.tomography.blockwise.gaussian import reach, smoothed
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY, MIDDLE_GREY
from spallmap.tomography.phases.faces import COLUMN_TILE, IN_PLANE_SMOOTHING
from spallmap.tomography.phases.topology import SODIUM_REACH_UM

# Gas is put into a column only where it lowers the squared misfit by this many variances of the noise.
MIN_GAIN = 12.0
# Blurs that are tried, standard deviations in voxels; scans have 0.6 to 1.2.
BLURS = tuple(0.5 + 0.1 * k for k in range(11))
# Columns that decide on the blur.
SAMPLE_COLUMNS = 3000
# How far into the ceramic a column's fit begins.
INSIDE_VOXELS = 5
# A column with less sodium than this within reach is beyond the electrode.
MIN_SODIUM_VOXELS = 2.0


@dataclass(frozen=True)
class Columns:
    """Columns of grey that run from the ceramic outwards through one face.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    height : ndarray, shape (ny, nx)
        The face in slices, NaN where there is none.
    top : bool
        Whether it is the face at larger z.
    sodium : float
        Grey of sodium.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    """

    grey: Sliceable
    height: NDArray[np.float32]
    top: bool
    sodium: float
    spacing_um: Sequence[float]

    @property
    def reach(self) -> int:
        """Voxels beyond the face that are looked at."""
        return max(6, round(SODIUM_REACH_UM / self.spacing_um[0]))

    def read(self, region: Region) -> tuple[NDArray[np.float32], NDArray[np.float64]] | None:
        """Read a tile of columns, directed outwards and smoothed in the plane.

        Parameters
        ----------
        region : tuple of slice
            Its rows and columns; the first slice does not matter.

        Returns
        -------
        tuple of ndarray or None
            The columns, shape (n, ny, nx), and where the face lies in them, shape (ny, nx). None where there
            is no face.
        """
        _, y, x = region
        height = self.height[y, x].astype(np.float64)
        known = np.isfinite(height)
        if not known.any():
            return None
        low, high = float(height[known].min()), float(height[known].max())
        inwards, outwards = INSIDE_VOXELS + 3, self.reach + 3
        first = max(0, math.floor(low) - (inwards if self.top else outwards))
        last = min(self.grey.shape[0], math.ceil(high) + (outwards if self.top else inwards) + 1)
        halo = reach(IN_PLANE_SMOOTHING)
        padded = read_padded(self.grey, (slice(first, last), y, x), halo)[halo:-halo]
        columns = smoothed(padded, IN_PLANE_SMOOTHING, 0.0)
        if self.top:
            return columns, height - first
        return np.ascontiguousarray(columns[::-1]), last - 1 - height


def column_tiles(shape: tuple[int, ...]) -> list[Region]:
    """Cut a face into tiles of columns.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    list of tuple of slice
        With one slice in front.
    """
    return tiles((slice(0, 1), slice(0, shape[0]), slice(0, shape[1])), (1, COLUMN_TILE, COLUMN_TILE))


def blur_and_noise(sides: list[Columns]) -> tuple[float, float]:
    """Find the blur that leaves the least of the grey unexplained, and the variance that it leaves.

    Parameters
    ----------
    sides : list of Columns
        The faces.

    Returns
    -------
    blur, variance : float
        Standard deviation in voxels, and squared grey.
    """
    misfits: list[list[NDArray[np.float64]]] = [[] for _ in BLURS]
    for side in sides:
        # The tiles in the middle of the face are full of columns.
        blocks = sorted(
            column_tiles(side.height.shape), key=lambda b: -int(np.isfinite(side.height[b[1:]]).sum())
        )
        for read in (side.read(region) for region in blocks[:2]):
            if read is None:
                continue
            columns, face = read
            step = max(1, int(np.ceil(np.sqrt(face.size / SAMPLE_COLUMNS))))
            few, at = np.ascontiguousarray(columns[:, ::step, ::step]), face[::step, ::step].copy()
            for k, blur in enumerate(BLURS):
                gap, sodium, left, gain = np.zeros((4, *at.shape))
                fit_gaps(few, at, side.reach, side.sodium, blur, 0.0, gap, sodium, left, gain)
                misfits[k].append(left[sodium > MIN_SODIUM_VOXELS])
    typical = [float(np.median(np.concatenate(m))) if sum(map(len, m)) else np.inf for m in misfits]
    best = int(np.argmin(typical))
    return BLURS[best], (typical[best] if np.isfinite(typical[best]) else 0.0)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fit_gaps(
    columns: NDArray[np.float32],
    face: NDArray[np.float64],
    reach_voxels: int,
    sodium_grey: float,
    blur: float,
    noise_variance: float,
    gap: NDArray[np.float64],
    sodium: NDArray[np.float64],
    left: NDArray[np.float64],
    gain: NDArray[np.float64],
) -> None:
    """Fit gas between ceramic and sodium.

    Parameters
    ----------
    columns : ndarray of float32, shape (n, ny, nx)
        Grey from the ceramic outwards.
    face : ndarray, shape (ny, nx)
        Where the face lies in them.
    reach_voxels : int
        How far beyond the face to look.
    sodium_grey, blur, noise_variance : float
        Grey of sodium, the blur in voxels, and the variance of the noise.
    gap, sodium, left, gain : ndarray, shape (ny, nx)
        Written: the gap and the sodium in reach in voxels, the misfit per voxel, and how much gas lowers it.
    """
    nz, ny, nx = columns.shape
    lift = sodium_grey - AIR_GREY
    for j in range(ny):
        for i in range(nx):
            start = face[j, i]
            if not math.isfinite(start):
                continue
            first = max(0, math.ceil(start) - INSIDE_VOXELS)
            last = min(nz, math.floor(start) + reach_voxels + 1)
            ceramic, n = 0.0, 0
            for k in range(first, last):
                v = columns[k, j, i]
                if k < start - 1.8 and v > MIDDLE_GREY:
                    ceramic += v
                    n += 1
                if k > start + 1.5:
                    sodium[j, i] += min(max((v - AIR_GREY) / lift, 0.0), 1.5)
            ceramic = ceramic / n if n > 0 else CERAMIC_GREY
            # The dark run begins at the face; its length is where the fit starts from.
            dark = 0.0
            k = math.ceil(start + 1.2)
            while k < last and columns[k, j, i] < AIR_GREY + 0.5 * lift:
                dark += 1.0
                k += 1
            length = dark + 1.5 if dark > 0.0 else 0.5
            end = min(last, math.ceil(start + length + 5.0))
            column = columns[first:end, j, i]
            _, _, plain = _solve(column, start - first, 0.0, False, ceramic, lift, blur, reach_voxels)
            _, found, total = _solve(column, start - first, length, True, ceramic, lift, blur, reach_voxels)
            left[j, i] = min(plain, total) / (end - first)
            gain[j, i] = plain - total
            if plain - total > MIN_GAIN * noise_variance:
                gap[j, i] = found


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _solve(
    column: NDArray[np.float32],
    start: float,
    length: float,
    free: bool,
    ceramic: float,
    lift: float,
    blur: float,
    longest: int,
) -> tuple[float, float, float]:
    """Height of the face, of the gap, and the squared misfit, with the gap free or fixed."""
    root = math.sqrt(2.0) * blur
    norm = 1.0 / (math.sqrt(2.0 * math.pi) * blur)
    h = start
    total = 0.0
    for step in range(9):
        a11, a12, a22, b1, b2, total = 1e-9, 0.0, 1e-9, 0.0, 0.0, 0.0
        for k in range(len(column)):
            t, u = k - h, k - h - length
            q = 0.5 * math.erfc(t / root)
            p = 0.5 * math.erfc(u / root)
            r = column[k] - (AIR_GREY + (ceramic - AIR_GREY) * q + lift * (1.0 - p))
            # A crack under the face, or pores in the sodium, must not pull.
            w = 1.0 / (1.0 + (r / lift) ** 2)
            du = -lift * norm * math.exp(-0.5 * (u / blur) ** 2)
            dh = (ceramic - AIR_GREY) * norm * math.exp(-0.5 * (t / blur) ** 2) + du
            a11 += w * dh * dh
            a12 += w * dh * du
            a22 += w * du * du
            b1 += w * dh * r
            b2 += w * du * r
            total += w * r * r
        if step == 8:
            break
        # A weak pull to where it is keeps a gap without an end from running away.
        a22 += 0.02 * lift * lift * norm * norm
        det = a11 * a22 - a12 * a12
        if free and det > 0.0:
            move_h = (b1 * a22 - b2 * a12) / det
            move = (b2 * a11 - b1 * a12) / det
        else:
            move_h, move = b1 / a11, 0.0
        h += min(max(move_h, -0.5), 0.5)
        length = min(max(length + min(max(move, -1.0), 1.0), 0.0), float(longest))
        if abs(h - start) > 1.5:
            h = start
    return h, length, total
