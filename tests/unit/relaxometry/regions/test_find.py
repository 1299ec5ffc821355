from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.relaxometry import fit_t2, long_t2_regions
from spallmap.relaxometry.regions import COLUMNS, threshold_map
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


def test_spacing_must_fit_the_axes() -> None:
    with pytest.raises(InputError, match="spacing"):
        long_t2_regions(np.ones((5, 8, 8)), TE_MS, 1.0, spacing_um=(1.0, 2.0, 3.0))


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
