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
        Fine samples per acquired sample on which points are spread.
    slices : Slices or None
        The third axis of a stack; None is a projection.
    acquired : tuple of int, optional
        Rows and columns of k-space that were acquired, where the image was filled with zeros.
    missing : tuple of float
        Fraction of them, along rows and columns, that is missing at the negative end (partial Fourier).
    edge : tuple of float
        Weight of the outermost samples along rows and columns, of a filter like a Gaussian; 1 is none.
    counting : float
        Independent samples of noise for each acquired sample: 1, or less behind a filter.
    """

    shape: tuple[int, int]
    spacing_um: tuple[float, float]
    oversampling: int = OVERSAMPLING
    slices: Slices | None = None
    acquired: tuple[int, int] | None = None
    missing: tuple[float, float] = (0.0, 0.0)
    edge: tuple[float, float] = (1.0, 1.0)
    counting: float = 1.0

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of k-space, as acquired."""
        return self.acquired or self.shape

    @property
    def matrix_um(self) -> tuple[float, float]:
        """Pixel size of the acquired matrix, rows and columns."""
        rows, columns = (s * n / m for s, n, m in zip(self.spacing_um, self.shape, self.matrix, strict=True))
        return rows, columns

    @property
    def independent(self) -> float:
        """How many independent samples a pixel stands for: 1, or less after filling with zeros."""
        kept = [m - _lost(m, f) for m, f in zip(self.matrix, self.missing, strict=True)]
        return self.counting * float(np.prod(kept) / np.prod(self.shape))

    @property
    def weights(self) -> NDArray[np.float64]:
        """What a filter, and what was not acquired, leave of each acquired sample, shape (my, mx)."""
        along = []
        for m, missing, edge in zip(self.matrix, self.missing, self.edge, strict=True):
            k = _cycles(m)
            weight = edge ** ((k / (0.5 * m)) ** 2)
            weight[k < _lost(m, missing) - m // 2] = 0.0
            along.append(weight)
        return np.asarray(along[0][:, None] * along[1], dtype=np.float64)

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
        """Angular frequencies acquired along rows, shape (my, 1), and along columns, shape (1, mx), 1/um."""
        pairs = zip(self.matrix, self.matrix_um, strict=True)
        ky, kx = (2.0 * np.pi * fft.fftfreq(n, s) for n, s in pairs)
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
        ndarray, shape (k, my, mx) or (k, n_slices, my, mx)
            Signal per acquired sample, in the order of :func:`scipy.fft.fft2`; its inverse transform has the
            weights' unit per acquired pixel.
        """
        my, mx = self.matrix
        fine_shape = (my * self.oversampling, mx * self.oversampling)
        fine_um = tuple(s / self.oversampling for s in self.matrix_um)
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
        spectrum = fft.fft(fft.rfft(fine, axis=-1)[..., : mx // 2 + 1], axis=-2)
        rows, columns = _cycles(my), _cycles(mx)
        # A real object's negative frequencies are the conjugates of its positive ones.
        positive = spectrum[..., rows, :][..., np.abs(columns)]
        mirrored = np.conj(spectrum[..., -rows, :][..., np.abs(columns)])
        cropped = np.where(columns >= 0, positive, mirrored)
        ky, kx = self.frequencies
        kernel = np.sinc(ky * fine_um[0] / (2 * np.pi)) * np.sinc(kx * fine_um[1] / (2 * np.pi))
        samples = cropped * (np.exp(-0.5 * spread_um2 * (kx**2 + ky**2)) / kernel**2)
        if self.edge != (1.0, 1.0) or self.missing != (0.0, 0.0):
            samples *= self.weights
        return np.asarray(samples.reshape(k, *self.image_shape[:-2], my, mx), dtype=np.complex128)

    def image(self, spectrum: Complex) -> Complex:
        """Complex image of acquired samples, filled with zeros to the image's grid, per acquired pixel."""
        if self.matrix == self.shape:
            return np.asarray(fft.ifft2(spectrum, axes=(-2, -1)), dtype=np.complex128)
        rows, columns = (_cycles(m) for m in self.matrix)
        filled = np.zeros((*spectrum.shape[:-2], *self.shape), dtype=np.complex128)
        filled[..., rows[:, None], columns[None, :]] = spectrum
        scale = np.prod(self.shape) / np.prod(self.matrix)
        return np.asarray(fft.ifft2(filled, axes=(-2, -1)) * scale, dtype=np.complex128)


def _lost(n: int, fraction: float) -> int:
    """How many of n samples a fraction of them is."""
    return round(n * fraction)


def _cycles(n: int) -> NDArray[np.int64]:
    """Cycles over the field of n samples in the order of a Fourier transform."""
    return np.rint(fft.fftfreq(n) * n).astype(np.int64)


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
        Metal volume seen per acquired pixel, in um^3.
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
