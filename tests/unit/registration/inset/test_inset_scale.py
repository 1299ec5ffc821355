from __future__ import annotations

import pytest

from spallmap.registration.inset.register import register_inset
from spallmap.registration.result import Registration
from tests.unit.registration.inset.scene import DETAIL_SHAPE, DETAIL_UM, draw_scene, pose
from tests.unit.registration.inset.test_register import detail_of, image_of, overview_of


def stated(factor: float) -> Registration:
    scene = draw_scene(1)
    grey, mask = detail_of(scene, pose(DETAIL_SHAPE, DETAIL_UM, (130.0, 100.0), 3.0), 11)
    size = factor * DETAIL_UM
    return register_inset(image_of(grey, mask, (size, size)), image_of(*overview_of(scene, 21)), kind="sem")


def test_a_detail_at_twice_its_size_is_refused_with_the_size_that_fits() -> None:
    found = stated(2.0)
    assert found.verdict == "refused"
    assert "with pixels of 0.25 um instead of 0.5 um it would fit" in found.reasons[-1]


def test_a_detail_at_a_slightly_wrong_size_is_refused() -> None:
    found = stated(1.1)
    assert found.verdict == "refused"
    assert "it asks for pixels" in " ".join(found.reasons)
    assert found.diagnostics.scale is not None
    assert found.diagnostics.scale.factor == pytest.approx(1 / 1.1, abs=0.01)
