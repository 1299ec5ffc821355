"""What a fit may change: the pose, and what the projection model leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.registration.projection.forward import ProjectionPose, Sampler

# Order of the fitted parameters. Rotation about the own x, y, normal (radians).
ROTATION = slice(0, 3)
# Position of the centroid along them (um); the last of it is the depth.
SHIFT = slice(3, 6)
DEPTH = 5
# Both together are the pose.
N_POSE = 6
# Logarithm of each electrode's gain.
GAIN = slice(6, 8)
# Logarithm of the skin depth.
SKIN = 8
# Variance of a blur beyond the scan's own point spread along x and y (um^2).
BLUR = slice(9, 11)
# Coefficients of the logarithm of the coil's profile.
COIL = slice(11, 16)
# Coefficients of the displacement along the readout (um).
WARP = slice(16, 21)
N_PARAMETERS = 21
# Terms of the coil's profile up to each order of its polynomial.
COIL_TERMS = (0, 2, 5)

# The axes column is good to some 15 degrees; as a Gaussian it only matters where the data say nothing.
PRIOR_ROTATION_SD_DEG = 15.0
# Tabulated resistivity, temperature and surface roughness leave a skin depth uncertain by about a third.
PRIOR_LOG_SKIN_SD = 0.3
# Decay during the readout and filters widen the point spread by a fraction of a pixel.
PRIOR_BLUR_SD_PIXEL = 0.4
# A coil's sensitivity changes by some tens of per cent over a field; a coefficient is the change from the
# field's middle to its edge.
PRIOR_COIL_SD = 0.2
# A coefficient of the readout's displacement, in pixels at the field's edge: an off-resonance of a pixel
# is as much as a laboratory bears before it shims again.
PRIOR_WARP_SD_PIXEL = 0.5
# Gains and shifts have no prior; this much (of a logarithm, in um) only keeps the equations solvable when the
# image holds no signal at all.
RIDGE_LOG_GAIN_SD = 10.0
RIDGE_SHIFT_SD_UM = 1e5
# What is not open stays where it is: a precision that no data come near to.
PINNED_PRECISION = 1e12


@dataclass(frozen=True)
class Readout:
    """Along which own axis of an image the readout runs, and how surely.

    Parameters
    ----------
    axis : {0, 1}
        The likelier one, x or y.
    other_explains : float
        By how much more a displacement along the other one has to lower the cost to be believed.
    other_odds : float
        How likely the other one is where both explain the image alike.
    """

    axis: int
    other_explains: float
    other_odds: float


# Where nothing is known: consoles store the readout along x, but not all. The fall in cost by a displacement
# along y over that along x was 2.3 to 15 where the readout ran so, 1.3 where the displacement was weak, and
# 0.2 to 1.02 where it ran along x.
LIKELY_X = Readout(0, 1.5, 0.2)
# What a scan's parameters say is nearly sure: an image may have been transposed after them.
READOUTS = {"x": Readout(0, 4.0, 0.02), "y": Readout(1, 4.0, 0.02), None: LIKELY_X}


@dataclass(frozen=True)
class FitParameters:
    """One point of the parameter space.

    Parameters
    ----------
    pose : ProjectionPose
        Where the cell lies.
    gain : ndarray, shape (2,)
        Image units per um^3 of metal, by electrode.
    log_skin : float
        Logarithm of the skin depth relative to that of the cloud.
    blur_um2 : ndarray, shape (2,)
        Variance of the additional blur along own x and y.
    coil : ndarray, shape (5,)
        Coefficients of the logarithm of the coil's profile, see :func:`coil_terms`.
    warp_um : ndarray, shape (5,)
        Coefficients of the displacement along the readout, see :func:`warp_terms`.
    """

    pose: ProjectionPose
    gain: NDArray[np.float64]
    log_skin: float
    blur_um2: NDArray[np.float64]
    coil: NDArray[np.float64]
    warp_um: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))

    def moved(self, step: NDArray[np.float64]) -> FitParameters:
        """Return the parameters after a step in the order of this module's slices."""
        rotated = self.pose.rotation @ Rotation.from_rotvec(step[ROTATION]).as_matrix()
        return FitParameters(
            pose=ProjectionPose(rotated, self.pose.centre_own_um + step[SHIFT]),
            gain=self.gain * np.exp(np.clip(step[GAIN], -1.0, 1.0)),
            log_skin=float(np.clip(self.log_skin + step[SKIN], -0.9, 0.9)),
            blur_um2=self.blur_um2 + step[BLUR],
            coil=self.coil + step[COIL],
            warp_um=self.warp_um + step[WARP],
        )


