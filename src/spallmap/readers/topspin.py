"""Bruker TopSpin datasets (``ser``, ``fid``): why they are no images, in words.

TopSpin's own parameters (``acqus``, ``acqu2s``, ...) give numbers of points, delays and gradient strengths in
percent, whose meaning only the pulse program knows. They do not say which gradient encodes which axis, how
large the field of view is (``FOV`` stands at a default in spectra too), or what the echo times are. What can
be read is a scan that ParaVision handed to TopSpin: its own parameters lie beside the ``ser``; see
:mod:`spallmap.readers.paravision.k_space`.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import NoReturn

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.paravision.jcamp import SHOWN, parse_value, read_records
from spallmap.readers.paravision.series import is_topspin

ALLOWED = (
    "a ser that ParaVision exported to TopSpin, with acqp and method beside it; of other TopSpin data, the "
    "reconstructed images as NIfTI or TIFF with their echo times"
)
# The lists that a pulse program may step through along a further axis, and what they hold.
LISTS = {
    "VDLIST": "delays",
    "VCLIST": "loop counts",
    "VPLIST": "pulse lengths",
    "VALIST": "amplitudes",
    "VTLIST": "temperatures",
}
GRADIENTS = ("GPX", "GPY", "GPZ")
EMPTY = ("", "<>", "<none>", "none")


def claims(path: Path) -> bool:
    """Whether the path is a dataset of TopSpin: a folder with ``acqus``, or the ser or fid in it."""
    if path.is_file():
        return path.name in ("ser", "fid") and is_topspin(path.parent)
    return path.is_dir() and is_topspin(path)


def files(path: Path) -> tuple[Path, ...]:
    """Refuse, with what the dataset is."""
    _refuse(path)


def probe(path: Path) -> ImageInfo:
    """Refuse, with what the dataset is.

    Raises
    ------
    InputError
        Always: the parameters of TopSpin never suffice for an image.
    """
    _refuse(path)


def load(path: Path) -> Loaded:
    """Refuse, with what the dataset is; see :func:`probe`."""
    _refuse(path)


def _refuse(path: Path) -> NoReturn:
    folder = path.parent if path.is_file() else path
    raise InputError(str(path), describe(folder), ALLOWED)


def describe(folder: Path) -> str:
    """Say what a dataset holds and what it lacks as an image.

    Parameters
    ----------
    folder : Path
        The dataset (EXPNO), with ``acqus`` or ``acqu``.

    Returns
    -------
    str
        Its axes, what varies along them, its gradients, and what is missing.

    Raises
    ------
    InputError
        If the parameters are damaged.
    """
    acqus = _parameters(folder, "acqu")
    points = f"{_integer(folder, acqus, 'TD') // 2} complex points"
    names = [f"acqu{n}" for n in (2, 3, 4)]
    further = [_parameters(folder, name) for name in names if os.path.lexists(_path(folder, name))]
    rows = " x ".join(str(_integer(folder, axis, "TD")) for axis in reversed(further))
    is_series = bool(further) and (folder / "ser").is_file()
    program = _word(acqus, "PULPROG") or "without a name"
    what = f"{rows} rows of {points}" if is_series else f"one signal of {points}"
    described = f"{what} ({_word(acqus, 'NUC1')}, pulse program {program})"
    lists = [f"{what} ({key} {_word(acqus, key)})" for key, what in LISTS.items() if _word(acqus, key)]
    if is_series:
        described += f" that step through {' and '.join(lists)}" if lists else " that step through no list"
    strongest = max((abs(v) for key in GRADIENTS for v in _numbers(folder, acqus, key)), default=0.0)
    if strongest == 0:
        return f"{described}, without any gradient ({', '.join(GRADIENTS)} are 0): no spatial axis, no image"
    lacks = "which of them encodes an axis, on the field of view and on the echo times"
    return f"{described}, with gradients up to {strongest:g} %, but no word on {lacks}"


def _path(folder: Path, name: str) -> Path:
    """Find the parameters as acquired (with s), else as they were set."""
    acquired = folder / f"{name}s"
    return acquired if os.path.lexists(acquired) else folder / name


def _parameters(folder: Path, name: str) -> dict[str, str]:
    """Read the text of every parameter, without the comments that may follow it."""
    records = read_records(_path(folder, name)).values
    return {key: value.split("$$")[0].strip() for key, value in records.items()}


def _integer(folder: Path, parameters: dict[str, str], key: str) -> int:
    text = parameters.get(key, "missing")
    if not re.fullmatch("[0-9]{1,18}", text):
        found = f"{key} = {text[:SHOWN]}"
        raise InputError(str(_path(folder, "acqu")), found, "a parameter file of TopSpin")
    return int(text)


def _word(parameters: dict[str, str], key: str) -> str:
    word = parameters.get(key, "")
    return "" if word.lower() in EMPTY else word.strip("<>")[:SHOWN]


def _numbers(folder: Path, parameters: dict[str, str], key: str) -> list[float]:
    """Read an array such as ``(0..31)`` and 32 numbers; what is no finite number is left out."""
    items = parse_value(str(_path(folder, "acqu")), key, parameters.get(key, "")).items
    return [float(item) for item in items if isinstance(item, (int, float)) and math.isfinite(item)]


READER = Reader(
    name="TopSpin",
    modalities=("mri",),
    accepts=ALLOWED,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
