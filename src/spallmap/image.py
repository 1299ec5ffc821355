"""An array that knows its axes, its sample spacing and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning

SPATIAL_AXES = ("z", "y", "x")


@dataclass(frozen=True)
class Image:
    """Samples on a regular grid.

    The frame of an image has its origin at the centre of the first sample, x along the columns, y along the
    rows and z along the slices, in micrometres (see :mod:`spallmap.frames`).

    Parameters
    ----------
    data : ndarray
        The samples. Spatial axes come last, in the order z, y, x.
    axes : tuple of str
        One name per array axis: leading axes such as ``"echo"`` or ``"channel"``, then ``"z"`` (volumes
        only), ``"y"`` and ``"x"``.
    spacing_um : tuple of float
        Distance between sample centres along each spatial axis, in array order, in micrometres.
    mask : ndarray of bool, optional
        Over the spatial axes; True where a sample shows the specimen. Absent: everywhere.
    meta : mapping
        What else the file said, such as ``te_ms`` (echo times, ms) or ``channels`` (names).
    clipped : ndarray of bool, optional
        Of the samples' shape; True where a sample was cut off at an end of its range, so that the true value
        lies beyond it. Absent: nowhere.
    warnings : tuple of DataWarning
        What is odd in the files.

    Raises
    ------
    ValueError
        If the axes' names, the spacings or the masks do not fit the samples.

    Examples
    --------
    >>> echoes = Image(np.zeros((8, 64, 32)), ("echo", "y", "x"), (23.0, 46.0), meta={"te_ms": (2.0, 6.5)})
    >>> echoes.spatial_shape, echoes.n_spatial
    ((64, 32), 2)
    >>> echoes.with_data(echoes.data.mean(axis=0), ("y", "x")).axes
    ('y', 'x')
    """

    data: NDArray[Any]
    axes: tuple[str, ...]
    spacing_um: tuple[float, ...]
    mask: NDArray[np.bool_] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    clipped: NDArray[np.bool_] | None = None
    warnings: tuple[DataWarning, ...] = ()

    def __post_init__(self) -> None:
        if len(self.axes) != self.data.ndim:
            raise ValueError(f"{self.data.ndim} array axes but {len(self.axes)} names {self.axes}")
        spatial = tuple(a for a in self.axes if a in SPATIAL_AXES)
        if spatial not in (SPATIAL_AXES, SPATIAL_AXES[1:]) or self.axes[-len(spatial) :] != spatial:
            raise ValueError(f"the spatial axes must come last, as (z,) y, x; got {self.axes}")
        if len(self.spacing_um) != len(spatial):
            raise ValueError(f"{len(spatial)} spatial axes but {len(self.spacing_um)} spacings")
        if not all(np.isfinite(s) and s > 0 for s in self.spacing_um):
            raise ValueError(f"spacings must be positive micrometres; got {self.spacing_um}")
        if self.mask is not None and self.mask.shape != self.spatial_shape:
            raise ValueError(f"mask of shape {self.mask.shape} for an image of shape {self.spatial_shape}")
        if self.mask is not None and self.mask.dtype != np.bool_:
            raise ValueError(f"a mask holds True and False; got {self.mask.dtype}")
        if self.clipped is not None and self.clipped.shape != self.data.shape:
            raise ValueError(f"clipped samples of shape {self.clipped.shape} for samples {self.data.shape}")

    @property
    def n_spatial(self) -> int:
        """Number of spatial axes: 2 for an image, 3 for a volume."""
        return len(self.spacing_um)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Number of samples along each spatial axis, in array order."""
        return self.data.shape[-len(self.spacing_um) :]

    def with_data(self, data: NDArray[Any], axes: tuple[str, ...] | None = None) -> Image:
        """Return other samples on the same grid.

        Parameters
        ----------
        data : ndarray
            The new samples.
        axes : tuple of str, optional
            Their axes; the present ones where absent.

        Returns
        -------
        Image
            The same spacing, mask, metadata and warnings with `data`; which of the new samples are clipped is
            not known.
        """
        return replace(self, data=data, axes=self.axes if axes is None else axes, clipped=None)
