"""Reconstructed Bruker ParaVision images (``2dseq``)."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.checks.clipped_samples import clipped_samples
from spallmap.readers.checks.direction_cosines import check_directions
from spallmap.readers.checks.file_access import check_readable, reported
from spallmap.readers.checks.stored_words import refuse_negative_magnitudes, refuse_other_words
from spallmap.readers.info import ImageInfo, Loaded
from spallmap.readers.paravision.encoding import parameter_files, read_encoding
from spallmap.readers.paravision.frame_order import FrameOrder, frame_order
from spallmap.readers.paravision.jcamp import MOST_VALUES
from spallmap.readers.paravision.parameters import Parameters
from spallmap.readers.paravision.slices import mean_gap_mm
from spallmap.sampling import AcquiredSampling

FORMAT = "ParaVision 2dseq"
WORD_TYPES = {
    "_8BIT_UNSGN_INT": "u1",
    "_16BIT_SGN_INT": "i2",
    "_32BIT_SGN_INT": "i4",
    "_32BIT_FLOAT": "f4",
}
BYTE_ORDERS = {"littleEndian": "<", "bigEndian": ">"}
# Rows of direction cosines count as the same when they differ by less than this.
SAME_DIRECTION = 1e-4
# ParaVision rounds the largest sample after it wrote it down.
SAME_MAXIMUM = 0.01
ALLOWED = "a ParaVision scan folder, its pdata/1 folder, or the 2dseq file in it, with visu_pars beside it"


def find(path: Path) -> Path:
    """Find the reconstruction that a path means.

    Parameters
    ----------
    path : Path
        A scan folder, its ``pdata/<n>`` folder, or the ``2dseq``.

    Returns
    -------
    Path
        The ``2dseq``; of several reconstructions of a scan folder, number 1.

    Raises
    ------
    InputError
        If there is none, or it has no ``visu_pars``.
    """
    candidates = [path / "2dseq", path / "pdata" / "1" / "2dseq"]
    with reported(path, ALLOWED):
        candidates = [path] if path.name == "2dseq" and not path.is_dir() else candidates
    found = next((c for c in candidates if os.path.lexists(c)), None)
    if found is None:
        raw = [name for name in ("fid", "rawdata.job0") if (path / name).is_file()]
        has = f"raw data without a reconstruction ({raw[0]})" if raw else "no 2dseq"
        allowed = f"{ALLOWED}; for complex raw data, the path of the raw file itself" if raw else ALLOWED
        raise InputError(str(path), has, allowed)
    if not os.path.lexists(found.parent / "visu_pars"):
        raise InputError(str(found.parent), "no visu_pars", ALLOWED)
    for part in (found, found.parent / "visu_pars"):
        check_readable(part, ALLOWED)
        if part.is_dir():
            raise InputError(str(part), "a folder", ALLOWED)
    return found


def files(path: Path) -> tuple[Path, ...]:
    """List the reconstruction and its parameter files."""
    image = find(path)
    beside = parameter_files(image)
    for part in beside:
        check_readable(part)
    return (image, image.parent / "visu_pars", *beside)


def probe(path: Path) -> ImageInfo:
    """Read the parameters.

    Raises
    ------
    InputError
        If they are damaged, or describe something else than echoes of slices.
    """
    return _described(find(path))[0]


def load(path: Path) -> Loaded:
    """Read the image in scaled units.

    Slices come in the order in which they advance along own x cross own y, so that the own frame is
    right-handed.

    Raises
    ------
    InputError
        If the files are damaged, or describe something else than echoes of slices.
    """
    image = find(path)
    info, order, visu = _described(image)
    n_frames = order.frames.size
    slope, offset = _scaling(visu, n_frames)
    with reported(image):
        stored = np.fromfile(image, _word_type(visu))
    expected = n_frames * math.prod(_frame_shape(visu))
    if stored.size != expected:
        raise InputError(str(image), f"{stored.size} samples", f"{expected}, as when it was opened first")
    stored = stored.reshape(n_frames, *_frame_shape(visu))
    refuse_other_words(str(image), stored, visu.source_label)
    frames = order.frames
    if info.meta["slices_reversed"]:  # slices are frames, or the first axis of each frame
        frames, stored = (frames, stored[:, ::-1]) if stored.ndim == 4 else (frames[:, ::-1], stored)
    data = np.empty((*frames.shape[:2], *stored.shape[1:]), info.dtype)
    for at in np.ndindex(*frames.shape[:2]):
        # Double precision until the end: a 32-bit integer has more digits than a float32.
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [stored[f] * slope[f] + offset[f] for f in frames[at]]
            data[at] = parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]
        # a sample that is no number as it is stored is left for the status of its pixel
        if not np.isfinite(data[at][np.isfinite(stored[frames[at]]).all(axis=0)]).all():
            found = f"samples of frame {frames[at][0] + 1} beyond single precision in scaled units"
            raise InputError(str(image), found, "slopes and offsets that restore the image")
    if info.meta["magnitude"]:
        refuse_negative_magnitudes(str(image), data)
    clipped, warning = _clipped(str(image), stored[frames], info.meta["magnitude"])
    odd = [w for w in (warning, _other_maxima(str(image), stored, visu, slope, offset)) if w is not None]
    return Loaded(
        replace(info, warnings=(*info.warnings, *odd)),
        data.reshape(info.shape),
        clipped=None if clipped is None else clipped.reshape(info.shape),
    )


def _clipped(
    source_label: str, stored: NDArray[Any], is_magnitude: bool
) -> tuple[NDArray[np.bool_] | None, DataWarning | None]:
    """Find what was cut off at an end of the stored type (entries, slices, y, x), in either part."""
    parts = [
        clipped_samples(stored[:, :, part], source_label=source_label, both_ends=not is_magnitude)
        for part in range(stored.shape[2])
    ]
    masks = [mask for mask, _ in parts if mask is not None]
    warning = next((warning for _, warning in parts if warning is not None), None)
    return (np.logical_or.reduce(masks) if masks else None), warning


def _other_maxima(
    source_label: str,
    stored: NDArray[Any],
    visu: Parameters,
    slope: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> DataWarning | None:
    """Tell where the samples are not those that ParaVision wrote: it gives the largest one.

    Some programs give each frame the largest one of all.
    """
    if "VisuCoreDataMax" not in visu:
        return None
    said = float(visu.numbers("VisuCoreDataMax").max())
    largest = stored.reshape(len(stored), -1).max(axis=1).astype(np.float64)
    found, found_scaled = float(largest.max()), float((largest * slope + offset).max())
    if not np.isfinite(found) or abs(found - said) <= 1.0 + SAME_MAXIMUM * abs(found):
        return None
    if abs(found_scaled - said) <= slope.max() + SAME_MAXIMUM * abs(found_scaled):
        return None
    return DataWarning(
        source_label,
        f"a largest sample of {found:g} where VisuCoreDataMax of visu_pars says {said:g}",
        "read as it is: see whether this 2dseq belongs to this visu_pars and was not changed since",
    )


def _scaling(visu: Parameters, n_frames: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and offset of every frame."""
    slope, offset = (_per_frame(visu, f"VisuCoreData{kind}", n_frames) for kind in ("Slope", "Offs"))
    if not (slope > 0).all():
        worst = f"a VisuCoreDataSlope of {slope.min():g}"
        raise InputError(visu.source_label, worst, "slopes that restore the image: positive")
    return slope, offset


