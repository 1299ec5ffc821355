from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from spallmap.figures import style


def test_context_leaves_no_trace() -> None:
    before = mpl.rcParams["font.size"]
    with style.context():
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert mpl.rcParams["font.size"] == before


@pytest.mark.parametrize(("width", "mm"), [("single", 85.0), ("double", 178.0)])
def test_figures_have_a_journals_width(width: str, mm: float) -> None:
    figure = style.new_figure(width, 50.0)  # type: ignore[arg-type]
    assert figure.get_size_inches() * 25.4 == pytest.approx((mm, 50.0))


@pytest.mark.parametrize(
    ("span", "length"),
    [(1000.0, 200.0), (700.0, 200.0), (320.0, 50.0), (18.0, 5.0), (4.0, 1.0), (10.0 / 3.0, 1.0)],
)
def test_scale_bars_are_round(span: float, length: float) -> None:
    assert style.nice_length(span) == pytest.approx(length)


def test_scale_bar_refuses_an_empty_panel() -> None:
    with pytest.raises(ValueError, match="positive span"):
        style.nice_length(0.0)


def test_scale_bar_is_as_long_as_it_says() -> None:
    with style.context():
        axes = style.new_figure("single", 60.0).subplots()
        axes.set_xlim(0.0, 1510.0)
        axes.set_ylim(0.0, 900.0)
        assert style.scale_bar(axes) == 200.0
    assert style.length_label(200.0) == "200 µm"
    assert style.length_label(2000.0) == "2 mm"


def test_same_figure_same_bytes() -> None:
    def drawn() -> tuple[bytes, bytes]:
        with style.context():
            figure = style.new_figure("single", 40.0)
            axes = figure.subplots()
            axes.plot([0, 1], [0, 1])
            style.panel_title(axes, "a", "cost $5 µm")
        return style.png_bytes(figure, dpi=60), style.pdf_bytes(figure)

    first, second = drawn(), drawn()
    assert first == second
    assert first[0].startswith(b"\x89PNG")
    assert b"CreationDate" not in first[1]
    # Type 42 is TrueType: text stays text.
    assert b"/Type3" not in first[1]
    assert b"/FontFile2" in first[1]


def test_palette_is_distinguished_without_colour_vision() -> None:
    # Crack and region are the pair that every overlay rests on: their luminances must differ as well.
    def luminance(colour: str) -> float:
        return float(np.dot(np.array(to_rgb(colour)) ** 2.2, (0.2126, 0.7152, 0.0722)))

    bright, dark = luminance(style.REGION), luminance(style.CRACK)
    assert (bright + 0.05) / (dark + 0.05) > 1.5
    assert {style.REGION, style.CRACK, style.SODIUM, style.CERAMIC} <= set(style.OKABE_ITO.values())


def test_grey_range_of_flat_and_empty_images() -> None:
    assert style.grey_range(np.full((4, 4), 3.0)) == (3.0, 4.0)
    assert style.grey_range(np.full((4, 4), np.nan)) == (0.0, 1.0)
