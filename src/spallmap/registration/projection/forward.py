"""From points of metal to the complex image that a scanner makes of them, in projection or in slices."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spallmap.frames import AffineMap
from spallmap.registration.projection.metal import Cloud

# Fine samples per image sample. With four, the interpolation kernel that spreads the points leaves some 0.1 %
# of aliased signal inside the image's own band.
OVERSAMPLING = 4
# A slice is a box whose edges rise over this fraction of the distance between slices, as a selective
# pulse's do.
SLICE_EDGE = 0.3

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class ProjectionPose:
    """Where the cell lies in the image.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Its columns are the image's own x, y and normal in the volume's frame.
    centre_own_um : ndarray, shape (3,)
        Where the metal's centroid lies in the image's own frame; in a projection the depth is 0.
    """

    rotation: NDArray[np.float64]
    centre_own_um: NDArray[np.float64]

    def to_map(self, centre_um: NDArray[np.float64]) -> AffineMap:
        """Return the map from the image's frame to the volume's; the centroid is sent to `centre_um`."""
        return AffineMap.from_parts(self.rotation, centre_um - self.rotation @ self.centre_own_um)

    @classmethod
    def from_map(
        cls, to_volume: AffineMap, centre_um: NDArray[np.float64], *, depth: bool = False
    ) -> ProjectionPose:
        """Read the pose out of a rigid map; its depth only where `depth` says that it means anything."""
        own = to_volume.inverse()(centre_um)
        return cls(to_volume.linear, own * [1.0, 1.0, float(depth)])


@dataclass(frozen=True)
class Slices:
    """The third axis of a stack of slices without gaps.

    Parameters
    ----------
    count : int
        Number of slices.
    spacing_um : float
        Distance between them, which is their thickness.
    """

    count: int
    spacing_um: float

    def fractions(
        self, depth_um: NDArray[np.float64], *, moving: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Distribute points over the two slices whose middles they lie between.

        Parameters
        ----------
        depth_um : ndarray, shape (n,)
            Own depths; the first slice's middle is at 0.
        moving : bool
            Return the derivatives of the fractions by depth instead, 1/um.

        Returns
        -------
        lower : ndarray of int, shape (n,)
            The slice below.
        in_lower, in_upper : ndarray, shape (n,)
            Fractions in that slice and in the next.
        """
        position = depth_um / self.spacing_um
        lower = np.floor(position)
        upper = np.clip((position - lower - 0.5) / SLICE_EDGE + 0.5, 0.0, 1.0)
        if moving:
            slope = np.where((upper > 0.0) & (upper < 1.0), 1.0 / (SLICE_EDGE * self.spacing_um), 0.0)
            return lower.astype(np.int64), -slope, slope
        return lower.astype(np.int64), 1.0 - upper, upper


