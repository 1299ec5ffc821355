"""Bruker TopSpin datasets (``ser``, ``fid``): why they are no images, in words.

TopSpin's own parameters (``acqus``, ``acqu2s``, ...) give numbers of points, delays and gradient strengths in
percent, whose meaning only the pulse program knows. They do not say which gradient encodes which axis, how
large the field of view is (``FOV`` stands at a default in spectra too), or what the echo times are. What can
be read is a scan that ParaVision handed to TopSpin: its own parameters lie beside the ``ser``; see
:mod:`spallmap.readers.paravision.k_space`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
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
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
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
    further = [_parameters(folder, f"acqu{n}") for n in (2, 3, 4) if _path(folder, f"acqu{n}").is_file()]
    rows = " x ".join(str(_integer(folder, axis, "TD")) for axis in reversed(further))
    is_series = bool(further) and (folder / "ser").is_file()
    program = _word(acqus, "PULPROG") or "without a name"
    what = f"{rows} rows of {points}" if is_series else f"one signal of {points}"
    described = f"{what} ({_word(acqus, 'NUC1')}, pulse program {program})"
    lists = [f"{what} ({key} {_word(acqus, key)})" for key, what in LISTS.items() if _word(acqus, key)]
    if is_series:
        described += f" that step through {' and '.join(lists)}" if lists else " that step through no list"
    strongest = max((abs(v) for key in GRADIENTS for v in _numbers(acqus, key)), default=0.0)
    if strongest == 0:
        return f"{described}, without any gradient ({', '.join(GRADIENTS)} are 0): no spatial axis, no image"
    lacks = "which of them encodes an axis, on the field of view and on the echo times"
    return f"{described}, with gradients up to {strongest:g} %, but no word on {lacks}"


def _path(folder: Path, name: str) -> Path:
    """Find the parameters as acquired (with s), else as they were set."""
    acquired = folder / f"{name}s"
    return acquired if acquired.is_file() else folder / name


def _parameters(folder: Path, name: str) -> dict[str, str]:
    """Read the text of every parameter.

    The libraries at hand do not serve: nmrglue waits for ever at the end of a cut array, and brukerapi knows
    ParaVision's array sizes alone.
    """
    path = _path(folder, name)
    # Latin-1 reads any byte: comments may be in the code page of the spectrometer's computer.
    records = re.split(r"^##\$?", path.read_text(encoding="latin-1"), flags=re.MULTILINE)
    pairs = (record.split("=", 1) for record in records if "=" in record)
    return {key.strip(): value.split("$$")[0].strip() for key, value in pairs}


def _integer(folder: Path, parameters: dict[str, str], key: str) -> int:
    try:
        return int(parameters[key])
    except (KeyError, ValueError) as error:
        found = f"{key} = {parameters.get(key, 'missing')}"
        raise InputError(str(_path(folder, "acqu")), found, "a parameter file of TopSpin") from error


def _word(parameters: dict[str, str], key: str) -> str:
    word = parameters.get(key, "")
    return "" if word.lower() in EMPTY else word.strip("<>")


def _numbers(parameters: dict[str, str], key: str) -> list[float]:
    """Read an array such as ``(0..31)`` and 32 numbers; what is no number is left out."""
    words = re.sub(r"\(\d+\.\.\d+\)", " ", parameters.get(key, "")).split()
    return [float(word) for word in words if re.fullmatch(NUMBER, word)]


READER = Reader(
    name="TopSpin",
    modalities=("mri",),
    accepts=ALLOWED,
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
