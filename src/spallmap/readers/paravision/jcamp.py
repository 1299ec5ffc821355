"""The text of JCAMP-DX parameter files, as Bruker writes them: records, arrays, run lengths, structures.

Nothing is made that the file does not hold: no run length and no announced size takes memory before it was
held to what stands there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import READABLE, read_text_bytes

COMPLETE = "a complete parameter file of Bruker"
# A parameter of a scan with 10 000 frames has some 100 000 values; a million needs 60 MB.
MOST_VALUES = 1 << 20
# Real files have some 700 records.
MOST_RECORDS = 20_000
# Structures in structures: acqp of ParaVision 360 has two levels.
DEEPEST = 16
# At most so much of a value is shown in a message.
SHOWN = 60

_VERSIONS = ("4.24", "5.0", "5.00", "5.01")
_VERSION = re.compile(r"^##JCAMP-?DX=[ \t]*([^\s$]*)", re.MULTILINE)
# ParaVision sets the blanks, TopSpin does not: ``( 2, 65 )`` and ``(0..31)``.
_SIZE = re.compile(r"\([ \t]*([0-9]+(?:[ \t]*,[ \t]*[0-9]+)*)[ \t]*\)")
_RANGE = re.compile(r"\([ \t]*([0-9]+)\.\.([0-9]+)[ \t]*\)")
_TOKEN = re.compile(r"\s+|@[0-9]+\*\(|[(),]|[^\s(),<]+")
_REPEATED = re.compile(r"@[0-9]+\*\(")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:nan|inf|infinity)", re.I)


class Quoted(str):
    """A text in angle brackets: never a number."""

    __slots__ = ()


@dataclass(frozen=True)
class JcampValue:
    """What stands in one record.

    Parameters
    ----------
    size : tuple of int or None
        Announced length of each direction of the array; None for a single value.
    items : list
        Numbers (int, float), words (str), texts (:class:`Quoted`) and structures (list), run lengths
        expanded.
    """

    size: tuple[int, ...] | None
    items: list[Any]


@dataclass(frozen=True)
class JcampFile:
    """The records of one file.

    Parameters
    ----------
    values : dict
        Text of each value by its name without ``##`` and ``$``.
    cut : str
        Name of the record that may be cut short, since the file's end is missing; empty where it is there.
    """

    values: dict[str, str]
    cut: str = ""


def read_records(path: Path) -> JcampFile:
    """Read the records of a parameter file, their values as text.

    Parameters
    ----------
    path : Path
        The file, in UTF-8 or else Latin-1.

    Returns
    -------
    JcampFile
        Its records; the last one of a file without an end is left out and named.

    Raises
    ------
    InputError
        If it cannot be read, is no JCAMP-DX file, has too many records, or says two things under one name.
    """
    source_label = str(path)
    text = decoded(read_text_bytes(path, READABLE))
    version = _VERSION.search(text, 0, 10_000)
    if version is None or version[1] not in _VERSIONS:
        said = "without a JCAMP-DX version" if version is None else f"of JCAMP-DX version {version[1]!r}"
        raise InputError(source_label, f"unreadable parameters {said}", "a file of ParaVision or TopSpin")
    records: dict[str, str] = {}
    at, ended = _record_start(text, 0), False
    while at < len(text) and not ended:
        following = _record_start(text, at + 2)
        name, equals, value = text[at + 2 : following].partition("=")
        key = name.strip().removeprefix("$")
        ended = key == "END"
        if not equals:
            raise InputError(source_label, f"a record without '=': {name[:SHOWN]!r}", COMPLETE)
        value = value.strip()
        if records.setdefault(key, value) != value and name.startswith("$"):
            raise InputError(source_label, f"two values of {key}", f"{COMPLETE}, each parameter once")
        if len(records) > MOST_RECORDS:
            raise InputError(source_label, f"more than {MOST_RECORDS} parameters", COMPLETE)
        at = following
    if ended:
        return JcampFile(records)
    del records[key]
    return JcampFile(records, cut=key)


def decoded(content: bytes) -> str:
    """Decode text as ParaVision 360 writes it (UTF-8), else as older programs do (Latin-1).

    Examples
    --------
    >>> decoded("Müller".encode()), decoded("Müller".encode("latin-1"))
    ('Müller', 'Müller')
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Latin-1 gives every byte a letter; only free texts have other letters than ASCII's.
        return content.decode("latin-1")


def _record_start(text: str, start: int) -> int:
    """Next ``##`` at the start of a line; the text's length where there is none."""
    if start == 0 and text.startswith("##"):
        return 0
    found = text.find("\n##", max(start - 1, 0))
    return len(text) if found < 0 else found + 1


def parse_value(source_label: str, key: str, text: str) -> JcampValue:
    r"""Parse the value of a record.

    Parameters
    ----------
    source_label, key : str
        The file and the record's name, for messages.
    text : str
        What stands behind ``=``.

    Returns
    -------
    JcampValue
        As many items as its size announces.

    Raises
    ------
    InputError
        If brackets are not closed, there are more values than any scan has, or not as many as announced.

    Examples
    --------
    >>> parse_value("visu_pars", "VisuCoreDataSlope", "( 3 )\n@2*(0.5) 4").items
    [0.5, 0.5, 4]
    >>> parse_value("visu_pars", "VisuFGOrderDesc", "( 1 )\n(5, <FG_SLICE>, <>, 1, 2)").items
    [[5, 'FG_SLICE', '', 1, 2]]
    """
    size, start = _announced(text)
    items = _items(source_label, key, text, start)
    if size is not None:
        _check_count(source_label, key, size, items)
    return JcampValue(size, items)


