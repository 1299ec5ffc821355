"""What the text file beside a JEOL electron microscope image says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.errors import DataWarning
from spallmap.readers.checks.file_access import read_text_bytes
from spallmap.readers.info import length_in_um
from spallmap.readers.sem.vendor_tag import VendorTag, positive

if TYPE_CHECKING:
    import tifffile

READABLE = "the text file that the microscope wrote beside its image"
# What tells JEOL's text from any other one.
_SIGNATURE = re.compile(rb"^\$(SEM_DATA_VERSION|CM_FORMAT)\b", re.MULTILINE)
_LENGTH = re.compile(r"([0-9.]+(?:[eE][-+]?\d+)?)\s*(\D+)")


def sidecar(image: Path) -> Path | None:
    """Text file beside an image, if it is JEOL's.

    Raises
    ------
    InputError
        If there is one of its name that cannot be read.
    """
    path = image.with_suffix(".txt")
    if not (path.is_file() or path.is_symlink() or path.exists()):
        return None
    return path if _SIGNATURE.search(read_text_bytes(path, READABLE)) else None


def read_tag(page: tifffile.TiffPage, shape: tuple[int, int]) -> VendorTag | None:
    """Read the text beside the image; None where there is none, or it is not JEOL's.

    The scale line (``$$SM_MICRON_BAR`` pixels are ``$$SM_MICRON_MARKER``) gives the pixel size of the scan of
    ``$CM_FULL_SIZE``. The magnification alone does not: it depends on what it was set to refer to.
    """
    path = sidecar(Path(page.parent.filehandle.path))
    if path is None:
        return None
    lines = read_text_bytes(path, READABLE).decode("latin-1").splitlines()
    entries = dict(line.split(" ", 1) for line in lines if line.startswith("$") and " " in line)
    bar = positive(entries.get("$$SM_MICRON_BAR", "").strip())
    marker = _LENGTH.fullmatch(entries.get("$$SM_MICRON_MARKER", "").strip())
    value = None if marker is None else positive(marker[1])
    length = None if marker is None or value is None else length_in_um(value, marker[2])
    if bar is None or length is None:
        return VendorTag("JEOL SEM TIFF", None)
    size = length / bar
    full = [positive(word) for word in entries.get("$CM_FULL_SIZE", "").split()[:1]]
    if full and full[0] is not None and full[0] != shape[1]:
        found = f"an image of {shape[1]} columns stored at another size than its scan of {full[0]:g}"
        advice = f"its pixel size is unknown (that of the scan is {size:g} um): give it in spacing_um"
        return VendorTag("JEOL SEM TIFF", None, warnings=(DataWarning(str(path), found, advice),))
    return VendorTag("JEOL SEM TIFF", (size, size))
