"""What a reader asks of a registration, with words for keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.figures.registration.residuals import DOUBTFUL_SE, doubtful
from spallmap.registration.diagnostics import Blocks, Diagnostics, Scale, Warp
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration
from spallmap.report.page_tables import heading

MATRIX_DECIMALS = 4
DIRECTIONS = ("u", "v", "normal")


def registration_facts(registration: Registration) -> dict[str, Any]:
    """Collect what a reader asks of a registration.

    Parameters
    ----------
    registration : Registration
        The result.

    Returns
    -------
    dict of str to object
        Method, score, runner-up, standard errors, landmarks, known answers, scale, warp, starts, blocks, the
        method's other measures with their units, the map; what a method does not measure is left out.

    Examples
    --------
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import StandardError
    >>> error = StandardError(1.2, 0.8, None)
    >>> found = Registration(AffineMap.identity(), "known", "accepted", (), 0.91, se_um=error)
    >>> for name, value in registration_facts(found).items():
    ...     print(f"{name}: {value}")
    method: known
    score: 0.91
    standard error along columns, u / µm: 1.2
    standard error along rows, v / µm: 0.8
    standard error along normal / µm: the data cannot say
    map, row 1: 1.0000  0.0000  0.0000  0.0000
    map, row 2: 0.0000  1.0000  0.0000  0.0000
    map, row 3: 0.0000  0.0000  1.0000  0.0000
    """
    r = registration
    facts: dict[str, Any] = {"method": r.method, "score": "none reached" if r.score is None else r.score}
    if r.runner_up is not None:
        facts["runner-up's score"] = r.runner_up.score
        facts["runner-up lies elsewhere by / µm"] = r.runner_up.differs_by_um
        facts["runner-up is rotated by / °"] = r.runner_up.differs_by_deg
    for name, value in (("columns, u", r.se_um.u), ("rows, v", r.se_um.v), ("normal", r.se_um.normal)):
        facts[f"standard error along {name} / µm"] = "the data cannot say" if value is None else value
    if r.unobservable:
        facts["the data say nothing about"] = list(r.unobservable)
    if r.tre_um is not None:
        facts["error at check landmarks (TRE) / µm"] = r.tre_um
    if r.fre_um is not None:
        facts["residual at fit landmarks (FRE, not an error) / µm"] = r.fre_um
    facts |= _evidence(r.diagnostics)
    facts |= {heading(name): value for name, value in r.diagnostics.measures.items()}
    for k, row in enumerate(np.asarray(r.map.matrix)[:3], start=1):
        facts[f"map, row {k}"] = "  ".join(f"{x:.{MATRIX_DECIMALS}f}" for x in row)
    return facts


def _evidence(found: Diagnostics) -> dict[str, str]:
    """Put the evidence into words; what a method does not measure is left out."""
    facts = {}
    if found.score_is:
        facts["known answers"] = known_answer_words(found.known_answers)
    if found.scale is not None:
        facts["scale"] = _scale_words(found.scale)
    if found.warp is not None:
        facts["smooth warp in the plane"] = _warp_words(found.warp)
    if found.starts is not None:
        facts["starts that ended there"] = f"{found.starts.returned} of {found.starts.n}"
    blocks = found.blocks
    if blocks is not None and len(blocks.position_um):
        facts["blocks that would still shift"] = _block_words(blocks)
    return facts


def _block_words(blocks: Blocks) -> str:
    """Say how many blocks disagree with the common motion, or by how much where no errors are known."""
    n = len(blocks.position_um)
    if blocks.se_um is None:
        return f"median {blocks.median_um:.2g} µm of {n}"
    clear = int(np.count_nonzero(~doubtful(blocks)))
    return f"{clear} of {n} by more than {DOUBTFUL_SE:g} standard errors"


def known_answer_words(answers: Sequence[KnownAnswers]) -> str:
    """Say how the user's own data fared where the answer was known.

    Parameters
    ----------
    answers : sequence of KnownAnswers
        Every test that was made.

    Returns
    -------
    str
        One clause for copies near the pose and one for copies elsewhere, without a full stop.

    Examples
    --------
    >>> near = KnownAnswers(np.array([[0.3, 0.1, np.nan], [0.4, 0.1, np.nan]]), lost=1)
    >>> known_answer_words([near])
    '2 of 3 copies near the pose found again, error 0.35, 0.1 µm along u, v'
    """
    if not answers:
        return "none made: other evidence had decided before, or none was asked for"
    clauses = []
    for where, position in (("near", "near the pose"), ("elsewhere", "elsewhere")):
        tests = [a for a in answers if a.where == where]
        if not tests:
            continue
        n, lost = sum(a.n for a in tests), sum(a.lost for a in tests)
        words = f"{n - lost} of {n} {tests[0].made_of} {position} found again"
        errors = np.concatenate([a.errors_um for a in tests])
        if len(errors):
            words += f", error {_by_direction(KnownAnswers(errors).rms_um())}"
        clauses.append(words)
    return "; ".join(clauses)


def _by_direction(rms_um: NDArray[np.float64]) -> str:
    """Give an error along the directions that the data say something about."""
    seen = {name: e for name, e in zip(DIRECTIONS, rms_um, strict=True) if np.isfinite(e) and e > 0.0}
    if not seen:
        return "none"
    return f"{', '.join(f'{value:.2g}' for value in seen.values())} µm along {', '.join(seen)}"


def _scale_words(scale: Scale) -> str:
    """Say by how much the stated sample size is off."""
    if scale.applied == "none":
        return "as stated: the data ask for no correction"
    words = f"true over stated sample size {scale.factor:.4f}"
    if scale.applied != "scale":
        words += f", width over height {scale.anisotropy:.4f}"
    return f"{words}; corrected"


def _warp_words(warp: Warp) -> str:
    """Say whether a warp of cutting and polishing is believed."""
    gain, se = warp.held_out_gain, warp.held_out_gain_se
    if not (np.isfinite(gain) and np.isfinite(se)):
        return "not measurable"
    way = "falls" if gain >= 0.0 else "grows"
    held_out = f"the misfit of held-out blocks {way} by {abs(100.0 * gain):.0f} ± {100.0 * se:.0f} %"
    size = f"{warp.rms_um:.2g} µm (root mean square)"
    if warp.worthwhile:
        return f"{size}: {held_out}; reported only, not part of the map"
    return f"none that is worthwhile: one of {size} was tried, and {held_out}"
