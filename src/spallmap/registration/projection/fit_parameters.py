"""What a fit may change: the pose, and what the projection model leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.registration.projection.forward import ProjectionPose

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
N_PARAMETERS = 16
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
# Gains and shifts have no prior; this much (of a logarithm, in um) only keeps the equations solvable when the
# image holds no signal at all.
RIDGE_LOG_GAIN_SD = 10.0
RIDGE_SHIFT_SD_UM = 1e5
# What is not open stays where it is: a precision that no data come near to.
PINNED_PRECISION = 1e12


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
    """

    pose: ProjectionPose
    gain: NDArray[np.float64]
    log_skin: float
    blur_um2: NDArray[np.float64]
    coil: NDArray[np.float64]

    def moved(self, step: NDArray[np.float64]) -> FitParameters:
        """Return the parameters after a step in the order of this module's slices."""
        rotated = self.pose.rotation @ Rotation.from_rotvec(step[ROTATION]).as_matrix()
        return FitParameters(
            pose=ProjectionPose(rotated, self.pose.centre_own_um + step[SHIFT]),
            gain=self.gain * np.exp(np.clip(step[GAIN], -1.0, 1.0)),
            log_skin=float(np.clip(self.log_skin + step[SKIN], -0.9, 0.9)),
            blur_um2=self.blur_um2 + step[BLUR],
            coil=self.coil + step[COIL],
        )


@dataclass(frozen=True)
class Prior:
    """What is known of the parameters before the image.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Rotation that the axes column names.
    pixel_um : tuple of float
        Row and column spacing, in which the blur's prior is given.
    depth : bool
        Whether the depth is open; it is pinned in a projection.
    coil_order : int
        Order of the polynomial of the coil's profile, 0 to 2; 0 is an even coil.
    """

    rotation: NDArray[np.float64]
    pixel_um: tuple[float, float]
    depth: bool = False
    coil_order: int = 1

    @property
    def precision(self) -> NDArray[np.float64]:
        """Inverse variance of each parameter, shape (16,)."""
        precision = np.empty(N_PARAMETERS)
        precision[ROTATION] = np.deg2rad(PRIOR_ROTATION_SD_DEG) ** -2
        precision[SHIFT] = RIDGE_SHIFT_SD_UM**-2
        precision[GAIN] = RIDGE_LOG_GAIN_SD**-2
        precision[SKIN] = PRIOR_LOG_SKIN_SD**-2
        precision[BLUR] = (PRIOR_BLUR_SD_PIXEL * np.array(self.pixel_um[::-1])) ** -4
        precision[COIL] = PRIOR_COIL_SD**-2
        precision[COIL.start + COIL_TERMS[self.coil_order] :] = PINNED_PRECISION
        if not self.depth:
            precision[DEPTH] = PINNED_PRECISION
        return precision

    def offset(self, p: FitParameters) -> NDArray[np.float64]:
        """Distance of each parameter from its prior mean, shape (16,); 0 where there is none."""
        offset = np.zeros(N_PARAMETERS)
        offset[ROTATION] = Rotation.from_matrix(self.rotation.T @ p.pose.rotation).as_rotvec()
        offset[SKIN] = p.log_skin
        offset[BLUR] = p.blur_um2
        offset[COIL] = p.coil
        return offset


def coil_terms(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Terms of the logarithm of a coil's profile: y, x, y^2, xy, x^2, from -1 to 1 over the field.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray, shape (5, ny, nx)
        The linear terms first.
    """
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in shape), indexing="ij")
    return np.stack([y, x, y**2, x * y, x**2])
