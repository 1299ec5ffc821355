"""Figure 1: the cell and its tomograms, and the crack seen from above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.drawing import Drawing, why_not
from spallmap.figures.panels import outline, phase_legend, tomogram_section
from spallmap.figures.planes import Cut, cut_through
from spallmap.frames import AffineMap, grid_centre, indices_to_points
from spallmap.results.records import CrackSurface, XctRecord, main_crack, reference_of
from spallmap.tomography.labels import CERAMIC, SODIUM

# Unit vectors of the reference frame.
X, Y, Z = np.eye(3)
SECTIONS = (("x–z", X, Z, "x →", "z →"), ("y–z", Y, Z, "y →", "z →"), ("x–y", X, Y, "x →", "y →"))
HISTOGRAM_BINS = 30


def cell_figure(tomograms: Sequence[XctRecord], surface: CrackSurface | None = None) -> Drawing:
    """Draw figure 1: orthogonal sections of every state through one point, and the cracks in plan view.

    Parameters
    ----------
    tomograms : sequence of XctRecord
        One per state, in the order to show; may be empty.
    surface : CrackSurface, optional
        The mid-surfaces of the reference tomogram's cracks.

    Returns
    -------
    Drawing
        Numbers: ``sections`` (where each section lies, and the area of each phase on it), ``plan``
        (mid-surface points), ``aperture`` (histogram).

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import XctRecord
    >>> grey, phases = np.zeros((4, 8, 8)), np.ones((4, 8, 8), dtype=np.uint8)
    >>> drawing = cell_figure([XctRecord("shorted", "scan", grey, (10.0, 10.0, 10.0), phases)])
    >>> drawing.numbers["sections"][["panel", "section", "ceramic_um2"]]
      panel section  ceramic_um2
    0     a     x–z       3200.0
    1     b     y–z       3200.0
    2     c     x–y       6400.0
    """
    with style.context():
        if not tomograms:
            return Drawing(_words_only("No tomogram of this cell."))
        reference = reference_of(tomograms)
        n = len(tomograms)
        figure = style.new_figure("double", 42.0 * n + 62.0)
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(42.0 * n, 62.0)).ravel()
        grid = upper.subplots(n, 3, squeeze=False, width_ratios=(1.7, 1.7, 1.0))
        middle = _common_point(reference if reference is not None else tomograms[0])
        limits = style.grey_range(np.asarray(tomograms[0].grey)[::4, ::4, ::4], 0.1, 99.9)
        rows: list[dict[str, object]] = []
        letters = iter("abcdefghijklmnopqrstuvwxyz" * 2)
        for line, tomogram in zip(grid, tomograms, strict=True):
            _row(line, tomogram, reference, middle, limits, letters=[next(letters) for _ in line], rows=rows)
        phase_legend(grid[0][0], location="lower left")
        plan = lower.subplots(1, 3, width_ratios=(1.1, 1.1, 1.0))
        numbers = {"sections": pd.DataFrame(rows)}
        numbers |= _plan_row(plan, reference, surface, [next(letters) for _ in range(3)])
        return Drawing(figure, numbers)


def _words_only(words: str) -> Figure:
    figure = style.new_figure("double", 30.0)
    style.say_instead(figure.subplots(), words, 70)
    return figure


def _common_point(tomogram: XctRecord) -> NDArray[np.float64]:
    """Return the point that all sections pass through: the middle of the main crack, else of the volume."""
    crack = main_crack(tomogram)
    if crack is None or tomogram.cracks is None:
        return grid_centre(tomogram.grey.shape, tomogram.spacing_um)
    indices = np.argwhere(np.asarray(tomogram.cracks) == crack)
    return indices_to_points(indices.mean(axis=0), tomogram.spacing_um)


def _row(
    line: NDArray[np.object_],
    tomogram: XctRecord,
    reference: XctRecord | None,
    middle: NDArray[np.float64],
    limits: tuple[float, float],
    letters: Sequence[str],
    rows: list[dict[str, object]],
) -> None:
    to_volume: AffineMap | None = None
    frame, point, grid_of = "reference", middle, tomogram
    remark = ""
    if not tomogram.is_reference and reference is not None:
        remark = why_not(f"{tomogram.state} tomogram", tomogram.registration, "no reason given") or ""
        if remark:
            frame, point = "own", grid_centre(tomogram.grey.shape, tomogram.spacing_um)
        elif tomogram.registration is not None:
            to_volume, grid_of = tomogram.registration.map.inverse(), reference
    for axes, letter, (name, across, up, x_name, y_name) in zip(line, letters, SECTIONS, strict=True):
        cut = cut_through(point, across, up, grid_of.grey.shape, grid_of.spacing_um)
        areas = tomogram_section(axes, tomogram, cut, to_volume, limits)
        style.bare(axes, x_name, y_name)
        style.panel_title(axes, letter, f"{tomogram.state}, {name}")
        style.scale_bar(axes)
        rows.append(
            {"panel": letter, "state": tomogram.state, "section": name, "frame": frame}
            | _where(cut)
            | dict(areas)
        )
    if remark:
        style.note(line[0], "own frame: registration refused")


def _where(cut: Cut) -> dict[str, object]:
    origin = dict(
        zip(("origin_x_um", "origin_y_um", "origin_z_um"), cut.origin_um.round(3).tolist(), strict=True)
    )
    return {**origin, "step_um": cut.step_um, "n_rows": cut.shape[0], "n_columns": cut.shape[1]}


def _plan_row(
    plan: NDArray[np.object_],
    reference: XctRecord | None,
    surface: CrackSurface | None,
    letters: Sequence[str],
) -> dict[str, pd.DataFrame]:
    if reference is None or surface is None or surface.empty:
        words = (
            "No reference tomogram."
            if reference is None
            else f"No crack was found in the {reference.state} tomogram."
        )
        for axes in plan:
            style.say_instead(axes, words)
        return {}
    depth = np.asarray(surface.point_data["depth_um"], dtype=np.float64)
    aperture = np.asarray(surface.point_data["aperture_um"], dtype=np.float64)
    figure = plan[0].figure
    for axes, letter, values, name, cmap in (
        (plan[0], letters[0], depth, "depth below the interface / µm", style.DEPTH_MAP),
        (plan[1], letters[1], aperture, "aperture / µm", style.APERTURE_MAP),
    ):
        low, high = style.grey_range(values, 1.0, 99.0)
        picture = axes.tripcolor(
            surface.points_um[:, 0],
            surface.points_um[:, 1],
            surface.triangles,
            values,
            shading="gouraud",
            cmap=cmap,
            vmin=max(low, 0.0),
            vmax=high,
            rasterized=True,
        )
        _footprints(axes, reference)
        style.bare(axes, "x →", "y →")
        style.panel_title(axes, letter, "cracks seen along z")
        bar = figure.colorbar(picture, ax=axes, shrink=0.8)
        bar.set_label(name)
        bar.outline.set_visible(False)
    _footprint_legend(plan[0])
    style.scale_bar(plan[0], ground="light")
    style.scale_bar(plan[1], ground="light")
    crack = np.asarray(surface.point_data.get("crack", np.ones(len(depth), dtype=int)))
    points = pd.DataFrame(surface.points_um, columns=["x_um", "y_um", "z_um"])
    points = points.assign(crack=crack, depth_um=depth, aperture_um=aperture)
    return {
        "plan": points.round(3),
        "aperture": _aperture_panel(plan[2], letters[2], crack, aperture, reference),
    }


def _footprints(axes: Axes, tomogram: XctRecord) -> None:
    nz, ny, nx = tomogram.grey.shape
    _, dy, dx = tomogram.spacing_um
    extent = (-dx / 2.0, (nx - 0.5) * dx, -dy / 2.0, (ny - 0.5) * dy)
    if tomogram.phases is not None:
        phases = np.asarray(tomogram.phases)
        ceramic = phases == CERAMIC
        profile = ceramic.sum(axis=(1, 2))
        middle = int(np.average(np.arange(nz), weights=profile)) if profile.any() else nz // 2
        outline(axes, ceramic.any(axis=0), extent, style.CERAMIC, smooth=1.5)
        for half, dashes in ((phases[middle:], "solid"), (phases[:middle], "dashed")):
            # A column with a few sodium voxels only is noise, not electrode.
            outline(
                axes, (half == SODIUM).sum(axis=0) > 5, extent, style.SODIUM, linestyle=dashes, smooth=1.5
            )
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    axes.set_aspect("equal")


def _footprint_legend(axes: Axes) -> None:
    handles = [
        Line2D([], [], color=style.SODIUM, lw=0.9, label="electrode at high z"),
        Line2D([], [], color=style.SODIUM, lw=0.9, ls="dashed", label="electrode at low z"),
        Line2D([], [], color=style.CERAMIC, lw=0.9, label="ceramic"),
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.08), ncols=2, columnspacing=1.0)


def _aperture_panel(
    axes: Axes, letter: str, crack: NDArray[np.int64], aperture: NDArray[np.float64], tomogram: XctRecord
) -> pd.DataFrame:
    finite = np.isfinite(aperture)
    top = float(np.percentile(aperture[finite], 99.5)) if finite.any() else 1.0
    edges = np.linspace(0.0, max(top, 1e-6), HISTOGRAM_BINS + 1)
    tables = []
    for k in np.unique(crack[finite]):
        values = aperture[finite & (crack == k)]
        counts, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
        fraction = counts / max(counts.sum(), 1)
        axes.stairs(fraction, edges, label=f"crack {k}, median {np.median(values):.1f} µm", lw=1.0)
        tables.append(
            pd.DataFrame({"crack": k, "edge_low_um": edges[:-1], "edge_high_um": edges[1:], "points": counts})
        )
    voxel = float(np.mean(tomogram.spacing_um))
    axes.axvline(voxel, color=style.NEUTRAL, ls=":", lw=0.8)
    axes.annotate(
        "one voxel",
        (voxel, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(2, 3),
        textcoords="offset points",
        rotation=90,
        va="bottom",
        fontsize=6.0,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
    )
    axes.set_xlabel("aperture / µm")
    axes.set_ylabel("fraction of the mid-surface")
    axes.set_ylim(bottom=0.0)
    if len(tables) <= 6:
        axes.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
        axes.set_ylim(top=axes.get_ylim()[1] * (1.1 + 0.08 * len(tables)))
    style.panel_title(axes, letter, "aperture")
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
