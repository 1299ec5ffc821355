"""What lies against the ceramic at its two faces: sodium, gas in voids, or nothing of the electrode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import isotropic_closing

from spallmap.blocks import Region, Sliceable, map_blocks, tiles
from spallmap.tomography.contact.gaps import (
    MIN_SODIUM_VOXELS,
    Columns,
    blur_and_noise,
    column_tiles,
    fit_gaps,
)
from spallmap.tomography.labels import SODIUM
from spallmap.tomography.phases.interfaces import Interfaces
from spallmap.tomography.phases.topology import DEFAULT_SODIUM_GREY, SODIUM_REACH_UM

NO_CERAMIC: Final = 0
# Sodium lies against the ceramic.
CONTACT: Final = 1
# Gas lies between the ceramic and the electrode, or in a void of it.
GAP: Final = 2
# Ceramic beside the electrode.
BEYOND: Final = 3

# Gas of less than this height, averaged over neighbouring columns, is no void. The height's own error is some
# 0.3 voxels.
MIN_GAP_VOXELS = 0.6
# A void covers at least this many columns: three times three.
MIN_VOID_COLUMNS = 9
# The electrode's outermost columns hold less sodium by the blur, which passes for gas.
RIM_VOXELS = 2
# Smoothing of the gap's height in the plane before it is compared, in voxels.
GAP_SMOOTHING = 0.7
# Notches of the electrode's outline up to twice as wide are voids at its rim; wider ones are its shape.
ELECTRODE_CLOSING_UM = 60.0
# A void holds a column with such a gain for each of the least number of columns; chance puts single columns
# or pairs above it.
SURE_GAIN = 25.0

Side = Literal["bottom", "top"]
SQUARE = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class FaceContact:
    """One face of the ceramic.

    Parameters
    ----------
    side : {"bottom", "top"}
        Which one; top is at larger z.
    against : ndarray of uint8, shape (ny, nx)
        What lies against the ceramic: 0 no ceramic, 1 sodium, 2 gas in a void, 3 beyond the electrode.
    gap_um : ndarray of float32, shape (ny, nx)
        Height of the gas between the ceramic and the sodium, along the face's normal; NaN beyond the
        electrode.
    void_labels : ndarray of int32, shape (ny, nx)
        Voids numbered by falling area.
    electrode_area_um2, contact_area_um2, void_area_um2 : float
        Nominal area within the electrode's closed outline, and its two parts.
    lost_fraction : float
        Fraction of the nominal area without contact; NaN where there is no electrode.
    voids : DataFrame
        One row a void: ``void, area_um2, volume_um3, height_max_um, centroid_x_um, centroid_y_um,
        centroid_z_um``, the last on the face.
    """

    side: Side
    against: NDArray[np.uint8]
    gap_um: NDArray[np.float32]
    void_labels: NDArray[np.int32]
    electrode_area_um2: float
    contact_area_um2: float
    void_area_um2: float
    lost_fraction: float
    voids: pd.DataFrame


@dataclass(frozen=True)
class Contact:
    """Both faces of the ceramic.

    Parameters
    ----------
    bottom, top : FaceContact
        The faces.
    sodium_grey : float
        Grey of sodium on the common scale that was used.
    blur_voxels : float
        Standard deviation of the scan's blur across the faces.
    """

    bottom: FaceContact
    top: FaceContact
    sodium_grey: float
    blur_voxels: float

    def table(self) -> pd.DataFrame:
        """Return the voids of both faces.

        Returns
        -------
        DataFrame
            As in :class:`FaceContact`, with the column ``side`` in front.
        """
        parts = [face.voids.assign(side=face.side) for face in (self.bottom, self.top)]
        table = pd.concat(parts, ignore_index=True)
        return table[["side", *[c for c in table.columns if c != "side"]]]

    def as_json(self) -> dict[str, dict[str, float | int]]:
        """Return the areas of both faces.

        Returns
        -------
        dict
            ``bottom`` and ``top``, each with areas, the lost fraction and the number of voids.
        """
        return {
            face.side: {
                "electrode_area_um2": face.electrode_area_um2,
                "contact_area_um2": face.contact_area_um2,
                "void_area_um2": face.void_area_um2,
                "lost_fraction": face.lost_fraction,
                "n_voids": len(face.voids),
            }
            for face in (self.bottom, self.top)
        }


def measure_contact(
    grey: Sliceable,
    labels: Sliceable,
    faces: Interfaces,
    spacing_um: Sequence[float],
    threads: int = 1,
) -> Contact:
    """Measure how much of each electrode touches the ceramic, and the voids between.

    In every column a layer of gas between ceramic and sodium is fitted to the grey: with the distance t from
    the ceramic outwards and the blur's step Q, ``air + (ceramic - air) Q(t - h) + (sodium - air)
    (1 - Q(t - h - gap))``, for the face's height h and the gap (Gauss-Newton, both free, gap not negative).

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable, shape (nz, ny, nx)
        Its phases.
    faces : Interfaces
        Faces of the ceramic, sub-voxel.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    threads : int
        Number of threads.

    Returns
    -------
    Contact
        Maps, areas and voids.
    """
    sodium = _sodium_grey(grey, labels, faces, spacing_um, threads)
    fits = {"bottom": Columns(grey, faces.bottom, False, sodium, spacing_um)}
    fits["top"] = Columns(grey, faces.top, True, sodium, spacing_um)
    blur, variance = blur_and_noise(list(fits.values()))
    bottom = _measure_face("bottom", fits["bottom"], faces, blur, variance, spacing_um, threads)
    top = _measure_face("top", fits["top"], faces, blur, variance, spacing_um, threads)
    return Contact(bottom, top, sodium, blur)


def _sodium_grey(
    grey: Sliceable, labels: Sliceable, faces: Interfaces, spacing_um: Sequence[float], threads: int
) -> float:
    """Median grey of what is labelled sodium near the faces."""
    nz, ny, nx = grey.shape
    reach_z = max(6, round(SODIUM_REACH_UM / spacing_um[0]))
    covered = np.isfinite(faces.bottom)
    low = max(0, math.floor(float(faces.bottom[covered].min())) - reach_z)
    high = min(nz, math.ceil(float(faces.top[covered].max())) + reach_z + 1)

    def work(region: Region) -> NDArray[np.int64]:
        here = np.asarray(labels[region]) == SODIUM
        return np.bincount(np.asarray(grey[region])[here], minlength=1 << 16)

    counts = np.zeros(1 << 16, dtype=np.int64)
    for part in map_blocks(work, tiles((slice(low, high), slice(0, ny), slice(0, nx))), threads):
        counts += part
    if counts.sum() == 0:
        return DEFAULT_SODIUM_GREY
    return float(np.searchsorted(np.cumsum(counts), counts.sum() / 2.0))


def _measure_face(
    side: Side,
    fit: Columns,
    faces: Interfaces,
    blur: float,
    variance: float,
    spacing_um: Sequence[float],
    threads: int,
) -> FaceContact:
    shape = fit.height.shape
    gap, sodium, gain = np.zeros((3, *shape))

    def work(region: Region) -> tuple[Region, *tuple[NDArray[np.float64], ...]] | None:
        read = fit.read(region)
        if read is None:
            return None
        columns, face = read
        own_gap, own_sodium, left, own_gain = np.zeros((4, *face.shape))
        fit_gaps(columns, face, fit.reach, fit.sodium, blur, variance, own_gap, own_sodium, left, own_gain)
        return region, own_gap, own_sodium, own_gain

    for done in map_blocks(work, column_tiles(shape), threads):
        if done is not None:
            plane = done[0][1:]
            gap[plane], sodium[plane], gain[plane] = done[1:]
    covered = np.isfinite(fit.height)
    holds = covered & (sodium >= MIN_SODIUM_VOXELS)
    if holds.any():
        # Half of the usual amount: where blur puts the electrode's edge.
        holds = covered & (sodium >= max(MIN_SODIUM_VOXELS, 0.5 * float(np.median(sodium[holds]))))
    outline = _electrode(holds, covered, spacing_um)
    smooth = _smooth_inside(gap, outline)
    inner = ndimage.binary_erosion(outline, SQUARE, iterations=RIM_VOXELS)
    labels, n = ndimage.label(inner & (smooth > MIN_GAP_VOXELS), SQUARE)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    sizes[0] = 0
    sure = np.bincount(labels[gain > SURE_GAIN * variance], minlength=n + 1)
    sizes[sure < MIN_VOID_COLUMNS] = 0
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(n + 1, dtype=np.int32)
    number[order] = np.arange(1, len(order) + 1)
    voids = number[labels]
    against = np.where(covered, BEYOND, NO_CERAMIC).astype(np.uint8)
    against[outline] = CONTACT
    against[voids > 0] = GAP
    upright = float(faces.normal(spacing_um, top=fit.top)[0])
    column_um2 = spacing_um[1] * spacing_um[2] / upright
    gap_um = np.where(outline, gap * spacing_um[0] * upright, np.nan).astype(np.float32)
    nominal = float(np.count_nonzero(outline)) * column_um2
    lost = float(np.count_nonzero(voids)) * column_um2
    return FaceContact(
        side=side,
        against=against,
        gap_um=gap_um,
        void_labels=voids,
        electrode_area_um2=nominal,
        contact_area_um2=nominal - lost,
        void_area_um2=lost,
        lost_fraction=lost / nominal if nominal > 0.0 else float("nan"),
        voids=_void_table(
            voids, len(order), gap_um, smooth, fit.height, column_um2, spacing_um[0] * upright, spacing_um
        ),
    )


def _electrode(
    sodium: NDArray[np.bool_], covered: NDArray[np.bool_], spacing_um: Sequence[float]
) -> NDArray[np.bool_]:
    """Find the closed outline of the electrode on the ceramic."""
    labels, n = ndimage.label(ndimage.binary_opening(sodium, SQUARE))
    if n == 0:
        return np.zeros(sodium.shape, dtype=bool)
    largest = labels == 1 + int(np.bincount(labels[labels > 0])[1:].argmax())
    fine = min(spacing_um[1:])
    # Lengths in the finer of both spacings; at least two voxels along the coarser axis.
    steps = (spacing_um[1] / fine, spacing_um[2] / fine)
    radius = max(math.ceil(2.0 * max(steps)), round(ELECTRODE_CLOSING_UM / fine))
    padded = np.pad(largest, radius + 1)
    closed = isotropic_closing(padded, radius, spacing=steps)
    whole: NDArray[np.bool_] = ndimage.binary_fill_holes(closed | padded)
    cut = radius + 1
    return whole[cut:-cut, cut:-cut] & covered


def _smooth_inside(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    weight = ndimage.gaussian_filter(inside.astype(np.float64), GAP_SMOOTHING, mode="constant")
    total = ndimage.gaussian_filter(np.where(inside, values, 0.0), GAP_SMOOTHING, mode="constant")
    return np.where(inside, total / np.maximum(weight, 1e-9), 0.0)


def _void_table(
    voids: NDArray[np.int32],
    n: int,
    gap_um: NDArray[np.float32],
    smooth: NDArray[np.float64],
    height: NDArray[np.float32],
    column_um2: float,
    height_um: float,
    spacing_um: Sequence[float],
) -> pd.DataFrame:
    rows, columns = np.nonzero(voids)
    which = voids[rows, columns]
    count = np.maximum(np.bincount(which, minlength=n + 1), 1)
    gaps = gap_um[rows, columns].astype(np.float64)
    highest = np.zeros(n + 1)
    # Of the smoothed map, or the noise would add to the greatest of many.
    np.maximum.at(highest, which, smooth[rows, columns])
    means = [
        np.bincount(which, values, minlength=n + 1) / count
        for values in (columns * spacing_um[2], rows * spacing_um[1], height[rows, columns] * spacing_um[0])
    ]
    return pd.DataFrame(
        {
            "void": np.arange(1, n + 1),
            "area_um2": np.bincount(which, minlength=n + 1)[1:] * column_um2,
            "volume_um3": np.bincount(which, gaps, minlength=n + 1)[1:] * column_um2,
            "height_max_um": highest[1:] * height_um,
            "centroid_x_um": means[0][1:],
            "centroid_y_um": means[1][1:],
            "centroid_z_um": means[2][1:],
        }
    )
