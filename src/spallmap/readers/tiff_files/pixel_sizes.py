"""Pixel sizes that a TIFF of no microscope's make carries: OME's, and ImageJ's with a unit for each axis."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.readers.info import length_in_um
from spallmap.readers.tiff_files.descriptions import imagej_lines
from spallmap.readers.tiff_files.directories import (
    X_RESOLUTION,
    Y_RESOLUTION,
    TiffDirectory,
    read_directories,
)
from spallmap.readers.tiff_files.ome_xml import ome_sizes, ome_text, parse_xml

if TYPE_CHECKING:
    import tifffile

# Dots an inch of screens, printers and scanners. Resolutions of these say how an image was to be shown.
_DOTS_PER_INCH = (
    72, 75, 90, 96, 100, 120, 144, 150, 180, 192, 200, 220, 240, 254, 266, 288, 300, 350, 360, 400, 600, 720,
    1200, 1440, 2400,
)  # fmt: skip
# Rationals and decimals round by this much: 118.11 dots a centimetre are 300 an inch.
_DOTS_TOLERANCE = 2e-3
_CENTIMETRES = ("cm", "centimeter", "centimetre", "centimeters", "centimetres")


def spacing_from_tags(tif: tifffile.TiffFile, image: int = 0) -> dict[str, float]:
    """Pixel sizes of an OME or ImageJ TIFF.

    The resolution tags of other TIFFs are left alone: most writers put the screen's dots per inch there. So
    does ImageJ where its unit is the inch, or where it took over the resolution of a screen or printer in
    centimetres; a resolution of exactly 1 along both axes is what libraries write where nobody set one.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    image : int
        Which of the images of an OME-TIFF.

    Returns
    -------
    dict
        Spacing in um by axis (``"x"``, ``"y"``, ``"z"``) as far as the file says it.

    Raises
    ------
    InputError
        If a size is no number, or the OME-XML is damaged.
    """
    return directory_sizes(read_directories(Path(tif.filehandle.path), most=1)[0], image)


def directory_sizes(first: TiffDirectory, image: int = 0) -> dict[str, float]:
    """Pixel sizes that the first page of a file names for all of it; as :func:`spacing_from_tags`."""
    text = ome_text(first)
    if text is not None:
        pixels = list(parse_xml(first.source_label, text).iterfind("{*}Image/{*}Pixels"))
        if image >= len(pixels):
            return {}
        return ome_sizes(first.source_label, dict(pixels[image].attrib), imagej_length)
    lines = imagej_lines(first.descriptions)
    if lines is None:
        return {}
    resolutions = [first.values.get(tag, (math.nan,))[0] for tag in (X_RESOLUTION, Y_RESOLUTION)]
    return imagej_sizes(lines, resolutions[0], resolutions[1])


def imagej_sizes(lines: dict[str, str], per_x: float, per_y: float) -> dict[str, float]:
    """Pixel sizes of an ImageJ TIFF.

    Parameters
    ----------
    lines : dict of str
        Entries of its description.
    per_x, per_y : float
        Resolution tags: pixels a unit along x and y; NaN where there is none.

    Returns
    -------
    dict of float
        By axis, um, as far as they are known.

    Examples
    --------
    >>> lines = {"unit": "micron", "yunit": "mm", "spacing": "5.0"}
    >>> imagej_sizes(lines, 1 / 4.0, 1 / 0.0045) == {"x": 4.0, "y": 4.5, "z": 5.0}
    True
    >>> imagej_sizes({"unit": "inch", "spacing": "0.01"}, 96.0, 96.0)
    {}
    """
    unit = lines.get("unit", "")
    units = {"x": unit, "y": lines.get("yunit", unit), "z": lines.get("zunit", unit)}
    try:
        depth = abs(float(lines.get("spacing", "")))  # ImageJ itself drops the sign
    except ValueError:
        depth = math.nan
    if per_x == per_y == 1.0:
        return {}
    steps = {
        "x": math.nan if not per_x else 1.0 / per_x,
        "y": math.nan if not per_y else 1.0 / per_y,
        "z": depth,
    }
    found = {}
    for axis, step in steps.items():
        size = imagej_length(step, units[axis])
        printed = axis != "z" and units[axis].strip().lower() in _CENTIMETRES and of_a_screen(1e4 * step)
        if size is not None and math.isfinite(size) and size > 0 and not printed:
            found[axis] = size
    return found


def imagej_length(value: float, unit: str) -> float | None:
    """Convert a length to um, as :func:`length_in_um` does, for units that lost their encoding.

    Parameters
    ----------
    value : float
        The number.
    unit : str
        Its unit. Inches count as none: no microscope works in them, and every screen does.

    Returns
    -------
    float or None
        The length; None where the unit is no length that an image is measured in.

    Examples
    --------
    >>> imagej_length(4.66, "Âµm"), imagej_length(4.66, "inch"), imagej_length(4.66, '"m"')
    (4.66, None, None)
    """
    plain = (
        unit.strip().replace("Â", "").replace("\\u00b5", "µ").replace("&#181;", "µ").replace("&micro;", "µ")
    )
    if plain.lower() in ("in", "inch", "inches", '"') or plain == "Mm" or re.search(r"[\"?\ufffd]", plain):
        return None
    return length_in_um(value, plain)


def of_a_screen(step_um: float) -> bool:
    """Whether a pixel size is that of a screen, a printer or a scanner, um."""
    dots = 25400.0 / step_um if step_um > 0 else math.nan
    return any(abs(dots - usual) <= _DOTS_TOLERANCE * usual for usual in _DOTS_PER_INCH)


def pick_spacing(found: dict[str, float], axes: tuple[str, ...]) -> tuple[float, ...] | None:
    """Spacing along `axes`, or None unless all of them are known."""
    return tuple(found[a] for a in axes) if all(a in found for a in axes) else None
