from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest
from scipy import ndimage

from spallmap.blocks import tiles, whole
from spallmap.tomography import (
    Cracks,
    common_grey,
    crack_labels,
    find_cracks,
    plate_response,
    segment_phases,
)
from spallmap.tomography.cracks import thresholds
from spallmap.tomography.cracks.crack_search import assemble_cracks, find_candidates
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS
from spallmap.tomography.cracks.thresholds import (
    HIGH_QUANTILE,
    LOW_QUANTILE,
    NOISE_HIGH,
    NOISE_LOW,
    crack_thresholds,
)
from tests.unit.tomography.tomography_drawings import AIR, SODIUM, Bowl, Drawing, Plane, draw_cell

SPACING_UM = (4.66, 4.66, 4.66)
CUBE = np.ones((3, 3, 3))


def _random_pores(rng: np.random.Generator, n: int = 8) -> list[tuple[float, float, float, float]]:
    return [
        (
            float(rng.uniform(-13, 13)),
            float(rng.uniform(-24, 24)),
            float(rng.uniform(-20, 20)),
            float(rng.uniform(1, 4)),
        )
        for _ in range(n)
    ]


def _scan(drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    grey = common_grey(drawing.grey).apply(drawing.grey)
    return grey, segment_phases(grey, SPACING_UM)


def _near_crack(drawing: Drawing, crack: Plane | Bowl, reach: float, rim: float = 0.0) -> np.ndarray:
    d = crack.distance(*drawing.axes)
    if isinstance(crack, Plane):
        crack = replace(crack, radius=crack.radius + rim)
    return (np.abs(d) <= reach) & crack.inside(*drawing.axes)


def _labels(found: Cracks, scan: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return crack_labels(found, *scan, whole(found.shape))


def _judge(
    found: Cracks, scan: tuple[np.ndarray, np.ndarray], drawing: Drawing, crack: Plane | Bowl
) -> tuple[float, float]:
    """Precision and recall with a tolerance of one voxel, away from where pores eat the crack."""
    ceramic = np.abs(drawing.axes[0]) < 14.0
    reach = max(0.5, crack.aperture / 2)
    true = _near_crack(drawing, crack, reach) & ceramic
    labels = _labels(found, scan) > 0
    # Where a crack ends abruptly the filter still answers a voxel or two beyond its rim.
    allowed = ndimage.binary_dilation(_near_crack(drawing, crack, reach, rim=1.5), CUBE)
    precision = allowed[labels].mean() if labels.any() else 0.0
    return float(precision), float(ndimage.binary_dilation(labels, CUBE)[true].mean())


@pytest.mark.parametrize(
    ("seed", "aperture", "filling"), [(1, 0.5, AIR), (2, 1.0, SODIUM), (3, 2.5, AIR), (4, 0.8, AIR)]
)
@pytest.mark.parametrize("with_null", [True, False])
def test_a_crack_among_pores_is_found(seed: int, aperture: float, filling: float, with_null: bool) -> None:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=3)
    crack = Plane((0.0, 0.0, 4.0), tuple(normal / np.linalg.norm(normal)), 13.0, aperture, filling)
    pores = _random_pores(rng)
    shorted = draw_cell(rng, pores=pores, cracks=(crack,))
    null = _scan(draw_cell(rng, pores=pores)) if with_null else (None, None)
    scan = _scan(shorted)
    found = find_cracks(*scan, SPACING_UM, *null)
    assert found.n == 1
    precision, recall = _judge(found, scan, shorted, crack)
    # One pore that touches so small a crack is a tenth of it.
    assert precision > 0.75
    assert recall > 0.85
    assert found.thresholds.null.startswith("pristine" if with_null else "own")


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_no_crack_in_porous_ceramic_with_rings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    voids = [(float(rng.uniform(-18, 18)), float(rng.uniform(-18, 18)), 3.0) for _ in range(5)]
    grey, phases = _scan(draw_cell(rng, pores=_random_pores(rng, 15), voids=voids, rings=400.0, cupping=0.06))
    assert find_cracks(grey, phases, SPACING_UM).n == 0
    assert find_cracks(grey, phases, SPACING_UM, grey, phases).n == 0


def test_a_bowl_keeps_its_rim_at_the_interface() -> None:
    bowl = Bowl((22.0, 0.0, 0.0), 18.0, 1.2)
    drawing = draw_cell(np.random.default_rng(5), cracks=(bowl,))
    scan = _scan(drawing)
    found = find_cracks(*scan, SPACING_UM)
    assert found.n == 1
    z = drawing.axes[0]
    rim = _near_crack(drawing, bowl, 0.6) & (z > 10.0) & (z < 13.5)
    assert ndimage.binary_dilation(_labels(found, scan) > 0, CUBE)[rim].mean() > 0.8


def test_a_crack_cut_by_a_pore_is_one_and_two_far_cracks_are_two() -> None:
    rng = np.random.default_rng(6)
    left = Plane((0.0, -16.0, 0.0), (0.0, 1.0, 0.3), 11.0, 1.0)
    right = Plane((0.0, 16.0, 0.0), (0.0, 1.0, -0.3), 9.0, 1.0)
    pores = [(0.0, -16.0, 0.0, 3.5), (2.0, -16.0, 3.0, 3.0)]
    found = find_cracks(*_scan(draw_cell(rng, cracks=(left, right), pores=pores)), SPACING_UM)
    assert found.n == 2
    y = [found.ridge_index[found.ridge_crack == k, 1] - 47.5 for k in (1, 2)]
    assert len(y[0]) >= len(y[1])
    assert {float(np.sign(side.min())) * float(np.sign(side.max())) for side in y} == {1.0}
    assert np.sign(y[0][0]) != np.sign(y[1][0])


def test_ridges_lie_in_the_labels_and_results_repeat() -> None:
    drawing = draw_cell(
        np.random.default_rng(7), cracks=(Plane((0.0, 0.0, 0.0), (1.0, 0.5, 0.2), 15.0, 1.5),)
    )
    grey, phases = _scan(drawing)
    first, second = (find_cracks(grey, phases, SPACING_UM) for _ in range(2))
    labels = _labels(first, (grey, phases))
    assert np.array_equal(labels[tuple(first.ridge_index.T)], first.ridge_crack)
    assert np.array_equal(labels, _labels(second, (grey, phases)))
    assert astuple(first.thresholds) == astuple(second.thresholds)
    assert np.allclose(np.linalg.norm(first.ridge_normal, axis=1), 1.0)


@pytest.mark.parametrize("blur", [0.3, 0.7, 1.0])
def test_the_own_null_lies_above_the_tail_of_gaussian_noise(blur: float) -> None:
    rng = np.random.default_rng(8)
    noise = ndimage.gaussian_filter(rng.normal(size=(80, 80, 80)).astype(np.float32), blur)
    inner = (slice(8, -8),) * 3
    weights = [
        1.0 / np.quantile(plate_response(noise, None, (s,), (1.0,))[inner], 0.9) for s in SIGMAS_VOXELS
    ]
    values = plate_response(noise, None, SIGMAS_VOXELS, weights)[inner]
    low, high = np.quantile(values, (LOW_QUANTILE, HIGH_QUANTILE)) / np.quantile(values, 0.9)
    assert 1.1 < NOISE_LOW / low < 1.5
    assert 1.1 < NOISE_HIGH / high < 1.5


def test_nothing_to_look_in_gives_no_cracks() -> None:
    found = find_cracks(np.full((8, 9, 10), 10_000, np.uint16), np.full((8, 9, 10), 5, np.uint8), SPACING_UM)
    assert found.n == 0
    assert found.shape == (8, 9, 10)
    with pytest.raises(ValueError, match="spacing"):
        find_cracks(np.zeros((8, 9, 10)), np.ones((8, 9, 10), np.uint8), (4.66, 0.0, 4.66))


def test_slabs_and_blocks_give_the_same_cracks() -> None:
    rng = np.random.default_rng(12)
    cracks = (
        Plane((-4.0, -14.0, 0.0), (0.2, 1.0, 0.3), 13.0, 0.8),
        Plane((2.0, 15.0, 3.0), (1.0, 0.6, -0.3), 12.0, 1.4, SODIUM),
    )
    drawing = draw_cell(rng, cracks=cracks, pores=_random_pores(rng, 12))
    scan = _scan(drawing)
    one = find_cracks(*scan, SPACING_UM)
    assert one.n == 2
    labels = _labels(one, scan)
    limits = crack_thresholds(*scan, threads=2)
    assert limits == one.thresholds
    for sizes in ((7, 200, 200), (64, 31, 45), (25, 40, 96)):
        slabs = tiles(whole(one.shape), sizes)
        parts = [find_candidates(*scan, slab, limits, tile=23) for slab in reversed(slabs)]
        many = assemble_cracks(parts, one.shape, limits)
        for name in ("ridge_index", "ridge_normal", "ridge_crack", "ridge_response", "ridge_distance"):
            assert np.array_equal(getattr(many, name), getattr(one, name)), name
        assert np.array_equal(many.pores.cores, one.pores.cores)
        pieces = np.zeros_like(labels)
        for slab in slabs:
            pieces[slab] = crack_labels(many, *scan, slab)
        assert np.array_equal(pieces, labels)


@pytest.mark.parametrize("angle_deg", [40.0, 90.0])
def test_sheets_that_meet_are_one_crack(angle_deg: float) -> None:
    rng = np.random.default_rng(13)
    angle = np.deg2rad(angle_deg)
    main = Plane((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 14.0, 1.2)
    middle = 9.0 * np.array([0.0, np.sin(angle), np.cos(angle)])
    side = Plane(tuple(middle), (0.0, np.cos(angle), -np.sin(angle)), 9.0, 1.2)
    scan = _scan(draw_cell(rng, cracks=(main, side)))
    assert find_cracks(*scan, SPACING_UM).n == 1


@pytest.mark.parametrize(("aperture", "radius"), [(0.7, 13.0), (1.2, 9.0)])
def test_a_crack_in_the_pristine_scan_does_not_hide_one(aperture: float, radius: float) -> None:
    rng = np.random.default_rng(14)
    old = Plane((0.0, -10.0, 0.0), (0.2, 1.0, 0.3), radius, aperture)
    new = Plane((0.0, 14.0, 0.0), (0.3, 1.0, -0.2), 12.0, 0.7)
    pristine, shorted = _scan(draw_cell(rng, cracks=(old,))), _scan(draw_cell(rng, cracks=(old, new)))
    assert find_cracks(*shorted, SPACING_UM, *pristine).n == 2


def test_the_null_comes_from_all_over_a_large_ceramic(monkeypatch: pytest.MonkeyPatch) -> None:
    grey, labels = _scan(draw_cell(np.random.default_rng(15)))
    whole_null = crack_thresholds(grey, labels, grey, labels)
    monkeypatch.setattr(thresholds, "NULL_TILE", 12)
    seen = []
    inside = thresholds.block_responses  # type: ignore[attr-defined]

    def note(source: np.ndarray, region: tuple[slice, slice, slice], sigmas: tuple[float, ...]) -> list:
        seen.append([s.start for s in region])
        return inside(source, region, sigmas)

    monkeypatch.setattr(thresholds, "block_responses", note)
    some = crack_thresholds(grey, labels, grey, labels)
    spread = np.ptp(np.array(seen), axis=0)
    # The ceramic is a disc of 60 voxels' width.
    assert np.all(spread[1:] >= 36)
    assert np.allclose(some.weights, whole_null.weights, rtol=0.1)
    assert some.low == pytest.approx(whole_null.low, rel=0.15)
