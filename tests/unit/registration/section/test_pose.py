from __future__ import annotations

import numpy as np

from spallmap.registration.section.pose import SectionPose, distinct


def test_distinct_keeps_the_best_of_each_place():
    own = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    poses = [
        SectionPose(np.eye(3), np.array([x, 0.0, 0.0]), -i)
        for i, x in enumerate((0.0, 5.0, 40.0, 41.0, 90.0))
    ]
    kept = distinct(poses, own, np.zeros(3), 10.0, 10)
    assert [p.centre_um[0] for p in kept] == [0.0, 40.0, 90.0]
