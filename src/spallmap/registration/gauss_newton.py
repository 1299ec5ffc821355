"""Small motions by robust Gauss-Newton: one sampled image against a linear mixture of others.

The image `F` of the fixed frame is compared, at the mapped sample points of the moving frame, with a
mixture ``B c`` of what the moving frame shows there (grey level and a constant; the elements of a count map
and a constant). The mixture is solved linearly at every step, so neither the sign nor the gain of the
contrast has to be known. Serves volumes and plane images alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, Points, points_to_indices, rotation_map
from spallmap.registration.interpolation import interpolate

FloatArray = NDArray[np.float64]

# Tukey's biweight keeps 95 % efficiency on Gaussian residuals with this many standard deviations.
TUKEY = 4.685

# A residual below this fraction of the mixture's range is never an outlier: an edge that is still a sample
# away must pull, and where most points are flat their small spread would call every edge an outlier.
CUTOFF_FLOOR = 0.35

# Stop when a step moves the points by less than this fraction of a sample on average.
STEP_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Field:
    """A smooth scalar image with its gradient, to be sampled at points.

    Parameters
    ----------
    values : ndarray, shape (ny, nx) or (nz, ny, nx)
        The samples.
    spacing_um : tuple of float
        Spacing in array order.
    origin_um : ndarray, shape (3,)
        Point of the first sample, (x, y, z).
    mask : ndarray of bool, optional
        Where a sample may be used; everywhere if absent.
    """

    values: NDArray[np.float32]
    spacing_um: tuple[float, ...]
    origin_um: FloatArray
    mask: NDArray[np.bool_] | None = None

    @cached_property
    def stacked(self) -> NDArray[np.float32]:
        """Value and gradient per micrometre along x, y and z, shape (nz, ny, nx, 4)."""
        slopes = np.gradient(self.values, *self.spacing_um)
        layers = np.zeros((*self.values.shape, 4), dtype=np.float32)
        layers[..., 0] = self.values
        for axis, slope in enumerate(reversed(slopes)):
            layers[..., 1 + axis] = slope
        return layers.reshape((-1, *layers.shape[-3:]))

    def sample(self, points: Points) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Interpolate values and gradients.

        Parameters
        ----------
        points : ndarray, shape (n, 3)
            Points of the field's frame, (x, y, z) in micrometres.

        Returns
        -------
        values : ndarray, shape (n,)
        gradients : ndarray, shape (n, 3)
            Per micrometre along x, y and z; z is 0 for a plane image.
        inside : ndarray of bool, shape (n,)
            False outside the grid and where the mask forbids.
        """
        indices, inside = self._locate(points)
        sampled = interpolate(self.stacked, indices)
        return sampled[:, 0], sampled[:, 1:], inside

    def values_at(self, points: Points) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Interpolate values alone; see :meth:`sample`."""
        indices, inside = self._locate(points)
        single = self.values.reshape((-1, *self.values.shape[-2:], 1))
        return interpolate(single, indices)[:, 0], inside

    def _locate(self, points: Points) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return indices (slice, row, column) and whether they lie inside."""
        indices = points_to_indices(points - self.origin_um, self.spacing_um)
        last = np.array(self.values.shape) - 1.0
        inside = np.all((indices >= 0) & (indices <= last), axis=1)
        if self.mask is not None:
            nearest = np.clip(np.rint(indices), 0, last).astype(np.intp)
            inside &= self.mask[tuple(nearest.T)]
        if indices.shape[1] == 2:
            indices = np.column_stack([np.zeros(indices.shape[0]), indices])
        return np.ascontiguousarray(indices), inside


