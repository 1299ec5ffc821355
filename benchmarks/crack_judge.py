"""Find the cracks of a tomogram in memory as the workflow does, and hold them against the twin's truth."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from judge import CRACK_LABELS, DECOY_LABEL, crack_overlap
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spallmap.blocks import whole
from spallmap.errors import DataWarning
from spallmap.frames import AffineMap, indices_to_points
from spallmap.tomography import (
    common_grey,
    crack_labels,
    find_cracks,
    measure_cracks,
    segment_phases,
    trace_sheets,
    without_shells,
    without_steps,
    without_streaks,
)
from spallmap.twin import MATTER, CellGeometry, cracks_at, render_volume

TRUE_LABELS = (*CRACK_LABELS, DECOY_LABEL)
# Edges in voxels; the decoy's rim goes down to nothing.
APERTURE_BINS = (0.0, 0.3, 0.5, 1.0, 2.0, 3.01)
# Half of the zone in which the blurred interface hides a crack, and a voxel of tilt.
NEAR_FACE_VOXELS = 3.0
# A found point farther than this from every true crack belongs to none.
REACH_VOXELS = 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What the chain made of one tomogram."""

    grey: NDArray[np.uint16]
    phases: NDArray[np.uint8]
    labels: NDArray[np.int32]
    table: pd.DataFrame
    points_xyz_um: Floats
    aperture_um: Floats
    crack: NDArray[np.int32]
    seconds: float
    warnings: tuple[DataWarning, ...] = ()


def analyse(
    volume: NDArray[np.unsignedinteger], spacing_um: float, null: Found | None = None, threads: int = 1
) -> Found:
    """Prepare, find and measure; the one function that knows the library's functions.

    Parameters
    ----------
    volume : ndarray of uint16 or uint8, shape (nz, ny, nx)
        The tomogram as the scanner gives it.
    spacing_um : float
        Voxel size.
    null : Found, optional
        The pristine tomogram's answer.
    threads : int
        Threads.

    Returns
    -------
    Found
        Labels, table and the cracks' middle surfaces with their apertures.
    """
    start = time.perf_counter()
    spacing = (spacing_um,) * 3
    scale = common_grey(volume, threads=threads)
    grey = scale.apply(volume, whole(volume.shape))
    phases = segment_phases(grey, spacing)
    null_grey, null_phases = (None, None) if null is None else (null.grey, null.phases)
    cracks = find_cracks(grey, phases, spacing, null_grey, null_phases, threads=threads)
    cracks, _ = without_streaks(cracks, grey, phases)
    cracks, _ = without_shells(cracks, grey, phases, threads)
    cracks, _ = without_steps(cracks, grey, phases, threads)
    sheets = trace_sheets(cracks, grey, phases, spacing)
    table = measure_cracks(cracks, grey, phases, spacing, sheets)
    labels = crack_labels(cracks, grey, phases, whole(volume.shape))
    seconds = time.perf_counter() - start
    points, odd = sheets.points_xyz_um, scale.warnings
    return Found(grey, phases, labels, table, points, sheets.aperture_um, sheets.crack, seconds, odd)


@dataclass(frozen=True)
class Truth:
    """The true crack voxels of one tomogram.

    Parameters
    ----------
    mask : ndarray of bool, shape (nz, ny, nx)
        Voxels of any crack, the decoy among them.
    index : ndarray of int, shape (n, 3)
        Their positions (z, y, x).
    label, aperture, depth : ndarray, shape (n,)
        Label, local aperture and depth below the nearer face of the ceramic, the latter two in voxels.
    volume_um3 : dict
        True volume of the crack and of the decoy, from their fractions of every voxel.
    """

    mask: NDArray[np.bool_]
    index: NDArray[np.int64]
    label: NDArray[np.uint8]
    aperture: Floats
    depth: Floats
    volume_um3: dict[str, float]


def truth_of(
    geometry: CellGeometry, to_cell: AffineMap, labels: NDArray[np.uint8], spacing_um: float
) -> Truth:
    """Collect what is true of the cracks in a tomogram.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    to_cell : AffineMap
        From the tomogram's points to the cell frame.
    labels : ndarray of uint8, shape (nz, ny, nx)
        The twin's labels.
    spacing_um : float
        Voxel size.

    Returns
    -------
    Truth
        The true voxels.
    """
    mask = np.isin(labels, TRUE_LABELS)
    index = np.argwhere(mask)
    points = to_cell(indices_to_points(index.astype(np.float64), (spacing_um,) * 3))
    there, aperture = cracks_at(geometry, points, spacing_um)
    label = labels[mask]
    # Of two joined scans each is shifted by a fraction of a voxel.
    assert np.mean(there == label) > 0.7
    x, y, z = points.T
    depth = np.minimum(geometry.top(x, y) - z, z - geometry.bottom(x, y))
    volumes = _true_volumes(geometry, to_cell, index, spacing_um)
    return Truth(mask, index, label, aperture / spacing_um, depth / spacing_um, volumes)


