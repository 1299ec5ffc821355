"""Whether regions lie on cracks more often than chance would have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.links.null_placements import Cluster

STATISTIC = "sum over the regions of the log likelihood ratio of any crack against none"
METHOD = (
    "each group of regions moved and mirrored at random inside the electrolyte's projection, "
    "at its own distance from the electrodes"
)


@dataclass(frozen=True)
class ChanceTest:
    """The statistic and where it stands among those of regions moved at random.

    Parameters
    ----------
    statistic : float
        Of the regions where they are.
    p_value : float
        (1 + number of random ones that reach it) / (1 + number of random ones).
    n : int
        Number of random placements of all regions.
    mean, sd : float
        Of the statistic over them.
    """

    statistic: float
    p_value: float
    n: int
    mean: float
    sd: float


def chance_test(
    clusters: Sequence[Cluster],
    ratios: Sequence[Sequence[NDArray[np.float64]]],
    priors: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
) -> ChanceTest:
    """Compare the regions with themselves moved at random.

    Parameters
    ----------
    clusters : sequence of Cluster
        The groups of regions.
    ratios : sequence of sequence of ndarray, each of shape (n_placements, n_cracks)
        Likelihood ratios of each region of each cluster.
    priors : ndarray, shape (n_cracks,)
        Prior fraction of each crack.
    n : int
        How many random placements of all regions to draw.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    ChanceTest
        With a p-value that is uniform when the regions have nothing to do with the cracks (and too large
        rather than too small where placements tie).

    References
    ----------
    Phipson and Smyth, Permutation P-values should never be zero, 2010: the ones in the p-value.
    """
    observed = 0.0
    drawn = np.zeros(n)
    for cluster, members in zip(clusters, ratios, strict=True):
        logs = np.sum([np.log(ratio @ priors) for ratio in members], axis=0)
        observed += float(logs[0])
        drawn += logs[rng.integers(0, cluster.n_placements, n)]
    # equal placements must count as reaching the observed one whatever the order of summation
    reached = int(np.count_nonzero(drawn >= observed - 1e-9 * (1.0 + abs(observed))))
    return ChanceTest(
        statistic=observed,
        p_value=(1 + reached) / (1 + n),
        n=n,
        mean=float(drawn.mean()),
        sd=float(drawn.std(ddof=1)),
    )
