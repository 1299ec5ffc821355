"""Element maps, and their mixture on the section that they lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.drawing import Drawing, why_not
from spallmap.figures.element_mixture import composite, element_colours
from spallmap.figures.link_panels import draw_section
from spallmap.figures.planes import image_grid_in, image_values_at
from spallmap.results.records import ElementsRecord, SectionRecord


def elements_on_section(elements: ElementsRecord, section: SectionRecord) -> NDArray[np.float64]:
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


def elements_overlay(elements: ElementsRecord, section: SectionRecord | None = None) -> Drawing:
    """Draw the element maps, and their mixture on the SEM image that they lie in.

    Parameters
    ----------
    elements : ElementsRecord
        The maps.
    section : SectionRecord, optional
        The SEM image that they are registered to.

    Returns
    -------
    Drawing
        Numbers: ``elements``, total and mean counts of each map.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import ElementsRecord
    >>> counts = np.stack([np.full((4, 5), 3.0), np.full((4, 5), 1.0)])
    >>> drawing = elements_overlay(ElementsRecord("shorted", "elements", counts, ("Na", "Al"), (10.0, 10.0)))
    >>> drawing.numbers["elements"]
      element  total_counts  mean_counts
    0      Na          60.0          3.0
    1      Al          20.0          1.0
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
    axes: Axes, elements: ElementsRecord, section: SectionRecord | None, colours: Sequence[str]
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
