from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.report.facts import known_answer_words, registration_facts
from tests.unit.report.page_parts import registration

WARP = {"pays": False, "rms_um": 0.311, "held_out_gain": -0.36, "held_out_gain_se": 0.32}
SCALE = {"factor": 1.0123, "anisotropy": 0.9962, "corrected": "none"}


def facts(**diagnostics: object) -> dict[str, object]:
    return registration_facts(replace(registration("accepted"), diagnostics=diagnostics))


def test_cuts_of_the_tomogram_that_were_found_again() -> None:
    near = {"n": 6, "lost": 0, "rms_uvn_um": [0.31, 0.2, 1.14]}
    told = known_answer_words({"near": near, "searched": {"n": 1, "lost": 0}})
    assert told == (
        "6 of 6 cuts of the tomogram near the place found again, error 0.31, 0.2, 1.1 µm along u, v, normal; "
        "of 1 cut elsewhere 1 found by the search"
    )


@pytest.mark.parametrize("nothing", [None, np.nan])
def test_cuts_that_were_lost_have_no_error(nothing: float | None) -> None:
    near = {"n": 6, "lost": 6, "rms_uvn_um": [nothing] * 3}
    told = known_answer_words({"near": near, "searched": {"n": 3, "lost": 2}})
    assert told == (
        "0 of 6 cuts of the tomogram near the place found again; of 3 cuts elsewhere 1 found by the search"
    )


def test_copies_are_told_by_their_root_mean_square_errors() -> None:
    rows = {"n": 2, "errors_um": [[0.3, 0.1, 0.0], [0.4, 0.1, 0.0]]}
    named = {"n": 2, "errors_um": {"u": [0.3, 0.4], "v": [0.1, 0.1]}}
    wanted = "2 copies made at known places, registered by the same code: error 0.35, 0.1 µm along u, v"
    assert known_answer_words(rows) == wanted
    assert known_answer_words(named) == wanted
    assert known_answer_words({"n": 1, "errors_um": [[0.0, 0.0, 0.0]]}).endswith("error none")


@pytest.mark.parametrize("untried", [None, {"n": 0, "errors_um": []}])
def test_a_test_that_was_not_tried_is_told_as_such(untried: dict[str, object] | None) -> None:
    assert facts(known_answer=untried)["known answers"] == "not tried: other evidence had refused it before"


def test_scale_warp_and_blocks_in_words() -> None:
    blocks = {
        "centre_uv_um": [[0.0, 0.0], [9.0, 0.0]],
        "shift_um": [[0.1, 0.1, 0.1], [0.1, 0.1, -0.9]],
        "se_um": [[0.1, 0.1, 0.4]] * 2,
    }
    told = facts(scale=SCALE, warp=WARP, blocks=blocks)
    assert told["scale"] == "as stated: the data ask for no correction"
    assert told["smooth warp in the plane"] == (
        "none that pays: one of 0.31 µm (root mean square) was tried, and the misfit of held-out blocks "
        "grows by 36 ± 32 %"
    )
    assert told["blocks that would still shift"] == "1 of 2 by more than 2 standard errors"


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (SCALE | {"corrected": "scale"}, "true over stated pixel size 1.0123; corrected"),
        (
            SCALE | {"corrected": "scale of each axis"},
            "true over stated pixel size 1.0123, width over height 0.9962; corrected",
        ),
        (-0.0042, "true over stated sample size 0.9958; corrected"),
    ],
)
def test_a_corrected_scale_is_told(scale: object, words: str) -> None:
    assert facts(scale=scale)["scale"] == words


def test_a_warp_that_pays_or_cannot_be_measured() -> None:
    paying = WARP | {"pays": True, "held_out_gain": 0.2, "held_out_gain_se": 0.05}
    told = facts(warp=paying)["smooth warp in the plane"]
    assert told == (
        "0.31 µm (root mean square): the misfit of held-out blocks falls by 20 ± 5 %; reported only, not "
        "part of the map"
    )
    for se in (None, np.inf):
        unknown = facts(warp=WARP | {"held_out_gain_se": se})
        assert unknown["smooth warp in the plane"] == "not measurable"


def test_only_what_is_there_is_told() -> None:
    told = facts(scale=None)
    assert not {"known answers", "scale", "smooth warp in the plane", "blocks that would still shift"} & set(
        told
    )
    assert told["map, row 1"] == "1.0000  0.0000  0.0000  0.0000"
