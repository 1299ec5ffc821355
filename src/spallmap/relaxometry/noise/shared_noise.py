"""How many pixels share a sample of the noise: the correlation of the background's squared magnitudes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import DataWarning
from spallmap.relaxometry.noise.level import background_pixels
from spallmap.sampling import FROM_BOTH, FROM_NOISE, AcquiredSampling

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Lags that are looked at, pixels, and those far ones whose correlation is not the noise's but that of an
# uneven level.
_LAGS = 8
_FAR = (12, 20)
# Pairs of background pixels, all echoes together, that a lag needs.
_MIN_PAIRS = 400
# Correlations off by this much are no evidence: an uneven level, a ghost and 16-bit words leave 0.005.
_FLOOR = 0.006
# Leaving out the weakest and the strongest pixels of a background takes some per cent off its correlations.
_RELATIVE = 0.05
# Standard errors of the squared distance at which a simpler sampling is still the one.
_SIMPLER = 9.0
# Squared distance per lag beyond which no weighting explains the correlations: what was taken for noise is
# something else. Of the samplings of the twin none was beyond 3.
_NO_BAND = 8.0
# Variance of a median over that of a mean.
_MEDIAN = np.pi / 2.0
# Fewer pixels to a sample than this, along an axis, are taken for one: errors of what is pooled are 5 % low.
_PLAIN = 1.1
# Factors that consoles fill to, in the order in which they are believed.
_USUAL = (1.0, 2.0, 4.0, 1.5, 3.0, 4.0 / 3.0)
# Factors of parameters and noise that differ by less than this agree.
_AGREE = 0.1
_MOST_SLICES = 4
# Factors along rows and columns whose ratio is beyond this differ; partial Fourier leaves out a tenth.
_UNLIKE = 1.08
# Largest factor that is looked for.
_LARGEST = 5.0


class Band(NamedTuple):
    """Weighting of k-space along one axis.

    Parameters
    ----------
    factor : float
        Pixels over acquired samples.
    edge : float
        Weight of the outermost sample, as of a Gaussian.
    """

    factor: float
    edge: float

    def weights(self, n: int = 401) -> Array:
        """Weights of the power of the noise over the acquired band."""
        at = np.linspace(-1.0, 1.0, n)
        weights: Array = self.edge ** (2.0 * at**2)
        return weights

    def correlation(self, lags: Array) -> Array:
        """Correlation of squared magnitudes that many pixels apart."""
        power, at = self.weights(), np.linspace(-1.0, 1.0, 401)
        waves = np.cos(np.pi * np.outer(lags, at) / self.factor)
        # trapezoids, so that an even weight is a sinc to six digits
        ends = np.ones(at.size)
        ends[[0, -1]] = 0.5
        values: Array = (waves @ (power * ends) / np.sum(power * ends)) ** 2
        return values

    @property
    def pairs_alike(self) -> float:
        """By how much fewer pairs are independent than there are: the sum of the squared correlations."""
        values = self.correlation(np.arange(1.0, 30.0))
        return float(1.0 + 2.0 * np.sum(values**2))

    @property
    def pixels_per_sample(self) -> float:
        """Pixels for each independent sample of the noise: the sum of the correlations over all lags."""
        power = self.weights()
        return float(self.factor * np.mean(power**2) / np.mean(power) ** 2)


def sampling_of_noise(echoes: Array, background: Flags) -> AcquiredSampling | None:
    r"""Find from the noise how finely an image was acquired.

    The noise of a channel is Gaussian, and of the squared magnitudes of its two channels the correlation at a
    distance is :math:`|\rho|^2`, with :math:`\rho` the complex noise's own, whatever was measured. That of an
    image filled with zeros to f times its matrix is :math:`\rho(l) = \mathrm{sinc}(l / f)`; of a filtered
    one, the transform of the squared weights. Along each axis the simplest weighting is taken that explains
    the first lags.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, ..., ny, nx)
        Magnitudes, by rising echo time; the first, into which the specimen leaks most, is left out.
    background : ndarray of bool, shape (..., ny, nx)
        Pixels without signal.

    Returns
    -------
    AcquiredSampling or None
        Along rows and columns, and 1 along slices; None where there is too little background to say.

    References
    ----------
    Reed, On a moment theorem for complex Gaussian processes, IRE Trans. Inf. Theory 8 (1962) 194.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(4)
    >>> k_space = np.zeros((5, 64, 64), dtype=complex)
    >>> k_space[:, 16:48, 16:48] = rng.normal(size=(5, 32, 32)) + 1j * rng.normal(size=(5, 32, 32))
    >>> noise = np.abs(np.fft.ifft2(k_space))
    >>> sampling_of_noise(noise, np.ones((64, 64), dtype=bool)).factor
    (2.0, 2.0)
    """
    later = np.asarray(echoes[min(1, len(echoes) - 1) :], dtype=np.float64) ** 2
    stack = later.reshape(later.shape[0], -1, *later.shape[-2:])
    inside = background.reshape(-1, *background.shape[-2:])
    centred = _centred(stack, inside)
    seen = [_correlations(centred, inside, axis) for axis in (1, 2)]
    # pairs that share a sample along the other axis are one
    bands: list[Band | None] = [Band(1.0, 1.0), Band(1.0, 1.0)]
    for _ in range(2):
        alike = [1.0 if band is None else band.pairs_alike for band in bands]
        bands = [None if one is None else _band(*one, alike[0] * alike[1]) for one in seen]
    along = [band for band in bands if band is not None]
    if len(along) < len(bands):
        return None
    n_whole = background.ndim - 2
    return AcquiredSampling(
        (1.0,) * n_whole + tuple(band.factor for band in along),
        (1.0,) * n_whole + tuple(band.edge for band in along),
        (1.0,) * n_whole + tuple(max(band.pixels_per_sample, 1.0) for band in along),
        FROM_NOISE,
    )


def _centred(stack: Array, inside: Flags) -> Array:
    """Powers about the mean of each echo, in units of its standard deviation; 0 outside."""
    centred = np.zeros(stack.shape)
    for one, power in zip(centred, stack, strict=True):
        values = power[inside]
        if values.size > 1 and np.ptp(values) > 0.0:
            one[inside] = (values - values.mean()) / values.std()
    return centred


def _correlations(centred: Array, inside: Flags, axis: int) -> tuple[Array, Array] | None:
    """Correlation at each lag along an axis of (slice, row, column), and its number of pairs."""
    n = inside.shape[axis]
    lags = [*range(1, _LAGS + 1), *range(*_FAR)]
    found, pairs = [], []
    for lag in lags:
        if lag >= n:
            found.append(0.0)
            pairs.append(0)
            continue
        first, second = (
            tuple(slice(None) if k != axis else s for k in range(3))
            for s in (slice(None, -lag), slice(lag, None))
        )
        both = inside[first] & inside[second]
        count = int(np.count_nonzero(both))
        each = [np.sum(one[first][both] * one[second][both]) / max(count, 1) for one in centred]
        # the median echo: a spark or a ghost may be in one
        found.append(float(np.median(each)))
        pairs.append(count * len(centred))
    values, counts = np.array(found), np.array(pairs)
    near, far = slice(None, _LAGS), slice(_LAGS, None)
    if np.any(counts[: min(_LAGS, 3)] < _MIN_PAIRS):
        return None
    known = counts[far] >= _MIN_PAIRS
    uneven = max(float(np.median(values[far][known])), 0.0) if known.any() else 0.0
    return (values[near] - uneven) / (1.0 - uneven), counts[near]


# From the simplest weighting to any.
_BY_SIMPLICITY: tuple[Callable[[Band], bool], ...] = (
    lambda band: band.factor == 1.0 and band.edge == 1.0,
    lambda band: band.factor == 1.0 or (band.factor in _USUAL and band.edge == 1.0),
    lambda band: band.edge == 1.0 or band.factor in _USUAL,
    lambda _band: True,
)


@cache
def _candidates() -> tuple[tuple[Band, ...], Array]:
    edges = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03)
    factors = sorted({*_USUAL, *np.round(1.0 / np.linspace(1.0 / _LARGEST, 1.0, 161), 4).tolist()})
    bands = tuple(Band(factor, edge) for edge in edges for factor in factors)
    lags = np.arange(1.0, _LAGS + 1.0)
    return bands, np.stack([band.correlation(lags) for band in bands])


def _band(correlations: Array, pairs: Array, n_alike: float) -> Band | None:
    """Return the simplest weighting that explains the correlations; None where none does."""
    bands, expected = _candidates()
    used = pairs >= _MIN_PAIRS
    variance = _MEDIAN * n_alike / np.maximum(pairs, 1) + _FLOOR**2 + (_RELATIVE * expected) ** 2
    distance = np.sum(((expected - correlations) ** 2 / variance)[:, used], axis=1)
    if distance.min() > _NO_BAND * np.count_nonzero(used):
        return None
    limit = float(distance.min()) + _SIMPLER
    near = [(float(d), band) for band, d in zip(bands, distance, strict=True) if d <= limit]
    for is_simple in _BY_SIMPLICITY:
        simple = [(d, band) for d, band in near if is_simple(band)]
        if simple:
            break
    best = min(simple)[1]
    return best if best.pixels_per_sample > _PLAIN else Band(1.0, 1.0)


def found_sampling(
    data: ArrayLike, n_coils: int = 1, parameters: AcquiredSampling | None = None
) -> AcquiredSampling:
    """Find how finely an image was acquired: from its noise, and from its parameters where that says nothing.

    Parameters
    ----------
    data : array_like, shape (n_echoes, ..., ny, nx)
        Magnitudes or complex data, by rising echo time. A list of pixels has no neighbours.
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed.
    parameters : AcquiredSampling, optional
        What the acquisition's parameters say.

    Returns
    -------
    AcquiredSampling
        That of the noise; the parameters' where they agree with it (the factors are then exact), or where
        there is too little background; each pixel a sample where neither says anything.

    Examples
    --------
    >>> noise = np.random.default_rng(4).rayleigh(size=(5, 64, 64))
    >>> found_sampling(noise).is_plain, found_sampling(noise[:, :3, :3]).source
    (True, 'not known')
    """
    series = np.asarray(data)
    n_axes = series.ndim - 1
    unknown = AcquiredSampling.plain(max(n_axes, 1)) if parameters is None else parameters
    if n_axes < 2 or min(series.shape[-2:]) <= _LAGS:
        return unknown
    if n_axes > 2:
        # some slices say it as well as all
        few = np.linspace(0, series.shape[1] - 1, min(series.shape[1], _MOST_SLICES)).astype(int)
        series = series[:, few]
    found = sampling_of_noise(np.abs(series), background_pixels(series, n_coils))
    if found is None:
        return unknown
    if parameters is None:
        return found
    alike = np.allclose(parameters.factor[-2:], found.factor[-2:], rtol=_AGREE)
    return parameters.known_from(FROM_BOTH) if alike and not found.is_filtered else found


def sampling_warnings(
    sampling: AcquiredSampling, shape: Sequence[int], parameters: AcquiredSampling | None = None
) -> tuple[DataWarning, ...]:
    """Say that fewer samples were acquired than pixels are delivered, and what was done about it.

    Parameters
    ----------
    sampling : AcquiredSampling
        How finely the image was acquired.
    shape : sequence of int
        Of what is delivered, spatial axes alone.
    parameters : AcquiredSampling, optional
        What the acquisition's parameters say.

    Returns
    -------
    tuple of DataWarning
        One, or none.

    Examples
    --------
    >>> sampling_warnings(AcquiredSampling.filled((2.0, 2.0), FROM_NOISE), (128, 96))[0].found
    '128 x 96 pixels of 64 x 48 samples: filled with zeros (known from correlation of the noise)'
    """
    if sampling.is_plain:
        return ()
    known = f"known from {sampling.source}"
    if parameters is not None and sampling.source == FROM_NOISE:
        counted = " x ".join(map(str, parameters.acquired_shape(shape)))
        known += f"; the parameters say {counted} samples"
    found = []
    if max(sampling.factor) > 1.0:
        counts = [" x ".join(map(str, n)) for n in (shape, sampling.acquired_shape(shape))]
        found.append(f"{counts[0]} pixels of {counts[1]} samples: filled with zeros")
        least, most = sorted(sampling.factor[-2:])
        if most > _UNLIKE * least:
            axis = "rows" if sampling.factor[-2] == most else "columns"
            found[-1] += (
                f", more across the {axis}: or phase steps were not acquired (partial Fourier), which "
                "blurs edges across them"
            )
    if sampling.is_filtered:
        listed = " and ".join(f"{e:.2g}" for e in sampling.edge[-2:])
        found.append(f"k-space weighted, its outermost rows and columns by {listed}")
    return (
        DataWarning(
            "sampling of the echoes",
            f"{'; '.join(found)} ({known})",
            f"{sampling.n_alike:.2g} pixels share one sample of the noise: regions and errors count samples; "
            "nothing smaller than one is seen",
        ),
    )
