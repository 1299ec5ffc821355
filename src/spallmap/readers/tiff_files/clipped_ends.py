"""Samples of an image that were cut off at an end of their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning

# The ends of samples of 8 to 16 bits, signed or not.
ENDS = frozenset((1 << bits) - 1 for bits in range(7, 17))
# Edges and grains of heavy metal are that bright in 1.5 % of a good image; pores, cracks and the hole of a
# holder are truly black in a third of one.
BRIGHT_FRACTION, DARK_FRACTION = 0.02, 0.4
# Drawings, masks and labels have few greys, and no range that could be cut off.
FEW_GREYS = 16
# Samples that are counted at a time.
_CHUNK = 1 << 22


def clipped_ends(
    source_label: str, image: NDArray[Any], n_rows: int
) -> tuple[tuple[DataWarning, ...], NDArray[np.bool_] | None]:
    """Report an image many of whose samples stand at an end of their range.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    image : ndarray, shape (rows, columns)
        Grey values.
    n_rows : int
        Rows above the data bar; below it nothing is looked at.

    Returns
    -------
    tuple of DataWarning, and ndarray of bool or None
        What is odd, and which samples are at an end; nothing and None where few are.

    Examples
    --------
    >>> image = np.arange(400, dtype=np.uint16).reshape(20, 20) * 20
    >>> warnings, clipped = clipped_ends("a.tif", np.minimum(image, 4095), 20)
    >>> print(warnings[0])  # doctest: +ELLIPSIS
    a.tif: found 48.8 % of the samples at 4095, an end of their range; ...
    >>> int(clipped.sum())
    195
    """
    specimen = image[:n_rows]
    if specimen.dtype.kind not in "ui" or specimen.dtype.itemsize > 2 or not specimen.size:
        return (), None
    lowest = int(np.iinfo(specimen.dtype).min)
    counts = np.zeros(1 << (8 * specimen.dtype.itemsize), np.int64)
    step = max(1, _CHUNK // max(specimen.shape[1], 1))
    for start in range(0, len(specimen), step):
        part = specimen[start : start + step].astype(np.int64).ravel()
        counts += np.bincount(part - lowest, minlength=len(counts))
    used = np.flatnonzero(counts)
    if len(used) <= FEW_GREYS:
        return (), None
    dark, bright = int(used[0]) + lowest, int(used[-1]) + lowest
    found, clipped = [], np.zeros(image.shape, dtype=bool)
    for end, least, is_end in (
        (bright, BRIGHT_FRACTION, bright in ENDS),
        (dark, DARK_FRACTION, dark in (0, lowest)),
    ):
        fraction = float(counts[end - lowest]) / specimen.size
        if is_end and fraction >= least:
            found.append(f"{100 * fraction:.1f} % of the samples at {end}, an end of their range")
            clipped[:n_rows] |= specimen == end
    if not found:
        return (), None
    advice = "what is brighter or darker was cut off: greys there are not to be trusted"
    return (DataWarning(source_label, " and ".join(found), advice),), clipped
