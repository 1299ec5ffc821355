from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.tomography import AIR_GREY, CERAMIC_GREY, common_grey
from spallmap.tomography.blockwise import coarse
from tests.unit.tomography.tomography_drawings import AIR, CERAMIC, SODIUM, draw_cell


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
    assert caught.value.source_label == "scan.tif"


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


@pytest.mark.parametrize("wall", [0.5, 0.58, 0.66, 0.7])
def test_an_arc_of_a_thick_tube_is_no_ceramic(wall: float) -> None:
    rng = np.random.default_rng(12)
    z, y, x = np.mgrid[:60, :100, :100]
    r = np.hypot(y - 49.5, x - 49.5)
    tube = (r < 36.0) & (r > 36.0 * wall) & (z >= 8) & (z < 52)
    grey = ndimage.gaussian_filter(np.where(tube, CERAMIC, AIR), 0.8) + rng.normal(0.0, 1_000.0, tube.shape)
    scale = common_grey(grey)
    assert scale.ceramic_level is None
    assert scale.bright_level == pytest.approx(CERAMIC, rel=0.03)


@pytest.mark.parametrize("touching", ["broken", "casing"])
def test_a_broken_ceramic_and_one_that_touches_its_casing_are_found(touching: str) -> None:
    rng = np.random.default_rng(13)
    z, y, x = np.mgrid[:64, :96, :96]
    r = np.hypot(y - 47.5, x - 47.5)
    disc = (r < 36.0) & (np.abs(z - 31.5) < 14.0)
    if touching == "broken":
        # Four quarters that hang together by bridges alone: none holds most of the ceramic.
        gap = (np.abs(y - 47.5) < 2.0) | (np.abs(x - 47.5) < 2.0)
        bright = disc & ~(gap & (np.abs(r - 20.0) > 2.0))
    else:
        bright = disc | ((r >= 35.0) & (r < 40.0))
    grey = ndimage.gaussian_filter(np.where(bright, CERAMIC, AIR), 0.7)
    scale = common_grey(grey + rng.normal(0.0, 1_000.0, grey.shape))
    assert scale.ceramic_level == pytest.approx(CERAMIC, rel=0.02)


@pytest.mark.parametrize("value", [0.0, AIR, 20_000.0, 30_000.0, CERAMIC])
@pytest.mark.parametrize("shape", ["round", "frame"])
def test_padding_becomes_air_and_nothing_else_changes(value: float, shape: str) -> None:
    drawing = draw_cell(np.random.default_rng(14), radius=70.0, electrode_radius=60.0, casing=(80.0, 84.0))
    grey = np.rint(drawing.grey)
    y, x = np.mgrid[:96, :96]
    outside = (
        np.hypot(y - 47.5, x - 47.5) > 46.3 if shape == "round" else (y < 9) | (y >= 90) | (x < 7) | (x >= 83)
    )
    volume = np.where(outside, value, grey)
    scale = common_grey(volume)
    common = scale.apply(volume)
    assert scale.padding is not None
    assert scale.padding.grey == value
    assert scale.ceramic_level == pytest.approx(CERAMIC, rel=0.02)
    assert np.all(common[:, outside] == AIR_GREY)
    # The gas's grey may be that of the padding by chance, but the ceramic inside the field is not touched.
    inner = ndimage.binary_erosion(~outside, iterations=6, border_value=1)
    plain = np.clip(np.rint((grey - scale.air_level) * scale.gain + AIR_GREY), 0, 65535)
    kept = (drawing.truth == 1) & inner
    assert scale.artefacts is not None
    assert not scale.artefacts.any_removed
    assert np.abs(common[kept] - plain[kept]).max() <= 1.0
    region = (slice(3, 40), slice(1, 30), slice(50, 95))
    assert np.array_equal(scale.apply(volume, region), common[region])


def test_a_volume_without_padding_has_none() -> None:
    grey = draw_cell(np.random.default_rng(15)).grey
    assert common_grey(grey).padding is None
    assert common_grey(grey).as_json()["padding_grey"] is None
