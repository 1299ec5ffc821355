"""From points of metal to the complex image that a scanner makes of their projection."""

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

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Pose:
    """Where the cell lies in the image.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Its columns are the image's own x, y and normal in the volume's frame.
    centre_uv_um : ndarray, shape (2,)
        Where the metal's centroid appears in the image, as own (x, y).
    """

    rotation: NDArray[np.float64]
    centre_uv_um: NDArray[np.float64]

    def to_map(self, centre_um: NDArray[np.float64]) -> AffineMap:
        """Return the map from the image's frame to the volume's; its plane passes through `centre_um`."""
        own = np.array([self.centre_uv_um[0], self.centre_uv_um[1], 0.0])
        return AffineMap.from_parts(self.rotation, centre_um - self.rotation @ own)

    @classmethod
    def from_map(cls, to_volume: AffineMap, centre_um: NDArray[np.float64]) -> Pose:
        """Read the pose out of a rigid map."""
        return cls(to_volume.linear, to_volume.inverse()(centre_um)[:2])


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
    """

    shape: tuple[int, int]
    spacing_um: tuple[float, float]
    oversampling: int = OVERSAMPLING

    @property
    def frequencies(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Angular spatial frequencies along rows, shape (ny, 1), and along columns, shape (1, nx), 1/um."""
        ky, kx = (2.0 * np.pi * fft.fftfreq(n, s) for n, s in zip(self.shape, self.spacing_um, strict=True))
        return ky[:, None], kx[None, :]

    def transform(
        self, positions_uv: NDArray[np.float64], weights: NDArray[np.float64], spread_um2: float
    ) -> Complex:
        """Fourier transform of weighted points at the image's own frequencies.

        Points outside the field of view fold back into it, as they do in a scan.

        Parameters
        ----------
        positions_uv : ndarray, shape (n, 2)
            Own (x, y) of each point in micrometres.
        weights : ndarray, shape (n, k)
            k weights per point.
        spread_um2 : float
            Variance, per direction, of what each point stands for.

        Returns
        -------
        ndarray, shape (k, ny, nx)
            Signal per image sample, in the order of :func:`scipy.fft.fft2`; its inverse transform has the
            weights' unit per pixel.
        """
        fine_shape = tuple(n * self.oversampling for n in self.shape)
        fine_um = tuple(s / self.oversampling for s in self.spacing_um)
        fine = np.zeros((weights.shape[1], *fine_shape))
        _spread(positions_uv, np.ascontiguousarray(weights), fine_um[1], fine_um[0], fine)
        spectrum = fft.fft(fft.rfft(fine, axis=2)[:, :, : self.shape[1] // 2 + 1], axis=1)
        rows = np.rint(fft.fftfreq(self.shape[0]) * self.shape[0]).astype(int)
        columns = np.rint(fft.fftfreq(self.shape[1]) * self.shape[1]).astype(int)
        # A real object's negative frequencies are the conjugates of its positive ones.
        positive = spectrum[:, rows][:, :, np.abs(columns)]
        mirrored = np.conj(spectrum[:, -rows][:, :, np.abs(columns)])
        cropped = np.where(columns >= 0, positive, mirrored)
        ky, kx = self.frequencies
        kernel = np.sinc(ky * fine_um[0] / (2 * np.pi)) * np.sinc(kx * fine_um[1] / (2 * np.pi))
        return np.asarray(
            cropped * np.exp(-0.5 * spread_um2 * (kx**2 + ky**2)) / kernel**2, dtype=np.complex128
        )

    def image(self, spectrum: Complex) -> Complex:
        """Complex image of Fourier samples, shape (..., ny, nx)."""
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


def electrode_images(cloud: Cloud, pose: Pose, sampler: Sampler) -> Complex:
    """Complex image of each electrode.

    Parameters
    ----------
    cloud : Cloud
        The weighted metal.
    pose : Pose
        Where it lies.
    sampler : Sampler
        The image's grid.

    Returns
    -------
    ndarray, shape (2, ny, nx)
        Metal volume seen per pixel, in um^3.
    """
    own = project(cloud, pose.rotation)
    weights = np.column_stack([cloud.weight * (cloud.electrode == e) for e in (0, 1)])
    return sampler.image(sampler.transform(own[:, :2] + pose.centre_uv_um, weights, cloud.spread_um2))


def whole_image(cloud: Cloud, pose: Pose, sampler: Sampler) -> Complex:
    """Complex image of both electrodes together, shape (ny, nx); otherwise as :func:`electrode_images`."""
    own = project(cloud, pose.rotation)
    spectrum = sampler.transform(own[:, :2] + pose.centre_uv_um, cloud.weight[:, None], cloud.spread_um2)
    return np.asarray(sampler.image(spectrum)[0], dtype=np.complex128)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(
    positions: NDArray[np.float64],
    weights: NDArray[np.float64],
    dx: float,
    dy: float,
    fine: NDArray[np.float64],
) -> None:
    """Add each point to its four neighbours on a periodic grid, linearly."""
    _, ny, nx = fine.shape
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
        for k in range(weights.shape[1]):
            w = weights[p, k]
            fine[k, ya, xa] += w * (1.0 - fx) * (1.0 - fy)
            fine[k, ya, xb] += w * fx * (1.0 - fy)
            fine[k, yb, xa] += w * (1.0 - fx) * fy
            fine[k, yb, xb] += w * fx * fy
