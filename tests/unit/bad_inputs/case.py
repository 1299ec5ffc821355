"""What a bad input is, and what is right for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bad_inputs.examine import MOST_BYTES, Ending

# What a case opens: path, modality, pixel size in the table.
Opened = tuple[Path, str, Any]
Right = Callable[[Ending], None]


@dataclass(frozen=True)
class Case:
    """One bad input.

    Parameters
    ----------
    kind : str
        The kind of fault, as in docs/reliability.md.
    name : str
        What is wrong.
    make : callable
        Writes the files into a folder and says what is opened.
    right : callable
        Holds how it ended to what is right.
    """

    kind: str
    name: str
    make: Callable[[Path], Opened]
    right: Right


class Cases(list[Case]):
    """A collection that functions are added to."""

    def add(self, kind: str, name: str, right: Right, /, **said: Any) -> Callable[[Any], Any]:
        """Take a function that writes the files; keywords are handed to it."""

        def taken(make: Any) -> Any:
            self.append(Case(kind, name, lambda folder: make(folder, **said), right))
            return make

        return taken


def refused(*words: str) -> Right:
    """It is refused, with file, found, allowed, and these patterns in the message."""

    def right(ending: Ending) -> None:
        assert ending.kind == "refused", f"{ending.kind}: {ending.words or summary(ending)}"
        assert all(ending.parts), f"a part of the message is empty: {ending.parts}"
        for word in words:
            assert re.search(word, ending.words, re.IGNORECASE), f"no {word!r} in {ending.words!r}"

    return right


def reads(check: Callable[[dict[str, Any]], Any] | None = None, warning: str | None = None) -> Right:
    """It is read with the right value, and with a warning or without any."""

    def right(ending: Ending) -> None:
        assert ending.kind == "read", f"{ending.kind}: {ending.words}"
        if check is not None:
            assert check(ending.seen), summary(ending)
        if warning is None:
            assert not ending.seen["warnings"]
        else:
            assert re.search(warning, " ".join(ending.seen["warnings"]), re.IGNORECASE), summary(ending)

    return right


def either(*rights: Right) -> Right:
    """One of several endings is right."""

    def right(ending: Ending) -> None:
        failures = []
        for one in rights:
            try:
                one(ending)
            except AssertionError as error:
                failures.append(str(error))
            else:
                return
        pytest.fail("; or ".join(failures))

    return right


def bounded(ending: Ending) -> None:
    """It neither hangs, nor crashes, nor takes much memory."""
    assert ending.kind in ("read", "refused"), ending.words
    if ending.kind == "refused":
        assert ending.peak_bytes < MOST_BYTES, f"{ending.peak_bytes / 1e6:.0f} MB before: {ending.words}"


def summary(ending: Ending) -> str:
    """What was read, without its samples."""
    return str({k: v for k, v in ending.seen.items() if k not in ("data", "clipped")})
