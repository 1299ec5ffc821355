from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from jsonschema import ValidationError
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.frames import rotation_map
from spallmap.registration.diagnostics import (
    Blocks,
    Diagnostics,
    Intermediate,
    Rival,
    Scale,
    ScanModel,
    Starts,
    Warp,
)
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.results.registration import diagnostics_content, read_registration, write_registration
from spallmap.results.tables import plain
from tests.schemas import check_to_reference


def evidence(rng: np.random.Generator) -> Diagnostics:
    """Every field filled, numbers that are not known among them."""
    errors = rng.normal(size=(4, 3)) ** 2
    errors[:, 2] = np.nan
    there = rotation_map(Rotation.random(rng=rng), rng.normal(size=3), rng.normal(size=3))
    return Diagnostics(
        score_is="agreement",
        higher_is_better=False,
        gap_is="cost",
        measures={"misfit": 0.05, "margin": None},
        known_answers=(
            KnownAnswers(errors, 2, "cuts", "near"),
            KnownAnswers(np.zeros((0, 3)), 1, "cuts", "elsewhere"),
        ),
        blocks=Blocks(rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) ** 2),
        scale=Scale(1.01, 0.99, "scale of each axis"),
        starts=Starts(18, 13),
        rivals=(Rival("reversed", 2.1, 170.0, there, 120.0, 179.0), Rival("no pose")),
        warp=Warp(((2, 0), (1, 1)), rng.normal(size=(2, 2)), 0.3, -0.1, 0.05, worthwhile=False),
        scan=ScanModel(
            (1.0, 1.1),
            10.7,
            (3.0, -1.0),
            1,
            (0.1, 0.0, 0.0),
            acquired=(64, 48),
            missing=(0.3, 0.0),
            edge=(0.08, 1.0),
            readout=1,
            displacement_um=(3.0, 0.0, -1.0, 0.5, 0.0),
        ),
        through=Intermediate("the overview", there, "refused", ("no edges",)),
    )


def some(seed: int, **changes) -> Registration:
    rng = np.random.default_rng(seed)
    arguments = {
        "map": rotation_map(Rotation.random(rng=rng), rng.normal(size=3) * 100, rng.normal(size=3) * 1000),
        "method": "a method",
        "verdict": "accepted",
        "reasons": (),
        "score": 0.97,
        "runner_up": RunnerUp(0.9, 120.0, 3.0),
        "se_um": StandardError(1.5, 0.5, None),
        "unobservable": ("normal",),
        "tre_um": 2.5,
        "fre_um": 1.25,
        "diagnostics": evidence(rng),
    }
    return Registration(**{**arguments, **changes})


@pytest.mark.parametrize("seed", range(3))
def test_round_trip_and_the_contract_keys(tmp_path, seed):
    registration = some(seed)
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", registration)
    back = read_registration(tmp_path / "r.json")
    np.testing.assert_array_equal(back.map.matrix, registration.map.matrix)
    for name in (
        "method",
        "verdict",
        "reasons",
        "score",
        "runner_up",
        "se_um",
        "unobservable",
        "tre_um",
        "fre_um",
    ):
        assert getattr(back, name) == getattr(registration, name)
    assert plain(diagnostics_content(back.diagnostics)) == plain(
        diagnostics_content(registration.diagnostics)
    )
    check_to_reference(tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["runner_up"] == {"score": 0.9, "differs_by_um": 120.0, "differs_by_deg": 3.0}
    assert content["se_um"] == {"u": 1.5, "v": 0.5, "normal": None}


@pytest.mark.parametrize("seed", range(3))
def test_itk_maps_points_alike(tmp_path, seed):
    registration = some(seed)
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", registration)
    transform = sitk.ReadTransform(str(tmp_path / "r.tfm"))
    for point in np.random.default_rng(seed).normal(size=(5, 3)) * 500:
        np.testing.assert_allclose(
            transform.TransformPoint(point.tolist()), registration.map(point), atol=1e-6
        )


def test_refused_and_bare_registrations(tmp_path):
    bare = some(
        0,
        verdict="refused",
        reasons=("no overlap",),
        runner_up=None,
        score=None,
        tre_um=None,
        diagnostics=Diagnostics(),
    )
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", bare)
    check_to_reference(tmp_path / "r.json")
    back = read_registration(tmp_path / "r.json")
    assert not back.accepted
    assert back.reasons == ("no overlap",)
    assert back.runner_up is None
    assert back.score is None
    assert json.loads((tmp_path / "r.json").read_text())["score"] is None
    assert back.tre_um is None


def test_broken_files_are_named(tmp_path):
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", some(0))
    content = json.loads((tmp_path / "r.json").read_text())
    for change in ({"matrix": [[1, 0], [0, 1]]}, {"se_um": None}, {"reasons": [], "verdict": "refused"}):
        (tmp_path / "r.json").write_text(json.dumps({**content, **change}))
        with pytest.raises(InputError, match=r"r\.json"):
            read_registration(tmp_path / "r.json")
    del content["score"]
    (tmp_path / "r.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="score"):
        read_registration(tmp_path / "r.json")


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"score": "high"},
        {"score": None},
        {"verdict": "refused", "reasons": []},
        {"se_um": {"u": -1.0, "v": 1.0, "normal": None}},
        {"diagnostics": {}},
        {"known_answer": {}},
    ],
)
def test_the_schema_finds_what_is_wrong(tmp_path, change):
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", some(0))
    content = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(ValidationError):
        check_to_reference(tmp_path / "r.json")
