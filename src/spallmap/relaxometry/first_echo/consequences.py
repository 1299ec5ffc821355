"""What the choice about the first echo does to pixels and regions, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning
from spallmap.relaxometry.first_echo.examine import MOST_SPREAD, FirstEcho, Series
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.regions import Regions, long_t2_regions, threshold_map
from spallmap.sampling import AcquiredSampling

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassChanges:
    """Pixels and regions that are long by one choice about the first echo and not by the other.

    Parameters
    ----------
    n_pixels_longer, n_pixels_shorter : int
        Pixels whose own T2 is above the threshold by the other choice alone, and by the one made alone.
    n_regions_more, n_regions_fewer : int
        Regions that meet none of the other choice's: found by the other alone, and by the one made alone.

    Examples
    --------
    >>> ClassChanges(3, 0, 1, 0).any, ClassChanges().any
    (True, False)
    """

    n_pixels_longer: int = 0
    n_pixels_shorter: int = 0
    n_regions_more: int = 0
    n_regions_fewer: int = 0

    @property
    def any(self) -> bool:
        """Whether anything depends on the choice."""
        return bool(self.n_pixels or self.n_regions)

    @property
    def n_pixels(self) -> int:
        """Pixels that change sides."""
        return self.n_pixels_longer + self.n_pixels_shorter

    @property
    def n_regions(self) -> int:
        """Regions that come or go."""
        return self.n_regions_more + self.n_regions_fewer


def class_changes(
    series: Series,
    fit: T2Fit,
    regions: Regions,
    *,
    spacing_um: Sequence[float],
    saturation: float | None = None,
    sampling: AcquiredSampling | None = None,
    threads: int | None = None,
) -> ClassChanges:
    """Fit the other choice's series and count what is long by one of both alone.

    Parameters
    ----------
    series : tuple of ndarray
        Echoes and rising echo times of the other choice.
    fit : T2Fit
        Of the choice that was made.
    regions : Regions
        Its long-T2 regions.
    spacing_um, saturation, threads : sequence of float, float, int
        As for :func:`spallmap.relaxometry.analyse_series`.
    sampling : AcquiredSampling, optional
        How finely the image was acquired.

    Returns
    -------
    ClassChanges
        The counts.

    Examples
    --------
    >>> te_ms = np.array([4.0, 8.0, 12.0, 16.0, 20.0])
    >>> signal = 60.0 * np.exp(-te_ms / 10.0)[:, None, None] * np.ones((5, 6, 6))
    >>> low = signal * np.array([0.6, 1.0, 1.0, 1.0, 1.0])[:, None, None]
    >>> fit = fit_t2(signal, te_ms.tolist(), sigma=0.1)
    >>> regions = long_t2_regions(signal, te_ms.tolist(), 0.1, spacing_um=(23.0, 46.0))
    >>> class_changes((low, te_ms), fit, regions, spacing_um=(23.0, 46.0)).n_pixels_longer
    36
    """
    samples, te_ms = series[0], series[1].tolist()
    other = fit_t2(
        samples,
        te_ms,
        model=fit.model,
        sigma=fit.sigma,
        long_ms=fit.long_ms,
        saturation=saturation,
        n_coils=fit.n_coils,
        threads=threads,
    )
    found = long_t2_regions(
        samples,
        te_ms,
        fit.sigma,
        long_ms=fit.long_ms,
        spacing_um=spacing_um,
        model=fit.model,
        n_coils=fit.n_coils,
        sampling=sampling,
        threads=threads,
    )
    long, other_long = threshold_map(fit), threshold_map(other)
    return ClassChanges(
        int(np.count_nonzero(other_long & ~long)),
        int(np.count_nonzero(long & ~other_long)),
        _unmet(found.labels, regions.labels),
        _unmet(regions.labels, found.labels),
    )


def _unmet(labels: NDArray[np.int32], others: NDArray[np.int32]) -> int:
    """How many regions share no pixel with any of the others."""
    met = np.unique(labels[(labels > 0) & (others > 0)])
    return int(labels.max(initial=0)) - met.size


def first_echo_summary(first: FirstEcho, changes: ClassChanges) -> dict[str, Any]:
    """Sum up what was found of the first echo, for ``t2.json``.

    Parameters
    ----------
    first : FirstEcho
        The comparison.
    changes : ClassChanges
        What depends on the choice.

    Returns
    -------
    dict
        ``decision`` (what the data say: ``keep``, ``adjust``, ``skip``, ``undecided``), ``used`` (what was
        done), ``n_skipped``, ``deviation_fraction``, ``deviation_se``, ``deviation_spread``, ``n_pixels``
        compared, ``te_ms``, ``effective_te_ms``, ``t2_median_kept_ms``, ``t2_median_adjusted_ms``,
        ``t2_median_skipped_ms``, ``n_pixels_changed`` and ``n_regions_changed``. Numbers that do not exist
        are NaN.

    Examples
    --------
    >>> first_echo_summary(FirstEcho("cpmg", 2.0), ClassChanges())["decision"]
    'undecided'
    """
    return {
        "decision": first.decision,
        "used": first.used,
        "n_skipped": first.n_skipped,
        "deviation_fraction": first.deviation,
        "deviation_se": first.deviation_se,
        "deviation_spread": first.spread,
        "n_pixels": first.n_pixels,
        "te_ms": first.te_ms,
        "effective_te_ms": first.effective_te_ms,
        "t2_median_kept_ms": first.t2_kept_ms,
        "t2_median_adjusted_ms": first.t2_adjusted_ms,
        "t2_median_skipped_ms": first.t2_skipped_ms,
        "n_pixels_changed": changes.n_pixels,
        "n_regions_changed": changes.n_regions,
    }


def first_echo_warnings(first: FirstEcho, changes: ClassChanges, long_ms: float) -> tuple[DataWarning, ...]:
    """Say what is odd about the first echo, what was done about it, and what depends on that.

    Parameters
    ----------
    first : FirstEcho
        The comparison.
    changes : ClassChanges
        What depends on the choice.
    long_ms : float
        The threshold of long T2.

    Returns
    -------
    tuple of DataWarning
        One where the first echo of a train or of separate echoes is off the decay of the others and the user
        did not leave it out, or where that of a train cannot be judged; else none.

    Examples
    --------
    >>> low = FirstEcho("cpmg", 4.0, "adjust", "adjust", 0, -0.25, 0.01, 0.0, 210, 6.5, 9.9, 7.5, 7.4)
    >>> for warning in first_echo_warnings(low, ClassChanges(9, 0, 1, 0), 12.0):
    ...     print(warning.found)
    ...     print(warning.advice[-67:])
    25 ± 1 % less signal than the later echoes let expect (210 pixels)
    9 pixels and 1 region are above 12 ms by one of these choices alone
    >>> first_echo_warnings(FirstEcho("separate", 4.0), ClassChanges(), 12.0)
    ()
    """
    if first.n_skipped:
        return ()
    label = f"first echo, {first.te_ms:g} ms"
    if first.deviates:
        return (DataWarning(label, deviation_words(first), _what_was_done(first) + _moved(changes, long_ms)),)
    if first.train != "cpmg" or first.decision != "undecided":
        return ()
    found = "too few echoes or pixels to say whether it agrees with the later ones"
    if np.isfinite(first.deviation):
        found = f"{deviation_words(first)}: too uncertain"
    advice = (
        "used as it is; in a train whose pulses do not refocus fully it lies low and T2 comes out too long; "
        "skip_echoes 1 leaves it out"
    )
    return (DataWarning(label, found, advice + _moved(changes, long_ms)),)


def deviation_words(first: FirstEcho) -> str:
    """Say how far the first echo is from what the later ones let expect.

    Parameters
    ----------
    first : FirstEcho
        The comparison; its deviation is a number.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> deviation_words(FirstEcho("cpmg", 4.0, "keep", deviation=0.004, deviation_se=0.006, n_pixels=90))
    '0.4 ± 0.6 % more signal than the later echoes let expect (90 pixels)'
    """
    digits = 0 if first.deviation_se >= 0.01 else 1 if first.deviation_se >= 0.001 else 2
    size, error = 100.0 * abs(first.deviation), 100.0 * first.deviation_se
    which = "less" if first.deviation < 0.0 else "more"
    varying = f", varying by {100.0 * first.spread:.0f} %" if first.spread > MOST_SPREAD else ""
    return (
        f"{size:.{digits}f} ± {error:.{digits}f} % {which} signal than the later echoes let expect "
        f"({first.n_pixels} pixels{varying})"
    )


def _what_was_done(first: FirstEcho) -> str:
    kept, skipped = f"{first.t2_kept_ms:.3g}", f"{first.t2_skipped_ms:.3g}"
    if first.used == "adjust":
        return (
            f"used as if at {first.effective_te_ms:.3g} ms, where it lies on their decay: median T2 of these "
            f"pixels {first.t2_adjusted_ms:.3g} ms; {kept} ms with it as it is, {skipped} ms without it"
        )
    if first.used == "skip":
        return f"left out: median T2 of these pixels {skipped} ms; {kept} ms with it"
    if first.deviation > 0.0:
        why = "refocusing does not do that; another gain, two T2 in one pixel or a wrong noise level do"
    elif first.train == "cpmg":
        why = "its echo time is not the spacing of the others, so that stimulated echoes do not meet them"
    elif first.train == "separate":
        why = "the echoes are separate, whose scale may differ from echo to echo"
    else:
        why = "the files do not say that the echoes are one train, in which it would not be"
    return (
        f"used as it is ({why}): median T2 of these pixels {kept} ms; {skipped} ms without it, by "
        "skip_echoes 1"
    )


def _moved(changes: ClassChanges, long_ms: float) -> str:
    if not changes.any:
        return ""
    pixels = f"{changes.n_pixels} pixel{'' if changes.n_pixels == 1 else 's'}"
    regions = f"{changes.n_regions} region{'' if changes.n_regions == 1 else 's'}"
    return f"; {pixels} and {regions} are above {long_ms:g} ms by one of these choices alone"
