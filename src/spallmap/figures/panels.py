"""Panels that several figures have in common: a tomogram's section, an MRI plane, an SEM section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.figures import style
from spallmap.figures.planes import Cut, Projection, look, project
from spallmap.frames import AffineMap
from spallmap.results.records import MriRecord, XctRecord
from spallmap.tomography.labels import CERAMIC, SODIUM

# A line of sight through less metal than this is not drawn as electrode: its rim would be ragged by noise.
ELECTRODE_MIN_UM = 40.0
# Pixels above this fraction of the brightest hold signal in any usable first echo; the rest of the field is
# empty.
SIGNAL_FRACTION = 0.2
BOX_MARGIN_UM = 240.0


def outline(
    axes: Axes,
    mask: NDArray[np.bool_],
    extent: Sequence[float],
    colour: str,
    *,
    origin: str = "lower",
    linewidth: float = 0.7,
    linestyle: str = "solid",
    smooth: float = 0.0,
) -> None:
    """Draw the edge of a mask on the grid of an image.

    Parameters
    ----------
    axes : Axes
        The panel.
    mask : ndarray of bool, shape (ny, nx)
        What to outline.
    extent : sequence of float
        The image's, as for ``imshow``.
    colour : str
        Line colour.
    origin : {"lower", "upper"}
        As for ``imshow``.
    linewidth, linestyle : float, str
        Of the line.
    smooth : float
        Gaussian smoothing in samples, against staircases.
    """
    if not mask.any() or mask.all():
        return
    values = mask.astype(np.float32)
    if smooth > 0.0:
        values = ndimage.gaussian_filter(values, smooth)
    if values.max() <= 0.5:
        return
    left, right, bottom, top = extent
    ny, nx = mask.shape
    x = left + (np.arange(nx) + 0.5) * (right - left) / nx
    y = bottom + (np.arange(ny) + 0.5) * (top - bottom) / ny
    if origin == "upper":
        y = y[::-1]
    axes.contour(x, y, values, levels=[0.5], colors=[colour], linewidths=linewidth, linestyles=linestyle)


def pixel_outline(
    axes: Axes,
    labels: NDArray[Any],
    spacing_um: Sequence[float],
    colour: str = style.REGION,
    linewidth: float = 1.1,
) -> None:
    """Draw the edges between labels along the pixels' sides, with a black halo that shows on any ground.

    Parameters
    ----------
    axes : Axes
        A panel in the image's own frame, rows running down.
    labels : ndarray of int, shape (ny, nx)
        0 is background.
    spacing_um : sequence of float
        Along y, x.
    colour, linewidth : str, float
        Of the line.
    """
    padded = np.pad(np.asarray(labels), 1)
    dy, dx = spacing_um
    rows, columns = np.nonzero(padded[1:, :] != padded[:-1, :])
    across = [
        [((c - 1.5) * dx, (r - 0.5) * dy), ((c - 0.5) * dx, (r - 0.5) * dy)]
        for r, c in zip(rows, columns, strict=True)
    ]
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    down = [
        [((c - 0.5) * dx, (r - 1.5) * dy), ((c - 0.5) * dx, (r - 0.5) * dy)]
        for r, c in zip(rows, columns, strict=True)
    ]
    for line_colour, width in (("black", linewidth + 1.0), (colour, linewidth)):
        lines = LineCollection([*across, *down], colors=line_colour, linewidths=width, capstyle="round")
        axes.add_collection(lines, autolim=False)


def tomogram_section(
    axes: Axes,
    tomogram: XctRecord,
    cut: Cut,
    to_volume: AffineMap | None,
    grey_limits: tuple[float, float],
    *,
    outlines: bool = True,
) -> Mapping[str, float]:
    """Draw a tomogram's section with its phases and cracks outlined.

    Parameters
    ----------
    axes : Axes
        The panel.
    tomogram : XctRecord
        What to cut.
    cut : Cut
        Where, in the reference frame.
    to_volume : AffineMap or None
        From the reference frame to the tomogram's; None where they are the same.
    grey_limits : tuple of float
        Black and white.
    outlines : bool
        Whether to draw the outlines.

    Returns
    -------
    dict of str to float
        Areas on the section by phase, in square micrometres.
    """
    grey = look(tomogram.grey, tomogram.spacing_um, cut, to_volume)
    axes.imshow(
        grey,
        cmap=style.GREY_MAP,
        vmin=grey_limits[0],
        vmax=grey_limits[1],
        origin="lower",
        extent=cut.extent_um,
    )
    axes.set_facecolor("black")
    axes.set_xlim(cut.extent_um[:2])
    axes.set_ylim(cut.extent_um[2:])
    areas: dict[str, float] = {}
    cell_area = cut.step_um**2
    if tomogram.phases is not None:
        phases = look(tomogram.phases, tomogram.spacing_um, cut, to_volume, nearest=True)
        for name, number, colour in (("sodium", SODIUM, style.SODIUM), ("ceramic", CERAMIC, style.CERAMIC)):
            mask = phases == number
            areas[f"{name}_um2"] = float(mask.sum() * cell_area)
            if outlines:
                shown = ndimage.binary_fill_holes(mask) if number == CERAMIC else mask
                outline(axes, shown, cut.extent_um, colour, linewidth=0.6, smooth=1.0)
    if tomogram.cracks is not None:
        cracks = look(tomogram.cracks, tomogram.spacing_um, cut, to_volume, nearest=True) > 0
        areas["crack_um2"] = float(cracks.sum() * cell_area)
        if outlines:
            outline(axes, cracks, cut.extent_um, style.CRACK, linewidth=0.6)
    return areas


def phase_legend(
    where: Axes | Figure, names: Sequence[str] = ("sodium", "ceramic", "crack"), location: Any = "upper left"
) -> None:
    """Explain the outlines' colours."""
    colours = {
        "sodium": style.SODIUM,
        "ceramic": style.CERAMIC,
        "crack": style.CRACK,
        "long-T2 region": style.REGION,
        "electrodes": style.SODIUM,
        "electrodes (tomogram)": style.SODIUM,
    }
    handles = [Line2D([], [], color=colours[n], lw=1.2, label=n.replace("T2", "$T_2$")) for n in names]
    options: dict[str, Any] = {"frameon": True, "framealpha": 0.85, "edgecolor": "none", "borderpad": 0.3}
    if isinstance(where, Figure):
        where.legend(handles=handles, loc=location, ncols=len(handles), **options)
    else:
        where.legend(handles=handles, loc=location, **options)


