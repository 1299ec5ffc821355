from __future__ import annotations

import numpy as np
import pytest

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap
from spallmap.twin.poses import draw_inset_pose, placed
from spallmap.twin.render import CERAMIC, EMPTY_CRACK, SODIUM_CRACK
from spallmap.twin.scans import TwinCell
from spallmap.twin.sem import ELEMENTS, draw_section_look, simulate_edx, simulate_sem
from spallmap.twin.sizes import Sizes
from tests.unit.twin.plain_cell import plain_cell, spheres

POSITION = np.array([25.0, -12.0, 18.0])
SMALL = Sizes(
    xct_shape=(20, 20, 20),
    xct_spacing_um=70.0,
    sem_shape=(160, 225),
    sem_spacing_um=4.0,
    detail_shape=(60, 80),
    detail_spacing_um=1.6,
    edx_shape=(60, 80),
    edx_spacing_um=8.0,
)


def plane_through(point, azimuth_deg: float, own_um) -> AffineMap:
    return placed(AxesPrior.parse("-z,r").linear(azimuth_deg), own_um, point)


def dark_centre(image, around, half: int, level: float):
    """Centre of the dark pixels in a window, as (column, row)."""
    j, i = (round(c) for c in around)
    window = image[j - half : j + half + 1, i - half : i + half + 1].astype(float) < level
    rows, columns = np.nonzero(window)
    return np.array([columns.mean() + i - half, rows.mean() + j - half])


@pytest.mark.parametrize("azimuth", [0.0, 75.0, 200.0, 311.0])
def test_a_marked_pore_appears_in_every_image_of_the_section(azimuth):
    cell = plain_cell(hollows=spheres((*POSITION, 12.0)))
    own = np.array([110.0, 84.0, 0.0])
    to_cell = plane_through(POSITION, azimuth, own)
    rng = np.random.default_rng(0)
    look = draw_section_look(rng, (170.0, 240.0))
    overview = simulate_sem(cell, to_cell, rng, look=look, shape=(170, 240), spacing_um=1.0)
    np.testing.assert_allclose(dark_centre(overview.image, own[1::-1], 20, 60), own[:2], atol=0.5)
    inset = draw_inset_pose(rng, (170, 220), 0.25, own + np.array([4.0, -3.0, 0.0]), 5.0)
    detail = simulate_sem(
        cell, to_cell @ inset, rng, look=look, to_overview=inset, shape=(170, 220), spacing_um=0.25
    )
    where = inset.inverse()(own)[:2] / 0.25
    np.testing.assert_allclose(dark_centre(detail.image, where[::-1], 60, 60), where, atol=1.0)
    maps = draw_inset_pose(rng, (60, 80), 2.0, own, 2.0)
    aluminium = simulate_edx(cell, to_cell @ maps, rng, shape=(60, 80), spacing_um=2.0)[ELEMENTS.index("Al")]
    where = maps.inverse()(own)[:2] / 2.0
    np.testing.assert_allclose(dark_centre(aluminium, where[::-1], 9, 5.5), where, atol=0.7)


def test_the_data_bar_is_black_with_a_scale_bar_of_a_round_length():
    cell, rng = plain_cell(), np.random.default_rng(1)
    look = draw_section_look(rng, (300.0, 400.0))
    for spacing, length_um in ((1.0, 100.0), (0.2, 20.0), (0.5, 50.0)):
        image = simulate_sem(
            cell,
            plane_through((0, 0, 0), 10.0, (0, 0, 0)),
            rng,
            look=look,
            shape=(300, 400),
            spacing_um=spacing,
        )
        bar = image.image[image.bar_row :]
        assert set(np.unique(bar)) == {0, 255}
        assert (bar == 255).sum(axis=1).max() == pytest.approx(length_um / spacing, abs=1)
        assert image.image[: image.bar_row].std() > 2.0


def test_detail_and_overview_show_the_same_matter():
    section = TwinCell(4, sizes=SMALL).section()
    corners = section.detail_to_overview(np.array([[0.0, 0, 0], [79 * 1.6, 59 * 1.6, 0]])) / 4.0
    assert corners.min() >= 0.0
    both = []
    for v, u in np.random.default_rng(0).integers(4, (56, 76), (300, 2)):
        own = np.array([u * 1.6, v * 1.6, 0.0])
        i, j, _ = np.rint(section.detail_to_overview(own) / 4.0).astype(int)
        both.append((section.detail.fractions[v, u, CERAMIC], section.overview.fractions[j, i, CERAMIC]))
    pairs = np.array(both)
    assert np.mean(np.abs(pairs[:, 0] - pairs[:, 1]) < 0.5) > 0.9


def test_counts_are_poisson():
    rng = np.random.default_rng(5)
    pose = AffineMap.from_parts(AxesPrior.parse("-z,r").linear(0.0), (-40.0, 0.0, 30.0))
    counts = simulate_edx(plain_cell(), pose, rng, shape=(60, 80), spacing_um=1.0).astype(float)
    assert counts.shape == (len(ELEMENTS), 60, 80)
    for element in counts:
        assert element.var() / element.mean() == pytest.approx(1.0, abs=0.1)


def test_sections_cut_the_crack_at_any_azimuth():
    azimuths = []
    for seed in range(12):
        section = TwinCell(seed, sizes=SMALL).section()
        fractions = section.overview.fractions[: section.overview.bar_row]
        crack_um2 = (fractions[..., EMPTY_CRACK] + fractions[..., SODIUM_CRACK]).sum() * 16.0
        assert crack_um2 > 500.0
        linear = section.overview.to_cell.linear
        azimuths.append(np.degrees(np.arctan2(linear[1, 0], linear[0, 0])))
        assert linear[2, 1] < -0.99
    quarters = {int(a // 90) for a in azimuths}
    assert len(quarters) >= 3


def test_insets_lie_in_the_overview():
    for seed in range(12):
        section = TwinCell(seed, "control" if seed % 3 == 0 else "dendrite", sizes=SMALL).section()
        for inset, (n_rows, n_columns), spacing in (
            (section.detail_to_overview, (60, 80), 1.6),
            (section.edx_to_overview, (60, 80), 8.0),
        ):
            v, u = (n_rows - 1) * spacing, (n_columns - 1) * spacing
            corners = inset(np.array([[0, 0, 0], [u, 0, 0], [0, v, 0], [u, v, 0]])) / 4.0
            assert corners.min() >= -0.5
            assert corners[:, 0].max() < 225
            assert corners[:, 1].max() < section.overview.bar_row + 2