@dataclass(frozen=True)
class Motion:
    """The degrees of freedom of a small motion about a centre.

    Parameters
    ----------
    planar : bool
        Rotation about z and shift in the plane only.
    scale : bool
        Also one common scale.
    """

    planar: bool = False
    scale: bool = False

    @property
    def n_parameters(self) -> int:
        """Rotations (radian), then shifts (um), then the logarithm of the scale."""
        return (3 if self.planar else 6) + int(self.scale)

    def jacobian(self, points: Points, centre: FloatArray) -> FloatArray:
        """Return the derivative of moved points by the parameters, shape (n, 3, n_parameters)."""
        p = points - centre
        zero = np.zeros(p.shape[0])
        x, y, z = p.T
        rotations = [
            np.stack([zero, -z, y], axis=1),
            np.stack([z, zero, -x], axis=1),
            np.stack([-y, x, zero], axis=1),
        ]
        shifts = [np.broadcast_to(e, p.shape) for e in np.eye(3)]
        columns = [rotations[2], shifts[0], shifts[1]] if self.planar else rotations + shifts
        if self.scale:
            columns = [*columns, np.stack([x, y, zero if self.planar else z], axis=1)]
        return np.stack(columns, axis=2)

    def map(self, parameters: FloatArray, centre: FloatArray) -> AffineMap:
        """Return the motion itself: scale and rotation about the centre, then shift."""
        if self.planar:
            rotation = np.array([0.0, 0.0, parameters[0]])
            shift = np.array([parameters[1], parameters[2], 0.0])
        else:
            rotation, shift = parameters[:3], parameters[3:6]
        rigid = rotation_map(Rotation.from_rotvec(rotation), centre, shift)
        if not self.scale:
            return rigid
        factor = np.diag([1.0, 1.0, 1.0 if self.planar else np.exp(parameters[-1])])
        factor[:2, :2] *= np.exp(parameters[-1])
        return rigid @ AffineMap.from_parts(factor, centre - factor @ centre)


@dataclass(frozen=True)
class Alignment:
    """Where a Gauss-Newton search ended, linearised there.

    Parameters
    ----------
    map : AffineMap
        Moving frame to fixed frame.
    correlation : float
        Multiple correlation of the fixed image with the mixture, over the points inside; 0 where it cannot be
        formed.
    coverage : float
        Fraction of the points that fell inside the fixed image.
    converged : bool
        Whether the last step was below the tolerance.
    points : ndarray, shape (n, 3)
        The moving points inside.
    fixed, mixture : ndarray, shape (n,)
        The fixed image at the mapped points, and the mixture that explains it.
    gradient : ndarray, shape (n, 3)
        Of the fixed image.
    jacobian : ndarray, shape (n, p)
        Derivative of the fixed values with respect to the motion, freed of the mixture.
    weight : ndarray, shape (n,)
        Robust weights.
    cutoff : float
        Residual from which a point is an outlier.
    centre : ndarray, shape (3,)
        About which the motion rotates.
    """

    map: AffineMap
    correlation: float
    coverage: float
    converged: bool
    points: Points
    fixed: FloatArray
    mixture: FloatArray
    gradient: FloatArray
    jacobian: FloatArray
    weight: FloatArray
    cutoff: float
    centre: FloatArray

    @property
    def residual(self) -> FloatArray:
        """Fixed image minus mixture, shape (n,)."""
        return self.fixed - self.mixture


def align(
    field: Field,
    points: Points,
    basis: FloatArray,
    start: AffineMap,
    motion: Motion,
    *,
    max_iterations: int = 30,
) -> Alignment:
    """Refine a map by robust Gauss-Newton with variable projection.

    Parameters
    ----------
    field : Field
        The fixed image.
    points : ndarray, shape (n, 3)
        Sample points of the moving frame.
    basis : ndarray, shape (n, k)
        What the moving frame shows there; a constant is added.
    start : AffineMap
        Moving frame to fixed frame.
    motion : Motion
        The degrees of freedom.
    max_iterations : int
        Upper limit of steps.

    Returns
    -------
    Alignment
        The end of the search.

    References
    ----------
    Baker and Matthews 2004 (Lucas-Kanade 20 years on); Golub and Pereyra 1973 (variable projection).

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import grid_points
    >>> def hill(points):
    ...     return np.exp(-((points[..., 0] - 20.0) ** 2) / 50.0 - (points[..., 1] - 20.0) ** 2 / 200.0)
    >>> fixed = Field(hill(grid_points((40, 40), (1.0, 1.0))).astype(np.float32), (1.0, 1.0), np.zeros(3))
    >>> points = grid_points((30, 30), (1.0, 1.0)).reshape(-1, 3)
    >>> shown = -hill(points + [1.5, -0.5, 0.0])[:, None]
    >>> found = align(fixed, points, shown, AffineMap.identity(), Motion(planar=True))
    >>> (found.map(points) - points).mean(axis=0).round(1)
    array([ 1.5, -0.5,  0. ])
    """
    design = np.column_stack([basis, np.ones(points.shape[0])])
    centre = start(points).mean(axis=0)
    current = _linearise(field, points, design, start, motion, centre)
    converged = False
    for _ in range(max_iterations):
        step = _solve(current)
        if step is None:
            break
        size = np.linalg.norm(motion.jacobian(current.map(points), centre) @ step, axis=1).mean()
        converged = bool(size < STEP_TOLERANCE * min(field.spacing_um))
        if converged:
            break
        loss = robust_loss(current, current.cutoff)
        for shrink in (1.0, 0.5, 0.25, 0.1):
            moved = motion.map(step * shrink, centre) @ current.map
            tried = _linearise(field, points, design, moved, motion, centre)
            if robust_loss(tried, current.cutoff) < loss:
                break
        else:
            # No fraction of the step helps any more: the flat bottom has been reached.
            converged = True
            break
        current = tried
    return replace(current, converged=converged)


