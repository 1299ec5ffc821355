from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.paravision.raw_scan import (
    random_images,
    write_raw,
)


@pytest.mark.parametrize(
    ("acqp", "method", "words"),
    [
        ({}, {"Method": "<Bruker:UTE>"}, "method Bruker:UTE"),
        ({}, {"Method": "<Bruker:EPI>"}, "method Bruker:EPI"),
        ({}, {"Method": "<Bruker:FLASH>"}, "method Bruker:FLASH"),
        ({"ACQ_rare_factor": "4"}, {}, "ACQ_rare_factor = 4"),
        ({"ACQ_phase_factor": "2"}, {}, "ACQ_phase_factor = 2"),
        ({"ACQ_scan_size": "ACQ_phase_factor_scans"}, {}, "ACQ_phase_factor_scans"),
        ({"AQ_mod": "qf"}, {}, "AQ_mod = qf"),
        ({"ACQ_dim": "3", "ACQ_dim_desc": "( 3 )\nSpatial Spatial Spatial"}, {}, "ACQ_dim = 3"),
        ({"ACQ_dim_desc": "( 2 )\nSpectroscopic Spatial"}, {}, "Spectroscopic"),
        ({"ACQ_n_movie_frames": "3"}, {}, "3 movie frames"),
        ({"NI": "9"}, {}, "NI = 9 objects for 3 slices of 2 echoes"),
        ({}, {"PVM_EncNReceivers": "4"}, "4 receivers"),
        ({}, {"PVM_EncPft": "( 2 )\n1.4 1"}, "half-echo"),
        ({}, {"PVM_EncPft": "( 2 )\n1 1.3"}, "partial Fourier"),
        ({}, {"PVM_EncZf": "( 2 )\n1 2"}, "zero filling"),
        ({}, {"PVM_EncPpi": "( 2 )\n1 2"}, "accelerated"),
        ({}, {"PVM_AntiAlias": "( 2 )\n1 1.5"}, "aliasing"),
        ({}, {"PVM_EchoPosition": "30"}, "30 %"),
        ({}, {"PVM_Matrix": "( 2 )\n12 20"}, "encoded points"),
        ({}, {"PVM_EncSteps1": "( 10 )\n-4 -4 -3 -2 -1 0 1 2 3 4"}, "9 of 10 phase steps, -4 to 4"),
        ({"ACQ_obj_order": "( 6 )\n0 1 2 3 4 4"}, {}, "ACQ_obj_order"),
        ({"ACQ_echo_time": "( 2 )\n0.004 0.008"}, {}, "probably seconds"),
        ({"ACQ_slice_offset": "( 3 )\n0 1 5"}, {}, "slice gaps"),
        ({"ACQ_size": "( 2 )\n20 10"}, {}, "20 words a line for 12 complex samples"),
        ({"GO_raw_data_format": "GO_64BIT"}, {}, "GO_64BIT"),
        ({"GO_block_size": "Bits"}, {}, "GO_block_size = Bits"),
        ({"NR": "3"}, {}, "bytes, as acqp announces"),
    ],
)
def test_what_cannot_be_reconstructed_is_refused(tmp_path, acqp, method, words):
    rng = np.random.default_rng(10)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, acqp=acqp, method=method)
    with pytest.raises(InputError, match=words):
        probe_image(raw, "mri")


def test_missing_parameters_and_other_jobs_are_named(tmp_path):
    rng = np.random.default_rng(11)
    raw = write_raw(tmp_path / "8", random_images(rng), rng)
    (raw.parent / "rawdata.job1").write_bytes(b"")
    with pytest.raises(InputError, match=r"another job \(rawdata\.job1\)"):
        probe_image(raw.parent / "rawdata.job1", "mri")
    (raw.parent / "method").unlink()
    with pytest.raises(InputError, match="no method"):
        probe_image(raw, "mri")


DAMAGE = (
    "0",
    "-1",
    "1e400",
    "nan",
    "x",
    "<>",
    "()",
    "( 2 )",
    "@3*(1)",
    "@3*(",
    "999999999999",
    "1.5",
    "",
    "<a",
    "##$A=",
)


def damaged(text: str, rng: np.random.Generator) -> str:
    """Replace, remove or add something in a parameter file."""
    start = int(rng.integers(len(text)))
    length = int(rng.integers(0, 30))
    return text[:start] + str(rng.choice(DAMAGE)) + text[start + length :]


def test_damaged_parameters_are_read_or_refused_but_never_crash(tmp_path, write_scan):
    rng = np.random.default_rng(12)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, transposed=True)
    groups = "(2, <FG_SLICE>, <>, 1, 2) (3, <FG_ECHO>, <>, 0, 1)"
    more = {
        "VisuGroupDepVals": "( 3 )\n(<VisuAcqEchoTime>, 0) (<VisuCoreOrientation>, 0) (<VisuCorePosition>, 0)"
    }
    positions = ((0, 0, 0), (0, 0, 1))
    scan = write_scan(np.ones((6, 6, 4), np.int16), groups, (2, 4, 6), (1, 1), positions=positions, more=more)
    files = [(raw, raw.parent / name) for name in ("acqp", "method", "pdata/1/reco")]
    refused = 0
    for path, parameters in [*files, (scan, scan / "pdata" / "1" / "visu_pars")]:
        whole = parameters.read_text()
        for _ in range(60):
            parameters.write_text(damaged(whole, rng))
            try:
                open_image(path, "mri")
            except InputError:
                refused += 1
        parameters.write_text(whole)
    assert refused > 80
