"""Chains of registrations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, rotation_map
from spallmap.registration.compose import carried, chain, exchanged, refused
from spallmap.registration.diagnostics import Blocks, Diagnostics, Rival, Scale, Warp
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration, StandardError
from tests.schemas import check_registration

ROTATION = rotation_map(Rotation.from_euler("z", 90, degrees=True), (0, 0, 0), (1.0, 2.0, 3.0))


def registration(map_=None, verdict="accepted", se=(1.0, 2.0, 3.0)):
    reasons = () if verdict == "accepted" else ("too little overlap",)
    return Registration(map_ or AffineMap.identity(), "test", verdict, reasons, 1.0, se_um=StandardError(*se))


def test_a_chain_maps_through_both():
    inner = registration(AffineMap.from_parts(np.eye(3), (5.0, 0.0, 0.0)))
    linked = chain(inner, registration(ROTATION), "the overview")
    np.testing.assert_allclose(linked.map((0.0, 0.0, 0.0)), ROTATION((5.0, 0.0, 0.0)))
    assert linked.accepted


def test_errors_add_in_quadrature_along_the_same_direction_in_space():
    # The inner frame is rotated by 90 degrees in the outer one, so its u lies along the outer's v.
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
    outer = replace(registration(), unobservable=("depth", "rotation"))
    assert chain(inner, outer, "the overview").unobservable == ("depth", "rotation")


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
    assert result.score is None
    check_registration(result)


def test_a_refusal_without_a_reason_cannot_be_made():
    with pytest.raises(ValueError, match="reason"):
        Registration(AffineMap.identity(), "test", "refused", (), 0.0)


@pytest.mark.parametrize("normal", [1.0, -1.0])
def test_an_exchanged_array_has_the_same_points_errors_and_evidence(normal):
    rng = np.random.default_rng(3)
    rotation = rotation_map(Rotation.random(rng=rng), (0, 0, 0), (5.0, 6.0, 7.0))
    blocks = Blocks(rng.normal(size=(4, 3)) * 50, rng.normal(size=(4, 3)), rng.uniform(size=(4, 3)))
    rival = Rival("another pose", 0.5, map=ROTATION, differs_by_um=9.0, differs_by_deg=4.0)
    warp = Warp(((2, 0), (1, 1), (0, 3)), rng.normal(size=(2, 3)), 0.5, 0.1, 0.02, worthwhile=True)
    inner = replace(
        registration(rotation),
        diagnostics=Diagnostics(
            known_answers=(KnownAnswers(rng.uniform(size=(3, 3))),),
            blocks=blocks,
            scale=Scale(1.01, 0.98, "scale of each axis"),
            rivals=(rival,),
            warp=warp,
        ),
    )
    swap = AffineMap.from_parts([[0, 1, 0], [1, 0, 0], [0, 0, normal]], np.zeros(3))
    seen = exchanged(inner, swap)
    u_v = np.array([[3.0, 8.0, 0.0]])
    np.testing.assert_allclose(seen.map(u_v[:, [1, 0, 2]]), inner.map(u_v))
    assert (seen.se_um.u, seen.se_um.v, seen.se_um.normal) == (2.0, 1.0, 3.0)
    found = seen.diagnostics
    # A block lies at the same point of space, and would shift the same way there.
    np.testing.assert_allclose(seen.map(found.blocks.position_um), inner.map(blocks.position_um))
    np.testing.assert_allclose(
        found.blocks.shift_um @ seen.map.linear.T, blocks.shift_um @ inner.map.linear.T
    )
    np.testing.assert_array_equal(found.blocks.se_um, blocks.se_um[:, [1, 0, 2]])
    np.testing.assert_array_equal(
        found.known_answers[0].errors_um, inner.diagnostics.known_answers[0].errors_um[:, [1, 0, 2]]
    )
    np.testing.assert_allclose(found.rivals[0].map(u_v[:, [1, 0, 2]]), rival.map(u_v))  # type: ignore[misc]
    assert found.scale.anisotropy == pytest.approx(1 / 0.98)

    def bent(w, u, v):
        return w.coefficients_um @ np.array([u**a * v**b for a, b in w.powers_uv])

    np.testing.assert_allclose(bent(found.warp, 0.4, 0.7), bent(warp, 0.7, 0.4)[::-1])
    np.testing.assert_allclose(exchanged(seen, swap.inverse()).map.matrix, inner.map.matrix, atol=1e-12)


def test_what_lies_in_the_reference_itself_needs_no_chain():
    inner = registration(ROTATION)
    assert carried(inner, None, "the tomogram") is inner
    linked = carried(inner, registration(ROTATION), "the tomogram")
    np.testing.assert_array_equal(linked.map.matrix, (ROTATION @ ROTATION).matrix)
    assert linked.diagnostics.through.name == "the tomogram"