def _linearise(
    field: Field, points: Points, design: FloatArray, at: AffineMap, motion: Motion, centre: FloatArray
) -> Alignment:
    mapped = at(points)
    values, gradient, inside = field.sample(mapped)
    values, gradient, B = values[inside], gradient[inside], design[inside]
    coverage = float(inside.mean()) if inside.size else 0.0
    jacobian = np.einsum("nd,ndp->np", gradient, motion.jacobian(mapped[inside], centre))
    weight = np.ones(values.size)
    mixture = np.zeros(values.size)
    cutoff = 1.0
    correlation = 0.0
    if values.size > design.shape[1] + motion.n_parameters:
        for _ in range(2):
            Bw = B * weight[:, None]
            gram = np.linalg.pinv(B.T @ Bw, hermitian=True)
            mixture = B @ (gram @ (Bw.T @ values))
            cutoff = _cutoff(values - mixture, mixture)
            weight = np.clip(1.0 - ((values - mixture) / cutoff) ** 2, 0.0, None) ** 2
        jacobian = jacobian - B @ (gram @ (Bw.T @ jacobian))
        total = float(np.sum((values - values.mean()) ** 2))
        left = float(np.sum((values - mixture) ** 2))
        correlation = float(np.sqrt(max(0.0, 1.0 - left / total))) if total > 0 else 0.0
    return Alignment(
        map=at,
        correlation=correlation,
        coverage=coverage,
        converged=False,
        points=points[inside],
        fixed=values,
        mixture=mixture,
        gradient=gradient,
        jacobian=jacobian,
        weight=weight,
        cutoff=cutoff,
        centre=centre,
    )


def _cutoff(residual: FloatArray, mixture: FloatArray) -> float:
    spread = 1.4826 * float(np.median(np.abs(residual)))
    low, high = np.percentile(mixture, [1.0, 99.0])
    return max(TUKEY * spread, CUTOFF_FLOOR * float(high - low), float(np.finfo(np.float32).tiny))


def robust_loss(at: Alignment, cutoff: float) -> float:
    """Mean of Tukey's loss between 0 and 1; points that were lost count as outliers.

    Parameters
    ----------
    at : Alignment
        Where residuals are taken.
    cutoff : float
        Residual from which a point is an outlier.

    Returns
    -------
    float
        0 where everything is explained, 1 where nothing is.
    """
    if at.fixed.size == 0:
        return 1.0
    kept = np.clip(1.0 - (at.residual / cutoff) ** 2, 0.0, None) ** 3
    return 1.0 - at.coverage * float(kept.mean())


def _solve(at: Alignment) -> FloatArray | None:
    J = at.jacobian
    if at.fixed.size <= J.shape[1] or not np.any(J):
        return None
    normal = J.T @ (J * at.weight[:, None])
    # Radian and micrometre columns differ by orders: solve in scaled unknowns.
    scale = np.sqrt(np.clip(np.diag(normal), np.finfo(np.float64).tiny, None))
    slope = J.T @ (at.weight * at.residual)
    solved = np.linalg.lstsq(normal / np.outer(scale, scale), slope / scale, rcond=1e-8)[0]
    step: FloatArray = -solved / scale
    return step
