from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.tomography import CERAMIC_GREY, common_grey

AIR, LEVEL, NOISE = 3_000.0, 23_000.0, 500.0
SHAPE = (72, 150, 150)
MIDDLE = ((SHAPE[1] - 1) / 2.0, (SHAPE[2] - 1) / 2.0)

Floats = NDArray[np.float64]


def _disc() -> NDArray[np.bool_]:
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    inside: NDArray[np.bool_] = (np.abs(z - 35.5) < 24.0) & (np.hypot(y - MIDDLE[0], x - MIDDLE[1]) < 64.0)
    return inside


def _radius(centre: tuple[float, float]) -> Floats:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    radius: Floats = np.hypot(y - centre[0], x - centre[1])
    return radius


def _draw_rings(rng: np.random.Generator, centre: tuple[float, float], sd: float, drift: float) -> Floats:
    """Random rings of one voxel and more, some alike in all slices and some that change along z."""
    n = 400
    steady = ndimage.gaussian_filter1d(rng.normal(size=n), 0.6)
    moving = ndimage.gaussian_filter1d(rng.normal(size=(SHAPE[0], n)), 15.0, axis=0, mode="nearest")
    profile = sd * steady[None, :] / steady.std() + drift * moving / moving.std()
    radius = _radius(centre)
    low = radius.astype(int)
    return profile[:, low] + (radius - low) * (profile[:, low + 1] - profile[:, low])


def _scan(rng: np.random.Generator, bright: Floats | float = 1.0, rings: Floats | float = 0.0) -> Floats:
    disc = ndimage.gaussian_filter(_disc().astype(float), 0.6)
    return AIR + (LEVEL - AIR) * disc * bright + rings + rng.normal(0.0, NOISE, SHAPE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_clean_volume_is_left_as_the_linear_map_has_it(seed: int) -> None:
    volume = _scan(np.random.default_rng(seed))
    scale = common_grey(volume)
    assert scale.artefacts is not None
    assert not scale.artefacts.any_removed
    linear = (volume.astype(np.float32) - scale.air_level) * scale.gain + 10_000
    assert np.array_equal(scale.apply(volume), np.clip(np.rint(linear), 0, 65535).astype(np.uint16))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rings_are_measured_and_removed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sd, drift = rng.uniform(150.0, 400.0), rng.uniform(0.0, 150.0)
    rings = _draw_rings(rng, MIDDLE, sd, drift)
    volume = _scan(rng, rings=rings)
    scale = common_grey(volume)
    assert scale.artefacts is not None
    found = scale.artefacts.rings
    assert found is not None
    assert found.removed
    assert found.centre_yx == pytest.approx(MIDDLE, abs=0.5)
    inner = ndimage.binary_erosion(_disc(), iterations=8)
    inner &= (_radius(MIDDLE) > 8.0)[None]
    # The rings that happen to lie in the ceramic, as interpolation has left them.
    drawn = np.std(rings.mean(axis=0)[inner.any(axis=0)])
    assert found.steady_sd == pytest.approx(drawn, rel=0.25)
    grey = scale.apply(volume).astype(float)
    # What is left of the rings: the corrected scan less the same without rings.
    left = (grey - CERAMIC_GREY) / scale.gain - (volume - rings - LEVEL)
    assert np.std(left[inner]) < 0.35 * np.std(rings[inner])


@pytest.mark.parametrize("centre", [(60.0, 91.0), (-12.0, 40.0)])
def test_the_axis_of_an_off_centre_cut_out_is_found(centre: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    volume = _scan(rng, rings=_draw_rings(rng, centre, 400.0, 0.0))
    artefacts = common_grey(volume).artefacts
    assert artefacts is not None
    assert artefacts.rings is not None
    assert artefacts.rings.centre_found
    assert artefacts.rings.centre_yx == pytest.approx(centre, abs=0.6)


def _shells(relative: Floats, inner: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Parts of the disc by radius and height."""
    z = np.arange(SHAPE[0])[:, None, None]
    radial = [inner & ((relative >= a) & (relative < a + 0.15))[None] for a in (0.0, 0.2, 0.4, 0.6, 0.72)]
    return [r & h for r in radial for h in (z < 30, (z >= 30) & (z < 42), z >= 42)]


@pytest.mark.parametrize(("depth", "tilt"), [(0.05, 0.0), (0.03, 0.02), (0.12, 0.0)])
def test_cupping_and_a_slope_are_measured_and_removed(depth: float, tilt: float) -> None:
    rng = np.random.default_rng(5)
    relative = _radius(MIDDLE) / 64.0
    z = np.arange(SHAPE[0])[:, None, None]
    bright = (1.0 - depth * (1.0 - relative**2))[None] + tilt * (z - 35.5) / 24.0
    volume = _scan(rng, bright=bright)
    scale = common_grey(volume)
    assert scale.artefacts is not None
    cupping = scale.artefacts.cupping
    assert cupping is not None
    assert cupping.removed
    inner = ndimage.binary_erosion(_disc(), iterations=6)
    reached = (relative[None] * inner).max()
    assert cupping.depth == pytest.approx(depth * reached**2, rel=0.15)
    after, before = (
        np.array([np.mean(v[ring]) for ring in _shells(relative, inner)])
        for v in (scale.apply(volume).astype(float), volume * scale.gain)
    )
    assert np.ptp(after) < 0.1 * np.ptp(before)
    # Air keeps its grey: what is taken out scales with what stands out from air.
    outside = ndimage.binary_erosion(~_disc(), iterations=4)
    assert np.median(scale.apply(volume)[outside]) == pytest.approx(10_000.0, abs=100.0)


@pytest.mark.parametrize(("seed", "aside", "bias"), [(1, 20.0, 0.005), (2, 9.0, 0.005), (3, 0.0, 0.02)])
def test_a_crack_keeps_its_grey_deficit(seed: int, aside: float, bias: float) -> None:
    rng = np.random.default_rng(seed)
    z, y, x = np.mgrid[tuple(slice(0, n) for n in SHAPE)]
    # The last bowl lies about the axis of rotation itself, the hardest case: a ring in every slice.
    distance = np.sqrt((z - 80.0) ** 2 + (y - MIDDLE[0] - aside) ** 2 + (x - MIDDLE[1]) ** 2) - 42.0
    crack = ndimage.gaussian_filter(np.clip(1.0 - np.abs(distance), 0.0, 1.0) * _disc(), 0.6)
    rings = _draw_rings(rng, MIDDLE, 300.0, 100.0)
    bright = (1.0 - 0.05 * (1.0 - (_radius(MIDDLE) / 64.0) ** 2))[None]
    whole = _scan(np.random.default_rng(9), bright, rings)
    cracked = whole - (LEVEL - AIR) * crack * bright
    first, second = common_grey(whole), common_grey(cracked)
    for scale in (first, second):
        assert scale.artefacts is not None
        assert scale.artefacts.any_removed
    inner = ndimage.binary_erosion(_disc(), iterations=5)
    deficit = second.apply(whole).astype(float) - second.apply(cracked)
    expected = crack * 40_000.0
    assert deficit[inner].sum() == pytest.approx(expected[inner].sum(), rel=0.01)
    # Nor is the crack taken for rings: both scans are corrected alike but for the noise.
    error = second.apply(whole).astype(float) - first.apply(whole)
    near = inner & (crack > 0.1)
    assert abs(error[near].mean() - error[inner & ~near].mean()) < bias * expected[near].mean()