def _described(image: Path) -> tuple[ImageInfo, FrameOrder, Parameters]:
    visu = Parameters(image.parent / "visu_pars")
    shape = _frame_shape(visu)
    n_frames = visu.integer("VisuCoreFrameCount")
    # before anything is made that is as long as the header says
    expected = n_frames * math.prod(shape) * _word_type(visu).itemsize
    with reported(image):
        size = image.stat().st_size
    if size != expected:
        raise InputError(str(image), f"{size} bytes", f"{expected} bytes, as visu_pars announces")
    if not 1 <= n_frames <= MOST_VALUES:
        raise InputError(visu.source_label, f"{n_frames} frames", f"1 to {MOST_VALUES}")
    _scaling(visu, n_frames)
    positions = visu.table("VisuCorePosition", 3)
    order = frame_order(visu, len(positions))
    n_slices, n_parts = order.frames.shape[1:]
    if len(shape) == 3 and n_slices > 1:
        raise InputError(
            visu.source_label, f"{n_slices} volumes at different positions", "one volume, or slices"
        )
    gap_um, geometry = _geometry(visu, positions, order)
    extent_um = _extent_um(visu)
    spatial = shape if len(shape) == 3 else (n_slices, *shape)
    z_um = float(extent_um[2]) / shape[0] if len(shape) == 3 else gap_um
    spacing_um = (z_um, float(extent_um[1]) / spatial[1], float(extent_um[0]) / spatial[2])
    n_axes = 3 if spatial[0] > 1 else 2
    meta = {
        "te_ms": order.te_ms,
        "te_source": "VisuAcqEchoTime of visu_pars",
        "magnitude": _is_magnitude(visu, n_parts),
        "train": order.train,
        "repetitions": order.repetitions,
        "sequence": visu.text("VisuAcqSequenceName"),
        "nucleus": visu.text("VisuAcqImagedNucleus"),
        **geometry,
    }
    odd: tuple[DataWarning, ...] = ()
    try:
        sampling, meta["readout"] = read_encoding(image, shape)
    except InputError as error:
        sampling, advice = None, "the image is read; how finely it was acquired is asked of its noise alone"
        odd = (DataWarning(error.source_label, error.found, advice),)
    if sampling is not None:
        # of one slice neither its factor nor its axis
        kept = sampling.factor[-min(len(shape), n_axes) :]
        kept = (1.0,) * (n_axes - len(kept)) + kept
        meta["sampling"] = AcquiredSampling.filled(kept, sampling.source)
    info = ImageInfo(
        shape=(len(order.te_ms), *spatial[-n_axes:]),
        axes=("echo", *SPATIAL_AXES[-n_axes:]),
        spacing_um=spacing_um[-n_axes:],
        dtype="complex64" if n_parts == 2 else "float32",
        format=FORMAT,
        meta=meta,
        warnings=odd,
    )
    return info, order, visu


