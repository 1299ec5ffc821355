"""The OME-XML of a TIFF: parsed without entities or endless depth, and the files and planes that it names."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from xml.parsers import expat

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.readers.tiff_files.directories import (
    BITS,
    IMAGE_LENGTH,
    IMAGE_WIDTH,
    MOST_PAGES,
    SAMPLE_FORMAT,
    SAMPLES,
    TiffDirectory,
    read_directories,
)

# Ten thousand planes with their own entries take 3 MB; a tree takes some ten times the bytes of its text.
LARGEST_XML_BYTES = 1 << 24
# OME's schema is some ten levels deep.
DEEPEST = 64
# An acquisition over many files has one for each slice at most.
MOST_FILES = 4096
WHOLE = "an OME-TIFF with all its files beside it, as it was saved; or one file saved anew"


# Bits and SampleFormat of OME's types.
_TYPES = {
    "bit": (1, 1), "uint8": (8, 1), "uint16": (16, 1), "uint32": (32, 1), "int8": (8, 2), "int16": (16, 2),
    "int32": (32, 2), "float": (32, 3), "double": (64, 3),
}  # fmt: skip


@dataclass(frozen=True)
class OmePixels:
    """One image of an OME-TIFF.

    Parameters
    ----------
    attributes : dict of str
        Attributes of its Pixels: sizes, order, physical sizes.
    files : tuple of Path
        Other files that hold planes of it.
    """

    attributes: dict[str, str]
    files: tuple[Path, ...]


def parse_xml(source_label: str, text: str) -> ET.Element:
    """Parse XML that may be hostile.

    Parameters
    ----------
    source_label : str
        Where it stands, for messages.
    text : str
        The document.

    Returns
    -------
    Element
        Its root.

    Raises
    ------
    InputError
        If it is damaged, larger than ``LARGEST_XML_BYTES``, deeper than ``DEEPEST``, or declares a document
        type or entities.

    Examples
    --------
    >>> parse_xml("a.tif", "<OME><Image/></OME>").tag
    'OME'
    >>> parse_xml("a.tif", "<!DOCTYPE a [<!ENTITY b 'c'>]><OME>&b;</OME>")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.tif: found a document type or an entity; allowed: ...
    """
    allowed = "OME-XML as the schema has it"
    content = text.encode("utf-8", errors="replace")
    if len(content) > LARGEST_XML_BYTES:
        found = f"{len(content)} bytes of XML"
        raise InputError(source_label, found, f"{allowed}, of at most {LARGEST_XML_BYTES} bytes")
    depth = 0

    def refuse(*_: Any) -> None:
        raise InputError(source_label, "a document type or an entity", f"{allowed}, without any")

    def deeper(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(source_label, f"elements {depth} deep", f"{allowed}, at most {DEEPEST} deep")

    def back(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = deeper
    parser.EndElementHandler = back
    try:
        parser.Parse(content, True)
        return ET.fromstring(content.decode("utf-8").split("?>", 1)[-1] if "<?xml" in text[:64] else content)
    except (expat.ExpatError, ET.ParseError, ValueError) as error:
        raise InputError(source_label, f"XML that cannot be read ({error})", allowed) from error


def ome_text(first: TiffDirectory) -> str | None:
    """OME-XML of a file's first page; None where it has none."""
    text = first.descriptions[0] if first.descriptions else ""
    return text if text[-10:].strip().endswith("OME>") else None


def ome_images(path: Path, pages: tuple[TiffDirectory, ...]) -> tuple[OmePixels, ...]:
    """Read what an OME-TIFF says of its images, and check it against the files.

    Parameters
    ----------
    path : Path
        The file.
    pages : tuple of TiffDirectory
        Its pages.

    Returns
    -------
    tuple of OmePixels
        Empty where the file is no OME-TIFF.

    Raises
    ------
    InputError
        If a file that it names is missing, unreadable, elsewhere or no TIFF, a plane is missing, sizes
        differ from the pages', or its description stands in another file.
    """
    text = ome_text(pages[0])
    if text is None:
        return ()
    label = f"{path}, ImageDescription (OME-XML)"
    root = parse_xml(label, text)
    binary = root.find("{*}BinaryOnly")
    if binary is not None:
        other = binary.get("MetadataFile", "another file")
        raise InputError(
            label,
            f"no description, which stands in {other}",
            f"the path of {other}, if it is a TIFF; {WHOLE}",
        )
    files = _Files(path, root.get("UUID"), {path: pages})
    images = []
    for number, pixels in enumerate(root.iterfind("{*}Image/{*}Pixels")):
        images.append(_pixels(f"{label}, image {number}", pixels, files))
    if not images:
        raise InputError(label, "no Image with Pixels", WHOLE)
    left = sorted(set(range(len(pages))) - files.used)
    looks = {pages[k].look for k in files.used}
    alike = [k for k in left if pages[k].look in looks]
    if alike:
        found = f"{len(alike)} pages of the size and type of its planes, from page {alike[0]} on, in no plane"
        raise InputError(label, found, "a description that counts every page")
    return tuple(images)


