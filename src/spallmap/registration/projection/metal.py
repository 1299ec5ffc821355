"""The metal of a segmented tomogram as weighted points, each knowing how deep below the surface it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import indices_to_points
from spallmap.tomography.labels import CERAMIC, SODIUM

# Specks of sodium label below this share of all sodium are segmentation noise and carry no visible signal.
MIN_COMPONENT_SHARE = 0.01
# Voxels that resolve the skin depth by more than this carry nothing new and are pooled first.
VOXELS_PER_SKIN_DEPTH = 3.0


@dataclass(frozen=True)
class Metal:
    """Sodium voxels as points.

    Parameters
    ----------
    points_um : ndarray, shape (n, 3)
        Centres (x, y, z) in the volume's frame.
    depth_um : ndarray, shape (n,)
        Distance of each centre from the surface of the metal.
    electrode : ndarray of int, shape (n,)
        0 or 1: the side of the ceramic.
    voxel_um : tuple of float
        Edges, in array order, of the box that one point stands for.
    stack_axis : ndarray, shape (3,)
        Unit vector from electrode 0 to electrode 1 in the volume's frame.
    """

    points_um: NDArray[np.float64]
    depth_um: NDArray[np.float64]
    electrode: NDArray[np.int8]
    voxel_um: tuple[float, float, float]
    stack_axis: NDArray[np.float64]

    @property
    def centroid_um(self) -> NDArray[np.float64]:
        """Mean of the points, shape (3,)."""
        return np.asarray(self.points_um.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Cloud:
    """Signal-bearing points, ready to be projected.

    Parameters
    ----------
    points_um : ndarray, shape (n, 3)
        Positions relative to `centre_um`.
    weight : ndarray, shape (n,)
        Signal of each point (its metal volume times the skin weight, in um^3).
    weight_slope : ndarray, shape (n,)
        Derivative of the weight with respect to the logarithm of the skin depth.
    electrode : ndarray of int, shape (n,)
        0 or 1.
    centre_um : ndarray, shape (3,)
        The metal's centroid in the volume's frame; turns are about it.
    spread_um2 : float
        Variance, per direction, of the metal about the point that stands for it.
    """

    points_um: NDArray[np.float64]
    weight: NDArray[np.float64]
    weight_slope: NDArray[np.float64]
    electrode: NDArray[np.int8]
    centre_um: NDArray[np.float64]
    spread_um2: float


def find_metal(phases: NDArray[Any], spacing_um: Sequence[float], skin_depth_um: float) -> Metal | None:
    """Collect the sodium of a label volume.

    Parameters
    ----------
    phases : ndarray of int, shape (nz, ny, nx)
        Labels: 1 ceramic, 2 sodium, anything else.
    spacing_um : sequence of float
        Voxel size in array order.
    skin_depth_um : float
        Decides how fine the voxels need to be.

    Returns
    -------
    Metal or None
        None where there is no sodium.
    """
    pool = tuple(max(1, int(skin_depth_um / VOXELS_PER_SKIN_DEPTH / s)) for s in spacing_um)
    sodium = _pooled_majority(phases == SODIUM, pool)
    pooled_um = tuple(s * p for s, p in zip(spacing_um, pool, strict=True))
    offset_um = np.array([(p - 1) / 2.0 * s for s, p in zip(spacing_um, pool, strict=True)])[::-1]
    labels, count = ndimage.label(sodium)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    points: list[NDArray[np.float64]] = []
    depths: list[NDArray[np.float64]] = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if sizes[number - 1] < MIN_COMPONENT_SHARE * sizes.sum():
            continue
        inside = labels[box] == number
        # What lies beyond the edge of the scan is unknown and is not taken for a surface; the margin is
        # the surface wherever the box ends inside the scan.
        margin = [(int(s.start > 0), int(s.stop < n)) for s, n in zip(box, labels.shape, strict=True)]
        depth = ndimage.distance_transform_edt(np.pad(inside, margin), sampling=pooled_um)
        depth = depth[tuple(slice(a, a + n) for (a, _), n in zip(margin, inside.shape, strict=True))]
        index = np.argwhere(inside)
        # The transform measures to the nearest voxel centre outside; the surface is half a voxel nearer.
        depths.append(np.maximum(depth[inside] - 0.5 * min(pooled_um), 0.0))
        start = np.array([s.start for s in box])
        points.append(indices_to_points(index + start, pooled_um) + offset_um)
    all_points = np.concatenate(points)
    axis, threshold = _stack(phases, spacing_um, all_points)
    return Metal(
        points_um=all_points,
        depth_um=np.concatenate(depths),
        electrode=(all_points @ axis > threshold).astype(np.int8),
        voxel_um=(pooled_um[0], pooled_um[1], pooled_um[2]),
        stack_axis=axis,
    )


def skin_cloud(metal: Metal, skin_depth_um: float | None, block_um: float) -> Cloud:
    """Weigh the metal by what a radio-frequency field reaches, and pool it into blocks.

    Parameters
    ----------
    metal : Metal
        The sodium.
    skin_depth_um : float or None
        Depth at which the signal has fallen to 1/e; None: all of the metal is seen (thickness).
    block_um : float
        Points within a block of about this edge are pooled at their centre of gravity, which keeps the
        projection exact but for the blocks' own width; that enters as a variance.

    Returns
    -------
    Cloud
        The pooled points.
    """
    volume = float(np.prod(metal.voxel_um))
    if skin_depth_um is None:
        weight = np.full(metal.depth_um.shape, volume)
        slope = np.zeros_like(weight)
    else:
        weight = volume * np.exp(-metal.depth_um / skin_depth_um)
        slope = weight * metal.depth_um / skin_depth_um
    centre = metal.centroid_um
    relative = metal.points_um - centre
    # Blocks of whole voxels: others would beat with the voxel grid, at periods that the image resolves.
    edge = np.array([s * max(1, round(block_um / s)) for s in metal.voxel_um])[::-1]
    cell = np.floor((relative - relative.min(axis=0)) / edge + 1e-6).astype(np.int64)
    n = cell.max(axis=0) + 1
    block = ((metal.electrode * n[2] + cell[:, 2]) * n[1] + cell[:, 1]) * n[0] + cell[:, 0]
    mass = np.bincount(block, weights=weight)
    used = np.flatnonzero(mass > 0)
    mass = mass[used]
    centres = [np.bincount(block, weights=weight * relative[:, k])[used] / mass for k in range(3)]
    moments = [np.bincount(block, weights=weight * relative[:, k] ** 2)[used] / mass for k in range(3)]
    within = [float(np.average(m - c**2, weights=mass)) for m, c in zip(moments, centres, strict=True)]
    voxel = [s**2 / 12.0 for s in metal.voxel_um]
    return Cloud(
        points_um=np.column_stack(centres),
        weight=mass.astype(np.float64),
        weight_slope=np.bincount(block, weights=slope)[used].astype(np.float64),
        electrode=(used >= int(np.prod(n))).astype(np.int8),
        centre_um=centre,
        spread_um2=(sum(within) + sum(voxel)) / 3.0,
    )


def _pooled_majority(mask: NDArray[np.bool_], pool: tuple[int, ...]) -> NDArray[np.bool_]:
    if all(p == 1 for p in pool):
        return mask
    cropped = mask[tuple(slice(0, n // p * p) for n, p in zip(mask.shape, pool, strict=True))]
    nz, ny, nx = (n // p for n, p in zip(cropped.shape, pool, strict=True))
    fraction = cropped.reshape(nz, pool[0], ny, pool[1], nx, pool[2]).mean(axis=(1, 3, 5))
    majority: NDArray[np.bool_] = fraction > 0.5
    return majority


def _stack(
    phases: NDArray[Any], spacing_um: Sequence[float], metal_points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Direction along which the cell is stacked and where the ceramic's middle lies along it."""
    step = tuple(max(1, n // 64) for n in phases.shape)
    coarse_um = [s * k for s, k in zip(spacing_um, step, strict=True)]
    ceramic = indices_to_points(np.argwhere(phases[:: step[0], :: step[1], :: step[2]] == CERAMIC), coarse_um)
    if len(ceramic) < 10:
        middle = metal_points.mean(axis=0)
        spread = metal_points - middle
        axis = np.linalg.eigh(spread.T @ spread)[1][:, 2]
        return axis, float(middle @ axis)
    middle = ceramic.mean(axis=0)
    # Seen from the ceramic, metal on both sides has its largest second moment along the stack; the outline's
    # own second moment is taken away, which matters for wide, flat cells.
    beyond = metal_points - middle
    axes = np.linalg.eigh(np.cov((ceramic - middle).T))[1]
    ratio = [np.mean(np.abs(beyond @ a)) / np.std((ceramic - middle) @ a) for a in axes.T]
    axis = axes[:, int(np.argmax(ratio))]
    return axis, float(middle @ axis)
