"""Response of dark plates: sheetness from the eigenvalues of the Hessian at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded, tiles, whole
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_plane

# Scales that cover sheets between a third of a voxel and three voxels wide.
SIGMAS_VOXELS = (1.0, 1.5, 2.0)
# Second derivatives of white noise fall as sigma**-3.5 in three dimensions; the factor makes scales
# comparable.
NOISE_EXPONENT = 3.5
# Edge of a block when a whole array is filtered: the planes that the filter works on stay in the cache.
RESPONSE_TILE = 128
# cos(2/3 arccos t) for t between 0 and 1, to 1e-8: a polynomial lets the compiler work on many voxels at
# once.
COSINE_OF_TWO_THIRDS = np.polynomial.Chebyshev.interpolate(
    lambda t: np.cos(2.0 / 3.0 * np.arccos(np.clip(t, -1.0, 1.0))), 9, domain=[0.0, 1.0]
).convert(kind=np.polynomial.Polynomial)
_C = tuple(np.float32(c) for c in COSINE_OF_TWO_THIRDS.coef)
_ROOT_3 = np.float32(np.sqrt(3.0))


def plate_response(
    volume: NDArray[Any],
    mask: NDArray[np.bool_] | None = None,
    sigmas: Sequence[float] = SIGMAS_VOXELS,
    weights: Sequence[float] | None = None,
    *,
    bright: bool = False,
    threads: int = 1,
) -> NDArray[np.float32]:
    r"""Sheetness of dark plates, the largest over several scales.

    At each scale the response is :math:`\lambda_1 - \max(|\lambda_2|, |\lambda_3|)` with the eigenvalues
    :math:`\lambda_1 \ge \lambda_2 \ge \lambda_3` of the Hessian, and 0 where that is negative: large across
    a sheet, near zero in a round pore and along a tube, and 0 beside an edge. Second differences of the
    smoothed volume stand for the derivatives. The answer does not depend on how the volume is cut into
    blocks, to the last bit.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        Grey values.
    mask : ndarray of bool, optional
        Voxels whose response is wanted; it is 0 elsewhere.
    sigmas : sequence of float
        Gaussian scales in voxels.
    weights : sequence of float, optional
        Factor of each scale; ``sigma ** 3.5`` where absent, which equalises white noise.
    bright : bool
        Respond to bright plates instead of dark ones.
    threads : int
        Number of threads.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        The weighted response.

    Raises
    ------
    ValueError
        If there are not three axes.

    References
    ----------
    Sato et al., Tissue classification based on 3D local intensity structures for volume rendering, IEEE
    Transactions on Visualization and Computer Graphics 6 (2000): sheets from the eigenvalues of the Hessian.
    Descoteaux et al., Bone enhancement filtering: application to sinus bone segmentation and simulation of
    pituitary surgery, MICCAI 2005: the same for plates of bone.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import plate_response
    >>> volume = np.full((21, 21, 21), 50_000.0)
    >>> volume[10] = 10_000.0
    >>> response = plate_response(volume)
    >>> int(response[:, 10, 10].argmax())
    10
    """
    if volume.ndim != 3:
        raise ValueError(f"a volume is needed; got {volume.ndim} axes")
    if weights is None:
        weights = [s**NOISE_EXPONENT for s in sigmas]
    response = np.zeros(volume.shape, dtype=np.float32)

    def fill(region: Region) -> None:
        if mask is not None and not mask[region].any():
            return
        parts = block_responses(volume, region, sigmas, bright=bright)
        combined = combine(parts, weights)
        response[region] = combined if mask is None else np.where(mask[region], combined, 0.0)

    for _ in map_blocks(fill, tiles(whole(volume.shape), RESPONSE_TILE), threads):
        pass
    return response


def combine(responses: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    """Take the largest of the weighted responses of several scales.

    Parameters
    ----------
    responses : sequence of ndarray
        One array a scale.
    weights : sequence of float
        Their factors.

    Returns
    -------
    ndarray of float32
        Of the responses' shape.
    """
    best = responses[0] * np.float32(weights[0])
    for response, weight in zip(responses[1:], weights[1:], strict=True):
        np.maximum(best, response * np.float32(weight), out=best)
    return best


def block_responses(
    source: Sliceable,
    region: Region,
    sigmas: Sequence[float] = SIGMAS_VOXELS,
    *,
    bright: bool = False,
) -> list[NDArray[np.float32]]:
    """Response of plates in a part of a volume, unweighted, one array a scale.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        Grey values; beyond the volume its outermost voxels are repeated.
    region : tuple of slice
        Where the response is wanted; :func:`filter_halo` voxels around it are read.
    sigmas : sequence of float
        Gaussian scales in voxels.
    bright : bool
        Respond to bright plates instead of dark ones.

    Returns
    -------
    list of ndarray of float32
        Of the region's shape.
    """
    halo = filter_halo(sigmas)
    return padded_responses(read_padded(source, region, halo).astype(np.float32), halo, sigmas, bright=bright)


def padded_responses(
    grey: NDArray[np.float32], halo: int, sigmas: Sequence[float] = SIGMAS_VOXELS, *, bright: bool = False
) -> list[NDArray[np.float32]]:
    """Response of plates in a block that was read with a halo, unweighted, one array a scale.

    Parameters
    ----------
    grey : ndarray of float32
        The block with its halo.
    halo : int
        Voxels of halo at each side, :func:`filter_halo` or more.
    sigmas : sequence of float
        Gaussian scales in voxels.
    bright : bool
        Respond to bright plates instead of dark ones.

    Returns
    -------
    list of ndarray of float32
        Of the block's shape without its halo.
    """
    shape = tuple(n - 2 * halo for n in grey.shape)
    out = []
    for sigma in sigmas:
        response = np.empty(shape, dtype=np.float32)
        _respond(grey, gaussian_taps(sigma), halo, np.float32(-1.0 if bright else 1.0), response)
        out.append(response)
    return out


def filter_halo(sigmas: Sequence[float] = SIGMAS_VOXELS) -> int:
    """Voxels around a region that its response depends on.

    Parameters
    ----------
    sigmas : sequence of float
        Gaussian scales in voxels.

    Returns
    -------
    int
        Radius of the widest Gaussian and one for the differences.
    """
    return max(len(gaussian_taps(s)) for s in sigmas)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _respond(
    grey: NDArray[np.float32],
    taps: NDArray[np.float32],
    halo: int,
    sign: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Response at one scale of a block that was read with a halo; one plane after the other."""
    nz, ny, nx = out.shape
    first = np.empty(grey.shape[1:], dtype=np.float32)
    second = np.empty((ny + 2, grey.shape[2]), dtype=np.float32)
    planes = np.empty((3, ny + 2, nx + 2), dtype=np.float32)
    for z in range(-1, nz + 1):
        smooth_plane(grey, z + halo, taps, taps, first, second, halo - 1, planes[(z + 1) % 3])
        if z < 1:
            continue
        _sheetness(planes[(z - 1) % 3], planes[z % 3], planes[(z + 1) % 3], sign, out[z - 1])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sheetness(
    below: NDArray[np.float32],
    here: NDArray[np.float32],
    above: NDArray[np.float32],
    sign: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Eigenvalue formula for the middle one of three smoothed planes, in strict arithmetic."""
    ny, nx = out.shape
    half, quarter, third, sixth = np.float32(0.5), np.float32(0.25), np.float32(1 / 3), np.float32(1 / 6)
    one, two, zero, tiny = np.float32(1), np.float32(2), np.float32(0), np.float32(1e-30)
    for y in range(ny):
        row = out[y]
        b0, b1, b2 = below[y, 1 : nx + 1], below[y + 1, 1 : nx + 1], below[y + 2, 1 : nx + 1]
        h0, h1, h2 = here[y, 1 : nx + 1], here[y + 1, 1 : nx + 1], here[y + 2, 1 : nx + 1]
        a0, a1, a2 = above[y, 1 : nx + 1], above[y + 1, 1 : nx + 1], above[y + 2, 1 : nx + 1]
        bl, br = below[y + 1, 0:nx], below[y + 1, 2 : nx + 2]
        al, ar = above[y + 1, 0:nx], above[y + 1, 2 : nx + 2]
        hl, hr = here[y + 1, 0:nx], here[y + 1, 2 : nx + 2]
        hl0, hr0, hl2, hr2 = here[y, 0:nx], here[y, 2 : nx + 2], here[y + 2, 0:nx], here[y + 2, 2 : nx + 2]
        for x in range(nx):
            centre = two * h1[x]
            zz = sign * (a1[x] + b1[x] - centre)
            yy = sign * (h2[x] + h0[x] - centre)
            xx = sign * (hr[x] + hl[x] - centre)
            zy = sign * quarter * (a2[x] - a0[x] - b2[x] + b0[x])
            zx = sign * quarter * (ar[x] - al[x] - br[x] + bl[x])
            yx = sign * quarter * (hr2[x] - hl2[x] - hr0[x] + hl0[x])
            q = (zz + yy + xx) * third
            zz, yy, xx = zz - q, yy - q, xx - q
            p2 = (zz * zz + yy * yy + xx * xx + two * (zy * zy + zx * zx + yx * yx)) * sixth
            p2 = p2 if p2 > tiny else tiny
            p = np.sqrt(p2)
            scale = one / p
            zz, yy, xx, zy, zx, yx = zz * scale, yy * scale, xx * scale, zy * scale, zx * scale, yx * scale
            r = half * (zz * (yy * xx - yx * yx) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx))
            r = r if r < one else one
            r = r if r > -one else -one
            t = np.sqrt(half * (one + r))
            c = _C[9]
            c = c * t + _C[8]
            c = c * t + _C[7]
            c = c * t + _C[6]
            c = c * t + _C[5]
            c = c * t + _C[4]
            c = c * t + _C[3]
            c = c * t + _C[2]
            c = c * t + _C[1]
            c = c * t + _C[0]
            rest = one - c * c
            s = _ROOT_3 * np.sqrt(rest if rest > zero else zero)
            l1 = q + two * p * c
            l2 = abs(q + p * (s - c))
            l3 = abs(q - p * (s + c))
            value = l1 - (l2 if l2 > l3 else l3)
            row[x] = value if value > zero else zero
