"""Volumes as OME-Zarr 0.5 (Zarr 3) with an isotropic pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spallmap.blocks import Sliceable, whole
from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES, Image
from spallmap.readers.info import VolumeSource
from spallmap.readers.volumes.ngff.ome_ngff import open_level
from spallmap.results.atomic import atomic_path
from spallmap.results.pyramid import CHUNK, CODEC, PyramidLevel, level_shapes


class VolumeWriter:
    """Writes a volume with its pyramid as its slices arrive.

    The folder appears when the block ends well; nothing is left of it when it does not. Memory is that of
    two layers of chunks, 64 slices each, for the finest level and as much again for all others.

    Parameters
    ----------
    path : Path or str
        The folder, ending in ``.ome.zarr``; one that is there is replaced.
    shape : sequence of int
        Number of voxels along z, y and x.
    dtype : dtype
        Integers or floats; booleans become 0 and 1.
    spacing_um : sequence of float
        Voxel spacing in array order, um.
    labels : bool
        Whether these are labels: the pyramid then keeps values as they are, and the group says so.
    threads : int
        Threads that pack and smooth.

    Raises
    ------
    ValueError
        If the shape is not that of a volume with three spacings.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "v.ome.zarr")
    ...     with VolumeWriter(path, (70, 3, 4), "uint16", (5.0, 4.0, 4.0)) as writer:
    ...         for first in range(0, 70, 10):
    ...             writer.write(first, np.full((10, 3, 4), first, np.uint16))
    ...     read_volume(path).data[::10, 0, 0].tolist(), read_volume(path, level=1).data.shape
    ([0, 10, 20, 30, 40, 50, 60], (35, 2, 2))
    """

    def __init__(
        self,
        path: Path | str,
        shape: Sequence[int],
        dtype: DTypeLike,
        spacing_um: Sequence[float],
        labels: bool = False,
        threads: int = 1,
    ) -> None:
        if len(shape) != 3 or len(spacing_um) != 3 or min(shape) < 1:
            raise ValueError(f"a volume has three axes and spacings; got {tuple(shape)}, {tuple(spacing_um)}")
        kind = np.dtype(dtype)
        self._path = Path(path)
        self._shapes = level_shapes(shape)
        self._dtype = np.dtype(np.uint8) if kind.kind == "b" else kind.newbyteorder("=")
        self._spacing_um = tuple(float(s) for s in spacing_um)
        self._labels = labels
        self._threads = max(1, threads)
        self._stack = ExitStack()
        self._finest: PyramidLevel | None = None

    def __enter__(self) -> VolumeWriter:
        with ExitStack() as stack:
            part = stack.enter_context(atomic_path(self._path))
            pool = stack.enter_context(ThreadPoolExecutor(self._threads))
            self._create(part)
            level = None
            for number in reversed(range(len(self._shapes))):
                folder, shape = part / f"s{number}", self._shapes[number]
                level = PyramidLevel(folder, shape, self._dtype, self._labels, pool, level)
            self._finest = level
            self._stack = stack.pop_all()
        return self

    def _create(self, part: Path) -> None:
        """Let zarr write all metadata; the chunks are added beside it."""
        import zarr
        from zarr.codecs import BloscCodec

        group = zarr.create_group(str(part), zarr_format=3)
        for number, shape in enumerate(self._shapes):
            group.create_array(
                f"s{number}",
                shape=shape,
                dtype=self._dtype,
                chunks=tuple(min(CHUNK, n) for n in shape),
                compressors=BloscCodec(**CODEC),
                fill_value=0,
                dimension_names=SPATIAL_AXES,
            )
        name = self._path.name.removesuffix(".ome.zarr")
        group.attrs["ome"] = _ome_metadata(name, len(self._shapes), self._spacing_um, self._labels)

    def write(self, first_slice: int, slab: NDArray[Any]) -> None:
        """Write the next slices.

        Parameters
        ----------
        first_slice : int
            Where they begin: at the end of those that were written before.
        slab : ndarray, shape (n, ny, nx)
            As many as there are at hand.

        Raises
        ------
        ValueError
            If they do not follow, or do not fit the volume.
        """
        if self._finest is None:
            raise ValueError("slices are written inside the writer's block")
        shape, taken = self._shapes[0], self._finest.taken
        if first_slice != taken:
            raise ValueError(f"slices from {first_slice}, but {taken} come next")
        if slab.ndim != 3 or slab.shape[1:] != shape[1:] or taken + slab.shape[0] > shape[0]:
            raise ValueError(f"a slab of shape {slab.shape} at {taken} of a volume of shape {shape}")
        if not np.can_cast(slab.dtype, self._dtype, "same_kind") and slab.dtype != bool:
            raise ValueError(f"a slab of {slab.dtype} for a volume of {self._dtype}")
        self._finest.take(slab)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finest, self._finest = self._finest, None
        if error is None and finest is not None and finest.taken != self._shapes[0][0]:
            with self._stack:  # raised inside, so that the half-written folder goes
                raise ValueError(f"{finest.taken} slices written of {self._shapes[0][0]}")
        self._stack.__exit__(kind, error, trace)


def write_volume(
    path: Path | str,
    volume: Sliceable,
    spacing_um: Sequence[float],
    labels: bool = False,
    threads: int = 1,
) -> None:
    """Write a volume with its pyramid.

    Parameters
    ----------
    path : Path or str
        The folder, ending in ``.ome.zarr``; one that is there is replaced.
    volume : Sliceable, shape (nz, ny, nx)
        Integers or floats; booleans become 0 and 1. Read layer by layer.
    spacing_um : sequence of float
        Voxel spacing in array order, um.
    labels : bool
        Whether these are labels: the pyramid then keeps values as they are, and the group says so.
    threads : int
        Threads that pack and smooth.

    Raises
    ------
    ValueError
        If the shape is not that of a volume with three spacings.

    Examples
    --------
    >>> import tempfile
    >>> volume = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_volume(Path(folder, "v.ome.zarr"), volume, (5.0, 4.0, 4.0))
    ...     image = read_volume(Path(folder, "v.ome.zarr"))
    >>> bool((image.data == volume).all()), image.spacing_um
    (True, (5.0, 4.0, 4.0))
    """
    with VolumeWriter(path, volume.shape, volume.dtype, spacing_um, labels, threads) as writer:
        _, y, x = whole(volume.shape)
        for start in range(0, volume.shape[0], CHUNK):
            writer.write(start, volume[slice(start, min(start + CHUNK, volume.shape[0])), y, x])


def _ome_metadata(name: str, n_levels: int, spacing_um: Sequence[float], labels: bool) -> dict[str, Any]:
    """Describe the group; ome-zarr's writer would take the scales from ratios of (odd) shapes."""
    datasets = [
        {
            "path": f"s{number}",
            "coordinateTransformations": [
                {"type": "scale", "scale": [float(s) * 2**number for s in spacing_um]}
            ],
        }
        for number in range(n_levels)
    ]
    axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in SPATIAL_AXES]
    kind: dict[str, Any] = {"image-label": {}} if labels else {}
    return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": datasets}], **kind}


