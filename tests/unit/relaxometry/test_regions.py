from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.relaxometry import fit_t2, long_t2_regions
from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.regions import COLUMNS, threshold_map
from spallmap.relaxometry.regions.evidence import evidence_grid, long_evidence
from spallmap.relaxometry.regions.labelling import PAIRS, likeliest_labels
from spallmap.relaxometry.regions.pooling import common_t2
from tests.unit.relaxometry.decay_phantom import TE_MS, cell_map, cropped, decays, magnitudes

CELL_TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)
SPACING_UM = (23.0, 46.0)


def block(seed: int, snr: float = 12.0, t2_ms: float = 20.0) -> np.ndarray:
    """A rectangle of long T2 (rows 10 to 13, columns 20 to 24) in noise."""
    signal = np.zeros((5, 32, 40))
    signal[:, 10:14, 20:25] = decays(t2_ms, snr, 1)[:, :, None]
    return magnitudes(signal, 1.0, np.random.default_rng(seed))


def test_a_block_is_found_measured_and_placed() -> None:
    errors = []
    for seed in range(40):
        found = long_t2_regions(block(seed), TE_MS, 1.0, spacing_um=SPACING_UM)
        assert len(found.table) == 1
        row = found.table.iloc[0]
        truth = np.zeros(found.labels.shape, dtype=bool)
        truth[10:14, 20:25] = True
        assert (found.labels[truth] == 1).mean() > 0.8
        assert row.pixels == np.count_nonzero(found.labels)
        assert row.area_um2 == row.pixels * 23.0 * 46.0
        assert row.centroid_x_um == pytest.approx(22.0 * 46.0, abs=23.0)
        assert row.centroid_y_um == pytest.approx(11.5 * 23.0, abs=12.0)
        errors.append((row.t2_ms - 20.0) / row.t2_se_ms)
    assert abs(np.mean(errors)) < 0.6
    assert 0.7 < np.std(errors) < 1.4


def test_table_is_the_contracts_even_when_empty() -> None:
    empty = long_t2_regions(np.zeros((5, 8, 9)), TE_MS, 1.0, spacing_um=SPACING_UM)
    full = long_t2_regions(block(1), TE_MS, 1.0, spacing_um=SPACING_UM)
    for found in (empty, full):
        assert tuple(found.table.columns) == COLUMNS
        assert found.labels.dtype == np.int32
    assert list(empty.table.dtypes) == list(full.table.dtypes)
    assert len(empty.table) == 0


def test_noise_alone_makes_no_region() -> None:
    rng = np.random.default_rng(21)
    with_region = 0
    for _ in range(100):
        data = magnitudes(np.zeros((5, 64, 48)), 1.0, rng)
        with_region += len(long_t2_regions(data, CELL_TE_MS, 1.0, spacing_um=SPACING_UM).table) > 0
    assert with_region <= 2


def test_noise_of_several_coils_makes_no_region() -> None:
    rng = np.random.default_rng(31)
    data = np.sqrt(np.sum(rng.normal(size=(16, 5, 128, 128)) ** 2, axis=0))
    found = long_t2_regions(data, CELL_TE_MS, 1.0, spacing_um=SPACING_UM, model="chi", n_coils=8)
    assert len(found.table) == 0


def test_a_lone_long_pixel_makes_no_region() -> None:
    signal = np.zeros((5, 20, 20))
    signal[:, 10, 10] = decays(30.0, 60.0, 1)[:, 0]
    found = long_t2_regions(
        magnitudes(signal, 1.0, np.random.default_rng(2)), TE_MS, 1.0, spacing_um=SPACING_UM
    )
    assert found.z[10, 10] > 3.0
    assert len(found.table) == 0


def test_electrodes_alone_make_hardly_any_region() -> None:
    with_region = 0
    for seed in range(50):
        data, _, _ = cell_map(np.random.default_rng([122, seed]), None)
        with_region += len(long_t2_regions(data, CELL_TE_MS, 1.0, spacing_um=SPACING_UM).table) > 0
    assert with_region <= 1


