"""How a TIFF's stored samples become grey values: calibration, scale of a slice, inversion, grey palette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.tiff_files.descriptions import (
    ONE_SCALE,
    Line,
    imagej_calibration,
    imagej_lines,
    slice_range,
    slice_scale,
)
from spallmap.readers.tiff_files.directories import (
    BITS,
    COLOR_MAP,
    ORIENTATION,
    PHOTOMETRIC,
    S_MAX,
    S_MIN,
    TiffDirectory,
)

WHITE_IS_ZERO, PALETTE = 0, 3
GREY = "one grey value a pixel: export the grey image without a colour table"
# Vendors keep a few entries of a grey ramp for coloured annotation: a Zeiss image has 27 of 256.
RAMP_ENTRIES = 0.8


@dataclass(frozen=True)
class SampleValues:
    """How stored samples become values.

    Parameters
    ----------
    stored : dtype
        Type of the samples as the library decodes them.
    dtype : dtype
        Type of the values.
    white : int or None
        Sample that is black in an image whose white is 0; the value is its distance to that.
    palette : tuple of int or None
        Value of each sample.
    line : Line or None
        Straight line that follows.
    """

    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    white: int | None = None
    palette: tuple[int, ...] | None = None
    line: Line | None = None

    @property
    def plain(self) -> bool:
        """Whether the values are the stored samples."""
        return self.white is None and self.palette is None and self.line is None and self.dtype == self.stored

    def apply(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Give the values of stored samples.

        Parameters
        ----------
        samples : ndarray
            As decoded, of any shape and byte order.

        Returns
        -------
        ndarray
            Of type ``dtype``, in native byte order.

        Examples
        --------
        >>> kind = np.dtype("uint16")
        >>> signed = SampleValues(kind, np.dtype("int16"), line=Line(1.0, -32768.0))
        >>> signed.apply(np.array([0, 32768, 65535], kind)).tolist()
        [-32768, 0, 32767]
        >>> SampleValues(kind, kind, white=65535).apply(np.array([0, 65000], kind)).tolist()
        [65535, 535]
        """
        if self.plain:
            return samples.astype(self.dtype, copy=False)
        values = samples
        if self.palette is not None:
            values = np.array(self.palette, np.uint16)[values.astype(np.intp)]
        if self.white is not None:
            wide = values.astype(np.uint64 if values.dtype.kind in "bu" else np.int64)
            values = wide.dtype.type(self.white) - wide
        if self.line is not None:
            values = self.line.offset + self.line.slope * values.astype(np.float64)
        return values.astype(self.dtype)


def page_values(
    directory: TiffDirectory, dtype: np.dtype[Any], first: TiffDirectory
) -> tuple[SampleValues, tuple[DataWarning, ...]]:
    """Say how the samples of a page become values.

    Parameters
    ----------
    directory : TiffDirectory
        The page.
    dtype : dtype
        Type of its samples as the library decodes them; Boolean for one bit.
    first : TiffDirectory
        The first page of its file, whose description ImageJ means for all.

    Returns
    -------
    tuple of SampleValues and tuple of DataWarning
        What to do, and what is odd.

    Raises
    ------
    InputError
        For a calibration that is no straight line, a coloured palette, or a scale that cannot be read.
    """
    stored = dtype.newbyteorder("=")
    warnings: list[DataWarning] = []
    plain = {"b": np.dtype(np.uint8)}.get(stored.kind, stored)
    if stored == np.float16:
        plain = np.dtype(np.float32)
    values = SampleValues(stored, plain)
    line = _line_of(directory, first)
    photometric = directory.number(PHOTOMETRIC, 1)
    if photometric == PALETTE:
        values = replace(values, palette=_grey_palette(directory))
        if values.palette is not None:
            values = replace(values, dtype=np.dtype(np.uint8 if max(values.palette) < 256 else np.uint16))
    if photometric == WHITE_IS_ZERO and (stored.kind not in "biu" or line is not None):
        said = "floating-point samples" if stored.kind not in "biu" else "calibrated samples"
        found = f"{said} whose white is called 0 (PhotometricInterpretation 0)"
        advice = "they are values, not shades: taken as they are; save them with black as 0 to be sure"
        warnings.append(DataWarning(directory.source_label, found, advice))
    elif photometric == WHITE_IS_ZERO:
        values = replace(values, white=_white(directory, stored))
    if line is not None and stored.kind not in "biu":
        found = f"a slope of {line.slope:g} and an offset of {line.offset:g} for floating-point samples"
        advice = "taken as applied already: the samples are used as they are stored"
        warnings.append(DataWarning(directory.source_label, found, advice))
    elif line is not None and line != Line(1.0, 0.0):
        values = replace(values, line=line, dtype=_line_dtype(directory, values, line))
    orientation = directory.number(ORIENTATION, 1)
    if orientation not in (0, 1):
        found = f"Orientation {orientation} (tag {ORIENTATION}): rows or columns to be shown reversed"
        advice = "the image is taken as it is stored, as most programs do: see that the column axes fits"
        warnings.append(DataWarning(directory.source_label, found, advice))
    return values, tuple(warnings)


