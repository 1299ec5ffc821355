from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures import (
    inset_picture,
    projection_picture,
    refused_picture,
    section_picture,
    style,
    volume_picture,
)
from spallmap.figures.registration.agreement import cut_out, to_unit
from spallmap.figures.registration.inset_picture import _closest
from spallmap.frames import AffineMap, grid_points, sample_volume
from spallmap.registration.compose import refused as not_tried
from spallmap.report.captions import figure_picture
from tests.unit.figures.picture_checks import REASONS, assert_inside, head, known, words

SPACING = (4.0, 4.0, 4.0)
FAR = AffineMap.from_parts(np.eye(3), (0.0, 0.0, 5000.0))


@pytest.fixture
def volume() -> np.ndarray:
    rng = np.random.default_rng(5)
    grey = np.full((50, 60, 70), 45000.0)
    for centre in rng.uniform(5, 45, (40, 3)):
        squared = sum((x - c) ** 2 for x, c in zip(np.ogrid[:50, :60, :70], centre, strict=True))
        grey[squared < 9.0] = 13000.0
    return (grey + rng.normal(0, 800, grey.shape)).astype(np.uint16)


@pytest.fixture
def place() -> AffineMap:
    """Columns along x, rows along -z, in the plane y = 120."""
    linear = np.column_stack([(1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)])
    return AffineMap.from_parts(linear, (20.0, 120.0, 180.0))


@pytest.fixture
def section(volume: np.ndarray, place: AffineMap) -> tuple[np.ndarray, np.ndarray]:
    cut = sample_volume(volume, SPACING, place(grid_points((80, 110), (2.0, 2.0))))
    mask = np.ones(cut.shape, bool)
    mask[70:] = False
    return np.where(mask, cut / 256.0, 255.0), mask


