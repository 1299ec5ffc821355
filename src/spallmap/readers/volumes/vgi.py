"""Raw volumes described by a Volume Graphics text file (.vgi)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import read_text_bytes
from spallmap.readers.info import ImageInfo
from spallmap.readers.volumes.directions import is_mirrored, lengths_um
from spallmap.readers.volumes.named_files import named_file
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


# No description of one volume comes near this size.
_LARGEST_BYTES = 1 << 20
# Entries that would change where the voxels lie or what they are; each with the one value that does not.
_NEUTRAL = {"mirror": 0.0, "flip": 0.0, "skip": 0.0, "header": 0.0, "scal": 1.0, "channel": 1.0}
_READ = ("skipheader",)


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """Entries by section, all names in small letters; of ``{objects}`` those of volumes alone."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    files, of_volume = 0, True
    for line in read_text_bytes(path, ACCEPTS, _LARGEST_BYTES).decode("latin-1").splitlines():
        text = line.strip()
        if named := re.fullmatch(r"\{(.+)\}", text):
            of_volume = named[1].strip().lower().startswith("volume")
        elif named := re.fullmatch(r"\[(.+)\]", text):
            name = named[1].strip("{}").lower()
            files += re.fullmatch(r"file\d+", name) is not None
            current = sections.setdefault(name, {}) if of_volume else {}
        elif "=" in text:
            key, _, value = text.partition("=")
            key, value = key.strip().lower(), value.strip()
            if current.setdefault(key, value) != value:
                found = f"{current[key]!r} and {value!r}"
                raise InputError(f"{path}, entry {key!r}", found, "each entry once: one volume in one file")
    if files > 1:
        raise InputError(str(path), f"{files} raw files", "one volume in one file")
    return sections


def _check_neutral(path: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse what would mirror, crop or scale the volume, which is not done here."""
    for section in ("file1", "representation", "volume1", "geometry"):
        for key, text in sections.get(section, {}).items():
            wanted = next((v for start, v in _NEUTRAL.items() if key.startswith(start)), None)
            if wanted is None or key in _READ:
                continue
            none = text.lower() in ("", "none", "no", "false", "off") and wanted == 0.0
            if not none and any(value != wanted for value in _floats(path, key, text)):
                allowed = f"{wanted:g} along all axes: export the volume anew as it is to be read"
                raise InputError(f"{path}, entry {key!r}", repr(text), allowed)


def _floats(path: Path, key: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split()]
    except ValueError as error:
        raise InputError(f"{path}, entry {key!r}", repr(text), "numbers") from error


def _is_reversed(path: Path, sections: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a matrix of directions mirrors the volume; angles cannot, and a rotation changes nothing."""
    mirrored = False
    for section in ("file1", "representation", "volume1", "geometry"):
        for key, text in sections.get(section, {}).items():
            if key.startswith(("rotat", "orientation", "direction")):
                values = _floats(path, key, text)
                if len(values) == 9:
                    directions = np.reshape(values, (3, 3)).astype(np.float64)
                    mirrored ^= is_mirrored(f"{path}, entry {key!r}", directions)
                elif len(values) not in (1, 3, 4):
                    allowed = "three directions, three angles, or a quaternion"
                    raise InputError(f"{path}, entry {key!r}", repr(text), allowed)
    return mirrored


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
    shown = sections.get("representation", {}).get("size", size)
    if shown.split() != size.split():
        found = f"{size!r} of the file and {shown!r} of the volume"
        raise InputError(f"{path}, entry 'Size'", found, "one size: export the volume whole")
    if offset < 0:
        raise InputError(f"{path}, entry 'SkipHeader'", skip, "0 or more bytes")
    if code is None:
        kinds = ", ".join(f"{w} of {b} bits" for w, b in TYPES)
        raise InputError(f"{path}, entry 'Datatype'", f"{word!r} of {bits} bits", kinds)
    stored = _entry(path, sections, "fileformat", "raw").lower()
    if stored != "raw":
        raise InputError(f"{path}, entry 'FileFormat'", repr(stored), "raw")
    big = _entry(path, sections, "byteorder", "little").lower().startswith("big")
    # The name may stem from a Windows machine; what counts is the file beside the description.
    name = PureWindowsPath(_entry(path, sections, "name").strip('"')).name
    file = named_file(f"{path}, entry 'Name'", path, name)
    return RawLayout(
        header=path,
        path=file,
        offset=offset,
        shape=(lengths[2], lengths[1], lengths[0]),
        dtype=np.dtype((">" if big else "<") + code),
        exact=True,
    )


def _describe(path: Path) -> tuple[ImageInfo, RawLayout]:
    sections = _sections(path)
    layout = _layout(path, sections)
    _check_neutral(path, sections)
    geometry = sections.get("geometry", {})
    text = geometry.get("resolution") or sections.get("volume1", {}).get("resolution", "")
    values = _floats(path, "resolution", text)
    if len(values) not in (0, 1, 3):
        raise InputError(f"{path}, entry 'resolution'", repr(text), "one or three lengths")
    values = values * 3 if len(values) == 1 else values
    unit = geometry.get("unit", "mm")
    how = f"in {unit}, as 'unit' says" if "unit" in geometry else "in mm, as there is no 'unit'"
    info = volume_info(
        str(path),
        layout.shape,
        lengths_um(f"{path}, entry 'resolution'", values[::-1], [unit] * 3),
        layout.dtype,
        NAME,
        slices_reversed=_is_reversed(path, sections),
        spacing_from=f"entry 'resolution' ({how})" if values else "no entry 'resolution'",
    )
    return info, layout


READER = raw_reader(NAME, ACCEPTS, (".vgi",), _describe)
