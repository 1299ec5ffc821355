"""How every picture of the project looks: sizes, fonts, colours, scale bars, letters.

Figures are plain :class:`matplotlib.figure.Figure` objects made without pyplot, so nothing is shown and no
global state is left behind. Draw inside ``with style.context():`` and make the result a file's content with
:func:`png_bytes` or :func:`pdf_bytes`; both give the same bytes for the same figure.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar  # type: ignore[import-untyped]

from spallmap.figures.layout import RepeatableLayout

# Column widths of the Wiley and Elsevier two-column journals.
SINGLE_COLUMN_MM = 85.0
DOUBLE_COLUMN_MM = 178.0
MM_PER_INCH = 25.4

# Okabe and Ito, "Color Universal Design" (2008): eight colours that people with any colour vision can
# distinguish.
OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}

# One meaning, one colour, in every picture.
CRACK = OKABE_ITO["vermillion"]
REGION = OKABE_ITO["sky"]
SODIUM = OKABE_ITO["orange"]
CERAMIC = OKABE_ITO["green"]
LINK = OKABE_ITO["yellow"]
# The same two meanings as bars and curves on white paper, where sky blue would be too pale.
ELECTRODE_CURVE = OKABE_ITO["orange"]
REGION_CURVE = OKABE_ITO["blue"]
NEUTRAL = "#5F6368"
PAPER = "#F2F2F2"

# Perceptually uniform maps that survive grey-scale print and the common colour-vision deficiencies.
GREY_MAP = "gray"
T2_MAP = "viridis"
DEPTH_MAP = "cividis"
APERTURE_MAP = "magma"

PNG_DPI = 200
NICE_STEPS = (1.0, 2.0, 5.0)
RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "figure.titlesize": 8.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 3.0,
    "axes.labelpad": 2.0,
    "axes.prop_cycle": cycler(
        color=[OKABE_ITO[n] for n in ("blue", "vermillion", "green", "orange", "purple", "sky")]
    ),
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "image.interpolation": "nearest",
    "image.cmap": GREY_MAP,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # TrueType, so that an editor can still change the text of the PDF.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "spallmap",
}


@contextmanager
def context() -> Iterator[None]:
    """Draw with the project's style inside; the settings of before come back afterwards."""
    with mpl.rc_context(RC):  # type: ignore[arg-type]  # the stubs want every key as a literal
        yield


def new_figure(
    width: Literal["single", "double"] = "double",
    height_mm: float = 80.0,
    layout: Literal["constrained", "compressed"] = "constrained",
) -> Figure:
    """Make an empty figure of a journal's width.

    Parameters
    ----------
    width : {"single", "double"}
        85 or 178 mm.
    height_mm : float
        Its height.
    layout : {"constrained", "compressed"}
        Matplotlib's layout engine.

    Returns
    -------
    Figure
        With an Agg canvas, so that it can be measured and saved.
    """
    width_mm = SINGLE_COLUMN_MM if width == "single" else DOUBLE_COLUMN_MM
    engine = RepeatableLayout(compress=layout == "compressed")
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure, dpi: int = PNG_DPI) -> bytes:
    """Return the figure as the content of a PNG file, without date or program name."""
    buffer = io.BytesIO()
    with context():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def pdf_bytes(figure: Figure) -> bytes:
    """Return the figure as the content of a PDF file, fonts embedded, without date."""
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "ModDate": None, "Creator": "spallmap", "Producer": "matplotlib"}
    with context():
        figure.savefig(buffer, format="pdf", dpi=400, metadata=metadata)
    return buffer.getvalue()


def plain(text: str) -> str:
    """Escape the sign that would start a formula, for words that come from a user's table."""
    return text.replace("$", r"\$")


def panel_title(axes: Axes, letter: str, text: str) -> None:
    """Set a bold panel letter with a title behind it, above the panel's left edge.

    Parameters
    ----------
    axes : Axes
        The panel.
    letter : str
        One letter; none where empty.
    text : str
        The title, free of formulas.
    """
    head = rf"$\bf{{{letter}}}$   " if letter else ""
    axes.set_title(head + plain(text), loc="left")


