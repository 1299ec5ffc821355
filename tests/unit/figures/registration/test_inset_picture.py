from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures import (
    inset_picture,
)
from spallmap.figures.registration.agreement import cut_out, to_unit
from spallmap.figures.registration.inset_picture import _closest
from spallmap.frames import AffineMap
from tests.unit.figures.picture_checks import assert_inside, head, known, words


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
