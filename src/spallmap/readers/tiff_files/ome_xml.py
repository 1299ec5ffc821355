"""The OME-XML of a TIFF: parsed without entities or endless depth, and the files and planes that it names."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from xml.parsers import expat

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.readers.tiff_files.directories import MOST_PAGES, TiffDirectory, read_directories

# Ten thousand planes with their own entries take 3 MB; a tree takes some ten times the bytes of its text.
LARGEST_XML_BYTES = 1 << 24
# OME's schema is some ten levels deep.
DEEPEST = 64
# An acquisition over many files has one for each slice at most.
MOST_FILES = 4096
WHOLE = "an OME-TIFF with all its files beside it, as it was saved; or one file saved anew"


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
    known: dict[Path, tuple[TiffDirectory, ...]] = {path: pages}
    images = []
    for number, pixels in enumerate(root.iterfind("{*}Image/{*}Pixels")):
        images.append(_pixels(f"{label}, image {number}", path, root, pixels, known))
    if not images:
        raise InputError(label, "no Image with Pixels", WHOLE)
    return tuple(images)


def _pixels(
    label: str, path: Path, root: ET.Element, pixels: ET.Element, known: dict[Path, tuple[TiffDirectory, ...]]
) -> OmePixels:
    sizes = {axis: _whole(label, pixels, f"Size{axis}") for axis in "XYZCT"}
    samples = {_whole(label, channel, "SamplesPerPixel", 1) for channel in pixels.iterfind("{*}Channel")}
    order = pixels.get("DimensionOrder", "")
    if sorted(order) != sorted("XYZCT") or order[:2] != "XY":
        allowed = "XYZCT or another order that begins with XY"
        raise InputError(f"{label}, DimensionOrder", repr(order)[:60], allowed)
    spp = samples.pop() if len(samples) == 1 else 1
    planes = sizes["Z"] * sizes["T"] * max(sizes["C"] // max(spp, 1), 1)
    if planes > MOST_PAGES:
        raise InputError(label, f"{planes} planes", f"at most {MOST_PAGES}")
    taken: set[int] = set()
    files: dict[Path, None] = {}
    for data in pixels.iterfind("{*}TiffData"):
        file = _file(label, path, root, data)
        if file not in known:
            if len(known) == MOST_FILES:
                raise InputError(label, f"more than {MOST_FILES} files", WHOLE)
            known[file] = _read_beside(label, file)
        files[file] = None
        _check_planes(f"{label}, TiffData of {file.name}", data, order, sizes, known[file], taken, planes)
    if not taken:
        raise InputError(label, "no TiffData that names a plane", WHOLE)
    missing = planes - len(taken)
    if missing:
        lost = next(plane for plane in range(planes) if plane not in taken)
        found = f"{planes} planes announced, of which {missing} are in no file (the first is plane {lost})"
        raise InputError(label, found, WHOLE)
    return OmePixels(dict(pixels.attrib), tuple(file for file in files if file != path))


def _file(label: str, path: Path, root: ET.Element, data: ET.Element) -> Path:
    """File that holds the planes of one entry: this one, or one beside it."""
    uuid = data.find("{*}UUID")
    if uuid is None or uuid.text == root.get("UUID"):
        return path
    name = uuid.get("FileName")
    if name is None:
        raise InputError(f"{label}, UUID", "planes in a file without a name", WHOLE)
    if root.get("UUID") is None and name.lower() == path.name.lower():
        return path
    outside = PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()
    if not name or outside or ".." in PurePosixPath(name.replace("\\", "/")).parts or "\0" in name:
        raise InputError(
            f"{label}, UUID FileName", f"{name[:200]!r}", "the name of a file in the same folder"
        )
    return path.parent / name


def _read_beside(label: str, file: Path) -> tuple[TiffDirectory, ...]:
    """Read the pages of another file of the same image; what is wrong with it is said of this one."""
    try:
        check_readable(file, WHOLE)
        return read_directories(file)
    except InputError as error:
        found = f"planes in {file.name}, and there {error.found} ({error.source_label})"
        raise InputError(label, found, WHOLE) from error


def _check_planes(
    label: str,
    data: ET.Element,
    order: str,
    sizes: dict[str, int],
    pages: tuple[TiffDirectory, ...],
    taken: set[int],
    planes: int,
) -> None:
    """Note which planes an entry holds, after checking that its file has the pages, of the right size."""
    start = _whole(label, data, "IFD", 0)
    fallback = 1 if "IFD" in data.attrib else 0
    count = (
        _whole(label, data, "PlaneCount", _whole(label, data, "NumPlanes", fallback)) or len(pages) - start
    )
    if start < 0 or count < 1 or start + count > len(pages):
        found = f"{count} planes from page {start} on in a file of {len(pages)} pages"
        raise InputError(label, found, WHOLE)
    index, step = 0, 1
    for axis in order[2:]:
        length = sizes[axis]
        first = _whole(label, data, f"First{axis}", 0)
        if not 0 <= first < length:
            raise InputError(f"{label}, First{axis}", str(first), f"0 to {length - 1}")
        index += first * step
        step *= length
    for page in pages[start : start + count]:
        found = f"{page.number(256, 0)}x{page.number(257, 0)} pixels"
        if (page.number(256, 0), page.number(257, 0)) != (sizes["X"], sizes["Y"]):
            allowed = f"{sizes['X']}x{sizes['Y']} pixels, as SizeX and SizeY say"
            raise InputError(page.source_label, found, allowed)
    new = set(range(index, min(index + count, planes)))
    if new & taken:
        raise InputError(label, f"plane {min(new & taken)} for the second time", "every plane once")
    taken |= new


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