def _frame_shape(visu: Parameters) -> tuple[int, ...]:
    """Shape of a stored frame in array order: (y, x) or (z, y, x)."""
    size = visu.integers("VisuCoreSize")
    kinds = visu.words("VisuCoreDimDesc") or ("spatial",) * len(size)
    if len(size) not in (2, 3) or set(kinds) != {"spatial"} or min(size) < 1:
        found = f"frames of {' x '.join(map(str, size))} points, {', '.join(kinds)}"
        raise InputError(visu.source_label, found, "spatial images of two or three dimensions")
    if visu.numbers("VisuCoreTransposition", 0).any():
        # ParaVision writes this only where slices of several directions lie in one reconstruction; elsewhere
        # VisuCoreSize, the extent and the orientation describe a transposed frame as it is stored.
        found = f"VisuCoreTransposition {visu.text('VisuCoreTransposition')}"
        raise InputError(
            visu.source_label, found, "frames that are stored as VisuCoreSize says, slices of one direction"
        )
    return size[::-1]


def _word_type(visu: Parameters) -> np.dtype[Any]:
    word, order = visu.text("VisuCoreWordType"), visu.text("VisuCoreByteOrder")
    if word not in WORD_TYPES or order not in BYTE_ORDERS:
        found = f"VisuCoreWordType {word or 'missing'}, VisuCoreByteOrder {order or 'missing'}"
        raise InputError(visu.source_label, found, f"{', '.join(WORD_TYPES)}; {', '.join(BYTE_ORDERS)}")
    return np.dtype(BYTE_ORDERS[order] + WORD_TYPES[word])


def _per_frame(visu: Parameters, key: str, n_frames: int) -> NDArray[np.float64]:
    values = visu.numbers(key)
    if values.size not in (1, n_frames):
        raise InputError(
            visu.source_label, f"{values.size} values of {key} for {n_frames} frames", "one for each frame"
        )
    return np.broadcast_to(values, n_frames)


def _is_magnitude(visu: Parameters, n_parts: int) -> bool:
    kinds = set(visu.words("VisuCoreFrameType")) or {"MAGNITUDE_IMAGE"}
    if n_parts == 2 and kinds <= {"COMPLEX_IMAGE", "REAL_IMAGE", "IMAGINARY_IMAGE"}:
        return False
    if n_parts == 1 and kinds in ({"MAGNITUDE_IMAGE"}, {"REAL_IMAGE"}):
        return kinds == {"MAGNITUDE_IMAGE"}
    raise InputError(
        visu.source_label, f"frames of type {', '.join(sorted(kinds))}", "magnitude, real or complex images"
    )


def _geometry(
    visu: Parameters, positions: NDArray[np.float64], order: FrameOrder
) -> tuple[float, dict[str, Any]]:
    """Distance of the slices in um; direction, first sample's position, whether the slices run backwards."""
    n_frames, n_slices = order.frames.size, order.frames.shape[1]
    orientation = visu.table("VisuCoreOrientation", 3, 3)
    if np.abs(orientation - orientation[0]).max() > SAME_DIRECTION:
        raise InputError(visu.source_label, "slices of different directions", "parallel slices of one packet")
    check_directions(visu.source_label, orientation[0], "VisuCoreOrientation")
    if len(positions) == n_frames:
        positions = positions[order.frames[0, :, 0]]
    if len(positions) not in (1, n_slices) or (n_slices > 1 and len(positions) == 1):
        found = f"{len(positions)} positions for {n_slices} slices"
        raise InputError(visu.source_label, found, "one VisuCorePosition for each slice")
    on_disk_reversed = visu.text("VisuCoreDiskSliceOrder") == "disk_reverse_slice_order"
    gap_um, reverse = 0.0, on_disk_reversed and visu.integer("VisuCoreDim") == 3
    if on_disk_reversed:
        positions = positions[::-1]
    if n_slices > 1:
        along = positions @ np.cross(orientation[0, 0], orientation[0, 1])
        mean = mean_gap_mm(visu.source_label, along)
        gap_um, reverse = abs(mean) * 1e3, mean < 0
    meta = {
        "slices_reversed": reverse,
        "orientation": tuple(float(v) for v in orientation[0].ravel()),
        "position_mm": tuple(float(v) for v in positions[-1 if reverse else 0]),
    }
    return gap_um, meta


def _extent_um(visu: Parameters) -> NDArray[np.float64]:
    units = set(visu.words("VisuCoreUnits")) or {"mm"}
    if units != {"mm"}:
        raise InputError(visu.source_label, f"units {', '.join(sorted(units))}", "mm")
    extent = visu.numbers("VisuCoreExtent") * 1e3
    if extent.size != len(visu.integers("VisuCoreSize")) or not (extent > 0).all():
        raise InputError(
            visu.source_label, f"VisuCoreExtent {extent / 1e3} mm", "a positive length for each direction"
        )
    return extent
