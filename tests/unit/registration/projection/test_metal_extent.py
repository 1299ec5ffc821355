from __future__ import annotations

import numpy as np
import pytest

from spallmap.image import Image
from spallmap.registration.projection import register_projection
from spallmap.registration.projection.metal_extent import fit_size, size_asked
from spallmap.registration.projection.refine import evaluate, least_squares
from spallmap.registration.result import Registration
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SPACING_UM,
    OTHER_BARS,
    PRIOR,
    SPACING_UM,
    image,
    magnitude,
    make_problem,
    phases,
    pose,
)

ROW, COLUMN = IMAGE_SPACING_UM


@pytest.fixture(scope="module")
def scanned() -> tuple[np.ndarray, float]:
    rng = np.random.default_rng(11)
    clean = image(pose(rng))
    sigma = float(np.median(clean[clean > 0.3 * clean.max()])) / 25.0
    return magnitude(clean, sigma, rng), sigma


def stated(scanned: tuple[np.ndarray, float], spacing_um: tuple[float, float]) -> Registration:
    seen = Image(scanned[0], ("y", "x"), spacing_um)
    return register_projection(
        seen, phases(), SPACING_UM, prior=PRIOR, sigma=scanned[1], known_answer_trials=0
    )


@pytest.mark.parametrize("spacing_um", [(COLUMN, ROW), (2 * ROW, 2 * COLUMN)])
def test_a_refusal_names_the_size_that_fits(
    scanned: tuple[np.ndarray, float], spacing_um: tuple[float, float]
) -> None:
    found = stated(scanned, spacing_um)
    assert found.verdict == "refused"
    assert (
        f"with pixels of 23 x 46 um instead of {spacing_um[0]:g} x {spacing_um[1]:g} um" in found.reasons[-1]
    )


def test_columns_that_are_stated_too_large_are_refused(scanned: tuple[np.ndarray, float]) -> None:
    # They can pass every other condition, since a rotation about the stack hides them.
    found = stated(scanned, (ROW, 1.05 * COLUMN))
    assert found.verdict == "refused"
    assert "another pixel size than stated" in " ".join(found.reasons)
    assert found.diagnostics.measures["pixel_columns_asked"] == pytest.approx(1 / 1.05, abs=0.01)


def test_another_cells_image_gets_no_size_named() -> None:
    rng = np.random.default_rng(17)
    clean = image(pose(rng), OTHER_BARS)
    sigma = float(clean.max()) / 60.0
    found = stated((magnitude(clean, sigma, rng), sigma), IMAGE_SPACING_UM)
    assert found.verdict == "refused"
    assert "it would fit" not in " ".join(found.reasons)


def test_the_size_asked_for_is_the_true_one() -> None:
    problem, start, _ = make_problem()
    solution = least_squares(problem, start)
    assert size_asked(problem, solution) == pytest.approx((1.0, 1.0), abs=0.006)
    there, fitted = fit_size(problem, evaluate(problem, start))
    assert fitted.cost <= solution.cost + 1e-6
    assert there.sampler.spacing_um == pytest.approx(IMAGE_SPACING_UM, rel=0.006)
