"""Overlays: long-T2 regions on the tomogram, cracks and regions on the section."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from spallmap.figures import style
from spallmap.figures.drawing import Drawing
from spallmap.figures.link_panels import draw_section, mri_plane_panel, refusal, section_panel, tint
from spallmap.figures.linked import link_position, regions_at
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
from spallmap.figures.planes import cut_through, project
from spallmap.frames import grid_centre
from spallmap.results.records import MriRecord, SectionRecord, XctRecord

CRACK_SHOWN_UM = 2.0


def mri_overlay(
    reference: XctRecord | None, mri: MriRecord | None, links: pd.DataFrame | None = None
) -> Drawing:
    """Draw the MRI with the tomogram's electrodes and cracks, and the tomogram in the MRI's plane.

    Parameters
    ----------
    reference : XctRecord or None
        The reference tomogram.
    mri : MriRecord or None
        An MRI of the same state.
    links : DataFrame, optional
        As links.csv; decides at which depth the tomogram is cut.

    Returns
    -------
    Drawing
        Numbers: ``mri_plane``.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> from spallmap.results.records import MriRecord, XctRecord
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> echoes, maps = np.ones((1, 4, 5)), {"t2_ms": np.full((4, 5), 7.0)}
    >>> mri = MriRecord("shorted", "t2", echoes, (2.0,), (20.0, 20.0), maps, registration=known)
    >>> cracks = np.zeros((6, 8, 10), dtype=np.int32)
    >>> cracks[2] = 1
    >>> tomogram = XctRecord("shorted", "scan", np.ones((6, 8, 10)), (10.0, 10.0, 10.0), cracks=cracks)
    >>> table = mri_overlay(tomogram, mri).numbers["mri_plane"]
    >>> float(table["crack_um"].max())
    10.0
    """
    with style.context():
        figure = style.new_figure("double", 70.0)
        left, middle, right = figure.subplots(1, 3)
        plane = None if mri is None else mri.plane()
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
    axes: Axes, reference: XctRecord, plane: MriRecord, box: tuple[float, float, float, float]
) -> None:
    long_ms = plane.long_ms
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
    reference: XctRecord,
    plane: MriRecord,
    links: pd.DataFrame | None,
    box: tuple[float, float, float, float],
) -> None:
    if plane.registration is None:
        return
    position = link_position(plane, reference, links)
    point = grid_centre(reference.grey.shape, reference.spacing_um) if position is None else position.point_um
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
    where = "through the volume's middle" if position is None else "through the link"
    style.bare(axes, "columns, u →", "← rows, v")
    style.panel_title(axes, "c", f"tomogram, {where}")
    style.scale_bar(axes)


def section_overlay(reference: XctRecord | None, mri: MriRecord | None, section: SectionRecord) -> Drawing:
    """Draw an SEM image beside itself with the tomogram's cracks and the MRI's regions on it.

    Parameters
    ----------
    reference : XctRecord or None
        The reference tomogram.
    mri : MriRecord or None
        An MRI of the same state.
    section : SectionRecord
        The SEM image.

    Returns
    -------
    Drawing
        Numbers: ``outlines``.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> from spallmap.results.records import SectionRecord, XctRecord
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> section = SectionRecord("shorted", "overview", np.ones((8, 10)), (10.0, 10.0), registration=known)
    >>> cracks = np.zeros((2, 8, 10), dtype=np.int32)
    >>> cracks[:, 2:4, 2:4] = 1
    >>> tomogram = XctRecord("shorted", "scan", np.ones((2, 8, 10)), (10.0, 10.0, 10.0), cracks=cracks)
    >>> table = section_overlay(tomogram, None, section).numbers["outlines"]
    >>> table["outline"].unique().tolist(), float(table["u_um"].min()), float(table["u_um"].max())
    (['crack 1'], 15.0, 35.0)
    """
    with style.context():
        figure = style.new_figure("double", 68.0)
        left, right = figure.subplots(1, 2)
        draw_section(left, section)
        style.panel_title(left, "a", f"SEM {section.name}")
        plane = None if mri is None else mri.plane()
        table = section_panel(right, "b", reference, plane, [section])
        return Drawing(figure, {} if table is None else {"outlines": table})
