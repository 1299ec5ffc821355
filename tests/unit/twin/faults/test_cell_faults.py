"""A cell whose every acquisition has a bad day: all files are there, and the truth holds what was drawn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from spallmap.frames import AffineMap
from spallmap.twin import Sizes, write_cell
from spallmap.twin.faults.cell_faults import CellFaults
from spallmap.twin.faults.edx_faults import EdxFaults
from spallmap.twin.faults.mri_faults import MriFaults
from spallmap.twin.faults.sem_faults import SemFaults
from spallmap.twin.faults.xct_faults import XctFaults

SMALL = Sizes(
    xct_shape=(24, 40, 40),
    xct_spacing_um=37.28,
    mri_shape=(32, 24),
    mri_spacing_um=(46.0, 92.0),
    sem_shape=(160, 225),
    sem_spacing_um=4.0,
    detail_shape=(60, 80),
    detail_spacing_um=1.6,
    edx_shape=(60, 80),
    edx_spacing_um=8.0,
)


def test_no_faults_give_the_same_bytes(tmp_path):
    for name, faults in (("plain", None), ("none", CellFaults())):
        write_cell(tmp_path / name / "cell", 4, sizes=SMALL, faults=faults)
    plain = sorted(p.relative_to(tmp_path / "plain") for p in (tmp_path / "plain").rglob("*") if p.is_file())
    assert plain
    for path in plain:
        if path.name != "config.yaml":
            assert (tmp_path / "plain" / path).read_bytes() == (tmp_path / "none" / path).read_bytes()
    assert not list((tmp_path / "none").rglob("faults.json"))


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad") / "cell"
    field = XctFaults(field_fraction=0.7, bits=8)
    tilted = SemFaults(tilt_stretch=0.02, epoxy=0.3)
    faults = CellFaults(
        xct={"shorted": field},
        mri={"shorted": MriFaults(zero_filling=(2.0, 2.0))},
        overview=tilted,
        detail=replace(tilted, charging_lines=0.3),
        edx=EdxFaults(fewer_counts=4.0),
    )
    write_cell(folder, 4, sizes=SMALL, faults=faults)
    return folder


def test_what_was_drawn_stands_in_the_truth(bad):
    said = json.loads((bad / "truth" / "faults.json").read_text())
    assert said["shorted xct"] == {"field_fraction": 0.7, "bits": 8}
    assert said["sem detail"] == {"tilt_stretch": 0.02, "epoxy": 0.3, "charging_lines": 0.3}
    assert said["edx"] == {"fewer_counts": 4.0}


def test_a_cut_field_keeps_the_cell_where_it_is(bad, tmp_path):
    write_cell(tmp_path / "cell", 4, sizes=SMALL, modalities=("xct",))
    truths = [json.loads((f / "truth" / "truth.json").read_text()) for f in (bad, tmp_path / "cell")]
    assert tifffile.imread(bad / "xct_shorted.ome.tif").shape == (24, 28, 28)
    # the reference tomogram's first voxel lies 6 voxels further in, along rows and columns
    moved = [np.array(t["to_reference"]["pristine"]["xct"])[:3, 3] for t in truths]
    np.testing.assert_allclose(moved[1] - moved[0], [6 * 37.28, 6 * 37.28, 0.0], atol=1e-6)


def test_zero_filling_gives_more_pixels_of_the_same_field(bad):
    parameters = (bad / "mri_shorted" / "5" / "pdata" / "1" / "visu_pars").read_text()
    assert "##$VisuCoreSize=( 2 )\n48 64" in parameters
    assert "##$PVM_Matrix=( 2 )\n24 32" in (bad / "mri_shorted" / "5" / "method").read_text()


def test_insets_lie_in_the_overview_as_it_was_stretched(bad):
    truth = json.loads((bad / "truth" / "truth.json").read_text())
    maps = truth["to_reference"]["shorted"]
    for inset, name in (("detail", "sem_detail"), ("edx", "edx")):
        through = AffineMap(np.array(maps["sem_overview"])) @ AffineMap(
            np.array(truth["within_overview"][inset])
        )
        np.testing.assert_allclose(through.matrix, np.array(maps[name]), atol=1e-6)
    stretch = np.linalg.norm(np.array(maps["sem_overview"])[:3, 1])
    assert stretch == pytest.approx(1.02)