@dataclass(frozen=True)
class Sampler:
    """The Fourier samples that an image of a given grid is made of.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image.
    spacing_um : tuple of float
        Row and column spacing.
    oversampling : int
        Fine samples per image sample on which points are spread.
    slices : Slices or None
        The third axis of a stack; None is a projection.
    """

    shape: tuple[int, int]
    spacing_um: tuple[float, float]
    oversampling: int = OVERSAMPLING
    slices: Slices | None = None

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of an image, (ny, nx) or (n_slices, ny, nx)."""
        return self.shape if self.slices is None else (self.slices.count, *self.shape)

    @property
    def image_spacing_um(self) -> tuple[float, ...]:
        """Spacing along the axes of an image."""
        return self.spacing_um if self.slices is None else (self.slices.spacing_um, *self.spacing_um)

    @property
    def frequencies(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Angular spatial frequencies along rows, shape (ny, 1), and along columns, shape (1, nx), 1/um."""
        ky, kx = (2.0 * np.pi * fft.fftfreq(n, s) for n, s in zip(self.shape, self.spacing_um, strict=True))
        return ky[:, None], kx[None, :]

    def transform(
        self,
        positions: NDArray[np.float64],
        weights: NDArray[np.float64],
        spread_um2: float,
        *,
        moving: bool = False,
    ) -> Complex:
        """Fourier transform of weighted points at the image's own frequencies.

        Points outside the field of view fold back into it, as they do in a scan; points above and below a
        stack are not seen.

        Parameters
        ----------
        positions : ndarray, shape (n, 3)
            Own (x, y, depth) of each point in micrometres.
        weights : ndarray, shape (n, k)
            k weights per point.
        spread_um2 : float
            Variance, per direction, of what each point stands for.
        moving : bool
            Of a stack, return the derivative by the points' depth instead.

        Returns
        -------
        ndarray, shape (k, ny, nx) or (k, n_slices, ny, nx)
            Signal per image sample, in the order of :func:`scipy.fft.fft2`; its inverse transform has the
            weights' unit per pixel.
        """
        fine_shape = tuple(n * self.oversampling for n in self.shape)
        fine_um = tuple(s / self.oversampling for s in self.spacing_um)
        n, k = weights.shape
        if self.slices is None:
            count, fractions = 1, (np.zeros(n, dtype=np.int64), np.ones(n), np.zeros(n))
        else:
            count, fractions = self.slices.count, self.slices.fractions(positions[:, 2], moving=moving)
        fine = np.zeros((k, count, *fine_shape))
        _spread(
            np.ascontiguousarray(positions[:, :2]),
            np.ascontiguousarray(weights),
            *fractions,
            fine_um[1],
            fine_um[0],
            fine,
        )
        spectrum = fft.fft(fft.rfft(fine, axis=-1)[..., : self.shape[1] // 2 + 1], axis=-2)
        rows = np.rint(fft.fftfreq(self.shape[0]) * self.shape[0]).astype(int)
        columns = np.rint(fft.fftfreq(self.shape[1]) * self.shape[1]).astype(int)
        # A real object's negative frequencies are the conjugates of its positive ones.
        positive = spectrum[..., rows, :][..., np.abs(columns)]
        mirrored = np.conj(spectrum[..., -rows, :][..., np.abs(columns)])
        cropped = np.where(columns >= 0, positive, mirrored)
        ky, kx = self.frequencies
        kernel = np.sinc(ky * fine_um[0] / (2 * np.pi)) * np.sinc(kx * fine_um[1] / (2 * np.pi))
        samples = cropped * (np.exp(-0.5 * spread_um2 * (kx**2 + ky**2)) / kernel**2)
        return np.asarray(samples.reshape(k, *self.image_shape), dtype=np.complex128)

    def image(self, spectrum: Complex) -> Complex:
        """Complex image of Fourier samples, of the same shape; the last two axes are transformed."""
        return np.asarray(fft.ifft2(spectrum, axes=(-2, -1)), dtype=np.complex128)


def project(cloud: Cloud, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of a cloud along the image's axes, relative to its centre.

    Parameters
    ----------
    cloud : Cloud
        The points.
    rotation : ndarray, shape (3, 3)
        Columns: own x, y, normal.

    Returns
    -------
    ndarray, shape (n, 3)
        Own (x, y, depth) in micrometres.
    """
    return cloud.points_um @ rotation


def electrode_images(cloud: Cloud, pose: ProjectionPose, sampler: Sampler) -> Complex:
    """Complex image of each electrode.

    Parameters
    ----------
    cloud : Cloud
        The weighted metal.
    pose : ProjectionPose
        Where it lies.
    sampler : Sampler
        The image's grid.

    Returns
    -------
    ndarray, shape (2, ny, nx) or (2, n_slices, ny, nx)
        Metal volume seen per pixel, in um^3.
    """
    own = project(cloud, pose.rotation)
    weights = np.column_stack([cloud.weight * (cloud.electrode == e) for e in (0, 1)])
    return sampler.image(sampler.transform(own + pose.centre_own_um, weights, cloud.spread_um2))


def whole_image(cloud: Cloud, pose: ProjectionPose, sampler: Sampler) -> Complex:
    """Complex image of both electrodes together; otherwise as :func:`electrode_images`."""
    own = project(cloud, pose.rotation)
    spectrum = sampler.transform(own + pose.centre_own_um, cloud.weight[:, None], cloud.spread_um2)
    return np.asarray(sampler.image(spectrum)[0], dtype=np.complex128)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(
    positions: NDArray[np.float64],
    weights: NDArray[np.float64],
    lower: NDArray[np.int64],
    in_lower: NDArray[np.float64],
    in_upper: NDArray[np.float64],
    dx: float,
    dy: float,
    fine: NDArray[np.float64],
) -> None:
    """Add each point to its four neighbours on a periodic grid, linearly, in each of its two slices."""
    _, count, ny, nx = fine.shape
    for p in range(positions.shape[0]):
        x = positions[p, 0] / dx
        y = positions[p, 1] / dy
        x0 = int(np.floor(x))
        y0 = int(np.floor(y))
        fx = x - x0
        fy = y - y0
        xa = x0 % nx
        xb = (x0 + 1) % nx
        ya = y0 % ny
        yb = (y0 + 1) % ny
        for next_one in range(2):
            z = lower[p] + next_one
            fraction = in_upper[p] if next_one == 1 else in_lower[p]
            if fraction == 0.0 or z < 0 or z >= count:
                continue
            for k in range(weights.shape[1]):
                w = weights[p, k] * fraction
                fine[k, z, ya, xa] += w * (1.0 - fx) * (1.0 - fy)
                fine[k, z, ya, xb] += w * fx * (1.0 - fy)
                fine[k, z, yb, xa] += w * (1.0 - fx) * fy
                fine[k, z, yb, xb] += w * fx * fy