def nice_length(span: float, fraction: float = 0.3) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is at most `fraction` of `span`.

    Raises
    ------
    ValueError
        If the span is not positive.
    """
    if not span > 0.0:
        raise ValueError(f"a scale bar needs a positive span; got {span}")
    limit = span * fraction
    decade = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * decade for step in NICE_STEPS if step * decade <= limit * (1.0 + 1e-9)))


def length_label(length_um: float) -> str:
    """Write a length with its unit, in mm from 1000 um on."""
    if length_um >= 1000.0:
        return f"{length_um / 1000.0:g} mm"
    return f"{length_um:g} µm"


def scale_bar(
    axes: Axes,
    length_um: float | None = None,
    corner: Literal["left", "right"] = "right",
    ground: Literal["dark", "light"] = "dark",
    label: str = "",
) -> float:
    """Draw a scale bar at the bottom of a panel whose coordinates are micrometres.

    Parameters
    ----------
    axes : Axes
        The panel, its limits already set.
    length_um : float, optional
        Length of the bar; a round one of up to a third of the panel's width where absent.
    corner : {"left", "right"}
        Which bottom corner.
    ground : {"dark", "light"}
        What it is drawn on: white on dark, black on light.
    label : str
        What stands on it; its length where empty.

    Returns
    -------
    float
        The bar's length in micrometres.
    """
    span = abs(np.subtract(*axes.get_xlim()))
    length = nice_length(span) if length_um is None else length_um
    colour, back = ("white", "black") if ground == "dark" else ("black", "white")
    bar = AnchoredSizeBar(
        axes.transData,
        length,
        label or length_label(length),
        f"lower {corner}",
        pad=0.25,
        borderpad=0.4,
        sep=1.5,
        frameon=True,
        size_vertical=0.012 * abs(np.subtract(*axes.get_ylim())),
        color=colour,
        label_top=True,
        fontproperties=FontProperties(size=6.3),
    )
    bar.patch.set(facecolor=back, edgecolor="none", alpha=0.55)
    bar.set_gid("scale-bar")
    bar.set_zorder(9)
    axes.add_artist(bar)
    return length


def note(axes: Axes, text: str, corner: Literal["top left", "top right", "bottom left"] = "top left") -> None:
    """Write a short remark into a corner of a picture, readable on dark and on bright ground."""
    x, ha = (0.97, "right") if corner.endswith("right") else (0.03, "left")
    y, va = (0.97, "top") if corner.startswith("top") else (0.04, "bottom")
    axes.text(
        x,
        y,
        plain(text),
        transform=axes.transAxes,
        ha=ha,
        va=va,
        color="white",
        fontsize=6.2,
        zorder=9,
        path_effects=[patheffects.withStroke(linewidth=1.6, foreground="black")],
    )


def bare(axes: Axes, across: str = "", up: str = "") -> None:
    """Take ticks and spines away from an image panel and name the directions of its sides."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if across:
        axes.set_xlabel(across)
    if up:
        axes.set_ylabel(up)


def say_instead(axes: Axes, words: str, width_chars: int = 34) -> None:
    """Fill a panel that cannot be drawn with the reason why.

    Parameters
    ----------
    axes : Axes
        The panel; emptied.
    words : str
        The reason, as a person would say it.
    width_chars : int
        Line length.
    """
    axes.clear()
    axes.set_facecolor(PAPER)
    bare(axes)
    axes.text(
        0.5,
        0.5,
        plain(textwrap.fill(words, width_chars)),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color="#333333",
        fontsize=6.8,
        linespacing=1.4,
    )


def image_extent(shape: Sequence[int], spacing_um: Sequence[float]) -> tuple[float, float, float, float]:
    """Outer edges of an image's samples in its own frame: left, right, bottom, top, rows running down.

    Parameters
    ----------
    shape : sequence of int
        (rows, columns).
    spacing_um : sequence of float
        (row spacing, column spacing).

    Returns
    -------
    tuple of float
        For ``imshow(extent=...)`` with ``origin="upper"``.
    """
    (rows, columns), (dy, dx) = shape, spacing_um
    return (-dx / 2.0, (columns - 0.5) * dx, (rows - 0.5) * dy, -dy / 2.0)


def grey_range(values: np.ndarray, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """Percentiles that a grey picture is stretched between; a span of one where all values are equal."""
    finite = np.asarray(values)[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    bottom, top = (float(v) for v in np.percentile(finite, (low, high)))
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)
