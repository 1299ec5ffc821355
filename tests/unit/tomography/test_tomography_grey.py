from __future__ import annotations

import numpy as np
import pytest
from tomography_drawings import AIR, CERAMIC, SODIUM, draw_cell

from spallmap.errors import InputError
from spallmap.tomography import AIR_GREY, CERAMIC_GREY, coarse, common_grey


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_levels_are_those_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain, offset = rng.uniform(0.05, 1.2), rng.uniform(-500.0, 3000.0)
    scale = common_grey(draw_cell(rng, noise=1500.0, scale=(gain, offset)).grey)
    contrast = gain * (CERAMIC - AIR)
    assert scale.air_level == pytest.approx(gain * AIR + offset, abs=0.01 * contrast)
    assert scale.ceramic_level == pytest.approx(gain * CERAMIC + offset, abs=0.01 * contrast)
    assert scale.sodium_level == pytest.approx(gain * SODIUM + offset, abs=0.02 * contrast)


@pytest.mark.parametrize("radius", [18.0, 34.0])
def test_common_scale_is_the_same_for_other_amounts_and_eight_bits(radius: float) -> None:
    rng = np.random.default_rng(7)
    drawing = draw_cell(rng, radius=radius, electrode_radius=0.6 * radius, scale=(200.0 / 65535.0, 5.0))
    volume = np.clip(np.rint(drawing.grey), 0, 255).astype(np.uint8)
    common = common_grey(volume).apply(volume)
    assert common.dtype == np.uint16
    for phase, expected in ((1, CERAMIC_GREY), (5, AIR_GREY)):
        assert np.median(common[drawing.truth == phase]) == pytest.approx(expected, abs=400.0)


def test_cupping_and_rings_keep_two_scans_on_one_scale() -> None:
    drawings = [
        draw_cell(np.random.default_rng(k), cupping=0.1, rings=600.0, half=half, scale=scale)
        for k, half, scale in ((1, 14.0, (1.0, 0.0)), (2, 12.0, (0.5, 900.0)))
    ]
    first, second = (common_grey(d.grey).apply(d.grey)[d.truth == 1] for d in drawings)
    assert np.median(first) == pytest.approx(CERAMIC_GREY, abs=0.02 * CERAMIC_GREY)
    assert np.median(second) == pytest.approx(np.median(first), abs=0.01 * CERAMIC_GREY)


def test_noise_is_found() -> None:
    rng = np.random.default_rng(3)
    grey = draw_cell(rng, noise=0.0).grey + rng.normal(0.0, 800.0, (64, 96, 96))
    assert common_grey(grey).noise_sd == pytest.approx(800.0, rel=0.03)


def test_a_zero_frame_is_not_air() -> None:
    drawing = draw_cell(np.random.default_rng(4), noise=500.0, scale=(1.0, 20_000.0))
    framed = np.pad(drawing.grey, ((0, 0), (12, 12), (12, 12)))
    assert common_grey(framed).air_level == pytest.approx(AIR + 20_000.0, abs=400.0)


def test_a_dense_casing_is_not_taken_for_the_ceramic() -> None:
    drawing = draw_cell(np.random.default_rng(5), casing_grey=90_000.0)
    assert common_grey(drawing.grey).ceramic_level == pytest.approx(CERAMIC, rel=0.02)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_can_without_ceramic_is_said_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawing = draw_cell(rng, radius=0.0, half=-2.0, electrode_radius=-2.0, casing_grey=CERAMIC)
    scale = common_grey(drawing.grey)
    assert scale.ceramic_level is None
    assert "no ceramic" in scale.finding
    # The volume can be looked at: air and the brightest phase have the places of air and ceramic.
    grey = scale.apply(drawing.grey)
    assert np.median(grey[drawing.truth == 5]) == pytest.approx(AIR_GREY, abs=800.0)
    assert np.median(grey[drawing.truth == 4]) == pytest.approx(CERAMIC_GREY, abs=2_000.0)


@pytest.mark.parametrize(
    ("volume", "found"),
    [
        (np.full((8, 8, 8), 7, dtype=np.uint16), "same grey value"),
        (np.where(np.arange(512).reshape(8, 8, 8) == 77, np.nan, 1.0), "slice 1"),
        (np.zeros((8, 8)), "shape"),
        (np.zeros((4, 4, 4), dtype=complex), "type"),
    ],
)
def test_unusable_volumes_are_refused(volume: np.ndarray, found: str) -> None:
    with pytest.raises(InputError, match=found) as caught:
        common_grey(volume, place="scan.tif")
    assert caught.value.place == "scan.tif"


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, ">u2"])
def test_the_scale_does_not_depend_on_slabs_or_threads(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = draw_cell(np.random.default_rng(6), cupping=0.08, rings=600.0)
    volume = np.clip(np.rint(drawing.grey), 0, 65535).astype(dtype)
    whole = common_grey(volume)
    monkeypatch.setattr(coarse, "SLAB_VOXELS", 3 * 96 * 96)
    parts = common_grey(volume, threads=2)
    assert whole.as_json() == parts.as_json()
    grey = whole.apply(volume)
    for z, y, x in ((0, 0, 0), (17, 40, 3), (50, 10, 61)):
        region = (slice(z, z + 13), slice(y, y + 50), slice(x, x + 35))
        assert np.array_equal(parts.apply(volume, region), grey[region])


def test_clipping_and_a_round_field_are_seen() -> None:
    drawing = draw_cell(np.random.default_rng(8), shape=(48, 120, 120), scale=(1.0, 4_000.0))
    y, x = np.mgrid[:120, :120] - 59.5
    volume = np.where(np.hypot(y, x) < 57.0, np.minimum(drawing.grey, 54_500.0), 0.0)
    scale = common_grey(volume)
    assert scale.field_radius_voxels == pytest.approx(57.0, abs=1.0)
    assert scale.padding_share == pytest.approx(np.mean(np.hypot(y, x) >= 57.0), abs=0.03)
    assert scale.clipped_high_share == pytest.approx(np.mean(volume == 54_500.0), rel=1e-6)
    assert scale.clipped_low_share == 0.0
    assert scale.air_level == pytest.approx(AIR + 4_000.0, abs=400.0)


def test_pure_noise_holds_no_ceramic() -> None:
    with pytest.raises(InputError):
        common_grey(np.random.default_rng(1).normal(30_000.0, 2_000.0, (48, 64, 64)))