def open_zarr(path: Path | str, level: int = 0) -> VolumeSource:
    """Open one level of a volume, to be read part by part.

    Parameters
    ----------
    path : Path or str
        The folder.
    level : int
        0 is the full resolution.

    Returns
    -------
    VolumeSource
        Lazy voxels ``data`` and ``spacing_um``; all levels share one frame. Nothing is kept open.

    Raises
    ------
    InputError
        If this is no such volume or it has no such level.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_volume(Path(folder, "v.ome.zarr"), np.eye(9, dtype=np.uint8)[None], (5.0, 4.0, 4.0))
    ...     source = open_zarr(Path(folder, "v.ome.zarr"))
    ...     source.data.shape, source.data[0:1, 2:4, 2:4].tolist()
    ((1, 9, 9), [[[1, 0], [0, 1]]])
    """
    if not Path(path).is_dir():
        raise InputError(str(path), "no readable volume (no such folder)", "an OME-Zarr volume")
    return open_level(Path(path), level)


def read_volume(path: Path | str, level: int = 0) -> Image:
    """Read one level of a volume.

    Parameters
    ----------
    path : Path or str
        The folder.
    level : int
        0 is the full resolution.

    Returns
    -------
    Image
        Axes (z, y, x); all levels share one frame.

    Raises
    ------
    InputError
        If this is no such volume or it has no such level.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_volume(Path(folder, "v.ome.zarr"), np.full((70, 8, 8), 7.0), (5.0, 4.0, 4.0))
    ...     coarse = read_volume(Path(folder, "v.ome.zarr"), level=1)
    >>> coarse.data.shape, coarse.spacing_um
    ((35, 4, 4), (10.0, 8.0, 8.0))
    """
    source = open_zarr(path, level)
    return Image(source.data[whole(source.data.shape)], SPATIAL_AXES, source.spacing_um)
