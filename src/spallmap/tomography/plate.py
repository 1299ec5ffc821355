"""Response of dark plates: sheetness from the eigenvalues of the Hessian at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIGMAS_VOXELS = (1.0, 1.5, 2.0)
"""Scales that cover sheets between a third of a voxel and three voxels wide."""
NOISE_EXPONENT = 3.5
"""Second derivatives of white noise fall as sigma**-3.5 in three dimensions; the factor makes scales
comparable."""


def plate_response(
    volume: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    sigmas: Sequence[float] = SIGMAS_VOXELS,
    weights: Sequence[float] | None = None,
    *,
    bright: bool = False,
) -> NDArray[np.float32]:
    r"""Sheetness of dark plates, the largest over several scales.

    At each scale the response is :math:`\\lambda_1 - \\max(|\\lambda_2|, |\\lambda_3|)` with the
    eigenvalues :math:`\\lambda_1 \\ge \\lambda_2 \\ge \\lambda_3` of the Hessian: large across a sheet,
    near zero in a round pore and along a tube, and negative beside an edge. Second differences of the
    smoothed volume stand for the derivatives.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        Grey values.
    mask : ndarray of bool, optional
        Voxels whose response is wanted; it is 0 elsewhere and on the outermost voxels.
    sigmas : sequence of float
        Gaussian scales in voxels.
    weights : sequence of float, optional
        Factor of each scale; ``sigma ** 3.5`` where absent, which equalises white noise.
    bright : bool
        Respond to bright plates instead of dark ones.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        The weighted response.

    References
    ----------
    Sato et al., Tissue classification based on 3D local intensity structures for volume rendering, IEEE
    Transactions on Visualization and Computer Graphics 6 (2000): sheets from the eigenvalues of the Hessian.
    Descoteaux et al., Bone enhancement filtering: application to sinus bone segmentation and simulation of
    pituitary surgery, MICCAI 2005: the same for plates of bone.
    """
    if volume.ndim != 3:
        raise ValueError(f"a volume is needed; got {volume.ndim} axes")
    if weights is None:
        weights = [s**NOISE_EXPONENT for s in sigmas]
    inside = np.ones(volume.shape, dtype=bool) if mask is None else mask
    response = np.zeros(volume.shape, dtype=np.float32)
    source = volume.astype(np.float32)
    for k, (sigma, weight) in enumerate(zip(sigmas, weights, strict=True)):
        smooth = ndimage.gaussian_filter(source, sigma, mode="nearest")
        _accumulate(smooth, inside, np.float32(-weight if bright else weight), k == 0, response)
    return response


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _eigenvalues(a: float, b: float, c: float, d: float, e: float, f: float) -> tuple[float, float, float]:
    """Eigenvalues of [[a, d, e], [d, b, f], [e, f, c]] in falling order (trigonometric solution)."""
    q = (a + b + c) / 3.0
    aa, bb, cc = a - q, b - q, c - q
    p2 = (aa * aa + bb * bb + cc * cc + 2.0 * (d * d + e * e + f * f)) / 6.0
    if p2 <= 1e-30:
        return q, q, q
    p = np.sqrt(p2)
    det = aa * (bb * cc - f * f) - d * (d * cc - f * e) + e * (d * f - bb * e)
    r = det / (2.0 * p2 * p)
    r = min(1.0, max(-1.0, r))
    phi = np.arccos(r) / 3.0
    first = q + 2.0 * p * np.cos(phi)
    last = q + 2.0 * p * np.cos(phi + 2.0943951023931953)
    return first, 3.0 * q - first - last, last


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _accumulate(
    g: NDArray[np.float32],
    inside: NDArray[np.bool_],
    weight: float,
    first: bool,
    out: NDArray[np.float32],
) -> None:
    nz, ny, nx = g.shape
    for z in range(1, nz - 1):
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                if not inside[z, y, x]:
                    continue
                centre2 = 2.0 * g[z, y, x]
                zz = g[z + 1, y, x] + g[z - 1, y, x] - centre2
                yy = g[z, y + 1, x] + g[z, y - 1, x] - centre2
                xx = g[z, y, x + 1] + g[z, y, x - 1] - centre2
                zy = 0.25 * (
                    g[z + 1, y + 1, x] - g[z + 1, y - 1, x] - g[z - 1, y + 1, x] + g[z - 1, y - 1, x]
                )
                zx = 0.25 * (
                    g[z + 1, y, x + 1] - g[z + 1, y, x - 1] - g[z - 1, y, x + 1] + g[z - 1, y, x - 1]
                )
                yx = 0.25 * (
                    g[z, y + 1, x + 1] - g[z, y + 1, x - 1] - g[z, y - 1, x + 1] + g[z, y - 1, x - 1]
                )
                l1, l2, l3 = _eigenvalues(
                    weight * zz, weight * yy, weight * xx, weight * zy, weight * zx, weight * yx
                )
                value = l1 - max(abs(l2), abs(l3))
                if first or value > out[z, y, x]:
                    out[z, y, x] = value


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sheet_normals(g: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Directions of strongest curvature, across a dark sheet.

    Parameters
    ----------
    g : ndarray of float32, shape (nz, ny, nx)
        Smoothed grey values.
    index : ndarray of int, shape (n, 3)
        Voxels, not on the volume's border.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors (z, y, x) in voxels with a positive first non-zero component.
    """
    out = np.empty((index.shape[0], 3))
    H = np.empty((3, 3))
    for i in range(index.shape[0]):
        z, y, x = index[i]
        centre2 = 2.0 * g[z, y, x]
        H[0, 0] = g[z + 1, y, x] + g[z - 1, y, x] - centre2
        H[1, 1] = g[z, y + 1, x] + g[z, y - 1, x] - centre2
        H[2, 2] = g[z, y, x + 1] + g[z, y, x - 1] - centre2
        H[0, 1] = 0.25 * (g[z + 1, y + 1, x] - g[z + 1, y - 1, x] - g[z - 1, y + 1, x] + g[z - 1, y - 1, x])
        H[0, 2] = 0.25 * (g[z + 1, y, x + 1] - g[z + 1, y, x - 1] - g[z - 1, y, x + 1] + g[z - 1, y, x - 1])
        H[1, 2] = 0.25 * (g[z, y + 1, x + 1] - g[z, y + 1, x - 1] - g[z, y - 1, x + 1] + g[z, y - 1, x - 1])
        H[1, 0], H[2, 0], H[2, 1] = H[0, 1], H[0, 2], H[1, 2]
        n = np.linalg.eigh(H)[1][:, 2]
        if n[0] < 0:
            n = -n
        out[i] = n
    return out
