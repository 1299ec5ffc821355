"""Reconstructed Bruker ParaVision images (``2dseq``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader

if TYPE_CHECKING:
    from brukerapi.dataset import Dataset

# brukerapi's load stages: headers with what follows from them, and everything.
PROPERTIES, EVERYTHING = 2, 3
# Echo times outside this range are seconds or microseconds taken for milliseconds.
TE_RANGE_MS = (0.01, 10_000.0)
# Sequences that refocus one excitation again and again.
TRAIN_SEQUENCES = ("MSME", "CPMG", "RARE", "TURBO")
# Slices count as equally spaced when no gap differs from the mean by more than this share.
EVEN_SLICES = 0.01
WHOLE_SCAN = "a ParaVision scan folder, its pdata/1 folder, or the 2dseq file in it, with visu_pars beside it"


def claims(path: Path) -> bool:
    """Whether the path is a 2dseq or a folder of a ParaVision scan."""
    if path.is_file():
        return path.name == "2dseq"
    marks = ("2dseq", "pdata", "acqp", "method", "fid")
    return path.is_dir() and any((path / mark).exists() for mark in marks)


def find_2dseq(path: Path) -> Path:
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
    candidates = [path, path / "2dseq", path / "pdata" / "1" / "2dseq"]
    found = next((c for c in candidates if c.is_file() and c.name == "2dseq"), None)
    if found is None:
        has = "raw data without a reconstruction" if (path / "fid").exists() else "no 2dseq"
        raise InputError(str(path), has, WHOLE_SCAN)
    if not (found.parent / "visu_pars").is_file():
        raise InputError(str(found.parent), "no visu_pars", WHOLE_SCAN)
    return found


def files(path: Path) -> tuple[Path, ...]:
    """List the reconstruction and the parameter files that are read with it."""
    image = find_2dseq(path)
    optional = [image.parent / name for name in ("reco", "d3proc")]
    return (image, image.parent / "visu_pars", *(p for p in optional if p.is_file()))


def probe(path: Path) -> ImageInfo:
    """Read the parameters.

    Raises
    ------
    InputError
        If they are damaged, or describe something else than echoes of slices.
    """
    image = find_2dseq(path)
    with _open(image, PROPERTIES) as dataset:
        return _info(image, dataset)


def load(path: Path) -> Loaded:
    """Read the image in scaled units.

    Slices come in the order in which they advance along own x cross own y, so that the own frame is
    right-handed.

    Raises
    ------
    InputError
        If the files are damaged, or describe something else than echoes of slices.
    """
    image = find_2dseq(path)
    with _open(image, PROPERTIES) as dataset:
        info = _info(image, dataset)
    with _open(image, EVERYTHING) as dataset:
        data = _arranged(dataset.data, _axis_names(image, dataset), info)
    kind = np.complex64 if np.iscomplexobj(data) else np.float32
    return Loaded(info, np.ascontiguousarray(data, dtype=kind))


@contextlib.contextmanager
def _open(image: Path, stage: int) -> Iterator[Dataset]:
    from brukerapi.dataset import Dataset
    from brukerapi.exceptions import InvalidDataset, InvalidJcampdxFile, JcampdxFileError, JcampdxVersionError

    try:
        dataset = Dataset(image, load=stage)
        expected = int(np.prod(dataset.shape_storage)) * int(dataset.numpy_dtype.itemsize)
    except (InvalidDataset, InvalidJcampdxFile, JcampdxFileError, JcampdxVersionError) as error:
        raise InputError(str(image), f"unreadable ParaVision data ({error})", WHOLE_SCAN) from error
    except (AttributeError, KeyError, ValueError, IndexError, TypeError, UnicodeDecodeError) as error:
        place = str(image.parent / "visu_pars")
        raise InputError(place, f"parameters that do not fit the image ({error})", WHOLE_SCAN) from error
    if image.stat().st_size != expected:
        found = f"{image.stat().st_size} bytes"
        raise InputError(str(image), found, f"{expected} bytes, as visu_pars announces")
    yield dataset


def _axis_names(image: Path, dataset: Dataset) -> tuple[str, ...]:
    """Name the axes of brukerapi's array, from the fastest to the slowest; '' for one of length 1."""
    names: list[str] = []
    spatial = iter("xyz")
    lengths = [int(n) for n in dataset.shape_final]
    kinds = [str(kind) for kind in dataset.dim_type]
    if len(kinds) < len(lengths):  # brukerapi drops the name of the complex axis once it has combined it
        lengths = [int(n) for n in dataset.data.shape]
    slices = int(np.atleast_2d(_values(dataset, "VisuCorePosition")).shape[0])
    for kind, length in zip(kinds, lengths, strict=True):
        if kind == "spatial":
            names.append(next(spatial))
        elif kind == "FG_ECHO":
            names.append("echo")
        elif kind == "FG_SLICE" or (kind == "frame" and 1 < length == slices):
            names.append("z")
        elif kind == "FG_COMPLEX":
            names.append("complex")
        elif length == 1:
            names.append("")
        else:
            place = str(image.parent / "visu_pars")
            raise InputError(place, f"{length} frames of kind {kind}", "echoes and slices, spatial images")
    return tuple(names)


