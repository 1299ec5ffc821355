"""Values of a volume, or of several on one grid, between its samples."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def interpolate(
    layers: NDArray[np.float32], indices: NDArray[np.float64]
) -> NDArray[np.float64]:  # pragma: no cover
    """Interpolate several layers linearly; beyond the edge the outermost sample goes on.

    Parameters
    ----------
    layers : ndarray, shape (nz, ny, nx, k)
        Samples; one slice for a plane image.
    indices : ndarray, shape (n, 3)
        Fractional (slice, row, column).

    Returns
    -------
    ndarray, shape (n, k)
        The values.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    >>> interpolate(ramp, np.array([[0.0, 0.0, 1.25], [0.0, 0.0, 9.0]])).ravel()
    array([1.25, 3.  ])
    """
    n_layers = layers.shape[3]
    last = (layers.shape[0] - 1, layers.shape[1] - 1, layers.shape[2] - 1)
    sampled = np.zeros((indices.shape[0], n_layers))
    low = np.empty(3, np.int64)
    above = np.empty(3)
    for p in range(indices.shape[0]):
        for axis in range(3):
            position = min(max(indices[p, axis], 0.0), float(last[axis]))
            low[axis] = min(int(position), max(last[axis] - 1, 0))
            above[axis] = position - low[axis]
        for corner in range(8):
            weight = 1.0
            z, y, x = low[0], low[1], low[2]
            if corner & 1:
                weight *= above[2]
                x = min(x + 1, last[2])
            else:
                weight *= 1.0 - above[2]
            if corner & 2:
                weight *= above[1]
                y = min(y + 1, last[1])
            else:
                weight *= 1.0 - above[1]
            if corner & 4:
                weight *= above[0]
                z = min(z + 1, last[0])
            else:
                weight *= 1.0 - above[0]
            if weight > 0.0:
                for k in range(n_layers):
                    sampled[p, k] += weight * layers[z, y, x, k]
    return sampled