def stack_values(
    pages: Sequence[TiffDirectory], dtype: np.dtype[Any], firsts: Sequence[TiffDirectory]
) -> tuple[tuple[SampleValues, ...], tuple[DataWarning, ...]]:
    """Say how the samples of the slices of one volume become values of one type.

    Parameters
    ----------
    pages : sequence of TiffDirectory
        The slices.
    dtype : dtype
        Type of their samples as the library decodes them.
    firsts : sequence of TiffDirectory
        First page of each slice's file.

    Returns
    -------
    tuple of tuple of SampleValues and tuple of DataWarning
        One for each slice, of one ``dtype``; what is odd is named once, with the first slice that has it.

    Raises
    ------
    InputError
        As :func:`page_values`, and if some of the slices have a scale and others not.
    """
    found = [page_values(page, dtype, first) for page, first in zip(pages, firsts, strict=True)]
    scaled = [_line_of(page, first) is not None for page, first in zip(pages, firsts, strict=True)]
    if any(scaled) and not all(scaled):
        with_one, without = pages[scaled.index(True)], pages[scaled.index(False)]
        lacking = f"a scale (slope and offset), which {sum(not s for s in scaled)} other slices lack"
        raise InputError(
            with_one.source_label,
            f"{lacking}, the first of them {without.source_label}",
            f"all or none; {ONE_SCALE}",
        )
    values = [value for value, _ in found]
    common = np.result_type(*{value.dtype for value in values})
    if len(set(values)) > 1 and any(value.line is not None for value in values):
        common = np.result_type(common, np.float32)
    warnings = {w.found: w for _, several in reversed(found) for w in several}
    listed = [*reversed(warnings.values()), *_range_warning(pages, firsts, dtype)]
    return tuple(replace(value, dtype=common) for value in values), tuple(listed)


def _line_of(directory: TiffDirectory, first: TiffDirectory) -> Line | None:
    lines = imagej_lines(directory.descriptions) or imagej_lines(first.descriptions)
    if lines is not None:
        return imagej_calibration(first.source_label, lines)
    for text in directory.descriptions:
        if not text.endswith("OME>"):
            line = slice_scale(directory.source_label, text)
            if line is not None:
                return line
    return None


