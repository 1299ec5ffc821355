"""EDX maps as a folder with one TIFF of counts for each element."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.edx_counts import COUNTS, check_counts, clipped_counts, filled_range, full_counts
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.sem import VENDORS
from spallmap.readers.tiff_files import (
    holds_tiff,
    open_tiff,
    pick_spacing,
    read_series,
    series_values,
    spacing_from_tags,
    tiff_names,
)
from spallmap.readers.tiff_files.directories import BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, read_directories
from spallmap.readers.tiff_files.stored_values import PALETTE, WHITE_IS_ZERO

AXES = ("channel", "y", "x")
# Compressions of a TIFF that change 8-bit samples.
JPEG = (6, 7)
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


def claims(path: Path) -> bool:
    """Whether the path is a folder that holds TIFF files."""
    return path.is_dir() and holds_tiff(path)


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
    plane, spacing, warnings = _header(maps[0])
    for name in maps[1:]:
        other_plane, other_spacing, odd = _header(name)
        if other_plane != plane:
            found = f"{other_plane[0]}x{other_plane[1]}"
            raise InputError(str(name), found, f"{plane[0]}x{plane[1]} as in {maps[0].name}")
        if other_spacing != spacing:
            raise InputError(str(name), f"pixel size {other_spacing}", f"{spacing} as in {maps[0].name}")
        warnings = (*warnings, *odd)
    meta = {"channels": tuple(name.stem for name in maps)}
    return ImageInfo((len(maps), *plane), AXES, spacing, "uint32", "EDX folder", meta, warnings)


def load(path: Path) -> Loaded:
    """Read the counts.

    Raises
    ------
    InputError
        If a file is damaged or holds something else than counts.
    """
    info = probe(path)
    counts = np.empty(info.shape, dtype=np.uint32)
    warnings, clipped = list(info.warnings), np.zeros(info.shape, dtype=bool)
    names = files(path)
    for channel, name in enumerate(names):
        with open_tiff(name) as tif:
            samples = _checked(name, read_series(name, tif)).reshape(info.shape[1:])
        check_counts(str(name), samples)
        full = full_counts(samples)
        if full is not None:
            clipped[channel] = full
            warnings.append(clipped_counts(str(name), samples, full))
        filled = filled_range(str(name), samples) if full is None else None
        warnings += [filled] if filled is not None else []
        counts[channel] = samples
        if samples.min() < samples.max():
            same = [c for c in range(channel) if np.array_equal(counts[c], counts[channel])]
            advice = "counting never repeats: see whether one is a copy"
            warnings += [DataWarning(str(name), f"the counts of {names[c].name}", advice) for c in same]
    info = replace(info, warnings=tuple(warnings))
    return Loaded(info, counts, clipped=clipped if clipped.any() else None)


def _header(path: Path) -> tuple[tuple[int, ...], tuple[float, ...] | None, tuple[DataWarning, ...]]:
    with open_tiff(path) as tif:
        first = read_directories(path, most=1)[0]
        if first.number(PHOTOMETRIC, 1) == PALETTE:
            raise InputError(f"{first.source_label}, ColorMap", "a picture with a colour table", COUNTS)
        if first.number(PHOTOMETRIC, 1) == WHITE_IS_ZERO:
            found = "a picture that shows 0 as white"
            raise InputError(f"{first.source_label}, PhotometricInterpretation", found, COUNTS)
        if first.number(COMPRESSION, 1) in JPEG and first.number(BITS, 1) == 8:
            raise InputError(f"{first.source_label}, Compression", "a picture compressed as JPEG", COUNTS)
        if first.number(SAMPLES, 1) > 1 and len(tif.pages) == 1:
            found = f"a picture of {first.number(SAMPLES, 1)} colours a pixel"
            raise InputError(first.source_label, found, COUNTS)
        series, _, warnings = series_values(path, tif)
        kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
        if "".join(a for a, _ in kept) != "YX":
            raise InputError(
                str(path), f"axes {series.axes} of lengths {series.shape}", f"one grey map: {COUNTS}"
            )
        plane = tuple(n for _, n in kept)
        for read_tag in VENDORS:
            tag = read_tag(series.keyframe, (plane[0], plane[1]))
            if tag is not None:
                return plane, tag.spacing_um, (*warnings, *tag.warnings)
        spacing = pick_spacing(spacing_from_tags(tif, tif.series.index(series)), AXES[1:])
        return plane, spacing, warnings


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
