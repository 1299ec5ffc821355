"""Regions of long T2, decided by neighbouring pixels together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.frames import indices_to_points
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.noise.misfit import common_misfit
from spallmap.relaxometry.regions.delivered_grid import DeliveredGrid
from spallmap.relaxometry.regions.evidence import evidence_grid, long_evidence
from spallmap.relaxometry.regions.labelling import likeliest_labels
from spallmap.relaxometry.regions.pooling import common_t2
from spallmap.relaxometry.samples import check_sigma, drop_first, sorted_echoes
from spallmap.relaxometry.status import SEEN
from spallmap.sampling import AcquiredSampling

Array = NDArray[np.float64]
Labels = NDArray[np.int32]

# Log of the odds for two neighbours at each other's side to be both long or both short; half of it for
# diagonal ones. On simulated cells (docs/validation.md; other seeds than those of the table) 0.55 has
# twice as many false regions and finds 2 to 5 % more dendrites at SNR 4, none more at SNR 8.
COUPLING = 0.7
# Summed log evidence that a region needs. About 1 % of such cells without a dendrite have a region beyond it;
# at 4 it is twice that, at 5 some 3 % fewer dendrites are found at SNR 4.
MIN_EVIDENCE = 4.5
# Connected pixels that make a region: smaller clusters are what noise alone makes.
MIN_PIXELS = 3
# Signal at the first echo, in units of sigma, below which a pixel neither votes nor belongs to a region: the
# noise floor looks like a long T2 there. At 2.75 some 3 % fewer dendrites are found at SNR 4; at 2 there are
# more false regions and no more dendrites. What several coils' noise is fitted with grows with the fourth
# root of their number, and the limit with it.
MIN_VOTE_SNR = 2.5
_COILS_POWER = 0.25

COLUMNS = (
    "region",
    "pixels",
    "area_um2",
    "t2_ms",
    "t2_se_ms",
    "snr",
    "centroid_x_um",
    "centroid_y_um",
)


@dataclass(frozen=True)
class Regions:
    """Connected regions whose T2 is long.

    Parameters
    ----------
    labels : ndarray of int32, shape of one echo
        0 outside, else the region's number, from 1 in reading order.
    table : pandas.DataFrame
        One row per region, columns :data:`COLUMNS`: number of pixels, area, T2 common to its pixels with its
        standard error, mean signal over noise at the first echo, and centroid in the image's own frame.
    z : ndarray, shape of one echo
        Each pixel's own evidence as a signed root, sign(e) sqrt(2 abs(e)) with e the log of the Bayes factor
        for a T2 above the threshold; 0 where a pixel is too weak to vote.
    long_ms : float
        The threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import long_t2_regions
    >>> nothing = long_t2_regions(np.zeros((5, 8, 8)), (2, 6, 10, 14, 18), 1.0, spacing_um=(23.0, 46.0))
    >>> int(nothing.labels.max()), list(nothing.table.columns[:4])
    (0, ['region', 'pixels', 'area_um2', 't2_ms'])
    """

    labels: Labels
    table: pd.DataFrame
    z: Array
    long_ms: float


def long_t2_regions(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    sigma: float,
    long_ms: float = 12.0,
    *,
    spacing_um: Sequence[float],
    model: str = "rician",
    mask: NDArray[np.bool_] | None = None,
    n_coils: int = 1,
    skip_echoes: int = 0,
    coupling: float = COUPLING,
    min_evidence: float = MIN_EVIDENCE,
    min_pixels: int = MIN_PIXELS,
    min_snr: float | None = None,
    sampling: AcquiredSampling | None = None,
    threads: int | None = None,
) -> Regions:
    """Find the regions whose T2 is longer than a threshold.

    A single pixel at SNR 4 cannot decide. So three things are put together:

    - each pixel's evidence for a T2 above `long_ms` against the T2 of the short pixels around it, from its
      likelihood over T2 with the amplitude profiled out (:mod:`spallmap.relaxometry.regions.evidence`);
    - the tendency of neighbours to be alike, as an Ising model whose most probable labelling is found
      exactly (:mod:`spallmap.relaxometry.regions.labelling`);
    - the sum of the evidence over a cluster of labelled pixels, joined by their sides or corners, which has
      to reach `min_evidence` in `min_pixels` or more.

    A region is thus where the metal has the T2 of a dendrite rather than that of the electrodes. Where both
    share the pixels, the region's common T2 lies between the two and may lie below `long_ms`; where the
    dendrite's fraction of the signal is below a half or so, it is missed.

    Where fewer samples were acquired than pixels are delivered, all this is done with every so many pixels
    (:attr:`spallmap.sampling.AcquiredSampling.steps`), whose noise is that of the acquired matrix. Pixels
    that still share their noise, of a filtered image or one filled to 1.5 times its matrix, count by the
    fraction of a sample that they are: evidence, coupling and size. The labels come on the delivered grid.

    Slices, if there are many, are treated one by one: neither a neighbourhood nor a region crosses slices,
    whose distance is usually several pixels; numbers run on from slice to slice.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ny, nx) or (n_echoes, nz, ny, nx)
        The series.
    te_ms : sequence of float
        Echo time of each, in ms.
    sigma : float
        Noise per channel in the units of the data.
    long_ms : float
        The threshold.
    spacing_um : sequence of float
        Pixel size in array order, (y, x) or (z, y, x).
    model : str
        A key of :data:`spallmap.relaxometry.models.MODELS`.
    mask : ndarray of bool, optional
        Pixels to look at; absent: all.
    n_coils, skip_echoes : int
        As for :func:`spallmap.relaxometry.fit.fit_t2`.
    coupling, min_evidence, min_pixels, min_snr : float, float, int, float
        See above and the constants of this module; of acquired samples.
    sampling : AcquiredSampling, optional
        How finely the image was acquired; absent: each pixel is a sample.
    threads : int, optional
        As for :func:`spallmap.relaxometry.fit.fit_t2`.

    Returns
    -------
    Regions
        Label image and table.

    Raises
    ------
    InputError
        If the series is not an image or a stack, or an argument of :func:`spallmap.relaxometry.fit.fit_t2`
        that is passed on cannot be used.

    References
    ----------
    Besag, On the statistical analysis of dirty pictures, J. R. Stat. Soc. B 48 (1986) 259 (the model).
    Bullmore et al., Global, voxel, and cluster tests, by theory and permutation, for a difference between two
    groups of structural MR images of the brain, IEEE Trans. Med. Imaging 18 (1999) 32 (the cluster's sum).

    Examples
    --------
    >>> import numpy as np
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:10, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> signal[:, 10:13, 8:12] = 20.0 * np.exp(-np.array(te_ms) / 20.0)[:, None, None]
    >>> echoes = signal + 0.1
    >>> found = long_t2_regions(echoes, te_ms, 1.0, spacing_um=(23.0, 46.0))
    >>> found.table[["region", "pixels", "area_um2"]].values.tolist()
    [[1.0, 12.0, 12696.0]]
    >>> found.table[["centroid_x_um", "centroid_y_um"]].values.tolist()
    [[437.0, 253.0]]
    """
    chosen = get_model(model, n_coils)
    data, te = drop_first(*sorted_echoes(echoes, te_ms, chosen), skip_echoes, chosen)
    if data.ndim not in (3, 4) or len(spacing_um) != data.ndim - 1:
        raise InputError(
            "echoes",
            f"shape {data.shape} with {len(spacing_um)} spacings",
            "(echo, y, x) or (echo, z, y, x) with one spacing per spatial axis",
        )
    level = check_sigma(sigma)
    known = AcquiredSampling.plain(data.ndim - 1) if sampling is None else sampling
    stack = data if data.ndim == 4 else data[:, None]
    looked_at = None if mask is None else np.asarray(mask, dtype=bool).reshape(stack.shape[1:])
    grid = DeliveredGrid(stack.shape[-2:], known.steps[-2:])
    coarse = grid.acquired(stack)
    left = known.at_steps().pixels_per_sample[-2:]
    fit = fit_t2(
        coarse,
        te.tolist(),
        model,
        level,
        long_ms,
        None if looked_at is None else grid.acquired(looked_at),
        min_snr=0.0,
        n_coils=n_coils,
        threads=threads,
    )
    least = MIN_VOTE_SNR * n_coils**_COILS_POWER if min_snr is None else min_snr
    usable = np.isin(fit.status, SEEN)
    freedom = te.size - chosen.n_parameters
    t2_ms_grid, threshold = evidence_grid(long_ms)
    n_alike = float(np.prod(left))
    spacing = tuple(s * n for s, n in zip(spacing_um[-2:], grid.steps, strict=True))
    labels = np.zeros(stack.shape[1:], dtype=np.int32)
    z = np.zeros(labels.shape)
    rows: list[dict[str, Any]] = []
    for k, voters in enumerate(usable & (fit.snr >= least)):
        if not voters.any():
            continue
        samples = chosen.prepare(coarse[:, k][:, voters].T / level, te)
        evidence = np.zeros(voters.shape)
        profile = chosen.profile(samples, te, t2_ms_grid)
        evidence[voters] = long_evidence(profile, voters, threshold, spacing, left)
        z[k] = grid.delivered(np.sign(evidence) * np.sqrt(2.0 * np.abs(evidence)))
        # a boundary of so many samples crosses more pixels, each of which is a smaller one
        labelled = likeliest_labels(evidence / n_alike, voters, coupling / np.sqrt(n_alike))
        for region in _clusters(labelled, evidence / n_alike, min_evidence, min_pixels * n_alike):
            shown = grid.delivered_region(region, evidence)
            labels[k][shown] = len(rows) + 1
            misfit = common_misfit(fit.chi2_reduced[k][region], freedom, n_alike)
            t2_ms, t2_se_ms = common_t2(
                samples[region[voters]], te, chosen, fit.t2_bounds_ms, misfit, n_alike
            )
            centroid = indices_to_points(np.argwhere(region).mean(axis=0), spacing)
            values = (
                len(rows) + 1,
                int(shown.sum()),
                float(shown.sum() * spacing_um[-2] * spacing_um[-1]),
                t2_ms,
                t2_se_ms,
                float(fit.snr[k][region].mean()),
                float(centroid[0]),
                float(centroid[1]),
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    shape = data.shape[1:]
    return Regions(labels.reshape(shape), _table(rows), z.reshape(shape), float(long_ms))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    kinds = {name: "int64" if name in ("region", "pixels") else "float64" for name in COLUMNS}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)


def _clusters(
    labelled: NDArray[np.bool_], evidence: Array, min_evidence: float, min_pixels: float
) -> list[NDArray[np.bool_]]:
    """Clusters of labelled pixels, large enough and with evidence enough, in reading order."""
    numbered, n = ndimage.label(labelled, np.ones((3, 3)))
    sizes = np.bincount(numbered.ravel(), minlength=n + 1)
    sums = np.bincount(numbered.ravel(), evidence.ravel(), n + 1)
    return [numbered == k for k in range(1, n + 1) if sizes[k] >= min_pixels and sums[k] >= min_evidence]


def threshold_map(fit: T2Fit) -> NDArray[np.bool_]:
    """Pixels whose own T2 is above the threshold of their fit, whatever their neighbours say.

    This is the map that is drawn in the literature. At SNR 4 it holds many short pixels and misses many long
    ones; ``fit.p_long`` says how sure each is.

    Parameters
    ----------
    fit : T2Fit
        The maps; its `long_ms` is the threshold.

    Returns
    -------
    ndarray of bool, shape of one echo
        True where the fit may be used, or found T2 beyond what the echoes can distinguish, and T2 is above
        the threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:10, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> signal[:, 10:13, 8:12] = 20.0 * np.exp(-np.array(te_ms) / 20.0)[:, None, None]
    >>> echoes = signal + 0.1
    >>> int(threshold_map(fit_t2(echoes, te_ms, sigma=1.0)).sum())
    12
    """
    usable = np.isin(fit.status, SEEN)
    above: NDArray[np.bool_] = usable & (np.nan_to_num(fit.t2_ms) > fit.long_ms)
    return above


def region_pixels(fit: T2Fit, regions: Regions) -> NDArray[np.bool_]:
    """Pixels inside any region whose own fit may be used.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    regions : Regions
        Their long-T2 regions.

    Returns
    -------
    ndarray of bool, shape of one echo
        True for such pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:10, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> signal[:, 10:13, 8:12] = 20.0 * np.exp(-np.array(te_ms) / 20.0)[:, None, None]
    >>> echoes = signal + 0.1
    >>> fit = fit_t2(echoes, te_ms, sigma=1.0)
    >>> regions = long_t2_regions(echoes, te_ms, 1.0, spacing_um=(23.0, 46.0))
    >>> int(region_pixels(fit, regions).sum())
    12
    """
    return (regions.labels > 0) & fit.ok
