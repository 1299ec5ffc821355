"""Masks of a section, with lengths in micrometres."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import isotropic_dilation, reconstruction, remove_small_objects

Mask = NDArray[np.bool_]


def near(mask: Mask, radius_um: float, spacing_um: tuple[float, float]) -> Mask:
    """Return what lies within a distance of a mask; nothing where the mask is empty."""
    if not mask.any():
        return mask
    return np.asarray(isotropic_dilation(mask, radius_um, spacing=spacing_um), dtype=np.bool_)


def close(mask: Mask, radius_um: float, spacing_um: tuple[float, float]) -> Mask:
    """Close gaps up to twice a radius; nothing lies beyond the rim, so that a strip along it stays open."""
    pad = [int(np.ceil(2.0 * radius_um / s)) + 1 for s in spacing_um]
    padded = np.pad(mask, [(pad[0], pad[0]), (pad[1], pad[1])])
    closed: Mask = ~near(~near(padded, radius_um, spacing_um), radius_um, spacing_um)
    return closed[pad[0] : -pad[0], pad[1] : -pad[1]]


def large(mask: Mask, pixels: float) -> Mask:
    """Keep pieces of at least so many pixels."""
    return np.asarray(remove_small_objects(mask, max_size=math.ceil(pixels) - 1), dtype=np.bool_)


def touching(mask: Mask, seeds: Mask) -> Mask:
    """Keep pieces that hold a seed; diagonal neighbours hang together."""
    return np.asarray(reconstruction(seeds & mask, mask, footprint=np.ones((3, 3))), dtype=np.bool_)
