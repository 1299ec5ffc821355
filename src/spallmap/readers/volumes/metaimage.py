"""Tomograms as MetaImage (.mha, or .mhd with the voxels in a second file)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.plausible import SIZE_TOLERANCE
from spallmap.readers.info import ImageInfo
from spallmap.readers.volumes.directions import is_mirrored, lengths_um
from spallmap.readers.volumes.named_files import named_file
from spallmap.readers.volumes.raw import RawLayout, start_at_end
from spallmap.readers.volumes.raw_reader import raw_reader
from spallmap.readers.volumes.source import volume_info

ACCEPTS = "a MetaImage (.mha, or .mhd with its raw file beside it)"
SUFFIXES = (".mha", ".mhd")
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
# A header is longer than this only if it is none.
_HEADER_BYTES = 1 << 16
_NO_UNITS = "in mm, as there is no 'DistanceUnits'; write it there if not mm"
# The older names of entries.
_SYNONYMS = {
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
}


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Read the entries up to the one that names the voxels' file, and the header's length in bytes."""
    with path.open("rb") as opened:
        start = opened.read(_HEADER_BYTES)
    fields: dict[str, str] = {}
    position = 0
    while (end := start.find(b"\n", position)) >= 0 or position < len(start):
        end = len(start) if end < 0 else end
        key, equals, value = start[position:end].decode("latin-1").partition("=")
        position = end + 1
        if not equals:
            break
        name = _SYNONYMS.get(key.strip(), key.strip())
        if fields.setdefault(name, value.strip()) != value.strip():
            found = f"{fields[name]!r} and {value.strip()!r}"
            raise InputError(f"{path}, entry {key.strip()!r}", found, "each entry once")
        if key.strip() == "ElementDataFile":
            return fields, min(position, len(start))
    raise InputError(str(path), "no entry ElementDataFile", "a complete MetaImage header")


def _numbers(path: Path, fields: dict[str, str], key: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in fields.get(key, "").split())
    except ValueError as error:
        raise InputError(f"{path}, entry {key!r}", repr(fields[key]), "numbers") from error


def _is_true(fields: dict[str, str], key: str) -> bool:
    return fields.get(key, "False").lower() in ("true", "1")


