"""The pixel size that a table gives, and whether its comma may be a decimal one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from spallmap.errors import InputError
from spallmap.user_files.plain_text import shown

# A reading of the text that is as near to the files' own size as this is what was meant; the next plausible
# reading is further off (4.66 against 4 and 66), and a recalibrated stage is nearer.
_SAME_SIZE = 0.1
# Pixels of an MRI are square or zero-filled by two along one axis; 31,25 or 62,5 as a pair would be odd.
_USUAL_RATIOS = (0.5, 1.0, 2.0)
_INTEGER = re.compile(r"[0-9]+")
_THOUSANDS = re.compile(r"[0-9]{1,3}\.[0-9]{3}")
_FRACTION_AFTER_THOUSANDS = re.compile(r"[0-9]{3}\.[0-9]+")


def parse_pixel_size(source_label: str, text: str, modality: str, allowed: str) -> tuple[float, ...]:
    """Read numbers separated by commas.

    Parameters
    ----------
    source_label : str
        Table, row and column, for the message.
    text : str
        One to three numbers.
    modality : str
        What was measured: an image has one or two, a volume one or three.
    allowed : str
        What is allowed, in words.

    Returns
    -------
    tuple of float
        In array order, um.

    Raises
    ------
    InputError
        If one is not positive and finite, or two are given for a volume, or three for an image.

    Examples
    --------
    >>> parse_pixel_size("row 1", "5,4.66, 4.66", "xct", "numbers")
    (5.0, 4.66, 4.66)
    """
    spacing = tuple(float(part) for part in text.split(","))
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        other = _as_one_number(text)
        hint = "" if other is None else f"; write {other} for one number"
        raise InputError(source_label, shown(text), f"{allowed}{hint}")
    wanted = {"xct": (1, 3), "sem": (1, 2), "edx": (1, 2)}.get(modality, (1, 2, 3))
    if len(spacing) not in wanted:
        other = _as_one_number(text)
        hint = "" if other is None else f"; write {other} if it is one number with a decimal comma"
        needed = " or ".join(map(str, wanted))
        raise InputError(
            source_label, f"{len(spacing)} numbers, {shown(text)}, for {modality}", f"{needed} numbers{hint}"
        )
    return spacing


def check_decimal_comma(
    source_label: str,
    text: str,
    modality: str,
    files_say: Callable[[], tuple[int, Sequence[float] | None]],
) -> None:
    """End where a comma could be a decimal one, unless the files or the numbers themselves decide.

    Parameters
    ----------
    source_label : str
        Table, row and column, for the message.
    text : str
        The pixel size as it stands in the table.
    modality : str
        What was measured.
    files_say : callable
        Number of the image's spatial axes, and the files' own pixel size in array order, um, or None. Only
        asked where the text leaves a doubt.

    Raises
    ------
    InputError
        Naming how to write either.

    Examples
    --------
    >>> check_decimal_comma("row 1", "23,46", "mri", lambda: (2, None))
    >>> check_decimal_comma("row 1", "4,66", "sem", lambda: (2, (4.0, 66.0)))
    >>> check_decimal_comma("row 1", "4,66", "sem", lambda: (2, None))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1: found '4,66', which may be 4.66 with a decimal comma or two ...
    """
    single = _as_one_number(text)
    if single is None:
        return
    n_axes, own = files_say()
    pair, one = [float(part) for part in text.split(",")], [float(single)] * 2
    said = ""
    if own is not None and len(own) == 2:
        off_pair, off_one = _distance(pair, own), _distance(one, own)
        if off_pair <= min(_SAME_SIZE, off_one):
            return
        said = f" (the files say {', '.join(f'{s:g}' for s in own)})"
        if off_one > _SAME_SIZE and _ordinary_pair(text, modality, n_axes):
            return
    elif _ordinary_pair(text, modality, n_axes):
        return
    raise InputError(
        source_label,
        f"{shown(text)}, which may be {single} with a decimal comma or two numbers{said}",
        f"{single} for one number, or {', '.join(map(str, pair))} for two",
    )


def _as_one_number(text: str) -> str | None:
    """Read two numbers as one with a decimal comma; None where the writing cannot be that.

    A space after the comma or a decimal point says that it separates.
    """
    if text.count(",") != 1:
        return None
    first, second = text.split(",")
    first = first.strip()
    if _INTEGER.fullmatch(first) and _INTEGER.fullmatch(second):
        return f"{first}.{second}"
    if _THOUSANDS.fullmatch(first) and _INTEGER.fullmatch(second):
        return f"{first.replace('.', '')}.{second}"
    if _INTEGER.fullmatch(first) and len(first) <= 3 and _FRACTION_AFTER_THOUSANDS.fullmatch(second):
        return f"{first}{second}"
    return None


def _ordinary_pair(text: str, modality: str, n_axes: int) -> bool:
    """Whether the two numbers are the pixel size of an ordinary MRI, and no other reading is as likely."""
    first, second = text.replace(" ,", ",").split(",")
    whole = all(_INTEGER.fullmatch(part) and len(part) > 1 and part[0] != "0" for part in (first, second))
    return modality == "mri" and n_axes == 2 and whole and float(second) / float(first) in _USUAL_RATIOS


def _distance(size: Sequence[float], own: Sequence[float]) -> float:
    return max(abs(s - o) / o for s, o in zip(size, own, strict=True))
