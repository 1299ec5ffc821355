"""Echo series as TIFF: one file for each echo in a folder, or one multi-page file, with times beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.echo_train import bids_origins, bids_sequence, refuse_gradient_echoes, train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.te_sidecar import EchoTimes, find_echo_times, natural_order
from spallmap.readers.tiff_files import (
    holds_tiff,
    main_series,
    open_tiff,
    pick_spacing,
    read_series,
    spacing_from_tags,
    tiff_names,
)

if TYPE_CHECKING:
    import tifffile

ACCEPTS = (
    "a folder with one TIFF for each echo, or one multi-page TIFF or OME-TIFF, and the echo times beside them"
)
# Names that tifffile gives to axes other than z, y and x that may count echoes.
_ECHO_AXES = "TCQIRHE"


@dataclass(frozen=True)
class _File:
    """What one file says."""

    n_echoes: int
    spatial: tuple[int, ...]
    transposed: bool
    dtype: str
    spacing: dict[str, float]
    kind: str


def files(path: Path) -> tuple[Path, ...]:
    """List the images in the order of their echoes, and the files with their echo times.

    Raises
    ------
    InputError
        If the images are damaged or there are no echo times.
    """
    images, _, times = _series(path)
    return tuple(dict.fromkeys((*images, *times.sidecars)))


def probe(path: Path) -> ImageInfo:
    """Read the headers.

    Raises
    ------
    InputError
        If an image is damaged or differs from the others, or there are no echo times that fit.
    """
    _, said, times = _series(path)
    return _info(path, said, times)


def load(path: Path) -> Loaded:
    """Read the echoes.

    Raises
    ------
    InputError
        As :func:`probe`, and if samples are missing.
    """
    images, said, times = _series(path)
    info = _info(path, said, times)
    parts = []
    for image, one in zip(images, said, strict=True):
        with open_tiff(image) as tif:
            stored = read_series(image, tif)
        if one.transposed:
            stored = stored.reshape(one.spatial[0], one.n_echoes, *one.spatial[1:]).swapaxes(0, 1)
        parts.append(stored.reshape(one.n_echoes, *one.spatial))
    return Loaded(info, np.ascontiguousarray(np.concatenate(parts), dtype=np.float32))


def _series(path: Path) -> tuple[tuple[Path, ...], tuple[_File, ...], EchoTimes]:
    images = (path,) if path.is_file() else tuple(sorted(tiff_names(path), key=natural_order))
    alone = len(images) == 1
    said = tuple(_read_header(image, alone) for image in images)
    for image, one in zip(images, said, strict=True):
        if (one.spatial, one.dtype) != (said[0].spatial, said[0].dtype):
            found = f"{'x'.join(map(str, one.spatial))} {one.dtype}"
            allowed = f"{'x'.join(map(str, said[0].spatial))} {said[0].dtype} as in {images[0].name}"
            raise InputError(str(image), found, allowed)
    folder = path if path.is_dir() else None
    times = find_echo_times(path, images, [one.n_echoes for one in said], folder)
    return images, said, times


def _read_header(image: Path, alone: bool) -> _File:
    with open_tiff(image) as tif:
        series = main_series(image, tif)
        dtype = np.dtype(series.dtype)
        kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
        axes, shape = "".join(a for a, _ in kept), tuple(n for _, n in kept)
        spacing = spacing_from_tags(tif, tif.series.index(series))
        kind = _kind(tif)
    if dtype.kind not in "uif":
        raise InputError(str(image), f"samples of type {dtype}", "whole or floating-point numbers")
    found = f"axes {axes} of lengths {shape}"
    leading = axes[:-2]
    if axes[-2:] != "YX" or len(leading) > 2:
        raise InputError(str(image), found, f"grey images; {ACCEPTS}")
    transposed = False
    if len(leading) == 2:
        if leading.count("Z") != 1 or not set(leading) - {"Z"} <= set(_ECHO_AXES):
            raise InputError(str(image), found, "slices (Z) and one other axis, the echoes")
        transposed = leading[0] == "Z"
        n_echoes, n_slices = (shape[1], shape[0]) if transposed else shape[:2]
        spatial = (n_slices, *shape[2:])
    elif len(leading) == 1 and alone:
        # a single stack counts echoes, whatever its writer called the axis: nothing else can be fitted
        n_echoes, spatial = shape[0], shape[1:]
    else:
        n_echoes, spatial = 1, shape
    return _File(n_echoes, spatial, transposed, str(dtype.newbyteorder("=")), spacing, kind)


def _kind(tif: tifffile.TiffFile) -> str:
    return "OME-TIFF" if tif.ome_metadata else "ImageJ TIFF" if tif.imagej_metadata else "TIFF"


def _info(path: Path, said: Sequence[_File], times: EchoTimes) -> ImageInfo:
    first = said[0]
    spatial = ("z", "y", "x")[-len(first.spatial) :]
    bids = times.bids[0]
    for known in times.bids:
        refuse_gradient_echoes(str(path), known.get("ScanningSequence"), known.get("EchoPulseSequence"))
    meta = {
        "te_ms": times.te_ms,
        "magnitude": True,
        "train": train_of(bids_origins(times.te_ms, [one.n_echoes for one in said], times.bids)),
        "sequence": bids_sequence(bids),
        "nucleus": str(bids.get("Nucleus") or ""),
        "vendor": str(bids.get("Manufacturer") or ""),
        "te_source": ", ".join(dict.fromkeys(p.name for p in times.sidecars)),
    }
    return ImageInfo(
        shape=(len(times.te_ms), *first.spatial),
        axes=("echo", *spatial),
        spacing_um=pick_spacing(first.spacing, spatial),
        dtype="float32",
        format=f"{first.kind} series" if len(said) > 1 or path.is_dir() else first.kind,
        meta=meta,
    )


READER = Reader(
    name="TIFF echoes",
    modalities=("mri",),
    accepts=ACCEPTS,
    claims=holds_tiff,
    files=files,
    probe=probe,
    load=load,
)