def test_section_with_candidates(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    away = AffineMap.from_parts(np.eye(3), (0.0, 40.0, 30.0)) @ place
    listed = [
        {"matrix": m.matrix.tolist(), "score": s}
        for m, s in ((place, 0.83), (away, 0.55), (FAR @ place, 0.5), (away, 0.4))
    ]
    figure = section_picture(
        *section, (2.0, 2.0), volume, SPACING, known(place, diagnostics={"candidates": listed})
    )
    text = words(figure)
    assert "ACCEPTED" in head(figure)
    assert "candidate 1: 0.83, the reported one" in text
    assert "candidate 2: 0.55, 50 µm away" in text
    assert "candidate 3" in text
    assert "candidate 4" not in text
    # The third candidate leaves the volume and its panel says so.
    assert text.count("No part of the image's field") == 1
    assert any(a.get_gid() == "scale-bar" for a in figure.findobj())
    assert_inside(figure)


def test_right_section_looks_alike_and_wrong_one_does_not(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    colour = []
    for matrix in (place, AffineMap.from_parts(np.eye(3), (17.0, 0.0, 0.0)) @ place):
        figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(matrix))
        fused = np.asarray(figure.axes[3].images[0].get_array())
        colour.append(float(np.ptp(fused, axis=-1).mean()))
    assert colour[0] < 0.5 * colour[1]


def test_refused_section_without_candidates_shows_reasons(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(place, "refused"))
    assert "REFUSED" in head(figure)
    assert all(reason in head(figure) for reason in REASONS[:3])
    assert "candidate" not in words(figure)
    assert len(figure.axes) == 6
    assert all(axes.get_title(loc="left") for axes in figure.axes)
    assert_inside(figure)


def test_section_outside_the_volume_says_so(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(FAR @ place, "refused"))
    assert words(figure).count("No part of the image's field lies inside the tomogram") == 5
    assert len(style.png_bytes(figure)) > 10_000


def test_section_partly_outside_tells_the_share(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    half = AffineMap.from_parts(np.eye(3), (148.0, 0.0, 0.0)) @ place
    figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(half))
    assert "50 % of the field inside" in words(figure)


def test_inset_of_sem(section: tuple[np.ndarray, np.ndarray]) -> None:
    image, mask = section
    place = AffineMap.from_parts(np.eye(3), (60.0, 40.0, 0.0))
    inset = image[20:50, 30:70]
    figure = inset_picture(inset, None, (2.0, 2.0), image, mask, (2.0, 2.0), known(place), "sem")
    text = words(figure)
    assert "ACCEPTED" in head(figure)
    assert "inset magenta, overview green" in text
    left, right = figure.axes[1].images[0].get_array(), figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(np.asarray(left), np.asarray(right), atol=1e-9)
    corners = figure.axes[0].patches[-1].get_xy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(corners.min(axis=0), (59.0, 39.0))
    np.testing.assert_allclose(corners.max(axis=0), (139.0, 99.0))
    assert_inside(figure)


def test_inset_of_elements_names_them_and_picks_the_closest(section: tuple[np.ndarray, np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    image, mask = section
    coarse = image[10:60:2, 20:100:2]
    counts = np.stack([rng.poisson(3.0, coarse.shape), rng.poisson(20.0 * (1.1 - to_unit(coarse)))])
    place = AffineMap.from_parts(np.eye(3), (40.0, 20.0, 0.0))
    figure = inset_picture(
        counts, None, (4.0, 4.0), image, mask, (2.0, 2.0), known(place), "edx", ("C", "Na")
    )
    text = words(figure)
    assert "edges of Na on the overview" in text
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["C", "Na"]
    assert_inside(figure)
    fields = [cut_out(c, (4.0, 4.0)) for c in counts]
    assert _closest(fields, np.full(coarse.shape, np.nan)) == 0


@pytest.mark.parametrize("kind", ["sem", "edx"])
def test_inset_outside_the_overview_says_so(section: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    image, mask = section
    away = AffineMap.from_parts(np.eye(3), (600.0, -90.0, 0.0))
    figure = inset_picture(
        image[:30, :40],
        None,
        (2.0, 2.0),
        image,
        mask,
        (2.0, 2.0),
        known(away, "refused"),
        kind,  # type: ignore[arg-type]
    )
    assert "REFUSED" in head(figure)
    assert words(figure).count("No part of the inset's field lies inside the overview") == 4
    axes = figure.axes[0]
    corners = axes.patches[-1].get_xy()  # type: ignore[attr-defined]
    assert axes.get_xlim()[1] > corners[:, 0].max()
    assert axes.get_ylim()[1] < corners[:, 1].min()


def test_inset_wants_a_name_per_map() -> None:
    maps = np.ones((3, 8, 8))
    with pytest.raises(ValueError, match="3 maps need as many names; got 2"):
        inset_picture(
            maps, None, (1, 1), maps[0], None, (1, 1), known(AffineMap.identity()), "edx", ("C", "O")
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_projection_residual_has_unit_spread_where_the_model_is_right(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = np.zeros((64, 48))
    model[15:22, 10:38] = 30.0
    model[40:47, 10:38] = 15.0
    sigma = 2.0
    noise = rng.normal(0.0, sigma, (2, *model.shape))
    image = np.hypot(model + noise[0], noise[1])
    exclude = np.zeros(model.shape, bool)
    exclude[24:27, 12:16] = True
    figure = projection_picture(image, model, sigma, (23.0, 46.0), known(AffineMap.identity()), exclude)
    residual = np.asarray(figure.axes[3].images[0].get_array())
    assert residual.std() == pytest.approx(1.0, abs=0.06)
    assert residual.mean() == pytest.approx(0.0, abs=0.06)
    low, high = figure.axes[3].images[0].get_clim()
    assert low == -high
    text = words(figure)
    for part in ("MRI magnitude", "contours of the model", "(MRI − model) / noise sd", "left out of the fit"):
        assert part in text
    assert_inside(figure)


def test_projection_without_model_says_so() -> None:
    image = np.random.default_rng(0).rayleigh(1.0, (30, 20))
    untried = not_tried("the tomogram's phases contain no sodium to project")
    figure = projection_picture(image, None, 1.0, (23.0, 46.0), untried)
    assert "There is no model image" in words(figure)
    assert "contain no sodium to project" in head(figure)
    assert_inside(figure)


def test_projection_of_a_model_without_metal_in_the_field_says_so() -> None:
    image = np.random.default_rng(0).rayleigh(1.0, (30, 20))
    figure = projection_picture(
        image, np.zeros_like(image), 1.0, (23.0, 46.0), known(AffineMap.identity(), "refused")
    )
    assert "the model shows no metal here" in words(figure)


@pytest.mark.parametrize(("shape", "sigma"), [((3, 8, 8), 1.0), ((8, 8), 0.0), ((8, 8), np.nan)])
def test_projection_refuses_what_it_cannot_draw(shape: tuple[int, ...], sigma: float) -> None:
    with pytest.raises(ValueError, match="one plane and a positive sigma"):
        projection_picture(np.ones(shape), None, sigma, (1.0, 1.0), known(AffineMap.identity()))


def test_volume_moved_back_by_its_map_is_grey(volume: np.ndarray) -> None:
    moving = np.roll(volume, (2, -3, 1), axis=(0, 1, 2))
    right = AffineMap.from_parts(np.eye(3), (-4.0, 12.0, -8.0))
    spread = {}
    for name, matrix in (("right", right), ("wrong", right.inverse())):
        figure = volume_picture(moving, SPACING, volume, SPACING, known(matrix))
        fused = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[3:]]
        inner = [np.ptp(f[8:-8, 8:-8], axis=-1).max() for f in fused]
        spread[name] = inner
        assert "ACCEPTED" in head(figure)
    assert max(spread["right"]) == 0.0
    assert min(spread["wrong"]) > 0.3
    text = words(figure)
    for part in ("z = 98 µm", "y = 118 µm", "x = 138 µm", "magenta: fixed", "green: moving", "x →", "z →"):
        assert part in text
    assert_inside(figure)


def test_volume_planes_stand_the_right_way_up() -> None:
    grey = np.zeros((20, 20, 20))
    grey[15:] = 1000.0
    figure = volume_picture(grey, SPACING, grey, SPACING, known(AffineMap.identity()))
    picture = np.asarray(figure.axes[1].images[0].get_array())[..., 0]
    assert picture[0].mean() > picture[-1].mean()
    assert figure.axes[1].get_ylim() == pytest.approx((-2.0, 78.0))


def test_volume_without_overlap_says_so(volume: np.ndarray) -> None:
    figure = volume_picture(volume, SPACING, volume, SPACING, known(FAR, "refused"))
    assert words(figure).count("No part of the other tomogram") == 6
    assert all(reason in head(figure) for reason in REASONS[:3])


def test_refused_picture_says_why() -> None:
    reason = "there is no tomogram of this cell to register it to; " * 6 + "so $nothing$ was tried"
    for why in (reason, not_tried(reason)):
        figure = refused_picture(why, "mri-t2")
        assert head(figure).startswith("mri-t2: REFUSED")
        assert words(figure).count("there is no tomogram of this cell") == 6
        assert_inside(figure)
    with pytest.raises(ValueError, match="accepted"):
        refused_picture(known(AffineMap.identity()))


@pytest.mark.parametrize("kind", ["volume", "projection", "section", "inset"])
def test_each_picture_has_words(kind: str) -> None:
    picture = figure_picture(f"registration_{kind}", b"", "sem-detail")
    assert picture.title.endswith("(sem-detail)")
    assert len(picture.caption) > 200
    assert picture.alt
