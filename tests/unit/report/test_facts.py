from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from spallmap.registration.diagnostics import Blocks, Diagnostics, Scale, Warp
from spallmap.registration.known_answers import KnownAnswers
from spallmap.report.facts import known_answer_words, registration_facts
from tests.unit.report.page_parts import registration

WARP = Warp(((2, 0),), np.zeros((2, 1)), 0.311, -0.36, 0.32, worthwhile=False)
SCALE = Scale(1.0123, 0.9962, "none")
CUTS = "cuts of the tomogram"


def facts(**evidence: Any) -> dict[str, object]:
    found = Diagnostics(score_is="agreement", **evidence)
    return registration_facts(replace(registration("accepted"), diagnostics=found))


def answers(
    errors: list[list[float]],
    lost: int = 0,
    made_of: str = CUTS,
    where: Literal["near", "elsewhere"] = "near",
) -> KnownAnswers:
    return KnownAnswers(np.reshape(errors, (-1, 3)).astype(float), lost, made_of, where)


def test_cuts_of_the_tomogram_that_were_found_again() -> None:
    near = answers([[0.31, 0.2, 1.14]] * 6)
    words = known_answer_words([near, answers([[0.1, 0.1, 0.1]], where="elsewhere")])
    assert words == (
        "6 of 6 cuts of the tomogram near the pose found again, error 0.31, 0.2, 1.1 µm along u, v, normal; "
        "1 of 1 cuts of the tomogram elsewhere found again, error 0.1, 0.1, 0.1 µm along u, v, normal"
    )


def test_cuts_that_were_lost_have_no_error() -> None:
    elsewhere = [answers([], 1, where="elsewhere")] * 2 + [answers([[0.0] * 3], where="elsewhere")]
    words = known_answer_words([answers([], 6), *elsewhere])
    assert words == (
        "0 of 6 cuts of the tomogram near the pose found again; "
        "1 of 3 cuts of the tomogram elsewhere found again, error none"
    )


@pytest.mark.parametrize("across", [0.0, np.nan])
def test_copies_are_reported_by_their_root_mean_square_errors(across: float) -> None:
    rows = answers([[0.3, 0.1, across], [0.4, 0.1, across]], made_of="copies")
    wanted = "2 of 2 copies near the pose found again, error 0.35, 0.1 µm along u, v"
    assert known_answer_words([rows]) == wanted
    assert known_answer_words([answers([[0.0, 0.0, 0.0]])]).endswith("error none")


def test_a_test_that_was_not_tried_is_reported_as_such() -> None:
    assert facts(known_answers=())["known answers"] == (
        "none made: other evidence had decided before, or none was asked for"
    )
    # What ended before it had a score was not tried either, and nothing is said of it.
    untried = replace(registration("refused", "no ceramic"), score=None, diagnostics=Diagnostics())
    assert "known answers" not in registration_facts(untried)
    assert registration_facts(untried)["score"] == "none reached"


def test_scale_warp_and_blocks_in_words() -> None:
    blocks = Blocks(
        np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]]),
        np.array([[0.1, 0.1, 0.1], [0.1, 0.1, -0.9]]),
        np.array([[0.1, 0.1, 0.4]] * 2),
    )
    words = facts(scale=SCALE, warp=WARP, blocks=blocks)
    assert words["scale"] == "as stated: the data ask for no correction"
    assert words["smooth warp in the plane"] == (
        "none that is worthwhile: one of 0.31 µm (root mean square) was tried, and the misfit of held-out "
        "blocks grows by 36 ± 32 %"
    )
    assert words["blocks that would still shift"] == "1 of 2 by more than 2 standard errors"


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (replace(SCALE, applied="scale"), "true over stated sample size 1.0123; corrected"),
        (
            replace(SCALE, applied="scale of each axis"),
            "true over stated sample size 1.0123, width over height 0.9962; corrected",
        ),
        (Scale(0.9958, applied="scale"), "true over stated sample size 0.9958; corrected"),
    ],
)
def test_a_corrected_scale_is_reported(scale: Scale, words: str) -> None:
    assert facts(scale=scale)["scale"] == words


def test_a_warp_that_is_worthwhile_or_cannot_be_measured() -> None:
    worthwhile = replace(WARP, worthwhile=True, held_out_gain=0.2, held_out_gain_se=0.05)
    words = facts(warp=worthwhile)["smooth warp in the plane"]
    assert words == (
        "0.31 µm (root mean square): the misfit of held-out blocks falls by 20 ± 5 %; reported only, not "
        "part of the map"
    )
    for se in (np.nan, np.inf):
        unknown = facts(warp=replace(WARP, held_out_gain_se=se))
        assert unknown["smooth warp in the plane"] == "not measurable"


def test_only_what_is_there_is_reported() -> None:
    words = registration_facts(registration("accepted"))
    assert not {"known answers", "scale", "smooth warp in the plane", "blocks that would still shift"} & set(
        words
    )
    assert words["map, row 1"] == "1.0000  0.0000  0.0000  0.0000"


def test_a_methods_measures_are_listed_with_their_units() -> None:
    words = facts(measures={"rotated_from_prior_deg": 2.5, "coverage": 0.98, "halves_apart_um": None})
    assert words["rotated from prior / °"] == 2.5
    assert words["coverage"] == 0.98
    assert words["halves apart / µm"] is None
