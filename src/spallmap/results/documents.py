"""Text files and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from spallmap.results.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Time stamps and program versions would make equal figures differ.
_PLAIN_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


def write_text(path: Path | str, text: str) -> None:
    r"""Write a text as UTF-8, whole or not at all.

    Parameters
    ----------
    path : Path or str
        The file.
    text : str
        Its content.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text(Path(folder, "a.html"), "4 µm")
    ...     Path(folder, "a.html").read_bytes()
    b'4 \xc2\xb5m'
    """
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_figure(
    path: Path | str, figure: Figure, dpi: float = 200.0, notes: Mapping[str, str] | None = None
) -> None:
    """Save a figure as PNG or PDF, by the suffix, without time stamps.

    Parameters
    ----------
    path : Path or str
        Ends in ``.png`` or ``.pdf``.
    figure : matplotlib.figure.Figure
        The figure; it is left open.
    dpi : float
        Pixels per inch of a PNG and of the images inside a PDF.
    notes : mapping of str to str, optional
        Texts that a PNG carries beside the picture, by their keywords.

    Raises
    ------
    ValueError
        If the suffix is another one.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_figure(Path(folder, "a.png"), Figure(figsize=(1, 1)), dpi=72)
    ...     Path(folder, "a.png").read_bytes()[1:4]
    b'PNG'
    """
    suffix = Path(path).suffix
    if suffix not in _PLAIN_METADATA:
        raise ValueError(f"figures are saved as {', '.join(_PLAIN_METADATA)}; got {suffix!r}")
    # Type 42 is TrueType: what is written in a PDF stays text that an editor can change.
    with atomic_path(path) as part, mpl.rc_context({"pdf.fonttype": 42}):
        figure.savefig(part, dpi=dpi, metadata=_PLAIN_METADATA[suffix] | dict(notes or {}))
