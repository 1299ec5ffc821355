from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.readers.checks.direction_cosines import check_directions


@pytest.mark.parametrize("rows", [2, 3])
def test_rotations_and_mirrors_with_few_digits_pass(rows):
    for seed in range(20):
        axes = np.round(Rotation.random(random_state=seed).as_matrix(), 4)
        check_directions("visu_pars", axes[:rows], "VisuCoreOrientation")
        check_directions("visu_pars", -axes[:rows], "VisuCoreOrientation")


@pytest.mark.parametrize(
    "axes",
    [
        np.zeros((2, 3)),
        2 * np.eye(3),
        [[1, 0, 0], [1, 0, 0]],
        [[1, 0, 0], [0.1, 0.995, 0]],
        [[np.nan] * 3] * 2,
    ],
)
def test_what_is_no_frame_of_right_angles_is_refused(axes):
    with pytest.raises(InputError, match=r"visu_pars: found VisuCoreOrientation .*unit vectors"):
        check_directions("visu_pars", np.asarray(axes, float), "VisuCoreOrientation")
