"""What a table says of an image's directions in the reference tomogram, and the map that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, grid_centre

_DIRECTION = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class AxesPrior:
    """Which directions of the reference tomogram an array's axes run along.

    Parameters
    ----------
    names : tuple of str
        One per array axis, in array order: ``x``, ``y`` or ``z`` with an optional ``-``, or ``r`` for an
        unknown direction in the plane of the other two axes.

    Examples
    --------
    >>> axes = AxesPrior.parse("-z,y")
    >>> axes.linear().astype(int).tolist()  # own x runs along the tomogram's y, own y against its z
    [[0, 0, -1], [1, 0, 0], [0, -1, 0]]
    >>> AxesPrior.parse("-z,r").unknown_direction
    True
    >>> AxesPrior.parse("z,y").seen_from(AxesPrior.parse("-z,y,x")).names
    ('-z', 'y')
    """

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> AxesPrior:
        """Read the ``axes`` column of the table, for example ``-z,y``.

        Parameters
        ----------
        text : str
            Names separated by commas, one for each array axis.

        Returns
        -------
        AxesPrior
            The directions.

        Raises
        ------
        ValueError
            If a name is unknown, an axis appears twice, or ``r`` stands in a volume's axes.
        """
        names = tuple(part.strip() for part in text.split(","))
        bare = [n.removeprefix("-") for n in names]
        if len(names) not in (2, 3) or any(b not in ("x", "y", "z", "r") for b in bare) or "-r" in names:
            raise ValueError(
                f"axes {text!r}: two or three of x, y, z with an optional '-', or r, are allowed"
            )
        if len(set(bare)) != len(bare):
            raise ValueError(f"axes {text!r}: the same axis stands twice")
        if "r" in bare and len(names) == 3:
            raise ValueError(f"axes {text!r}: r is for images; a volume needs x, y and z")
        return cls(names)

    @property
    def unknown_direction(self) -> bool:
        """Whether one axis is ``r``."""
        return "r" in self.names

    def seen_from(self, tomogram: AxesPrior) -> AxesPrior:
        """Say the same in the directions of another tomogram.

        Parameters
        ----------
        tomogram : AxesPrior
            Where that tomogram's own axes point in the reference.

        Returns
        -------
        AxesPrior
            The directions of that tomogram that the array's axes run along.
        """
        own = {
            n.removeprefix("-"): (n.startswith("-"), a) for n, a in zip(tomogram.names, "zyx", strict=True)
        }
        names = []
        for name in self.names:
            if name == "r":
                names.append(name)
                continue
            flipped, axis = own[name.removeprefix("-")]
            names.append(f"-{axis}" if flipped != name.startswith("-") else axis)
        return AxesPrior(tuple(names))

    def linear(self, azimuth_deg: float = 0.0) -> NDArray[np.float64]:
        """Rotation (or, for a volume, signed permutation) from the own frame to the reference frame.

        Parameters
        ----------
        azimuth_deg : float
            Where ``r`` points: the angle in the plane of the two axes that are not named, from the first
            to the second of them in the cyclic order x, y, z.

        Returns
        -------
        ndarray, shape (3, 3)
            Columns: where the own x, y and z axes point. For an image the third is the normal, x cross y.
        """
        vectors = [self._vector(name, azimuth_deg) for name in self.names]
        if len(vectors) == 2:
            row, column = vectors
            return np.column_stack([column, row, np.cross(column, row)])
        return np.column_stack(vectors[::-1])

    def _vector(self, name: str, azimuth_deg: float) -> NDArray[np.float64]:
        if name != "r":
            return np.array(_DIRECTION[name.removeprefix("-")]) * (-1.0 if name.startswith("-") else 1.0)
        named = next(n.removeprefix("-") for n in self.names if n != "r")
        start = "xyz".index(named)
        first, second = (np.array(_DIRECTION["xyz"[(start + k) % 3]]) for k in (1, 2))
        angle = np.deg2rad(azimuth_deg)
        direction: NDArray[np.float64] = np.cos(angle) * first + np.sin(angle) * second
        return direction

    def map(
        self,
        shape: Sequence[int],
        spacing_um: Sequence[float],
        reference_shape: Sequence[int],
        reference_spacing_um: Sequence[float],
        azimuth_deg: float = 0.0,
    ) -> AffineMap:
        """Place the centre of the own grid on the centre of the reference grid, rotated as the axes say.

        Parameters
        ----------
        shape, spacing_um : sequence
            The own grid, in array order.
        reference_shape, reference_spacing_um : sequence
            The reference tomogram's grid, in array order.
        azimuth_deg : float
            See :meth:`linear`.

        Returns
        -------
        AffineMap
            From the own frame to the reference frame.

        Examples
        --------
        >>> to_reference = AxesPrior.parse("z,y").map((11, 21), (10.0, 10.0), (11, 21, 5), (10.0, 10.0, 10.0))
        >>> to_reference([0.0, 0.0, 0.0]).tolist()  # the first pixel, in the tomogram's middle slice along x
        [20.0, 0.0, 0.0]
        """
        linear = self.linear(azimuth_deg)
        own = grid_centre(shape, spacing_um)
        reference = grid_centre(reference_shape, reference_spacing_um)
        return AffineMap.from_parts(linear, reference - linear @ own)