@dataclass(frozen=True)
class _Files:
    """The file with the description, and those that it names."""

    path: Path
    uuid: str | None
    pages: dict[Path, tuple[TiffDirectory, ...]]
    by_uuid: dict[str | None, Path] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def find(self, label: str, data: ET.Element) -> Path:
        """Find the file that holds the planes of one entry: this one, or one beside it."""
        entry = data.find("{*}UUID")
        if entry is None or entry.text == self.uuid:
            return self.path
        name = entry.get("FileName")
        if name is None:
            raise InputError(f"{label}, UUID", "planes in a file without a name", WHOLE)
        outside = PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()
        if not name or outside or ".." in PurePosixPath(name.replace("\\", "/")).parts or "\0" in name:
            allowed = "the name of a file in the same folder"
            raise InputError(f"{label}, UUID FileName", repr(name[:200]), allowed)
        own = self.uuid is None and name.lower() == self.path.name.lower()
        file = self.path if own else self.path.parent / name
        if self.by_uuid.setdefault(entry.text, file) != file:
            found = f"{name} and {self.by_uuid[entry.text].name} under one UUID"
            raise InputError(f"{label}, UUID", found, "one UUID for each file")
        if file not in self.pages:
            if len(self.pages) == MOST_FILES or sum(map(len, self.pages.values())) > 2 * MOST_PAGES:
                raise InputError(label, f"planes in more than {len(self.pages)} files", WHOLE)
            self.pages[file] = _read_beside(label, file)
        return file


