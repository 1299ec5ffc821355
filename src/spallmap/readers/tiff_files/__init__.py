"""TIFF files of every kind: opened within bounds, as values, with the pixel sizes that they carry.

``directories`` reads what the pages say of themselves and bounds it; ``bounded_open`` hands the file to
tifffile then. ``main_image`` chooses the image with the data, ``stored_values`` turns samples into values,
``descriptions`` and ``ome_xml`` read what programs wrote, ``pixel_sizes`` takes sizes from it, and
``whole_images`` reads all.
"""

from __future__ import annotations

from spallmap.readers.tiff_files.bounded_open import (
    holds_tiff,
    is_tiff_name,
    open_tiff,
    stack_files,
    tiff_names,
)
from spallmap.readers.tiff_files.clipped_ends import clipped_ends
from spallmap.readers.tiff_files.clipped_slices import clipping_warning, sampled
from spallmap.readers.tiff_files.directories import READABLE, TiffDirectory
from spallmap.readers.tiff_files.main_image import BYTE_CODECS, main_series, page_directories
from spallmap.readers.tiff_files.pixel_sizes import pick_spacing, spacing_from_tags
from spallmap.readers.tiff_files.slice_headers import check_alike, folder_values
from spallmap.readers.tiff_files.stored_values import SampleValues
from spallmap.readers.tiff_files.whole_images import read_series, series_values

__all__ = [
    "BYTE_CODECS",
    "READABLE",
    "SampleValues",
    "TiffDirectory",
    "check_alike",
    "clipped_ends",
    "clipping_warning",
    "folder_values",
    "holds_tiff",
    "is_tiff_name",
    "main_series",
    "open_tiff",
    "page_directories",
    "pick_spacing",
    "read_series",
    "sampled",
    "series_values",
    "spacing_from_tags",
    "stack_files",
    "tiff_names",
]
