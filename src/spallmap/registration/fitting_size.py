"""Names a pixel size at which a refused registration would have been accepted; it stays refused all the same.

A table whose pixel size is wrong (rows and columns exchanged, twice the size, inches for millimetres) is the
commonest cause of a refusal, and nothing in the refusal's own evidence says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np

from spallmap.registration.result import Registration

# Sizes that tables get wrong by: binning, a unit, dots per inch.
USUAL_FACTORS = (2.0, 0.5, 4.0, 0.25, 3.0, 1 / 3, 10.0, 0.1, 25.4, 1 / 25.4, 1000 / 25.4, 25.4 / 1000)
# A size that is measured this close to a usual mistake's is taken for it.
USUAL_TOLERANCE = 0.015
# A size nearer than this to the stated one is no other size.
LEAST_CHANGE = 0.005

Size = tuple[float, ...]


def with_fitting_size(
    found: Registration,
    stated_um: Sequence[float],
    sizes: Callable[[], Iterable[Sequence[float]]],
    register_at: Callable[[Size], Registration],
    agreement: Callable[[Registration], str],
    least_change: float = LEAST_CHANGE,
) -> Registration:
    """Say in a refusal at which pixel size the same image would have been accepted.

    Parameters
    ----------
    found : Registration
        As it was judged at the stated size.
    stated_um : sequence of float
        That size, in array order.
    sizes : callable
        Gives the sizes to try, the likeliest first; only called after a refusal. Each costs a registration.
    register_at : callable
        Registers the same image at a size and judges it like any other.
    agreement : callable
        Gives the agreement of an accepted registration in words.
    least_change : float
        Sizes nearer than this to the stated one (logarithm) are not tried: what they differ by is fitted, or
        smaller than their own error.

    Returns
    -------
    Registration
        `found` as it is, or with one more reason; verdict and map are the same.

    Examples
    --------
    >>> from spallmap.frames import AffineMap
    >>> no = Registration(AffineMap.identity(), "known", "refused", ("the metal does not fit",), 9.0)
    >>> yes = Registration(AffineMap.identity(), "known", "accepted", (), 1.1)
    >>> said = with_fitting_size(
    ...     no, (46.0, 23.0), lambda: [(23.0, 46.0)], lambda size: yes, lambda fit: "chi-square 1.1"
    ... )
    >>> said.verdict, said.reasons[-1]  # doctest: +ELLIPSIS
    ('refused', 'with pixels of 23 x 46 um instead of 46 x 23 um it would fit (chi-square 1.1)...')
    """
    if found.accepted:
        return found
    for size in sizes():
        if not is_other_size(size, stated_um, least_change):
            continue
        there = register_at(tuple(float(s) for s in size))
        if there.accepted:
            words = in_words(_with_scale(size, there), stated_um, agreement(there))
            return replace(found, reasons=(*found.reasons, words))
    return found


def _with_scale(size: Sequence[float], found: Registration) -> Size:
    """Multiply a size by the scale that its registration fitted, where that is known."""
    scale = found.diagnostics.scale
    factor = 1.0 if scale is None or scale.applied == "none" else scale.factor
    return tuple(float(s) * factor for s in size)


def is_other_size(
    size: Sequence[float], stated_um: Sequence[float], least_change: float = LEAST_CHANGE
) -> bool:
    """Say whether a size differs from the stated one."""
    return any(abs(np.log(a / b)) > least_change for a, b in zip(size, stated_um, strict=True))


def usual_size(
    measured_um: Sequence[float], stated_um: Sequence[float], tolerance: float = USUAL_TOLERANCE
) -> Size | None:
    """Find the usual mistake that a measured size comes from.

    Parameters
    ----------
    measured_um : sequence of float
        In array order.
    stated_um : sequence of float
        What the table or the file says.
    tolerance : float
        Error of the measured size (logarithm).

    Returns
    -------
    tuple of float or None
        The size that was meant: the stated one with its axes exchanged, or times a usual factor along every
        axis or along one; None where none is near.

    Examples
    --------
    >>> usual_size((22.9, 46.2), (46.0, 23.0)), usual_size((4.67,) * 3, (9.32,) * 3)
    ((23.0, 46.0), (4.66, 4.66, 4.66))
    >>> usual_size((25.3, 46.2), (23.0, 46.0)) is None
    True
    """
    stated = np.asarray(stated_um, dtype=np.float64)
    orders = {tuple(stated[list(p)]) for p in permutations(range(len(stated)))}
    candidates = [np.array(o) * f for o in orders for f in (1.0, *USUAL_FACTORS)]
    for axis in range(len(stated)):
        for factor in USUAL_FACTORS:
            one = stated.copy()
            one[axis] *= factor
            candidates.append(one)
    measured = np.asarray(measured_um, dtype=np.float64)
    off = [float(np.abs(np.log(measured / c)).max()) for c in candidates]
    best = int(np.argmin(off))
    if off[best] > tolerance or not is_other_size(candidates[best].tolist(), stated_um):
        return None
    return tuple(float(s) for s in candidates[best])


def in_words(size: Sequence[float], stated_um: Sequence[float], agreement: str) -> str:
    """Say which size would fit, and what of the stated one it suggests."""
    exchanged = len(size) == 2 and not is_other_size(size[::-1], stated_um)
    hint = "rows and columns may be exchanged" if exchanged else "check the pixel size"
    return (
        f"with pixels of {size_text(size)} um instead of {size_text(stated_um)} um it would fit "
        f"({agreement}): {hint}"
    )


def size_text(size: Sequence[float]) -> str:
    """Write a size, once where it is the same along every axis."""
    texts = [f"{s:.4g}" for s in size]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)