@pytest.mark.parametrize(("snr", "least"), [(5.0, 20), (8.0, 28)])
def test_dendrites_beside_an_electrode_are_found(snr: float, least: int) -> None:
    found = elsewhere = 0
    for seed in range(30):
        data, dendrite, _ = cell_map(np.random.default_rng([23, seed]), snr)
        labels = long_t2_regions(data, CELL_TE_MS, 1.0, spacing_um=SPACING_UM).labels
        near = ndimage.binary_dilation(dendrite, np.ones((3, 3)))
        found += bool(np.any(labels[dendrite]))
        elsewhere += any(not near[labels == k].any() for k in range(1, labels.max() + 1))
    assert found >= least
    assert elsewhere <= 1


def test_k_space_phantom_keeps_a_constant() -> None:
    np.testing.assert_allclose(cropped(np.full((48, 36), 2.5), (8, 6)), 2.5, rtol=1e-12)


def test_slices_are_treated_one_by_one() -> None:
    first, second = block(3), block(4)
    stack = np.stack([first, np.zeros_like(first), second], axis=1)
    found = long_t2_regions(stack, TE_MS, 1.0, spacing_um=(200.0, *SPACING_UM))
    alone = [long_t2_regions(d, TE_MS, 1.0, spacing_um=SPACING_UM) for d in (first, second)]
    np.testing.assert_array_equal(found.labels[0], alone[0].labels)
    np.testing.assert_array_equal(found.labels[2] > 0, alone[1].labels > 0)
    assert found.table.region.tolist() == [1, 2]
    assert found.table.t2_ms.tolist() == [alone[0].table.t2_ms[0], alone[1].table.t2_ms[0]]


def test_a_higher_threshold_leaves_the_block_out() -> None:
    assert len(long_t2_regions(block(5), TE_MS, 1.0, 40.0, spacing_um=SPACING_UM).table) == 0


def test_scale_does_not_matter() -> None:
    plain = long_t2_regions(block(6), TE_MS, 1.0, spacing_um=SPACING_UM)
    other = long_t2_regions(50.0 * block(6), TE_MS, 50.0, spacing_um=SPACING_UM)
    np.testing.assert_array_equal(other.labels, plain.labels)
    assert other.table.t2_ms[0] == pytest.approx(plain.table.t2_ms[0], rel=1e-6)


def test_broken_pixels_do_not_vote() -> None:
    data = block(7)
    data[0, 12, 22] = np.nan
    found = long_t2_regions(data, TE_MS, 1.0, spacing_um=SPACING_UM)
    assert len(found.table) == 1
    assert found.labels[12, 22] == 0


@pytest.mark.parametrize("model", ["offset", "rician"])
def test_common_t2_has_the_scatter_that_it_says(model: str) -> None:
    rng = np.random.default_rng(24)
    chosen, te = get_model(model), np.array(TE_MS)
    found = []
    for _ in range(300):
        signal = rng.uniform(40.0, 80.0, size=6) * np.exp(-te[:, None] / 9.0)
        data = magnitudes(signal, 1.0, rng)
        found.append(common_t2(chosen.prepare(data.T, te), te, chosen, (0.4, 400.0)))
    t2, se = np.array(found).T
    assert t2.std() == pytest.approx(np.median(se), rel=0.12)
    if model == "rician":
        assert t2.mean() == pytest.approx(9.0, rel=0.005)


def test_common_t2_of_clean_samples_is_exact() -> None:
    te = np.array(TE_MS)
    samples = np.array([[300.0], [900.0]]) * np.exp(-te / 17.0) * 1e3
    t2, _ = common_t2(samples, te, get_model("complex"), (0.4, 400.0))
    assert t2 == pytest.approx(17.0, rel=1e-4)


def test_spacing_must_fit_the_axes() -> None:
    with pytest.raises(InputError, match="spacing"):
        long_t2_regions(np.ones((5, 8, 8)), TE_MS, 1.0, spacing_um=(1.0, 2.0, 3.0))


