from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.registration.section.plane_search import planes


def test_planes_lay_the_interface_along_the_plate():
    interface = np.array([np.cos(0.1), np.sin(0.1)])
    normal = np.array([0.05, 0.03, 0.998])
    normal /= np.linalg.norm(normal)
    listed = list(planes(AxesPrior.parse("-z,r"), interface, normal))
    assert len(listed) > 100
    for plane in listed:
        for face, angle in plane.rotations_deg:
            axes = plane.axes * np.array([face, 1.0, face])
            axes = axes @ Rotation.from_euler("z", angle, degrees=True).as_matrix()
            assert np.linalg.det(axes) == pytest.approx(1.0)
            assert abs(axes[:, :2] @ interface @ normal) < 1e-9
