from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.blockwise.gaussian import gaussian_taps, reach, smooth_block, smoothed
from spallmap.tomography.cracks.plate import filter_halo


def test_smoothing_is_scipys_and_the_halo_is_what_is_needed() -> None:
    rng = np.random.default_rng(6)
    volume = rng.normal(size=(30, 31, 32)).astype(np.float32)
    taps = gaussian_taps(1.5)
    found = smooth_block(volume, taps)
    r = len(taps) - 1
    expected = ndimage.gaussian_filter(volume.astype(np.float64), 1.5)[r:-r, r:-r, r:-r]
    assert np.allclose(found, expected, atol=1e-6)
    assert filter_halo((1.0, 2.0)) == 9


@pytest.mark.parametrize("sigmas", [(1.2, None), (0.7, 2.0), (1.5, 0.0), (0.0, 0.0)])
def test_whole_numbers_are_smoothed_as_scipy_does_along_each_axis(
    sigmas: tuple[float, float | None],
) -> None:
    volume = np.random.default_rng(7).integers(0, 65536, (30, 25, 26)).astype(">u2")
    sigma, sigma_z = sigmas
    found = smoothed(volume, sigma, sigma_z)
    along_z = sigma if sigma_z is None else sigma_z
    r, rz = reach(sigma), reach(along_z)
    expected = ndimage.gaussian_filter(volume.astype(np.float64), (along_z, sigma, sigma))
    inside = (slice(rz, 30 - rz), slice(r, 25 - r), slice(r, 26 - r))
    assert np.allclose(found, expected[inside], atol=0.05)
