from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from brukerapi.dataset import Dataset

from spallmap.twin import formats
from spallmap.twin.cell_writer import COLUMNS, write_cell
from spallmap.twin.scans import TE_MS, TwinCell
from spallmap.twin.sizes import Sizes

TINY = Sizes(
    xct_shape=(48, 81, 81),
    xct_spacing_um=18.64,
    sem_shape=(160, 225),
    sem_spacing_um=4.0,
    detail_shape=(60, 80),
    detail_spacing_um=1.6,
    edx_shape=(60, 80),
    edx_spacing_um=8.0,
)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("twin") / "demo"
    write_cell(folder, 7, cell="tiny", sizes=TINY)
    return folder


@pytest.fixture(scope="module")
def truth(written):
    return json.loads((written / "truth" / "truth.json").read_text())


def test_the_table_names_every_file(written):
    with (written / "acquisitions.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert tuple(rows[0]) == COLUMNS
    assert [(r["state"], r["modality"], r["name"]) for r in rows] == [
        ("pristine", "xct", "scan"),
        ("pristine", "mri", "t2"),
        ("shorted", "xct", "scan"),
        ("shorted", "mri", "t2"),
        ("shorted", "sem", "overview"),
        ("shorted", "sem", "detail"),
        ("shorted", "edx", "elements"),
    ]
    assert all((written / r["path"]).exists() for r in rows)
    assert {r["cell"] for r in rows} == {"tiny"}
    assert (written / "config.yaml").read_text() == f"acquisitions: {written.as_posix()}/acquisitions.tsv\n"


def test_the_same_seed_gives_the_same_bytes_and_modalities_do_not_disturb_each_other(written, tmp_path):
    write_cell(tmp_path / "part", 7, cell="tiny", sizes=TINY, modalities=("xct", "sem"))
    part, whole = digests(tmp_path / "part"), digests(written)
    assert not any(name.startswith(("mri", "edx")) for name in part)
    differing = {name for name in part if part[name] != whole[name]}
    assert differing == {"acquisitions.tsv", "config.yaml", "truth/truth.json"}
    write_cell(tmp_path / "mri", 7, cell="tiny", sizes=TINY, modalities=("mri",), states=("pristine",))
    alone = digests(tmp_path / "mri")
    assert all(alone[n] == whole[n] for n in alone if n.startswith("mri"))
    write_cell(tmp_path / "other", 8, cell="tiny", sizes=TINY, modalities=("sem",))
    assert digests(tmp_path / "other")["sem_overview.tif"] != whole["sem_overview.tif"]


def test_tomograms_open_with_their_size(written):
    with tifffile.TiffFile(written / "xct_shorted.ome.tif") as file:
        assert file.is_ome
        assert file.series[0].shape == TINY.xct_shape
        for axis in "XYZ":
            assert f'PhysicalSize{axis}="18.64"' in file.ome_metadata
        assert 'PhysicalSizeXUnit="µm"' in file.ome_metadata
        shorted = file.asarray()
    slices = sorted((written / "xct_pristine").iterdir())
    pristine = np.stack([tifffile.imread(s) for s in slices])
    assert pristine.shape == TINY.xct_shape
    assert pristine.dtype == shorted.dtype == np.uint16
    np.testing.assert_array_equal(shorted, TwinCell(7, sizes=TINY).xct("shorted").volume)
    labels = np.load(written / "truth" / "xct_shorted_labels.npz")["labels"]
    assert labels.shape == TINY.xct_shape
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4, 5}
    assert shorted[labels == 1].mean() > 1.7 * shorted[labels == 2].mean()


