"""Which of a TIFF's images is the data: previews are left out, and what cannot be known is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.memory import LARGEST_IMAGE_BYTES, check_held
from spallmap.readers.tiff_files.bounded_open import directories_of
from spallmap.readers.tiff_files.directories import MOST_PAGES, READABLE, SUBFILE_TYPE, TiffDirectory

if TYPE_CHECKING:
    import tifffile

ONE_IMAGE = "one image in the file: save the data alone, without preview or other images"
# A preview is at most half as large along both axes, and shows the same field.
_PREVIEW_SIZE, _SAME_FIELD = 0.5, 0.03
_PLAIN = (1,)
# Codecs that unpack to no more than they are asked for; 1 is none.
BYTE_CODECS = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 34926, 50000)
# Codecs whose segments say their own size.
_PICTURE_CODECS = (7, 33003, 33004, 33005, 34712, 34887)
_PHOTOMETRIC = {
    4: "a transparency mask",
    5: "CMYK inks (PhotometricInterpretation 5)",
    8: "CIE L*a*b* colours (PhotometricInterpretation 8)",
    9: "ICC L*a*b* colours (PhotometricInterpretation 9)",
    10: "ITU L*a*b* colours (PhotometricInterpretation 10)",
    32803: "a colour filter mosaic (PhotometricInterpretation 32803, CFA)",
    32844: "logarithms of luminance (PhotometricInterpretation 32844)",
    32845: "logarithms of luminance and colour (PhotometricInterpretation 32845)",
}
# Deflate packs at most a thousandfold, newer codecs more where an image is empty; up to this many bytes a
# segment is unpacked whatever it says.
_FREE_BYTES = 1 << 26


def main_series(path: Path, tif: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Choose the image that holds the data.

    Parameters
    ----------
    path : Path
        Named in the message.
    tif : tifffile.TiffFile
        The open file.

    Returns
    -------
    tifffile.TiffPageSeries
        The only series, or the only one that is no preview.

    Raises
    ------
    InputError
        If several may be meant, the data stand in sub-directories alone, or they are stored in a way that
        cannot be read within bounds.
    """
    everything = list(tif.series)
    if not everything:
        raise InputError(str(path), "no image", READABLE)
    for series in everything:
        _check_held_by_pages(path, series)
    kept = [series for series in everything if not _reduced(path, series)]
    if not kept:
        _refuse_hidden(path, tif)
        kept = everything if len(everything) == 1 else []
    if len(kept) > 1:
        kept = _without_previews(kept)
    if len(kept) != 1:
        said = "; ".join(f"{_size(series)} of {series.dtype}" for series in everything[:6])
        found = f"{len(everything)} images of unequal size or type: {said}"
        raise InputError(str(path), found, ONE_IMAGE)
    if tif.ome_metadata and kept[0].kind != "ome":
        found = "OME-XML that does not fit its pages"
        raise InputError(f"{path}, ImageDescription (OME-XML)", found, READABLE)
    _check_stored(path, kept[0])
    return kept[0]


