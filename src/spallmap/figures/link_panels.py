"""Panels that show long-T2 regions and cracks together: in the MRI's plane, in the tomogram, on a section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from skimage import measure

from spallmap.figures import style
from spallmap.figures.drawing import why_not
from spallmap.figures.linked import (
    LinkPosition,
    cracks_on_section,
    link_position,
    regions_at,
    regions_on_section,
)
from spallmap.figures.panels import (
    draw_electrodes,
    electrode_projection,
    outline,
    phase_legend,
    pixel_outline,
    signal_box,
    tomogram_section,
)
from spallmap.figures.planes import mean_per_pixel, project
from spallmap.results.records import MriRecord, SectionRecord, XctRecord

FOOTPRINT_MAP = "Greys"
NO_REGION = "No long-T2 region was found in the {state} MRI, so there is nothing to link."


def refusal(reference: XctRecord | None, mri: MriRecord | None) -> str | None:
    """Say why MRI and tomogram cannot be shown together; None where they can."""
    if reference is None:
        return "There is no tomogram of this cell."
    if mri is None:
        return f"There is no MRI of the {reference.state} state."
    return why_not("MRI", mri.registration, mri.unregistered)


def mri_plane_panel(
    axes: Axes,
    letter: str,
    reference: XctRecord | None,
    mri: MriRecord | None,
    *,
    bar_at: Literal["right", "bottom"] = "right",
    legend: bool = True,
) -> pd.DataFrame | None:
    """Draw the cracks' footprint in the MRI's plane with the long-T2 regions on it.

    Parameters
    ----------
    axes : Axes
        Where.
    letter : str
        Panel letter, may be empty.
    reference, mri : XctRecord, MriRecord
        None where absent.
    bar_at : {"right", "bottom"}
        Side of the colour bar.
    legend : bool
        Whether to explain the outlines.

    Returns
    -------
    DataFrame or None
        One row per MRI pixel; None where the panel says why there is nothing.
    """
    words = refusal(reference, mri)
    if words is not None or reference is None or mri is None or mri.registration is None:
        style.say_instead(axes, words or "")
        style.panel_title(axes, letter, "MRI plane")
        return None
    if reference.cracks is None:
        style.say_instead(axes, f"No cracks were sought in the {reference.state} tomogram.")
        style.panel_title(axes, letter, "MRI plane")
        return None
    to_reference, shape = mri.registration.map, mri.echoes.shape[-2:]
    cracks = np.asarray(reference.cracks) > 0
    footprint = project(cracks, reference.spacing_um, to_reference, shape, mri.spacing_um)
    top = float(max(np.percentile(footprint.thickness_um, 99.9), 1.0))
    picture = axes.imshow(
        footprint.thickness_um,
        cmap=FOOTPRINT_MAP,
        vmin=0.0,
        vmax=top,
        origin="upper",
        extent=footprint.extent_um,
    )
    electrodes = electrode_projection(reference, mri)
    draw_electrodes(axes, electrodes)
    if mri.regions is not None:
        pixel_outline(axes, mri.regions, mri.spacing_um)
    box = signal_box([mri])
    axes.set_xlim(box[:2])
    axes.set_ylim(box[2:])
    style.bare(axes, "columns, u →", "← rows, v")
    style.panel_title(axes, letter, "cracks along the line of sight")
    style.scale_bar(axes, ground="light")
    bar = axes.figure.colorbar(picture, ax=axes, shrink=0.8, location=bar_at)
    bar.set_label("crack along the line of sight / µm")
    bar.outline.set_visible(False)
    if legend:
        phase_legend(axes, ("electrodes (tomogram)", "long-T2 region"), "upper right")
    rows, columns = np.indices(shape)
    table = {
        "row": rows.ravel(),
        "column": columns.ravel(),
        "crack_um": mean_per_pixel(footprint, shape, mri.spacing_um).ravel().round(3),
        "region": np.zeros(rows.size, int) if mri.regions is None else np.asarray(mri.regions).ravel(),
    }
    if electrodes is not None:
        table["sodium_um"] = mean_per_pixel(electrodes, shape, mri.spacing_um).ravel().round(3)
    return pd.DataFrame(table)


def tomogram_panel(
    axes: Axes, letter: str, reference: XctRecord | None, mri: MriRecord | None, links: pd.DataFrame | None
) -> pd.DataFrame | None:
    """Draw the tomogram's section through the link that holds the MRI's lines of sight.

    Parameters are those of :func:`mri_plane_panel`, with the table of links.

    Returns
    -------
    DataFrame or None
        Where the section lies; None where the panel says why there is nothing.
    """
    words = refusal(reference, mri)
    position = None
    if words is None and reference is not None and mri is not None:
        position = link_position(mri, reference, links)
        if mri.regions is None or not np.any(mri.regions):
            words = NO_REGION.format(state=mri.state)
        elif position is None:
            words = f"No crack was found in the {reference.state} tomogram."
    if position is None or reference is None or mri is None or mri.registration is None:
        style.say_instead(axes, words or "")
        style.panel_title(axes, letter, "tomogram section through the link")
        return None
    limits = style.grey_range(np.asarray(reference.grey)[::4, ::4, ::4], 0.1, 99.9)
    tomogram_section(axes, reference, position.cut, None, limits)
    band = regions_at(position.cut.points(), mri) > 0
    tint(axes, band, position.cut.extent_um, style.REGION, 0.30, origin="lower")
    outline(axes, band, position.cut.extent_um, style.REGION, linewidth=0.9)
    spot = position.cut.coordinates(position.point_um)
    axes.plot(*spot, marker="o", ms=9.0, mfc="none", mec=style.LINK, mew=1.2)
    style.bare(axes, "along the MRI's line of sight, w →", "← rows, v")
    style.panel_title(axes, letter, f"tomogram: region {position.region} and crack {position.crack}")
    style.scale_bar(axes)
    se = mri.registration.se_um.v
    if se is not None:
        style.note(axes, f"band's position along v: ± {se:.1f} µm (1 s.e.)", "bottom left")
    phase_legend(axes, ("sodium", "ceramic", "crack", "long-T2 region"), "upper left")
    return _position_table(position)


def _position_table(position: LinkPosition) -> pd.DataFrame:
    cut = position.cut
    row: dict[str, object] = {
        "region": position.region,
        "crack": position.crack,
        "crack_voxels_on_lines_of_sight": position.n_voxels,
    }
    for name, vector in (
        ("point", position.point_um),
        ("origin", cut.origin_um),
        ("across", cut.across),
        ("up", cut.up),
    ):
        unit = "_um" if name in ("point", "origin") else ""
        row |= {f"{name}_{axis}{unit}": round(float(x), 5) for axis, x in zip("xyz", vector, strict=True)}
    row |= {"step_um": cut.step_um, "n_rows": cut.shape[0], "n_columns": cut.shape[1]}
    return pd.DataFrame([row])


def section_panel(
    axes: Axes,
    letter: str,
    reference: XctRecord | None,
    mri: MriRecord | None,
    sections: Sequence[SectionRecord],
) -> pd.DataFrame | None:
    """Draw the SEM section with the tomogram's cracks and the lines of sight of the MRI's regions on it.

    Parameters are those of :func:`mri_plane_panel`, with the SEM images of the cell.

    Returns
    -------
    DataFrame or None
        The outlines' points in the section's own frame; None where the panel says why there is nothing.
    """
    title = "SEM section"
    state = None if reference is None else reference.state
    here = [s for s in sections if s.state == state] or list(sections)
    if not here:
        style.say_instead(axes, "There is no SEM image of this cell.")
        style.panel_title(axes, letter, title)
        return None
    accepted = [s for s in here if s.registration is not None and s.registration.accepted]
    section = (accepted or here)[0]
    words = (
        "There is no tomogram of this cell."
        if reference is None
        else why_not("SEM", section.registration, section.unregistered)
    )
    if words is not None or reference is None:
        style.say_instead(axes, words or "", 44)
        style.panel_title(axes, letter, f"{title} {section.name}")
        return None
    draw_section(axes, section)
    extent = style.image_extent(section.grey.shape, section.spacing_um)
    parts: list[pd.DataFrame] = []
    if reference.cracks is not None:
        cracks = cracks_on_section(section, reference)
        outline(axes, cracks > 0, extent, style.CRACK, origin="upper", linewidth=0.8, smooth=1.0)
        parts += [_outline_points(f"crack {k}", cracks == k, section) for k in np.unique(cracks[cracks > 0])]
    no_mri = refusal(reference, mri)
    names = ["crack"]
    if no_mri is None and mri is not None and mri.regions is not None and np.any(mri.regions):
        bands = regions_on_section(section, mri)
        tint(axes, bands > 0, extent, style.REGION, 0.25, origin="upper")
        outline(axes, bands > 0, extent, style.REGION, origin="upper", linewidth=1.0)
        parts += [_outline_points(f"region {k}", bands == k, section) for k in np.unique(bands[bands > 0])]
        names.append("long-T2 region")
        if not np.any(bands):
            style.note(axes, "no region's line of sight passes through this section", "bottom left")
    elif no_mri is not None:
        style.note(axes, f"regions not shown: {no_mri}", "bottom left")
    phase_legend(axes, names, "upper right")
    style.panel_title(axes, letter, f"{title} {section.name}: tomogram's cracks, MRI's regions")
    columns = ["outline", "part", "u_um", "v_um"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def draw_section(axes: Axes, section: SectionRecord) -> None:
    """Draw an SEM image in micrometres of its own frame, the data bar cut away."""
    grey = np.asarray(section.grey)
    mask = np.ones(grey.shape, bool) if section.mask is None else section.mask
    low, high = style.grey_range(grey[mask])
    extent = style.image_extent(grey.shape, section.spacing_um)
    axes.imshow(grey, cmap=style.GREY_MAP, vmin=low, vmax=high, origin="upper", extent=extent)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    (dy, dx) = section.spacing_um
    if rows.size:
        axes.set_xlim((columns[0] - 0.5) * dx, (columns[-1] + 0.5) * dx)
        axes.set_ylim((rows[-1] + 0.5) * dy, (rows[0] - 0.5) * dy)
    style.bare(axes, "columns, u →", "← rows, v")
    style.scale_bar(axes)


def tint(
    axes: Axes, mask: NDArray[np.bool_], extent: Sequence[float], colour: str, alpha: float, origin: str
) -> None:
    """Lay a transparent colour over the samples of a mask."""
    layer = np.zeros((*mask.shape, 4))
    layer[..., :3] = to_rgb(colour)
    layer[..., 3] = np.where(mask, alpha, 0.0)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(layer, origin=origin, extent=tuple(extent))  # type: ignore[arg-type]
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _outline_points(name: str, mask: NDArray[np.bool_], section: SectionRecord) -> pd.DataFrame:
    dy, dx = section.spacing_um
    tables = []
    for part, line in enumerate(measure.find_contours(np.pad(mask, 1).astype(float), 0.5)):
        v, u = (line.T - 1.0) * np.array([[dy], [dx]])
        tables.append(pd.DataFrame({"outline": name, "part": part, "u_um": u.round(2), "v_um": v.round(2)}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
