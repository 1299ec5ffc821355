"""What is left to shift in each block of a registered image, as arrows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from scipy.spatial import KDTree

from spallmap.figures import style
from spallmap.figures.registration.agreement import EDGE
from spallmap.registration.diagnostics import Blocks
from spallmap.registration.result import Registration

# A shift below this many standard errors in every direction may be noise.
DOUBTFUL_SE = 2.0
# Blue to red over white: told apart with any colour vision, and none of them is lost on grey.
SHIFT_MAP = "RdBu_r"
# Four of five arrows are at most as long as this share of the blocks' distance: neighbours hardly touch.
REACH, USUAL_PERCENT = 0.8, 80.0
# A single block's arrow is measured against this share of the field.
LONE_SHARE = 0.2
_PALE = 0.45
# Letters of the key that fit into two thirds of the picture's width.
KEY_CHARS = 78


@dataclass(frozen=True)
class ArrowScale:
    """How shifts are drawn: one scale for all panels of a picture.

    Parameters
    ----------
    enlarged : float
        Length of an arrow over that of the shift.
    key_um : float
        Shift of the arrow in the key.
    across : Normalize or None
        Colours of the shift across the plane; None where there is none.
    """

    enlarged: float
    key_um: float
    across: Normalize | None


def doubtful(blocks: Blocks) -> NDArray[np.bool_]:
    """Say which shifts may be noise, shape (k,); none where the errors are not known."""
    if blocks.se_um is None:
        return np.zeros(len(blocks.position_um), dtype=np.bool_)
    return np.asarray((np.abs(blocks.shift_um) <= DOUBTFUL_SE * blocks.se_um).all(axis=1))


def side_um(blocks: Blocks) -> float:
    """Usual distance between neighbours; not a number with fewer than two."""
    if len(blocks.position_um) < 2:
        return float("nan")
    distance = np.asarray(KDTree(blocks.position_um).query(blocks.position_um, 2)[0])
    return float(np.median(distance[:, 1]))


def along(blocks: Blocks, axes: Sequence[int]) -> Blocks:
    """Take the axes in another order: first those of a picture, last the one across it."""
    order = list(axes)
    se = None if blocks.se_um is None else blocks.se_um[:, order]
    return Blocks(blocks.position_um[:, order], blocks.shift_um[:, order], se)


def near_plane(blocks: Blocks, across_um: float) -> Blocks:
    """Keep those whose centre lies within half a block's side of a plane across the last axis."""
    side = side_um(blocks)
    if not np.isfinite(side):
        return blocks
    pick = np.abs(blocks.position_um[:, 2] - across_um) <= 0.5 * side
    se = None if blocks.se_um is None else blocks.se_um[pick]
    return Blocks(blocks.position_um[pick], blocks.shift_um[pick], se)


def own_blocks(registration: Registration) -> Blocks | None:
    """Blocks of a registered image, in its own frame (u, v, normal); None where there are none."""
    blocks = registration.diagnostics.blocks
    return blocks if blocks is not None and len(blocks.position_um) else None


def fixed_blocks(registration: Registration) -> Blocks | None:
    """Blocks of a registration in the frame that it leads to; None where there are none."""
    own = own_blocks(registration)
    if own is None:
        return None
    to_fixed = registration.map
    return Blocks(to_fixed(own.position_um), own.shift_um @ to_fixed.linear.T)


def shift_scale(blocks: Blocks, span_um: float, in_plane: bool = False) -> ArrowScale:
    """Choose a scale at which neighbouring arrows hardly touch.

    Parameters
    ----------
    blocks : Blocks
        All that are drawn.
    span_um : float
        Width of the picture, for a single block.
    in_plane : bool
        Whether blocks can shift in the plane only.

    Returns
    -------
    ArrowScale
        Round numbers.
    """
    side = side_um(blocks) if np.isfinite(side_um(blocks)) else LONE_SHARE * span_um
    usual = float(np.percentile(np.linalg.norm(blocks.shift_um[:, :2], axis=1), USUAL_PERCENT))
    enlarged = style.nice_length(side / usual, REACH) if usual > 0.0 else 1.0
    key_um = style.nice_length(side / enlarged, REACH)
    if in_plane:
        return ArrowScale(enlarged, key_um, None)
    reach = float(np.percentile(np.abs(blocks.shift_um), 98.0))
    # Colours reach at least as far as noise alone would, so that noise looks white.
    noise = 0.0 if blocks.se_um is None else DOUBTFUL_SE * float(np.median(blocks.se_um[:, 2]))
    limit = max(reach, noise) or key_um
    return ArrowScale(enlarged, key_um, Normalize(-limit, limit))


