"""Registrations in a chain, and registrations that cannot be tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Blocks, Diagnostics, Intermediate
from spallmap.registration.result import Registration, StandardError

# A direction that shares more than this cosine with one that the data say nothing about is not known either.
_SHARED_COSINE = 0.3


def refused(
    reason: str,
    map_: AffineMap | None = None,
    method: str = "not tried",
    unobservable: tuple[str, ...] = ("u", "v", "normal"),
) -> Registration:
    """Return a registration that was not tried, or that ended before it had a score.

    Parameters
    ----------
    reason : str
        Why, in words that a person understands.
    map_ : AffineMap, optional
        Where the acquisition would lie by its axes alone, for a person to look at.
    method : str
        What would have been done.
    unobservable : tuple of str
        Directions that the data say nothing about.

    Returns
    -------
    Registration
        Refused, without a score.
    """
    return Registration(
        map=AffineMap.identity() if map_ is None else map_,
        method=method,
        verdict="refused",
        reasons=(reason,),
        score=None,
        unobservable=unobservable,
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
        diagnostics=replace(
            inner.diagnostics,
            through=Intermediate(outer_name, inner.map, inner.verdict, inner.reasons),
        ),
    )


def exchanged(registration: Registration, swap: AffineMap) -> Registration:
    """Describe a registration for the array with its last two axes exchanged.

    Parameters
    ----------
    registration : Registration
        Of an array whose columns were its rows.
    swap : AffineMap
        From the array's frame as it is to that of the exchanged one: u and v change places; the sign of the
        normal is the caller's choice.

    Returns
    -------
    Registration
        The same from the array's own frame: map, errors and evidence.
    """
    se = registration.se_um
    return replace(
        registration,
        map=registration.map @ swap,
        se_um=StandardError(u=se.v, v=se.u, normal=se.normal),
        diagnostics=_exchanged_diagnostics(registration.diagnostics, swap),
    )


def _exchanged_diagnostics(found: Diagnostics, swap: AffineMap) -> Diagnostics:
    order, back = [1, 0, 2], swap.inverse()
    blocks, warp, scale = found.blocks, found.warp, found.scale
    if blocks is not None:
        se = None if blocks.se_um is None else blocks.se_um[:, order]
        blocks = Blocks(back(blocks.position_um), blocks.shift_um @ back.linear.T, se)
    if warp is not None:
        powers = tuple((v, u) for u, v in warp.powers_uv)
        warp = replace(warp, powers_uv=powers, coefficients_um=warp.coefficients_um[::-1])
    if scale is not None:
        scale = replace(scale, anisotropy=1.0 / scale.anisotropy)
    return replace(
        found,
        known_answers=tuple(replace(k, errors_um=k.errors_um[:, order]) for k in found.known_answers),
        blocks=blocks,
        scale=scale,
        rivals=tuple(replace(r, map=None if r.map is None else r.map @ swap) for r in found.rivals),
        warp=warp,
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
