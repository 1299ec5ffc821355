"""ParaVision's parameter files: labelled records of numbers, words and structures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError


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
        from brukerapi.exceptions import InvalidJcampdxFile, JcampdxFileError, JcampdxVersionError
        from brukerapi.jcampdx import JCAMPDX

        self.source_label = str(path)
        self._damage: tuple[type[Exception], ...] = (
            InvalidJcampdxFile,
            JcampdxFileError,
            JcampdxVersionError,
            UnicodeDecodeError,
            ValueError,
            IndexError,
            OverflowError,
        )
        if not path.is_file():
            raise InputError(
                str(path.parent), f"no {path.name}", "a ParaVision folder with its parameter files"
            )
        try:
            self._records = JCAMPDX(path)
        except self._damage as error:
            raise InputError(
                self.source_label, f"unreadable parameters ({error})", "a file of ParaVision"
            ) from error

    def __contains__(self, key: str) -> bool:
        return key in self._records

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
        try:
            numbers = np.ravel(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InputError(self.source_label, f"{key} = {value!r}", "numbers") from error
        if numbers.size == 0 or not np.isfinite(numbers).all():
            raise InputError(self.source_label, f"{key} = {value!r}", "finite numbers")
        return numbers

    def integers(self, key: str, default: int | None = None) -> tuple[int, ...]:
        """Return whole numbers of a parameter; see :meth:`numbers`."""
        numbers = self.numbers(key, default)
        if not np.array_equal(numbers, np.rint(numbers)):
            raise InputError(self.source_label, f"{key} = {numbers.tolist()}", "whole numbers")
        return tuple(int(n) for n in numbers)

    def integer(self, key: str, default: int | None = None) -> int:
        """Return the first whole number of a parameter; see :meth:`numbers`."""
        return self.integers(key, default)[0]

    def words(self, key: str) -> tuple[str, ...]:
        """Return the words of a parameter; none where it is absent."""
        if key not in self:
            return ()
        return tuple(str(word) for word in np.ravel(np.asarray(self._value(key), dtype=object)))

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
        value = self._value(key)
        if not isinstance(value, list) or not value:
            raise InputError(self.source_label, f"{key} = {value!r}", "structures in parentheses")
        return value if all(isinstance(entry, list) for entry in value) else [value]

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

    def _value(self, key: str) -> Any:
        if key not in self:
            raise InputError(self.source_label, f"no {key}", "a complete parameter file of ParaVision")
        try:
            return self._records[key].value
        except self._damage as error:
            raise InputError(self.source_label, f"damaged {key} ({error})", "a file of ParaVision") from error
