from __future__ import annotations

import numpy as np
import pytest

from spallmap.twin.faults.mri_faults import MRI_FAULT_NAMES, MriFaults


def test_drawn_faults_are_as_many_as_asked_for_and_the_same_again():
    for n in (2, 3, 4):
        faults = MriFaults.draw(np.random.default_rng(n), n)
        assert faults == MriFaults.draw(np.random.default_rng(n), n)
        # filters of k-space share a field: of two of them one stays
        assert n - 1 <= len(faults.names) <= n + 1


@pytest.mark.parametrize("name", MRI_FAULT_NAMES)
def test_each_fault_can_be_drawn_alone(name):
    faults = MriFaults.draw_one(np.random.default_rng(5), name)
    assert len(faults.names) == 1


def test_nothing_is_on_by_itself():
    assert MriFaults().names == ()
