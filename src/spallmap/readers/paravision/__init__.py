"""Bruker ParaVision: one scan's reconstruction, its raw data, or a folder with a scan for each echo time."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.paravision import k_space, reconstruction, series

# ParaVision renames a fid to ser when it hands a scan to TopSpin.
RAW_FILES = ("fid", "ser", "rawdata.job0")
SCAN_MARKS = ("2dseq", "pdata", "acqp", "method", "fid", "rawdata.job0")
ALLOWED = (
    f"{reconstruction.ALLOWED}; a folder that holds such a scan folder for each echo time; "
    "for complex data, the fid or rawdata.job0 of a Cartesian spin echo, with acqp and method beside it"
)


def claims(path: Path) -> bool:
    """Whether the path is a 2dseq, a raw file, a folder of a ParaVision scan or a folder of such folders."""
    if path.is_file():
        unreconstructed = path.name in RAW_FILES or path.name.startswith("rawdata.job")
        return path.name == "2dseq" or (unreconstructed and not series.is_topspin(path.parent))
    return _is_scan(path) or bool(series.scans(path))


def files(path: Path) -> tuple[Path, ...]:
    """List the data and the parameter files that are read."""
    found: tuple[Path, ...] = _chosen(path).files(path)
    return found


def probe(path: Path) -> ImageInfo:
    """Read the parameters.

    Raises
    ------
    InputError
        If they are damaged, or describe something that is not read.
    """
    info: ImageInfo = _chosen(path).probe(path)
    return info


def load(path: Path) -> Loaded:
    """Read the image: scaled values of a reconstruction, or complex values from raw data.

    Raises
    ------
    InputError
        If the files are damaged, or describe something that is not read.
    """
    loaded: Loaded = _chosen(path).load(path)
    return loaded


def _is_scan(path: Path) -> bool:
    marked = path.is_dir() and any(os.path.lexists(path / mark) for mark in SCAN_MARKS)
    return marked and not series.is_topspin(path)


def _chosen(path: Path) -> ModuleType:
    """Choose the module that reads what a path means."""
    if path.is_file() and path.name != "2dseq":
        if path.name not in RAW_FILES:
            raise InputError(str(path), f"raw data of another job ({path.name})", ALLOWED)
        return k_space
    return reconstruction if path.is_file() or _is_scan(path) else series


READER = Reader(
    name="ParaVision",
    modalities=("mri",),
    accepts=ALLOWED,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
