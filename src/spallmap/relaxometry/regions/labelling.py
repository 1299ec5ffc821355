"""The most probable labelling of pixels whose neighbours tend to be alike (Ising model), found exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Edges = tuple[NDArray[np.intp], NDArray[np.intp], Array]

# Half of the eight neighbours, so that each pair is met once: offset (rows, columns) and weight of the pair.
PAIRS = (((0, 1), 1.0), ((1, 0), 1.0), ((1, 1), 0.5), ((1, -1), 0.5))
# Flow is counted in integers of 32 bits: this many to a unit of evidence, so that a million pixels fit.
_UNITS = 1000


def likeliest_labels(evidence: Array, voters: Flags, coupling: float) -> Flags:
    """Label pixels such that evidence and likeness of neighbours together are as probable as can be.

    Maximises the sum of the evidence of labelled pixels less `coupling` for every pair of neighbours of which
    only one is labelled (half of it for diagonal ones). For two labels this is a minimum cut, and exact.

    Parameters
    ----------
    evidence : ndarray, shape (ny, nx)
        Log of the odds for the label, pixel by pixel.
    voters : ndarray of bool, shape (ny, nx)
        Pixels that can be labelled; the others have no pairs.
    coupling : float
        Log of the odds for two neighbours to be alike.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        The labelled pixels.

    References
    ----------
    Greig, Porteous and Seheult, Exact maximum a posteriori estimation for binary images, J. R. Stat. Soc. B
    51 (1989) 271.
    Besag, On the statistical analysis of dirty pictures, J. R. Stat. Soc. B 48 (1986) 259.
    """
    first, second, weight = _pairs(voters, coupling)
    n = int(np.count_nonzero(voters))
    odds = evidence[voters]
    binding = np.bincount(first, weight, n) + np.bincount(second, weight, n)
    labelled = odds > binding
    # What outweighs all its pairs is decided without the others; its pairs join their partners' odds.
    free = np.abs(odds) <= binding
    for here, there in ((first, second), (second, first)):
        open_ended = free[here] & ~free[there]
        pull = np.where(labelled[there], weight, -weight)
        odds = odds + np.bincount(here[open_ended], pull[open_ended], n)
    inner = free[first] & free[second]
    labelled[free] = _minimum_cut(
        odds[free],
        (
            (np.cumsum(free) - 1)[first[inner]],
            (np.cumsum(free) - 1)[second[inner]],
            weight[inner],
        ),
    )
    result = np.zeros(voters.shape, dtype=bool)
    result[voters] = labelled
    return result


def _pairs(voters: Flags, coupling: float) -> Edges:
    """Pairs of neighbouring voters by their numbers, and what it costs to separate them."""
    number = np.full(voters.shape, -1, dtype=np.intp)
    number[voters] = np.arange(np.count_nonzero(voters))
    padded = np.pad(number, 1, constant_values=-1)
    ny, nx = voters.shape
    found = []
    for (down, right), weight in PAIRS:
        other = padded[1 + down : 1 + down + ny, 1 + right : 1 + right + nx]
        both = (number >= 0) & (other >= 0)
        found.append((number[both], other[both], np.full(np.count_nonzero(both), coupling * weight)))
    first, second, weights = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return first, second, weights


def _minimum_cut(odds: Array, edges: Edges) -> Flags:
    """Which nodes stay with the source when the flow from the labelled side to the other is cut cheapest."""
    n = odds.size
    if n == 0:
        return np.zeros(0, dtype=bool)
    first, second, weight = edges
    source, sink = n, n + 1
    nodes = np.arange(n)
    up = odds > 0.0
    tails = np.concatenate([first, second, np.full(np.count_nonzero(up), source), nodes[~up]])
    heads = np.concatenate([second, first, nodes[up], np.full(np.count_nonzero(~up), sink)])
    capacity = np.round(_UNITS * np.concatenate([weight, weight, odds[up], -odds[~up]])).astype(np.int32)
    graph = csr_array((capacity, (tails, heads)), shape=(n + 2, n + 2))
    left = csr_array(graph - maximum_flow(graph, source, sink).flow)
    left.data = np.where(left.data > 0, left.data, 0)
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    with_source = np.zeros(n + 2, dtype=bool)
    with_source[reached] = True
    return with_source[:n]
