"""Where a long-T2 region could have lain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.links.crack_footprints import Bodies

# Regions with at most this many pixels between them can be one dendrite that the threshold has split; they
# are moved together.
SPLIT_PIXELS = 2
# Distances from the electrodes fall into layers of this many row or column spacings (the smaller), about two
# widths of the point spread. Layers, rather than a band about each region, make "could have lain there"
# mutual, and that makes the p-value of regions that fell at random uniform.
LAYER_PIXELS = 2.0


@dataclass(frozen=True)
class Cluster:
    """Regions that move together, and where they could have lain.

    Parameters
    ----------
    regions : tuple of int
        Labels.
    pixels : tuple of ndarray, each of shape (n_placements, n_pixels, 2)
        For each region, the (row, column) of its pixels in every placement; the first placement is the
        observed one.
    """

    regions: tuple[int, ...]
    pixels: tuple[NDArray[np.int64], ...]

    @property
    def n_placements(self) -> int:
        """Number of placements, the observed one included."""
        return len(self.pixels[0])


def clusters(
    regions_labels: NDArray[Any], spacing_um: Sequence[float], bodies: Bodies
) -> tuple[Cluster, ...]:
    """Group the regions and list the placements of each group.

    A placement is the group moved by whole pixels, or mirrored along rows, columns or both and then moved,
    such that every region of it keeps to the image, lies in the electrolyte with at least its present
    fraction, and keeps its mean distance from the nearest electrode within its layer: a region as it is could
    have been found in all of these.

    Parameters
    ----------
    regions_labels : ndarray of int, shape (rows, columns)
        The regions; 0 is background.
    spacing_um : sequence of float
        (row spacing, column spacing), um.
    bodies : Bodies
        Electrolyte and distances in the same grid.

    Returns
    -------
    tuple of Cluster
        By their smallest region label.
    """
    near = ndimage.binary_dilation(
        regions_labels > 0, structure=np.ones((3, 3), bool), iterations=(SPLIT_PIXELS + 1) // 2
    )
    groups, n_groups = ndimage.label(near, structure=np.ones((3, 3), bool))
    members = [
        np.unique(regions_labels[(groups == g) & (regions_labels > 0)]) for g in range(1, n_groups + 1)
    ]
    layer_um = LAYER_PIXELS * min(float(s) for s in spacing_um)
    found = [_placements([int(r) for r in labels], regions_labels, bodies, layer_um) for labels in members]
    return tuple(sorted(found, key=lambda cluster: cluster.regions))


def _placements(labels: list[int], regions_labels: NDArray[Any], bodies: Bodies, layer_um: float) -> Cluster:
    own = [np.argwhere(regions_labels == label) for label in labels]
    everything = np.concatenate(own)
    low, high = everything.min(axis=0), everything.max(axis=0)
    n_rows, n_columns = regions_labels.shape
    height, width = high - low
    corners = np.stack(
        np.meshgrid(np.arange(n_rows - height), np.arange(n_columns - width), indexing="ij"), axis=-1
    ).reshape(-1, 2)
    observed = [pixels[None] for pixels in own]
    moved: list[list[NDArray[np.int64]]] = [[] for _ in labels]
    for flip_rows, flip_columns in product((False, True), repeat=2):
        mirrored = [np.where((flip_rows, flip_columns), high - pixels, pixels - low) for pixels in own]
        candidates = [pixels[None] + corners[:, None] for pixels in mirrored]
        possible = np.ones(len(corners), dtype=bool)
        if not (flip_rows or flip_columns):
            possible &= np.any(corners != low, axis=1)  # the observed placement stands first, once
        for candidate, pixels in zip(candidates, own, strict=True):
            possible &= _could_be(candidate, pixels, bodies, layer_um)
        for kept, candidate in zip(moved, candidates, strict=True):
            kept.append(candidate[possible])
    placed = (np.concatenate([first, *rest]) for first, rest in zip(observed, moved, strict=True))
    return Cluster(tuple(labels), tuple(placed))


def _could_be(
    candidate: NDArray[np.int64], own: NDArray[np.int64], bodies: Bodies, layer_um: float
) -> NDArray[np.bool_]:
    def inside(p: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(bodies.electrolyte[p[..., 0], p[..., 1]].mean(axis=-1), dtype=np.float64)

    possible: NDArray[np.bool_] = inside(candidate) >= inside(own)
    if np.isfinite(bodies.interface_um).all():
        here = bodies.interface_um[own[:, 0], own[:, 1]].mean()
        there = bodies.interface_um[candidate[..., 0], candidate[..., 1]].mean(axis=-1)
        possible &= np.floor(there / layer_um) == np.floor(here / layer_um)
    return possible
