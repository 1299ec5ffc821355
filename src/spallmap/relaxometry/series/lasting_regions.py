"""Long-T2 regions that do not hang on where exactly the echoes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning
from spallmap.relaxometry.regions import Regions, long_t2_regions
from spallmap.relaxometry.samples import without
from spallmap.relaxometry.series.echo_shift import EchoShift
from spallmap.relaxometry.series.preparation import PreparedSeries

# Standard errors by which the echoes are moved to either side, and the displacement of a delivered sample
# below which that is not worth while. A rim of electrode that drifts unseen by 0.27 pixels is off by 2.
_SIGMAS = 1.5
_LEAST_PX = 0.02


def lasting_regions(
    ready: PreparedSeries, *, long_ms: float, spacing_um: Sequence[float], threads: int | None = None
) -> tuple[Regions, tuple[DataWarning, ...]]:
    """Find the long-T2 regions that stay where the echoes are displaced by what is not known of it.

    At the metal's rim a displaced echo looks like another T2. So each region has to be found again, somewhere
    in its pixels, with all echoes moved to either side along either axis by 1.5 standard errors of their
    displacement.

    Parameters
    ----------
    ready : PreparedSeries
        The series.
    long_ms : float
        The threshold.
    spacing_um : sequence of float
        Delivered pixel size in array order.
    threads : int, optional
        As for :func:`spallmap.relaxometry.fit_t2`.

    Returns
    -------
    regions : Regions
        Those that stay.
    warnings : tuple of DataWarning
        What was left out.

    Examples
    --------
    >>> from spallmap.relaxometry.series.preparation import prepare_series
    >>> noise = np.random.default_rng(5).rayleigh(size=(5, 40, 40))
    >>> ready = prepare_series(noise, (2.0, 6.0, 10.0, 14.0, 18.0))
    >>> regions, warnings = lasting_regions(ready, long_ms=12.0, spacing_um=(23.0, 46.0))
    >>> len(regions.table), warnings
    (0, ())
    """

    def search(moved_px: NDArray[np.float64] | None) -> Regions:
        samples = ready.whole
        if moved_px is not None:
            moved = EchoShift(moved_px, np.zeros_like(moved_px)).without(ready.samples)
            samples = without(moved, ready.cut_off | ready.spoiled.pixels)
        return long_t2_regions(
            samples,
            ready.te_ms.tolist(),
            ready.sigma,
            long_ms=long_ms,
            spacing_um=spacing_um,
            model=ready.model.name,
            n_coils=ready.model.n_coils,
            sampling=ready.sampling,
            threads=threads,
        )

    found = search(None)
    stays = np.ones(len(found.table), dtype=bool)
    errors_px = ready.shift.error_px[-ready.te_ms.size :]
    for axis in (0, 1):
        for side in (-_SIGMAS, _SIGMAS):
            moved_px = np.zeros_like(errors_px)
            moved_px[:, axis] = side * errors_px[:, axis]
            if not stays.any() or np.abs(moved_px).max() < _LEAST_PX:
                continue
            seen_again = np.unique(found.labels[search(moved_px).labels > 0])
            stays &= np.isin(found.table["region"], seen_again)
    if stays.all():
        return found, ()
    left_out = int(np.count_nonzero(~stays))
    said = DataWarning(
        "long-T2 regions",
        f"{left_out} that would not be there if the echoes were displaced by what their positions may be off",
        "left out: at the rim of the metal a displacement looks like another T2",
    )
    return _only(found, stays), (said,)


def _only(regions: Regions, stays: NDArray[np.bool_]) -> Regions:
    """Keep some of the regions, numbered anew."""
    numbers = np.concatenate([[0], np.where(stays, np.cumsum(stays), 0)]).astype(regions.labels.dtype)
    table = regions.table[stays].reset_index(drop=True)
    table["region"] = np.arange(1, len(table) + 1, dtype=np.int64)
    return replace(regions, labels=numbers[regions.labels], table=table)
