"""Known answers with an inset's own misfit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.gauss_newton import Motion
from spallmap.registration.inset.contrast import InsetImages
from spallmap.registration.inset.find_poses import FoundPoses, elsewhere_um
from spallmap.registration.inset.misfit_copies import COPIES, misfit_answers
from spallmap.registration.inset.refine import Refinement
from tests.unit.registration.inset.test_refine import TRUTH, images_of


def found_in(images: InsetImages) -> FoundPoses:
    """Refine from the truth, without a search."""
    refinement = Refinement(images.fine(), Motion(planar=True), 1)
    return FoundPoses(refinement.run([TRUTH]), refinement)


@pytest.fixture(scope="module")
def clear() -> FoundPoses:
    return found_in(images_of(1))


def test_copies_of_a_clear_inset_are_found_where_they_lie(clear: FoundPoses) -> None:
    answers = misfit_answers(clear, 1.0, np.random.default_rng(1))
    assert answers.n == COPIES
    assert 0.0 < answers.worst_um < 0.5
    again = misfit_answers(clear, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(answers.errors_um, again.errors_um)


def test_more_misfit_makes_larger_errors(clear: FoundPoses) -> None:
    images = images_of(1)
    rng = np.random.default_rng(2)
    spoilt = images.overview + 60.0 * np.kron(rng.normal(size=(45, 60)), np.ones((4, 4)))
    answers = misfit_answers(found_in(replace(images, overview=spoilt)), 1.0, np.random.default_rng(1))
    quiet = misfit_answers(clear, 1.0, np.random.default_rng(1))
    assert answers.rms_um()[:2].max() > 2.0 * quiet.rms_um()[:2].max()


def test_another_place_begins_where_the_field_is_mostly_another() -> None:
    corners = np.array([[0.0, 0.0, 0.0], [100.0, 50.0, 0.0]])
    assert elsewhere_um(corners, 1.0) == pytest.approx(30.0)
    assert elsewhere_um(corners, 0.1) == pytest.approx(4.0)
    assert elsewhere_um(corners, 3.0) == pytest.approx(60.0)