def energy(labels: np.ndarray, evidence: np.ndarray, voters: np.ndarray, coupling: float) -> float:
    """What the labelling maximises, written as plain loops."""
    total = float(evidence[labels].sum())
    ny, nx = labels.shape
    for y, x in product(range(ny), range(nx)):
        for (down, right), weight in PAIRS:
            v, u = y + down, x + right
            if v < ny and 0 <= u < nx and voters[y, x] and voters[v, u]:
                total -= coupling * weight * (labels[y, x] != labels[v, u])
    return total


def test_labelling_is_the_best_of_all() -> None:
    rng = np.random.default_rng(31)
    mixed = 0
    for _ in range(10):
        voters = rng.random((3, 3)) < 0.85
        evidence = np.where(voters, rng.normal(0.0, 1.5, (3, 3)), 0.0)
        coupling = rng.uniform(0.2, 1.2)
        places = np.argwhere(voters)
        best = -np.inf
        for choice in product((False, True), repeat=len(places)):
            labels = np.zeros((3, 3), dtype=bool)
            labels[tuple(places.T)] = choice
            best = max(best, energy(labels, evidence, voters, coupling))
        found = likeliest_labels(evidence, voters, coupling)
        assert not found[~voters].any()
        assert energy(found, evidence, voters, coupling) == pytest.approx(best, abs=1e-2)
        mixed += bool(np.any(found != (evidence > 0.0)))
    assert mixed > 2


def test_large_labelling_cannot_be_bettered_by_one_pixel() -> None:
    rng = np.random.default_rng(32)
    voters = np.ones((14, 14), dtype=bool)
    evidence = ndimage.gaussian_filter(rng.normal(size=(14, 14)), 1.0) * 4.0
    found = likeliest_labels(evidence, voters, 0.55)
    best = energy(found, evidence, voters, 0.55)
    assert 10 < np.count_nonzero(found) < 186
    for y, x in product(range(14), range(14)):
        other = found.copy()
        other[y, x] = not other[y, x]
        assert energy(other, evidence, voters, 0.55) <= best + 1e-2


def field_evidence(t2_ms: np.ndarray, snr: float, seed: int) -> np.ndarray:
    """Evidence over a field of pixels of one amplitude."""
    te, chosen = np.array(TE_MS), get_model("rician")
    signal = snr * np.exp(-te[:, None, None] / t2_ms)
    data = magnitudes(signal, 1.0, np.random.default_rng(seed))
    grid, threshold = evidence_grid(12.0)
    assert grid[threshold] == 12.0
    voters = np.ones(t2_ms.shape, dtype=bool)
    samples = chosen.prepare(np.ascontiguousarray(data.reshape(te.size, -1).T), te)
    found = long_evidence(chosen.profile(samples, te, grid), voters, threshold, (23.0, 23.0))
    return found.reshape(t2_ms.shape)


def test_evidence_is_the_log_of_the_odds() -> None:
    # among pixels with evidence e, long ones should be exp(e) times as frequent where both are drawn evenly
    rng = np.random.default_rng(33)
    evidence, is_long = [], []
    for seed in range(40):
        truth = rng.random((24, 24)) < 0.1
        log_long = rng.uniform(np.log(12.0), np.log(12.0 * 1.6), truth.shape)
        log_short = np.log(7.0) + rng.normal(0.0, 0.1, truth.shape)
        t2 = np.exp(np.where(truth, log_long, log_short))
        evidence.append(field_evidence(t2, 8.0, seed).ravel())
        is_long.append(truth.ravel())
    e, long = np.concatenate(evidence), np.concatenate(is_long)
    said = 0.1 * np.exp(e) / (0.9 + 0.1 * np.exp(e))
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.9)):
        inside = (said >= low) & (said < high)
        expected, n = said[inside].mean(), np.count_nonzero(inside)
        assert n > 100
        assert long[inside].mean() == pytest.approx(expected, abs=4.0 * np.sqrt(expected / n) + 0.02)


