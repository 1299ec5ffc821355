"""Element maps mixed into one picture, each element in its colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.figures import style

# Colours of the elements that matter in a sodium cell; others take what is left of the palette, in order.
ELEMENT_COLOURS = {
    "Na": style.OKABE_ITO["orange"],
    "O": style.OKABE_ITO["sky"],
    "Al": style.OKABE_ITO["green"],
    "C": style.OKABE_ITO["purple"],
}
SPARE_COLOURS = (style.OKABE_ITO["yellow"], style.OKABE_ITO["vermillion"], style.OKABE_ITO["blue"])


def element_colours(elements: Sequence[str]) -> dict[str, str]:
    """Colour of each element: its own where it has one, else the next spare one."""
    spare = iter(SPARE_COLOURS * (len(elements) // len(SPARE_COLOURS) + 1))
    return {name: ELEMENT_COLOURS[name] if name in ELEMENT_COLOURS else next(spare) for name in elements}


def composite(counts: NDArray[np.float64], colours: Sequence[str]) -> NDArray[np.float64]:
    """Mix element maps into one colour picture.

    Each map is smoothed by one pixel, stretched from its 5th to its 99.5th percentile and laid over the
    others by screening, so that no element hides another.

    Parameters
    ----------
    counts : ndarray, shape (n, ny, nx)
        Net counts; NaN outside the field.
    colours : sequence of str
        One per map.

    Returns
    -------
    ndarray, shape (ny, nx, 3)
        Red, green, blue from 0 to 1.
    """
    dark = np.ones((*counts.shape[1:], 3))
    for layer, colour in zip(counts, colours, strict=True):
        smooth = ndimage.gaussian_filter(np.nan_to_num(layer), 1.0)
        low, high = style.grey_range(smooth[np.isfinite(layer)], 5.0, 99.5)
        weight = ((smooth - low) / (high - low)).clip(0.0, 1.0)
        dark *= 1.0 - weight[..., None] * np.asarray(to_rgb(colour))
    return 1.0 - dark
