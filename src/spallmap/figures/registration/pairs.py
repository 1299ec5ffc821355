"""Panels of a picture that show one place in two ways, marked so that a page can show them in turn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spallmap.figures import style

# Under this key a PNG holds where its pairs lie.
PAIRS_KEY = "spallmap-pairs"
_ROLES = _FUSED, _FIRST, _SECOND = "pair, both: ", "pair, first: ", "pair, second: "

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Pair:
    """Where a picture shows one place in two ways.

    Parameters
    ----------
    title : str
        What is shown, such as the plane.
    first, second : str
        Names of both ways.
    first_box, second_box : tuple of int
        Left, top, right and bottom of each way's panel in pixels, equally large. Where both are one panel it
        is a fusion: its red is the first, its green the second.

    Examples
    --------
    >>> Pair("z = 3 µm", "reference", "registered", (0, 0, 40, 30), (0, 0, 40, 30)).fused
    True
    """

    title: str
    first: str
    second: str
    first_box: Box
    second_box: Box

    @property
    def fused(self) -> bool:
        """Whether both ways stand in one panel."""
        return self.first_box == self.second_box


def mark_fusion(axes: Axes, first: str, second: str, title: str = "") -> None:
    """Mark a panel that shows a fusion of two grey pictures, the first red and blue, the second green."""
    axes.set_gid(_FUSED + json.dumps([title, first, second]))


def mark_pair(axes: tuple[Axes, Axes], first: str, second: str, title: str = "") -> None:
    """Mark two panels of the same limits."""
    for panel, role in zip(axes, (_FIRST, _SECOND), strict=True):
        panel.set_gid(role + json.dumps([title, first, second]))


def pairs_of(figure: Figure, dpi: float = style.PNG_DPI) -> list[Pair]:
    """Measure where the marked panels of a figure come to lie.

    Parameters
    ----------
    figure : Figure
        Laid out on the way, at `dpi`.
    dpi : float
        At which it will be saved: letters are not of quite the same size at another.

    Returns
    -------
    list of Pair
        In the order of the panels.
    """
    marked = {str(axes.get_gid()): axes for axes in figure.axes if str(axes.get_gid()).startswith(_ROLES)}
    if not marked:
        return []
    before = figure.dpi
    figure.set_dpi(dpi)
    with style.context():
        figure.draw_without_rendering()
    pairs = []
    for gid, axes in marked.items():
        role = next(role for role in _ROLES if gid.startswith(role))
        if role == _SECOND:
            continue
        words = gid.removeprefix(role)
        title, first, second = json.loads(words)
        other = axes if role == _FUSED else marked[_SECOND + words]
        pairs.append(Pair(title, first, second, *_boxes(axes, other)))
    figure.set_dpi(before)
    return pairs


def _boxes(first: Axes, second: Axes) -> tuple[Box, Box]:
    """Return the whole pixels inside a panel, and those that lie alike in another, to a pixel.

    Panels begin anywhere between pixels, and Matplotlib lays images out to within one.
    """
    left, top = _corner(first)
    width, height = (math.floor(n) - 1 for n in first.bbox.size)
    x, y = math.ceil(left), math.ceil(top)
    right, down = (round(b - a) for a, b in zip((left, top), _corner(second), strict=True))
    box = (x, y, x + width, y + height)
    return box, (box[0] + right, box[1] + down, box[2] + right, box[3] + down)


def _corner(axes: Axes) -> tuple[float, float]:
    """Upper left corner of a panel in pixels from that of the picture, whose height is cut to whole ones."""
    return axes.bbox.x0, math.floor(axes.figure.bbox.height) - axes.bbox.y1


def pair_notes(figure: Figure) -> dict[str, str]:
    """Return what a PNG says of its pairs.

    Parameters
    ----------
    figure : Figure
        A picture, its pairs marked by :func:`mark_fusion` or :func:`mark_pair`.

    Returns
    -------
    dict of str to str
        ``PAIRS_KEY`` with a text that :func:`read_notes` reads, for the PNG's text chunks; empty where
        nothing is marked.

    Examples
    --------
    >>> from spallmap.figures.style import new_figure
    >>> figure = new_figure("single", 40.0)
    >>> pair_notes(figure)
    {}
    >>> mark_fusion(figure.subplots(), "section", "tomogram")
    >>> (pair,) = read_notes(pair_notes(figure)[PAIRS_KEY])
    >>> pair.first, pair.second, pair.fused
    ('section', 'tomogram', True)
    """
    pairs = pairs_of(figure)
    return {PAIRS_KEY: json.dumps([asdict(pair) for pair in pairs])} if pairs else {}


def read_notes(notes: str) -> list[Pair]:
    """Read what :func:`pair_notes` wrote.

    Parameters
    ----------
    notes : str
        The text that a PNG holds under ``PAIRS_KEY``.

    Returns
    -------
    list of Pair
        In the order of the panels.

    Examples
    --------
    >>> read_notes("[]")
    []
    """
    return [
        Pair(one["title"], one["first"], one["second"], _four(one["first_box"]), _four(one["second_box"]))
        for one in json.loads(notes)
    ]


def _four(numbers: Sequence[int]) -> Box:
    left, top, right, bottom = numbers
    return (left, top, right, bottom)