def _true_volumes(
    geometry: CellGeometry, to_cell: AffineMap, index: NDArray[np.int64], spacing_um: float
) -> dict[str, float]:
    low, high = index.min(axis=0) - 3, index.max(axis=0) + 4
    shift = AffineMap.from_parts(np.eye(3), indices_to_points(low.astype(np.float64), (spacing_um,) * 3))
    nz, ny, nx = (int(n) for n in high - low)
    volumes = {}
    for name, matters in (("crack", ("empty_crack", "sodium_crack")), ("decoy", ("decoy",))):
        values = dict.fromkeys((*MATTER, "gas"), 0.0) | dict.fromkeys(matters, 1.0)
        fractions, _ = render_volume(geometry, to_cell @ shift, (nz, ny, nx), spacing_um, values)
        volumes[name] = float(fractions.sum(dtype=np.float64)) * spacing_um**3
    return volumes


def aperture_bin(aperture: Floats) -> NDArray[np.int64]:
    """Return the number of the bin of `APERTURE_BINS` that each aperture lies in."""
    return np.digitize(aperture, APERTURE_BINS) - 1


@dataclass(frozen=True)
class Judged:
    """One cell's answer held against its truth; per bin of aperture (true voxels, of which found)."""

    overlap: dict[str, float]
    recall_bins: NDArray[np.int64]
    near_face_recall: float
    pieces: dict[str, int]
    volume_error: dict[str, float]
    false_cracks: int
    true_aperture: Floats
    found_aperture: Floats


def hold(found: Found, truth: Truth, spacing_um: float) -> Judged:
    """Hold an answer against the truth.

    Parameters
    ----------
    found : Found
        The answer.
    truth : Truth
        The truth.
    spacing_um : float
        Voxel size.

    Returns
    -------
    Judged
        Recall and precision with a tolerance of one voxel; pieces and volume of each true crack; cracks of
        which no point lies within two voxels of a true one; pairs of true and found aperture, in voxels.
    """
    cracks = found.labels > 0
    overlap = crack_overlap(cracks, truth.mask)
    hit = ndimage.binary_dilation(cracks, ndimage.generate_binary_structure(3, 3))[truth.mask]
    n_bins = len(APERTURE_BINS) - 1
    at = aperture_bin(truth.aperture)
    bins = np.stack(
        [np.bincount(at, minlength=n_bins)[:n_bins], np.bincount(at[hit], minlength=n_bins)[:n_bins]]
    )
    near = truth.depth < NEAR_FACE_VOXELS
    tree = cKDTree(truth.index)
    positions = found.points_xyz_um[:, ::-1] / spacing_um
    away, nearest = tree.query(positions, distance_upper_bound=REACH_VOXELS)
    close = np.isfinite(away)
    nearest = np.asarray(nearest)[close]
    pieces, errors = {}, {}
    of_decoy = np.zeros(len(positions), dtype=bool)
    of_decoy[close] = truth.label[nearest] == DECOY_LABEL
    # A found crack belongs to the true one that most of its points lie on.
    numbers = [int(n) for n in np.unique(found.crack)]
    owner = {n: _owner(close[found.crack == n], of_decoy[found.crack == n]) for n in numbers}
    volume = dict(zip(found.table["crack"], found.table["volume_um3"], strict=True))
    for name in ("crack", "decoy"):
        own = [n for n in numbers if owner[n] == name]
        pieces[name] = len(own)
        true = truth.volume_um3[name]
        errors[name] = sum(volume[n] for n in own) / true - 1.0 if true > 0 else np.nan
    return Judged(
        overlap,
        bins,
        float(hit[near].mean()) if near.any() else np.nan,
        pieces,
        errors,
        sum(o == "" for o in owner.values()),
        truth.aperture[nearest],
        found.aperture_um[close] / spacing_um,
    )


def _owner(close: NDArray[np.bool_], of_decoy: NDArray[np.bool_]) -> str:
    if 2 * close.sum() < len(close):
        return ""
    return "decoy" if 2 * of_decoy.sum() > close.sum() else "crack"
