"""Whether the grey values of the cell were cut off at the ends of their range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Sliceable
from spallmap.errors import DataWarning
from spallmap.tomography.blockwise.coarse import Coarse

# The extremes of unclipped noise are held by a handful of voxels; of eight bits by some more.
LEAST_AT_END = 1e-4
LEAST_AT_END_OF_BYTES = 0.005
# Fraction of the ceramic's voxels at the top of the range from which on it is told: noise that was not cut
# off leaves a handful there, an export that cuts 0.35 % of all voxels some 0.7 % of it, which moves nothing.
LEAST_CLIPPED = 0.01
# Fraction of what lies above and below the ceramic that is at the bottom of the range: sodium that was cut
# off cannot be distinguished from gas. Gas at 0 beside sodium is usual.
LEAST_EMPTY = 0.8
# Fraction of all voxels at the bottom of the range from which on it is told where no ceramic is found;
# outside a round field of view lie 21 %.
MUCH_CLIPPED = 0.5
# Slices that are looked at.
SAMPLED_SLICES = 24
# Coarse voxels around the ceramic that its blur reaches.
RIM_VOXELS = 3

EXPORT = "used as it is: export it again with a range that holds all grey values of the cell"


def clipped_fractions(source: Sliceable, coarse: Coarse, padded: NDArray[np.bool_]) -> tuple[float, float]:
    """Fractions of voxels at both ends of the grey values, where noise alone would not put so many."""
    total = float(np.prod(source.shape))
    padding_is_low = bool(padded.any()) and float(coarse.values[padded][0]) == coarse.lowest
    low = 0.0 if padding_is_low else coarse.n_lowest / total
    high = coarse.n_highest / total
    least = LEAST_AT_END if source.dtype.itemsize > 1 else LEAST_AT_END_OF_BYTES
    return (low if low > least else 0.0), (high if high > least else 0.0)


def clipping_warnings(
    source: Sliceable,
    coarse: Coarse,
    body: NDArray[np.bool_] | None,
    source_label: str,
) -> tuple[DataWarning, ...]:
    """Tell where grey values inside the cell were cut off; air outside it at 0 is usual.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        The scan.
    coarse : Coarse
        Its coarse copy.
    body : ndarray of bool or None
        The ceramic in the copy; None where there is none.
    source_label : str
        What to call the volume.

    Returns
    -------
    tuple of DataWarning
        Empty where nothing was cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography.blockwise.coarse import coarse_copy
    >>> rng = np.random.default_rng(1)
    >>> scan = np.minimum(rng.normal(200.0, 20.0, (40, 40, 40)), 220.0)
    >>> copy = coarse_copy(scan, 1_000_000, 2)
    >>> [odd] = clipping_warnings(scan, copy, np.ones(copy.values.shape, bool), "scan.tif")
    >>> print(odd)  # doctest: +ELLIPSIS
    scan.tif: found 15 % of the ceramic's voxels at the greatest grey value, 220; used as it is: ...
    """
    if body is None:
        low = coarse.n_lowest / float(np.prod(source.shape))
        if low < MUCH_CLIPPED:
            return ()
        found = (
            f"{100.0 * low:.0f} % of all voxels at the least grey value, {coarse.lowest:g}, and no ceramic"
        )
        return (DataWarning(source_label, found, EXPORT),)
    odd = []
    high = _fraction_at(source, coarse, body, coarse.highest)
    if high >= LEAST_CLIPPED:
        found = f"{100.0 * high:.2g} % of the ceramic's voxels at the greatest grey value, {coarse.highest:g}"
        odd.append(DataWarning(source_label, found, EXPORT))
    beside = np.any(body, axis=0) & ~ndimage.binary_dilation(body, iterations=RIM_VOXELS)
    if beside.any():
        low = float(np.mean(coarse.values[beside] <= coarse.lowest))
        if low >= LEAST_EMPTY:
            found = (
                f"{100.0 * low:.0f} % of what lies above and below the ceramic at the least grey value, "
                f"{coarse.lowest:g}"
            )
            odd.append(DataWarning(source_label, found, f"sodium cannot be distinguished from gas; {EXPORT}"))
    return tuple(odd)


def _fraction_at(source: Sliceable, coarse: Coarse, body: NDArray[np.bool_], grey: float) -> float:
    """Fraction of a body's voxels that have one grey value, in some slices."""
    fz, fy, fx = coarse.factor
    planes = np.flatnonzero(body.any(axis=(1, 2)))
    n = total = 0
    for k in planes[:: max(1, len(planes) // SAMPLED_SLICES)]:
        image = np.asarray(source[k * fz : k * fz + 1, 0 : source.shape[1], 0 : source.shape[2]])[0]
        mask = np.repeat(np.repeat(body[k], fy, axis=0), fx, axis=1)
        inside = image[: mask.shape[0], : mask.shape[1]][mask]
        n += int(np.count_nonzero(inside == grey))
        total += inside.size
    return n / max(total, 1)
