from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from spallmap.blocks import tiles, whole
from spallmap.tomography import Cracks, crack_labels, find_cracks, measure_cracks
from spallmap.tomography.cracks.crack_search import assemble_cracks, find_candidates
from spallmap.tomography.cracks.networks import in_networks
from spallmap.tomography.cracks.pores import Pores, find_pores
from spallmap.tomography.cracks.ridges import Candidates
from spallmap.tomography.cracks.thresholds import crack_thresholds
from tests.unit.tomography.tomography_drawings import AIR, Floats, Plane, draw_cell, scan_of

SPACING_UM = (4.66, 4.66, 4.66)

CUBE = np.ones((3, 3, 3))


@dataclass(frozen=True)
class Union:
    """Discs of one aperture; where they cross, nothing is counted twice."""

    discs: tuple[Plane, ...]
    aperture: float
    filling: float = AIR

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        away = [np.where(d.inside(z, y, x), np.abs(d.distance(z, y, x)), 99.0) for d in self.discs]
        return np.min(away, axis=0)

    def inside(self, z: Floats, y: Floats, x: Floats) -> np.ndarray:
        return np.ones(z.shape, dtype=bool)


def _network(rng: np.random.Generator, n: int, aperture: float) -> Union:
    """Small discs of random directions, each of which begins on an earlier one."""
    discs: list[Plane] = []
    while len(discs) < n:
        centre = rng.uniform(-4.0, 4.0, 3)
        if discs:
            earlier = discs[int(rng.integers(len(discs)))]
            step = np.cross(earlier.normal, rng.normal(size=3))
            centre = np.array(earlier.centre) + step / np.linalg.norm(step) * earlier.radius * 0.6
        if np.abs(centre[0]) < 9.0 and np.linalg.norm(centre) < 15.0:
            z, y, x = (float(c) for c in centre)
            a, b, c = (float(v) for v in rng.normal(size=3))
            discs.append(Plane((z, y, x), (a, b, c), float(rng.uniform(5.0, 10.0)), aperture))
    return Union(tuple(discs), aperture)


def _clump(
    rng: np.random.Generator, centre: tuple[float, float, float]
) -> list[tuple[float, float, float, float]]:
    """Pores that nearly touch one another."""
    z, y, x = rng.normal(0.0, 4.0, (3, 6)) + np.array(centre)[:, None]
    return [
        (float(a), float(b), float(c), float(r))
        for a, b, c, r in zip(z, y, x, rng.uniform(2.0, 4.0, 6), strict=True)
    ]


def _false_and_found(
    found: Cracks, scan: tuple[np.ndarray, np.ndarray], true: np.ndarray
) -> tuple[int, float]:
    labels = crack_labels(found, *scan, whole(found.shape)) > 0
    near = ndimage.binary_dilation(true, CUBE)
    return int(np.count_nonzero(labels & ~near)), float(ndimage.binary_dilation(labels, CUBE)[true].mean())


@pytest.mark.parametrize("seed", range(4))
def test_a_network_of_small_sheets_is_one_diffuse_crack(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = _network(rng, int(rng.integers(14, 26)), float(rng.uniform(1.0, 1.7)))
    drawing = draw_cell(rng, cracks=(network,))  # type: ignore[arg-type]
    scan, null = scan_of(drawing), scan_of(draw_cell(rng))
    found = find_cracks(*scan, SPACING_UM, *null)
    assert found.n == 1
    # The dark between crossing sheets holds balls, but is no pore.
    true = (network.distance(*drawing.axes) <= network.aperture / 2) & (np.abs(drawing.axes[0]) < 13.0)
    wrong, recall = _false_and_found(found, scan, true)
    assert recall > 0.95
    assert wrong < 0.02 * np.count_nonzero(true)
    table = measure_cracks(found, *scan, SPACING_UM)
    assert list(table["morphology"]) == ["diffuse"]
    # The same from parts in any order.
    thresholds = crack_thresholds(*scan, *null)
    parts = [find_candidates(*scan, box, thresholds) for box in tiles(whole(found.shape), 40)]
    again = assemble_cracks(parts[::-1], found.shape, thresholds)
    assert np.array_equal(again.ridge_index, found.ridge_index)
    assert np.array_equal(again.ridge_crack, found.ridge_crack)
    assert np.array_equal(again.pores.cores, found.pores.cores)


@pytest.mark.parametrize("seed", range(4))
def test_clumps_of_pores_are_no_network_and_stay_out_of_a_sheet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pores = [p for middle in ((0.0, -12.0, 8.0), (0.0, 6.0, -14.0)) for p in _clump(rng, middle)]
    scan = scan_of(draw_cell(rng, pores=pores))
    assert find_cracks(*scan, SPACING_UM, *scan).n == 0
    sheet = Plane((0.0, 6.0, -14.0), (0.2, 1.0, 0.3), 13.0, 1.2)
    drawing = draw_cell(rng, pores=pores, cracks=(sheet,))
    scan, null = scan_of(drawing), scan
    thresholds = crack_thresholds(*scan, *null)
    candidates = find_candidates(*scan, whole(scan[0].shape), thresholds)
    in_pore = find_pores(candidates.cores, drawing.truth.shape).hold(candidates.index)
    assert in_pore.sum() > 100
    assert not in_networks(candidates, in_pore, thresholds.high).any()
    assert find_cracks(*scan, SPACING_UM, *null).n == 1


def test_what_makes_a_network_is_asked_piece_by_piece() -> None:
    """Solid balls of ridge voxels with one normal: size, fraction in pores, extent and strength decide."""
    ball = np.argwhere(np.linalg.norm(np.indices((15, 15, 15)) - 7.0, axis=0) <= 7.0)
    plate = np.argwhere(np.ones((1, 40, 40), dtype=bool))
    cases = [(ball, 0.5, 2.0, True), (ball, 0.1, 2.0, False), (ball, 0.95, 2.0, False)]
    cases += [(ball, 0.5, 0.5, False), (plate, 0.5, 2.0, False)]
    index = np.concatenate([part + np.array([60 * k, 0, 0]) for k, (part, *_) in enumerate(cases)])
    n = len(index)
    response = np.concatenate([np.full(len(part), r, np.float32) for part, _, r, _ in cases])
    # Every other voxel or so lies in a void, so that what is left reaches as far.
    rng = np.random.default_rng(3)
    in_pore = rng.random(n) < np.concatenate([np.full(len(part), s) for part, s, _, _ in cases])
    normal = np.tile(np.float32([0.577, 0.577, 0.577]), (n, 1))
    none = np.zeros((0, 3), dtype=np.int64)
    candidates = Candidates(index, normal, response, np.full(n, 9, np.float32), np.zeros(n, dtype=bool), none)
    found = in_networks(candidates, in_pore, 1.0)
    expected = np.concatenate([np.full(len(part), e) for part, _, _, e in cases])
    assert np.array_equal(found, expected)
    assert not in_networks(candidates.chosen(np.zeros(n, dtype=bool)), in_pore[:0], 1.0).any()


def test_pores_are_left_out_where_voxels_lie_in_their_rims() -> None:
    rng = np.random.default_rng(4)
    cores = np.unique(rng.integers(0, 40, (300, 3)), axis=0)
    index = rng.integers(0, 40, (50, 3))
    left = Pores(cores, (40, 40, 40)).away_from(index)
    away = np.linalg.norm(cores[:, None] - index[None], axis=2).min(axis=1)
    assert np.array_equal(left.cores, cores[away > 3.8])
    assert not left.hold(index).any()
