"""How an image was sampled: what was filled in is dropped where that is exact, what is missing is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.projection.forward import Sampler, Slices
from spallmap.registration.projection.judge import agreement
from spallmap.registration.projection.refine import Problem, ProjectionSolution, least_squares
from spallmap.sampling import AcquiredSampling

# Below this reduced chi-square nothing is left over that missing samples could explain.
LEAST_CHI2 = 1.5
# Where the factor is not whole: with this fraction of the pixels left, two fifths of k-space may be missing.
LEAST_ROOM = 0.72
# Of the cost beyond the noise's. Where three tenths were missing it fell by nine tenths; a filter that is no
# Gaussian gains little.
LEAST_FALL = 0.3
# Fractions of k-space that partial Fourier leaves out; a third of the last step is refined.
MISSING_TRIED = (0.1, 0.2, 0.3, 0.4)
MISSING_REFINED = (-0.067, -0.033, 0.033, 0.067)
# Steps of the fit with each: gains and blur settle in a few.
MISSING_STEPS = 5


def thinning(shape: tuple[int, int], sampling: AcquiredSampling) -> tuple[int, int]:
    """Return every how many rows and columns an image holds the acquired one's samples.

    An image that was filled with zeros to a whole multiple holds the image of the acquired matrix at every
    so manieth sample, from the first one on. Where the factor is not whole, pixels are dropped only so far
    that one-sided k-space would still fit, since its factor holds what was left out.

    Parameters
    ----------
    shape : tuple of int
        Delivered rows and columns.
    sampling : AcquiredSampling
        Of these axes.

    Returns
    -------
    tuple of int
        1 where nothing can be dropped.

    Examples
    --------
    >>> thinning((128, 96), AcquiredSampling.filled((2.0, 2.0), "known"))
    (2, 2)
    >>> thinning((96, 192), AcquiredSampling.filled((1.5, 2.86), "known"))
    (1, 2)
    """
    found = []
    for n, factor, step in zip(shape, sampling.factor, sampling.steps, strict=True):
        most = step if step > 1 else int(LEAST_ROOM * factor)
        found.append(max(k for k in range(1, max(most, 1) + 1) if n % k == 0))
    return found[0], found[1]


def sampler_of(
    shape: tuple[int, int],
    spacing_um: tuple[float, float],
    slices: Slices | None,
    sampling: AcquiredSampling,
    step: tuple[int, int],
) -> Sampler:
    """Return the samples that an image is made of.

    Parameters
    ----------
    shape, spacing_um : tuple
        Rows and columns of the image after thinning, and their spacing.
    slices : Slices or None
        The third axis of a stack.
    sampling : AcquiredSampling
        Of the image as it was delivered, along rows and columns.
    step : tuple of int
        Every how many of its pixels were kept.

    Returns
    -------
    Sampler
        At the acquired matrix.
    """
    left = [f / k for f, k in zip(sampling.factor, step, strict=True)]
    rows, columns = (min(n, max(2, round(n / f))) for n, f in zip(shape, left, strict=True))
    counting = min(1.0, float(np.prod(sampling.factor) / np.prod(sampling.pixels_per_sample)))
    acquired = None if (rows, columns) == shape else (rows, columns)
    edge = (sampling.edge[0], sampling.edge[1])
    return Sampler(shape, spacing_um, slices=slices, acquired=acquired, edge=edge, counting=counting)


def thinned(array: NDArray[Any], step: tuple[int, int]) -> NDArray[Any]:
    """Every so manieth row and column of an image or of a stack, from the first one on."""
    return array[..., :: step[0], :: step[1]]


def with_missing(
    problem: Problem, coarse: Problem, ends: Sequence[ProjectionSolution]
) -> tuple[Problem, Problem, list[ProjectionSolution]]:
    """Leave out of the model what partial Fourier left out of k-space, where the misfit asks for it.

    Parameters
    ----------
    problem, coarse : Problem
        Image with finely and with coarsely pooled metal.
    ends : sequence of ProjectionSolution
        Fits of `coarse` with all of k-space, the best first.

    Returns
    -------
    problem, coarse : Problem
        With the fraction that is missing; as they were where nothing is.
    ends : list of ProjectionSolution
        Fits with it, the best first.
    """
    missing = missing_found(coarse, ends[0])
    if missing == (0.0, 0.0):
        return problem, coarse, [*ends]
    there = _with(coarse, missing)
    again = [least_squares(there, end.parameters) for end in ends]
    return _with(problem, missing), there, sorted(again, key=lambda end: end.cost)


def missing_found(problem: Problem, best: ProjectionSolution) -> tuple[float, float]:
    """Find the fraction of k-space that is missing on one side, along rows or columns.

    Parameters
    ----------
    problem : Problem
        Image and metal.
    best : ProjectionSolution
        Its fit with all of k-space.

    Returns
    -------
    tuple of float
        Along rows and columns; 0 where that takes away too little of the misfit.
    """
    found = agreement(problem, best)
    missing = (0.0, 0.0)
    if found.chi2_footprint < LEAST_CHI2:
        return missing
    excess = (found.chi2_footprint - 1.0) * found.footprint_pixels
    least = _per_sample(problem, best) - LEAST_FALL * excess
    for axis in (0, 1):
        lowest: float = np.inf
        fit, fraction = best, 0.0
        for steps in (MISSING_TRIED, MISSING_REFINED):
            middle, start = fraction, fit
            for step in steps:
                there = _with(problem, _along(axis, middle + step))
                end = least_squares(there, start.parameters, MISSING_STEPS)
                if _per_sample(there, end) < lowest:
                    lowest, fit, fraction = _per_sample(there, end), end, middle + step
        if lowest < least:
            least, missing = lowest, _along(axis, fraction)
    return missing


def _along(axis: int, fraction: float) -> tuple[float, float]:
    return (fraction, 0.0) if axis == 0 else (0.0, fraction)


def _with(problem: Problem, missing: tuple[float, float]) -> Problem:
    """Leave out a fraction of k-space; where less was acquired than delivered, one side reaches further."""
    sampler = problem.sampler
    rows, columns = (
        min(n, round(m / (1.0 - f))) for n, m, f in zip(sampler.shape, sampler.matrix, missing, strict=True)
    )
    acquired = None if (rows, columns) == sampler.shape else (rows, columns)
    return replace(problem, sampler=replace(sampler, acquired=acquired, missing=missing))


def _per_sample(problem: Problem, solution: ProjectionSolution) -> float:
    """Cost as if all of the image's pixels were independent: what is missing does not make a fit better."""
    return solution.cost / problem.sampler.independent
