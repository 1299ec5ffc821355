"""Compare every number of two results folders: what a change that should change nothing has changed.

    python benchmarks/compare_results.py before/ after/ [--rename share=fraction ...] [--skip PATTERN ...]

CSV, JSON, TIFF, Zarr, VTK and ITK transforms are read and compared value by value, without a tolerance.
Pictures, pages, logs, benchmarks and what names the run (times, digests, versions, paths) are left out.
`--rename OLD=NEW` replaces a word in the names of columns and keys of the first folder, and in its texts;
`--skip-key KEY` leaves a key of every JSON file out. The exit status is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr

SUFFIXES = (".csv", ".json", ".tif", ".tfm", ".vtp", ".vtm")
# They name the run, not the result.
RUN_FILES = ("provenance.json", "logs/*", "benchmarks/*", "*/zarr.json")


def files(root: Path, skip: list[str]) -> set[str]:
    """Paths of everything that is compared, relative to a results folder."""
    found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.suffix in SUFFIXES}
    found |= {str(p.relative_to(root)) for p in root.rglob("*.zarr") if p.is_dir()}
    return {f for f in found if not any(fnmatch.fnmatch(f, pattern) for pattern in (*RUN_FILES, *skip))}


def renamed(name: str, words: dict[str, str]) -> str:
    """Replace whole words of a name or a text; an underscore ends a word."""
    for old, new in words.items():
        name = re.sub(rf"(?<![A-Za-z0-9]){re.escape(old)}(?![A-Za-z0-9])", new, name)
    return name


def plain(attributes: Any) -> Any:
    """Return attributes as nested dictionaries and lists."""
    return json.loads(json.dumps(dict(attributes)))


def content(path: Path, words: dict[str, str]) -> Any:
    """Read a file as nested mappings, sequences and arrays."""
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        return {renamed(str(c), words): table[c].to_numpy() for c in table.columns}
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".zarr":
        group = zarr.open_group(path, mode="r")
        return {"attributes": plain(group.attrs), **dict(sorted(group.arrays()))}
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as tif:
            image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"] if tif.ome_metadata else {}
            image = image[0] if isinstance(image, list) else image
            pixels = image.get("Pixels", {})
            said = {k: v for k, v in pixels.items() if k.startswith(("Physical", "Size"))}
            channels = pixels.get("Channel", [])
            channels = channels if isinstance(channels, list) else [channels]
            names = [renamed(str(c.get("Name")), words) for c in channels]
            return {"data": tif.asarray(), "pixels": said, "channels": names}
    if path.suffix == ".tfm":
        transform = sitk.ReadTransform(str(path))
        return np.array([*transform.GetParameters(), *transform.GetFixedParameters()])
    import pyvista as pv

    mesh = pv.read(path)
    if isinstance(mesh, pv.MultiBlock):
        return {renamed(str(name), words): str(type(mesh[name])) for name in mesh.keys()}  # noqa: SIM118
    named = {renamed(k, words): np.asarray(mesh.point_data[k]) for k in mesh.point_data}
    cells = {k: np.asarray(getattr(mesh, k)) for k in ("faces", "lines", "verts") if hasattr(mesh, k)}
    return {"points": np.asarray(mesh.points), **cells, **named}


def differences(a: Any, b: Any, words: dict[str, str], at: str = "") -> Iterator[str]:
    """Say where two contents differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        a = {renamed(str(k), words): v for k, v in a.items()}
        for key in sorted(a.keys() | b.keys()):
            if key not in a or key not in b:
                yield f"{at}/{key}: only in the {'second' if key not in a else 'first'}"
            else:
                yield from differences(a[key], b[key], words, f"{at}/{key}")
    elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            yield f"{at}: {len(a)} and {len(b)} entries"
        for k, (x, y) in enumerate(zip(a, b, strict=False)):
            yield from differences(x, y, words, f"{at}[{k}]")
    elif isinstance(a, (zarr.Array, np.ndarray)):
        if a.shape != b.shape or a.dtype != b.dtype:
            yield f"{at}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        else:
            x, y = np.asarray(a[...]), np.asarray(b[...])
            if x.dtype == object:
                same = np.array(
                    [renamed(str(p), words) == str(q) for p, q in zip(x.flat, y.flat, strict=True)]
                )
            else:
                same = (x == y) | ((x != x) & (y != y))
            if not np.all(same):
                yield f"{at}: {np.count_nonzero(~np.asarray(same))} of {x.size} values"
    elif isinstance(a, str) and isinstance(b, str):
        if renamed(a, words) != b:
            yield f"{at}: {a!r} and {b!r}"
    elif a != b and not (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)):
        yield f"{at}: {a!r} and {b!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN")
    parser.add_argument(
        "--skip-key", action="append", default=[], metavar="KEY", help="a key of every JSON file"
    )
    given = parser.parse_args()
    words = dict(pair.split("=", 1) for pair in given.rename)
    before, after = files(given.before, given.skip), files(given.after, given.skip)
    found = [f"{name}: only in one folder" for name in sorted(before ^ after)]
    for name in sorted(before & after):
        contents = [content(root / name, words) for root in (given.before, given.after)]
        if name.endswith(".json"):
            contents = [{k: v for k, v in c.items() if k not in given.skip_key} for c in contents]
        found += [f"{name}{said}" for said in differences(contents[0], contents[1], words)]
    for line in found:
        print(line)
    print(f"{len(before & after)} files compared, {len(found)} differences")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
