from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

from spallmap.tomography import find_interfaces
from spallmap.tomography.contact.face_contact import BEYOND, CONTACT, GAP, _electrode, measure_contact
from spallmap.tomography.contact.face_maps import INTERFACE_CHANNELS, interface_maps

AIR, SODIUM, CERAMIC = 10_000.0, 19_000.0, 50_000.0
SHAPE = (80, 130, 130)
SPACING_UM = (5.0, 5.0, 5.0)
BLUR = 0.75
RADIUS, ELECTRODE = 58.0, 45.0

Floats = NDArray[np.float64]


def _step(distance: Floats) -> Floats:
    """A blurred wall: 1 where the distance is negative."""
    return 0.5 - 0.5 * erf(distance / (np.sqrt(2.0) * BLUR))


def _draw(
    rng: np.random.Generator, gap: Floats, noise: float = 1500.0
) -> tuple[NDArray[np.uint16], NDArray[np.uint8], Floats, Floats]:
    """Draw ceramic between wavy faces, electrodes on both, gas of a height in voxels under the upper one."""
    z, y, x = np.meshgrid(*[np.arange(n, dtype=float) for n in SHAPE], indexing="ij")
    phase = rng.uniform(0.0, 2.0 * np.pi, 4)
    top = 52.3 + 0.8 * np.sin(y[0] / 9.0 + phase[0]) + 0.5 * np.cos(x[0] / 6.0 + phase[1]) + 0.02 * x[0]
    bottom = 27.6 + 0.8 * np.sin(x[0] / 8.0 + phase[2]) + 0.4 * np.cos(y[0] / 7.0 + phase[3]) - 0.02 * y[0]
    r = np.hypot(y - 64.5, x - 64.5)
    disc = _step(r - RADIUS) * _step(z - top) * _step(bottom - z)
    upper = _step(r - ELECTRODE) * _step(top + gap - z) * _step(z - 74.0)
    lower = _step(r - ELECTRODE) * _step(z - bottom) * _step(6.0 - z)
    grey = AIR + (CERAMIC - AIR) * disc + (SODIUM - AIR) * (upper + lower)
    grey += rng.normal(0.0, noise, SHAPE)
    labels = np.full(SHAPE, 5, dtype=np.uint8)
    labels[(upper + lower) > 0.5] = 2
    labels[(r < RADIUS) & (z > bottom) & (z < top)] = 1
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16), labels, bottom, top


def _lens(y0: float, x0: float, radius: float, height: float) -> Floats:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    inside = np.clip(1.0 - ((y - y0) ** 2 + (x - x0) ** 2) / radius**2, 0.0, None)
    lens: Floats = height * np.sqrt(inside)
    return lens


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faces_are_found_to_a_fraction_of_a_voxel(seed: int) -> None:
    # The noise of 1 500 is 5 % of the contrast with sodium, as in the twin.
    grey, labels, bottom, top = _draw(np.random.default_rng(seed), np.zeros(SHAPE[1:]))
    faces = find_interfaces(labels, grey)
    assert faces is not None
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    r = np.hypot(y - 64.5, x - 64.5)
    for inside in (r < 42.0, (r > 48.0) & (r < 54.0)):
        for found, true in ((faces.bottom, bottom), (faces.top, top)):
            error = (found - true)[inside]
            assert np.sqrt(np.mean(error**2)) < 0.15
            assert abs(np.mean(error)) < 0.05
    blocky = find_interfaces(labels)
    assert blocky is not None
    assert np.std((blocky.top - top)[r < 42.0]) > 0.25


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_voids_are_found_with_their_area_volume_and_height(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = [(45.0, 50.0, 9.0, 3.0), (80.0, 70.0, 14.0, 5.0), (60.0, 90.0, 6.0, 2.5)]
    gap = sum((_lens(*lens) for lens in drawn), np.zeros(SHAPE[1:]))
    grey, labels, _, _ = _draw(rng, gap)
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
    grey, labels, _, _ = _draw(np.random.default_rng(5), gap)
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


@pytest.mark.parametrize("seed", [1, 2])
def test_roughness_is_that_of_the_drawn_faces_and_maps_say_the_same(seed: int) -> None:
    grey, labels, bottom, top = _draw(np.random.default_rng(seed), _lens(64.0, 64.0, 12.0, 4.0))
    found = interface_maps(grey, labels, SPACING_UM)
    assert found.maps.shape == (len(INTERFACE_CHANNELS), *SHAPE[1:])
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    inside = np.hypot(y - 64.5, x - 64.5) < RADIUS - 4
    rows, columns = np.nonzero(inside)
    design = np.column_stack([np.ones(len(rows)), rows, columns])
    for k, (side, height) in enumerate((("bottom", bottom), ("top", top))):
        values = np.broadcast_to(height, SHAPE[1:])[inside]
        off = (values - design @ np.linalg.lstsq(design, values, rcond=None)[0]) * SPACING_UM[0]
        said = found.summary[side]["roughness"]
        # The scan's own error, some 0.1 voxel, adds in squares.
        assert said["sq_um"] == pytest.approx(np.hypot(off.std(), 0.5), rel=0.1)
        assert said["sa_um"] == pytest.approx(np.abs(off).mean(), rel=0.15)
        error = found.maps[4 * k][inside] / SPACING_UM[0] - values
        assert np.median(np.abs(error)) < 0.15
    assert list(found.voids["side"]) == ["top"]
    assert found.maps[INTERFACE_CHANNELS.index("top_void")].max() == 1.0
    assert found.summary["top"]["lost_fraction"] > found.summary["bottom"]["lost_fraction"]


def test_no_ceramic_gives_empty_maps() -> None:
    labels = np.full((12, 20, 20), 5, dtype=np.uint8)
    found = interface_maps(np.full(labels.shape, 10_000, dtype=np.uint16), labels, SPACING_UM)
    assert np.isnan(found.maps[INTERFACE_CHANNELS.index("top_height_um")]).all()
    assert not found.maps[INTERFACE_CHANNELS.index("top_against")].any()
    assert len(found.voids) == 0
    assert found.summary == {}


def test_where_the_volume_ends_there_is_no_face() -> None:
    grey, labels, _, _ = _draw(np.random.default_rng(3), np.zeros(SHAPE[1:]))
    grey, labels = grey[:45], labels[:45]
    faces = find_interfaces(labels, grey)
    assert faces is not None
    assert faces.top_cut.sum() > 8000
    assert not faces.bottom_cut.any()
    below, above = faces.depth_um(np.array([[40.0, 64.0, 64.0], [44.0, 70.0, 60.0]]), SPACING_UM)
    assert np.all(np.isinf(above))
    assert below == pytest.approx([5 * 12.4, 5 * 16.4], abs=8.0)
    assert np.isnan(faces.roughness_um(SPACING_UM, top=True).sa_um)
    found = interface_maps(grey, labels, SPACING_UM)
    assert np.isnan(found.maps[INTERFACE_CHANNELS.index("top_height_um")]).all()
    assert not found.maps[INTERFACE_CHANNELS.index("top_against")].any()


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
