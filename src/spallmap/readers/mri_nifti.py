"""Echo series in NIfTI: one file with the echoes last, or one file for each echo, with times beside them."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.dicom.frame_headers import component_of_words
from spallmap.readers.echo_train import bids_origins, bids_sequence, refuse_gradient_echoes, train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.te_sidecar import EchoTimes, bids_file, find_echo_times, natural_order, read_bids

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

ENDINGS = (".nii", ".nii.gz")
# What BIDS (part-<label>) and dcm2niix (suffix) add to the names of images other than magnitude.
_NAMED_COMPONENTS = {
    "part-phase": "phase",
    "part-real": "real",
    "part-imag": "imaginary",
    "_ph": "phase",
    "_real": "real",
    "_imaginary": "imaginary",
}
# The units of length that a NIfTI header knows, in um; a file that leaves it open says no pixel size.
UNITS_UM = {"meter": 1e6, "mm": 1e3, "micron": 1.0}
# Affines of one series agree within the rounding of single precision, mm.
SAME_AFFINE = 1e-3
ACCEPTS = (
    "a NIfTI file (.nii, .nii.gz) with the echoes as its fourth dimension, a folder with one file for each "
    "echo, or a folder with one sub-folder for each echo, and the echo times beside them"
)


@dataclass(frozen=True)
class _Header:
    """What one file says; lengths and spacing as stored, x first."""

    spatial: tuple[int, int, int]
    n_echoes: int
    spacing_um: tuple[float, float, float] | None
    affine: NDArray[np.float64] | None
    is_complex: bool


def claims(path: Path) -> bool:
    """Whether the path is a NIfTI file, or a folder with some in it or one in each of its sub-folders."""
    return is_nifti(path) if path.is_file() else bool(_images(path))


def files(path: Path) -> tuple[Path, ...]:
    """List the images that are read, in the order of their echoes, and the files with their echo times.

    Raises
    ------
    InputError
        If there are no echo times.
    """
    images, _, times, _ = _series(path)
    described = [bids_file(image) for image in images if bids_file(image).is_file()]
    return tuple(dict.fromkeys((*images, *times.sidecars, *described)))


def probe(path: Path) -> ImageInfo:
    """Read the headers.

    Raises
    ------
    InputError
        If they are damaged, differ, or there are no echo times that fit.
    """
    images, headers, times, left_out = _series(path)
    return _info(path, images, headers, times, left_out)


def load(path: Path) -> Loaded:
    """Read the echoes in scaled units.

    Own x runs along the first stored axis, y along the second, z along the third; slices are reversed
    where the affine says that these three are left-handed.

    Raises
    ------
    InputError
        As :func:`probe`, and if the samples are damaged.
    """
    images, headers, times, left_out = _series(path)
    info = _info(path, images, headers, times, left_out)
    parts = []
    for image, header in zip(images, headers, strict=True):
        with open_nifti(image) as nifti:
            scaled = np.asanyarray(nifti.dataobj)
        parts.append(scaled.reshape((*header.spatial, header.n_echoes)).transpose(3, 2, 1, 0))
    data = np.concatenate(parts)
    if info.meta["slices_reversed"]:
        data = data[:, ::-1]
    return Loaded(info, np.ascontiguousarray(data.reshape(info.shape), dtype=info.dtype))


def is_nifti(path: Path) -> bool:
    """Whether a name ends like a NIfTI file's and is not hidden."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".")


def _images(path: Path) -> tuple[Path, ...]:
    """List the NIfTI files that a path means, in natural order; none where it means something else."""
    if path.is_file():
        return (path,)
    direct = sorted((p for p in path.iterdir() if p.is_file() and is_nifti(p)), key=natural_order)
    if direct:
        return tuple(direct)
    folders = sorted((p for p in path.iterdir() if p.is_dir()), key=natural_order)
    inside = [[p for p in folder.iterdir() if p.is_file() and is_nifti(p)] for folder in folders]
    return tuple(found[0] for found in inside if found) if all(len(f) < 2 for f in inside) else ()


def _component(image: Path, bids: dict[str, Any]) -> str:
    """Magnitude or another component, by BIDS' ImageType, else by the name."""
    words = bids.get("ImageType")
    if isinstance(words, list):
        return component_of_words([str(word).upper() for word in words])
    stem = bids_file(image).stem.lower()
    entities = stem.split("_")
    named = (
        kind
        for mark, kind in _NAMED_COMPONENTS.items()
        if mark in entities or (mark[0] == "_" and stem.endswith(mark))
    )
    return next(named, "magnitude")


def _series(path: Path) -> tuple[tuple[Path, ...], tuple[_Header, ...], EchoTimes, dict[str, int]]:
    found = _images(path)
    kinds = [_component(image, read_bids(bids_file(image))) for image in found]
    images = tuple(image for image, kind in zip(found, kinds, strict=True) if kind == "magnitude")
    left_out = dict(Counter(kind for kind in kinds if kind != "magnitude"))
    if not images:
        listed = ", ".join(f"{n} {kind}" for kind, n in left_out.items())
        raise InputError(str(path), f"{listed} images alone", f"magnitude images; {ACCEPTS}")
    headers = tuple(_header(image) for image in images)
    for image, header in zip(images, headers, strict=True):
        _check_alike(image, header, images[0], headers[0])
    folder = path if path.is_dir() else None
    times = find_echo_times(path, images, [header.n_echoes for header in headers], folder)
    return images, headers, times, left_out


