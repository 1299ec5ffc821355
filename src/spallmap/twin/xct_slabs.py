"""The simulated tomogram of any size, slab by slab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import map_blocks
from spallmap.frames import AffineMap
from spallmap.twin.geometry import CellGeometry
from spallmap.twin.render import render_volume
from spallmap.twin.xct import XctLook, blur, draw_look, draw_rings, shade, stored

# Slices of a slab: with six more for the blur, one of 1024 x 1024 pixels takes 90 MB as float32.
SLICES = 16

# Standard deviations after which scipy's Gaussian ends.
TRUNCATE = 4.0


@dataclass(frozen=True)
class XctSlab:
    """Some slices of a simulated tomogram.

    Parameters
    ----------
    first_slice : int
        Which slice of the whole the first one is.
    volume : ndarray of uint16, shape (n, ny, nx)
        Grey values.
    labels : ndarray of uint8, shape (n, ny, nx)
        True labels, see `spallmap.twin.render.LABELS`.

    Examples
    --------
    >>> import numpy as np
    >>> grey, labels = np.zeros((8, 40, 40), np.uint16), np.zeros((8, 40, 40), np.uint8)
    >>> XctSlab(16, grey, labels).first_slice
    16
    """

    first_slice: int
    volume: NDArray[np.uint16]
    labels: NDArray[np.uint8]


def simulate_xct_slabs(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int],
    spacing_um: float,
    look: XctLook | None = None,
    slices: int = SLICES,
    threads: int = 1,
) -> Iterator[XctSlab]:
    """Scan a cell slab by slab, so that the volume never stands in memory.

    Voxels do not depend on the number of slices or threads. They are those of `simulate_xct` but for the
    noise, which is as strong and as correlated, but drawn from a random stream of each slice's own.

    Parameters
    ----------
    geometry : CellGeometry
        The cell in the state of the scan.
    to_cell : AffineMap
        From the scan's points to the cell frame, um.
    rng : numpy.random.Generator
        Draws rings and noise, and the look where none is given.
    shape : tuple of int
        Slices, rows, columns of the whole.
    spacing_um : float
        Voxel size.
    look : XctLook, optional
        Contrast and artefacts.
    slices : int
        Largest number of slices of a slab.
    threads : int
        Slabs that are drawn at a time.

    Yields
    ------
    XctSlab
        The slabs in order.

    Raises
    ------
    ValueError
        If there is no slice in a slab.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_xct_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> shape, spacing_um = (24, 40, 40), 37.0
    >>> to_cell = draw_xct_pose(rng, shape, spacing_um)
    >>> slabs = list(simulate_xct_slabs(cell, to_cell, rng, shape=shape, spacing_um=spacing_um))
    >>> [(slab.first_slice, slab.volume.shape) for slab in slabs]
    [(0, (16, 40, 40)), (16, (8, 40, 40))]
    """
    if slices < 1:
        raise ValueError(f"a slab needs one or more slices; got {slices}")
    drawn = draw_look(rng)
    seen = drawn if look is None else look
    rings = draw_rings(rng, shape, seen.ring_grey)
    noise_seed = int(rng.integers(2**63))
    halo = _reach(seen.blur_voxels)

    def slab(first: int) -> XctSlab:
        last = min(first + slices, shape[0])
        start, stop = max(0, first - halo), min(last + halo, shape[0])
        there = (stop - start, *shape[1:])
        grey, labels = render_volume(geometry, to_cell, there, spacing_um, seen.values(), start)
        grey -= np.float32(seen.gas)
        blur(grey, seen.blur_voxels, "nearest", axes=(0,))
        grey, labels = grey[first - start : last - start], labels[first - start : last - start]
        blur(grey, seen.blur_voxels, "nearest", axes=(1, 2))
        shade(grey, seen, rings[first:last])
        grey += _noise(noise_seed, range(first, last), shape, seen)
        return XctSlab(first, stored(grey), labels.copy())

    return map_blocks(slab, range(0, shape[0], slices), threads)


def _reach(sigma: float) -> int:
    return int(TRUNCATE * sigma + 0.5)


def _noise(seed: int, slices: range, shape: tuple[int, int, int], look: XctLook) -> NDArray[np.float32]:
    """Correlated noise of some slices; the whole goes on from its last slice to its first."""
    halo = _reach(look.noise_voxels)
    around = range(slices.start - halo, slices.stop + halo)
    noise = np.empty((len(around), *shape[1:]), dtype=np.float32)
    for white, k in zip(noise, around, strict=True):
        np.random.default_rng([seed, k % shape[0]]).standard_normal(out=white, dtype=np.float32)
    if look.noise_voxels > 0:
        blur(noise, look.noise_voxels, "wrap", axes=(0,))
        noise = noise[halo : halo + len(slices)]
        blur(noise, look.noise_voxels, "wrap", axes=(1, 2))
    noise *= np.float32(look.noise_grey / _remaining(look.noise_voxels) ** 3)
    return noise


def _remaining(sigma: float) -> float:
    """Return the standard deviation of white noise after smoothing along one axis."""
    impulse = np.zeros(2 * _reach(sigma) + 1)
    impulse[_reach(sigma)] = 1.0
    weights = ndimage.gaussian_filter1d(impulse, sigma, mode="constant") if sigma > 0 else impulse
    return float(np.sqrt(np.sum(weights**2)))
