"""The DICOM files of a folder: none dropped in silence, none read twice, and a search that ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.file_access import READABLE, check_readable, reported

SUFFIXES = (".dcm", ".dicom", ".ima")
# A DICOM file has these letters after a preamble of 128 bytes, whatever its name.
_PREAMBLE, _LETTERS = 128, b"DICM"
# Archives nest patient, study, series, instance, and some folders of their own around them.
DEEPEST = 16
# The largest series that we know of (32 echoes x 256 slices x 10 repetitions) has 82 000 files.
MOST_ENTRIES = 200_000
# At most so many names are listed in a message.
NAMED = 3


@dataclass
class FoundFiles:
    """What a folder holds.

    Parameters
    ----------
    images : list of Path
        DICOM files.
    others : list of Path
        Other files.
    repeated : list of Path
        Links and folders that lead to a folder that was looked through already.
    """

    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)


def is_dicom(path: Path) -> bool:
    """Whether a regular file is DICOM, by its suffix or its first bytes."""
    if path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE + len(_LETTERS))[_PREAMBLE:] == _LETTERS


def holds_dicom(folder: Path) -> bool:
    """Whether a folder holds a DICOM file, or the name of one, within the limits of the search."""
    for number, entry in enumerate(_entries(folder)):
        if number >= MOST_ENTRIES:
            return False
        if entry.suffix.lower() in SUFFIXES and not entry.is_dir():
            return True
        if entry.is_file() and is_dicom(entry):
            return True
    return False


def _entries(folder: Path) -> Iterator[Path]:
    """Everything in and below a folder that is no folder; each folder once."""
    waiting, seen = [(folder, 0)], {_identity(folder)}
    while waiting:
        current, depth = waiting.pop()
        for entry in current.iterdir():
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                yield entry
            elif depth < DEEPEST and _identity(entry) not in seen:
                seen.add(_identity(entry))
                waiting.append((entry, depth + 1))


def find_files(folder: Path) -> FoundFiles:
    """Look through a folder and what lies below.

    Parameters
    ----------
    folder : Path
        The folder. Names that begin with a dot and ``DICOMDIR`` are left out.

    Returns
    -------
    FoundFiles
        Its files, sorted by path.

    Raises
    ------
    InputError
        If an entry is a link to nothing, a pipe, a device or unreadable, a file that is named like the
        images is none, folders lie too deep, or there are more entries than any series has.
    """
    found = FoundFiles()
    waiting, seen, n_entries = [(folder, 0)], {_identity(folder)}, 0
    while waiting:
        current, depth = waiting.pop()
        with reported(current):
            entries = sorted(entry for entry in current.iterdir() if not entry.name.startswith("."))
        images_before = len(found.images)
        for entry in entries:
            check_readable(entry, READABLE)
            with reported(entry):
                if not entry.is_dir():
                    (found.images if is_dicom(entry) else found.others).append(entry)
                elif _identity(entry) in seen:
                    found.repeated.append(entry)
                elif depth == DEEPEST:
                    allowed = (
                        f"at most {DEEPEST} folders in each other: give the path of the series' own folder"
                    )
                    raise InputError(str(entry), "a folder deep below", allowed)
                else:
                    seen.add(_identity(entry))
                    waiting.append((entry, depth + 1))
        _refuse_lost_images(current, found.images[images_before:], found.others)
        n_entries += len(entries)
        if n_entries > MOST_ENTRIES:
            allowed = "the path of the series' own folder"
            raise InputError(str(folder), f"more than {MOST_ENTRIES} files and folders", allowed)
    found.images.sort()
    return found


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _refuse_lost_images(folder: Path, images: list[Path], others: list[Path]) -> None:
    """Refuse a file that is named like its neighbours but is no DICOM: emptied, or cut short."""
    patterns = {_pattern(image) for image in images}
    for other in others:
        if other.parent == folder and "#" in _pattern(other) and _pattern(other) in patterns:
            size = other.stat().st_size
            found = f"{size} bytes that are no DICOM, among DICOM files of like names"
            raise InputError(str(other), found, "a whole file, or none: take it out of the folder")


def _pattern(path: Path) -> str:
    return re.sub(r"[0-9]+", "#", path.name)


def repeated_warning(folder: Path, found: FoundFiles) -> tuple[DataWarning, ...]:
    """Warn of links that lead in circles."""
    if not found.repeated:
        return ()
    listed = ", ".join(str(path.relative_to(folder)) for path in found.repeated[:NAMED])
    more = f" and {len(found.repeated) - NAMED} more" if len(found.repeated) > NAMED else ""
    said = f"links to folders that were looked through already ({listed}{more})"
    return (DataWarning(str(folder), said, "not followed: each file is read once"),)
