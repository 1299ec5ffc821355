"""Voxels of one grey value outside the field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, shape_of
from spallmap.tomography.blockwise.coarse import Coarse

# One grey value at the end of the range, held by more voxels than this fraction, is padding or clipping and
# not air.
PADDING_FRACTION = 0.005
# A field of view is round if a circle of its area covers all but this fraction of it: the steps of the coarse
# copy's voxels are about 1 %.
ROUND_MISFIT = 0.03
# So few blocks together that hold something else are specks of noise, and this many of them, over the blocks
# of one value, make it clipped air: padding has none, air that was cut off at two standard deviations 0.02.
_SPECK_BLOCKS = 2
_MOST_SPECKS = 0.002


@dataclass(frozen=True)
class Padding:
    """Voxels of one grey value outside the field of view.

    Parameters
    ----------
    grey : float
        Their grey value in the scan.
    everywhere : bool
        Whether any voxel of this grey is as good as air: it lies at or below the air's level.
    blocks : ndarray of bool
        Blocks of a coarse copy that may hold padding.
    factor : tuple of int
        Voxels along each edge of a block.
    circle : tuple of float or None
        Centre (y, x) and radius, in voxels, of a circle that holds no padding; None where the field is not
        round.
    """

    grey: float
    everywhere: bool
    blocks: NDArray[np.bool_]
    factor: tuple[int, int, int]
    circle: tuple[float, float, float] | None

    def outside(self, region: Region) -> NDArray[np.bool_]:
        """Say where voxels of the padding's grey are padding.

        Parameters
        ----------
        region : tuple of slice
            Part of the volume.

        Returns
        -------
        ndarray of bool
            Over the region.
        """
        if self.everywhere:
            return np.ones(shape_of(region), dtype=bool)
        index = [
            np.minimum(np.arange(s.start, s.stop) // f, n - 1)
            for s, f, n in zip(region, self.factor, self.blocks.shape, strict=True)
        ]
        outside = self.blocks[np.ix_(*index)]
        if self.circle is not None:
            cy, cx, radius = self.circle
            y, x = (np.arange(s.start, s.stop) for s in region[1:])
            outside |= np.hypot(y[:, None] - cy, x[None, :] - cx) > radius
        return outside


def padded_blocks(coarse: Coarse) -> NDArray[np.bool_]:
    """Find the blocks of a coarse copy that hold nothing but one value beside the field of view.

    Air that was cut off at the lowest grey has one value too, but for the noise that reaches above: single
    blocks all over it. Of such a scan only columns that hold nothing else along the whole stack are padding.

    Parameters
    ----------
    coarse : Coarse
        The volume in blocks.

    Returns
    -------
    ndarray of bool
        Over the blocks.
    """
    padded = _of_one_value(coarse)
    if not padded.any():
        return padded
    sizes = np.bincount(ndimage.label(~padded)[0].ravel())[1:]
    if np.count_nonzero(sizes <= _SPECK_BLOCKS) <= _MOST_SPECKS * np.count_nonzero(padded):
        return padded
    beside: NDArray[np.bool_] = padded & padded.all(axis=0)
    return beside


def _of_one_value(coarse: Coarse) -> NDArray[np.bool_]:
    """Blocks that hold nothing but the value of all corners, or the lowest of all."""
    values = coarse.values
    none = np.zeros(values.shape, dtype=bool)
    corners = values[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    if np.all(corners == corners[0, 0]):
        # Signed grey values are often padded with 0, in the middle of the noise of air.
        padded = values == corners[0, 0]
        if np.count_nonzero(padded) > PADDING_FRACTION * values.size:
            return padded if np.count_nonzero(~padded) >= 0.05 * values.size else none
    total = float(np.prod(values.shape)) * float(np.prod(coarse.factor))
    padded = values <= np.float32(coarse.lowest)
    if coarse.n_lowest <= PADDING_FRACTION * total or np.count_nonzero(~padded) < 0.05 * values.size:
        return none
    return padded


def round_field(padded: NDArray[np.bool_], factor: tuple[int, int, int]) -> tuple[float, float, float] | None:
    """Find a round field of view.

    Parameters
    ----------
    padded : ndarray of bool
        Blocks of a coarse copy that hold padding.
    factor : tuple of int
        Voxels along each edge of a block.

    Returns
    -------
    tuple of float or None
        Centre (y, x) and radius in voxels; None where no circle fits.
    """
    seen = ~padded.all(axis=0)
    if seen.all() or not seen.any():
        return None
    y, x = (np.arange(n) * f + (f - 1) / 2.0 for n, f in zip(seen.shape, factor[1:], strict=True))
    rows, columns = np.nonzero(seen)
    radius = float(np.sqrt(len(rows) * factor[1] * factor[2] / np.pi))
    cy, cx = float(y[rows].mean()), float(x[columns].mean())
    disc = np.hypot(y[:, None] - cy, x[None, :] - cx) <= radius
    return (cy, cx, radius) if np.count_nonzero(disc != seen) < ROUND_MISFIT * len(rows) else None