def draw_shifts(axes: Axes, blocks: Blocks, scale: ArrowScale) -> None:
    """Draw one arrow per block on a picture whose coordinates are micrometres.

    Parameters
    ----------
    axes : Axes
        The panel, its limits already set.
    blocks : Blocks
        Places and shifts along the picture's two axes and across it.
    scale : ArrowScale
        As from :func:`shift_scale`.
    """
    pale = doubtful(blocks)
    for pick, alpha in ((pale, _PALE), (~pale, 1.0)):
        place, shift = blocks.position_um[pick, :2], blocks.shift_um[pick]
        fill: Any = EDGE if scale.across is None else mpl.colormaps[SHIFT_MAP](scale.across(shift[:, 2]))
        _arrows(axes, place, shift[:, :2], scale, fill, alpha)
        axes.scatter(
            place[:, 0],
            place[:, 1],
            c=fill,
            alpha=alpha,
            s=13.0,
            edgecolors="black",
            linewidths=0.6,
            zorder=6,
        )


def _arrows(
    axes: Axes,
    place: NDArray[np.float64],
    shift: NDArray[np.float64],
    scale: ArrowScale,
    fill: Any,
    alpha: float,
) -> None:
    axes.quiver(
        *place.T,
        *shift.T,
        color=fill,
        alpha=alpha,
        edgecolor="black",
        linewidth=0.5,
        angles="xy",
        scale_units="xy",
        scale=1.0 / scale.enlarged,
        width=0.014,
        headwidth=2.6,
        headlength=3.0,
        headaxislength=3.0,
        zorder=5,
    )


def draw_key(axes: Axes, scale: ArrowScale) -> None:
    """Draw the length that an arrow of a round shift has into the lower left corner."""
    shift = style.length_label(scale.key_um)
    style.scale_bar(axes, scale.key_um * scale.enlarged, "left", label=f"shift of {shift}")


def shift_words(blocks: Blocks, scale: ArrowScale, what: str) -> str:
    """Say how the arrows are read, and what they come to.

    Parameters
    ----------
    blocks : Blocks
        Those that are drawn.
    scale : ArrowScale
        How.
    what : str
        Whose blocks they are.

    Returns
    -------
    str
        A few sentences.
    """
    words = [f"Arrow: where each block of the {what} would still move, enlarged {scale.enlarged:g} times."]
    if scale.across is not None:
        words.append("Colour: how far it would move across the plane.")
    if blocks.se_um is not None:
        clear = int(np.count_nonzero(~doubtful(blocks)))
        words.append(
            f"Pale: within {DOUBTFUL_SE:g} standard errors in every direction; "
            f"{clear} of {len(blocks.position_um)} blocks shift more."
        )
    if scale.across is None:
        words.append(f"{median_words(blocks).capitalize()}.")
    else:
        in_plane = float(np.median(np.linalg.norm(blocks.shift_um[:, :2], axis=1)))
        across = float(np.median(np.abs(blocks.shift_um[:, 2])))
        words.append(f"Median shift {in_plane:.2g} µm in the plane, {across:.2g} µm across.")
    return " ".join(words)


def median_words(blocks: Blocks) -> str:
    """Say how far the middle one of the blocks would still move."""
    return f"median shift {np.median(np.linalg.norm(blocks.shift_um, axis=1)):.2g} µm"


def shift_row(panels: Sequence[Axes], letter: str, blocks: Blocks, what: str, in_plane: bool = False) -> None:
    """Draw an image's blocks over the picture in the first panel, and their key into the second.

    Parameters
    ----------
    panels : sequence of Axes
        A row of three; the first shows the image.
    letter : str
        Of the first panel.
    blocks : Blocks
        In the image's own frame.
    what : str
        What the image is.
    in_plane : bool
        Whether blocks can shift in the plane only.
    """
    picture, key, rest = panels
    rest.set_visible(False)
    scale = shift_scale(blocks, abs(float(np.subtract(*picture.get_xlim()))), in_plane)
    draw_shifts(picture, blocks, scale)
    draw_key(picture, scale)
    style.panel_title(picture, letter, "what is left to shift, by block")
    style.bare(key)
    words = textwrap.fill(shift_words(blocks, scale, what), KEY_CHARS)
    text = key.text(0.0, 0.97, words, transform=key.transAxes, va="top", linespacing=1.4)
    # The words reach into the third column, which must not be pushed aside.
    text.set_in_layout(False)
    if not in_plane:
        across_bar(key, scale, "shift across the plane / µm", cax=key.inset_axes((0.0, 0.32, 1.0, 0.08)))


def muted(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take contrast from a picture of values from 0 to 1, as a ground for arrows."""
    return 0.2 + 0.5 * picture


def across_bar(axes: Axes | Sequence[Axes], scale: ArrowScale, label: str, **more: object) -> None:
    """Draw the colours of the shift across the plane as a bar below panels, or into `cax`."""
    if scale.across is None:
        return
    first = axes if isinstance(axes, Axes) else axes[0]
    bar = first.figure.colorbar(
        ScalarMappable(scale.across, mpl.colormaps[SHIFT_MAP]),
        ax=None if "cax" in more else axes,
        orientation="horizontal",
        extend="both",
        **more,  # type: ignore[arg-type]
    )
    bar.set_label(label)
    bar.outline.set_visible(False)
