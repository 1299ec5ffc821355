"""What programs write into a TIFF's ImageDescription: ImageJ's lines, and the scale of a single slice."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from spallmap.errors import InputError

# ImageJ's codes of calibration functions: a straight line, none, and those that cannot be applied here.
_STRAIGHT_LINE, _NONE = 0, 20
_CURVES = {
    1: "a polynomial of 2nd degree",
    2: "a polynomial of 3rd degree",
    3: "a polynomial of 4th degree",
    4: "an exponential",
    5: "a power",
    6: "a logarithm",
    7: "Rodbard's function",
    8: "a gamma variate",
    9: "a logarithm",
    10: "Rodbard's function",
    11: "an exponential with offset",
    12: "a Gaussian",
    13: "an exponential recovery",
    21: "uncalibrated optical density",
    22: "a custom function",
}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![.,]\d)"
# Octopus writes "offset = 3.5E-01slope = 3.2E-05", Mantid Imaging two lines, others intercept or JSON.
_SCALE_KEY = re.compile(
    r"(?<![A-Za-z_])(?:(?:rescale|scale|scl|data)?[ _]?(slope|offset|intercept|inter)|"
    r"((?:scale|scaling)[ _]?factor))[\"']?\s*[:=]\s*[\"']?\s*"
    rf"(?P<value>{_NUMBER}|\S{{0,40}})",
    re.IGNORECASE,
)
_RANGE_KEY = re.compile(
    rf"(?<![A-Za-z_])(min|max)(?:imum)?(?:[ _]?val(?:ue)?)?[\"']?\s*[:=]\s*[\"']?\s*({_NUMBER})",
    re.IGNORECASE,
)
ONE_SCALE = "slices exported with one scale for the whole volume, or as floating-point numbers"


@dataclass(frozen=True)
class Line:
    """A straight line from stored samples to values: offset + slope x stored.

    Parameters
    ----------
    slope, offset : float
        Finite; the slope is not 0.
    """

    slope: float
    offset: float


def imagej_lines(descriptions: tuple[str, ...]) -> dict[str, str] | None:
    r"""Entries of ImageJ's description, or None where ImageJ did not write the file.

    Parameters
    ----------
    descriptions : tuple of str
        Every ImageDescription of the first page.

    Returns
    -------
    dict of str or None
        Text of each entry; of a repeated one the last.

    Examples
    --------
    >>> imagej_lines(("ImageJ=1.53t\nunit=micron\nspacing=4.66\n",))
    {'ImageJ': '1.53t', 'unit': 'micron', 'spacing': '4.66'}
    >>> imagej_lines(("a picture",)) is None
    True
    """
    for text in descriptions:
        if text.startswith("ImageJ="):
            pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
            return {key.strip(): value.strip() for key, value in pairs}
    return None


def imagej_calibration(source_label: str, lines: dict[str, str]) -> Line | None:
    """Grey calibration of an ImageJ file.

    Parameters
    ----------
    source_label : str
        The file, for messages.
    lines : dict of str
        Its description, as `imagej_lines` gives it.

    Returns
    -------
    Line or None
        None where the file has no calibration.

    Raises
    ------
    InputError
        If the calibration is no straight line, or its numbers cannot be read.

    Examples
    --------
    >>> imagej_calibration("a.tif", {"cf": "0", "c0": "-32768.0", "c1": "1.0", "vunit": "gray value"})
    Line(slope=1.0, offset=-32768.0)
    >>> imagej_calibration("a.tif", {"cf": "20"}) is None
    True
    """
    if "cf" not in lines:
        return None
    code = lines["cf"]
    label = f"{source_label}, ImageDescription, cf={code}"
    allowed = (
        "cf=0 with c0 and c1 (a straight line) or none: in ImageJ, convert the calibrated image to 32-bit"
    )
    if not re.fullmatch(r"\d{1,3}", code):
        raise InputError(label, "no code of a calibration function", allowed)
    if int(code) == _NONE:
        return None
    if int(code) != _STRAIGHT_LINE:
        found = f"greys calibrated by {_CURVES.get(int(code), 'an unknown function')}"
        raise InputError(label, found, allowed)
    numbers = []
    for key in ("c0", "c1"):
        if not re.fullmatch(_NUMBER, lines.get(key, "")):
            raise InputError(f"{label}, {key}", repr(lines.get(key, "nothing"))[:60], allowed)
        numbers.append(float(lines[key]))
    return _line(label, numbers[1], numbers[0], allowed)


def slice_scale(source_label: str, text: str) -> Line | None:
    """Scale that a reconstruction program wrote for one slice, such as ``offset = 0.35 slope = 3.3e-05``.

    Parameters
    ----------
    source_label : str
        File and page, for messages.
    text : str
        The page's description; neither ImageJ's nor OME's.

    Returns
    -------
    Line or None
        None where the description names no scale.

    Raises
    ------
    InputError
        If there is a slope without an offset, two that differ, or one that is no number.

    Examples
    --------
    >>> slice_scale("a.tif", "offset = 3.50000E-01slope = 3.28069E-05")
    Line(slope=3.28069e-05, offset=0.35)
    >>> slice_scale("a.tif", "scale factor: 1.5; offset: 3"), slice_scale("a.tif", "scale factor: 0.5")
    (Line(slope=1.5, offset=3.0), None)
    >>> slice_scale("a.tif", '{"shape": [20, 30]}') is None
    True
    """
    label = f"{source_label}, ImageDescription"
    found: dict[str, float] = {}
    for match in _SCALE_KEY.finditer(text):
        word, value = (match[1] or match[2]).lower(), match["value"]
        # a factor alone may be that of a picture's size: it counts beside an offset only
        key = "slope" if word == "slope" else "factor" if match[2] else "offset"
        if not re.fullmatch(_NUMBER, value):
            if key == "slope":
                raise InputError(label, f"a slope of {value!r}", f"a number with a point; or {ONE_SCALE}")
            continue
        number = float(value)
        if found.setdefault(key, number) != number:
            raise InputError(label, f"two of {key}: {found[key]:g} and {number:g}", f"one; or {ONE_SCALE}")
    if "slope" not in found and "offset" in found and "factor" in found:
        found["slope"] = found["factor"]
    if "slope" not in found:
        return None
    if "offset" not in found:
        raise InputError(label, f"a slope of {found['slope']:g} without an offset", f"both; or {ONE_SCALE}")
    return _line(label, found["slope"], found["offset"], ONE_SCALE)


def slice_range(text: str) -> tuple[float, ...] | None:
    """Smallest and largest grey that a description names, in this order; None unless it names both.

    Parameters
    ----------
    text : str
        The page's description; not ImageJ's, whose range is that of the display.

    Returns
    -------
    tuple of float or None
        (smallest, largest).

    Examples
    --------
    >>> slice_range("min = -0.001, max = 0.02")
    (-0.001, 0.02)
    """
    found = {match[1].lower(): float(match[2]) for match in _RANGE_KEY.finditer(text)}
    return (found["min"], found["max"]) if len(found) == 2 else None


def _line(label: str, slope: float, offset: float, allowed: str) -> Line:
    if not (math.isfinite(slope) and math.isfinite(offset)) or slope == 0:
        raise InputError(label, f"a slope of {slope:g} and an offset of {offset:g}", allowed)
    return Line(slope, offset)
