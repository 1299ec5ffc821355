"""Which echo of a train is registered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spallmap.image import Image


def least_weighted_echo(
    echoes: Image,
    te_ms: Sequence[float],
    exclude: NDArray[np.bool_] | None = None,
    spoiled_te_ms: Sequence[float] = (),
) -> Image:
    """Take the echo that T2 has weighted least: of those that are fit for use the one of shortest echo time.

    Parameters
    ----------
    echoes : Image
        Magnitudes with one leading axis, the echoes'.
    te_ms : sequence of float
        Their echo times in milliseconds.
    exclude : ndarray of bool, optional
        Over the spatial axes: pixels to leave out of the registration, such as long-T2 regions, so that what
        is to be linked does not steer the fit.
    spoiled_te_ms : sequence of float, optional
        Echo times of the echoes that are not to be used, such as those under a spark's stripes.

    Returns
    -------
    Image
        The echo; its mask is False where it is left out.

    Raises
    ------
    ValueError
        If there is not one echo time for each echo, or no echo is left.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.image import Image
    >>> train = Image(np.array([[[4.0, 5.0]], [[8.0, 9.0]]]), ("echo", "y", "x"), (46.0, 23.0))
    >>> echo = least_weighted_echo(train, [6.0, 2.0], exclude=np.array([[False, True]]))
    >>> echo.data
    array([[8., 9.]])
    >>> echo.mask
    array([[ True, False]])
    >>> least_weighted_echo(train, [6.0, 2.0], spoiled_te_ms=[2.0]).data
    array([[4., 5.]])
    """
    if len(te_ms) != len(echoes.data) or echoes.data.ndim != echoes.n_spatial + 1:
        raise ValueError(
            f"echoes of shape {echoes.data.shape} and {len(te_ms)} echo times do not belong together"
        )
    left = [k for k, te in enumerate(te_ms) if te not in spoiled_te_ms]
    if not left:
        raise ValueError(f"no echo is left of those at {', '.join(f'{te:g}' for te in te_ms)} ms")
    data = echoes.data[min(left, key=lambda k: te_ms[k])]
    mask = None if exclude is None else ~np.asarray(exclude, dtype=bool)
    return Image(data, echoes.axes[1:], echoes.spacing_um, mask)
