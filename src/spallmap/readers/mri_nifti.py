"""Echo series in NIfTI: one file with the echoes last, or one file for each echo, with times beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.clipped_samples import clipped_samples
from spallmap.readers.checks.file_access import check_readable, entries
from spallmap.readers.checks.plausible import SIZE_TOLERANCE
from spallmap.readers.checks.sample_values import in_single_precision
from spallmap.readers.checks.stored_words import refuse_other_words
from spallmap.readers.echo_files import EchoFiles, choose_echo_files
from spallmap.readers.echo_train import bids_origins, bids_sequence, refuse_gradient_echoes, train_of
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.nifti_files import UNITS_UM, is_nifti, open_nifti, surplus_bytes
from spallmap.readers.te_sidecar import (
    EchoTimes,
    bids_file,
    find_echo_times,
    is_there,
    natural_order,
    read_bids,
)

# Affines of one series agree within the rounding of single precision, mm.
SAME_AFFINE = 1e-3
ACCEPTS = (
    "a NIfTI file (.nii, .nii.gz) with the echoes as its fourth dimension, a folder with one file for each "
    "echo, or a folder with one sub-folder for each echo, and the echo times beside them"
)


# Codes of the header's intent that are no images of a signal: statistics, labels, vectors and shapes.
_NO_SIGNAL = frozenset((*range(2, 25), 1002, *range(1004, 1010), *range(2002, 2010)))


@dataclass(frozen=True)
class _Header:
    """What one file says; lengths and spacing as stored, x first."""

    spatial: tuple[int, int, int]
    n_echoes: int
    spacing_um: tuple[float, float, float] | None
    affine: NDArray[np.float64] | None
    readout: str | None
    is_complex: bool
    warnings: tuple[DataWarning, ...]


@dataclass(frozen=True)
class _Series:
    """The files of a series with their headers and echo times."""

    files: EchoFiles
    headers: tuple[_Header, ...]
    times: EchoTimes
    warnings: tuple[DataWarning, ...]


def claims(path: Path) -> bool:
    """Whether the path is a NIfTI file, or a folder with some in it or one in each of its sub-folders."""
    if not path.is_dir():
        return is_nifti(path)
    return any(is_nifti(p) and not p.is_dir() for p in path.iterdir()) or bool(_images(path)[0])


def files(path: Path) -> tuple[Path, ...]:
    """List the images that are read, in the order of their echoes, and the files with their echo times.

    Raises
    ------
    InputError
        If there are no echo times.
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
        If they are damaged, differ, announce more than the files hold, or there are no echo times that fit;
        or if nothing says which images of a folder are one series.
    """
    return _info(path, _series(path))


def load(path: Path) -> Loaded:
    """Read the echoes in scaled units.

    Own x runs along the first stored axis, y along the second, z along the third; slices are reversed
    where the affine says that these three are left-handed.

    Raises
    ------
    InputError
        As :func:`probe`, and if the samples are damaged.
    """
    from nibabel.volumeutils import apply_read_scaling

    series = _series(path)
    info = _info(path, series)
    parts, as_stored = [], []
    for image, header in zip(series.files.images, series.headers, strict=True):
        with open_nifti(image, ACCEPTS) as nifti:
            proxy: Any = nifti.dataobj
            stored = proxy.get_unscaled().reshape((*header.spatial, header.n_echoes)).transpose(3, 2, 1, 0)
            scaled = apply_read_scaling(stored, proxy.slope, proxy.inter)
        refuse_other_words(str(image), stored, "the NIfTI header")
        as_stored.append(stored)
        parts.append(in_single_precision(str(image), scaled))
    clipped, odd = clipped_samples(np.concatenate(as_stored), source_label=str(path))
    del as_stored
    data = np.concatenate(parts)
    if info.meta["slices_reversed"]:
        data = data[:, ::-1]
        clipped = None if clipped is None else clipped[:, ::-1]
    if odd is not None:
        info = replace(info, warnings=(*info.warnings, odd))
    return Loaded(
        info,
        np.ascontiguousarray(data.reshape(info.shape), dtype=info.dtype),
        clipped=None if clipped is None else clipped.reshape(info.shape),
    )


def _images(path: Path) -> tuple[tuple[Path, ...], tuple[DataWarning, ...]]:
    """List the NIfTI files that a path means, in natural order; none where it means something else."""
    if not path.is_dir():
        return (path,), ()
    direct = sorted(entries(path, is_nifti, ACCEPTS), key=natural_order)
    if direct:
        return tuple(direct), ()
    visible = sorted((p for p in path.iterdir() if not p.name.startswith(".")), key=natural_order)
    inside = {folder: entries(folder, is_nifti, ACCEPTS) for folder in visible if folder.is_dir()}
    found = [images[0] for images in inside.values() if images]
    if not found or any(len(images) > 1 for images in inside.values()):
        return (), ()
    for entry in visible:
        check_readable(entry, ACCEPTS)  # a link to an echo's folder that is gone
    empty = [folder.name for folder, images in inside.items() if not images]
    said = f"{len(empty)} sub-folder(s) without a NIfTI image: {', '.join(empty[:6])}"
    odd = (DataWarning(str(path), said, "left out: see whether an echo is missing"),) if empty else ()
    return tuple(found), odd


def _series(path: Path) -> _Series:
    found, odd = _images(path)
    bids = [read_bids(bids_file(image)) for image in found]
    files = choose_echo_files(path, found, bids, lambda image: _header(image).n_echoes, ACCEPTS)
    headers = tuple(_header(image) for image in files.images)
    for image, header in zip(files.images, headers, strict=True):
        _check_alike(image, header, files.images[0], headers[0])
    folder = path if path.is_dir() else None
    times = find_echo_times(path, files.images, [header.n_echoes for header in headers], folder)
    odd_headers = tuple(dict.fromkeys(warning for header in headers for warning in header.warnings))
    return _Series(files, headers, times, (*odd, *files.warnings, *odd_headers, *times.warnings))


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


def _header(image: Path) -> _Header:
    with open_nifti(image, ACCEPTS) as nifti:
        header: Any = nifti.header
        kind = np.dtype(header.get_data_dtype())
        shape = tuple(int(n) for n in header.get_data_shape())
        unit = str(header.get_xyzt_units()[0])
        zooms = [float(z) for z in header["pixdim"][1:4]]
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        affine = np.asarray(nifti.affine, dtype=np.float64) if placed else None
        intent = int(header["intent_code"])
        readout = {0: "x", 1: "y"}.get(header.get_dim_info()[0])
        stored: Any = nifti.dataobj
        begin = int(stored.offset)  # the header's own vox_offset is cleared when it is read
    if kind.kind not in "uifc":
        raise InputError(str(image), f"samples of type {kind}", "real or complex numbers")
    if intent in _NO_SIGNAL:
        raise InputError(str(image), f"a header of intent {intent}: statistics, labels or vectors", ACCEPTS)
    longer = [n for n in shape[3:] if n > 1]
    if len(shape) < 2 or len(longer) > 1:
        raise InputError(str(image), f"lengths {shape}", "x, y, z and echoes, in this order")
    spatial = (*shape[:3], 1)[:3]
    warnings = []
    surplus = surplus_bytes(image, begin + math.prod(shape) * kind.itemsize)
    if surplus:
        found = f"{surplus} bytes more than the header announces ({'x'.join(map(str, shape))} samples)"
        warnings.append(
            DataWarning(str(image), found, "what the header announces is read: see whether it is right")
        )
    if affine is not None and not _is_regular(affine):
        advice = "taken as a file without a placement"
        warnings.append(DataWarning(str(image), "a placement (sform or qform) without directions", advice))
        affine = None
    if spatial[2] == 1:  # nobody asks for the distance to a slice that is not there
        zooms = [*zooms[:2], 1.0]
    if affine is not None:
        steps = np.linalg.norm(affine[:3, :3], axis=0)[: 3 if spatial[2] > 1 else 2]
        if any(abs(step - zoom) > SIZE_TOLERANCE * step for step, zoom in zip(steps, zooms, strict=False)):
            sizes = (", ".join(f"{v:.5g}" for v in values[: len(steps)]) for values in (zooms, steps))
            found = "pixel sizes of {} (pixdim) and of {} (placement), {}".format(*sizes, unit)
            advice = "neither is taken: write the right one into the table's column spacing_um"
            warnings.append(DataWarning(str(image), found, advice))
            zooms = [math.nan] * 3
    lengths = [zoom * UNITS_UM.get(unit, math.nan) for zoom in zooms]
    known = [length for length in lengths if math.isfinite(length) and length > 0.0]
    return _Header(
        spatial=(spatial[0], spatial[1], spatial[2]),
        n_echoes=longer[0] if longer else 1,
        spacing_um=(known[0], known[1], known[2]) if len(known) == 3 else None,
        affine=affine,
        readout=readout,
        is_complex=kind.kind == "c",
        warnings=tuple(warnings),
    )


def _is_regular(affine: NDArray[np.float64]) -> bool:
    """Whether an affine is finite and its three directions span space."""
    if not np.isfinite(affine).all():
        return False
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    # directions of a real scan are at right angles; a hundredth is far from what rounding does to them
    return bool(steps.min() > 0.0 and abs(np.linalg.det(affine[:3, :3] / steps)) > 0.01)


def _info(path: Path, series: _Series) -> ImageInfo:
    first, times = series.headers[0], series.times
    n_x, n_y, n_z = first.spatial
    spatial = ("z", "y", "x") if n_z > 1 else ("y", "x")
    spacing = first.spacing_um
    orientation, position_mm, reverse = _placement(first)
    for bids in times.bids:
        refuse_gradient_echoes(str(path), bids.get("ScanningSequence"), bids.get("EchoPulseSequence"))
    meta = {
        "te_ms": times.te_ms,
        "magnitude": not first.is_complex,
        "left_out": series.files.left_out,
        "train": train_of(bids_origins(times.te_ms, [h.n_echoes for h in series.headers], times.bids)),
        "sequence": bids_sequence(times.bids[0]),
        "nucleus": _text(times.bids[0], "Nucleus") or _text(times.bids[0], "ImagedNucleus"),
        "vendor": _text(times.bids[0], "Manufacturer"),
        "te_source": ", ".join(dict.fromkeys(p.name for p in times.sidecars)),
        "te_unit": times.stored_as,
        "slices_reversed": reverse,
        "readout": first.readout,
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
        warnings=series.warnings,
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
