from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image
from spallmap.relaxometry import (
    FitStatus,
    analyse_series,
    common_t2,
    estimate_noise,
    fit_t2,
    get_model,
    trusted_sigma,
)
from spallmap.relaxometry.noise import check_residuals, residuals_of
from spallmap.relaxometry.status import SEEN

SHARED = Path(os.environ.get("SPALLMAP_SHARED", Path(__file__).parents[2].parent / "shared"))
STUDY = SHARED / "data/mri/bruker-msme-phantom/20160718_115906_plateforme_fantome_nouille_other_1_7"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not STUDY.is_dir(), reason=f"no real data at {STUDY}; set SPALLMAP_SHARED"),
]


@pytest.fixture(scope="module")
def phantom() -> tuple[np.ndarray, tuple[float, ...]]:
    image = open_image(STUDY / "9", "mri")
    return np.asarray(image.data, dtype=np.float64), image.meta["te_ms"]


def test_noise_agrees_with_the_corner(phantom: tuple[np.ndarray, tuple[float, ...]]) -> None:
    data, _ = phantom
    corner = data[..., :12, :12]
    rms = np.sqrt(np.mean(corner**2))
    found = estimate_noise(data)
    assert found.is_rayleigh
    assert found.rayleigh_ratio == pytest.approx(corner.mean() / rms, abs=0.005)
    # the receiver's filter lowers the noise towards the readout's ends, where the corners lie
    assert 1.0 <= found.sigma / (rms / np.sqrt(2.0)) < 1.12


def test_noise_agrees_with_the_background_beside_the_specimen(
    phantom: tuple[np.ndarray, tuple[float, ...]],
) -> None:
    data, _ = phantom
    beside = data[3:, 2:, :12, 128:176]
    found = estimate_noise(data)
    assert found.sigma == pytest.approx(np.sqrt(np.mean(beside**2) / 2.0), rel=0.03)


def test_many_slices_are_fitted_with_one_noise_level(phantom: tuple[np.ndarray, tuple[float, ...]]) -> None:
    data, te_ms = phantom
    middle = data[:, 3:5]
    fit = fit_t2(middle, te_ms, "rician", estimate_noise(data).sigma)
    assert fit.t2_ms.shape == (2, 160, 192)
    # water of some 500 ms, far beyond the last echo: single pixels do not say so, and many together do
    strong = np.isin(fit.status, SEEN) & (fit.snr > 10.0)
    assert 300.0 < np.median(fit.t2_ms[strong]) < 700.0
    assert np.mean(fit.status[strong] != FitStatus.OK) > 0.8
    chosen, te = get_model("rician"), np.array(te_ms)
    samples = chosen.prepare(middle[:, strong][:, ::10].T / fit.sigma, te)
    pooled, _ = common_t2(samples, te, chosen, fit.t2_bounds_ms)
    assert 300.0 < pooled < 700.0


def test_the_phantom_with_stimulated_echoes_is_not_refused(
    phantom: tuple[np.ndarray, tuple[float, ...]],
) -> None:
    data, te_ms = phantom
    noise = estimate_noise(data)
    fit = fit_t2(data, te_ms, "rician", trusted_sigma(noise))
    assert check_residuals(fit, noise) == ()
    assert residuals_of(fit).ratio == pytest.approx(1.1, abs=0.15)


def test_a_slice_without_air_is_refused(shared: Callable[[str], Path]) -> None:
    image = open_image(shared("data/mri/invivo-no-air/echoes.nii.gz"), "mri", (1000.0, 1000.0))
    with pytest.raises(InputError, match="falls as tissue does") as caught:
        fit_t2(image.data, image.meta["te_ms"])
    assert "sigma in the acquisition's row" in caught.value.allowed


def test_a_slice_without_air_has_its_peers_t2_where_the_noise_is_given(
    shared: Callable[[str], Path],
) -> None:
    image = open_image(shared("data/mri/invivo-no-air/echoes.nii.gz"), "mri", (1000.0, 1000.0))
    path = shared("data/mri/invivo-no-air/peer-nlls-t2-in-units-of-145.2ms.nii.gz")
    # amplitude and T2, behind a header of 352 bytes
    peer_ms = 145.2 * np.frombuffer(gzip.decompress(path.read_bytes()), "<f4", offset=352)[128 * 128 :]
    fit = fit_t2(image.data, image.meta["te_ms"], "offset", 1e-6)
    same = np.abs(fit.t2_ms.ravel() / peer_ms - 1.0) < 2e-5
    assert np.count_nonzero(fit.ok) > 15_000
    assert np.mean(same[fit.ok.ravel()]) > 0.98


@pytest.mark.parametrize("plate", ["plate4-dicom/site3_ge", "plate4-dicom/site5_philips_3T"])
def test_a_combined_or_blanked_background_is_refused(shared: Callable[[str], Path], plate: str) -> None:
    image = open_image(shared(f"data/mri/nist-{plate}"), "mri")
    with pytest.raises(InputError, match=r"mean over rms 0\.9[89]"):
        fit_t2(image.data, image.meta["te_ms"])


def test_a_background_of_a_few_chance_pixels_is_refused(shared: Callable[[str], Path]) -> None:
    image = open_image(shared("data/mri/nist-plate5-dicom/site3_ge"), "mri")
    with pytest.raises(InputError, match="give the noise level"):
        fit_t2(image.data, image.meta["te_ms"])
    with pytest.raises(InputError, match="give the noise level"):
        fit_t2(image.data, image.meta["te_ms"], skip_echoes=1)


def test_spheres_that_no_decay_fits_have_honest_errors(shared: Callable[[str], Path]) -> None:
    image = open_image(shared("data/mri/nist-plate4-dicom/site3_ge"), "mri")
    fit = fit_t2(image.data, image.meta["te_ms"], sigma=6.0)
    strong = fit.ok & (fit.snr > 100.0) & (fit.chi2_reduced > 30.0)
    assert np.count_nonzero(strong) > 500
    without = fit.t2_se_ms / np.sqrt(fit.misfit)
    assert np.median(np.sqrt(fit.misfit[strong])) > 5.0
    # leaving the first echo out shows by how much T2 was off
    again = fit_t2(image.data, image.meta["te_ms"], sigma=6.0, skip_echoes=1)
    both = strong & again.ok
    off = np.abs(again.t2_ms - fit.t2_ms)[both]
    assert np.median(off / without[both]) > 4.0
    assert np.median(off / fit.t2_se_ms[both]) < 2.0


@pytest.mark.parametrize("cell", ["cell-a/mri_pristine", "cell-a/mri_shorted"])
@pytest.mark.parametrize("model", ["rician", "offset"])
def test_clean_cells_have_no_warning(shared: Callable[[str], Path], cell: str, model: str) -> None:
    image = open_image(shared(f"cells/{cell}"), "mri")
    found = analyse_series(
        image.data,
        image.meta["te_ms"],
        spacing_um=image.spacing_um,
        rng=np.random.default_rng(1),
        model=model,
        clipped=image.clipped,
    )
    assert found.warnings == ()
