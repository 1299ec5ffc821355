"""Raw volumes described by a Volume Graphics text file (.vgi)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo
from spallmap.readers.volumes.directions import lengths_um
from spallmap.readers.volumes.raw import RawLayout
from spallmap.readers.volumes.raw_reader import raw_reader
from spallmap.readers.volumes.source import volume_info

NAME = "raw volume with .vgi"
ACCEPTS = "a .vgi file with the raw volume that it names beside it"
# A word for the type, and with it the number of bits where the word leaves them open.
TYPES = {
    ("unsigned integer", 8): "u1",
    ("unsigned integer", 16): "u2",
    ("unsigned integer", 32): "u4",
    ("signed integer", 8): "i1",
    ("signed integer", 16): "i2",
    ("signed integer", 32): "i4",
    ("integer", 8): "i1",
    ("integer", 16): "i2",
    ("integer", 32): "i4",
    ("float", 32): "f4",
    ("float", 64): "f8",
    ("unsigned char", 8): "u1",
    ("unsigned short", 16): "u2",
    ("unsigned int", 32): "u4",
    ("char", 8): "i1",
    ("short", 16): "i2",
    ("int", 32): "i4",
    ("double", 64): "f8",
    ("uint8", 8): "u1",
    ("uint16", 16): "u2",
    ("uint32", 32): "u4",
    ("int8", 8): "i1",
    ("int16", 16): "i2",
    ("int32", 32): "i4",
    ("float32", 32): "f4",
    ("float64", 64): "f8",
}
# Words that stand for one number of bits alone.
_BITS = {word: bits for word, bits in TYPES if sum(w == word for w, _ in TYPES) == 1} | {"float": 32}


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """Entries by section, all names in small letters; ``{object}`` lines group sections of one name."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        text = line.strip()
        if named := re.fullmatch(r"\[(.+)\]", text):
            name = named[1].strip("{}").lower()
            current = sections.setdefault(name, {})
        elif "=" in text:
            key, _, value = text.partition("=")
            current.setdefault(key.strip().lower(), value.strip())
    parts = sorted(name for name in sections if re.fullmatch(r"file\d+", name))
    if len(parts) > 1:
        raise InputError(str(path), f"{len(parts)} raw files", "one volume in one file")
    return sections


def _entry(path: Path, sections: Mapping[str, Mapping[str, str]], key: str, default: str = "") -> str:
    """Take an entry from the file's section, else the representation's, else the volume's."""
    for section in ("file1", "representation", "volume1"):
        if key in sections.get(section, {}):
            return sections[section][key]
    if default:
        return default
    raise InputError(str(path), f"no entry {key!r}", "the entries Size, Datatype and Name of section [file1]")


def _layout(path: Path, sections: Mapping[str, Mapping[str, str]]) -> RawLayout:
    size = _entry(path, sections, "size")
    word = _entry(path, sections, "datatype").lower()
    bits = _entry(path, sections, "bitsperelement", str(_BITS.get(word, 0)))
    skip = _entry(path, sections, "skipheader", "0")
    try:
        lengths = [int(n) for n in size.split()]
        code = TYPES.get((word, int(bits)))
        offset = int(skip)
    except ValueError as error:
        raise InputError(str(path), f"size {size!r}, {bits!r} bits, {skip!r} bytes", "numbers") from error
    if len(lengths) != 3 or min(lengths) < 1:
        raise InputError(f"{path}, entry 'Size'", repr(size), "three lengths, x y z")
    if code is None:
        kinds = ", ".join(f"{w} of {b} bits" for w, b in TYPES)
        raise InputError(f"{path}, entry 'Datatype'", f"{word!r} of {bits} bits", kinds)
    stored = _entry(path, sections, "fileformat", "raw").lower()
    if stored != "raw":
        raise InputError(f"{path}, entry 'FileFormat'", repr(stored), "raw")
    big = _entry(path, sections, "byteorder", "little").lower().startswith("big")
    # The name may stem from a Windows machine; what counts is the file beside the description.
    name = PureWindowsPath(_entry(path, sections, "name").strip('"')).name
    return RawLayout(
        header=path,
        path=path.parent / name,
        offset=offset,
        shape=(lengths[2], lengths[1], lengths[0]),
        dtype=np.dtype((">" if big else "<") + code),
        exact=True,
    )


def _describe(path: Path) -> tuple[ImageInfo, RawLayout]:
    sections = _sections(path)
    layout = _layout(path, sections)
    geometry = sections.get("geometry", {})
    text = geometry.get("resolution") or sections.get("volume1", {}).get("resolution", "")
    source_label = f"{path}, entry 'resolution'"
    try:
        values = [float(v) for v in text.split()]
    except ValueError as error:
        raise InputError(source_label, repr(text), "one or three lengths") from error
    values = values * 3 if len(values) == 1 else values
    unit = geometry.get("unit", "mm")
    spacing = lengths_um(source_label, values[::-1], [unit] * 3)
    return volume_info(str(path), layout.shape, spacing, layout.dtype, NAME), layout


READER = raw_reader(NAME, ACCEPTS, (".vgi",), _describe)
