"""What the Tescan tag of an electron microscope image says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spallmap.errors import DataWarning
from spallmap.readers.sem.vendor_tag import VendorTag, positive

if TYPE_CHECKING:
    import tifffile

_TAG = 50431
# The text follows a thumbnail in the same tag: lines of a key, an equals sign and a value.
_ENTRY = re.compile(rb"(?:^|[\r\n\x00])(PixelSizeX|PixelSizeY|ImageStripSize)=([^\r\n\x00]{1,40})")


def read_tag(page: tifffile.TiffPage, shape: tuple[int, int]) -> VendorTag | None:
    """Read tag 50431; None where the page has none, or another vendor's."""
    content = page.tags[_TAG].value if _TAG in page.tags else None
    if isinstance(content, tuple) and all(isinstance(v, int) and 0 <= v < 256 for v in content):
        content = bytes(content)
    if not isinstance(content, bytes):
        return None
    entries = {key.decode(): value.decode("latin-1").strip() for key, value in _ENTRY.findall(content)}
    if not entries:
        return None
    sizes = [positive(entries.get(key)) for key in ("PixelSizeY", "PixelSizeX")]
    spacing = None if sizes[0] is None or sizes[1] is None else (1e6 * sizes[0], 1e6 * sizes[1])
    strip = positive(entries.get("ImageStripSize"))
    bar = None if strip is None or not 0 < strip < shape[0] else shape[0] - round(strip)
    warnings = () if spacing is not None else _unread(page, entries)
    return VendorTag("Tescan SEM TIFF", spacing, {"data_bar_row": bar}, warnings)


def _unread(page: tifffile.TiffPage, entries: dict[str, str]) -> tuple[DataWarning, ...]:
    label = f"{page.parent.filehandle.path}, tag {_TAG} (Tescan), PixelSizeX and PixelSizeY"
    found = " and ".join(repr(entries.get(key, "nothing")) for key in ("PixelSizeX", "PixelSizeY"))
    return (DataWarning(label, found, "its pixel size is unknown: give it in spacing_um"),)
