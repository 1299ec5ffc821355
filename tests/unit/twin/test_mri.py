from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from spallmap.frames import AffineMap
from spallmap.twin.mri import SKIN_UM, image_of, project_metal, sample_k_space, simulate_mri
from spallmap.twin.poses import draw_mri_pose
from spallmap.twin.scans import TwinCell
from tests.unit.twin.plain_cell import bowl, plain_cell, spheres

SHAPE, SPACING = (32, 24), (23.0, 46.0)
CELL = {"radius": 300.0, "half": 80.0, "electrode_radius": 200.0, "electrode_height": 90.0}


def fine_grid(n_fine: int = 8):
    rows, columns = (
        ((np.arange(n * n_fine) + 0.5) / n_fine - 0.5) * s for n, s in zip(SHAPE, SPACING, strict=True)
    )
    return rows, columns


def waves(n: int, spacing: float) -> np.ndarray:
    return (np.arange(n) - n // 2) / (n * spacing)


@pytest.mark.parametrize("centre", [(301.0, 512.5), (287.3, 640.2)])
def test_k_space_of_a_rectangle_is_the_closed_form(centre):
    rows, columns = fine_grid()
    dv, du = rows[1] - rows[0], columns[1] - columns[0]
    first, last = (40, 17), (95, 60)
    density = np.zeros((len(rows), len(columns)))
    density[first[0] : last[0] + 1, first[1] : last[1] + 1] = 2.5
    expected = 2.5
    for axis, (x, step, n, s) in enumerate(
        ((rows, dv, SHAPE[0], SPACING[0]), (columns, du, SHAPE[1], SPACING[1]))
    ):
        k = waves(n, s)
        low, high = x[first[axis]] - step / 2, x[last[axis]] + step / 2
        transform = (high - low) * np.sinc(k * (high - low)) * np.exp(-1j * np.pi * k * (low + high))
        expected = np.multiply.outer(expected, transform)
    k_space = sample_k_space(density, rows, columns, SHAPE, SPACING)
    np.testing.assert_allclose(k_space, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(("v0", "u0"), [(301.0, 512.5), (333.5, 552.0)])
def test_k_space_of_a_gaussian_is_the_closed_form(v0, u0):
    rows, columns = fine_grid(10)
    sv, su = 40.0, 70.0

    def cell_means(x, x0, s):
        """Mean of the Gaussian over each fine cell, so that the cells hold what the continuum does."""
        h = x[1] - x[0]
        edge = (np.array([x - h / 2, x + h / 2]) - x0) / (np.sqrt(2) * s)
        return np.sqrt(np.pi / 2) * s * (erf(edge[1]) - erf(edge[0])) / h

    density = np.outer(cell_means(rows, v0, sv), cell_means(columns, u0, su))
    kv, ku = waves(SHAPE[0], SPACING[0]), waves(SHAPE[1], SPACING[1])
    factors = [
        np.sqrt(2 * np.pi) * s * np.exp(-2 * (np.pi * k * s) ** 2 - 2j * np.pi * k * x0)
        for k, s, x0 in ((kv, sv, v0), (ku, su, u0))
    ]
    k_space = sample_k_space(density, rows, columns, SHAPE, SPACING)
    np.testing.assert_allclose(
        k_space, np.outer(*factors), rtol=0, atol=2e-3 * np.abs(factors[0]).max() * np.abs(factors[1]).max()
    )


def test_a_band_limited_pattern_is_its_values_at_the_pixel_centres():
    k = (5 / (SHAPE[0] * SPACING[0]), -3 / (SHAPE[1] * SPACING[1]))
    rng = np.random.default_rng(2)
    samples = np.zeros(SHAPE, dtype=complex)
    samples[SHAPE[0] // 2 + 5, SHAPE[1] // 2 - 3] = 1.0
    image = image_of(samples, SPACING) * np.prod(SHAPE) * np.prod(SPACING)
    for j, i in rng.integers(0, SHAPE, (20, 2)):
        phase = 2j * np.pi * (k[0] * j * SPACING[0] + k[1] * i * SPACING[1])
        assert image[j, i] == pytest.approx(np.exp(phase), abs=1e-12)


@pytest.mark.parametrize("n_fine", [5, 8])
def test_a_block_about_a_pixel_centre_is_brightest_and_symmetric_there(n_fine):
    rows, columns = fine_grid(n_fine)
    j, i = 11, 7
    density = np.outer(np.abs(rows - j * SPACING[0]) < 11.4, np.abs(columns - i * SPACING[1]) < 22.9).astype(
        float
    )
    image = image_of(sample_k_space(density, rows, columns, SHAPE, SPACING), SPACING)
    assert np.unravel_index(np.abs(image).argmax(), SHAPE) == (j, i)
    np.testing.assert_allclose(np.abs(image[j + 1]), np.abs(image[j - 1]), atol=1e-10)
    np.testing.assert_allclose(np.abs(image[:, i + 1]), np.abs(image[:, i - 1]), atol=1e-10)


def pose_of(seed: int) -> AffineMap:
    return draw_mri_pose(np.random.default_rng(seed), SHAPE, SPACING, AffineMap.identity())


@pytest.mark.parametrize("seed", [1, 2])
def test_the_skin_of_two_discs_has_the_closed_forms_integral(seed):
    metal = project_metal(plain_cell(**CELL), pose_of(seed), SHAPE, SPACING, (2.0,))
    r, t = CELL["electrode_radius"], CELL["electrode_height"]

    def layer(d):
        """Surface of the disc shrunk by d: minus the derivative of pi (r - d)^2 (t - 2 d)."""
        return np.pi * (2 * (r - d) * (t - 2 * d) + 2 * (r - d) ** 2)

    expected = 2 * quad(lambda d: np.exp(-d / SKIN_UM) * layer(d), 0.0, t / 2)[0]
    cell_area = (metal.row_um[1] - metal.row_um[0]) * (metal.column_um[1] - metal.column_um[0])
    assert metal.electrode_start.sum() * cell_area == pytest.approx(expected, rel=0.01)
    decayed = metal.electrode.sum() / metal.electrode_start.sum()
    assert decayed == pytest.approx(np.exp(-2.0 / 7.0), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_metal_lies_where_the_pose_says(seed):
    pose = pose_of(seed)
    metal = project_metal(plain_cell(**CELL), pose, SHAPE, SPACING, (2.0,))
    total = metal.electrode_start.sum()
    v = (metal.electrode_start.sum(axis=1) * metal.row_um).sum() / total
    u = (metal.electrode_start.sum(axis=0) * metal.column_um).sum() / total
    np.testing.assert_allclose((u, v), pose.inverse()(np.zeros(3))[:2], atol=0.5)


def test_a_void_adds_skin_of_its_own():
    hollow = plain_cell(**CELL, hollows=spheres((0.0, 0.0, 125.0, 25.0), in_sodium=True))
    with_void, without = (
        project_metal(cell, pose_of(0), SHAPE, SPACING, (2.0,)).electrode_start.sum()
        for cell in (hollow, plain_cell(**CELL))
    )
    assert with_void > without


def test_the_dendrite_is_the_filled_half_of_the_crack():
    cell = plain_cell(**CELL, crack=bowl(120.0, 60.0, 5.0))
    pose = pose_of(4)
    metal = project_metal(cell, pose, SHAPE, SPACING, (2.0,))
    total = metal.dendrite.sum()
    assert total > 0
    centre = (
        (metal.dendrite.sum(axis=0) * metal.column_um).sum() / total,
        (metal.dendrite.sum(axis=1) * metal.row_um).sum() / total,
    )
    # The half bowl x < 0 is symmetric in y and lies between the face and the bowl's bottom.
    expected = [pose.inverse()(np.array([x, 0.0, z]))[:2] for x, z in ((-50.0, 20.0), (-50.0, 80.0))]
    assert min(e[1] for e in expected) < centre[1] < max(e[1] for e in expected)
    assert abs(centre[0] - expected[0][0]) < 25.0
    assert project_metal(plain_cell(**CELL), pose, SHAPE, SPACING, (2.0,)).dendrite.sum() == 0.0


@pytest.fixture(scope="module")
def drawn_cell():
    return TwinCell(11)


def test_background_is_rayleigh_and_signal_to_noise_is_as_asked(drawn_cell):
    scan = drawn_cell.mri("shorted")
    background = np.concatenate([scan.magnitude[:, :10, :8].ravel(), scan.magnitude[:, -10:, -8:].ravel()])
    rms = np.sqrt(np.mean(background**2))
    assert background.mean() / rms == pytest.approx(np.sqrt(np.pi) / 2, rel=0.02)
    assert rms / np.sqrt(2) == pytest.approx(scan.sigma, rel=0.06)
    snr = scan.signal / scan.sigma
    assert 18.0 < np.median(snr[scan.electrode]) < 40.0
    assert scan.dendrite.sum() >= 6
    assert 3.5 < np.median(snr[scan.dendrite]) < 9.0
    assert not np.any(scan.dendrite & scan.electrode)


def test_decay_is_that_of_the_electrodes_and_of_the_dendrite():
    pose, rng = pose_of(5), np.random.default_rng(0)
    cell = plain_cell(**CELL, crack=bowl(120.0, 120.0, 5.0))
    scan = simulate_mri(cell, pose, rng, shape=SHAPE, spacing_um=SPACING, electrode_snr=1e7, dendrite_snr=5e6)
    span = scan.te_ms[-1] - scan.te_ms[0]
    t2 = span / np.log(scan.magnitude[0] / scan.magnitude[-1])
    assert np.median(t2[scan.electrode]) == pytest.approx(7.0, rel=0.03)
    np.testing.assert_allclose(scan.t2_ms[scan.electrode], 7.0, rtol=1e-6)
    alone = scan.fraction > 0.95
    assert alone.any()
    np.testing.assert_allclose(t2[alone], 16.0, rtol=0.1)


def test_a_pristine_cell_has_no_dendrite(drawn_cell):
    scan = drawn_cell.mri("pristine")
    assert not scan.dendrite.any()
    assert scan.fraction.max() == 0.0
    low, high = np.nanpercentile(scan.t2_ms, [1, 99])
    assert 5.0 <= low < high <= 10.0
