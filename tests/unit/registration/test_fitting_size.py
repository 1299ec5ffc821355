from __future__ import annotations

import pytest

from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Diagnostics, Scale
from spallmap.registration.fitting_size import size_text, usual_size, with_fitting_size
from spallmap.registration.result import Registration

REFUSED = Registration(AffineMap.identity(), "known", "refused", ("it does not fit",), 9.0)
ACCEPTED = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)


def never() -> list[tuple[float, ...]]:
    raise AssertionError("nothing is looked for beside an accepted registration")


def test_an_accepted_registration_costs_nothing_more() -> None:
    assert with_fitting_size(ACCEPTED, (2.0, 2.0), never, lambda size: REFUSED, str) is ACCEPTED


def test_only_an_accepted_size_is_named_and_nothing_else_changes() -> None:
    tried = []

    def at(size: tuple[float, ...]) -> Registration:
        tried.append(size)
        return ACCEPTED if size == (1.0, 1.0) else REFUSED

    sizes = [(2.004, 2.0), (3.0, 3.0), (1.0, 1.0), (4.0, 4.0)]
    found = with_fitting_size(REFUSED, (2.0, 2.0), lambda: sizes, at, lambda there: "agreement 0.97")
    # The stated size is not tried again, and nothing after the first that fits.
    assert tried == [(3.0, 3.0), (1.0, 1.0)]
    assert (found.verdict, found.map, found.score) == (REFUSED.verdict, REFUSED.map, REFUSED.score)
    assert found.reasons == (
        "it does not fit",
        "with pixels of 1 um instead of 2 um it would fit (agreement 0.97): check the pixel size",
    )
    assert with_fitting_size(REFUSED, (2.0, 2.0), lambda: sizes[:2], at, str) is REFUSED


def test_a_scale_that_was_fitted_is_part_of_the_size() -> None:
    scaled = Registration(
        AffineMap.identity(),
        "known",
        "accepted",
        (),
        1.0,
        diagnostics=Diagnostics(scale=Scale(1.02, applied="scale")),
    )
    found = with_fitting_size(
        REFUSED, (2.0, 2.0), lambda: [(1.0, 1.0)], lambda size: scaled, lambda there: ""
    )
    assert "pixels of 1.02 um" in found.reasons[-1]


@pytest.mark.parametrize(
    ("measured", "stated", "expected"),
    [
        ((23.1, 45.8), (46.0, 23.0), (23.0, 46.0)),
        ((4.66,) * 3, (9.32,) * 3, (4.66,) * 3),
        ((0.0501, 0.0501), (0.025, 0.025), (0.05, 0.05)),
        ((23.0, 46.0), (23.0, 4.6), (23.0, 46.0)),
        ((23.0, 46.0), (905.5, 1811.0), (23.0, 46.0)),
        ((25.3, 50.6), (23.0, 46.0), None),
        ((23.0, 46.1), (23.0, 46.0), None),
    ],
)
def test_usual_mistakes_are_recognised(
    measured: tuple[float, ...], stated: tuple[float, ...], expected: tuple[float, ...] | None
) -> None:
    found = usual_size(measured, stated)
    assert (found is None) == (expected is None)
    if found is not None:
        assert found == pytest.approx(expected, rel=1e-3)


def test_sizes_are_written_shortly() -> None:
    assert size_text((4.66, 4.66, 4.66)) == "4.66"
    assert size_text((5.0, 4.6612, 4.6612)) == "5 x 4.661 x 4.661"
