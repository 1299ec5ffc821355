"""What a reader asks of a registration, with words for keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spallmap.figures.registration.residuals import DOUBTFUL_SE, own_blocks
from spallmap.registration.result import Registration
from spallmap.report.words import count

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
        Method, score, runner-up, standard errors, landmarks, known answers, scale, warp, blocks, the map; of
        the diagnostics what is there.
    """
    r = registration
    facts: dict[str, Any] = {"method": r.method, "score": r.score}
    if r.runner_up is not None:
        facts["runner-up's score"] = r.runner_up.score
        facts["runner-up lies elsewhere by / µm"] = r.runner_up.differs_by_um
        facts["runner-up is turned by / °"] = r.runner_up.differs_by_deg
    for name, value in (("columns, u", r.se_um.u), ("rows, v", r.se_um.v), ("normal", r.se_um.normal)):
        facts[f"standard error along {name} / µm"] = "the data cannot say" if value is None else value
    if r.unobservable:
        facts["the data say nothing about"] = list(r.unobservable)
    if r.tre_um is not None:
        facts["error at check landmarks (TRE) / µm"] = r.tre_um
    if r.fre_um is not None:
        facts["residual at fit landmarks (FRE, not an error) / µm"] = r.fre_um
    facts |= _diagnosed(r)
    for k, row in enumerate(np.asarray(r.map.matrix)[:3], start=1):
        facts[f"map, row {k}"] = "  ".join(f"{x:.{MATRIX_DECIMALS}f}" for x in row)
    return facts


def _diagnosed(registration: Registration) -> dict[str, str]:
    """Put those diagnostics into words that are there."""
    found, facts = registration.diagnostics, {}
    if "known_answer" in found:
        facts["known answers"] = known_answer_words(found["known_answer"])
    if found.get("scale") is not None:
        facts["scale"] = _scale_words(found["scale"])
    if found.get("warp") is not None:
        facts["smooth warp in the plane"] = _warp_words(found["warp"])
    blocks = own_blocks(registration) if found.get("blocks") else None
    if blocks is not None:
        clear = int(np.count_nonzero(~blocks.doubtful))
        facts["blocks that would still shift"] = (
            f"{clear} of {len(blocks.place_um)} by more than {DOUBTFUL_SE:g} standard errors"
        )
    return facts


def known_answer_words(answers: Mapping[str, Any] | None) -> str:
    """Say how the user's own data fared where their place was known.

    Parameters
    ----------
    answers : mapping or None
        The diagnostic ``known_answer``: of a section ``near`` with ``n``, ``lost`` and ``rms_uvn_um`` and
        ``searched`` with ``n`` and ``lost``; of the others ``n`` and ``errors_um``, one row per copy
        or a mapping of a direction to one error per copy. None where it was not tried.

    Returns
    -------
    str
        One or two sentences, without a full stop.
    """
    if not answers:
        return "not tried: other evidence had refused it before"
    if "near" not in answers:
        return _copies_words(int(answers["n"]), answers["errors_um"])
    near, searched = answers["near"], answers["searched"]
    words = f"{near['n'] - near['lost']} of {near['n']} cuts of the tomogram near the place found again"
    if near["lost"] < near["n"]:
        words += f", error {_by_direction(dict(zip(DIRECTIONS, near['rms_uvn_um'], strict=True)))}"
    found = searched["n"] - searched["lost"]
    return f"{words}; of {count(searched['n'], 'cut')} elsewhere {found} found by the search"


def _copies_words(n: int, errors_um: Mapping[str, Sequence[float]] | Sequence[Sequence[float]]) -> str:
    if not n:
        return "not tried: other evidence had refused it before"
    named = errors_um
    if not isinstance(named, Mapping):
        named = dict(zip(DIRECTIONS, np.asarray(named, dtype=np.float64).T.tolist(), strict=False))
    rms = {name: float(np.sqrt(np.mean(np.square(e)))) for name, e in named.items() if np.any(e)}
    copies = "1 copy" if n == 1 else f"{n} copies"
    return f"{copies} made at known places, registered by the same code: error {_by_direction(rms)}"


def _by_direction(errors_um: Mapping[str, float]) -> str:
    if not errors_um:
        return "none"
    numbers = ", ".join(f"{value:.2g}" for value in errors_um.values())
    return f"{numbers} µm along {', '.join(errors_um)}"


def _scale_words(scale: Mapping[str, Any] | float) -> str:
    """Say by how much the stated sample size is off."""
    if not isinstance(scale, Mapping):
        return f"true over stated sample size {1.0 + scale:.4f}; corrected"
    if scale["corrected"] == "none":
        return "as stated: the data ask for no correction"
    words = f"true over stated pixel size {scale['factor']:.4f}"
    if scale["corrected"] != "scale":
        words += f", width over height {scale['anisotropy']:.4f}"
    return f"{words}; corrected"


def _warp_words(warp: Mapping[str, Any]) -> str:
    """Say whether a warp of cutting and polishing is believed."""
    gain, se = warp["held_out_gain"], warp["held_out_gain_se"]
    if gain is None or se is None or not np.isfinite(se):
        return "not measurable"
    way = "falls" if gain >= 0.0 else "grows"
    held_out = f"the misfit of held-out blocks {way} by {abs(100.0 * gain):.0f} ± {100.0 * se:.0f} %"
    size = f"{warp['rms_um']:.2g} µm (root mean square)"
    if warp["pays"]:
        return f"{size}: {held_out}; reported only, not part of the map"
    return f"none that pays: one of {size} was tried, and {held_out}"