@dataclass(frozen=True)
class Prior:
    """What is known of the parameters before the image.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Rotation that the axes column names.
    pixel_um : tuple of float
        Acquired row and column spacing, in which the priors of blur and displacement are given.
    depth : bool
        Whether the depth is open; it is pinned in a projection.
    coil_order : int
        Order of the polynomial of the coil's profile, 0 to 2; 0 is an even coil.
    readout : {None, 0, 1}
        Own axis, x or y, along which metal may be displaced; None where it is not.
    """

    rotation: NDArray[np.float64]
    pixel_um: tuple[float, float]
    depth: bool = False
    coil_order: int = 1
    readout: int | None = None

    @property
    def precision(self) -> NDArray[np.float64]:
        """Inverse variance of each parameter, shape (21,)."""
        precision = np.empty(N_PARAMETERS)
        precision[ROTATION] = np.deg2rad(PRIOR_ROTATION_SD_DEG) ** -2
        precision[SHIFT] = RIDGE_SHIFT_SD_UM**-2
        precision[GAIN] = RIDGE_LOG_GAIN_SD**-2
        precision[SKIN] = PRIOR_LOG_SKIN_SD**-2
        precision[BLUR] = (PRIOR_BLUR_SD_PIXEL * np.array(self.pixel_um[::-1])) ** -4
        precision[COIL] = PRIOR_COIL_SD**-2
        precision[COIL.start + COIL_TERMS[self.coil_order] : COIL.stop] = PINNED_PRECISION
        precision[WARP] = PINNED_PRECISION
        if self.readout is not None:
            precision[WARP] = (PRIOR_WARP_SD_PIXEL * self.pixel_um[1 - self.readout]) ** -2
        if not self.depth:
            precision[DEPTH] = PINNED_PRECISION
        return precision

    def offset(self, p: FitParameters) -> NDArray[np.float64]:
        """Distance of each parameter from its prior mean, shape (21,); 0 where there is none."""
        offset = np.zeros(N_PARAMETERS)
        offset[ROTATION] = Rotation.from_matrix(self.rotation.T @ p.pose.rotation).as_rotvec()
        offset[SKIN] = p.log_skin
        offset[BLUR] = p.blur_um2
        offset[COIL] = p.coil
        offset[WARP] = p.warp_um
        return offset


def coil_terms(sampler: Sampler) -> NDArray[np.float64]:
    """Terms of the logarithm of a coil's profile: y, x, y^2, xy, x^2, from -1 to 1 over the field.

    Parameters
    ----------
    sampler : Sampler
        The image's grid.

    Returns
    -------
    ndarray, shape (5, ny, nx)
        The linear terms first.
    """
    # From the first acquired sample to the last; samples filled in after the last lie a little beyond.
    pairs = zip(sampler.shape, sampler.matrix, strict=True)
    y, x = np.meshgrid(*(np.arange(n) * (2.0 * m / n / (m - 1)) - 1.0 for n, m in pairs), indexing="ij")
    return np.stack([y, x, y**2, x * y, x**2])


def warp_terms(
    own_um: NDArray[np.float64], weight: NDArray[np.float64], sampler: Sampler
) -> NDArray[np.float64]:
    """Terms of the displacement along the readout: x, y, x^2, xy, y^2, of order 1 at the field's edge.

    Each is 0 in the mean over the metal. A displacement that is common to all of it looks like another
    position of the cell, and the scanner's frequency is set on the metal.

    Parameters
    ----------
    own_um : ndarray, shape (n, 3)
        The metal's own coordinates, relative to its centroid.
    weight : ndarray, shape (n,)
        Its signal.
    sampler : Sampler
        For the field's size.

    Returns
    -------
    ndarray, shape (5, n)
        The linear terms first.
    """
    ny, nx = sampler.shape
    row_um, column_um = sampler.spacing_um
    x, y = own_um[:, 0] / (0.5 * nx * column_um), own_um[:, 1] / (0.5 * ny * row_um)
    terms = np.stack([x, y, x**2, x * y, y**2])
    return terms - (terms @ weight)[:, None] / max(float(weight.sum()), 1e-300)
