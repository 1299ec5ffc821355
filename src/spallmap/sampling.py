"""How finely an image was acquired, against how finely it is delivered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

# What the knowledge rests on.
UNKNOWN = "not known"
FROM_NOISE = "correlation of the noise"
FROM_PARAMETERS = "parameters"
FROM_BOTH = "parameters, and the correlation of the noise"

# A factor this close to a whole number is one, relative: a console rounds a matrix.
_WHOLE = 0.02
# A weight of the outermost samples above this is no filter.
_UNFILTERED = 0.999


@dataclass(frozen=True)
class AcquiredSampling:
    """How finely an image was acquired, against how finely it is delivered.

    A console that fills with zeros, leaves out phase steps or filters delivers more pixels than it acquired
    samples, and neighbouring pixels share their noise. All tuples are in array order of the spatial axes.

    Parameters
    ----------
    factor : tuple of float
        Delivered pixels for each acquired sample along each axis, 1 or more. The image holds nothing beyond
        the centred fraction 1 / factor of its k-space. Phase steps that were left out on one side count here
        too, since the noise does not say on which side.
    edge : tuple of float
        Weight of the outermost acquired samples of k-space along each axis against those at the centre, as of
        a Gaussian ``edge ** (k / k_max) ** 2``; 1 where nothing was filtered.
    pixels_per_sample : tuple of float
        Delivered pixels for each independent sample of the noise along each axis: the factor, and more where
        a filter acted.
    source : str
        What that rests on: :data:`UNKNOWN` (each pixel is then taken for a sample), :data:`FROM_NOISE`,
        :data:`FROM_PARAMETERS` or :data:`FROM_BOTH`.

    Raises
    ------
    ValueError
        If the tuples differ in length, or a number is out of its range.

    Examples
    --------
    >>> twice = AcquiredSampling.filled((2.0, 2.0), FROM_PARAMETERS)
    >>> twice.steps, twice.n_alike, twice.is_plain
    ((2, 2), 4.0, False)
    >>> twice.acquired_shape((128, 96)), twice.acquired_spacing_um((11.5, 23.0))
    ((64, 48), (23.0, 46.0))
    >>> AcquiredSampling.plain(2).is_plain
    True
    """

    factor: tuple[float, ...]
    edge: tuple[float, ...]
    pixels_per_sample: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        if not len(self.factor) == len(self.edge) == len(self.pixels_per_sample):
            raise ValueError("factor, edge and pixels_per_sample have one number for each spatial axis")
        if min(*self.factor, *self.pixels_per_sample) < 1.0 or not all(0.0 < e <= 1.0 for e in self.edge):
            raise ValueError("factor and pixels_per_sample are 1 or more, edge is above 0 and at most 1")

    @classmethod
    def plain(cls, n_axes: int, source: str = UNKNOWN) -> AcquiredSampling:
        """Make the sampling of an image in which each pixel is a sample.

        Parameters
        ----------
        n_axes : int
            Spatial axes.
        source : str
            What that rests on.

        Returns
        -------
        AcquiredSampling
            All ones.
        """
        return cls.filled((1.0,) * n_axes, source)

    @classmethod
    def filled(cls, factor: Sequence[float], source: str) -> AcquiredSampling:
        """Make the sampling of an image that was filled with zeros and not filtered.

        Parameters
        ----------
        factor : sequence of float
            Delivered pixels for each acquired sample along each axis.
        source : str
            What that rests on.

        Returns
        -------
        AcquiredSampling
            With as many pixels to a sample of noise.
        """
        factors = tuple(float(f) for f in factor)
        return cls(factors, (1.0,) * len(factors), factors, source)

    @property
    def is_plain(self) -> bool:
        """Whether each pixel is a sample of its own."""
        return max(self.pixels_per_sample) == 1.0

    @property
    def is_filtered(self) -> bool:
        """Whether k-space was weighted."""
        return min(self.edge) < _UNFILTERED

    @property
    def n_alike(self) -> float:
        """Delivered pixels for each independent sample of the noise, over all axes."""
        return math.prod(self.pixels_per_sample)

    @property
    def steps(self) -> tuple[int, ...]:
        """Along each axis every how many pixels hold all that was acquired: the whole part of the factor.

        Of a magnitude image that was filled with zeros to a whole multiple, every so many pixels are the
        image of the acquired matrix, with its independent noise.
        """
        return tuple(int(f * (1.0 + _WHOLE)) for f in self.factor)

    @property
    def in_plane(self) -> AcquiredSampling:
        """Return the same of rows and columns alone."""
        return AcquiredSampling(self.factor[-2:], self.edge[-2:], self.pixels_per_sample[-2:], self.source)

    def acquired_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the acquired matrix of an image of `shape`.

        Parameters
        ----------
        shape : sequence of int
            Delivered, spatial axes alone.

        Returns
        -------
        tuple of int
            At least 1 along each axis.
        """
        return tuple(max(round(n / f), 1) for n, f in zip(shape, self.factor, strict=True))

    def acquired_spacing_um(self, spacing_um: Sequence[float]) -> tuple[float, ...]:
        """Return the distance of the acquired samples.

        Parameters
        ----------
        spacing_um : sequence of float
            Delivered pixel size.

        Returns
        -------
        tuple of float
            The acquired pixel size.
        """
        return tuple(s * f for s, f in zip(spacing_um, self.factor, strict=True))

    def at_steps(self) -> AcquiredSampling:
        """Return what is left after every `steps`-th pixel was taken.

        Returns
        -------
        AcquiredSampling
            Plain where the image was filled with zeros to whole multiples and not filtered.
        """
        left = [f / n for f, n in zip(self.factor, self.steps, strict=True)]
        return AcquiredSampling(
            tuple(f if f > 1.0 + _WHOLE else 1.0 for f in left),
            self.edge,
            tuple(
                p / n if p / n > 1.0 + _WHOLE else 1.0
                for p, n in zip(self.pixels_per_sample, self.steps, strict=True)
            ),
            self.source,
        )

    def known_from(self, source: str) -> AcquiredSampling:
        """Return the same, known from another source.

        Parameters
        ----------
        source : str
            As of the class.

        Returns
        -------
        AcquiredSampling
            The same numbers.
        """
        return replace(self, source=source)

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in t2.json.

        Returns
        -------
        dict
            Lists, numbers and words.
        """
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> AcquiredSampling:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        found : dict
            As written.

        Returns
        -------
        AcquiredSampling
            The same again.
        """
        return cls(
            tuple(float(v) for v in found["factor"]),
            tuple(float(v) for v in found["edge"]),
            tuple(float(v) for v in found["pixels_per_sample"]),
            str(found["source"]),
        )
