"""A whole run on a coarse cell, and on cells with less: every path of the contract exists and opens."""

from __future__ import annotations

import json
import subprocess
import time

import numpy as np
import ome_zarr.io
import ome_zarr.reader
import pandas as pd
import pytest
import pyvista as pv
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr
from PIL import Image

from spallmap.frames import AffineMap, grid_points
from tests.schemas import check_to_reference
from tests.workflow.runs import command, run

# Half an MRI pixel, two voxels of the coarse tomogram for the section, half a voxel for the tomogram.
BOUND_UM = {"mri": 11.5, "sem": 2 * 9.32, "xct": 0.5 * 9.32, "edx": 2 * 9.32}

pytestmark = pytest.mark.workflow


@pytest.fixture
def folder(whole_run):
    return whole_run


def channels(path):
    with tifffile.TiffFile(path) as tif:
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        names = pixels["Channel"]
        assert pixels["PhysicalSizeXUnit"] == "µm"
        return tif.asarray(), [c["Name"] for c in (names if isinstance(names, list) else [names])]


def test_t2_maps_have_the_channels_and_the_tables_the_columns(folder):
    mri = folder / "out" / "whole" / "shorted" / "mri-t2"
    stack, names = channels(mri / "t2.ome.tif")
    assert names == ["t2_ms", "t2_se_ms", "s0", "s0_se", "offset", "p_long", "chi2_reduced", "snr", "status"]
    assert stack.dtype == np.float32
    labels, _ = channels(mri / "regions.ome.tif")
    table = pd.read_csv(mri / "regions.csv")
    wanted = "region pixels area_um2 t2_ms t2_se_ms snr centroid_x_um centroid_y_um"
    assert list(table.columns) == wanted.split()
    assert sorted(set(np.unique(labels)) - {0}) == sorted(table["region"])
    summary = json.loads((mri / "t2.json").read_text())
    assert {"model", "noise_sigma", "noise_method", "n_fitted", "electrode", "long", "histogram"} <= set(
        summary
    )
    assert 5 < summary["electrode"]["t2_median_ms"] < 10


