"""Small operations on masks of section images, distances in micrometres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def near(mask: Mask, radius_um: float, spacing_um: tuple[float, float]) -> Mask:
    """Return what lies within a distance of a mask; nothing where the mask is empty."""
    if not mask.any():
        return mask
    found: Mask = ndimage.distance_transform_edt(~mask, sampling=spacing_um) <= radius_um
    return found


def close(mask: Mask, radius_um: float, spacing_um: tuple[float, float]) -> Mask:
    """Close gaps up to twice a radius; nothing lies beyond the rim, so that a strip along it stays open."""
    pad = [int(np.ceil(2.0 * radius_um / s)) + 1 for s in spacing_um]
    padded = np.pad(mask, [(pad[0], pad[0]), (pad[1], pad[1])])
    closed: Mask = ~near(~near(padded, radius_um, spacing_um), radius_um, spacing_um)
    return closed[pad[0] : -pad[0], pad[1] : -pad[1]]


def large(mask: Mask, pixels: float) -> Mask:
    """Keep pieces of at least so many pixels."""
    labels, n = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    sizes[0] = 0
    found: Mask = (sizes >= pixels)[labels] & mask
    return found


def touching(mask: Mask, seeds: Mask) -> Mask:
    """Keep pieces that hold a seed; diagonal neighbours hang together."""
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    kept = np.zeros(n + 1, dtype=np.bool_)
    kept[labels[seeds]] = True
    kept[0] = False
    found: Mask = kept[labels]
    return found