def _announced(text: str) -> tuple[tuple[int, ...] | None, int]:
    """Announced size, and where the values begin."""
    ranged = _RANGE.match(text)
    if ranged:
        first, last = (_short_integer(n) for n in ranged.groups())
        return (last - first + 1,), ranged.end()
    sized = _SIZE.match(text)
    # brackets without blanks and nothing behind them are a structure of numbers
    if sized and (text[1:2] in " \t" or _has_values(text, sized.end())):
        return tuple(_short_integer(n) for n in sized[1].split(",")), sized.end()
    return None, 0


def _has_values(text: str, start: int) -> bool:
    """Whether anything but comments follows."""
    at = start
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].strip()
        if line and not line.startswith("$$"):
            return True
        at = end + 1
    return False


def _short_integer(digits: str) -> int:
    """Value of some digits; more than any file holds where they are too many."""
    return int(digits) if len(digits) <= 18 else 10**18


@dataclass
class _Open:
    """A bracket that is not closed yet."""

    times: int | None = None  # of a run length; None for a structure and for the whole
    items: list[Any] = field(default_factory=list)
    weight: int = 0  # values inside, those of structures and run lengths counted


def _items(source_label: str, key: str, text: str, start: int) -> list[Any]:
    stack = [_Open()]
    for word in _tokens(source_label, key, text, start):
        inner = stack[-1]
        if isinstance(word, Quoted) or word not in "(),":
            if not isinstance(word, Quoted) and _REPEATED.fullmatch(word):
                stack.append(_Open(_short_integer(word[1:-2])))
            else:
                inner.items.append(word if isinstance(word, Quoted) else _scalar(word))
                inner.weight += 1
        elif word == "(":
            stack.append(_Open())
        elif len(stack) == 1:
            found = f"a comma in {key}" if word == "," else f"a bracket too many in {key}"
            raise InputError(source_label, found, f"numbers with a decimal point, blanks between: {COMPLETE}")
        elif word == ")":
            closed = stack.pop()
            inner = stack[-1]
            times = 1 if closed.times is None else closed.times
            inner.weight += max(closed.weight, 1) * times
            if inner.weight <= MOST_VALUES:
                inner.items += [closed.items] if closed.times is None else closed.items * times
        if inner.weight > MOST_VALUES:
            raise InputError(source_label, f"more than {MOST_VALUES} values of {key}", "a few for each frame")
        if len(stack) > DEEPEST:
            raise InputError(source_label, f"{key} with more than {DEEPEST} nested brackets", COMPLETE)
    if len(stack) > 1:
        raise InputError(source_label, f"a bracket in {key} that is not closed", COMPLETE)
    return stack[0].items


def _tokens(source_label: str, key: str, text: str, start: int) -> Iterator[str]:
    """Cut a value into brackets, commas, words and texts; comment lines are left out."""
    at = start
    while at < len(text):
        if text.startswith("$$", at) and (at == 0 or text[at - 1] == "\n"):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        if text[at] == "<":
            end = _text_end(text, at)
            if end < 0:
                raise InputError(source_label, f"a text in {key} without an end", COMPLETE)
            # long texts are broken into lines of 78 characters, anywhere
            yield Quoted(text[at + 1 : end].replace("\r", "").replace("\n", ""))
            at = end + 1
            continue
        found = _TOKEN.match(text, at)
        word = found[0] if found else text[at]
        if not word.isspace():
            yield word
        at += len(word)


def _text_end(text: str, start: int) -> int:
    r"""Where a text's closing bracket stands; -1 where it has none.

    ``\>`` does not close it, unless nothing else does: an empty description is written ``<\>``.
    """
    at = start + 1
    first = -1
    while True:
        closing = text.find(">", at)
        if closing < 0:
            return first
        first = closing if first < 0 else first
        opening = text.find("<", at, closing)
        if opening >= 0 and not _escaped(text, opening):
            return first
        if not _escaped(text, closing):
            return closing
        at = closing + 1


def _escaped(text: str, at: int) -> bool:
    slashes = 0
    while text[at - 1 - slashes] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _scalar(word: str) -> int | float | str:
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word) if _NUMBER.fullmatch(word) else word


def _check_count(source_label: str, key: str, size: tuple[int, ...], items: list[Any]) -> None:
    """Hold the announced size to what stands there.

    Texts have one length more, that of the longest text: ``( 6, 65 )`` are six texts.
    """
    said = math.prod(size)
    texts = bool(items) and not isinstance(items[0], (list, int, float))
    if len(items) == said or (texts and len(items) == math.prod(size[:-1])):
        return
    found = f"{len(items)} values of {key} where ( {', '.join(map(str, size))} ) announces {said}"
    raise InputError(source_label, f"damaged {key}: {found}", COMPLETE)
