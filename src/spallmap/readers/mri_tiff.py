"""Echo series as TIFF: one file for each echo in a folder, or one multi-page file, with times beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.clipped_samples import clipped_samples
from spallmap.readers.checks.file_access import entries
from spallmap.readers.checks.sample_values import in_single_precision
from spallmap.readers.checks.stored_words import refuse_other_words
from spallmap.readers.echo_files import EchoFiles, choose_echo_files
from spallmap.readers.echo_train import bids_origins, bids_sequence, refuse_gradient_echoes, train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.te_sidecar import (
    EchoTimes,
    bids_file,
    find_echo_times,
    is_there,
    natural_order,
    read_bids,
)
from spallmap.readers.tiff_files import (
    is_tiff_name,
    main_series,
    open_tiff,
    pick_spacing,
    read_series,
    spacing_from_tags,
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


@dataclass(frozen=True)
class _EchoTiffs:
    """The files of a series with their headers and echo times."""

    files: EchoFiles
    said: tuple[_File, ...]
    times: EchoTimes


def claims(path: Path) -> bool:
    """Whether the path is a TIFF file or a folder that holds some."""
    if not path.is_dir():
        return is_tiff_name(path)
    return any(is_tiff_name(p) and not p.is_dir() for p in path.iterdir())


def files(path: Path) -> tuple[Path, ...]:
    """List the images in the order of their echoes, and the files with their echo times.

    Raises
    ------
    InputError
        If the images are damaged or there are no echo times.
    """
    series = _series(path)
    described = [bids_file(image) for image in series.files.images]
    sidecars = [bids for bids in described if is_there(bids)]
    return tuple(dict.fromkeys((*series.files.images, *series.times.sidecars, *sidecars)))


def probe(path: Path) -> ImageInfo:
    """Read the headers.

    Raises
    ------
    InputError
        If an image is damaged or differs from the others, there are no echo times that fit, or nothing says
        which images of a folder are one series.
    """
    return _info(path, _series(path))


def load(path: Path) -> Loaded:
    """Read the echoes.

    Raises
    ------
    InputError
        As :func:`probe`, and if samples are missing.
    """
    series = _series(path)
    info = _info(path, series)
    parts = []
    for image, one in zip(series.files.images, series.said, strict=True):
        with open_tiff(image) as tif:
            stored = read_series(image, tif)
        if one.transposed:
            stored = stored.reshape(one.spatial[0], one.n_echoes, *one.spatial[1:]).swapaxes(0, 1)
        parts.append(stored.reshape(one.n_echoes, *one.spatial))
        refuse_other_words(str(image), parts[-1], "the TIFF header")
    as_stored = np.concatenate(parts)
    clipped, odd = clipped_samples(as_stored, source_label=str(path))
    if odd is not None:
        info = replace(info, warnings=(*info.warnings, odd))
    return Loaded(info, np.ascontiguousarray(in_single_precision(str(path), as_stored)), clipped=clipped)


def _series(path: Path) -> _EchoTiffs:
    found = (
        tuple(sorted(entries(path, is_tiff_name, ACCEPTS), key=natural_order)) if path.is_dir() else (path,)
    )
    bids = [read_bids(bids_file(image)) for image in found]
    chosen = choose_echo_files(path, found, bids, lambda image: _read_header(image, False).n_echoes, ACCEPTS)
    images = chosen.images
    said = tuple(_read_header(image, len(images) == 1) for image in images)
    for image, one in zip(images, said, strict=True):
        if (one.spatial, one.dtype) != (said[0].spatial, said[0].dtype):
            shown = f"{'x'.join(map(str, one.spatial))} {one.dtype}"
            allowed = f"{'x'.join(map(str, said[0].spatial))} {said[0].dtype} as in {images[0].name}"
            raise InputError(str(image), shown, allowed)
    folder = path if path.is_dir() else None
    times = find_echo_times(path, images, [one.n_echoes for one in said], folder)
    return _EchoTiffs(chosen, said, times)


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


def _info(path: Path, series: _EchoTiffs) -> ImageInfo:
    said, times = series.said, series.times
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
        "te_unit": times.stored_as,
        "left_out": series.files.left_out,
    }
    return ImageInfo(
        shape=(len(times.te_ms), *first.spatial),
        axes=("echo", *spatial),
        spacing_um=pick_spacing(first.spacing, spatial),
        dtype="float32",
        format=f"{first.kind} series" if len(said) > 1 or path.is_dir() else first.kind,
        meta=meta,
        warnings=(*series.files.warnings, *times.warnings),
    )


READER = Reader(
    name="TIFF echoes",
    modalities=("mri",),
    accepts=ACCEPTS,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