def test_paravision_folder_reads_back_in_scaled_units(written):
    scan = TwinCell(7, sizes=TINY).mri("shorted")
    data = Dataset(written / "mri_shorted" / "5" / "pdata" / "1" / "2dseq")
    values = np.squeeze(np.asarray(data.data))
    assert values.shape == (48, 64, 5)
    step = scan.magnitude.max() / formats.FULL_SCALE
    np.testing.assert_allclose(values.transpose(2, 1, 0), scan.magnitude, atol=0.51 * step)
    np.testing.assert_allclose(data["VisuAcqEchoTime"].value, TE_MS)
    extent, size = (np.array(data[n].value) for n in ("VisuCoreExtent", "VisuCoreSize"))
    np.testing.assert_allclose(1000.0 * extent / size, (46.0, 23.0))


def test_electron_images_report_their_pixel_size(written):
    for name, nm in (("overview", 4000.0), ("detail", 1600.0)):
        with tifffile.TiffFile(written / f"sem_{name}.tif") as file:
            size = file.sem_metadata["ap_image_pixel_size"]
            assert size[1:] == (nm, "nm")
            assert file.pages[0].dtype == np.uint8
    counts = {p.stem: tifffile.imread(p) for p in (written / "edx").iterdir()}
    assert set(counts) == {"C", "O", "Na", "Al"}
    assert all(c.shape == TINY.edx_shape for c in counts.values())


def test_truth_is_one_consistent_chain(truth):
    maps = {s: {n: np.array(m) for n, m in by.items()} for s, by in truth["to_reference"].items()}
    frames = {s: {n: np.array(m) for n, m in by.items()} for s, by in truth["frames"].items()}
    np.testing.assert_allclose(maps["shorted"]["xct"], np.eye(4), atol=1e-12)
    assert set(maps["shorted"]) == {"xct", "mri", "sem_overview", "sem_detail", "edx"}
    assert set(maps["pristine"]) == {"xct", "mri"}
    for name, key in (("detail", "sem_detail"), ("edx", "edx")):
        within = np.array(truth["within_overview"][name])
        np.testing.assert_allclose(maps["shorted"][key], maps["shorted"]["sem_overview"] @ within, atol=1e-9)
    for state, by in maps.items():
        for name, matrix in by.items():
            rotation = matrix[:3, :3]
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(rotation) == pytest.approx(1.0)
            np.testing.assert_allclose(frames["shorted"]["xct"] @ matrix, frames[state][name], atol=1e-9)
    assert truth["te_ms"] == list(TE_MS)


def test_poses_stay_within_the_priors_of_the_table():
    for seed in range(10):
        twin = TwinCell(seed, sizes=TINY)
        reference = twin.xct_to_cell("shorted")
        pristine = reference.inverse() @ twin.xct_to_cell("pristine")
        cosine = (np.trace(pristine.linear) - 1) / 2
        assert np.degrees(np.arccos(cosine)) < 15.0
        section = reference.inverse() @ twin.section().overview.to_cell
        assert section.linear[2, 1] < -np.cos(np.radians(15.0))


def test_a_control_has_no_dendrite_in_its_truth(tmp_path):
    write_cell(
        tmp_path / "control", 7, kind="control", sizes=TINY, states=("shorted",), modalities=("xct", "mri")
    )
    truth = json.loads((tmp_path / "control" / "truth" / "truth.json").read_text())
    assert truth["kind"] == "control"
    assert truth["crack"] is None
    assert not np.load(tmp_path / "control" / "truth" / "mri_shorted.npz")["dendrite"].any()
    labels = np.load(tmp_path / "control" / "truth" / "xct_shorted_labels.npz")["labels"]
    assert set(np.unique(labels)) == {0, 1, 2}


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("spallmap.twin.formats.write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        write_cell(tmp_path / "demo", 1, sizes=TINY, modalities=("edx",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [{"modalities": ("xrd",)}, {"modalities": ()}, {"states": ("new",)}])
def test_what_cannot_be_drawn_is_refused(tmp_path, arguments):
    with pytest.raises(ValueError, match="are allowed"):
        write_cell(tmp_path / "demo", 1, sizes=TINY, **arguments)