def signal_box(series: Sequence[MriRecord]) -> tuple[float, float, float, float]:
    """Find the box of the MRI's field that holds signal, over all series.

    Parameters
    ----------
    series : sequence of MriRecord
        Planes of the same cell.

    Returns
    -------
    tuple of float
        left, right, bottom, top in micrometres of the images' own frames, rows running down; the whole field
        where nothing stands out.
    """
    boxes: list[tuple[float, float, float, float]] = []
    for mri in series:
        first = np.nan_to_num(np.asarray(mri.echoes[0], dtype=np.float64))
        left, right, bottom, top = style.image_extent(first.shape, mri.spacing_um)
        signal = first > SIGNAL_FRACTION * max(float(first.max()), 0.0)
        if not signal.any():
            boxes.append((left, right, bottom, top))
            continue
        rows, columns = np.flatnonzero(signal.any(axis=1)), np.flatnonzero(signal.any(axis=0))
        (dy, dx), margin = mri.spacing_um, BOX_MARGIN_UM
        boxes.append(
            (
                max(left, float(columns[0]) * dx - margin),
                min(right, float(columns[-1]) * dx + margin),
                min(bottom, float(rows[-1]) * dy + margin),
                max(top, float(rows[0]) * dy - margin),
            )
        )
    lefts, rights, bottoms, tops = zip(*boxes, strict=True)
    return min(lefts), max(rights), max(bottoms), min(tops)


def mri_image(
    axes: Axes,
    mri: MriRecord,
    values: NDArray[Any],
    box: tuple[float, float, float, float],
    *,
    cmap: str = style.GREY_MAP,
    norm: Normalize,
) -> AxesImage:
    """Draw one image of an MRI plane in micrometres of its own frame, rows running down.

    Parameters
    ----------
    axes : Axes
        The panel.
    mri : MriRecord
        The plane.
    values : ndarray, shape (ny, nx)
        What to show; NaN stays empty.
    box : tuple of float
        Limits as from :func:`signal_box`.
    cmap, norm : str, Normalize
        Colours.

    Returns
    -------
    AxesImage
        For a colour bar.
    """
    extent = style.image_extent(values.shape, mri.spacing_um)
    picture = axes.imshow(values, cmap=cmap, norm=norm, origin="upper", extent=extent, aspect="equal")
    axes.set_xlim(box[:2])
    axes.set_ylim(box[2:])
    style.bare(axes, "columns, u →", "← rows, v")
    return picture


def electrode_projection(tomogram: XctRecord, mri: MriRecord) -> Projection | None:
    """Sodium of the tomogram along an MRI plane's lines of sight; None where that cannot be said."""
    if tomogram.phases is None or mri.registration is None or not mri.registration.accepted:
        return None
    return project(
        np.asarray(tomogram.phases) == SODIUM,
        tomogram.spacing_um,
        mri.registration.map,
        mri.echoes.shape[-2:],
        mri.spacing_um,
        # An electrode is many voxels thick: half as many lines of sight a side give the same outline.
        step_um=2.0 * min(tomogram.spacing_um),
    )


def draw_electrodes(axes: Axes, electrodes: Projection | None, colour: str = style.SODIUM) -> None:
    """Outline the projected electrodes on an MRI panel."""
    if electrodes is not None:
        thick = electrodes.thickness_um > ELECTRODE_MIN_UM
        outline(axes, thick, electrodes.extent_um, colour, origin="upper", linewidth=0.6, smooth=1.0)