def _line_dtype(directory: TiffDirectory, values: SampleValues, line: Line) -> np.dtype[Any]:
    """Type that holds the values of integers: integers where the line only shifts them."""
    low, high = (0, 1) if values.stored.kind == "b" else _limits(values.stored)
    if values.palette is not None:
        low, high = min(values.palette), max(values.palette)
    ends = (line.offset + line.slope * low, line.offset + line.slope * high)
    if line.slope == 1 and line.offset == round(line.offset):
        for name in ("uint8", "int16", "uint16", "int32"):
            if np.iinfo(name).min <= ends[0] and ends[1] <= np.iinfo(name).max:
                return np.dtype(name)
    dtype: np.dtype[Any] = np.dtype(np.float32 if values.stored.itemsize <= 2 else np.float64)
    limits = np.finfo(np.float32 if values.stored.itemsize <= 2 else np.float64)
    span = abs(ends[1] - ends[0])
    # below this the values would differ by less than the type resolves at the size of the offset
    resolved = span > 64 * float(limits.eps) * max(abs(end) for end in ends)
    if not resolved or max(abs(end) for end in ends) > float(limits.max) / 1e6 or span < 1e-30:
        found = f"a slope of {line.slope:g} and an offset of {line.offset:g}, that is values of {ends[0]:g} "
        raise InputError(
            directory.source_label, f"{found}to {ends[1]:g}", f"a scale that floats can hold; {ONE_SCALE}"
        )
    return dtype


def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _white(directory: TiffDirectory, stored: np.dtype[Any]) -> int:
    """Sum of the smallest and the largest sample: what a sample is taken from."""
    if stored.kind == "b":
        return 1
    if stored.kind == "i":
        return -1
    return int((1 << directory.number(BITS, 8 * stored.itemsize)) - 1)


def _grey_palette(directory: TiffDirectory) -> tuple[int, ...] | None:
    """Grey of each sample; None where the palette is the plain ramp, a few entries for annotation aside."""
    label = f"{directory.source_label}, tag {COLOR_MAP} (ColorMap)"
    colours = directory.values.get(COLOR_MAP, ())
    bits = directory.number(BITS, 1)
    count = 1 << bits if 0 < bits <= 16 else 0
    if not count or len(colours) != 3 * count:
        raise InputError(label, f"{len(colours)} entries for samples of {bits} bits", GREY)
    table = np.array(colours, np.int64).reshape(3, count)
    top = count - 1
    ramp = np.arange(count)
    # some writers scale 8 bits to 16 by 257, some by 256, and some not at all
    for scaled in (ramp * 65535 // max(top, 1), ramp * (65536 // count), ramp):
        if (np.abs(table - scaled).max(axis=0) <= 1).mean() >= RAMP_ENTRIES:
            return None
    if np.any(table != table[0]):
        entry = int(np.argmax(np.any(table != table[0], axis=0)))
        red, green, blue = (int(c) for c in table[:, entry])
        raise InputError(label, f"colours (sample {entry} is {red}, {green}, {blue})", GREY)
    grey = table[0]
    if np.all(grey % 257 == 0) and grey.max() > 255:
        grey = grey // 257
    elif np.all(grey % 256 == 0) and grey.max() > 255:
        grey = grey // 256
    return tuple(int(g) for g in grey)


def _range_warning(
    pages: Sequence[TiffDirectory], firsts: Sequence[TiffDirectory], dtype: np.dtype[Any]
) -> list[DataWarning]:
    """Report integer slices that name a range of greys of their own each, without a slope and an offset."""
    if dtype.kind not in "ui" or len(pages) < 2 or imagej_lines(firsts[0].descriptions) is not None:
        return []
    if any(_line_of(page, first) is not None for page, first in zip(pages, firsts, strict=True)):
        return []
    ranges = []
    for page in pages:
        tags = (float(page.values.get(S_MIN, (0,))[0]), float(page.values.get(S_MAX, (0,))[0]))
        named = [pair for pair in map(slice_range, page.descriptions) if pair is not None]
        ranges.append(named[0] if named else tags)
    fractional = any(value != round(value) for pair in ranges for value in pair if np.isfinite(value))
    if len(set(ranges)) == 1 or not fractional:
        return []
    found = f"greys of {ranges[0][0]:g} to {ranges[0][1]:g} named there, and others in other slices"
    advice = f"were the slices scaled one by one, greys do not compare between them: use {ONE_SCALE}"
    return [DataWarning(pages[0].source_label, found, advice)]
