from __future__ import annotations

import numpy as np

from spallmap.figures import (
    section_picture,
    style,
)
from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Diagnostics, Rival
from tests.unit.figures.picture_checks import FAR, REASONS, SPACING, assert_inside, head, known, words


def test_section_with_candidates(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    away = AffineMap.from_parts(np.eye(3), (0.0, 40.0, 30.0)) @ place
    listed = tuple(
        Rival("another pose", s, map=m, differs_by_um=d)
        for m, s, d in ((away, 0.55, 50.0), (FAR @ place, 0.5, 5000.0), (away, 0.4, 50.0))
    )
    figure = section_picture(
        *section, (2.0, 2.0), volume, SPACING, known(place, diagnostics=Diagnostics(rivals=listed))
    )
    text = words(figure)
    assert "ACCEPTED" in head(figure)
    assert "rival 1: 0.55, 50 µm away" in text
    assert "rival 2: 0.5, 5000 µm away" in text
    assert "rival 3: 0.4" in text
    assert "rival 4" not in text
    # The second rival leaves the volume and its panel says so.
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
    assert "rival" not in words(figure)
    assert len(figure.axes) == 6
    assert all(axes.get_title(loc="left") for axes in figure.axes)
    assert_inside(figure)


def test_section_outside_the_volume_says_so(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(FAR @ place, "refused"))
    assert words(figure).count("No part of the image's field lies inside the tomogram") == 5
    assert len(style.png_bytes(figure)) > 10_000


def test_section_partly_outside_reports_the_fraction(
    volume: np.ndarray, place: AffineMap, section: tuple[np.ndarray, np.ndarray]
) -> None:
    half = AffineMap.from_parts(np.eye(3), (148.0, 0.0, 0.0)) @ place
    figure = section_picture(*section, (2.0, 2.0), volume, SPACING, known(half))
    assert "50 % of the field inside" in words(figure)
