"""ParaVision's parameter files: labelled records of numbers, words and structures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import reported
from spallmap.readers.paravision.jcamp import SHOWN, JcampValue, parse_value, read_records

# Above it a double no longer counts in ones.
LARGEST_INTEGER = 2**53


class Parameters:
    """The parameters of one file (``visu_pars``, ``acqp``, ``method`` or ``reco``).

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If it is missing or is no parameter file of ParaVision.
    """

    def __init__(self, path: Path) -> None:
        self.source_label = str(path)
        with reported(path):
            if not path.exists() and not path.is_symlink():
                allowed = "a ParaVision folder with its parameter files"
                raise InputError(str(path.parent), f"no {path.name}", allowed)
        self._file = read_records(path)
        self._parsed: dict[str, JcampValue] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._file.values

    def numbers(self, key: str, default: float | None = None) -> NDArray[np.float64]:
        """Return the numbers of a parameter as a flat array.

        Parameters
        ----------
        key : str
            Its name.
        default : float, optional
            The only number where the parameter is absent.

        Returns
        -------
        ndarray, shape (n,)
            At least one finite number.

        Raises
        ------
        InputError
            If it is absent without a default, or holds no finite numbers.
        """
        if default is not None and key not in self:
            return np.array([default])
        value = self._value(key)
        numbers = list(_leaves(value.items))
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise InputError(self.source_label, f"{key} = {self._shown(key)}", "numbers")
        array = np.array(numbers, dtype=np.float64)
        if array.size == 0 or not np.isfinite(array).all():
            raise InputError(self.source_label, f"{key} = {self._shown(key)}", "finite numbers")
        return array

    def integers(self, key: str, default: int | None = None) -> tuple[int, ...]:
        """Return whole numbers of a parameter; see :meth:`numbers`."""
        numbers = self.numbers(key, default)
        if not np.array_equal(numbers, np.rint(numbers)) or np.abs(numbers).max() > LARGEST_INTEGER:
            raise InputError(self.source_label, f"{key} = {self._shown(key)}", "whole numbers")
        return tuple(int(n) for n in numbers)

    def integer(self, key: str, default: int | None = None) -> int:
        """Return the first whole number of a parameter; see :meth:`numbers`."""
        return self.integers(key, default)[0]

    def words(self, key: str) -> tuple[str, ...]:
        """Return the words of a parameter; none where it is absent."""
        if key not in self:
            return ()
        return tuple(str(word) for word in _leaves(self._value(key).items))

    def text(self, key: str) -> str:
        """Return the words of a parameter with blanks between them; empty where it is absent."""
        return " ".join(self.words(key)).strip()

    def table(self, key: str, *shape: int) -> NDArray[np.float64]:
        """Return the numbers of a parameter as rows of a shape; see :meth:`numbers`.

        Parameters
        ----------
        key : str
            Its name.
        *shape : int
            Shape of one row.

        Returns
        -------
        ndarray, shape (n, ``*shape``)
            At least one row.

        Raises
        ------
        InputError
            If the numbers do not fill whole rows.
        """
        numbers = self.numbers(key)
        if numbers.size % math.prod(shape):
            found = f"{numbers.size} numbers in {key}"
            raise InputError(self.source_label, found, f"a multiple of {math.prod(shape)}")
        return numbers.reshape(-1, *shape)

    def structures(self, key: str) -> list[list[Any]]:
        """Return the structures of a parameter as lists; none where it is absent."""
        if key not in self:
            return []
        items = self._value(key).items
        if not items or not all(isinstance(item, list) for item in items):
            raise InputError(self.source_label, f"{key} = {self._shown(key)}", "structures in parentheses")
        return items

    def records(self, key: str, *kinds: type[int] | type[str]) -> list[tuple[Any, ...]]:
        """Return the structures of a parameter, each with fields of the given types.

        Parameters
        ----------
        key : str
            Its name.
        *kinds : type
            ``int`` or ``str`` for each field.

        Returns
        -------
        list of tuple
            None where the parameter is absent.

        Raises
        ------
        InputError
            If a structure has other fields.
        """
        records = []
        for entry in self.structures(key):
            if len(entry) != len(kinds) or not all(map(isinstance, entry, kinds)):
                allowed = f"({', '.join(kind.__name__ for kind in kinds)})"
                raise InputError(self.source_label, f"{entry!r} in {key}", allowed)
            records.append(tuple(entry))
        return records

    def _value(self, key: str) -> JcampValue:
        if key not in self:
            found = f"no {key}" + (" (and no end: the file was cut short)" if self._file.cut else "")
            raise InputError(self.source_label, found, "a complete parameter file of ParaVision")
        if key not in self._parsed:
            self._parsed[key] = parse_value(self.source_label, key, self._file.values[key])
        return self._parsed[key]

    def _shown(self, key: str) -> str:
        """Give the value as it stands there, as much as a message bears."""
        text = " ".join(self._file.values[key][:SHOWN].split())
        return repr(text + (" ..." if len(self._file.values[key]) > SHOWN else ""))


def _leaves(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield item
