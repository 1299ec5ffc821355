"""Tomograms as NRRD (.nrrd, or .nhdr with the voxels in a second file)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo
from spallmap.readers.volumes.directions import is_mirrored, lengths_um
from spallmap.readers.volumes.named_files import named_file
from spallmap.readers.volumes.raw import RawLayout, start_at_end
from spallmap.readers.volumes.raw_reader import raw_reader
from spallmap.readers.volumes.source import volume_info

ACCEPTS = "an NRRD (.nrrd, or .nhdr with its raw file beside it), raw or gzip"
SUFFIXES = (".nrrd", ".nhdr")
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
TYPES = {word: code for code, words in _TYPES.items() for word in words}
_SYNONYMS = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
# Spaces whose own axes are left-handed; those without a handedness count as right-handed.
_LEFT_HANDED = ("left-anterior-superior", "las", "3d-left-handed", "left-anterior-superior-time")
_HEADER_BYTES = 1 << 16
_NO_UNITS = "in mm, as there are no 'space units' or 'units'; write them there if not mm"
# What an axis of grey voxels may be; others are colours, vectors, times.
_KINDS = ("domain", "space", "none", "???")


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Read the fields up to the empty line or the end, and the header's length in bytes."""
    with path.open("rb") as opened:
        start = opened.read(_HEADER_BYTES)
    if not start.startswith(b"NRRD"):
        raise InputError(str(path), f"a start {start[:8]!r}", "a file that begins with NRRD")
    empty = re.search(rb"\r?\n\r?\n", start)
    length = len(start) if empty is None else empty.end()
    fields: dict[str, str] = {}
    for line in start[:length].decode("latin-1").splitlines()[1:]:
        key, colon, value = line.partition(":")
        if colon and not line.startswith("#") and not value.startswith("="):
            name = key.strip().lower()
            name = _SYNONYMS.get(name, name)
            if fields.setdefault(name, value.strip()) != value.strip():
                found = f"{fields[name]!r} and {value.strip()!r}"
                raise InputError(f"{path}, field {name!r}", found, "each field once")
    if empty is None and ("data file" not in fields or len(start) == _HEADER_BYTES):
        found = f"a header without an end in its first {len(start)} bytes"
        raise InputError(str(path), found, "a complete NRRD header, an empty line behind it")
    return fields, length


def _whole_number(path: Path, fields: dict[str, str], key: str) -> int:
    try:
        return int(fields.get(key, "0"))
    except ValueError as error:
        raise InputError(f"{path}, field {key!r}", repr(fields[key]), "a whole number") from error


def _layout(path: Path, fields: dict[str, str], header_bytes: int) -> RawLayout:
    kind = fields.get("type", "").lower()
    if kind not in TYPES:
        raise InputError(
            f"{path}, field 'type'", repr(kind), ", ".join(words[0] for words in _TYPES.values())
        )
    try:
        sizes = [int(size) for size in fields.get("sizes", "").split()]
    except ValueError as error:
        raise InputError(f"{path}, field 'sizes'", repr(fields["sizes"]), "three lengths") from error
    if fields.get("dimension") != "3" or len(sizes) != 3 or min(sizes) < 1:
        found = f"sizes {sizes} in {fields.get('dimension')} dimensions"
        raise InputError(f"{path}, field 'sizes'", found, "three lengths, x y z, of grey values")
    odd = [kind for kind in fields.get("kinds", "").split() if kind.lower() not in _KINDS]
    if odd:
        found = f"an axis of kind {odd[0]!r}"
        raise InputError(f"{path}, field 'kinds'", found, "three axes of space, of grey voxels")
    encoding = fields.get("encoding", "").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise InputError(f"{path}, field 'encoding'", repr(encoding), "raw or gzip")
    endian = fields.get("endian", "").lower()
    code = TYPES[kind]
    if code[1] != "1" and endian not in ("little", "big"):
        raise InputError(f"{path}, field 'endian'", repr(endian), "little or big")
    name = fields.get("data file")
    if name is not None and (name.upper().startswith("LIST") or "%" in name):
        raise InputError(f"{path}, field 'data file'", name, "one file")
    if _whole_number(path, fields, "line skip"):
        raise InputError(f"{path}, field 'line skip'", repr(fields["line skip"]), "0; give 'byte skip'")
    shape, dtype = (sizes[2], sizes[1], sizes[0]), np.dtype((">" if endian == "big" else "<") + code)
    file = path if name is None else named_file(f"{path}, field 'data file'", path, name)
    packed = encoding != "raw"
    start = header_bytes if name is None else 0
    skip = _whole_number(path, fields, "byte skip")
    if skip < (0 if packed else -1):
        allowed = "0 or more where the voxels are compressed, else -1 or more"
        raise InputError(f"{path}, field 'byte skip'", repr(fields["byte skip"]), allowed)
    if skip < 0:  # the voxels are the file's end
        skip, start = 0, start_at_end(file, shape, dtype, start)
    return RawLayout(
        header=path,
        path=file,
        offset=skip if packed else start + skip,  # bytes are skipped after unpacking
        shape=shape,
        dtype=dtype,
        packed=packed,
        packed_from=start if packed else 0,
        exact=True,
    )


def _vectors(path: Path, text: str) -> list[list[float]]:
    try:
        return [[float(v) for v in part.split(",")] for part in re.findall(r"\(([^)]*)\)", text)]
    except ValueError as error:
        raise InputError(f"{path}, field 'space directions'", repr(text), "three vectors") from error


def _describe(path: Path) -> tuple[ImageInfo, RawLayout]:
    fields, length = _header(path)
    layout = _layout(path, fields, length)
    values, reverse = [], fields.get("space", "").lower() in _LEFT_HANDED
    if "space directions" in fields:
        source_label = f"{path}, field 'space directions'"
        vectors = _vectors(path, fields["space directions"])
        if len(vectors) != 3 or any(len(v) != 3 for v in vectors):
            raise InputError(source_label, repr(fields["space directions"]), "three vectors of three numbers")
        directions = np.array(vectors)
        reverse ^= is_mirrored(source_label, directions)
        values = [float(v) for v in np.linalg.norm(directions, axis=1)]
        given = fields.get("space units") or fields.get("units")
    else:
        source_label = f"{path}, field 'spacings'"
        try:
            values = [float(v) for v in fields.get("spacings", "").split()]
        except ValueError as error:
            raise InputError(source_label, repr(fields["spacings"]), "three lengths") from error
        values = [] if np.isnan(values).any() else values
        given = fields.get("units") or fields.get("space units")
    units = re.findall(r'"([^"]*)"', given) if given else ["mm"] * 3
    # Units that do not say what each axis is in leave the size open; taking mm might be wrong a thousandfold.
    spacing = lengths_um(source_label, values[::-1], units[::-1]) if len(units) == 3 else None
    source = source_label.rpartition(", ")[2]
    how = f"in {given}" if given else _NO_UNITS
    info = volume_info(
        str(path),
        layout.shape,
        spacing,
        layout.dtype,
        "NRRD",
        slices_reversed=reverse,
        compressed=layout.packed,
        spacing_from=f"{source} ({how})" if values else "no 'space directions' and no 'spacings'",
    )
    return info, layout


READER = raw_reader("NRRD", ACCEPTS, SUFFIXES, _describe)
