"""Overlays: MRI regions on the tomogram, cracks and regions on the section, elements on the section."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_rgb
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.figures import style
from spallmap.figures.inputs import Drawing, ElementsPanel, MriPanel, SectionPanel, XctPanel, why_not
from spallmap.figures.linked import link_place, regions_at
from spallmap.figures.links import draw_section, mri_plane_panel, refusal, section_panel, tint
from spallmap.figures.maps import DEFAULT_LONG_MS
from spallmap.figures.panels import (
    draw_electrodes,
    electrode_projection,
    mri_image,
    outline,
    phase_legend,
    pixel_outline,
    signal_box,
    tomogram_section,
)
from spallmap.figures.planes import cut_through, image_grid_in, image_values_at, project
from spallmap.frames import grid_centre

# Colours of the elements that matter in a sodium cell; others take what is left of the palette, in order.
ELEMENT_COLOURS = {
    "Na": style.OKABE_ITO["orange"],
    "O": style.OKABE_ITO["sky"],
    "Al": style.OKABE_ITO["green"],
    "C": style.OKABE_ITO["purple"],
}
SPARE_COLOURS = (style.OKABE_ITO["yellow"], style.OKABE_ITO["vermillion"], style.OKABE_ITO["blue"])
CRACK_SHOWN_UM = 2.0


def mri_overlay(
    reference: XctPanel | None, panel: MriPanel | None, links: pd.DataFrame | None = None
) -> Drawing:
    """Draw the MRI with the tomogram's electrodes and cracks, and the tomogram in the MRI's plane.

    Parameters
    ----------
    reference : XctPanel or None
        The reference tomogram.
    panel : MriPanel or None
        An MRI of the same state.
    links : DataFrame, optional
        As links.csv; decides at which depth the tomogram is cut.

    Returns
    -------
    Drawing
        Numbers: ``mri_plane``.
    """
    with style.context():
        figure = style.new_figure("double", 70.0)
        left, middle, right = figure.subplots(1, 3)
        plane = None if panel is None else panel.plane()
        words = refusal(reference, plane)
        if words is not None or reference is None or plane is None or plane.registration is None:
            for axes in (left, middle, right):
                style.say_instead(axes, words or "", 26)
            return Drawing(figure)
        box = signal_box([plane])
        _t2_on_cracks(left, reference, plane, box)
        table = mri_plane_panel(middle, "b", reference, plane, bar_at="bottom", legend=False)
        _tomogram_in_mri_plane(right, reference, plane, links, box)
        for axes in (left, middle, right):
            axes.set_anchor("N")
        phase_legend(figure, ("electrodes", "ceramic", "crack", "long-T2 region"), "outside lower center")
        return Drawing(figure, {} if table is None else {"mri_plane": table})


def _t2_on_cracks(
    axes: Axes, reference: XctPanel, plane: MriPanel, box: tuple[float, float, float, float]
) -> None:
    long_ms = float(plane.summary.get("long", {}).get("threshold_ms", DEFAULT_LONG_MS))
    values = np.where(plane.usable(), plane.t2["t2_ms"], np.nan)
    cmap = mpl.colormaps[style.T2_MAP].with_extremes(bad="#E6E6E6")
    picture = mri_image(axes, plane, values, box, norm=Normalize(0.0, 2.0 * long_ms))
    picture.set_cmap(cmap)
    draw_electrodes(axes, electrode_projection(reference, plane))
    if reference.cracks is not None and plane.registration is not None:
        footprint = project(
            np.asarray(reference.cracks) > 0,
            reference.spacing_um,
            plane.registration.map,
            plane.echoes.shape[-2:],
            plane.spacing_um,
        )
        shown = footprint.thickness_um > CRACK_SHOWN_UM
        outline(axes, shown, footprint.extent_um, style.CRACK, origin="upper", linewidth=0.9, smooth=1.0)
    if plane.regions is not None:
        pixel_outline(axes, plane.regions, plane.spacing_um)
    style.panel_title(axes, "a", r"T2 map")
    style.scale_bar(axes, ground="light")
    bar = axes.figure.colorbar(picture, ax=axes, extend="max", location="bottom", shrink=0.8)
    bar.set_label(r"$T_2$ / ms")
    bar.outline.set_visible(False)


def _tomogram_in_mri_plane(
    axes: Axes,
    reference: XctPanel,
    plane: MriPanel,
    links: pd.DataFrame | None,
    box: tuple[float, float, float, float],
) -> None:
    if plane.registration is None:
        return
    place = link_place(plane, reference, links)
    point = grid_centre(reference.grey.shape, reference.spacing_um) if place is None else place.point_um
    linear = plane.registration.map.linear
    cut = cut_through(point, linear[:, 0], -linear[:, 1], reference.grey.shape, reference.spacing_um)
    limits = style.grey_range(np.asarray(reference.grey)[::4, ::4, ::4], 0.1, 99.9)
    tomogram_section(axes, reference, cut, None, limits)
    if plane.regions is not None and np.any(plane.regions):
        band = regions_at(cut.points(), plane) > 0
        tint(axes, band, cut.extent_um, style.REGION, 0.3, origin="lower")
        outline(axes, band, cut.extent_um, style.REGION, linewidth=0.9)
    corners = np.array([(box[0], box[2], 0.0), (box[1], box[3], 0.0)])
    across, up = cut.coordinates(plane.registration.map(corners)).T
    axes.set_xlim(max(across.min(), cut.extent_um[0]), min(across.max(), cut.extent_um[1]))
    axes.set_ylim(max(up.min(), cut.extent_um[2]), min(up.max(), cut.extent_um[3]))
    where = "through the volume's middle" if place is None else "through the link"
    style.bare(axes, "columns, u →", "← rows, v")
    style.panel_title(axes, "c", f"tomogram, {where}")
    style.scale_bar(axes)


def section_overlay(reference: XctPanel | None, panel: MriPanel | None, section: SectionPanel) -> Drawing:
    """Draw an SEM image beside itself with the tomogram's cracks and the MRI's regions on it.

    Parameters
    ----------
    reference : XctPanel or None
        The reference tomogram.
    panel : MriPanel or None
        An MRI of the same state.
    section : SectionPanel
        The SEM image.

    Returns
    -------
    Drawing
        Numbers: ``outlines``.
    """
    with style.context():
        figure = style.new_figure("double", 68.0)
        left, right = figure.subplots(1, 2)
        draw_section(left, section)
        style.panel_title(left, "a", f"SEM {section.name}")
        plane = None if panel is None else panel.plane()
        table = section_panel(right, "b", reference, plane, [section])
        return Drawing(figure, {} if table is None else {"outlines": table})


def element_colours(elements: Sequence[str]) -> dict[str, str]:
    """Colour of each element: its own where it has one, else the next spare one."""
    spare = iter(SPARE_COLOURS * (len(elements) // len(SPARE_COLOURS) + 1))
    return {name: ELEMENT_COLOURS[name] if name in ELEMENT_COLOURS else next(spare) for name in elements}


def composite(counts: NDArray[np.float64], colours: Sequence[str]) -> NDArray[np.float64]:
    """Mix element maps into one colour picture.

    Each map is smoothed by one pixel, stretched from its 5th to its 99.5th percentile and laid over the
    others by screening, so that no element hides another.

    Parameters
    ----------
    counts : ndarray, shape (n, ny, nx)
        Net counts; NaN outside the field.
    colours : sequence of str
        One per map.

    Returns
    -------
    ndarray, shape (ny, nx, 3)
        Red, green, blue from 0 to 1.
    """
    dark = np.ones((*counts.shape[1:], 3))
    for layer, colour in zip(counts, colours, strict=True):
        smooth = ndimage.gaussian_filter(np.nan_to_num(layer), 1.0)
        low, high = style.grey_range(smooth[np.isfinite(layer)], 5.0, 99.5)
        weight = ((smooth - low) / (high - low)).clip(0.0, 1.0)
        dark *= 1.0 - weight[..., None] * np.asarray(to_rgb(colour))
    return 1.0 - dark


def elements_on_section(elements: ElementsPanel, section: SectionPanel) -> NDArray[np.float64]:
    """Element counts at an SEM image's pixels, shape (n, ny, nx); NaN outside the maps' field.

    Raises
    ------
    ValueError
        If the maps are not registered to the image.
    """
    if elements.registration is None:
        raise ValueError("elements on a section need a registration")
    to_maps = elements.registration.map.inverse()
    points = image_grid_in(to_maps, section.grey.shape, section.spacing_um)
    return np.stack(
        [image_values_at(np.asarray(c, float), elements.spacing_um, points) for c in elements.counts]
    )


def elements_overlay(elements: ElementsPanel, section: SectionPanel | None = None) -> Drawing:
    """Draw the element maps, and their mixture on the SEM image that they lie in.

    Parameters
    ----------
    elements : ElementsPanel
        The maps.
    section : SectionPanel, optional
        The SEM image that they are registered to.

    Returns
    -------
    Drawing
        Numbers: ``elements``, total and mean counts of each map.
    """
    with style.context():
        names, n = list(elements.elements), len(elements.elements)
        columns = min(max(-(-n // 2), 1), 4)
        rows = -(-n // columns)
        figure = style.new_figure("double", 34.0 + 26.0 * rows)
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.15)).ravel()
        colours = element_colours(names)
        _composite_panel(left.subplots(), elements, section, list(colours.values()))
        handles = [Patch(color=colours[k], label=k) for k in names]
        left.legend(handles=handles, loc="outside lower center", ncols=min(n, 6))
        grid = right.subplots(rows, columns, squeeze=False).ravel()
        extent = style.image_extent(elements.counts.shape[1:], elements.spacing_um)
        for k, axes in enumerate(grid):
            if k >= n:
                axes.set_visible(False)
                continue
            low, high = style.grey_range(elements.counts[k])
            picture = axes.imshow(
                elements.counts[k], cmap=style.GREY_MAP, vmin=low, vmax=high, origin="upper", extent=extent
            )
            style.bare(axes)
            style.panel_title(axes, "bcdefghijklmnopqrstuvwxyz"[k % 25], names[k])
            bar = right.colorbar(picture, ax=axes, shrink=0.75, location="bottom")
            bar.set_label("net counts")
            bar.outline.set_visible(False)
        style.scale_bar(grid[0])
        sums = elements.counts.reshape(n, -1)
        table = pd.DataFrame(
            {"element": names, "total_counts": sums.sum(axis=1), "mean_counts": sums.mean(axis=1)}
        )
        return Drawing(figure, {"elements": table})


def _composite_panel(
    axes: Axes, elements: ElementsPanel, section: SectionPanel | None, colours: Sequence[str]
) -> None:
    words = why_not("EDX", elements.registration, elements.unregistered)
    if section is None or words is not None:
        picture = composite(np.asarray(elements.counts, dtype=np.float64), colours)
        extent = style.image_extent(picture.shape[:2], elements.spacing_um)
        axes.imshow(picture, origin="upper", extent=extent)
        style.bare(axes, "columns, u →", "← rows, v")
        style.scale_bar(axes)
        style.panel_title(axes, "a", "elements, in their own frame")
        if words is not None:
            refused = elements.registration is not None
            style.note(axes, "registration refused" if refused else "not registered to an SEM image")
        return
    draw_section(axes, section)
    counts = elements_on_section(elements, section)
    inside = np.isfinite(counts).all(axis=0)
    layer = np.zeros((*inside.shape, 4))
    layer[..., :3] = composite(counts, colours)
    layer[..., 3] = np.where(inside, 0.75, 0.0)
    extent = style.image_extent(section.grey.shape, section.spacing_um)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(layer, origin="upper", extent=extent)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])
    style.panel_title(axes, "a", f"elements on SEM {section.name}")
