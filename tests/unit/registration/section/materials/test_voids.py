"""Voids in drawn ceramics, whose fractions are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from spallmap.image import Image
from spallmap.registration.section.appearance import CERAMIC, SOLID, VOID, Section, read_section
from spallmap.registration.section.materials.voids import SODIUM_DARKNESS, void_fraction

SHAPE, STEP_UM = (150, 200), 2.0
CERAMIC_GREY, SODIUM_GREY, NOTHING_GREY = 168.0, 104.0, 10.0


def grains(rng: np.random.Generator) -> np.ndarray:
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    middles = rng.uniform(0.0, 400.0, (800, 2))
    _, nearest = cKDTree(middles).query(np.stack([v, u], axis=-1))
    return CERAMIC_GREY + 10.0 * rng.normal(size=800).clip(-2.5, 2.5)[nearest]


def noisy(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(grey + rng.normal(0.0, 3.0, grey.shape), 0, 255).astype(np.float32)


def fraction_of(grey: np.ndarray) -> np.ndarray:
    everywhere = np.ones(grey.shape, bool)
    return void_fraction(grey, ndimage.median_filter(grey, 3), everywhere, everywhere, (STEP_UM, STEP_UM))


@pytest.mark.parametrize("seed", range(5))
def test_pores_keep_their_area_and_grains_are_no_pores(seed):
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[: 8 * SHAPE[0], : 8 * SHAPE[1]] * STEP_UM / 8
    radii = np.array([3.0, 4.0, 6.0, 10.0, 20.0])
    middles = np.column_stack([rng.uniform(40, 250, 5), 40.0 + 75.0 * np.arange(5) + rng.uniform(0, 4, 5)])
    fine = np.zeros(v.shape)
    for (a, b), radius in zip(middles, radii, strict=True):
        fine[(v - a) ** 2 + (u - b) ** 2 < radius**2] = 1.0
    true = fine.reshape(SHAPE[0], 8, SHAPE[1], 8).mean(axis=(1, 3))
    found = fraction_of(noisy((1 - true) * grains(rng) + true * NOTHING_GREY, rng))
    for (a, b), radius in zip(middles, radii, strict=True):
        around = np.hypot(*(np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM - np.array([[[a]], [[b]]]))) < 35.0
        area = found[around].sum() * STEP_UM**2
        assert area == pytest.approx(np.pi * radius**2, rel=0.12, abs=6.0)
    assert found[ndimage.distance_transform_edt(true == 0) > 4].mean() < 1e-4


@pytest.mark.parametrize(("filling", "least"), [(NOTHING_GREY, 0.8), (SODIUM_GREY, 0.6)])
def test_a_thin_crack_is_followed_whether_open_or_filled(filling, least):
    rng = np.random.default_rng(3)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    crack = np.abs(v - (120.0 + 0.002 * (u - 200.0) ** 2)) < 2.0
    pore = np.hypot(v - 40.0, u - 60.0) < 12.0
    found = fraction_of(noisy(np.where(pore, NOTHING_GREY, np.where(crack, filling, grains(rng))), rng))
    assert found[pore].mean() > 0.9
    found[ndimage.distance_transform_edt(~pore) <= 4] = 0.0
    followed = ndimage.maximum_filter(found, 3)[crack]
    assert np.mean(followed > least) > 0.9
    assert found[ndimage.distance_transform_edt(~crack) > 4].mean() < 1e-4
    assert found.max() <= (SODIUM_DARKNESS if filling == SODIUM_GREY else 1.0) + 1e-6


def test_grains_have_no_voids():
    rng = np.random.default_rng(4)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    pore = np.hypot(v - 40.0, u - 60.0) < 12.0
    found = fraction_of(noisy(np.where(pore, NOTHING_GREY, grains(rng)), rng))
    assert found[pore].all()
    assert found[ndimage.distance_transform_edt(~pore) > 4].mean() < 1e-4


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("ceramic", [168.0, 300.0])
def test_clean_and_clipped_greys_are_read(noise, ceramic):
    rng = np.random.default_rng(6)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    pore = np.hypot(v - 100.0, u - 150.0) < 12.0
    crack = np.abs(v - 200.0 - 0.2 * u) < 2.0
    grey = np.where(pore, NOTHING_GREY, np.where(crack, 150.0, ceramic)) + rng.normal(0.0, noise, SHAPE)
    image = Image(np.clip(np.rint(grey), 0, 255).astype(np.uint8), ("y", "x"), (STEP_UM, STEP_UM))
    section = read_section(image, STEP_UM)
    assert isinstance(section, Section)
    assert section.maps[VOID][pore].mean() > 0.95
    assert section.maps[VOID][~pore & (ndimage.distance_transform_edt(~crack) > 2)].mean() < 2e-3
    assert section.maps[CERAMIC].sum() > 0.95 * (~pore).sum() - crack.sum()
    if ceramic == 300.0:
        assert section.maps[VOID][crack].mean() > 0.5


def test_a_sliver_of_an_electrode_at_the_rim_is_neither_ceramic_nor_void():
    rng = np.random.default_rng(5)
    grey = grains(rng)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    grey[np.hypot(v - 100.0, u - 150.0) < 12.0] = NOTHING_GREY
    grey[v > 284.0] = SODIUM_GREY
    section = read_section(Image(noisy(grey, rng), ("y", "x"), (STEP_UM, STEP_UM)), STEP_UM)
    assert isinstance(section, Section)
    kind = np.argmax(section.maps, axis=0)
    assert np.mean(kind[145:] == SOLID) > 0.95
    assert np.mean(kind[:140][v[:140] < 270.0] == VOID) < 0.01
    assert kind[50, 75] == VOID
    assert kind[100, 20] == CERAMIC


def test_a_crack_that_is_open_here_and_filled_there_counts_as_void_all_along():
    rng = np.random.default_rng(6)
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    crack = np.abs(v - (120.0 + 0.002 * (u - 200.0) ** 2)) < 2.0
    filled = crack & (u < 200.0)
    # under secondary electrons sodium is nearly as bright as the ceramic
    drawn = np.where(filled, 0.8 * CERAMIC_GREY, np.where(crack, NOTHING_GREY, grains(rng)))
    found = fraction_of(noisy(drawn, rng))
    followed = ndimage.maximum_filter(found, 3)
    assert np.mean(followed[filled & (u < 180.0)] > 0.6) > 0.8
    assert np.mean(followed[crack & ~filled] > 0.8) > 0.9
    assert found[ndimage.distance_transform_edt(~crack) > 4].mean() < 2e-4
