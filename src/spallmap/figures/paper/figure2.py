"""Figure 2: the sodium images of every state, echo by echo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm

from spallmap.figures import style
from spallmap.figures.drawing import Drawing, why_not
from spallmap.figures.panels import draw_electrodes, electrode_projection, mri_image, phase_legend, signal_box
from spallmap.figures.planes import Projection
from spallmap.results.records import MriRecord, XctRecord, reference_of

# More echoes than this make panels too small to read at a journal's width.
MAX_ECHOES_SHOWN = 5
PANEL_MARGIN_MM = 9.0
# Where the ticks of a square-root scale stand about evenly, as fractions of its top.
TICK_FRACTIONS = (0.05, 0.25, 1.0)


def echo_figure(series: Sequence[MriRecord], tomograms: Sequence[XctRecord] = ()) -> Drawing:
    """Draw figure 2: echo images of every state on one intensity scale.

    Parameters
    ----------
    series : sequence of MriRecord
        One per state, in the order to show; may be empty.
    tomograms : sequence of XctRecord
        Those of the cell; the reference's electrodes are outlined where the MRI is registered to it.

    Returns
    -------
    Drawing
        Numbers: ``echoes``, one row per pixel and echo.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import MriRecord
    >>> drawing = echo_figure([MriRecord("shorted", "t2", np.ones((2, 4, 5)), (2.0, 6.0), (20.0, 20.0))])
    >>> drawing.numbers["echoes"].groupby("te_ms")["magnitude"].sum().to_dict()
    {2.0: 20.0, 6.0: 20.0}
    """
    with style.context():
        if not series:
            figure = style.new_figure("double", 30.0)
            style.say_instead(figure.subplots(), "No MRI of this cell.", 70)
            return Drawing(figure)
        planes = [s.plane() for s in series]
        shown = [_echoes_shown(p) for p in planes]
        columns = max(len(s) for s in shown)
        box = signal_box(planes)
        aspect = (box[2] - box[3]) / (box[1] - box[0])
        height = len(planes) * ((style.DOUBLE_COLUMN_MM - 22.0) / columns * aspect + PANEL_MARGIN_MM) + 4.0
        figure = style.new_figure("double", min(height, 220.0))
        grid = figure.subplots(len(planes), columns, squeeze=False)
        top = max(float(np.nanpercentile(p.echoes, 99.9)) for p in planes)
        # A square root keeps the weak late echoes in sight on the scale of the strong first one.
        norm = PowerNorm(0.5, 0.0, top if top > 0.0 else 1.0, clip=True)
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        outlined, picture = False, None
        for line, plane, echoes in zip(grid, planes, shown, strict=True):
            electrodes = _electrodes(plane, tomograms)
            letter = next(letters)
            for k, axes in enumerate(line):
                if k >= len(echoes):
                    axes.set_visible(False)
                    continue
                echo = echoes[k]
                picture = mri_image(axes, plane, plane.echoes[echo], box, norm=norm)
                draw_electrodes(axes, electrodes)
                outlined |= electrodes is not None
                words = f"{plane.state}, {plane.te_ms[echo]:g} ms" if k == 0 else f"{plane.te_ms[echo]:g} ms"
                style.panel_title(axes, letter if k == 0 else "", words)
                if k > 0:
                    axes.set_ylabel("")
            style.scale_bar(line[0])
            remark = plane.remark or _remark(plane, tomograms)
            if remark:
                style.note(line[0], remark)
        if picture is not None:
            bar = figure.colorbar(picture, ax=grid, shrink=0.9, aspect=30, pad=0.01)
            bar.set_label("magnitude / a.u. (√ scale)")
            bar.set_ticks(
                [0.0, *sorted({style.nice_length(float(norm.vmax or 1.0), f) for f in TICK_FRACTIONS})]
            )
            bar.outline.set_visible(False)
        if outlined:
            phase_legend(figure, ("electrodes (tomogram)",), "outside lower left")
        return Drawing(figure, {"echoes": _pixels(planes)})


def _echoes_shown(mri: MriRecord) -> list[int]:
    n = len(mri.te_ms)
    return sorted({int(k) for k in np.linspace(0, n - 1, min(n, MAX_ECHOES_SHOWN)).round()})


def _electrodes(mri: MriRecord, tomograms: Sequence[XctRecord]) -> Projection | None:
    reference = reference_of(tomograms)
    return None if reference is None else electrode_projection(reference, mri)


def _remark(mri: MriRecord, tomograms: Sequence[XctRecord]) -> str:
    if reference_of(tomograms) is None or why_not("MRI", mri.registration, mri.unregistered) is None:
        return ""
    refused = mri.registration is not None and not mri.registration.accepted
    return "registration refused:\nno electrodes drawn" if refused else "not registered"


def _pixels(planes: Sequence[MriRecord]) -> pd.DataFrame:
    tables = []
    for mri in planes:
        rows, columns = np.indices(mri.echoes.shape[-2:])
        for k, te in enumerate(mri.te_ms):
            tables.append(
                pd.DataFrame(
                    {
                        "state": mri.state,
                        "te_ms": te,
                        "row": rows.ravel(),
                        "column": columns.ravel(),
                        "magnitude": np.asarray(mri.echoes[k], dtype=np.float64).ravel(),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)
