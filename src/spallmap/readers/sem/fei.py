"""What the FEI or Thermo Fisher tag of an electron microscope image says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spallmap.errors import DataWarning
from spallmap.readers.sem.vendor_tag import VendorTag, positive

if TYPE_CHECKING:
    import tifffile

# Sizes are written with six digits; a field and a pixel size that belong together agree far better.
FEI_AGREEMENT = 0.01
# A data bar adds at most this fraction of the image's rows (29 of 442, 39 of 512, 68 of 1024 were seen).
TALLEST_BAR = 0.2

# What pixel sizes are taken from.
_SECTIONS = ("[Scan]", "[Image]")
_SIZES = ("PixelWidth", "PixelHeight", "HorFieldsize", "VerFieldsize", "ResolutionX", "ResolutionY")


def read_tag(page: tifffile.TiffPage, shape: tuple[int, int]) -> VendorTag | None:
    """Read tag 34682, or 34680 of older microscopes; None where the page has neither."""
    metadata = next((page.tags[code].value for code in (34682, 34680) if code in page.tags), None)
    if not isinstance(metadata, dict):
        return None
    label = f"{page.parent.filehandle.path}, tag 34682 (FEI), [Scan]"
    spacing, warnings = fei_pixel_size_um(label, metadata, shape)
    doubles = _doubles(page)
    if doubles:
        advice = "nobody knows which holds: give the pixel size in spacing_um"
        warnings, spacing = (
            (*warnings, DataWarning(label, f"{doubles} twice, with other values", advice)),
            None,
        )
    bar = _data_bar_row(metadata, shape)
    return VendorTag("FEI SEM TIFF", spacing, {"data_bar_row": bar}, warnings)


def _doubles(page: tifffile.TiffPage) -> str:
    """Name the entries about sizes that the tag's text holds twice in one section, with other values."""
    tag = next(page.tags[code] for code in (34682, 34680) if code in page.tags)
    handle = page.parent.filehandle
    with handle.lock:
        handle.seek(tag.valueoffset)
        text = handle.read(tag.count).decode("latin-1")
    seen: dict[tuple[str, str], str] = {}
    twice, section = [], ""
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            section = key if key.startswith("[") else section
        elif key in _SIZES and seen.setdefault((section, key), value) != value and section in _SECTIONS:
            twice.append(key)
    return ", ".join(dict.fromkeys(twice))


def fei_pixel_size_um(
    source_label: str, metadata: Mapping[str, Any], shape: tuple[int, int]
) -> tuple[tuple[float, float] | None, tuple[DataWarning, ...]]:
    """Pixel size of an FEI or Thermo Fisher image.

    The pixel size that is written belongs to the scan. An image that was stored at another size shows it by
    its columns, which are not those of the scan, or by a field of view that is not its columns times the
    pixel size; the field over the columns is right then, if the rows were resized alike.

    Parameters
    ----------
    source_label : str
        Where the tag stands, for warnings.
    metadata : mapping
        The vendor's tag 34682; its section ``Scan`` holds the sizes in metres.
    shape : tuple of int
        Rows, with the data bar, and columns of the stored image.

    Returns
    -------
    tuple of float or None, and tuple of DataWarning
        (row spacing, column spacing) in um, None where the tag does not say it or contradicts itself; and
        what is odd.

    Examples
    --------
    >>> scan = {"PixelWidth": 1e-7, "PixelHeight": 1e-7, "HorFieldsize": 1e-4}
    >>> fei_pixel_size_um("a.tif", {"Scan": scan}, (500, 1000))
    ((0.1, 0.1), ())
    >>> fei_pixel_size_um("a.tif", {"Scan": scan}, (250, 500))[0]
    (0.2, 0.2)
    """
    scan, image = _section(metadata, "Scan"), _section(metadata, "Image")
    width, height = (positive(scan.get(key)) for key in ("PixelWidth", "PixelHeight"))
    field = positive(scan.get("HorFieldsize"))
    columns, rows = (positive(image.get(key)) for key in ("ResolutionX", "ResolutionY"))
    if width is None or height is None:
        return None, ()
    written = (1e6 * height, 1e6 * width)
    scanned = columns if columns is not None else None if field is None else field / width
    contradiction = field is not None and columns is not None and not _alike(field, width * columns)
    if scanned is None or (_alike(scanned, shape[1]) and not contradiction):
        return _checked_height(source_label, written, scan, rows)
    if contradiction and field is not None and columns is not None and _alike(columns, shape[1]):
        # the columns are those of the scan, yet field and pixel size differ: the tag was resized with them
        factor, resized = field / (width * columns), 1.0
    else:
        factor = resized = scanned / shape[1]
    scan_columns = scanned if resized != 1.0 else scanned * factor
    found = f"an image of {shape[1]} columns stored at another size than its scan of {scan_columns:.0f}"
    if rows is not None and not rows * (1 - FEI_AGREEMENT) <= shape[0] * resized <= rows * (1 + TALLEST_BAR):
        found += f", with {shape[0]} rows for {rows:.0f}: cropped, or resized unevenly"
        return None, (DataWarning(source_label, found, "its pixel size is unknown: give it in spacing_um"),)
    size = (written[0] * factor, written[1] * factor)
    advice = (
        f"its field of view over its columns is used: {size[1]:g} um instead of {written[1]:g} um a pixel"
    )
    return size, (DataWarning(source_label, found, advice),)


def _checked_height(
    source_label: str, written: tuple[float, float], scan: Mapping[str, Any], rows: float | None
) -> tuple[tuple[float, float], tuple[DataWarning, ...]]:
    """Hold the height of a pixel to the field's height, where the rows of the scan are known."""
    field = positive(scan.get("VerFieldsize"))
    if field is None or rows is None or _alike(1e6 * field / rows, written[0]):
        return written, ()
    size = (1e6 * field / rows, written[1])
    found = f"PixelHeight {written[0]:g} um, but VerFieldsize over {rows:.0f} rows of {size[0]:g} um"
    return size, (DataWarning(source_label, found, "the field of view over its rows is used"),)


def _alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=FEI_AGREEMENT)


def _section(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = metadata.get(name)
    return found if isinstance(found, dict) else {}


def _data_bar_row(metadata: Mapping[str, Any], shape: tuple[int, int]) -> int | None:
    """First row of the data bar as an FEI tag says it, in rows of the stored image, or None."""
    image = _section(metadata, "Image")
    rows, columns = (positive(image.get(key)) for key in ("ResolutionY", "ResolutionX"))
    if rows is None:
        return None
    row = round(rows * (shape[1] / columns if columns else 1.0))
    return row if 0 < row < shape[0] else None