def test_what_is_short_depends_on_the_neighbourhood() -> None:
    # an apparent 11 ms is what a dendrite that shares its pixel looks like beside an electrode of 7 ms
    odd = (slice(11, 13), slice(11, 13))
    beside_7, beside_11 = np.full((24, 24), 7.0), np.full((24, 24), 11.0)
    beside_7[odd] = 11.4
    beside_11[odd] = 11.4
    assert np.mean([field_evidence(beside_7, 25.0, s)[odd].mean() for s in range(10)]) > 1.0
    assert np.mean([field_evidence(beside_11, 25.0, s)[odd].mean() for s in range(10)]) < 0.5


def test_a_small_weak_dendrite_is_found_beside_an_electrode() -> None:
    found = away = 0
    for seed in range(40):
        signal = np.zeros((5, 32, 32))
        signal[:, 6:11, 4:28] = decays(7.0, 30.0, 1)[:, :, None]
        signal[:, 12:15, 12:15] = decays(16.0, 6.0, 1)[:, :, None]
        labels = long_t2_regions(
            magnitudes(signal, 1.0, np.random.default_rng([34, seed])), TE_MS, 1.0, spacing_um=SPACING_UM
        ).labels
        inside = labels[12:15, 12:15]
        found += int(np.count_nonzero(inside) >= 3)
        away += len(np.unique(labels[labels > 0])) - len(np.unique(inside[inside > 0]))
    assert found >= 30
    assert away <= 1


def test_weak_electrodes_make_hardly_any_region() -> None:
    with_region = 0
    for seed in range(60):
        signal = np.zeros((5, 40, 40))
        signal[:, 10:14, 5:35] = decays(7.5, 12.0, 1)[:, :, None]
        data = magnitudes(signal, 1.0, np.random.default_rng([35, seed]))
        with_region += len(long_t2_regions(data, TE_MS, 1.0, spacing_um=SPACING_UM).table) > 0
    assert with_region <= 3


def test_threshold_map_is_the_fits_own() -> None:
    data = block(8)
    data[0, 0, 0] = np.nan
    fit = fit_t2(data, TE_MS, sigma=1.0)
    long = threshold_map(fit)
    assert not long[0, 0]
    np.testing.assert_array_equal(long[fit.ok], fit.t2_ms[fit.ok] > 12.0)
    assert long[10:14, 20:25].mean() > 0.8


def test_several_coils_and_a_skipped_echo() -> None:
    rng = np.random.default_rng(36)
    clean = np.zeros((5, 32, 40))
    clean[:, 10:14, 20:25] = decays(20.0, 14.0, 1)[:, :, None]
    coils = [magnitudes(clean / 2.0, 1.0, rng) for _ in range(4)]
    data = np.sqrt(np.sum(np.square(coils), axis=0))
    found = long_t2_regions(data, TE_MS, 1.0, spacing_um=SPACING_UM, model="chi", n_coils=4)
    assert len(found.table) == 1
    spoilt = block(9)
    spoilt[0] *= 3.0
    skipped = long_t2_regions(spoilt, TE_MS, 1.0, spacing_um=SPACING_UM, skip_echoes=1)
    rest = long_t2_regions(spoilt[1:], TE_MS[1:], 1.0, spacing_um=SPACING_UM)
    np.testing.assert_array_equal(skipped.labels, rest.labels)
    assert len(skipped.table) == 1


def test_order_of_echoes_does_not_matter() -> None:
    order = [3, 0, 4, 2, 1]
    plain = long_t2_regions(block(10), TE_MS, 1.0, spacing_um=SPACING_UM)
    mixed = long_t2_regions(block(10)[order], [TE_MS[k] for k in order], 1.0, spacing_um=SPACING_UM)
    np.testing.assert_array_equal(mixed.labels, plain.labels)
    assert mixed.table.equals(plain.table)
