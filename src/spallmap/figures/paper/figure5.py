"""Figure 5: long-T2 regions on the cracks, in the MRI's plane, in the tomogram and on the SEM section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spallmap.figures import style
from spallmap.figures.drawing import Drawing
from spallmap.figures.link_panels import NO_REGION, mri_plane_panel, refusal, section_panel, tomogram_panel
from spallmap.figures.linked import (
    mri_of_state,
)
from spallmap.results.records import MriRecord, SectionRecord, XctRecord, reference_of

MAX_LINKS_SHOWN = 8


def link_figure(
    tomograms: Sequence[XctRecord],
    series: Sequence[MriRecord],
    sections: Sequence[SectionRecord] = (),
    links: pd.DataFrame | None = None,
    summary: Mapping[str, Any] | None = None,
) -> Drawing:
    """Draw figure 5.

    Parameters
    ----------
    tomograms : sequence of XctRecord
        Those of the cell, one of them the reference.
    series : sequence of MriRecord
        Those of the cell; the one of the reference's state is drawn.
    sections : sequence of SectionRecord
        SEM images; the first accepted one of the reference's state is drawn.
    links : DataFrame, optional
        As links.csv.
    summary : mapping, optional
        As links.json.

    Returns
    -------
    Drawing
        Numbers: ``mri_plane``, ``tomogram_section``, ``sem_section``, ``links``; what could not be drawn is
        absent. Its panel says why.

    Examples
    --------
    >>> drawing = link_figure([], [])
    >>> [axes.texts[0].get_text() for axes in drawing.figure.axes][:2]
    ['There is no tomogram of this cell.', 'There is no tomogram of this cell.']
    >>> drawing.numbers
    {}
    """
    with style.context():
        reference = reference_of(tomograms)
        figure = style.new_figure("double", 138.0)
        upper, lower = figure.subfigures(2, 1, squeeze=False).ravel()
        a, b = upper.subplots(1, 2, width_ratios=(1.0, 1.25))
        c, d = lower.subplots(1, 2, width_ratios=(1.6, 1.0))
        mri = None if reference is None else mri_of_state(series, reference.state)
        numbers = {
            "mri_plane": mri_plane_panel(a, "a", reference, mri),
            "tomogram_section": tomogram_panel(b, "b", reference, mri, links),
            "sem_section": section_panel(c, "c", reference, mri, sections),
            "links": _links_panel(d, "d", refusal(reference, mri), mri, links, summary),
        }
        return Drawing(figure, {name: table for name, table in numbers.items() if table is not None})


def _links_panel(
    axes: Axes,
    letter: str,
    refused: str | None,
    mri: MriRecord | None,
    links: pd.DataFrame | None,
    summary: Mapping[str, Any] | None,
) -> pd.DataFrame | None:
    """Draw the probability that each region lies on each crack.

    Parameters
    ----------
    axes : Axes
        Where.
    letter : str
        Panel letter, may be empty.
    refused : str or None
        Why the MRI could not be laid over the tomogram.
    mri : MriRecord or None
        The MRI, for its words when there is nothing to link.
    links, summary : DataFrame, mapping
        As links.csv and links.json.

    Returns
    -------
    DataFrame or None
        The links drawn.
    """
    if links is None or len(links) == 0:
        words = "No long-T2 region lies within reach of a crack."
        if refused is not None:
            words = f"No links. {refused}"
        elif links is None:
            words = "Links were not computed."
        elif summary is not None and summary.get("reason"):
            words = f"No links: {summary['reason']}"
        elif mri is not None and (mri.regions is None or not np.any(mri.regions)):
            words = NO_REGION.format(state=mri.state)
        style.say_instead(axes, words)
        style.panel_title(axes, letter, "links")
        return None
    shown = links.sort_values("probability", ascending=False).head(MAX_LINKS_SHOWN)
    y = np.arange(len(shown))
    axes.barh(y, shown["probability"], color=style.REGION_CURVE, height=0.4)
    for k, row in enumerate(shown.itertuples(index=False)):
        axes.text(
            0.0,
            k - 0.25,
            f"region {row.region} on crack {row.crack}: {row.probability:.2f}",
            ha="left",
            va="bottom",
            fontsize=6.3,
        )
        axes.text(
            1.0,
            k - 0.25,
            f"{row.distance_um:.0f} ± {row.distance_se_um:.0f} µm",
            ha="right",
            va="bottom",
            fontsize=6.3,
        )
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(max(len(shown), 3) - 0.4, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("probability of lying on the crack")
    p = None if summary is None else summary.get("p_value")
    words = "links" if p is None else f"links; against chance p = {float(p):.2g}"
    style.panel_title(axes, letter, words)
    return shown.reset_index(drop=True)
