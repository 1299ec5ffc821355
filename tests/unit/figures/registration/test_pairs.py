from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as PilImage

from spallmap.figures import refused_picture, style
from spallmap.figures.registration.agreement import fusion, show
from spallmap.figures.registration.pairs import mark_fusion, mark_pair, pair_notes, pairs_of
from spallmap.report.flicker import flicker_pictures
from spallmap.results.documents import write_figure


def saved(figure: Figure, folder: Path) -> bytes:
    write_figure(folder / "a.png", figure, notes=pair_notes(figure))
    return (folder / "a.png").read_bytes()


def halves(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(PilImage.open(io.BytesIO(png)).convert("RGB"), dtype=np.float64) / 255.0
    middle = values.shape[1] // 2
    return values[:, :middle], values[:, middle:]


def two_panels(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> Figure:
    """Two panels of one place; what stands around them moves them by parts of a pixel."""
    height, width = (float(n) for n in first.shape[:2])
    with style.context():
        figure = style.new_figure("double", float(rng.uniform(60, 90)))
        left, right = figure.subplots(1, 2)
        for axes, values in ((left, first), (right, second)):
            show(axes, values, (0.0, width, height, 0.0))
        style.bare(left, "columns, u →", "← rows, v")
        style.panel_title(right, "b", "title")
        mark_pair((left, right), "image", "model")
    return figure


def at_centres(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The picture where the centres of `shape` samples that fill it lie."""
    row, column = (
        ((np.arange(n) + 0.5) / n * size).astype(int) for n, size in zip(shape, picture.shape, strict=False)
    )
    return picture[np.ix_(row, column)]


@pytest.mark.parametrize("seed", range(4))
def test_both_pictures_of_a_fusion_come_back_from_the_file(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(20, 40, 2))
    first, second = rng.uniform(size=(2, *shape))
    with style.context():
        figure = style.new_figure("double", float(rng.uniform(60, 110)))
        figure.suptitle("words\n" * int(rng.integers(1, 4)))
        grid = figure.subplots(2, 3)
        for axes in grid.flat:
            show(axes, first, (0.0, float(shape[1]), float(shape[0]), 0.0))
            style.panel_title(axes, "a", "title")
        axes = grid.flat[int(rng.integers(6))]
        show(axes, fusion(first, second), (0.0, float(shape[1]), float(shape[0]), 0.0))
        mark_fusion(axes, "one", "other", "z = 3 µm")
    (picture,) = flicker_pictures(saved(figure, tmp_path))
    assert picture.halves == ("one", "other")
    assert picture.title == "In turn: one and other, z = 3 µm"
    for half, values in zip(halves(picture.png), (first, second), strict=True):
        np.testing.assert_allclose(at_centres(half, shape)[..., 0], values, atol=1.01 / 255.0)


@pytest.mark.parametrize("seed", range(4))
def test_two_panels_of_one_place_lie_on_each_other(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(20, 40, 2))
    first, second = rng.uniform(size=(2, *shape, 3))
    (picture,) = flicker_pictures(saved(two_panels(first, second, rng), tmp_path))
    one, other = halves(picture.png)
    assert one.shape == other.shape
    np.testing.assert_allclose(at_centres(one, shape), first, atol=1.01 / 255.0)
    np.testing.assert_allclose(at_centres(other, shape), second, atol=1.01 / 255.0)


@pytest.mark.parametrize("seed", range(6))
def test_two_panels_are_cut_out_to_a_pixel(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(size=(*rng.integers(20, 40, 2), 3))
    png = saved(two_panels(values, values, rng), tmp_path)
    one, other = (
        np.any(np.diff(half, axis=1) != 0.0, axis=(0, 2)) for half in halves(flicker_pictures(png)[0].png)
    )
    lines = [np.flatnonzero(half) for half in (one, other)]
    nearest = np.abs(lines[0][:, None] - lines[1][None, :]).min(axis=1)
    assert nearest.max() <= 1


def test_only_the_first_of_several_pairs_is_explained(tmp_path: Path) -> None:
    figure = style.new_figure("single", 60.0)
    for k, axes in enumerate(figure.subplots(1, 2)):
        show(axes, fusion(*np.full((2, 9, 9), 0.5)), (0.0, 1.0, 1.0, 0.0))
        mark_fusion(axes, "one", "other", f"x = {k} µm")
    first, second = flicker_pictures(saved(figure, tmp_path))
    assert "the one and the other take turns" in first.caption
    assert second.caption == ""


def test_a_picture_without_pairs_says_nothing(tmp_path: Path) -> None:
    figure = refused_picture("there is no tomogram", "mri-t2")
    before = figure.dpi
    assert pairs_of(figure) == []
    assert flicker_pictures(saved(figure, tmp_path)) == ()
    assert figure.dpi == before
