"""JSON and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spallmap.errors import InputError
from spallmap.results.atomic import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def plain(value: Any) -> Any:
    """Convert a value to what JSON knows.

    Parameters
    ----------
    value : object
        Mappings, sequences, arrays, numpy scalars, paths, None, and plain values.

    Returns
    -------
    object
        Dictionaries with text keys, lists, text, whole numbers, floats, booleans and None; numbers that are
        not finite become None, since JSON has none.

    Raises
    ------
    TypeError
        If a value is of another type.

    Examples
    --------
    >>> plain({"t2_ms": np.float32(2.5), "n": np.int64(3), "sd": float("nan"), "at": (1, np.arange(2))})
    {'t2_ms': 2.5, 'n': 3, 'sd': None, 'at': [1, [0, 1]]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot stand in a JSON file")


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write a JSON object.

    Parameters
    ----------
    path : Path or str
        The file.
    content : mapping
        See :func:`plain`; keys keep their order.

    Raises
    ------
    TypeError
        If a value is of a type that JSON does not know.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "a.json"), {"sigma": np.float64(0.5), "flags": [True, None]})
    ...     read_json(Path(folder, "a.json"))
    {'sigma': 0.5, 'flags': [True, None]}
    """
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    dict
        Its keys in their order.

    Raises
    ------
    InputError
        If the file is missing or holds something else.

    Examples
    --------
    >>> read_json("nowhere.json")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: nowhere.json: found no readable JSON (...); allowed: a JSON object
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, FileNotFoundError) as error:
        raise InputError(str(path), f"no readable JSON ({error})", "a JSON object") from error
    if not isinstance(content, dict):
        raise InputError(str(path), f"a JSON {type(content).__name__}", "a JSON object")
    return content


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    r"""Write a table as CSV with a header and without an index.

    Parameters
    ----------
    path : Path or str
        The file.
    table : pandas.DataFrame
        Columns in their order; missing values become empty fields.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(Path(folder, "a.csv"), pd.DataFrame({"crack": [1, 2], "area_um2": [2.5, None]}))
    ...     Path(folder, "a.csv").read_text()
    'crack,area_um2\n1,2.5\n2,\n'
    """
    with atomic_path(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")


def read_table(path: Path | str) -> pd.DataFrame:
    r"""Read a CSV with a header.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    pandas.DataFrame
        Its columns in their order; empty fields are missing values.

    Raises
    ------
    InputError
        If the file is missing or holds no table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("crack,area_um2\n1,2.5\n")
    ...     read_table(Path(folder, "a.csv")).to_dict("records")
    [{'crack': 1, 'area_um2': 2.5}]
    """
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (FileNotFoundError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(str(path), f"no readable table ({error})", "a CSV with a header") from error
