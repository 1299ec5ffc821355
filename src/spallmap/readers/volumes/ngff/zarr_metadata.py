"""What the JSON of a Zarr folder says, read before zarr does: bounded, of one format, of this folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import read_text_bytes
from spallmap.readers.volumes.named_files import check_within
from spallmap.readers.volumes.packed_size import LARGEST_CHUNK_BYTES

# Metadata of a volume take some kB; those of a plate of wells may take some hundred.
_LARGEST_JSON = 1 << 22
_OF_FORMAT = {2: (".zgroup", ".zarray"), 3: ("zarr.json",)}
# How chunks may be packed. Others are refused before anything is read: one of numcodecs' (pickle) runs what
# stands in the chunk.
CODECS = (
    *("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "delta", "shuffle", "packbits", "bitround"),
    *("quantize", "fixedscaleoffset", "crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3"),
    *("bytes", "endian", "transpose", "sharding_indexed", "astype"),
)
_INSIDE = "a folder inside the Zarr folder"


@dataclass(frozen=True)
class ZarrNode:
    """A group or an array.

    Parameters
    ----------
    path : Path
        Its folder.
    zarr_format : int
        2 or 3.
    is_array : bool
        Whether it is an array.
    attributes : mapping
        What users write.
    document : mapping
        What the format says of it.
    """

    path: Path
    zarr_format: int
    is_array: bool
    attributes: Mapping[str, Any]
    document: Mapping[str, Any]


def read_node(folder: Path, allowed: str) -> ZarrNode:
    """Read the metadata of a folder.

    Parameters
    ----------
    folder : Path
        The folder of a group or an array.
    allowed : str
        What should be there, in words for messages.

    Returns
    -------
    ZarrNode
        What they say.

    Raises
    ------
    InputError
        If there are none, some of two formats or kinds, or they are no JSON objects.
    """
    there = {name for names in _OF_FORMAT.values() for name in names if os.path.lexists(folder / name)}
    formats = [number for number, names in _OF_FORMAT.items() if there & set(names)]
    if len(there) != 1:
        found = " beside ".join(sorted(there)) if there else "no zarr.json, .zgroup or .zarray"
        known = "metadata of one format and kind: delete what is out of date" if there else allowed
        raise InputError(str(folder), found, known)
    (name,) = there
    document = _json(folder / name, allowed)
    if formats == [3]:
        kind = document.get("node_type")
        if kind not in ("group", "array"):
            raise InputError(f"{folder / name}, 'node_type'", repr(kind), "group or array")
        attributes = document.get("attributes", {})
        is_array = kind == "array"
    else:
        is_array = name == ".zarray"
        beside = folder / ".zattrs"
        attributes = _json(beside, allowed) if os.path.lexists(beside) else {}
    if not isinstance(attributes, Mapping):
        raise InputError(f"{folder}, attributes", type(attributes).__name__, "a JSON object")
    return ZarrNode(folder, formats[0], is_array, attributes, document)


def _json(path: Path, allowed: str) -> dict[str, Any]:
    text = read_text_bytes(path, allowed, _LARGEST_JSON)
    try:
        value = json.loads(text.decode("utf-8-sig"))
    except RecursionError as error:
        raise InputError(str(path), "JSON that is nested too deeply", allowed) from error
    except ValueError as error:
        raise InputError(str(path), f"no readable JSON ({error})", allowed) from error
    if not isinstance(value, dict):
        raise InputError(str(path), f"JSON of type {type(value).__name__}", "a JSON object")
    return value


def array_below(group: ZarrNode, name: object, allowed: str) -> ZarrNode:
    """Read the metadata of an array that a group's attributes name.

    Parameters
    ----------
    group : ZarrNode
        The group.
    name : object
        A path below it, as it is written.
    allowed : str
        What should be there, in words for messages.

    Returns
    -------
    ZarrNode
        The array, whose chunks can be read.

    Raises
    ------
    InputError
        If it lies elsewhere, is no array, is of another format, or its chunks cannot be read.
    """
    label = f"{group.path}, dataset {name!r}"
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(label, "no path", _INSIDE)
    folder = group.path / name
    if not os.path.lexists(folder):
        raise InputError(label, f"no folder {folder}", "a folder with the voxels of this resolution")
    check_within(label, folder, (group.path,), name, _INSIDE)
    node = read_node(folder, allowed)
    if not node.is_array:
        raise InputError(label, "a group", "an array")
    if node.zarr_format != group.zarr_format:
        found = f"an array of Zarr {node.zarr_format} in a group of Zarr {group.zarr_format}"
        raise InputError(label, found, "one format")
    _check_array(node)
    return node


def _check_array(node: ZarrNode) -> None:
    label, document = str(node.path), node.document
    shape = _lengths(f"{label}, 'shape'", document.get("shape"))
    if node.zarr_format == 2:
        chunks = _lengths(f"{label}, 'chunks'", document.get("chunks"))
        packers = [document.get("compressor"), *(document.get("filters") or ())]
        names = [_entry(label, packer, "id") for packer in packers if packer is not None]
        kind = document.get("dtype")
    else:
        grid = document.get("chunk_grid")
        chunks = _lengths(f"{label}, 'chunk_grid'", _within(grid, "configuration", "chunk_shape"))
        names = _codec_names(label, document.get("codecs"))
        kind = document.get("data_type")
    if len(chunks) != len(shape):
        raise InputError(label, f"chunks {chunks} for shape {shape}", "as many lengths")
    unknown = [name for name in names if name.removeprefix("numcodecs.") not in CODECS]
    if unknown:
        raise InputError(label, f"chunks packed by {unknown[0]!r}", ", ".join(CODECS))
    if not isinstance(kind, str) or len(kind) > 32:
        raise InputError(f"{label}, type", repr(kind)[:80], "whole or floating-point numbers")


def _within(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _lengths(label: str, value: Any) -> tuple[int, ...]:
    fine = isinstance(value, list) and 0 < len(value) <= 8 and all(type(n) is int and n > 0 for n in value)
    if not fine:
        raise InputError(label, repr(value)[:80], "positive whole numbers")
    return tuple(value)


def _entry(label: str, packer: Any, key: str) -> str:
    name = _within(packer, key)
    if not isinstance(name, str):
        raise InputError(f"{label}, codecs", repr(packer)[:80], "objects with a name")
    return name


def _codec_names(label: str, codecs: Any) -> list[str]:
    if not isinstance(codecs, Sequence) or isinstance(codecs, str):
        raise InputError(f"{label}, 'codecs'", repr(codecs)[:80], "a list")
    names = []
    for codec in codecs:
        names.append(_entry(label, codec, "name"))
        inner = _within(codec, "configuration", "codecs")
        if inner is not None:
            names += _codec_names(label, inner)
    return names


def check_chunk_size(label: str, chunk: Sequence[int], itemsize: int) -> None:
    """Refuse chunks that are too large to be unpacked as a whole.

    Raises
    ------
    InputError
        Above ``LARGEST_CHUNK_BYTES``.
    """
    n_bytes = math.prod(chunk) * itemsize
    if n_bytes > LARGEST_CHUNK_BYTES:
        found = f"chunks of {'x'.join(map(str, chunk))} voxels, {n_bytes / 1e6:.0f} MB each"
        allowed = f"chunks of at most {LARGEST_CHUNK_BYTES / 1e6:.0f} MB: write it anew with smaller ones"
        raise InputError(label, found, allowed)