def _header_size(path: Path, fields: dict[str, str], first: int, packed: bool) -> int:
    """Return where the voxels begin, counted from the start of their file; -1 where they are its end.

    SimpleITK counts HeaderSize from the file's start where the voxels follow their header, too.
    """
    values = _numbers(path, fields, "HeaderSize") or (0.0,)
    if values[0] == 0.0:
        return first
    least = first if values[0] > 0.0 else 0 if packed else -1
    if not (math.isfinite(values[0]) and values[0] == values[0] // 1 and values[0] >= least):
        end = "" if packed else ", or -1"
        allowed = f"the voxels' position in bytes from the file's start, {first} or more{end}"
        raise InputError(f"{path}, entry 'HeaderSize'", repr(fields["HeaderSize"]), allowed)
    return int(values[0])


def _layout(path: Path, fields: dict[str, str], header_bytes: int) -> RawLayout:
    kind = fields.get("ElementType", "")
    if kind not in TYPES or fields.get("ElementNumberOfChannels", "1") != "1":
        found = f"{fields.get('ElementNumberOfChannels', '1')} channel(s) of type {kind or 'unknown'}"
        raise InputError(f"{path}, entry 'ElementType'", found, f"one channel of {', '.join(TYPES)}")
    if not _is_true(fields, "BinaryData"):
        raise InputError(f"{path}, entry 'BinaryData'", "voxels as text", "binary voxels")
    if fields.get("NDims", "3") != "3":
        raise InputError(f"{path}, entry 'NDims'", repr(fields["NDims"]), "3")
    sizes = _numbers(path, fields, "DimSize")
    if len(sizes) != 3 or not all(size >= 1 and size == size // 1 for size in sizes):
        found = fields.get("DimSize") or "nothing"
        raise InputError(f"{path}, entry 'DimSize'", found, "three lengths, x y z")
    name = fields["ElementDataFile"]
    if name.upper().startswith("LIST") or "%" in name:
        raise InputError(f"{path}, entry 'ElementDataFile'", name, "one file, or LOCAL")
    local = name.upper() == "LOCAL"
    packed = _is_true(fields, "CompressedData")
    dtype = np.dtype((">" if _is_true(fields, "BinaryDataByteOrderMSB") else "<") + TYPES[kind])
    shape = (int(sizes[2]), int(sizes[1]), int(sizes[0]))
    file = path if local else named_file(f"{path}, entry 'ElementDataFile'", path, name)
    first = header_bytes if local else 0
    start = _header_size(path, fields, first, packed)
    if start < 0:  # the voxels are the file's end
        start = start_at_end(file, shape, dtype, first)
    return RawLayout(
        header=path,
        path=file,
        offset=0 if packed else start,
        shape=shape,
        dtype=dtype,
        packed=packed,
        packed_from=start if packed else 0,
        exact=True,
        slope=_one_number(path, fields, "ElementToIntensityFunctionSlope", 1.0),
        intercept=_one_number(path, fields, "ElementToIntensityFunctionOffset", 0.0),
    )


def _one_number(path: Path, fields: dict[str, str], key: str, default: float) -> float:
    values = _numbers(path, fields, key) or (default,)
    if len(values) != 1 or not math.isfinite(values[0]) or (default == 1.0 and values[0] == 0.0):
        what = "one number" + (" other than 0" if default == 1.0 else "")
        raise InputError(f"{path}, entry {key!r}", repr(fields[key]), what)
    return values[0]


def _two_sizes(path: Path, spacing: tuple[float, ...], size: tuple[float, ...]) -> tuple[DataWarning, ...]:
    """Tell where the edges of the voxels are not their distances."""
    if not (spacing and size) or np.allclose(spacing, size, rtol=SIZE_TOLERANCE, atol=0.0):
        return ()
    found = f"ElementSpacing {' '.join(map(str, spacing))} beside ElementSize {' '.join(map(str, size))}"
    advice = "ElementSpacing is taken: give spacing_um if ElementSize is right"
    return (DataWarning(str(path), found, advice),)


def _describe(path: Path) -> tuple[ImageInfo, RawLayout]:
    fields, length = _header(path)
    layout = _layout(path, fields, length)
    distances, edges = (_numbers(path, fields, key) for key in ("ElementSpacing", "ElementSize"))
    spacing = distances or edges
    for key, values in (("ElementSpacing", distances), ("ElementSize", edges)):
        if len(values) not in (0, 3):
            raise InputError(f"{path}, entry {key!r}", repr(fields[key]), "three positive lengths")
    unit = fields.get("DistanceUnits", "mm")
    how = f"in {unit}, as 'DistanceUnits' says" if "DistanceUnits" in fields else _NO_UNITS
    entry = "ElementSpacing" if distances else "ElementSize"
    matrix = _numbers(path, fields, "TransformMatrix") or (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
    if len(matrix) != 9:
        raise InputError(f"{path}, entry 'TransformMatrix'", f"{len(matrix)} numbers", "nine")
    reverse = is_mirrored(f"{path}, entry 'TransformMatrix'", np.reshape(matrix, (3, 3)))
    info = volume_info(
        str(path),
        layout.shape,
        lengths_um(f"{path}, entry {entry!r}", spacing[::-1], [unit] * 3),
        np.dtype(np.float32) if layout.scaled else layout.dtype,
        "MetaImage",
        warnings=_two_sizes(path, distances, edges),
        slices_reversed=reverse,
        compressed=layout.packed,
        spacing_from=f"entry {entry!r} ({how})" if spacing else "no 'ElementSpacing'",
    )
    return info, layout


READER = raw_reader("MetaImage", ACCEPTS, SUFFIXES, _describe)