def _check_held_by_pages(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Hold the shape that a description announces to the pages, or the bytes behind one page."""
    planes = math.prod(series.shape) // max(math.prod(series.keyframe.shape), 1)
    if planes > MOST_PAGES or len(series.pages) > MOST_PAGES:
        raise InputError(str(path), f"{planes} images", f"at most {MOST_PAGES} in one file")
    if planes == len(series.pages):
        return
    offset = series.dataoffset
    if offset is None or offset + series.nbytes > series.keyframe.parent.filehandle.size:
        found = f"{planes} images announced ({_size(series)} samples) in a file of {len(series.pages)} pages"
        raise InputError(str(path), found, f"{READABLE}, with every image that it announces")


def page_directories(
    path: Path, series: tifffile.TiffPageSeries
) -> tuple[tuple[TiffDirectory, ...], tuple[TiffDirectory, ...]]:
    """Find the directory of every page of a series, and the first one of its file.

    Parameters
    ----------
    path : Path
        Named in the message.
    series : tifffile.TiffPageSeries
        A series of an open file.

    Returns
    -------
    tuple of tuple of TiffDirectory
        The pages', and the first ones' of their files.

    Raises
    ------
    InputError
        If a page is missing.
    """
    files: dict[int, tuple[TiffDirectory, ...]] = {}
    pages, firsts = [], []
    for number, page in enumerate(series.pages):
        if page is None:
            raise InputError(str(path), f"page {number} of {len(series.pages)} missing", READABLE)
        file = id(page.parent)
        if file not in files:
            files[file] = directories_of(page.parent)
        index = page.index if isinstance(page.index, int) else page.index[0]
        if index >= len(files[file]):
            raise InputError(str(path), f"page {number} of {len(series.pages)} missing", READABLE)
        pages.append(files[file][index])
        firsts.append(files[file][0])
    return tuple(pages), tuple(firsts)


def _size(series: tifffile.TiffPageSeries) -> str:
    return "x".join(str(n) for n in series.shape)


def _reduced(path: Path, series: tifffile.TiffPageSeries) -> bool:
    """Whether all pages call themselves reduced copies or masks; some of them is a contradiction."""
    marks = [page.reduced for page in page_directories(path, series)[0]]
    if any(marks) and not all(marks):
        number = marks.index(True)
        found = f"page {number} of {len(marks)} marked as a reduced copy or a mask (tag {SUBFILE_TYPE})"
        raise InputError(f"{path}, page {number}", found, ONE_IMAGE)
    return bool(marks) and all(marks)


def _refuse_hidden(path: Path, tif: tifffile.TiffFile) -> None:
    if any(page.subifds for page in tif.pages if hasattr(page, "subifds")):
        found = "reduced copies in the pages and the data in their sub-directories (SubIFDs)"
        raise InputError(str(path), found, ONE_IMAGE)


def _without_previews(several: list[tifffile.TiffPageSeries]) -> list[tifffile.TiffPageSeries]:
    """Leave out the previews of the one grey image that they show; nothing where this is not plain."""
    grey = [series for series in several if series.keyframe.samplesperpixel == 1]
    best = max(grey or several, key=lambda series: math.prod(series.keyframe.shape[:2]))
    rest = [series for series in several if series is not best]
    return [best] if all(_is_preview(other.keyframe, best.keyframe) for other in rest) else several


def _is_preview(small: tifffile.TiffPage, large: tifffile.TiffPage) -> bool:
    rows, columns = small.imagelength / large.imagelength, small.imagewidth / large.imagewidth
    if abs(rows - columns) > _SAME_FIELD * max(rows, columns) + 2 / min(large.imagelength, large.imagewidth):
        return False
    coloured = small.samplesperpixel > 1 and large.samplesperpixel == 1 and small.bitspersample <= 8
    return bool(max(rows, columns) <= (1.0 if coloured else _PREVIEW_SIZE))


def _check_stored(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse what has no grey value, what is not decoded, and segments that could unpack without end."""
    page = series.keyframe
    label = f"{path}, page {page.index}"
    if int(page.photometric) in _PHOTOMETRIC:
        raise InputError(label, _PHOTOMETRIC[int(page.photometric)], "one grey value a pixel")
    # 24 bits in a little-endian file are unpacked with their bytes reversed
    if page.dtype is None or (page.bitspersample > 16 and page.bitspersample not in (32, 64, 128)):
        found = f"samples of {page.bitspersample} bits (SampleFormat {page.sampleformat})"
        raise InputError(label, found, "whole or floating-point samples of 8, 16, 32 or 64 bits")
    compression = int(page.compression)
    if compression not in (*BYTE_CODECS, *_PICTURE_CODECS):
        name = getattr(page.compression, "name", compression)
        allowed = "none, LZW, Deflate, Zstandard, LZMA, PackBits, CCITT, LERC, JPEG or JPEG 2000"
        raise InputError(f"{label}, tag 259 (Compression)", f"{name} ({compression})", allowed)
    itemsize = np.dtype(page.dtype).itemsize
    contig = page.samplesperpixel if int(page.planarconfig) == 1 else 1
    if page.is_tiled:
        lengths = (page.tilelength, page.tilewidth, getattr(page, "tiledepth", 1) or 1)
    else:
        lengths = (min(page.rowsperstrip, page.imagelength), page.imagewidth, 1)
    segment = math.prod(lengths) * contig * itemsize
    if min(*lengths, page.imagelength, page.imagewidth) < 1:
        found = (
            f"{page.imagelength}x{page.imagewidth} samples in strips or tiles of {lengths[0]}x{lengths[1]}"
        )
        raise InputError(label, found, "at least one along each axis")
    # rows that stand as they are can be read one by one
    whole = page.is_tiled or compression not in _PLAIN
    if whole and segment > LARGEST_IMAGE_BYTES:
        found = f"strips or tiles of {'x'.join(map(str, lengths))} samples, {segment} bytes"
        raise InputError(label, found, f"at most {LARGEST_IMAGE_BYTES} bytes in one strip or tile")
    counts = page.databytecounts
    # what every tile holds beyond the image's edge is unpacked all the same
    if compression not in _PLAIN and counts and segment > _FREE_BYTES:
        check_held(label, segment, max(counts), packed=True)
    _check_pictures(label, page, compression, segment // itemsize)


def _check_pictures(label: str, page: tifffile.TiffPage, compression: int, samples: int) -> None:
    """Look into the headers of segments that say their own size: it may be another than the page's."""
    if compression not in _PICTURE_CODECS:
        return
    handle = page.parent.filehandle
    for number, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        handle.seek(offset)
        head = handle.read(min(count, 4096))
        own = segment_samples(head, compression)
        if own is None or own > samples:
            found = f"strip or tile {number} of {own or 'unknown'} samples by its own header"
            raise InputError(label, found, f"at most {samples}, as the page says")


def segment_samples(head: bytes, compression: int) -> int | None:
    r"""Pixels that a JPEG, JPEG 2000 or LERC segment announces in its own header.

    Parameters
    ----------
    head : bytes
        Its first bytes.
    compression : int
        TIFF's code of the codec.

    Returns
    -------
    int or None
        None where the header cannot be read.

    Examples
    --------
    >>> segment_samples(b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x14\x00\x1e\x01\x01\x11\x00", 7)
    600
    """
    if compression == 7:
        at = 2
        while at + 9 <= len(head) and head[at] == 0xFF:
            marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                return int.from_bytes(head[at + 5 : at + 7], "big") * int.from_bytes(
                    head[at + 7 : at + 9], "big"
                )
            at += 2 + length
        return None
    if compression == 34887:
        start = head.find(b"Lerc2 ")
        if start < 0 or len(head) < start + 22:
            return None
        version = int.from_bytes(head[start + 6 : start + 10], "little")
        at = start + (14 if version >= 3 else 10)
        rows, columns = (int.from_bytes(head[at + k : at + k + 4], "little") for k in (0, 4))
        return rows * columns
    start = head.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(head) < start + 24:
        return None
    width, height, left, top = (
        int.from_bytes(head[start + 8 + k : start + 12 + k], "big") for k in (0, 4, 8, 12)
    )
    return max(width - left, 0) * max(height - top, 0)
