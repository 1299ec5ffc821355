"""Opening NIfTI files so that a header that lies is noticed before it is believed."""

from __future__ import annotations

import gzip
import logging
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.readers.checks.memory import check_held

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header, Nifti1Image

ENDINGS = (".nii", ".nii.gz")
# The units of length that a NIfTI header knows, in um; a file that leaves it open says no pixel size.
UNITS_UM = {"meter": 1e6, "mm": 1e3, "micron": 1.0}
# Extensions lie between header and samples. Those in use hold a DICOM header or a text, not 16 MB.
_LARGEST_EXTENSION = 1 << 24
# Lengths of the headers of versions 1 and 2, which a header begins with.
_HEADER_BYTES = (348, 540)


def is_nifti(path: Path) -> bool:
    """Whether a name ends like a NIfTI file's and is not hidden."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".")


@contextmanager
def open_nifti(image: Path, accepts: str) -> Iterator[Nifti1Image]:
    """Open a file; damage met inside the block becomes an error that names it.

    Parameters
    ----------
    image : Path
        The file.
    accepts : str
        What is read, for the message about other files.

    Yields
    ------
    Nifti1Image
        The open file, its samples not yet read. Pixel sizes that the header leaves at 0 stay 0.

    Raises
    ------
    InputError
        If it cannot be read, is no NIfTI file, is one half of a pair of files, is damaged, or announces more
        samples than it can hold.
    """
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    damage = (EOFError, ValueError, TypeError, KeyError, OverflowError, struct.error, zlib.error)
    check_readable(image, accepts)
    try:
        raw = _checked_header(image, accepts)
        with _unlogged():
            nifti = nibabel.load(image)
        if not isinstance(nifti, nibabel.Nifti1Image):
            raise InputError(str(image), f"a {type(nifti).__name__}", accepts)
        # nibabel mends a pixel size of 0 to 1 mm, which nobody said
        nifti.header["pixdim"][1:4] = np.abs(raw["pixdim"][1:4])
        yield nifti
    except OSError as error:
        if error.errno is not None:
            raise  # rights, a link, a disk: the system's own words say it
        raise InputError(str(image), f"a damaged NIfTI file ({error})", "a complete NIfTI file") from error
    except (ImageFileError, HeaderDataError, *damage) as error:
        raise InputError(str(image), f"a damaged NIfTI file ({error})", "a complete NIfTI file") from error


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep nibabel's words on what it mends in a header off the screen: it is judged here."""
    logger = logging.getLogger("nibabel.global")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _checked_header(image: Path, accepts: str) -> Nifti1Header:
    """Read the header as it stands, and hold it to what the file can contain."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    packed = image.suffix.lower() == ".gz"
    with gzip.open(image) if packed else image.open("rb") as stream:
        start = stream.read(max(_HEADER_BYTES))
    sizes = {n for order in "<>" for n in _HEADER_BYTES if start[:4] == struct.pack(f"{order}i", n)}
    if not sizes or len(start) < max(sizes):
        raise InputError(str(image), "no header of a NIfTI file, or half of one", accepts)
    size = sizes.pop()
    kind: Any = Nifti1Header if size == 348 else Nifti2Header
    header = kind(start[:size], check=False)
    if bytes(header["magic"])[:2] != b"n+":
        found = f"a header marked {bytes(header['magic'])!r}: of a pair .hdr and .img, or of Analyze"
        raise InputError(str(image), found, accepts)
    lengths = [int(n) for n in header["dim"]]
    if not 1 <= lengths[0] <= 7 or any(n < 1 for n in lengths[1 : lengths[0] + 1]):
        raise InputError(str(image), f"lengths {lengths}", "up to seven dimensions of at least one sample")
    offset = float(header["vox_offset"])
    if offset != 0 and not size + 4 <= offset <= size + 4 + _LARGEST_EXTENSION:
        found = f"samples that begin at byte {offset:g}"
        allowed = f"byte {size + 4}, or at most {_LARGEST_EXTENSION} bytes of extensions before them"
        raise InputError(str(image), found, allowed)
    announced = (
        max(int(offset), size + 4) + math.prod(lengths[1 : lengths[0] + 1]) * header.get_data_dtype().itemsize
    )
    check_held(str(image), announced, image.stat().st_size, packed=packed)
    return header  # type: ignore[no-any-return]


def surplus_bytes(image: Path, announced: int) -> int:
    """How many bytes a file holds beyond those that its header announces, as far as its end says it.

    Parameters
    ----------
    image : Path
        The file.
    announced : int
        Bytes of header and samples, unpacked.

    Returns
    -------
    int
        0 where there are none; of a packed file, what its last four bytes say.
    """
    if image.suffix.lower() != ".gz":
        return max(0, image.stat().st_size - announced)
    with image.open("rb") as stream:
        stream.seek(-4, 2)
        (unpacked,) = struct.unpack("<I", stream.read(4))
    # of several packed members only the last one is counted there
    return int(max(0, unpacked - announced % (1 << 32)))
