"""Registrations in a chain, and registrations that cannot be tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration, StandardError

# A direction that shares more than this cosine with one that the data say nothing about is not known either.
_SHARED_COSINE = 0.3


def refused(reason: str, map_: AffineMap | None = None, method: str = "not tried") -> Registration:
    """Return a registration that was not tried.

    Parameters
    ----------
    reason : str
        Why, in words that a person understands.
    map_ : AffineMap, optional
        Where the acquisition would lie by its axes alone, for a person to look at.
    method : str
        What would have been done.

    Returns
    -------
    Registration
        Refused, with a score of nan.
    """
    return Registration(
        map=AffineMap.identity() if map_ is None else map_,
        method=method,
        verdict="refused",
        reasons=(reason,),
        score=float("nan"),
        unobservable=("u", "v", "normal"),
    )


def chain(inner: Registration, outer: Registration, outer_name: str) -> Registration:
    """Apply one registration after another.

    Parameters
    ----------
    inner : Registration
        From the acquisition's frame to an intermediate frame.
    outer : Registration
        From the intermediate frame to the reference frame.
    outer_name : str
        What the intermediate frame belongs to, for the reasons.

    Returns
    -------
    Registration
        Accepted only where both are; standard errors add in quadrature, taken as independent.
    """
    linked = outer.map @ inner.map
    reasons = list(inner.reasons)
    if not outer.accepted:
        reasons += [
            f"{outer_name}, through which it is placed, was refused: {reason}" for reason in outer.reasons
        ]
    return replace(
        inner,
        map=linked,
        method=f"{inner.method}; then {outer_name}: {outer.method}",
        verdict="accepted" if inner.accepted and outer.accepted else "refused",
        reasons=tuple(reasons),
        se_um=_add_errors(inner, outer, linked),
        unobservable=tuple(dict.fromkeys((*inner.unobservable, *outer.unobservable))),
        diagnostics={
            **inner.diagnostics,
            "through": outer_name,
            "matrix_to_intermediate": inner.map.matrix.tolist(),
            "verdict_to_intermediate": inner.verdict,
            "reasons_to_intermediate": list(inner.reasons),
        },
    )


def _add_errors(inner: Registration, outer: Registration, linked: AffineMap) -> StandardError:
    directions = _unit_columns(linked)
    inner_se = [inner.se_um.u, inner.se_um.v, inner.se_um.normal]
    outer_se = [outer.se_um.u, outer.se_um.v, outer.se_um.normal]
    cosines = directions.T @ _unit_columns(outer.map)
    total: list[float | None] = []
    for se, along in zip(inner_se, cosines, strict=True):
        hidden = any(o is None and abs(c) > _SHARED_COSINE for o, c in zip(outer_se, along, strict=True))
        if se is None or hidden:
            total.append(None)
            continue
        variance = se**2 + sum((c * o) ** 2 for o, c in zip(outer_se, along, strict=True) if o is not None)
        total.append(float(np.sqrt(variance)))
    return StandardError(*total)


def _unit_columns(map_: AffineMap) -> NDArray[np.float64]:
    columns: NDArray[np.float64] = map_.linear / np.linalg.norm(map_.linear, axis=0)
    return columns
