"""Echo series in DICOM: folders of single images, or multi-frame files, of any vendor."""

from __future__ import annotations

import logging
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.dicom.frame_headers import DAMAGE, PHILIPS, Frame, read_frames
from spallmap.readers.dicom.grid import SliceGrid, arrange
from spallmap.readers.echo_train import train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

SUFFIXES = (".dcm", ".dicom", ".ima")
# A DICOM file has these letters after a preamble of 128 bytes, whatever its name.
_PREAMBLE, _LETTERS = 128, b"DICM"
# How deep images may lie below the folder: patient, study, series and one more.
_DEPTH = 4
ONE_SERIES = (
    "a folder with one DICOM series of single images (any names, nested or not), a multi-frame DICOM file, "
    "or a folder with one sub-folder of DICOM images for each echo time"
)


def claims(path: Path) -> bool:
    """Whether the path is a DICOM file, or a folder with one in it or below."""
    return _is_dicom(path) if path.is_file() else any(True for _ in _below(path))


def files(path: Path) -> tuple[Path, ...]:
    """List the DICOM files, sorted by path."""
    return (path,) if path.is_file() else tuple(sorted(_below(path)))


def _is_dicom(path: Path) -> bool:
    if path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE + len(_LETTERS))[_PREAMBLE:] == _LETTERS


def _below(folder: Path, depth: int = 0) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_file() and _is_dicom(entry):
            yield entry
        elif entry.is_dir() and not entry.name.startswith(".") and depth < _DEPTH:
            yield from _below(entry, depth + 1)


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
    grids, meta = _series(path)
    info = _info(grids, meta)
    planes = [_pixels(grid) for grid in grids]
    data = planes[0] if len(planes) == 1 else planes[0] + 1j * planes[1]
    return Loaded(info, np.ascontiguousarray(data.reshape(info.shape), dtype=info.dtype))


def _series(path: Path) -> tuple[tuple[SliceGrid, ...], dict[str, Any]]:
    """Find the grids to read (two for complex data) and what the headers say besides."""
    source_label = str(path)
    frames: list[Frame] = []
    without_image = 0
    for name in files(path):
        with _opened(name, pixels=False) as header:
            found = read_frames(name, header)
            if found:
                _check_decodable(name, header)
        frames += found
        without_image += not found
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
        "magnitude": taken == ("magnitude",),
        "component": " and ".join(taken),
        "left_out": left_out,
        "train": train_of([frame.origin for frame in wanted]),
        "sequence": first.sequence,
        "nucleus": first.nucleus,
        "vendor": first.vendor,
        "scaling": first.scaling,
        "repetitions": grids[0].n_repetitions,
        "series": tuple(sorted({frame.series for frame in wanted})),
        "orientation": grids[0].directions,
        "position_mm": grids[0].position_mm,
    }
    return grids, meta


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


def _info(grids: tuple[SliceGrid, ...], meta: dict[str, Any]) -> ImageInfo:
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
    )


def _pixels(grid: SliceGrid) -> NDArray[np.float64]:
    """Scaled values, shape (echo, slice, rows, columns)."""
    targets: defaultdict[Path, list[tuple[int, int, Frame]]] = defaultdict(list)
    for echo, row in enumerate(grid.frames):
        for z, frame in enumerate(row):
            targets[frame.path].append((echo, z, frame))
    shape = grid.frames[0][0].shape
    data = np.empty((len(grid.frames), len(grid.frames[0]), *shape))
    for name, wanted in targets.items():
        with _opened(name, pixels=True) as dataset:
            stored = dataset.pixel_array.reshape(-1, *shape)
        for echo, z, frame in wanted:
            data[echo, z] = stored[frame.index] * frame.slope + frame.intercept
    return data


@contextmanager
def _opened(path: Path, pixels: bool) -> Iterator[FileDataset]:
    """Open a file; damage met inside the block becomes an error that names it."""
    import pydicom
    from pydicom.errors import BytesLengthException, InvalidDicomError

    log = logging.getLogger("pydicom")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        # pydicom warns of every departure from the standard, such as UIDs made by anonymisers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield pydicom.dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError as error:
        raise InputError(str(path), "no DICOM file", ONE_SERIES) from error
    except (*DAMAGE, EOFError, OSError, RuntimeError, BytesLengthException) as error:
        raise InputError(str(path), f"a damaged DICOM file ({error})", "a complete DICOM file") from error
    finally:
        log.setLevel(level)


def _check_decodable(path: Path, header: FileDataset) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    if header.get("LossyImageCompression") == "01":
        raise InputError(
            str(path), "pixels compressed with loss", "the original values: loss changes the noise"
        )
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise InputError(str(path), "no transfer syntax", "a complete DICOM file")
    if not syntax.is_compressed or syntax.is_deflated:
        _check_length(path, header)
        return
    allowed = (
        "uncompressed DICOM (dcmtk's dcmdjpeg and dcmdjpls, or gdcmconv --raw, take the compression off)"
    )
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise InputError(str(path), f"pixels compressed as {syntax.name}", allowed)


def _check_length(path: Path, header: FileDataset) -> None:
    """Notice a file that was cut short before any pixel is read."""
    bits = int(header.get("BitsAllocated") or 16)
    n_frames = int(header.get("NumberOfFrames") or 1)
    expected = int(header.Rows) * int(header.Columns) * n_frames * bits // 8
    size = path.stat().st_size
    deflated = header.file_meta.TransferSyntaxUID.is_deflated
    if size < expected and not deflated:
        raise InputError(
            str(path), f"{size} bytes", f"at least {expected} bytes of pixels, as its header says"
        )


READER = Reader(
    name="DICOM",
    modalities=("mri",),
    accepts=ONE_SERIES,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