def _pixels(label: str, pixels: ET.Element, files: _Files) -> OmePixels:
    sizes = {axis: _whole(label, pixels, f"Size{axis}") for axis in "XYZCT"}
    samples = {_whole(label, channel, "SamplesPerPixel", 1) for channel in pixels.iterfind("{*}Channel")}
    order = pixels.get("DimensionOrder", "")
    if sorted(order) != sorted("XYZCT") or order[:2] != "XY":
        allowed = "XYZCT or another order that begins with XY"
        raise InputError(f"{label}, DimensionOrder", repr(order)[:60], allowed)
    spp = samples.pop() if len(samples) == 1 else 1
    sizes["C"] = max(sizes["C"] // max(spp, 1), 1)
    planes = sizes["Z"] * sizes["T"] * sizes["C"]
    if planes > MOST_PAGES:
        raise InputError(label, f"{planes} planes", f"at most {MOST_PAGES}")
    taken: set[int] = set()
    found_in: dict[Path, None] = {}
    for data in pixels.iterfind("{*}TiffData"):
        file = files.find(label, data)
        found_in[file] = None
        where = f"{label}, TiffData of {file.name}"
        numbers, new = _planes(where, data, order, sizes, len(files.pages[file]))
        if new & taken:
            raise InputError(where, f"plane {min(new & taken)} for the second time", "every plane once")
        taken |= new
        for page in (files.pages[file][k] for k in numbers):
            _check_page(page, pixels.get("Type", ""), (sizes["X"], sizes["Y"], spp))
        if file == files.path:
            files.used.update(numbers)
    if not taken:
        raise InputError(label, "no TiffData that names a plane", WHOLE)
    missing = planes - len(taken)
    if missing:
        lost = next(plane for plane in range(planes) if plane not in taken)
        found = f"{planes} planes announced, of which {missing} are in no file (the first is plane {lost})"
        raise InputError(label, found, WHOLE)
    return OmePixels(dict(pixels.attrib), tuple(file for file in found_in if file != files.path))


def _read_beside(label: str, file: Path) -> tuple[TiffDirectory, ...]:
    """Read the pages of another file of the same image; what is wrong with it is said of this one."""
    try:
        check_readable(file, WHOLE)
        return read_directories(file)
    except InputError as error:
        found = f"planes in {file.name}, and there {error.found} ({error.source_label})"
        raise InputError(label, found, WHOLE) from error


def _planes(
    label: str, data: ET.Element, order: str, sizes: dict[str, int], n_pages: int
) -> tuple[range, set[int]]:
    """Pages of its file that an entry names, and the planes that they are."""
    start = _whole(label, data, "IFD", 0)
    fallback = 1 if "IFD" in data.attrib else 0
    count = _whole(label, data, "PlaneCount", _whole(label, data, "NumPlanes", fallback))
    count = count or n_pages - start
    if count < 1 or start + count > n_pages:
        found = f"{count} planes from page {start} on in a file of {n_pages} pages"
        raise InputError(label, found, WHOLE)
    index, step = 0, 1
    for axis in order[2:]:
        first = _whole(label, data, f"First{axis}", 0)
        if first >= sizes[axis]:
            raise InputError(f"{label}, First{axis}", str(first), f"0 to {sizes[axis] - 1}")
        index += first * step
        step *= sizes[axis]
    if index + count > step:
        found = f"planes {index} to {index + count - 1}"
        raise InputError(label, found, f"planes 0 to {step - 1}, as the sizes say")
    return range(start, start + count), set(range(index, index + count))


def _check_page(page: TiffDirectory, kind: str, size: tuple[int, int, int]) -> None:
    """Hold a page to the size and type that the description announces."""
    own = (page.number(IMAGE_WIDTH, 0), page.number(IMAGE_LENGTH, 0), page.number(SAMPLES, 1))
    if own != size:
        found, allowed = (f"{x}x{y} pixels of {c} samples" for x, y, c in (own, size))
        raise InputError(page.source_label, found, f"{allowed}, as its OME-XML says")
    bits, form = page.number(BITS, 1), page.number(SAMPLE_FORMAT, 1)
    if kind in _TYPES and (form not in (_TYPES[kind][1], 4) or bits > _TYPES[kind][0]):
        found = f"samples of {bits} bits, SampleFormat {form}"
        raise InputError(page.source_label, found, f"{kind}, as its OME-XML says")


def _whole(label: str, element: ET.Element, key: str, default: int | None = None) -> int:
    text = element.get(key)
    if text is None and default is not None:
        return default
    try:
        number = int(text or "")
    except ValueError as error:
        raise InputError(f"{label}, {key}", repr(text)[:60], "a whole number") from error
    if not (0 if default is not None else 1) <= number < 1 << 40:
        raise InputError(f"{label}, {key}", str(number), "a whole number in range")
    return number


def ome_sizes(
    source_label: str, attributes: dict[str, str], length: Callable[[float, str], float | None]
) -> dict[str, float]:
    """Pixel sizes that an image of an OME-TIFF names.

    Parameters
    ----------
    source_label : str
        The file, for messages.
    attributes : dict of str
        Attributes of its Pixels.
    length : callable
        Converts a number and its unit to um, or gives None.

    Returns
    -------
    dict of float
        By axis (``"x"``, ``"y"``, ``"z"``), um; without those that are absent, 0, negative or not finite, or
        in no unit of length.

    Raises
    ------
    InputError
        If a size is no number.

    Examples
    --------
    >>> from spallmap.readers.info import length_in_um
    >>> ome_sizes("a.tif", {"PhysicalSizeX": "4660", "PhysicalSizeXUnit": "nm"}, length_in_um)
    {'x': 4.66}
    """
    found = {}
    for axis in "xyz":
        key = f"PhysicalSize{axis.upper()}"
        text = attributes.get(key)
        if text is None:
            continue
        try:
            number = float(text)
        except ValueError as error:
            allowed = "a number with a point"
            raise InputError(f"{source_label}, OME-XML, {key}", repr(text)[:60], allowed) from error
        size = length(number, attributes.get(f"{key}Unit", "µm"))
        if size is not None and math.isfinite(size) and size > 0:
            found[axis] = size
    return found
