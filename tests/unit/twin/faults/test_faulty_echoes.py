from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.twin.faults.faulty_echoes import (
    FineGrid,
    clean_image,
    delivered_spacing_um,
    faulty_image,
    faulty_k_space,
    metal_to_cell,
    noise_factor,
    readout_displacement_um,
    receiver_gains,
    sensitivity_of,
)
from spallmap.twin.faults.mri_faults import MriFaults
from spallmap.twin.mri import image_of, sample_k_space

SHAPE, SPACING = (16, 12), (23.0, 46.0)
HERE = AffineMap.identity()
ROWS, COLUMNS = (((np.arange(n * 6) + 0.5) / 6 - 0.5) * s for n, s in zip(SHAPE, SPACING, strict=True))
GRID = FineGrid(ROWS, COLUMNS, SHAPE, SPACING)


def blob(v0: float = 170.0, u0: float = 250.0) -> np.ndarray:
    return np.exp(-0.5 * (((ROWS[:, None] - v0) / 45.0) ** 2 + ((COLUMNS - u0) / 80.0) ** 2))


def image(faults: MriFaults, density: np.ndarray | None = None) -> np.ndarray:
    return clean_image(blob() if density is None else density, GRID, HERE, faults)


def received_image(faults: MriFaults, n_echoes: int = 3) -> np.ndarray:
    """Of no noise."""
    noise = np.zeros((n_echoes, *SHAPE), dtype=complex)
    return faulty_image(np.stack([blob()] * n_echoes), noise, 0.01, GRID, HERE, faults)


def test_no_fault_is_the_image_that_is_simulated_without():
    expected = image_of(sample_k_space(blob(), ROWS, COLUMNS, SHAPE, SPACING), SPACING)
    np.testing.assert_allclose(image(MriFaults()), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(received_image(MriFaults())[2], expected, rtol=0, atol=1e-12)


def test_filling_with_zeros_keeps_the_acquired_samples_where_they_are():
    faults = MriFaults(zero_filling=(2.0, 4.0))
    filled = image(faults)
    assert filled.shape == (32, 48)
    assert delivered_spacing_um(GRID, faults) == (11.5, 11.5)
    np.testing.assert_allclose(filled[::2, ::4], image(MriFaults()), rtol=0, atol=1e-12)
    assert image(MriFaults(zero_filling=(1.5, 1.5))).shape == (24, 18)


def test_a_blob_appears_where_field_and_shift_put_it():
    faults = MriFaults(distortion_px=0.8, metal_offset_px=1.5, form_seed=4)
    moved = readout_displacement_um(GRID, faults)
    assert np.abs(moved).max() == pytest.approx(0.8 * 46.0)
    seen = np.abs(image(faults))
    centre = (seen.sum(axis=0) @ (np.arange(12) * 46.0)) / seen.sum()
    expected = np.sum(blob() * (COLUMNS + moved + 1.5 * 46.0)) / blob().sum()
    assert centre == pytest.approx(expected, abs=4.0)
    # all the metal is still there
    assert seen.sum() == pytest.approx(np.abs(image(MriFaults())).sum(), rel=1e-3)
    appears = np.array([100.0 + 1.5 * 46.0, 40.0, 0.0])
    np.testing.assert_allclose(metal_to_cell(HERE, SPACING, faults)(appears), [100.0, 40.0, 0.0])


def test_the_coil_takes_as_much_as_it_says_and_the_shadow_one_electrode_alone():
    coil = sensitivity_of(GRID, HERE, MriFaults(coil_fraction=0.4, form_seed=1))
    assert (coil.min(), coil.max()) == (pytest.approx(0.6), pytest.approx(1.0))
    # height is the image's row: the electrodes are above and below its middle
    upright = np.eye(4)[[0, 2, 1, 3]] * [[1], [1], [1], [1]]
    upright[2, 3] = -170.0
    shadow = sensitivity_of(GRID, AffineMap(upright), MriFaults(shadow_fraction=0.5, form_seed=1))
    hurt = shadow < 1.0
    assert hurt.any(axis=1).sum() == hurt.all(axis=1).sum()
    assert 0.3 < hurt.mean() < 0.7


def test_a_ghost_lies_half_a_field_of_view_away():
    ghost = received_image(MriFaults(ghost_fraction=0.05)) - image(MriFaults())
    np.testing.assert_allclose(
        np.abs(ghost[0]), 0.05 * np.abs(np.roll(image(MriFaults()), 8, axis=0)), atol=1e-12
    )


def test_gains_scatter_by_what_is_asked_for():
    gains = receiver_gains(5, MriFaults(gain_drift=0.03, form_seed=8))
    assert gains.mean() == pytest.approx(1.0)
    assert gains.std() == pytest.approx(0.03)
    np.testing.assert_allclose(
        received_image(MriFaults(gain_drift=0.03, form_seed=8), 5)[1], gains[1] * image(MriFaults())
    )


def test_offsets_lie_in_the_middle_and_spikes_are_stripes():
    plain = image(MriFaults())
    dot = np.abs(received_image(MriFaults(dc_sigma=20.0)) - plain)
    assert dot[0, 8, 6] == pytest.approx(20.0 * 0.01)
    assert dot[0].sum() == pytest.approx(20.0 * 0.01)
    line = np.abs(received_image(MriFaults(dc_line_sigma=5.0)) - plain)
    assert np.all(line[:, :, np.arange(12) != 6] < 1e-12)
    assert np.sqrt(np.mean(line[:, :, 6] ** 2)) == pytest.approx(5.0 * 0.01 * np.sqrt(2.0), rel=0.3)
    spike = np.abs(received_image(MriFaults(n_spikes=1, spike_sigma=3.0)) - plain)
    hurt = spike.max(axis=(1, 2)) > 1e-9
    assert hurt.sum() == 1
    np.testing.assert_allclose(spike[hurt], 3.0 * 0.01)


def test_a_frequency_that_drifts_moves_the_last_echo():
    faults = MriFaults(frequency_drift_px=0.4, form_seed=2)
    seen = np.abs(received_image(faults))
    centres = (seen.sum(axis=1) @ np.arange(12.0)) / seen.sum(axis=(1, 2))
    assert centres[0] == pytest.approx(
        np.abs(image(MriFaults())).sum(axis=0) @ np.arange(12.0) / seen[0].sum(), abs=0.02
    )
    assert 0.1 < centres[2] - centres[0] < 0.8


@pytest.mark.parametrize(
    "faults",
    [MriFaults(k_filter="hamming"), MriFaults(k_filter="gauss"), MriFaults(partial_fourier=0.3)],
)
def test_noise_of_filtered_images_is_what_is_said(faults):
    noise = np.random.default_rng(1).normal(size=(2, 40, *SHAPE))
    nothing = np.zeros((40, len(ROWS), len(COLUMNS)))
    seen = faulty_image(nothing, noise[0] + 1j * noise[1], 3.0, GRID, HERE, faults)
    assert seen.real.std() == pytest.approx(3.0 * noise_factor(SHAPE, faults), rel=0.03)


def test_samples_are_linear_in_the_density():
    faults = MriFaults(coil_fraction=0.3, distortion_px=0.5, form_seed=9)
    both = faulty_k_space(np.stack([blob(), 2.0 * blob()]), GRID, HERE, faults)
    np.testing.assert_allclose(both[1], 2.0 * both[0])
