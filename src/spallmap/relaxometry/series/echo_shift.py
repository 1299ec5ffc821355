"""Echoes that lie displaced against the first: a frequency that drifts moves them along the readout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from spallmap.errors import DataWarning
from spallmap.relaxometry.rice import magnitude_mean

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Signal of the first echo over the noise in pixels that are asked, how many samples it takes in all, and how
# many at least in one piece of metal, whose T2 is a function of its own.
_LEAST_SNR = 5.0
_MIN_SAMPLES = 40
_MIN_PIECE = 12
_MOST_SLICES = 4
# Of more pixels every so many are asked: the normal equations are dense.
_MOST_PIXELS = 600
# T2 within a piece of metal: standard deviation of its logarithm, and the distance in samples at which the
# correlation has fallen to a third. Electrodes of the twin change over 3 to 40 samples by 0.05 to 0.1.
_SCATTER = 0.1
_REACH = 5.0
# Pixels whose rate is so many standard deviations off that of their piece have no say: a dendrite.
_FAR = 3.5
_ROUNDS = 3
_STEPS = 2
# Standard errors over those of the fit, in which the slope is taken for known: in 30 clean maps displacements
# were 1.1 to 1.4 of the fit's errors.
_WIDER = 1.25
# Displacement of the last echo that a drift may have, pixels, each octave as likely; and how likely one is.
_STRENGTHS = np.geomspace(0.03, 1.0, 11)
_DRIFTS = 0.5
# Fraction of the variance of a drift that is a line over the echoes, and one that is independent.
_LINE, _INDEPENDENT = 0.7, 0.1
# Probability from which echoes are moved back, and displacement of the most displaced one, samples.
_SURE = 0.7
_LEAST = 0.04


@dataclass(frozen=True)
class EchoShift:
    """How far each echo lies from the first.

    Parameters
    ----------
    shift_px : ndarray, shape (n_echoes, 2)
        Along rows' and columns' index, pixels; 0 where they are not moved back.
    error_px : ndarray, shape (n_echoes, 2)
        Standard error of what is left; where echoes are not moved, of all of it.

    Examples
    --------
    >>> EchoShift(np.zeros((5, 2)), np.zeros((5, 2))).is_moved_back
    False
    """

    shift_px: Array
    error_px: Array

    @property
    def is_moved_back(self) -> bool:
        """Whether echoes are moved."""
        return bool(np.any(self.shift_px != 0.0))

    def to_dict(self) -> dict[str, list[float]]:
        """Return what is written of it: pixels along rows' and columns' index for each echo, with errors."""
        return {
            f"{axis}_{name}px": values[:, k].tolist()
            for k, axis in enumerate(("rows", "columns"))
            for name, values in (("", self.shift_px), ("se_", self.error_px))
        }

    def of_delivered(self, n_echoes: int, steps: Sequence[int]) -> EchoShift:
        """Return what every so many pixels of the last echoes said, of all `n_echoes` and pixels."""
        earlier = np.zeros((n_echoes - len(self.shift_px), 2))
        found, error = (
            np.concatenate([earlier, values * np.array(steps[-2:] if len(steps) > 1 else (1, 1))])
            for values in (self.shift_px, self.error_px)
        )
        return EchoShift(found, error)

    def without(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return a series with its echoes moved back; itself where none is."""
        if not self.is_moved_back:
            return samples
        moved = samples.astype(np.result_type(samples, np.float32))
        for echo, shift in zip(moved, self.shift_px, strict=True):
            echo[...] = displaced(echo, -shift)
        return moved

    def warnings(self, te_ms: Sequence[float], spacing_um: Sequence[float]) -> tuple[DataWarning, ...]:
        """Say what was found and done."""
        if not self.is_moved_back:
            return ()
        found = []
        for axis, name in enumerate(("rows", "columns")):
            shift, error = self.shift_px[:, axis], self.error_px[:, axis]
            if not shift.any():
                continue
            most = int(np.argmax(np.abs(shift)))
            um = float(spacing_um[-2 + axis])
            found.append(
                DataWarning(
                    "position of the echoes",
                    f"the echo at {te_ms[most]:g} ms displaced against the first by {shift[most] * um:+.2g} "
                    f"+- {error[most] * um:.1g} um ({shift[most]:+.2f} pixels) across the {name}: the "
                    "frequency drifts, or the specimen moves",
                    "all echoes moved back to where the first is; what of it is not known is not in the "
                    "errors of T2, and largest at the edges of the metal",
                )
            )
        return tuple(found)


