"""What the Zeiss tag of an electron microscope image says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spallmap.errors import DataWarning
from spallmap.readers.info import length_in_um
from spallmap.readers.sem.vendor_tag import VendorTag, positive

if TYPE_CHECKING:
    import tifffile

# Zeiss writes the field's width and a pixel size; they are held to agree within the digits that are written.
ZEISS_AGREEMENT = 0.01
# Pixels of a scan are square; the digits of width and height that are written allow for this much.
SQUARE_PIXELS = 0.03


def read_tag(page: tifffile.TiffPage, shape: tuple[int, int]) -> VendorTag | None:
    """Read tag 34118; None where the page has none."""
    metadata = page.tags[34118].value if 34118 in page.tags else None
    if not isinstance(metadata, dict) or not metadata:
        return None
    size = zeiss_pixel_size_um(metadata, shape[1])
    warnings: tuple[DataWarning, ...] = ()
    width, height = _entry_um(metadata, "ap_width"), _entry_um(metadata, "ap_height")
    if width is not None and height is not None:
        # the height is that of the whole picture, the data bar included
        per_row, per_column = height / shape[0], width / shape[1]
        if not math.isclose(per_row, per_column, rel_tol=SQUARE_PIXELS):
            label = f"{page.parent.filehandle.path}, tag 34118 (Zeiss), AP_WIDTH and AP_HEIGHT"
            found = f"pixels of {per_column:g} um by the width and {per_row:g} um by the height"
            advice = "the image was cropped or resized unevenly: give its pixel size in spacing_um"
            warnings, size = (DataWarning(label, found, advice),), None
    return VendorTag("Zeiss SEM TIFF", None if size is None else (size, size), warnings=warnings)


def zeiss_pixel_size_um(metadata: dict[str, Any], n_columns: int) -> float | None:
    """Pixel size of a Zeiss image.

    The pixel size that is written can belong to a scan of 1024 columns although the image was stored with
    fewer; the width of the field divided by the image's columns cannot be wrong in this way, so it decides
    where the two disagree.

    Parameters
    ----------
    metadata : dict
        The vendor's tag 34118: entries (name, value, unit).
    n_columns : int
        Columns of the stored image.

    Returns
    -------
    float or None
        Pixel size in um; None where the tag does not say it.

    Examples
    --------
    >>> tag = {"ap_pixel_size": ("Pixel Size", 5.0, "nm"), "ap_width": ("Width", 2.6, "µm")}
    >>> zeiss_pixel_size_um(tag, 520), zeiss_pixel_size_um(tag, 260)
    (0.005, 0.01)
    """
    sizes = [_entry_um(metadata, key) for key in ("ap_image_pixel_size", "ap_pixel_size")]
    written = next((s for s in sizes if s is not None), None)
    width = _entry_um(metadata, "ap_width")
    if width is None:
        return written
    from_width = width / n_columns
    agree = written is not None and math.isclose(written, from_width, rel_tol=ZEISS_AGREEMENT)
    return written if agree else from_width


def _entry_um(metadata: dict[str, Any], key: str) -> float | None:
    entry = metadata.get(key)
    if not isinstance(entry, tuple) or len(entry) < 3 or not isinstance(entry[1], (int, float)):
        return None
    value = positive(entry[1])
    return None if value is None else length_in_um(value, str(entry[2]))
