from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spallmap.readers import open_image
from spallmap.relaxometry import estimate_noise, fit_t2

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
    # water of some 500 ms, far beyond the last echo
    assert 300.0 < np.median(fit.t2_ms[fit.ok]) < 700.0
