from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.paravision.stored_frames import ECHOES, TE_MS, stored_frames


def test_run_lengths_of_parameters_are_expanded(write_scan):
    stored = stored_frames(3)
    more = {"VisuCoreDataSlope": "( 3 )\n@2*(0.5) 4", "VisuCoreDataOffs": "( 3 )\n@3*(0)"}
    image = open_image(write_scan(stored, ECHOES, TE_MS, (1, 1), more=more), "mri")
    np.testing.assert_allclose(image.data, stored * np.array([0.5, 0.5, 4])[:, None, None])


def test_damaged_parameters_are_named(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    (scan / "pdata" / "1" / "visu_pars").write_bytes(b"\xff\xfe no parameters")
    with pytest.raises(InputError, match=r"visu_pars.*unreadable"):
        probe_image(scan, "mri")