@pytest.mark.parametrize("name", ["volume", "labels", "cracks"])
def test_volumes_open_as_ome_zarr_with_units_and_a_pyramid(folder, name):
    path = folder / "out" / "whole" / "shorted" / "xct-scan" / f"{name}.ome.zarr"
    ome = zarr.open_group(path, mode="r").attrs["ome"]
    assert ome["version"] == "0.5"
    scale = ome["multiscales"][0]
    assert [a["unit"] for a in scale["axes"]] == ["micrometer"] * 3
    first = scale["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert first == [9.32] * 3
    assert len(scale["datasets"]) > 1
    (node, *_) = ome_zarr.reader.Reader(ome_zarr.io.parse_url(str(path)))()
    assert node.data[0].shape == (95, 162, 162)


def test_crack_tables_and_surfaces_agree(folder):
    xct = folder / "out" / "whole" / "shorted" / "xct-scan"
    table = pd.read_csv(xct / "cracks.csv")
    wanted = (
        "crack volume_um3 area_um2 aperture_median_um aperture_p95_um dip_deg depth_max_um touches_top "
        "touches_bottom morphology spall_volume_um3 centroid_x_um centroid_y_um centroid_z_um"
    )
    assert list(table.columns) == wanted.split()
    measures = pd.read_csv(xct / "crack_measures.csv")
    assert measures[list(table.columns)].equals(table)
    mesh = pv.read(xct / "cracks.vtp")
    assert {"crack", "aperture_um", "depth_um", "dip_deg"} <= set(mesh.point_data.keys())
    assert set(np.unique(mesh["crack"])) == set(table["crack"])
    for number in table["crack"]:
        centre = mesh.points[mesh["crack"] == number].mean(axis=0)
        said = table.loc[table["crack"] == number, ["centroid_x_um", "centroid_y_um", "centroid_z_um"]]
        assert np.linalg.norm(centre - said.to_numpy()[0]) < 60


def test_every_registration_is_right_or_refused_and_its_files_agree(folder):
    truth = json.loads((folder / "cell" / "truth" / "truth.json").read_text())["to_reference"]
    keys = {"sem-overview": "sem_overview", "sem-detail": "sem_detail", "edx-elements": "edx"}
    paths = sorted((folder / "out" / "whole").glob("*/*/to_reference.json"))
    assert len(paths) == 6
    accepted = []
    for path in paths:
        check_to_reference(path)
        said = json.loads(path.read_text())
        state, acquisition = path.parts[-3:-1]
        modality = acquisition.split("-")[0]
        matrix = AffineMap(np.array(said["matrix"]))
        transform = sitk.ReadTransform(str(path.with_suffix(".tfm")))
        np.testing.assert_allclose(
            transform.TransformPoint((10.0, 20.0, 0.0)), matrix((10.0, 20.0, 0.0)), atol=1e-6
        )
        assert set(said["se_um"]) == {"u", "v", "normal"}
        assert (path.parent / "registration.png").exists()
        if said["verdict"] == "refused":
            assert said["reasons"]
            continue
        accepted.append(acquisition)
        true = AffineMap(np.array(truth[state][keys.get(acquisition, modality)]))
        error = (
            matrix(grid_points((64, 48), (23, 46))) - true(grid_points((64, 48), (23, 46)))
        ) @ true.linear
        seen = error[..., :2] if modality == "mri" else error
        if modality in ("mri", "xct"):
            assert np.linalg.norm(seen, axis=-1).mean() < BOUND_UM[modality]
    assert "xct-scan" in accepted
    assert "mri-t2" in accepted


def test_links_overlays_figures_and_pages(folder):
    out = folder / "out"
    shorted = out / "whole" / "shorted"
    links = pd.read_csv(shorted / "links.csv")
    wanted = "region crack probability distance_um distance_se_um overlap_fraction"
    assert list(links.columns) == wanted.split()
    summary = json.loads((shorted / "links.json").read_text())
    assert {"n_regions", "n_cracks", "statistic", "p_value", "null", "registration_se_um"} <= set(summary)
    assert {"method", "n", "mean", "sd"} <= set(summary["null"])
    assert (shorted / "overlays" / "mri-t2.png").exists()
    stack, names = channels(shorted / "overlays" / "mri-t2.ome.tif")
    assert len(stack) == len(names)
    assert pv.read(shorted / "overlays" / "scene.vtm").n_blocks > 1
    for number in range(1, 6):
        assert (out / "figures" / f"figure{number}.pdf").read_bytes().startswith(b"%PDF")
        assert Image.open(out / "figures" / f"figure{number}.png").size[0] > 500
    assert list((out / "figures" / "numbers").glob("figure3-*.csv"))
    index = (out / "index.html").read_text()
    for place in ("whole/shorted", "whole/pristine", "mri-only/shorted", "xct-only/shorted"):
        assert f"{place}/report.html" in index
        page = (out / place / "report.html").read_text()
        assert len(page) < 15e6
        assert "http-equiv" not in page
        assert 'src="http' not in page


def test_provenance_names_every_input_by_its_digest(folder):
    provenance = json.loads((folder / "out" / "provenance.json").read_text())
    assert provenance["random_seed"] == 1
    assert provenance["versions"]["spallmap"]
    assert provenance["parameters"]["t2"]["model"] == "rician"
    digests = provenance["inputs"]
    assert any(name.endswith("2dseq") for name in digests)
    assert any(name.endswith("sem_overview.tif") for name in digests)
    assert all(len(d) == 64 for d in digests.values())


def test_a_cell_without_tomogram_gets_its_maps_and_a_refusal_that_says_why(folder):
    mri = folder / "out" / "mri-only" / "shorted" / "mri-t2"
    assert (mri / "t2.ome.tif").exists()
    said = json.loads((mri / "to_reference.json").read_text())
    assert said["verdict"] == "refused"
    assert "no tomogram" in said["reasons"][0]
    assert not (mri.parent / "links.csv").exists()


def test_running_twice_does_nothing_the_second_time(folder):
    ended = run(folder)
    assert ended.returncode == 0
    assert "Nothing to be done" in ended.stdout + ended.stderr


def test_a_file_that_goes_bad_ends_the_run_with_its_name_and_keeps_the_rest(folder, tmp_path):
    """In a cell of its own with an MRI and an SEM image, which goes bad behind its intact header."""
    path, mri = tmp_path / "sem.tif", folder / "cell" / "mri_shorted" / "5"
    whole = (folder / "cell" / "sem_detail.tif").read_bytes()
    path.write_bytes(whole)
    (tmp_path / "acquisitions.tsv").write_text(
        f"cell\tstate\tmodality\tname\tpath\nc\ts\tmri\tt2\t{mri}\nc\ts\tsem\toverview\t{path}\n"
    )
    (tmp_path / "config.yaml").write_text("acquisitions: acquisitions.tsv\nresults: out\n")
    path.write_bytes(whole[: len(whole) // 2])
    ended = run(tmp_path, "--keep-going")
    assert ended.returncode != 0
    assert "sem.tif" in ended.stderr
    assert (tmp_path / "out" / "c" / "s" / "mri-t2" / "t2.json").exists()
    assert not (tmp_path / "out" / "c" / "s" / "sem-overview" / "image.ome.tif").exists()
    path.write_bytes(whole)
    healed = "out/c/s/sem-overview/image.ome.tif"
    assert run(tmp_path, healed).returncode == 0
    assert (tmp_path / healed).exists()


def test_a_run_that_was_killed_goes_on(folder, tmp_path):
    mri = folder / "cell" / "mri_shorted" / "5"
    (tmp_path / "acquisitions.tsv").write_text(f"cell\tstate\tmodality\tname\tpath\nc\ts\tmri\tt2\t{mri}\n")
    (tmp_path / "config.yaml").write_text("acquisitions: acquisitions.tsv\nresults: out\n")
    log, made = (
        tmp_path / "out" / "logs" / "t2" / "c" / "s" / "mri-t2.log",
        tmp_path / "out" / "c" / "s" / "mri-t2",
    )
    wanted = "out/c/s/mri-t2/t2.ome.tif"
    with subprocess.Popen(command(tmp_path, wanted), cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while not log.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=120) != 0
    ended = run(tmp_path, wanted)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert channels(made / "t2.ome.tif")[0].shape == (9, 64, 48)
    assert not list(made.glob("*.part*"))
