from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.tomography import common_grey
from spallmap.tomography.grey.slice_scaling import MAX_JITTER, SliceLevels, check_slices, slice_levels
from tests.unit.tomography.tomography_drawings import draw_cell

Floats = np.ndarray


def own_range(v: Floats) -> Floats:
    low, high = v.min(axis=(1, 2), keepdims=True), v.max(axis=(1, 2), keepdims=True)
    return (v - low) / (high - low)


def own_percentiles(v: Floats) -> Floats:
    low, high = (np.percentile(v, q, axis=(1, 2), keepdims=True) for q in (0.1, 99.9))
    return np.clip((v - low) / (high - low), 0.0, 1.0)


def own_moments(v: Floats) -> Floats:
    scaled = (v - v.mean(axis=(1, 2), keepdims=True)) / v.std(axis=(1, 2), keepdims=True)
    return np.clip(0.3 + 0.08 * scaled, 0.0, 1.0)


def jumping(v: Floats, sd: float = 0.005) -> Floats:
    return v / 70_000.0 * (1.0 + sd * np.random.default_rng(5).normal(size=(len(v), 1, 1)))


@pytest.fixture(scope="module")
def cell() -> Floats:
    drawing = draw_cell(np.random.default_rng(31), noise=1200.0, rings=400.0, tilt_deg=(3.0, 2.0))
    return np.clip(drawing.grey, 0.0, 65_535.0)


@pytest.mark.parametrize("scaled", [own_range, own_percentiles, own_moments, jumping])
@pytest.mark.parametrize(("dtype", "top"), [("u2", 65_535), ("u1", 255), ("f4", 1.0)])
def test_slices_that_were_scaled_one_by_one_are_refused(
    cell: Floats, scaled: Callable[[Floats], Floats], dtype: str, top: float
) -> None:
    volume = scaled(cell) * top
    volume = volume.astype(dtype) if top == 1.0 else np.rint(volume).astype(dtype)
    with pytest.raises(InputError, match="scaled one by one") as caught:
        common_grey(volume, source_label="slices")
    assert caught.value.source_label == "slices"
    assert "grey_scale" in caught.value.allowed
    odd = common_grey(volume, source_label="slices", slices_declared=True).warnings
    assert "scaled one by one" in odd[0].found


def smooth_drift(v: Floats) -> Floats:
    return v * (1.0 + 0.2 * np.sin(np.arange(len(v)) / 12.0))[:, None, None]


def one_step(v: Floats) -> Floats:
    return np.concatenate([v[:30], 1.08 * v[30:]])


def round_field(v: Floats) -> Floats:
    y, x = np.mgrid[: v.shape[1], : v.shape[2]]
    return np.where(np.hypot(y - 48, x - 48) < 46.0, v, 0.0)


def one_range(v: Floats) -> Floats:
    low, high = np.percentile(v, (0.1, 99.9))
    return np.rint(np.clip((v - low) / (high - low), 0.0, 1.0) * 255.0)


@pytest.mark.parametrize(
    "changed", [np.rint, smooth_drift, one_step, round_field, one_range, lambda v: v[20:44]]
)
def test_one_scale_passes(cell: Floats, changed: Callable[[Floats], Floats]) -> None:
    assert common_grey(changed(cell)).warnings == ()


def test_a_blank_slice_is_refused_and_a_copied_one_told(cell: Floats) -> None:
    blank = cell.copy()
    blank[31] = 0.0
    with pytest.raises(InputError, match=r"slice 31 \(counted from 0\) of one grey value between"):
        common_grey(blank)
    # Blank slices at an end are no gap.
    ends = cell.copy()
    ends[-2:] = 0.0
    assert common_grey(ends).warnings == ()
    copied = cell.copy()
    copied[[31, 40]] = copied[[30, 39]]
    [odd] = common_grey(copied, source_label="scan.tif").warnings
    assert odd.source_label == "scan.tif"
    assert "slices 31, 40" in odd.found


def test_levels_without_anything_to_compare_pass() -> None:
    assert slice_levels(np.zeros((5, 4, 4))) == SliceLevels(None, (), ())
    noise = np.random.default_rng(2).normal(size=(30, 24, 24))
    assert slice_levels(noise).one_scale


def test_the_message_names_the_first_few_of_many() -> None:
    odd = check_slices(SliceLevels(2 * MAX_JITTER, tuple(range(3, 15)), ()), "a", declared=True)
    assert "slices 3, 4, 5, 6, 7, 8, 9, 10 and 4 more" in odd[0].found
    assert "0.4 %" in odd[1].found
