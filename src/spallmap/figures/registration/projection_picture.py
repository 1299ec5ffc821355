"""Picture that lets a person judge how an MRI projection lies on the tomogram's metal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.panels import mri_image, pixel_outline, signal_box
from spallmap.figures.registration.agreement import EDGE, LINE_MM, TITLE_MM, heading, set_heading
from spallmap.figures.registration.pairs import mark_pair
from spallmap.registration.projection.rician import rician_moments
from spallmap.registration.result import Registration
from spallmap.results.records import MriRecord

# The residual's colours reach at least this far, so that pure noise looks pale.
LEAST_RESIDUAL_SD = 5.0
MOST_RESIDUAL_SD = 20.0
# Contours of the model at these fractions of its maximum: the foot and the half height of an electrode's
# edge.
MODEL_LEVELS = (0.2, 0.5)
_DIVERGING = "RdBu_r"
MAGNITUDE = "magnitude (image's unit)"


def projection_picture(
    image: NDArray[Any],
    model: NDArray[Any] | None,
    sigma: float,
    spacing_um: Sequence[float],
    registration: Registration,
    exclude: NDArray[np.bool_] | None = None,
) -> Figure:
    """Draw an MRI magnitude beside what the tomogram's metal would look like in it.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Magnitude.
    model : ndarray, shape (ny, nx), optional
        The model's amplitude without noise, in the magnitude's unit, such as from
        :func:`spallmap.registration.projection.render_projection`.
    sigma : float
        Noise of one channel, in the same unit.
    spacing_um : sequence of float
        Along y, x.
    registration : Registration
        From the image's frame to the tomogram's.
    exclude : ndarray of bool, shape (ny, nx), optional
        Pixels that the registration did not look at.

    Returns
    -------
    Figure
        Image, model, contours of the model on the image, and the residual over its standard deviation.

    Raises
    ------
    ValueError
        If the image is not one plane or sigma is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> model = np.zeros((12, 16))
    >>> model[3:9, 4:12] = 100.0
    >>> figure = projection_picture(model + 2.0, model, 2.0, (20.0, 20.0), known)
    >>> for axes in figure.axes[:4]:
    ...     print(axes.get_title(loc="left").split("$   ")[-1])
    MRI magnitude
    model: the tomogram's metal, with noise floor
    contours of the model on the MRI
    residual, in standard deviations
    """
    data = np.asarray(image, dtype=np.float64)
    if data.ndim != 2 or not sigma > 0.0:
        raise ValueError(f"one plane and a positive sigma are needed; got {data.ndim} axes and {sigma}")
    with style.context():
        lines = heading("MRI on the tomogram's metal", registration)
        planes = [data] if model is None else [data, np.asarray(model, dtype=np.float64)]
        box = signal_box([MriRecord("", "", p[None], (0.0,), tuple(spacing_um)) for p in planes])
        rows = 1 if model is None else 2
        height = LINE_MM * (len(lines) + 1) + rows * _row_mm(box) + 8.0
        figure = style.new_figure("double", height)
        set_heading(figure, lines, registration.verdict)
        panels = figure.subplots(rows, 2, squeeze=False).ravel()
        norm = Normalize(0.0, style.grey_range(data, 0.5, 99.8)[1])
        _plane(panels[0], data, spacing_um, box, style.GREY_MAP, norm)
        _bar(panels[0], style.GREY_MAP, norm, MAGNITUDE, "max")
        style.panel_title(panels[0], "a", "MRI magnitude")
        style.bare(panels[0], "columns, u →", "← rows, v")
        drawn = list(panels)
        if model is None:
            style.say_instead(panels[1], "There is no model image: nothing was fitted.", 30)
            style.panel_title(panels[1], "b", "model")
            drawn.pop()
        else:
            _against_model(drawn[1:], data, planes[1], sigma, spacing_um, box, norm)
            style.scale_bar(panels[1])
            mark_pair((panels[0], panels[1]), "MRI", "model")
        if exclude is not None and exclude.any():
            for axes in drawn:
                pixel_outline(axes, exclude.astype(np.int32), spacing_um)
            figure.legend(
                handles=[Line2D([], [], color=style.REGION, label="left out of the fit")],
                loc="outside lower center",
            )
        style.scale_bar(panels[0])
        return figure


def _row_mm(box: tuple[float, float, float, float]) -> float:
    left, right, bottom, top = box
    return float(np.clip(66.0 * (bottom - top) / (right - left), 25.0, 75.0)) + TITLE_MM


def _plane(
    axes: Axes,
    values: NDArray[np.float64],
    spacing_um: Sequence[float],
    box: tuple[float, float, float, float],
    colours: str,
    norm: Normalize,
) -> None:
    mri_image(
        axes, MriRecord("", "", values[None], (0.0,), tuple(spacing_um)), values, box, cmap=colours, norm=norm
    )
    axes.set_xlabel("")
    axes.set_ylabel("")


def _bar(axes: Axes, colours: str, norm: Normalize, label: str, extend: str) -> None:
    bar = axes.figure.colorbar(
        ScalarMappable(norm, mpl.colormaps[colours]), ax=axes, extend=extend, shrink=0.9
    )
    bar.set_label(label)
    bar.outline.set_visible(False)


def _against_model(
    panels: Sequence[Axes],
    data: NDArray[np.float64],
    amplitude: NDArray[np.float64],
    sigma: float,
    spacing_um: Sequence[float],
    box: tuple[float, float, float, float],
    norm: Normalize,
) -> None:
    """Model, its contours on the image, and the residual."""
    b, c, d = panels
    expected = rician_moments(np.maximum(amplitude, 0.0), sigma)
    _plane(b, expected.mean, spacing_um, box, style.GREY_MAP, norm)
    _bar(b, style.GREY_MAP, norm, MAGNITUDE, "max")
    _plane(c, data, spacing_um, box, style.GREY_MAP, norm)
    _bar(c, style.GREY_MAP, norm, MAGNITUDE, "max")
    style.panel_title(c, "c", "contours of the model on the MRI")
    top = float(amplitude.max())
    if top > 0.0:
        dy, dx = spacing_um
        x, y = np.arange(data.shape[1]) * dx, np.arange(data.shape[0]) * dy
        levels = [fraction * top for fraction in MODEL_LEVELS]
        c.contour(x, y, amplitude, levels=levels, colors=[EDGE], linewidths=0.9)
    else:
        style.note(c, "the model shows no metal here")
    residual = (data - expected.mean) / expected.sd
    reach = np.clip(style.grey_range(np.abs(residual), 0.5, 99.5)[1], LEAST_RESIDUAL_SD, MOST_RESIDUAL_SD)
    scale = Normalize(-float(np.ceil(reach)), float(np.ceil(reach)))
    _plane(d, residual, spacing_um, box, _DIVERGING, scale)
    _bar(d, _DIVERGING, scale, "(MRI − model) / noise sd", "both")
    style.panel_title(b, "b", "model: the tomogram's metal, with noise floor")
    style.panel_title(d, "d", "residual, in standard deviations")
