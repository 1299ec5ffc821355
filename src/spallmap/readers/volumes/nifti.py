"""Tomograms as NIfTI (.nii, .nii.gz)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.plausible import SIZE_TOLERANCE
from spallmap.readers.info import ImageInfo
from spallmap.readers.nifti_files import ENDINGS, UNITS_UM, open_nifti
from spallmap.readers.volumes.directions import is_mirrored, lengths_um
from spallmap.readers.volumes.raw import RawLayout
from spallmap.readers.volumes.raw_reader import raw_reader
from spallmap.readers.volumes.source import checked_dtype, volume_info

ACCEPTS = "a NIfTI file (.nii, .nii.gz) with three dimensions"

# The smaller of the two headers, which voxels cannot begin within.
_HEADER_BYTES = 348


def _describe(path: Path) -> tuple[ImageInfo, RawLayout]:
    import nibabel

    with open_nifti(path, ACCEPTS) as nifti:
        header: Any = nifti.header
        stored: Any = nifti.dataobj
        lengths = [int(n) for n in header.get_data_shape()]
        dtype = np.dtype(header.get_data_dtype())
        slope, intercept, offset = float(stored.slope), float(stored.inter), int(stored.offset)
        zooms = [float(zoom) for zoom in header.get_zooms()[:3]]
        word = str(header.get_xyzt_units()[0])
        unit = UNITS_UM.get(word)
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        affine = np.asarray(nifti.affine, dtype=np.float64)
        # nibabel mends what is wrong with a header: steps of 0 become 1, a slope of infinity becomes none
        with nibabel.openers.ImageOpener(str(path)) as opened:
            stored_header = type(header).from_fileobj(opened, check=False)
        unset = not all(step != 0.0 for step in stored_header["pixdim"][1:4])
        endless = bool(np.isinf(stored_header["scl_slope"]))
    if len(lengths) < 3 or any(n != 1 for n in lengths[3:]):
        raise InputError(str(path), f"lengths {lengths}", "three dimensions, x, y, z")
    usable = math.isfinite(slope) and math.isfinite(intercept) and slope != 0.0 and not endless
    if offset < _HEADER_BYTES or not usable:
        said = math.inf if endless else slope
        found = f"voxels from byte {offset}, slope {said:g} and intercept {intercept:g}"
        raise InputError(str(path), found, f"byte {_HEADER_BYTES} or later, numbers, a slope other than 0")
    layout = RawLayout(
        header=path,
        path=path,
        offset=offset,
        shape=(lengths[2], lengths[1], lengths[0]),
        dtype=checked_dtype(str(path), dtype),
        packed=path.suffix.lower() == ".gz",
        exact=True,
        slope=slope,
        intercept=intercept,
    )
    spacing, source = None, "no unit of length in 'xyzt_units'"
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if placed and any(abs(a - b) > SIZE_TOLERANCE * b for a, b in zip(zooms, steps, strict=True) if b > 0.0):
        sizes = (", ".join(f"{v:.5g}" for v in values) for values in (zooms, steps))
        source = "pixel sizes of {} ('pixdim') and of {} (placement), {}".format(*sizes, word)
    elif unset:
        source = "a step of 0 in 'pixdim'"
    elif unit is not None:
        spacing = lengths_um(str(path), [zoom * unit for zoom in zooms[::-1]], ["um"] * 3)
        source = f"'pixdim' (in {word})"
    info = volume_info(
        str(path),
        layout.shape,
        spacing,
        np.dtype("float32") if layout.scaled else dtype,
        "NIfTI",
        slices_reversed=placed and is_mirrored(f"{path}, affine", affine[:3, :3].T),
        compressed=layout.packed,
        spacing_from=source,
    )
    return info, layout


READER = raw_reader("NIfTI volume", ACCEPTS, ENDINGS, _describe)