def _check_alike(image: Path, header: _Header, first: Path, other: _Header) -> None:
    if header.spatial != other.spatial:
        raise InputError(
            str(image), f"{header.spatial} samples along x, y, z", f"{other.spatial} as in {first.name}"
        )
    if header.is_complex != other.is_complex:
        raise InputError(str(image), "real beside complex samples", f"the same type as in {first.name}")
    affines = (header.affine, other.affine)
    known = [affine for affine in affines if affine is not None]
    if len(known) == 1 or (len(known) == 2 and not np.allclose(known[0], known[1], rtol=0, atol=SAME_AFFINE)):
        raise InputError(str(image), "another position or pixel size", f"the same affine as in {first.name}")
    if header.spacing_um != other.spacing_um:
        raise InputError(
            str(image), f"pixel size {header.spacing_um} um", f"{other.spacing_um} as in {first.name}"
        )


@contextmanager
def open_nifti(image: Path, accepts: str = ACCEPTS) -> Iterator[Nifti1Image]:
    """Open a file; damage met inside the block becomes an error that names it.

    Parameters
    ----------
    image : Path
        The file.
    accepts : str
        What is read, for the message about other files.

    Yields
    ------
    Nifti1Image
        The open file, its samples not yet read.

    Raises
    ------
    InputError
        If it is no NIfTI file or damaged.
    """
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    damage = (OSError, EOFError, ValueError, TypeError, KeyError, OverflowError, zlib.error)
    try:
        nifti = nibabel.load(image)
        if not isinstance(nifti, nibabel.Nifti1Image):
            raise InputError(str(image), f"a {type(nifti).__name__}", accepts)
        yield nifti
    except (ImageFileError, HeaderDataError, *damage) as error:
        raise InputError(str(image), f"a damaged NIfTI file ({error})", "a complete NIfTI file") from error


def _header(image: Path) -> _Header:
    with open_nifti(image) as nifti:
        header: Any = nifti.header
        kind = np.dtype(header.get_data_dtype())
        shape = tuple(int(n) for n in header.get_data_shape())
        unit = str(header.get_xyzt_units()[0])
        zooms = [float(z) for z in header.get_zooms()[:3]]
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        affine = np.asarray(nifti.affine, dtype=np.float64) if placed else None
        stored: Any = nifti.dataobj
        begin = int(stored.offset)  # the header's own vox_offset is cleared when it is read
    if kind.kind not in "uifc":
        raise InputError(str(image), f"samples of type {kind}", "real or complex numbers")
    longer = [n for n in shape[3:] if n > 1]
    if len(shape) < 2 or len(longer) > 1 or 0 in shape:
        raise InputError(str(image), f"lengths {shape}", "x, y, z and echoes, in this order")
    expected = begin + math.prod(shape) * kind.itemsize
    if image.suffix.lower() == ".nii" and image.stat().st_size < expected:
        raise InputError(str(image), f"{image.stat().st_size} bytes", f"{expected} bytes, as its header says")
    spatial = (*shape[:3], 1)[:3]
    if spatial[2] == 1:  # nobody asks for the distance to a slice that is not there
        zooms = [*zooms[:2], 1.0]
    steps = [zoom * UNITS_UM.get(unit, np.nan) for zoom in zooms]
    known = [step for step in steps if np.isfinite(step) and step > 0.0]
    return _Header(
        spatial=(spatial[0], spatial[1], spatial[2]),
        n_echoes=longer[0] if longer else 1,
        spacing_um=(known[0], known[1], known[2]) if len(known) == 3 else None,
        affine=affine,
        is_complex=kind.kind == "c",
    )


def _info(
    path: Path,
    images: Sequence[Path],
    headers: Sequence[_Header],
    times: EchoTimes,
    left_out: dict[str, int],
) -> ImageInfo:
    first = headers[0]
    n_x, n_y, n_z = first.spatial
    spatial = ("z", "y", "x") if n_z > 1 else ("y", "x")
    spacing = first.spacing_um
    orientation, position_mm, reverse = _placement(first)
    for bids in times.bids:
        refuse_gradient_echoes(str(path), bids.get("ScanningSequence"), bids.get("EchoPulseSequence"))
    meta = {
        "te_ms": times.te_ms,
        "magnitude": not first.is_complex,
        "left_out": left_out,
        "train": train_of(bids_origins(times.te_ms, [h.n_echoes for h in headers], times.bids)),
        "sequence": bids_sequence(times.bids[0]),
        "nucleus": _text(times.bids[0], "Nucleus") or _text(times.bids[0], "ImagedNucleus"),
        "vendor": _text(times.bids[0], "Manufacturer"),
        "te_source": ", ".join(dict.fromkeys(p.name for p in times.sidecars)),
        "slices_reversed": reverse,
        "orientation": orientation,
        "position_mm": position_mm,
    }
    return ImageInfo(
        shape=(len(times.te_ms), *((n_z,) if n_z > 1 else ()), n_y, n_x),
        axes=("echo", *spatial),
        spacing_um=None if spacing is None else spacing[::-1][-len(spatial) :],
        dtype="complex64" if first.is_complex else "float32",
        format="NIfTI",
        meta=meta,
    )


def _text(bids: dict[str, Any], key: str) -> str:
    return str(bids.get(key) or "")


def _placement(header: _Header) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None, bool]:
    """Directions of own x, y, z and position of the first sample, and whether slices are reversed.

    NIfTI counts towards right, front and head, DICOM and ParaVision towards left, back and head; the
    latter is handed on.
    """
    if header.affine is None:
        return None, None, False
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ header.affine
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    position = affine[:3, 3]
    reverse = bool(np.linalg.det(axes) < 0.0) and header.spatial[2] > 1
    if reverse:
        position = position + affine[:3, 2] * (header.spatial[2] - 1)
        axes[:, 2] *= -1.0
    return tuple(float(v) for v in axes.T.ravel()), tuple(float(v) for v in position), reverse


READER = Reader(
    name="NIfTI",
    modalities=("mri",),
    accepts=ACCEPTS,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
