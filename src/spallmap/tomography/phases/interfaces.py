"""The two faces of the ceramic as height maps over the plane of the disc."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, Sliceable, map_blocks
from spallmap.tomography.blockwise.coarse import slabs
from spallmap.tomography.grey.common_scale import MIDDLE_GREY
from spallmap.tomography.labels import is_filled
from spallmap.tomography.phases.faces import refined_heights

# Columns next to the side wall that are left out of the roughness: their faces are blurred with it.
RIM_COLUMNS = 4
# Columns with less than this fraction of the median thickness cut the side wall of a tilted disc.
RIM_FRACTION = 0.9
# Labels end this near to where the grey has its half level; a face further off is the dip of a crack.
LABEL_STEP_VOXELS = 0.75


@dataclass(frozen=True)
class Roughness:
    """Roughness of a face.

    Parameters
    ----------
    sa_um, sq_um : float
        Mean and root mean square distance from the mean plane.
    """

    sa_um: float
    sq_um: float


@dataclass(frozen=True)
class Interfaces:
    """Bottom and top face of the filled ceramic.

    Parameters
    ----------
    bottom, top : ndarray, shape (ny, nx)
        Height of the face in every column in slices, where slice k reaches from k - 1/2 to k + 1/2; NaN where
        the column holds no ceramic. Top is the face at larger z.
    bottom_plane, top_plane : ndarray, shape (3,)
        Plane of each face in voxels, ``z = a + b * y + c * x``, fitted away from the side wall.
    bottom_cut, top_cut : ndarray of bool, shape (ny, nx)
        Columns whose ceramic goes on beyond the first or the last slice: there the volume ends, not the
        ceramic, and the height is that of its end.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import Interfaces
    >>> flat, uncut = np.ones((30, 30), dtype=np.float32), np.zeros((30, 30), dtype=bool)
    >>> plane = np.array([1.0, 0.0, 0.0])
    >>> faces = Interfaces(5.5 * flat, 14.5 * flat, 5.5 * plane, 14.5 * plane, uncut, uncut)
    >>> [float(d[0]) for d in faces.depth_um(np.array([[6.5, 10.0, 10.0]]), (5.0, 5.0, 5.0))]
    [5.0, 40.0]
    >>> faces.roughness_um((5.0, 5.0, 5.0), top=True).sa_um
    0.0
    """

    bottom: NDArray[np.float32]
    top: NDArray[np.float32]
    bottom_plane: NDArray[np.float64]
    top_plane: NDArray[np.float64]
    bottom_cut: NDArray[np.bool_]
    top_cut: NDArray[np.bool_]

    def normal(self, spacing_um: Sequence[float], top: bool) -> NDArray[np.float64]:
        """Return the unit normal (z, y, x) of a face's plane, pointing to larger z.

        Parameters
        ----------
        spacing_um : sequence of float
            Voxel spacing along z, y and x.
        top : bool
            The top face instead of the bottom face.

        Returns
        -------
        ndarray, shape (3,)
            The normal in physical space, in array order.
        """
        _, b, c = self.top_plane if top else self.bottom_plane
        dz, dy, dx = spacing_um
        n = np.array([1.0, -b * dz / dy, -c * dz / dx])
        unit: NDArray[np.float64] = n / np.linalg.norm(n)
        return unit

    def roughness_um(self, spacing_um: Sequence[float], top: bool) -> Roughness:
        """Roughness of a face about its plane, waviness and the scan's own error included.

        Parameters
        ----------
        spacing_um : sequence of float
            Voxel spacing along z, y and x.
        top : bool
            The top face instead of the bottom face.

        Returns
        -------
        Roughness
            Over the columns away from the side wall; NaN where there are none.

        References
        ----------
        ISO 25178-2 (2021): Sa and Sq, here of the surface that the scan shows, without further filters.
        """
        height, plane = (self.top, self.top_plane) if top else (self.bottom, self.bottom_plane)
        thickness = self.top - self.bottom
        with np.errstate(invalid="ignore"):
            whole = thickness >= RIM_FRACTION * np.nanmedian(thickness)
        whole &= ~(self.top_cut if top else self.bottom_cut)
        whole = ndimage.binary_erosion(whole, iterations=RIM_COLUMNS)
        if not whole.any():
            return Roughness(np.nan, np.nan)
        (a, b, c), (y, x) = plane, np.nonzero(whole)
        along = spacing_um[0] * self.normal(spacing_um, top)[0]
        off = (height[y, x] - (a + b * y + c * x)).astype(np.float64) * along
        off -= off.mean()
        return Roughness(float(np.abs(off).mean()), float(np.sqrt(np.mean(off**2))))

    def depth_um(
        self, index: NDArray[Any], spacing_um: Sequence[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance of points from the bottom and from the top face, along each face's normal.

        Parameters
        ----------
        index : ndarray, shape (n, 3)
            Fractional voxel indices (z, y, x).
        spacing_um : sequence of float
            Voxel spacing along z, y and x.

        Returns
        -------
        below_bottom, below_top : ndarray, shape (n,)
            Depths in micrometres, 0 at the face and positive inside the ceramic; infinite where the volume
            ends before the ceramic does.
        """
        z, y, x = np.asarray(index, dtype=np.float64).T
        row = np.clip(np.rint(y).astype(np.int64), 0, self.bottom.shape[0] - 1)
        column = np.clip(np.rint(x).astype(np.int64), 0, self.bottom.shape[1] - 1)
        thickness = self.top[row, column] - self.bottom[row, column]
        plane_bottom, plane_top = (a + b * y + c * x for a, b, c in (self.bottom_plane, self.top_plane))
        # Columns through the side wall of a tilted disc end at the wall: there the faces' planes are meant.
        with np.errstate(invalid="ignore"):
            whole = thickness >= RIM_FRACTION * (plane_top - plane_bottom)
        bottom = np.where(whole, self.bottom[row, column], plane_bottom)
        top = np.where(whole, self.top[row, column], plane_top)
        up, down = self.normal(spacing_um, top=False)[0], self.normal(spacing_um, top=True)[0]
        below, above = (z - bottom) * spacing_um[0] * up, (top - z) * spacing_um[0] * down
        below = np.where(self.bottom_cut[row, column], np.inf, below)
        return below, np.where(self.top_cut[row, column], np.inf, above)


