from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.frames import AffineMap
from spallmap.landmarks import parse_landmarks
from spallmap.registration.landmark_fit import (
    apply_landmarks,
    fit_rigid,
    landmark_errors,
    landmarks_in,
    start_from_landmarks,
)
from spallmap.registration.result import Registration


def table_of(own, reference, uses):
    table = pd.DataFrame(np.hstack([own, reference]), columns=["u_um", "v_um", "x_um", "y_um", "z_um"])
    return table.assign(use=uses)


@pytest.mark.parametrize("seed", range(5))
def test_exact_points_give_back_the_map(seed):
    rng = np.random.default_rng(seed)
    truth = AffineMap.from_parts(Rotation.random(rng=rng).as_matrix(), rng.uniform(-500, 500, 3))
    uv = rng.uniform(0, 900, (6, 2))
    marks = parse_landmarks(table_of(uv, truth(np.column_stack([uv, np.zeros(6)])), ["fit"] * 5 + ["check"]))
    found = start_from_landmarks(marks)
    assert found is not None
    np.testing.assert_allclose(found.matrix, truth.matrix, atol=1e-9)
    tre, fre = landmark_errors(found, marks)
    assert tre == pytest.approx(0.0, abs=1e-9)
    assert fre == pytest.approx(0.0, abs=1e-9)


def test_errors_of_a_shifted_map_are_the_shift():
    uv = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [50.0, 50.0]])
    marks = parse_landmarks(table_of(uv, np.column_stack([uv, np.zeros(4)]), ["fit", "fit", "fit", "check"]))
    shifted = AffineMap.from_parts(np.eye(3), (3.0, 0.0, 4.0))
    result = apply_landmarks(Registration(shifted, "by hand", "accepted", (), 1.0), marks)
    assert result.tre_um == pytest.approx(5.0)
    assert result.fre_um == pytest.approx(5.0)
    assert apply_landmarks(result, None) is result


def test_check_points_do_not_enter_the_fit():
    uv = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [50.0, 50.0]])
    reference = np.column_stack([uv, np.zeros(4)])
    reference[3] += 30.0
    marks = parse_landmarks(table_of(uv, reference, ["fit", "fit", "fit", "check"]))
    found = start_from_landmarks(marks)
    assert found is not None
    np.testing.assert_allclose(found.matrix, np.eye(4), atol=1e-9)
    assert landmark_errors(found, marks)[0] == pytest.approx(30.0 * np.sqrt(3.0))


def test_a_mirrored_set_never_gives_a_reflection():
    rng = np.random.default_rng(3)
    p = rng.normal(size=(8, 3))
    assert np.linalg.det(fit_rigid(p, p * [1.0, 1.0, -1.0]).linear) == pytest.approx(1.0)


def test_too_few_or_collinear_points():
    marks = parse_landmarks(table_of([[0, 0], [1, 1]], [[0, 0, 0], [1, 1, 0]], ["fit", "fit"]))
    assert start_from_landmarks(marks) is None
    line = np.arange(4.0)[:, None] * np.array([[1.0, 2.0, 0.0]])
    with pytest.raises(ValueError, match="line"):
        fit_rigid(line, line)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t.drop(columns="z_um"), "z_um"),
        (lambda t: t.assign(note="x"), "note"),
        (lambda t: t.assign(use="maybe"), "maybe"),
        (lambda t: t.assign(v_um=["1", "two", "3"]), "two"),
    ],
)
def test_a_faulty_table_names_the_place(change, word):
    good = table_of([[0, 0], [1, 0], [0, 1]], [[0, 0, 0], [1, 0, 0], [0, 1, 0]], ["fit"] * 3)
    with pytest.raises(InputError, match=word):
        parse_landmarks(change(good), "marks.csv")


def test_partners_are_taken_to_the_tomograms_frame():
    marks = parse_landmarks(table_of([[0, 0], [1, 0]], [[9, 8, 7], [3, 2, 1]], ["fit", "check"]))
    to_reference = AffineMap.from_parts(np.eye(3)[[1, 0, 2]], (1.0, 2.0, 3.0))
    tomogram = Registration(to_reference, "by hand", "accepted", (), 1.0)
    inside = landmarks_in(marks, tomogram)
    assert inside is not None
    np.testing.assert_allclose(to_reference(inside.reference_um), marks.reference_um)
    np.testing.assert_array_equal(inside.own_um, marks.own_um)
    assert landmarks_in(marks, None) is marks
    assert landmarks_in(None, tomogram) is None
    assert landmarks_in(marks, Registration(to_reference, "by hand", "refused", ("no pores",), 0.1)) is None
