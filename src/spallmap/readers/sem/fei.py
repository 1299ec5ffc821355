"""What the FEI or Thermo Fisher tag of an electron microscope image says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spallmap.readers.sem.vendor_tag import VendorTag

if TYPE_CHECKING:
    import tifffile


def read_tag(tif: tifffile.TiffFile, shape: tuple[int, int]) -> VendorTag | None:
    """Read tag 34682; None where the file has none."""
    if not tif.fei_metadata:
        return None
    bar = _data_bar_row(tif.fei_metadata, shape[0])
    return VendorTag("FEI SEM TIFF", _pixel_size_um(tif.fei_metadata), {"data_bar_row": bar})


def _pixel_size_um(metadata: dict[str, Any]) -> tuple[float, float] | None:
    """Pixel size of an FEI or Thermo Fisher image.

    Parameters
    ----------
    metadata : dict
        The vendor's tag 34682; its section ``Scan`` holds the sizes in metres.

    Returns
    -------
    tuple of float or None
        (row spacing, column spacing) in um; None where the tag does not say it.
    """
    scan = metadata.get("Scan", {})
    sizes = [scan.get(key) for key in ("PixelHeight", "PixelWidth")]
    if not all(isinstance(s, (int, float)) and s > 0 for s in sizes):
        return None
    return 1e6 * float(sizes[0]), 1e6 * float(sizes[1])


def _data_bar_row(metadata: dict[str, Any], n_rows: int) -> int | None:
    """First row of the data bar as an FEI tag says it, or None."""
    rows = metadata.get("Image", {}).get("ResolutionY")
    return int(rows) if isinstance(rows, (int, float)) and 0 < rows < n_rows else None
