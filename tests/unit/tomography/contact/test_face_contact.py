from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import find_interfaces
from spallmap.tomography.contact.face_contact import BEYOND, CONTACT, GAP, _electrode, measure_contact
from tests.unit.tomography.contact.face_drawings import (
    ELECTRODE,
    SHAPE,
    SODIUM,
    SPACING_UM,
    draw_faces,
    lens_of,
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_voids_are_found_with_their_area_volume_and_height(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = [(45.0, 50.0, 9.0, 3.0), (80.0, 70.0, 14.0, 5.0), (60.0, 90.0, 6.0, 2.5)]
    gap = sum((lens_of(*lens) for lens in drawn), np.zeros(SHAPE[1:]))
    grey, labels, _, _ = draw_faces(rng, gap)
    faces = find_interfaces(labels, grey)
    assert faces is not None
    contact = measure_contact(grey, labels, faces, SPACING_UM, threads=2)
    top = contact.top
    assert len(top.voids) == 3
    assert contact.sodium_grey == pytest.approx(SODIUM, abs=250.0)
    for row, (y0, x0, radius, height) in zip(
        top.voids.itertuples(), sorted(drawn, key=lambda d: -d[2]), strict=True
    ):
        assert row.area_um2 == pytest.approx(25.0 * np.pi * radius**2, rel=0.2)
        assert row.volume_um3 == pytest.approx(125.0 * 2.0 / 3.0 * np.pi * radius**2 * height, rel=0.15)
        assert row.height_max_um == pytest.approx(5.0 * height, rel=0.2)
        assert row.centroid_x_um == pytest.approx(5.0 * x0, abs=5.0)
        assert row.centroid_y_um == pytest.approx(5.0 * y0, abs=5.0)
    nominal = 25.0 * np.pi * ELECTRODE**2
    assert top.electrode_area_um2 == pytest.approx(nominal, rel=0.03)
    assert top.lost_fraction == pytest.approx(
        np.mean(gap[gap >= 0.0] > 0.0) * gap.size * 25.0 / nominal, rel=0.15
    )
    assert contact.bottom.lost_fraction < 0.01
    assert list(contact.table()["side"].unique()) in (["top"], ["bottom", "top"])
    assert contact.as_json()["top"]["n_voids"] == 3


def test_delamination_and_what_lies_beside_the_electrode() -> None:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    # Half of the electrode has come off by three voxels.
    gap = np.where(np.broadcast_to(x > 64, SHAPE[1:]), 3.0, 0.0)
    grey, labels, _, _ = draw_faces(np.random.default_rng(5), gap)
    faces = find_interfaces(labels, grey)
    assert faces is not None
    contact = measure_contact(grey, labels, faces, SPACING_UM)
    r = np.hypot(y - 64.5, x - 64.5)
    against = contact.top.against
    assert np.mean(against[(r < 41.0) & (x > 67)] == GAP) > 0.97
    assert np.mean(against[(r < 41.0) & (x < 62)] == CONTACT) > 0.98
    assert np.all(against[(r > 49.0) & (r < 56.0)] == BEYOND)
    assert np.all(against[r > 60.0] == 0)
    assert np.nanmedian(contact.top.gap_um[(r < 41.0) & (x > 67)]) == pytest.approx(15.0, abs=1.0)
    assert contact.top.lost_fraction == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("spacing_um", [(5.0, 5.0, 5.0), (5.0, 5.0, 15.0), (5.0, 15.0, 5.0)])
def test_notches_of_the_electrode_are_closed_by_their_width_in_um(
    spacing_um: tuple[float, float, float],
) -> None:
    ny, nx = (round(1_200.0 / s) for s in spacing_um[1:])
    y, x = (np.arange(n) * s for n, s in zip((ny, nx), spacing_um[1:], strict=True))
    covered = np.ones((ny, nx), dtype=bool)
    inside = (np.abs(y[:, None] - 600.0) < 400.0) & (np.abs(x[None, :] - 600.0) < 400.0)
    for across_y in (True, False):
        # From the electrode's edge to its middle.
        along, across = (x[None, :], y[:, None]) if across_y else (y[:, None], x[None, :])
        narrow = (along < 600.0) & (np.abs(across - 400.0) < 45.0)
        wide = (along < 600.0) & (np.abs(across - 700.0) < 90.0)
        outline = _electrode(inside & ~narrow & ~wide, covered, spacing_um)
        middle = (along > 240.0) & (along < 400.0)
        assert np.all(outline[inside & narrow & middle])
        assert not np.any(outline[wide & middle & (np.abs(across - 700.0) < 45.0)])