def displaced(image: NDArray[Any], shift_px: Array) -> NDArray[Any]:
    """Move an image along its last two axes, as if its k-space had a slope of phase.

    Parameters
    ----------
    image : ndarray, shape (..., ny, nx)
        Magnitudes or complex data.
    shift_px : ndarray, shape (2,)
        Towards larger indices.

    Returns
    -------
    ndarray, same shape
        Magnitudes stay 0 or above.

    Examples
    --------
    >>> displaced(np.eye(4), np.array([1.0, 1.0])).round(6).tolist() == np.eye(4).tolist()
    True
    """
    found: NDArray[Any] = image
    for axis, shift in ((-2, float(shift_px[0])), (-1, float(shift_px[1]))):
        if shift == 0.0:
            continue
        n = image.shape[axis]
        cycles = np.fft.fftfreq(n)
        wave = np.exp(-2j * np.pi * cycles * shift)
        if n % 2 == 0:
            # the highest frequency has no sign
            wave[n // 2] = np.cos(np.pi * shift)
        wave = wave.reshape(-1, 1) if axis == -2 else wave
        found = np.fft.ifft(np.fft.fft(found, axis=axis) * wave, axis=axis)
    return found if np.iscomplexobj(image) else np.abs(found.real)


def examine_shifts(
    samples: NDArray[Any],
    te_ms: Sequence[float],
    sigma: float,
    *,
    n_coils: int = 1,
    n_alike: float = 1.0,
    mask: Flags | None = None,
) -> EchoShift:
    """Find how far each echo lies from the first, by the edges of the metal.

    An echo is the first one times a decay. Where T2 is a continuous function of the position within each
    piece of metal (a Gaussian process), an echo that is displaced is too bright on one side of every edge and
    too weak on the other, in proportion to the slope of the logarithm. Amplitudes, rates and displacements
    are fitted together with the noise of magnitudes. Displacements of all echoes are weighed together: a
    drift of any strength, most of it even, against none.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, ..., ny, nx)
        Magnitudes or complex data, by rising echo time.
    te_ms : sequence of float
        Rising.
    sigma : float
        Noise per channel.
    n_coils : int
        Coils whose squares were summed.
    n_alike : float
        Pixels that share one sample of the noise.
    mask : ndarray of bool, optional
        Pixels that may be asked; absent: all.

    Returns
    -------
    EchoShift
        All 0 unless there is a drift.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> metal = np.zeros((32, 32))
    >>> metal[8:14, 6:26] = 30.0
    >>> first = ndimage.gaussian_filter(metal, 0.6)
    >>> moved = [displaced(first * f, np.array([0.0, s])) for f, s in ((1, 0), (0.6, 0.2), (0.4, 0.4))]
    >>> echoes = np.abs(moved + rng.normal(size=(3, 32, 32)) + 1j * rng.normal(size=(3, 32, 32)))
    >>> found = examine_shifts(echoes, (2.0, 6.0, 10.0), 1.0)
    >>> found.is_moved_back, bool(abs(found.shift_px[2, 1] - 0.4) < 0.1), bool(found.shift_px[:, 0].any())
    (True, True, False)
    """
    n_echoes = len(samples)
    none = EchoShift(np.zeros((n_echoes, 2)), np.zeros((n_echoes, 2)))
    if samples.ndim < 3 or n_echoes < 2 or not np.all(np.isfinite(samples)):
        return none
    stack: Array = np.abs(samples).reshape(n_echoes, -1, *samples.shape[-2:]).astype(np.float64) / sigma
    few = np.linspace(0, stack.shape[1] - 1, min(stack.shape[1], _MOST_SLICES)).astype(int)
    stack = stack[:, few]
    allowed = np.ones(stack.shape[1:], dtype=bool)
    if mask is not None:
        allowed = mask.reshape(-1, *mask.shape[-2:])[few]
    edges = _edges(stack[0], allowed, n_coils, n_alike)
    if edges is None:
        return none
    shift = np.zeros((n_echoes, 2))
    te = np.asarray(te_ms, dtype=np.float64)
    for _ in range(_ROUNDS):
        moved = np.stack([displaced(echo, -by)[edges.pixels] for echo, by in zip(stack, shift, strict=True)])
        step, covariance = edges.residual_shift(moved, te - te[0], n_coils, n_alike)
        shift[1:] += np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 0.02:
            break
    found, error = np.zeros_like(shift), np.zeros_like(shift)
    for axis in (0, 1):
        mean, sd, probability = _posterior(shift[1:, axis], _WIDER**2 * covariance[:, axis, :, axis])
        if probability > _SURE and np.abs(mean).max() >= _LEAST * np.sqrt(n_alike):
            found[1:, axis] = mean
        error[1:, axis] = np.hypot(sd, mean - found[1:, axis])
    return EchoShift(found, error)


class _Edges(NamedTuple):
    """Bright pixels of the first echo.

    Parameters
    ----------
    pixels : tuple of ndarray
        Indices of slice, row and column.
    piece : ndarray of int, shape (n_pixels,)
        Which piece of metal they belong to, from 0.
    slope : ndarray, shape (n_pixels, 2)
        Of the logarithm of the signal, along rows' and columns' index.
    alike : ndarray, shape (n_pixels, n_pixels)
        Correlation of the rates.
    """

    pixels: tuple[NDArray[np.intp], ...]
    piece: NDArray[np.intp]
    slope: Array
    alike: Array

    def residual_shift(
        self, seen: Array, late_ms: Array, n_coils: int, n_alike: float
    ) -> tuple[Array, Array]:
        """Fit amplitudes, rates and displacements to magnitudes, the noise being 1.

        Parameters
        ----------
        seen : ndarray, shape (n_echoes, n_pixels)
            Magnitudes.
        late_ms : ndarray, shape (n_echoes,)
            Echo times, from the first one on.
        n_coils, n_alike : int, float
            As for :func:`examine_shifts`.

        Returns
        -------
        shift : ndarray, shape (n_echoes - 1, 2)
            Of the later echoes.
        covariance : ndarray, shape (n_echoes - 1, 2, n_echoes - 1, 2)
            Of its errors.
        """
        n_echoes, n_pixels = seen.shape
        members = np.eye(int(self.piece.max()) + 1)[self.piece]
        of_rate = np.broadcast_to(-late_ms[:, None], seen.shape)
        design = [of_rate * member for member in members.T]
        shifts = np.zeros((n_echoes - 1, 2), dtype=int)
        for k in range(1, n_echoes):
            of_echo = (np.arange(n_echoes) == k)[:, None]
            shifts[k - 1] = len(design), len(design) + 1
            design += [of_echo * -slope for slope in self.slope.T]
            if k > 1:
                # gains of the first two echoes are the amplitudes and the rates
                design.append(of_echo * np.ones(n_pixels))
        terms = np.stack(design)
        rates = np.log(np.maximum(seen[0] / seen[1], 1.05)) / late_ms[1]
        level = np.array([np.median(rates[self.piece == k]) for k in range(members.shape[1])])
        spread = np.sqrt(
            (_SCATTER * (members @ level) * late_ms[1]) ** 2 + 1.0 / seen[0] ** 2 + 1.0 / seen[1] ** 2
        )
        trusted = np.abs(rates - members @ level) * late_ms[1] < _FAR * spread
        scatter = _SCATTER * (members @ level)
        prior = scatter[:, None] * self.alike * scatter
        found = np.zeros(len(terms))
        found[: level.size] = level
        amplitude, field = np.log(seen[0]), np.zeros(n_pixels)
        for _ in range(_STEPS):
            fitted = np.tensordot(found, terms, axes=1) + of_rate * field
            signal = np.exp(np.clip(amplitude + fitted, -4.0, 12.0))
            expected = magnitude_mean(signal, n_coils)
            change = (magnitude_mean(signal * 1.001, n_coils) - expected) / 0.001
            weight = trusted * change**2 / (2.0 * n_coils + signal**2 - expected**2) / n_alike
            total = np.maximum(weight.sum(axis=0), 1e-12)
            response = fitted + np.clip((seen - expected) / np.maximum(change, 1e-6), -1.0, 1.0)
            values = np.concatenate([terms, of_rate[None], response[None]])
            # the amplitude of each pixel is free
            values = values - np.sum(weight * values, axis=1, keepdims=True) / total
            weighted = weight * values
            inside = np.einsum("akp,bkp->ab", weighted, values)
            # the field of the rates is integrated out
            by_field = np.sum(weighted * values[-2], axis=1)
            root = np.sqrt(np.maximum(by_field[-2], 0.0))
            towards = np.delete(by_field, -2, axis=0).T
            factor = linalg.cho_factor(np.eye(n_pixels) + root[:, None] * prior * root)
            solved = linalg.cho_solve(factor, root[:, None] * (prior @ towards))
            known = prior @ (towards - root[:, None] * solved)
            normal = np.delete(np.delete(inside, -2, axis=0), -2, axis=1) - towards.T @ known
            inverse = np.linalg.pinv(normal[:-1, :-1], rcond=1e-12, hermitian=True)
            found = inverse @ normal[:-1, -1]
            field = known[:, -1] - known[:, :-1] @ found
            left = response - np.tensordot(found, terms, axes=1) - of_rate * field
            amplitude = amplitude + np.sum(weight * left, axis=0) / total
        return found[shifts], inverse[shifts.ravel()][:, shifts.ravel()].reshape(*shifts.shape, *shifts.shape)


def _edges(first: Array, allowed: Flags, n_coils: int, n_alike: float) -> _Edges | None:
    """Bright pixels of the first echo; None where there are too few."""
    signal = np.sqrt(np.maximum(first**2 - 2.0 * n_coils + 1.0, 0.25))
    within_slice = np.zeros((3, 3, 3))
    within_slice[1] = 1.0
    numbered, n = ndimage.label(allowed & (signal > _LEAST_SNR), within_slice)
    sizes = np.bincount(numbered.ravel(), minlength=n + 1)
    pieces = [k for k in range(1, n + 1) if sizes[k] >= _MIN_PIECE * n_alike]
    pixels = np.nonzero(np.isin(numbered, pieces))
    if pixels[0].size < _MIN_SAMPLES * n_alike:
        return None
    every = -(-pixels[0].size // _MOST_PIXELS)
    pixels = tuple(index[::every] for index in pixels)
    slope = np.stack([_derivative(signal, axis)[pixels] for axis in (1, 2)], axis=1)
    piece = np.unique(numbered[pixels], return_inverse=True)[1]
    at = np.stack(pixels[1:], axis=1).astype(np.float64)
    distance = np.linalg.norm(at[:, None] - at, axis=2)
    alike = np.exp(-distance / (_REACH * np.sqrt(n_alike))) * (piece[:, None] == piece)
    return _Edges(pixels, piece, slope / signal[pixels][:, None], alike)


def _derivative(image: Array, axis: int) -> Array:
    """Return the derivative of what lies between the samples, by which a displacement changes them."""
    cycles = np.fft.fftfreq(image.shape[axis])
    cycles[np.abs(cycles) == 0.5] = 0.0
    wave = 2j * np.pi * cycles.reshape([-1 if k == axis else 1 for k in range(image.ndim)])
    found: Array = np.fft.ifft(np.fft.fft(image, axis=axis) * wave, axis=axis).real
    return found


def _posterior(shift: Array, covariance: Array) -> tuple[Array, Array, float]:
    """Mean and error of displacements of all echoes after the first, and the probability of a drift."""
    n = shift.size
    at = np.arange(1, n + 1) / n
    prior = _LINE * np.outer(at, at) + (1.0 - _LINE - _INDEPENDENT) * np.minimum.outer(at, at)
    prior += _INDEPENDENT * np.eye(n)
    noise = covariance + 1e-6 * np.eye(n)
    rows = [(np.log(1.0 - _DRIFTS), np.zeros(n), np.zeros((n, n)), noise)]
    for strength in _STRENGTHS:
        together = strength**2 * prior + noise
        gain = np.linalg.solve(together, strength**2 * prior).T
        weight = np.log(_DRIFTS / _STRENGTHS.size)
        rows.append((weight, gain @ shift, strength**2 * prior - gain @ (strength**2 * prior), together))
    logs = np.array(
        [w - 0.5 * (shift @ np.linalg.solve(c, shift) + np.linalg.slogdet(c)[1]) for w, _, _, c in rows]
    )
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    means = np.stack([row[1] for row in rows])
    mean: Array = weights @ means
    variance = weights @ (np.stack([np.diagonal(row[2]) for row in rows]) + (means - mean) ** 2)
    return mean, np.sqrt(variance), float(1.0 - weights[0])
