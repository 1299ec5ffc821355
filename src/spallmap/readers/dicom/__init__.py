"""Echo series in DICOM: folders of single images, or multi-frame files, of any vendor."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.clipped_samples import clipped_samples
from spallmap.readers.checks.stored_words import refuse_negative_magnitudes, refuse_other_words
from spallmap.readers.dicom.frame_headers import Frame, check_modality, has_image, read_frames
from spallmap.readers.dicom.frame_scaling import PHILIPS
from spallmap.readers.dicom.grid import SliceGrid, arrange
from spallmap.readers.dicom.image_files import (
    FoundFiles,
    find_files,
    holds_dicom,
    is_dicom,
    repeated_warning,
)
from spallmap.readers.dicom.opened_file import opened
from spallmap.readers.dicom.stored_pixels import check_pixels, read_pixels, scaled
from spallmap.readers.echo_train import EchoOrigin, train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.sampling import AcquiredSampling

# The largest series that we know of has 32 echoes x 256 slices x 10 repetitions.
MOST_IMAGES = 100_000
ONE_SERIES = (
    "a folder with one DICOM series of single images (any names, nested or not), a multi-frame DICOM file, "
    "or a folder with one sub-folder of DICOM images for each echo time"
)


def claims(path: Path) -> bool:
    """Whether the path is a DICOM file, or a folder with one in it or below."""
    return holds_dicom(path) if path.is_dir() else is_dicom(path)


def files(path: Path) -> tuple[Path, ...]:
    """List the DICOM files, sorted by path."""
    return tuple(find_files(path).images) if path.is_dir() else (path,)


def probe(path: Path) -> ImageInfo:
    """Read the headers.

    Raises
    ------
    InputError
        If they are damaged, compressed in a way that nothing here can decode, or describe something else
        than the echoes of equally spaced slices of one series.
    """
    return _info(*_series(path))


def load(path: Path) -> Loaded:
    """Read the echoes in scaled units.

    Raises
    ------
    InputError
        As :func:`probe`, and if the pixel data are damaged.
    """
    grids, meta, warnings = _series(path)
    info = _info(grids, meta, warnings)
    parts = [_pixels(str(path), grid, info.meta["magnitude"]) for grid in grids]
    odd = tuple(part.warning for part in parts if part.warning is not None)[:1]
    masks = [part.clipped for part in parts if part.clipped is not None]
    data = parts[0].scaled if len(parts) == 1 else parts[0].scaled + 1j * parts[1].scaled
    return Loaded(
        replace(info, warnings=(*info.warnings, *odd)),
        np.ascontiguousarray(data.reshape(info.shape), dtype=info.dtype),
        clipped=np.logical_or.reduce(masks).reshape(info.shape) if masks else None,
    )


def _series(path: Path) -> tuple[tuple[SliceGrid, ...], dict[str, Any], tuple[DataWarning, ...]]:
    """Find the grids to read (two for complex data), what the headers say besides, and what is odd."""
    source_label = str(path)
    looked = find_files(path) if path.is_dir() else FoundFiles([path])
    frames: list[Frame] = []
    without_image = 0
    for name in looked.images:
        with opened(name, ONE_SERIES) as file:
            if has_image(name, file.header):
                check_modality(name, file.header)
                frames += read_frames(name, file.header, check_pixels(file))
            else:
                without_image += 1
        if len(frames) > MOST_IMAGES:
            raise InputError(source_label, f"more than {MOST_IMAGES} images", "one series of echoes")
    components = Counter(frame.component for frame in frames)
    taken = _components_to_take(source_label, components)
    wanted = [frame for frame in frames if frame.component in taken]
    _check_one_series(path, wanted)
    grids = tuple(arrange(source_label, [f for f in wanted if f.component == kind]) for kind in taken)
    if len(grids) == 2 and (grids[0].te_ms, len(grids[0].frames[0])) != (
        grids[1].te_ms,
        len(grids[1].frames[0]),
    ):
        found_ms = f"real parts at {grids[0].te_ms} ms and imaginary parts at {grids[1].te_ms} ms"
        raise InputError(source_label, found_ms, "both parts of every echo of every slice")
    left_out = {kind: n for kind, n in components.items() if kind not in taken}
    if without_image:
        left_out["files without an image"] = without_image
    first = grids[0].frames[0][0]
    meta = {
        "te_ms": grids[0].te_ms,
        "te_source": f"EchoTime of {first.path.name}",
        "magnitude": taken == ("magnitude",),
        "component": " and ".join(taken),
        "left_out": left_out,
        "train": train_of(_credible(wanted)),
        "sequence": first.sequence,
        "nucleus": first.nucleus,
        "vendor": first.vendor,
        "scaling": first.scaling,
        "readout": first.readout,
        "repetitions": grids[0].n_repetitions,
        "series": tuple(sorted({frame.series for frame in wanted})),
        "orientation": grids[0].directions,
        "position_mm": grids[0].position_mm,
    }
    if first.sampling is not None:
        slices = (1.0,) if len(grids[0].frames[0]) > 1 else ()
        meta["sampling"] = AcquiredSampling.filled((*slices, *first.sampling.factor), first.sampling.source)
    return grids, meta, (*grids[0].warnings, *repeated_warning(path, looked))


def _credible(frames: Sequence[Frame]) -> list[EchoOrigin]:
    """Take what frames say of their echoes, but not numbers that do not rise with the echo time."""
    origins = [frame.origin for frame in frames]
    known = sorted({(o.te_ms, o.echo_number) for o in origins if o.echo_number is not None})
    numbers = [number for _, number in known]
    if numbers == sorted(numbers):
        return origins
    return [replace(origin, echo_number=None) for origin in origins]


def _components_to_take(source_label: str, components: Counter[str]) -> tuple[str, ...]:
    for taken in (("magnitude",), ("real", "imaginary"), ("real",)):
        if all(components[kind] for kind in taken):
            return taken
    listed = ", ".join(f"{n} {kind}" for kind, n in components.items()) or "no"
    raise InputError(
        source_label, f"{listed} images", f"magnitude, real, or real and imaginary images; {ONE_SERIES}"
    )


def _check_one_series(path: Path, frames: Sequence[Frame]) -> None:
    """Allow several series only as one sub-folder for each."""
    if len({frame.series for frame in frames}) < 2:
        return
    common = Path(os.path.commonpath([frame.path.parent for frame in frames]))
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for frame in frames:
        below = frame.path.relative_to(common).parts
        folders[frame.series].add(below[0] if len(below) > 1 else "")
    own = [next(iter(names)) for names in folders.values() if len(names) == 1]
    if "" not in own and len(set(own)) == len(folders):
        _check_same_scale(path, frames)
        return
    listed = "; ".join(f"{uid} in {', '.join(n or '.' for n in sorted(f))}" for uid, f in folders.items())
    allowed = f"one series, or a sub-folder of its own for each; {ONE_SERIES}"
    raise InputError(str(path), f"{len(folders)} series, SeriesInstanceUID {listed}", allowed)


def _check_same_scale(path: Path, frames: Sequence[Frame]) -> None:
    """Refuse what makes amplitudes of different series incomparable as far as the headers show it."""
    vendors = {frame.vendor for frame in frames}
    if len(vendors) > 1:
        raise InputError(str(path), f"series of {', '.join(sorted(vendors))}", "series of one scanner")
    philips = any(vendor.lower().startswith("philips") for vendor in vendors)
    if philips and any(frame.scaling != PHILIPS for frame in frames):
        found = "separate Philips series without the private scale slope"
        allowed = "images that keep it: the rescale slope alone scales each series to its own display range"
        raise InputError(str(path), found, allowed)


def _info(grids: tuple[SliceGrid, ...], meta: dict[str, Any], warnings: tuple[DataWarning, ...]) -> ImageInfo:
    grid = grids[0]
    n_slices, plane = len(grid.frames[0]), grid.frames[0][0].shape
    spatial = ("z", "y", "x") if n_slices > 1 else ("y", "x")
    return ImageInfo(
        shape=(len(grid.te_ms), *((n_slices,) if n_slices > 1 else ()), *plane),
        axes=("echo", *spatial),
        spacing_um=grid.spacing_um,
        dtype="complex64" if len(grids) == 2 else "float32",
        format="DICOM",
        meta=meta,
        warnings=warnings,
    )


@dataclass(frozen=True)
class _Part:
    """Magnitudes, or real or imaginary parts, of shape (echo, slice, rows, columns)."""

    scaled: NDArray[np.float32]
    clipped: NDArray[np.bool_] | None
    warning: DataWarning | None


def _pixels(source_label: str, grid: SliceGrid, is_magnitude: bool) -> _Part:
    """Read the stored values of a grid and scale them."""
    targets: defaultdict[Path, list[tuple[int, int, Frame]]] = defaultdict(list)
    for echo, row in enumerate(grid.frames):
        for z, frame in enumerate(row):
            targets[frame.path].append((echo, z, frame))
    forms = {frame.form for row in grid.frames for frame in row}
    bits = {form.bits_stored for form in forms}
    shape = (len(grid.frames), len(grid.frames[0]), *grid.frames[0][0].shape)
    stored = np.empty(shape, np.result_type(*(form.dtype for form in forms)))
    data = np.empty(shape, np.float32)
    for name, wanted in targets.items():
        with opened(name, ONE_SERIES) as file:
            form = check_pixels(file)
            if form != wanted[0][2].form:
                raise InputError(str(name), "other pixels than a moment ago", "a file that does not change")
            pixels = read_pixels(file, form)
        refuse_other_words(str(name), pixels, "the DICOM header")
        for echo, z, frame in wanted:
            stored[echo, z] = pixels[frame.index]
            data[echo, z] = scaled(pixels[frame.index], frame.slope, frame.intercept)
            # a sample that is no number as it is stored is left for the status of its pixel
            if not np.isfinite(data[echo, z][np.isfinite(pixels[frame.index])]).all():
                found = f"pixels of frame {frame.index + 1} beyond single precision in scaled units"
                raise InputError(str(name), found, "slopes and intercepts that restore the image")
    if is_magnitude:
        refuse_negative_magnitudes(source_label, data)
    clipped, warning = clipped_samples(
        stored,
        # images of 12 bits may lie in words of which the header says that all 16 bits are in use
        bits_stored=min(bits) if len(bits) == 1 and min(bits) not in (8, 16, 32) else None,
        source_label=source_label,
        both_ends=not is_magnitude,
    )
    return _Part(data, clipped, warning)


READER = Reader(
    name="DICOM",
    modalities=("mri",),
    accepts=ONE_SERIES,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