def _info(image: Path, dataset: Dataset) -> ImageInfo:
    place = str(image.parent / "visu_pars")
    lengths = dict(zip(_axis_names(image, dataset), (int(n) for n in dataset.shape_final), strict=True))
    te_ms = _echo_times_ms(place, dataset, lengths.get("echo", 1))
    spatial = ("z", "y", "x") if lengths.get("z", 1) > 1 else ("y", "x")
    slice_um, reverse = _slices(place, dataset, lengths)
    size = _values(dataset, "VisuCoreSize")
    plane_um = _extent_um(place, dataset) / size
    spacing_um = {"x": float(plane_um[0]), "y": float(plane_um[1]), "z": slice_um}
    sequence = _text(dataset, "VisuAcqSequenceName")
    is_train = len(te_ms) > 1 and any(name in sequence.upper() for name in TRAIN_SEQUENCES)
    frame_type = _text(dataset, "VisuCoreFrameType") or _text(dataset, "RECO_image_type")
    if "PHASE" in frame_type:
        raise InputError(place, f"frames of type {frame_type}", "magnitude, real or complex images")
    meta = {
        "te_ms": te_ms,
        "magnitude": "complex" not in lengths and "REAL" not in frame_type,
        "train": "cpmg" if is_train else "unknown",
        "sequence": sequence,
        "nucleus": _text(dataset, "VisuAcqImagedNucleus"),
        "slices_reversed": reverse,
        "orientation": tuple(float(v) for v in np.ravel(_values(dataset, "VisuCoreOrientation"))[:9]),
        "position_mm": _first_position(dataset, reverse),
    }
    return ImageInfo(
        shape=(len(te_ms), *(lengths[a] for a in spatial)),
        axes=("echo", *spatial),
        spacing_um=tuple(spacing_um[a] for a in spatial),
        dtype="complex64" if "complex" in lengths else "float32",
        format="ParaVision 2dseq",
        meta=meta,
    )


def _echo_times_ms(place: str, dataset: Dataset, n_echoes: int) -> tuple[float, ...]:
    te_ms = tuple(float(t) for t in np.ravel(_values(dataset, "VisuAcqEchoTime")))
    low, high = TE_RANGE_MS
    if len(te_ms) != n_echoes:
        raise InputError(
            place, f"{len(te_ms)} echo times for {n_echoes} echoes", "one echo time for each echo"
        )
    if not all(low <= t <= high for t in te_ms):
        raise InputError(place, f"echo times {te_ms} ms", f"milliseconds, {low} to {high:g}")
    return te_ms


def _slices(place: str, dataset: Dataset, lengths: dict[str, int]) -> tuple[float, bool]:
    """Slice spacing in um, and whether the stored slices run against x cross y."""
    n_slices = lengths.get("z", 1)
    if n_slices == 1:
        return 0.0, False
    if len(np.ravel(_values(dataset, "VisuCoreSize"))) == 3:
        return float(_extent_um(place, dataset)[2]) / n_slices, False
    orientation = np.reshape(_values(dataset, "VisuCoreOrientation"), (-1, 3, 3))
    position = np.reshape(_values(dataset, "VisuCorePosition"), (-1, 3))
    if len(position) != n_slices or not np.allclose(orientation, orientation[0], atol=1e-4):
        raise InputError(place, "slices of different directions", "parallel slices of one packet")
    gaps = np.diff(position @ np.cross(orientation[0, 0], orientation[0, 1]))
    mean = float(gaps.mean())
    if mean == 0.0 or np.abs(gaps - mean).max() > EVEN_SLICES * abs(mean):
        raise InputError(place, f"slice gaps {np.round(gaps, 4).tolist()} mm", "equally spaced slices")
    return abs(mean) * 1e3, mean < 0


def _first_position(dataset: Dataset, reverse: bool) -> tuple[float, ...]:
    positions = np.reshape(_values(dataset, "VisuCorePosition"), (-1, 3))
    return tuple(float(v) for v in positions[-1 if reverse else 0])


def _arranged(data: NDArray[Any], names: tuple[str, ...], info: ImageInfo) -> NDArray[Any]:
    """Bring brukerapi's array into the order (echo, [z,] y, x)."""
    names = tuple(n for n in names if n != "complex")
    kept = [n for n, length in zip(names, data.shape, strict=True) if n in info.axes or length > 1]
    squeezed = data.reshape([n for n, name in zip(data.shape, names, strict=True) if name in kept and name])
    kept = [name for name in kept if name]
    present = [axis for axis in info.axes if axis in kept]
    ordered = squeezed.transpose([kept.index(axis) for axis in present]).reshape(info.shape)
    if info.meta["slices_reversed"]:
        ordered = ordered[:, ::-1]
    return ordered


def _values(dataset: Dataset, key: str) -> NDArray[np.float64]:
    try:
        return np.asarray(dataset[key].value, dtype=np.float64)
    except KeyError as error:
        raise InputError(str(dataset.path.parent / "visu_pars"), f"no {key}", WHOLE_SCAN) from error


def _text(dataset: Dataset, key: str) -> str:
    return " ".join(str(v) for v in np.ravel(dataset[key].value)) if key in dataset else ""


def _extent_um(place: str, dataset: Dataset) -> NDArray[np.float64]:
    units = set(_text(dataset, "VisuCoreUnits").split()) or {"mm"}
    if units != {"mm"}:
        raise InputError(place, f"units {sorted(units)}", "mm")
    return np.ravel(_values(dataset, "VisuCoreExtent")) * 1e3


READER = Reader(
    name="ParaVision",
    modalities=("mri",),
    accepts=WHOLE_SCAN,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
