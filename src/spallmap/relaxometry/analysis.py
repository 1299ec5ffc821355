"""All that is made of one echo series: its maps, its long-T2 regions and its numbers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import DataWarning
from spallmap.relaxometry.distribution import expected_counts, t2_distribution
from spallmap.relaxometry.first_echo import (
    ClassChanges,
    class_changes,
    first_echo_summary,
    first_echo_warnings,
)
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.noise import (
    NoiseEstimate,
    check_residuals,
    noise_warnings,
    sampling_warnings,
)
from spallmap.relaxometry.noise.beyond import beyond_warnings
from spallmap.relaxometry.noise.given import given_warnings
from spallmap.relaxometry.regions import Regions, mixed_regions
from spallmap.relaxometry.samples import without
from spallmap.relaxometry.series.gain_drift import regions_with_drift, with_drift
from spallmap.relaxometry.series.lasting_regions import lasting_regions
from spallmap.relaxometry.series.preparation import prepare_series
from spallmap.relaxometry.summary import histogram_edges_ms, summarise_t2
from spallmap.sampling import AcquiredSampling


@dataclass(frozen=True)
class SeriesAnalysis:
    """What one echo series holds.

    Parameters
    ----------
    fit : T2Fit
        The maps, with the intervals of T2.
    noise : NoiseEstimate or None
        Where the noise level comes from; None where it was given.
    regions : Regions
        The long-T2 regions.
    summary : dict
        As from :func:`spallmap.relaxometry.summarise_t2`, with the peaks of the distribution, and
        ``first_echo`` as from :func:`spallmap.relaxometry.first_echo.first_echo_summary` and ``echo_shift``
        as from :meth:`spallmap.relaxometry.series.echo_shift.EchoShift.to_dict`.
    warnings : tuple of DataWarning
        What is odd in the series or its fit.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import analyse_series
    >>> rng = np.random.default_rng(1)
    >>> found = analyse_series(
    ...     rng.rayleigh(size=(5, 8, 8)),
    ...     (2.0, 6.0, 10.0, 14.0, 18.0),
    ...     spacing_um=(23.0, 46.0),
    ...     rng=rng,
    ...     sigma=1.0,
    ... )
    >>> found.noise, found.summary["n_fitted"], found.warnings
    (None, 0, ())
    """

    fit: T2Fit
    noise: NoiseEstimate | None
    regions: Regions
    summary: dict[str, Any]
    warnings: tuple[DataWarning, ...] = ()


def acquisition_generator(random_seed: int, acquisition: str) -> np.random.Generator:
    """Make the random numbers of one acquisition.

    Parameters
    ----------
    random_seed : int
        The run's only source of randomness.
    acquisition : str
        What the acquisition is called in the results. Another acquisition gets other numbers, and none gets
        others because one is added or left out.

    Returns
    -------
    numpy.random.Generator
        Always the same for the same arguments.

    Examples
    --------
    >>> first = acquisition_generator(1, "cell-a/shorted/mri-t2").random(2)
    >>> again = acquisition_generator(1, "cell-a/shorted/mri-t2").random(2)
    >>> bool((first == again).all())
    True
    >>> other = acquisition_generator(1, "cell-a/pristine/mri-t2").random(2)
    >>> bool((first == other).any())
    False
    """
    return np.random.default_rng([random_seed, zlib.crc32(acquisition.encode())])


def analyse_series(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    *,
    spacing_um: Sequence[float],
    rng: np.random.Generator,
    model: str = "rician",
    long_ms: float = 12.0,
    sigma: float | None = None,
    n_coils: int = 1,
    skip_echoes: int = 0,
    saturation: float | None = None,
    clipped: NDArray[np.bool_] | None = None,
    train: str = "unknown",
    sampling: AcquiredSampling | None = None,
    threads: int | None = None,
) -> SeriesAnalysis:
    """Fit T2 maps, find the long-T2 regions and the peaks of the T2 distribution.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ny, nx) or (n_echoes, nz, ny, nx)
        Magnitudes, or complex data for model ``complex``; any order of echoes.
    te_ms : sequence of float
        Echo time of each, in ms.
    spacing_um : sequence of float
        Pixel size in array order, (y, x) or (z, y, x).
    rng : numpy.random.Generator
        Draws the blocks of pixels and the simulated maps of the distribution.
    model, long_ms, n_coils, skip_echoes, saturation, threads : str, float, int, int, float, int
        As for :func:`spallmap.relaxometry.fit_t2`.
    sigma : float, optional
        Noise per channel in the units of the data; absent: estimated from the echoes that are not skipped.
    clipped : ndarray of bool, shape of `echoes`, optional
        Samples that were cut off at an end of their range. A pixel with one among the echoes that are used is
        neither fitted nor part of the noise or of a region.
    train : str
        ``cpmg`` where one excitation made all echoes, ``separate`` where each has its own, or ``unknown``.
        In a train the data decide about the first echo, unless `skip_echoes` does: as it is, at its
        effective echo time, or not at all (:func:`spallmap.relaxometry.first_echo.examine_first_echo`).
    sampling : AcquiredSampling, optional
        What the parameters say of how finely it was acquired; the noise decides where there is enough of it.

    Returns
    -------
    SeriesAnalysis
        Maps, regions, numbers, and what is odd.

    Raises
    ------
    InputError
        If the series or a setting cannot be used, an echo holds no measurement, or no noise level is given
        and none can be trusted, by the background or by the residuals.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(5)
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 32, 32))
    >>> signal[:, 8:14, 6:26] = 30.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> signal[:, 14:17, 10:16] = 12.0 * np.exp(-np.array(te_ms) / 18.0)[:, None, None]
    >>> echoes = np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))
    >>> found = analyse_series(echoes, te_ms, spacing_um=(23.0, 46.0), rng=rng, threads=1)
    >>> round(found.fit.sigma, 1), len(found.regions.table)
    (1.0, 1)
    >>> bool(abs(found.summary["electrode"]["t2_median_ms"] - 7.0) < 0.3)
    True
    """
    ready = prepare_series(
        echoes,
        te_ms,
        model=model,
        sigma=sigma,
        n_coils=n_coils,
        skip_echoes=skip_echoes,
        saturation=saturation,
        clipped=clipped,
        train=train,
        parameters=sampling,
        threads=threads,
    )
    chosen, noise, times = ready.model, ready.noise, ready.te_ms.tolist()
    fit = fit_t2(
        ready.samples,
        times,
        model=chosen.name,
        sigma=ready.sigma,
        long_ms=long_ms,
        mask=ready.mask,
        saturation=saturation,
        clipped=np.broadcast_to(ready.cut_off, ready.samples.shape),
        n_coils=chosen.n_coils,
        n_alike=ready.sampling.n_alike,
        intervals=True,
        threads=threads,
    )
    regions, moved_away = lasting_regions(ready, long_ms=fit.long_ms, spacing_um=spacing_um, threads=threads)
    parameters, sampling, edges_ms = sampling, ready.sampling, histogram_edges_ms(fit.long_ms)
    thinned = [max(round(n), 1) for n in sampling.pixels_per_sample]
    distribution = t2_distribution(ready.samples, times, fit, rng=rng, steps=thinned)
    expected = expected_counts(distribution, fit, edges_ms, rng=rng)
    first, drift = ready.first, ready.drift
    other = first.other_series(ready.every, ready.every_te_ms, chosen)
    changes = ClassChanges()
    if other is not None:
        changes = class_changes(
            (without(other[0], ready.cut_off_of(other[1].size)), other[1]),
            fit,
            regions,
            spacing_um=spacing_um,
            saturation=saturation,
            sampling=sampling,
            threads=threads,
        )
    fit, regions = with_drift(fit, drift), regions_with_drift(regions, drift)
    summary = {
        **summarise_t2(fit, noise, regions, distribution, expected, sampling, drift),
        "first_echo": first_echo_summary(first, changes),
        "echo_shift": ready.shift.to_dict(),
        "spoiled": {
            "echoes_ms": list(ready.striped_te_ms),
            "n_rows": ready.spoiled.n_rows,
            "n_columns": ready.spoiled.n_columns,
            "middle": ready.spoiled.has_spot,
        },
    }
    misfit = check_residuals(fit, noise, sampling.n_alike)
    if noise is None and not misfit:
        misfit = given_warnings(ready.whole, fit)
    warnings = (
        *sampling_warnings(sampling, np.shape(echoes)[1:], parameters),
        *noise_warnings(noise),
        *ready.warnings,
        *ready.shift.warnings(ready.every_te_ms.tolist(), spacing_um),
        *moved_away,
        *drift.warnings(summary["electrode"]["t2_median_ms"]),
        *misfit,
        *first_echo_warnings(first, changes, fit.long_ms),
        *beyond_warnings(fit),
        *mixed_regions(fit, regions, sampling.n_alike),
    )
    return SeriesAnalysis(fit, noise, regions, summary, warnings)
