"""Echo times that stand in a small file beside images that cannot carry them."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.file_access import check_readable, read_text_bytes
from spallmap.readers.echo_times import check_echo_times_ms

SIDECAR = "echo_times_ms.txt"
# Ten thousand echo times fit into the first, every header that a converter copies into JSON into the second.
_LARGEST_LIST, _LARGEST_JSON = 1 << 18, 1 << 22
# Echo times beside an image that differ by this fraction from a list that comes first are worth a warning.
_TE_TOLERANCE = 0.03
# The signal changes with each of these: echoes of one decay have one value. Flip angles may vary in trains.
_SAME_FOR_ALL = (
    "RepetitionTime", "InversionTime", "MagneticFieldStrength", "ImagedNucleus", "Nucleus", "ReceiveCoilName",
)  # fmt: skip
_SAME_SETTING = 1e-3
# A number as people and programs write it; Python takes 1_000, infinity and digits of other scripts too.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# What is one number with a decimal comma, or two numbers with a comma between them.
_TWO_OR_ONE = re.compile(r"[+-]?\d+,\d+", re.ASCII)
# Endings that are taken off a name to find its BIDS file.
_ENDINGS = (".nii.gz", ".nii", ".ome.tiff", ".ome.tif", ".tiff", ".tif", ".btf", ".tf8")


@dataclass(frozen=True)
class EchoTimes:
    """Echo times and where they were found.

    Parameters
    ----------
    te_ms : tuple of float
        In the order of the echoes, ms.
    sidecars : tuple of Path
        The files that said them.
    bids : tuple of mapping
        What the BIDS file of each image says; empty for an image without one.
    warnings : tuple of DataWarning
        Echo times that repeat, and files that say different ones.
    """

    te_ms: tuple[float, ...]
    sidecars: tuple[Path, ...]
    bids: tuple[dict[str, Any], ...] = field(default=())
    warnings: tuple[DataWarning, ...] = ()

    @property
    def stored_as(self) -> str:
        """The unit that the files have them in: ``"s"`` where all are BIDS files, else ``"ms"``."""
        return "s" if all(source.suffix.lower() == ".json" for source in self.sidecars) else "ms"


def natural_order(path: Path) -> tuple[Any, ...]:
    """Key that sorts ``echo10`` after ``echo9``.

    Examples
    --------
    >>> [p.name for p in sorted([Path("echo10.tif"), Path("echo9.tif")], key=natural_order)]
    ['echo9.tif', 'echo10.tif']
    """
    parts = re.split(r"(\d+)", str(path))
    return tuple((int(p), "") if i % 2 else (0, p.lower()) for i, p in enumerate(parts)), str(path)


def bids_file(image: Path) -> Path:
    """Where BIDS puts what it knows of an image: the same name, ending in ``.json``.

    Examples
    --------
    >>> bids_file(Path("sub-1_echo-1_MESE.nii.gz")).name
    'sub-1_echo-1_MESE.json'
    """
    name = image.name.lower()
    ending = next((e for e in _ENDINGS if name.endswith(e)), image.suffix)
    return image.with_name(image.name[: len(image.name) - len(ending)] + ".json")


def find_echo_times(
    path: Path, images: Sequence[Path], n_echoes: Sequence[int], folder: Path | None
) -> EchoTimes:
    """Find the echo times of images that do not carry their own.

    For all images together, ``echo_times_ms.txt`` in the folder is taken; without it, for each image its own
    ``<file name>.echo_times_ms.txt``, then ``echo_times_ms.txt`` in a sub-folder that holds the image alone,
    then its BIDS file.

    Parameters
    ----------
    path : Path
        What the user asked for; named in messages.
    images : sequence of Path
        The images, in the order of their echoes.
    n_echoes : sequence of int
        Number of echoes in each.
    folder : Path, optional
        The folder that stands for the whole series; None where the user named a file.

    Returns
    -------
    EchoTimes
        As many as there are echoes.

    Raises
    ------
    InputError
        If there is no sidecar (the message says which file to write), it is damaged, its values do not fit
        the number of echoes, or one is implausible.
    """
    bids = tuple(read_bids(bids_file(image)) for image in images)
    _check_settings(images, bids)
    listed = None if folder is None else folder / SIDECAR
    if listed is not None and is_there(listed):
        te_ms = _fitting(listed, read_list(listed), sum(n_echoes))
        return EchoTimes(te_ms, (listed,), bids, _oddities(path, listed, te_ms, images, n_echoes, bids))
    times: list[float] = []
    sidecars: list[Path] = []
    for image, said, count in zip(images, bids, n_echoes, strict=True):
        own = [image.with_name(f"{image.name}.{SIDECAR}")]
        if folder is not None and image.parent != folder:
            own.append(image.parent / SIDECAR)
        text = next((p for p in own if is_there(p)), None)
        if text is None and "EchoTime" not in said:
            to_write = own[0] if listed is None else listed
            found = f"no echo times for {image.name}"
            raise InputError(str(path), found, _what_to_write(to_write, sum(n_echoes), bids_file(image)))
        source = text or bids_file(image)
        values = _fitting(text, read_list(text), count) if text else _bids_ms(source, said["EchoTime"], count)
        times += values
        sidecars.append(source)
    source = sidecars[0] if len(set(sidecars)) == 1 else path
    odd = _oddities(path, source, tuple(times), images, n_echoes, bids)
    return EchoTimes(tuple(times), tuple(sidecars), bids, odd)


def _check_settings(images: Sequence[Path], bids: Sequence[dict[str, Any]]) -> None:
    """Refuse images whose BIDS files name settings that no echoes of one decay differ in."""
    usual: dict[str, tuple[Any, Path]] = {}
    for image, said in zip(images, bids, strict=True):
        for key in _SAME_FOR_ALL:
            value = said.get(key)
            if not isinstance(value, (int, float, str)) or isinstance(value, bool):
                continue
            first, of = usual.setdefault(key, (value, image))
            if isinstance(value, str) or isinstance(first, str):
                alike = value == first
            else:
                alike = math.isclose(value, first, rel_tol=_SAME_SETTING)
            if not alike:
                allowed = f"{first} as in {bids_file(of).name}: echoes of one series"
                raise InputError(f"{bids_file(image)}, {key}", str(value)[:80], allowed)


def is_there(sidecar: Path) -> bool:
    """Whether a file of this name exists; one that cannot be read is an error, and not absent."""
    if not sidecar.is_symlink() and not sidecar.exists():
        return False
    check_readable(sidecar)
    return True


def _fitting(path: Path, values: tuple[float, ...], n_echoes: int) -> tuple[float, ...]:
    try:
        return check_echo_times_ms(str(path), values, n_echoes)
    except InputError as error:
        if len(values) != 2 * n_echoes or not all(value.is_integer() for value in values):
            raise
        allowed = f"{error.allowed}; if the commas are decimal ones, write points"
        raise InputError(error.source_label, error.found, allowed) from error


def _oddities(
    path: Path,
    source: Path,
    te_ms: tuple[float, ...],
    images: Sequence[Path],
    n_echoes: Sequence[int],
    bids: Sequence[dict[str, Any]],
) -> tuple[DataWarning, ...]:
    """Say which echo times repeat, and where BIDS files say others than those that are used."""
    found = []
    repeated = {te: count for te, count in Counter(te_ms).items() if count > 1}
    if repeated:
        named = ", ".join(f"{te:g} ms {count} times" for te, count in sorted(repeated.items())[:8])
        if len(images) > 1 and max(n_echoes) > 1:
            listed = ", ".join(image.name for image in images[:8])
            series = f"several series with the same echo times ({named}): {listed}"
            raise InputError(str(path), series, "the path of one file, or a folder with one series alone")
        advice = "taken as repeated measurements of one series: leave out images that belong to another"
        found.append(DataWarning(str(source), f"echo times that repeat: {named}", advice))
    done = 0
    for image, said, count in zip(images, bids, n_echoes, strict=True):
        used, done = te_ms[done : done + count], done + count
        own = _seconds_as_ms(said.get("EchoTime"))
        if own is None or len(own) != count or source == bids_file(image):
            continue
        if any(abs(a - b) > _TE_TOLERANCE * max(abs(b), a) for a, b in zip(used, own, strict=True)):
            values = ", ".join(f"{te:g}" for te in own[:8])
            others = ", ".join(f"{te:g}" for te in used[:8])
            where = f"EchoTime of {values} ms in {bids_file(image).name}, and {others} ms"
            found.append(DataWarning(str(path), where, f"the latter is used: {source.name} comes first"))
    return tuple(found)


def _what_to_write(sidecar: Path, n_echoes: int, bids: Path) -> str:
    return (
        f"a text file {sidecar} with {n_echoes} echo time(s) in ms, in the order of the echoes; "
        f"or {bids.name} beside the image with the BIDS key EchoTime in seconds"
    )


def read_list(path: Path) -> tuple[float, ...]:
    r"""Read echo times in ms from a text file.

    Parameters
    ----------
    path : Path
        Numbers separated by white space, commas or semicolons; what follows a ``#`` is a comment.

    Returns
    -------
    tuple of float
        The numbers as they stand.

    Raises
    ------
    InputError
        If the file is no text, or something in it is no number or could be one number or two.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "echo_times_ms.txt")
    ...     _ = path.write_text("# ms\n2, 6.5\n20")
    ...     read_list(path)
    (2.0, 6.5, 20.0)
    """
    allowed = (
        "numbers in ms with a decimal point, separated by white space, commas or semicolons; "
        "# begins a comment"
    )
    lines = _text(path, allowed, _LARGEST_LIST).splitlines()
    words = [
        (number, word.strip(","))
        for number, line in enumerate(lines, start=1)
        for word in re.split(r"[\s;]+", line.split("#")[0])
        if word.strip(",")
    ]
    unclear = [(number, word) for number, word in words if _TWO_OR_ONE.fullmatch(word)]
    if unclear and len(words) > 1:
        meant = " ".join(word.replace(",", ".") if _TWO_OR_ONE.fullmatch(word) else word for _, word in words)
        number, word = unclear[0]
        raise InputError(
            f"{path}, line {number}",
            f"{word!r}, which may be one number with a decimal comma or two numbers",
            f"{allowed}: write {meant[:200]} if the commas are decimal ones, else a space after each comma",
        )
    values = []
    for number, word in words:
        for part in filter(None, word.split(",")):
            if not _NUMBER.fullmatch(part):
                raise InputError(f"{path}, line {number}", repr(part[:80]), allowed)
            values.append(float(part))
    return tuple(values)


def _text(path: Path, allowed: str, largest: int) -> str:
    """Decode a small text file: UTF-8, UTF-16 with its mark, else the Western code page of Windows."""
    content = read_text_bytes(path, allowed, largest)
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(str(path), "no text in UTF-8", f"{allowed}; save it as UTF-8")


def read_bids(path: Path) -> dict[str, Any]:
    """Read the BIDS file of an image.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Its keys; empty where there is no such file.

    Raises
    ------
    InputError
        If it cannot be read, or is no JSON object.
    """
    allowed = "a BIDS file, a JSON object"
    if not is_there(path):
        return {}
    try:
        content = json.loads(_text(path, allowed, _LARGEST_JSON), object_pairs_hook=_without_doubles)
    except RecursionError as error:
        raise InputError(str(path), "JSON that is nested too deeply", allowed) from error
    except ValueError as error:
        raise InputError(str(path), f"no readable JSON ({error})", allowed) from error
    if not isinstance(content, dict):
        raise InputError(str(path), f"a JSON {type(content).__name__}", allowed)
    return content


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    for key, value in pairs:
        if found[key] != value:
            raise ValueError(f"key {key!r} twice, with different values")
    return found


def _bids_ms(path: Path, value: Any, n_echoes: int) -> tuple[float, ...]:
    times = _seconds_as_ms(value)
    source_label = f"{path}, EchoTime"
    if times is None:
        raise InputError(source_label, repr(value)[:200], "a number of seconds, or a list of them")
    return check_echo_times_ms(source_label, times, n_echoes)


def _seconds_as_ms(value: Any) -> tuple[float, ...] | None:
    """Convert what BIDS has in seconds; None where it is no number or list of numbers."""
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e300 for v in listed):
        return None
    # seconds in decimal notation become the ms that were meant: 0.0065 s is 6.5 ms, not 6.500000000000001
    return tuple(round(v * 1e3, 9) for v in listed)