def find_interfaces(labels: Sliceable, grey: Sliceable | None = None, threads: int = 1) -> Interfaces | None:
    """Height maps of the faces of the ceramic with its voids filled.

    Parameters
    ----------
    labels : Sliceable, shape (nz, ny, nx)
        Labels as made by :meth:`spallmap.tomography.PhasePlan.labels`, read once.
    grey : Sliceable, optional
        The volume on the common scale. With it the faces lie where the grey is half-way between that of the
        ceramic and that of what lies against it, to a fraction of a voxel; without it half a voxel outside
        the outermost labelled voxel.
    threads : int
        Number of threads.

    Returns
    -------
    Interfaces or None
        None where there is no ceramic.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_interfaces
    >>> labels = np.full((20, 30, 30), 5, dtype=np.uint8)
    >>> labels[6:15, 4:26, 4:26] = 1
    >>> faces = find_interfaces(labels)
    >>> float(faces.bottom[15, 15]), float(faces.top[15, 15])
    (5.5, 14.5)
    >>> faces.normal((5.0, 5.0, 5.0), top=True).round(3).tolist()
    [1.0, 0.0, 0.0]
    """
    nz, ny, nx = labels.shape
    bottom = np.full((ny, nx), nz, dtype=np.float32)
    top = np.full((ny, nx), -1, dtype=np.float32)

    def work(region: Region) -> tuple[slice, NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
        slab = np.asarray(labels[region])
        filled = is_filled(slab)
        return region[0], np.asarray(filled.any(axis=0), dtype=np.bool_), *column_ends(filled)

    for z, found, low, high in map_blocks(work, slabs(labels.shape), threads):
        np.minimum(bottom, low + z.start, out=bottom, where=found)
        np.maximum(top, high + z.start, out=top, where=found)
    covered = top >= 0
    if not covered.any():
        return None
    bottom_cut, top_cut = covered & (bottom == 0), covered & (top == nz - 1)
    thickness = top - bottom + 1.0
    bottom, top = bottom - np.float32(0.5), top + np.float32(0.5)
    if grey is not None:
        # A step of the labels is half a voxel at most, and a crack's dip is for them to bridge.
        for height, cut, up in ((bottom, bottom_cut, False), (top, top_cut, True)):
            fine = refined_heights(grey, height, covered & ~cut, up, MIDDLE_GREY, threads)
            np.copyto(height, fine, where=np.abs(fine - height) <= LABEL_STEP_VOXELS)
    bottom_face = np.where(covered, bottom, np.nan).astype(np.float32)
    top_face = np.where(covered, top, np.nan).astype(np.float32)
    whole = covered & (thickness >= RIM_FRACTION * np.median(thickness[covered]))
    return Interfaces(
        bottom_face,
        top_face,
        fit_plane(bottom_face, _or_all(whole & ~bottom_cut, whole)),
        fit_plane(top_face, _or_all(whole & ~top_cut, whole)),
        bottom_cut,
        top_cut,
    )


def _or_all(some: NDArray[np.bool_], everything: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return some if np.count_nonzero(some) >= 3 else everything


def column_ends(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First and last slice of a mask in every column; meaningless where the column is empty.

    Parameters
    ----------
    mask : ndarray of bool, shape (nz, ny, nx)
        The body.

    Returns
    -------
    bottom, top : ndarray, shape (ny, nx)
        Slice indices.
    """
    bottom = mask.argmax(axis=0).astype(np.float32)
    top = (mask.shape[0] - 1 - mask[::-1].argmax(axis=0)).astype(np.float32)
    return bottom, top


def fit_plane(height: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit a plane to a height map by iteratively trimmed least squares.

    Parameters
    ----------
    height : ndarray, shape (ny, nx)
        Heights in voxels.
    where : ndarray of bool
        The columns that count.

    Returns
    -------
    ndarray, shape (3,)
        ``a, b, c`` of ``height = a + b * row + c * column``.
    """
    rows, columns = np.nonzero(where)
    values = height[rows, columns].astype(np.float64)
    design = np.column_stack([np.ones(len(rows)), rows, columns]).astype(np.float64)
    keep = np.ones(len(rows), dtype=bool)
    plane: NDArray[np.float64] = np.zeros(3)
    for _ in range(4):
        plane = np.linalg.lstsq(design[keep], values[keep], rcond=None)[0].astype(np.float64)
        residual = np.abs(values - design @ plane)
        # Three robust standard deviations; at least a voxel, since heights are whole voxels.
        keep = residual <= max(1.0, 3.0 * 1.4826 * float(np.median(residual)))
    return plane


def close_notches(height: NDArray[np.float32], where: NDArray[np.bool_], radius: int) -> NDArray[np.float32]:
    """Fill narrow notches of an upper face: grey closing that does not look beyond the body.

    Parameters
    ----------
    height : ndarray, shape (ny, nx)
        Height of the face.
    where : ndarray of bool
        Columns that hold the body.
    radius : int
        Notches up to ``2 * radius`` voxels wide are filled.

    Returns
    -------
    ndarray, shape (ny, nx)
        The closed face; it is nowhere lower than before.
    """
    grid = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius + 0.5
    lowest, highest = float(height[where].min()) - 1.0, float(height[where].max()) + 1.0
    dilated = ndimage.grey_dilation(
        np.where(where, height, lowest), footprint=grid, mode="constant", cval=lowest
    )
    closed = ndimage.grey_erosion(
        np.where(dilated >= lowest + 0.5, dilated, highest), footprint=grid, mode="constant", cval=highest
    )
    return np.where(where, np.maximum(closed, height), height).astype(np.float32)
