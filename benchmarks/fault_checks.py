"""What is left after a fault: whole files, no orphans, the same numbers and bytes."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyvista as pv
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr
from compare_results import content, differences, files
from PIL import Image

# They name the run, not the result, or belong to Snakemake.
_RUN_FOLDERS = frozenset({"logs", "benchmarks"})


def _open_pdf(path: Path) -> None:
    data = path.read_bytes()
    tail = data[-64:].strip()
    if not data.startswith(b"%PDF") or not tail.endswith(b"%%EOF"):
        raise ValueError("not a whole PDF")
    # the last number is where the table of objects begins
    start = int(tail.split()[-2])
    if not data[start:].startswith(b"xref") and b" obj" not in data[start : start + 24]:
        raise ValueError("no table of objects")


def _open_tif(path: Path) -> None:
    with tifffile.TiffFile(path) as tif:
        tif.asarray()
        if path.name.endswith(".ome.tif"):
            tifffile.xml2dict(tif.ome_metadata or "")


def _open_png(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _open_page(path: Path) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("not a whole page")


def _open_vtk(path: Path) -> None:
    # VTK reads what it can of half a file
    if not path.read_bytes().rstrip().endswith(b"</VTKFile>"):
        raise ValueError("not a whole VTK file")
    pv.read(path)


def _open_zarr(path: Path) -> None:
    for chunk in path.rglob("c/*/*/*"):
        data = chunk.read_bytes()
        # Blosc states the length of each chunk in its header, and does not always look at it
        if len(data) < 16 or int.from_bytes(data[12:16], "little") != len(data):
            raise ValueError(f"{chunk.relative_to(path)} is not a whole chunk")
    for _, array in zarr.open_group(path, mode="r").arrays():
        np.asarray(array[...])


def _open_npz(path: Path) -> None:
    with np.load(path) as data:
        for name in data.files:
            data[name].shape  # noqa: B018 (reads the entry)


def _open_csv(path: Path) -> None:
    if not path.read_bytes().endswith(b"\n"):
        raise ValueError("the last line has no end")
    pd.read_csv(path)


OPENERS: dict[str, Callable[[Path], Any]] = {
    ".tif": _open_tif,
    ".csv": _open_csv,
    ".json": lambda p: json.loads(p.read_text(encoding="utf-8")),
    ".png": _open_png,
    ".pdf": _open_pdf,
    ".html": _open_page,
    ".zarr": _open_zarr,
    ".npz": _open_npz,
    ".vtp": _open_vtk,
    ".vtm": _open_vtk,
    ".tfm": lambda p: sitk.ReadTransform(str(p)),
}


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a path below a folder has a hidden name, or lies in a folder that has one."""
    return any(name.startswith(".") for name in path.relative_to(root).parts)


def results_below(root: Path) -> Iterable[Path]:
    """Visible results; a Zarr folder is one."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        in_zarr = any(name.endswith(".zarr") for name in parts[:-1])
        if not in_zarr and not is_hidden(path, root) and parts[0] not in _RUN_FOLDERS:
            yield path


def half_written(root: Path) -> list[str]:
    """Results that are visible but do not open."""
    found = []
    for path in results_below(root):
        opener = OPENERS.get(path.suffix)
        if opener is None or (path.is_dir() and path.suffix != ".zarr"):
            continue
        try:
            opener(path)
        except Exception as error:
            found.append(f"{path.relative_to(root)}: {type(error).__name__}: {error}")
    return found


def orphans(*roots: Path) -> list[str]:
    """Temporary files and folders that nobody will look for any more."""
    found = []
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.name.startswith((".part", ".old", "tmp")) or path.name.endswith((".part", ".writing")):
                found.append(str(path.relative_to(root)))
    return found


def same_bytes(one: Path, other: Path) -> set[str]:
    """Files of two results folders that are the same to the last byte."""
    named = {str(p.relative_to(one)) for p in one.rglob("*") if p.is_file()}
    return {
        name
        for name in named
        if (other / name).is_file() and filecmp.cmp(one / name, other / name, shallow=False)
    }


def compare(reference: Path, root: Path, stable: set[str], common: bool = False) -> list[str]:
    """Where results differ from those of an undisturbed run: numbers, and bytes of what is always the same.

    Parameters
    ----------
    reference : Path
        Results of the undisturbed run.
    root : Path
        Results to be looked at.
    stable : set of str
        Files that two undisturbed runs have in common to the last byte.
    common : bool
        Whether only what both have is compared.
    """
    before, after = files(reference, []), files(root, [])
    if common:
        # a copy of the cell has other paths
        before = after = {name for name in before & after if not name.endswith("inputs.json")}
    found = [f"{name}: only in one" for name in sorted(before ^ after)]
    for name in sorted(before & after):
        found += [
            f"{name}{said}"
            for said in differences(content(reference / name, {}), content(root / name, {}), {})
        ]
    if common:
        return found
    same = same_bytes(reference, root)
    found += [f"{name}: other bytes" for name in sorted(stable - same)]
    known = {str(p.relative_to(reference)) for p in results_below(reference)}
    found += [
        f"{p.relative_to(root)}: new" for p in results_below(root) if str(p.relative_to(root)) not in known
    ]
    return found
