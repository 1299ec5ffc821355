"""Text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

# What fits beside another window on an ordinary screen.
WIDTH = 100


def aligned_columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    r"""Lay out rows in columns.

    Parameters
    ----------
    rows : sequence of sequence of str
        Each at most as long as the first; the last value of a shorter one goes over what is left.
    right : sequence of int
        Columns that are aligned to the right.

    Returns
    -------
    list of str
        Lines without spaces at their ends.

    Examples
    --------
    >>> rows = [("name", "type", "files"), ("a heading",), ("t2", "2dseq", "5"), ("scan", "not there yet")]
    >>> print("\n".join(aligned_columns(rows, right=[2])))
    name  type   files
    a heading
    t2    2dseq      5
    scan  not there yet
    """
    n_columns = len(rows[0])
    # the value that goes over other columns makes none of them wider
    held = [row if len(row) == n_columns else row[:-1] for row in rows]
    widths = [max((len(row[n]) for row in held if n < len(row)), default=0) for n in range(n_columns)]
    lines = []
    for row in rows:
        padded = [
            value.rjust(width) if n in right and len(row) == n_columns else value.ljust(width)
            for n, (value, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(padded).rstrip())
    return lines


def wrapped(text: str, indent: int = 4) -> list[str]:
    """Break a long line, and each of several, without breaking a path.

    Parameters
    ----------
    text : str
        The text.
    indent : int
        Spaces before what goes on.

    Returns
    -------
    list of str
        Lines, at most ``WIDTH`` long where no word is longer.

    Examples
    --------
    >>> wrapped("WARNING " + 30 * "abc ")[1]
    '    abc abc abc abc abc abc abc'
    """
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def shortened(path: str, width: int) -> str:
    """Shorten a path in its middle: where it begins and the file's name say most.

    Parameters
    ----------
    path : str
        The path.
    width : int
        Number of signs that there is room for.

    Returns
    -------
    str
        At most `width` signs.

    Examples
    --------
    >>> shortened("/data/2026/11/30/cells/c07/after/scan.ome.tif", 30)
    '/data/2026/11/.../scan.ome.tif'
    >>> shortened("a" * 40, 12)
    'aaaa...aaaaa'
    """
    if len(path) <= width:
        return path
    parts = path.split("/")
    for n_first in range(len(parts) - 2, 0, -1):
        short = "/".join([*parts[:n_first], "...", parts[-1]])
        if len(short) <= width:
            return short
    half = (width - 3) // 2
    return f"{path[:half]}...{path[len(path) - (width - 3 - half) :]}"


def counted(number: int, noun: str) -> str:
    """Count things.

    Examples
    --------
    >>> counted(1, "cell"), counted(0, "error"), counted(2, "warning")
    ('1 cell', 'no errors', '2 warnings')
    """
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
