"""A dendrite stays where the echoes are displaced; a rim that a displacement makes long does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spallmap.relaxometry import long_t2_regions
from spallmap.relaxometry.series.echo_shift import EchoShift, displaced
from spallmap.relaxometry.series.lasting_regions import lasting_regions
from spallmap.relaxometry.series.preparation import PreparedSeries, prepare_series

TE_MS = np.array([2.0, 6.5, 11.0, 15.5, 20.0])
SPACING_UM = (23.0, 46.0)


def series(drift_px: float, *, dendrite: bool) -> PreparedSeries:
    """A bar of metal of 9 ms whose echoes lie evenly displaced, which the series does not know."""
    rng = np.random.default_rng(4)
    images = np.zeros((5, 40, 40))
    images[:, 12:24, 8:30] = 45.0 * np.exp(-TE_MS / 9.0)[:, None, None]
    if dendrite:
        images[:, 24:29, 14:19] = 10.0 * np.exp(-TE_MS / 17.0)[:, None, None]
    # what the coil sees of the last column but one
    images[:, 12:24, 7] = 6.0 * np.exp(-TE_MS / 9.0)[:, None]
    moved = [displaced(one, np.array([0.0, -drift_px * k / 4])) for k, one in enumerate(images)]
    noise = rng.normal(size=(2, *images.shape))
    found = prepare_series(np.hypot(moved + noise[0], noise[1]), TE_MS.tolist(), threads=1)
    return replace(found, shift=EchoShift(np.zeros((5, 2)), np.zeros((5, 2))))


def may_be_off(ready: PreparedSeries, error_px: float) -> PreparedSeries:
    error = np.zeros((5, 2))
    error[:, 1] = error_px * np.arange(5) / 4
    return replace(ready, shift=EchoShift(np.zeros((5, 2)), error))


def test_a_dendrite_stays() -> None:
    ready = may_be_off(series(0.0, dendrite=True), 0.15)
    regions, warnings = lasting_regions(ready, long_ms=12.0, spacing_um=SPACING_UM, threads=1)
    assert len(regions.table) == 1
    assert regions.labels[26, 16] == 1
    assert warnings == ()


def test_without_an_error_they_are_those_that_are_found() -> None:
    ready = series(0.0, dendrite=True)
    regions, _ = lasting_regions(ready, long_ms=12.0, spacing_um=SPACING_UM, threads=1)
    plain = long_t2_regions(
        ready.whole, ready.te_ms.tolist(), ready.sigma, 12.0, spacing_um=SPACING_UM, threads=1
    )
    assert np.array_equal(regions.labels, plain.labels)


def test_a_rim_that_a_displacement_makes_long_is_left_out() -> None:
    drifting = series(0.7, dendrite=True)
    believed, _ = lasting_regions(drifting, long_ms=12.0, spacing_um=SPACING_UM, threads=1)
    kept, warnings = lasting_regions(
        may_be_off(drifting, 0.2), long_ms=12.0, spacing_um=SPACING_UM, threads=1
    )
    assert len(believed.table) > 1
    assert kept.table["region"].tolist() == [1]
    assert kept.labels[26, 16] == 1
    assert set(np.unique(kept.labels)) == {0, 1}
    assert "would not be there" in warnings[0].found
