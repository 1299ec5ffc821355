"""Put a measured table between its markers on a page."""

from __future__ import annotations

from pathlib import Path


def write_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between a page's markers ``<!-- name: begin -->`` and ``<!-- name: end -->``.

    Parameters
    ----------
    page : Path
        The page, UTF-8.
    name : str
        The name in the markers.
    text : str
        What goes between them; lines of its own.

    Raises
    ------
    ValueError
        If the page does not have each marker once, in this order. The page is then as it was.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before = page.read_text(encoding="utf-8")
    if before.count(begin) != 1 or before.count(end) != 1 or before.index(begin) > before.index(end):
        raise ValueError(f"{page}: needs the line {begin} once, and the line {end} once after it")
    head, rest = before.split(begin)
    tail = rest.split(end)[1]
    page.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8")
