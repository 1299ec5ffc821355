"""EDX maps as a folder with one TIFF of counts for each element."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.sem.zeiss import zeiss_pixel_size_um
from spallmap.readers.tiff_files import open_tiff, pick_spacing, read_series, spacing_from_tags, tiff_names

AXES = ("channel", "y", "x")
# fmt: off
ELEMENTS = (
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K",
    "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",
    "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb",
    "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr",
    "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf",
)
# fmt: on
COUNTS = "whole numbers of counts, 0 or more"


def claims(path: Path) -> bool:
    """Whether the path is a folder that holds TIFF files."""
    return path.is_dir() and bool(tiff_names(path))


def files(path: Path) -> tuple[Path, ...]:
    """List the element maps by atomic number.

    Raises
    ------
    InputError
        If a file is not named after an element, or two are.
    """
    names = tiff_names(path)
    for name in names:
        if name.stem not in ELEMENTS:
            raise InputError(
                str(name), f"element {name.stem!r}", "a chemical symbol such as Na as the file's name"
            )
    stems = [name.stem for name in names]
    if len(set(stems)) != len(stems):
        raise InputError(str(path), f"two maps of one element among {stems}", "one file for each element")
    return tuple(sorted(names, key=lambda p: ELEMENTS.index(p.stem)))


def probe(path: Path) -> ImageInfo:
    """Read the headers of all maps.

    Raises
    ------
    InputError
        If the maps differ in size or pixel size, or one holds no grey image.
    """
    maps = files(path)
    plane, spacing = _header(maps[0])
    for name in maps[1:]:
        other_plane, other_spacing = _header(name)
        if other_plane != plane:
            found = f"{other_plane[0]}x{other_plane[1]}"
            raise InputError(str(name), found, f"{plane[0]}x{plane[1]} as in {maps[0].name}")
        if other_spacing != spacing:
            raise InputError(str(name), f"pixel size {other_spacing}", f"{spacing} as in {maps[0].name}")
    meta = {"channels": tuple(name.stem for name in maps)}
    return ImageInfo((len(maps), *plane), AXES, spacing, "uint32", "EDX folder", meta)


def load(path: Path) -> Loaded:
    """Read the counts.

    Raises
    ------
    InputError
        If a file is damaged or holds something else than counts.
    """
    info = probe(path)
    counts = np.empty(info.shape, dtype=np.uint32)
    for channel, name in enumerate(files(path)):
        with open_tiff(name) as tif:
            counts[channel] = _checked(name, read_series(name, tif)).reshape(info.shape[1:])
    return Loaded(info, counts)


def _header(path: Path) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    with open_tiff(path) as tif:
        series = tif.series[0]
        kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
        if "".join(a for a, _ in kept) != "YX":
            raise InputError(str(path), f"axes {series.axes} of lengths {series.shape}", "one grey map")
        plane = tuple(n for _, n in kept)
        if tif.sem_metadata:
            size = zeiss_pixel_size_um(tif.sem_metadata, plane[1])
            return plane, None if size is None else (size, size)
        return plane, pick_spacing(spacing_from_tags(tif), AXES[1:])


def _checked(path: Path, samples: NDArray[Any]) -> NDArray[Any]:
    if samples.dtype.kind not in "uif":
        raise InputError(str(path), f"samples of type {samples.dtype}", COUNTS)
    if samples.dtype.kind == "f" and not np.array_equal(samples, np.round(samples)):
        raise InputError(str(path), "values that are not whole or not finite", COUNTS)
    if samples.min() < 0 or samples.max() > np.iinfo(np.uint32).max:
        raise InputError(str(path), f"values from {samples.min()} to {samples.max()}", COUNTS)
    return samples


READER = Reader(
    name="EDX folder",
    modalities=("edx",),
    accepts="a folder with one TIFF of counts for each element, named after it (Na.tif)",
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
