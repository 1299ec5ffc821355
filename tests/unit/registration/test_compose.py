"""Chains of registrations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, rotation_map
from spallmap.registration.compose import chain, refused
from spallmap.registration.result import Registration, StandardError

TURN = rotation_map(Rotation.from_euler("z", 90, degrees=True), (0, 0, 0), (1.0, 2.0, 3.0))


def registration(map_=None, verdict="accepted", se=(1.0, 2.0, 3.0)):
    reasons = () if verdict == "accepted" else ("too little overlap",)
    return Registration(map_ or AffineMap.identity(), "test", verdict, reasons, 1.0, se_um=StandardError(*se))


def test_a_chain_maps_through_both():
    inner = registration(AffineMap.from_parts(np.eye(3), (5.0, 0.0, 0.0)))
    linked = chain(inner, registration(TURN), "the overview")
    np.testing.assert_allclose(linked.map((0.0, 0.0, 0.0)), TURN((5.0, 0.0, 0.0)))
    assert linked.accepted


def test_errors_add_in_quadrature_along_the_same_direction_in_space():
    # The inner frame is turned by 90 degrees in the outer one, so its u lies along the outer's v.
    inner = registration(
        rotation_map(Rotation.from_euler("z", 90, degrees=True), (0, 0, 0)), se=(1.0, 1.0, 1.0)
    )
    linked = chain(inner, registration(se=(3.0, 4.0, 0.0)), "the overview")
    assert linked.se_um.u == pytest.approx(np.hypot(1.0, 4.0))
    assert linked.se_um.v == pytest.approx(np.hypot(1.0, 3.0))
    assert linked.se_um.normal == pytest.approx(1.0)


def test_a_direction_that_either_does_not_know_is_not_known():
    linked = chain(registration(), registration(se=(1.0, 1.0, None)), "the overview")
    assert linked.se_um.normal is None
    assert linked.se_um.u is not None


def test_what_either_cannot_observe_is_listed_once():
    inner = replace(registration(), unobservable=("depth",))
    outer = replace(registration(), unobservable=("depth", "turn"))
    assert chain(inner, outer, "the overview").unobservable == ("depth", "turn")


def test_a_refused_link_refuses_the_chain_and_says_which():
    linked = chain(registration(), registration(verdict="refused"), "SEM overview")
    assert not linked.accepted
    assert "SEM overview" in linked.reasons[0]
    assert "too little overlap" in linked.reasons[0]


def test_a_registration_that_was_not_tried_says_why():
    result = refused("the cell has no tomogram")
    assert not result.accepted
    assert result.reasons == ("the cell has no tomogram",)
    assert result.se_um.u is None


def test_a_refusal_without_a_reason_cannot_be_made():
    with pytest.raises(ValueError, match="reason"):
        Registration(AffineMap.identity(), "test", "refused", (), 0.0)
