"""Names in headers lead to files beside them and nowhere else."""

from __future__ import annotations

import os

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from spallmap.readers.volumes.named_files import named_file
from tests.unit.readers.volumes.volume_files import LAYOUTS, SPACING_UM, volume

DETACHED = ["mhd", "nhdr", "vgi", "mhd compressed", "nhdr compressed"]


def detached(folder, layout):
    """Write one of them; returns the header and the file with the voxels."""
    folder.mkdir()
    path, _ = LAYOUTS[layout](folder, volume())
    (other,) = (p for p in folder.iterdir() if p != path)
    return path, other


@pytest.mark.parametrize("layout", DETACHED)
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path, layout):
    path, other = detached(tmp_path / "in", layout)
    away = tmp_path / "away.raw"
    other.rename(away)
    other.symlink_to(away)
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match=rf"{path.name}.*leads out of its folder \(to .*away\.raw\)"):
            call(path, "xct")


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("mhd", "/etc/passwd"),
        ("mhd", "../away.raw"),
        ("nhdr", "/etc/passwd"),
        ("nhdr", "../away.raw"),
        ("nhdr", "in/../../away.raw"),
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, layout, name):
    path, other = detached(tmp_path / "in", layout)
    (tmp_path / "away.raw").write_bytes(other.read_bytes())
    (tmp_path / "in" / "in").mkdir()
    path.write_text(path.read_text().replace(other.name, name))
    with pytest.raises(InputError, match="leads out of its folder"):
        probe_image(path, "xct")


@pytest.mark.parametrize("layout", DETACHED)
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("pipe", "a pipe"),
        ("folder", "a folder"),
        ("dangling", "link to nothing"),
        ("circle", "(link to nothing or to itself|symbolic links)"),
        ("device", "leads out"),
    ],
)
def test_what_is_no_file_is_reported_and_never_waited_for(tmp_path, layout, kind, found):
    path, other = detached(tmp_path / "in", layout)
    other.unlink()
    if kind == "pipe":
        os.mkfifo(other)
    elif kind == "folder":
        other.mkdir()
    else:
        other.symlink_to({"dangling": "nowhere", "circle": other.name, "device": "/dev/zero"}[kind])
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match=rf"({path.name}|{other.name}).*{found}"):
            call(path, "xct")


def test_a_link_to_a_header_finds_the_voxels_beside_that_header(tmp_path):
    path, other = detached(tmp_path / "in", "mhd")
    (tmp_path / "scan.mhd").symlink_to(path)
    image = open_image(tmp_path / "scan.mhd", "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.spacing_um == pytest.approx(SPACING_UM)
    (tmp_path / other.name).symlink_to(other)  # beside the link, too
    np.testing.assert_array_equal(open_image(tmp_path / "scan.mhd", "xct").data, volume())


def test_a_folder_below_may_hold_the_voxels(tmp_path):
    path, other = detached(tmp_path / "in", "nhdr")
    (path.parent / "raw").mkdir()
    other.rename(path.parent / "raw" / other.name)
    path.write_text(path.read_text().replace(other.name, f"raw/{other.name}"))
    np.testing.assert_array_equal(open_image(path, "xct").data, volume())


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000])
def test_names_that_no_file_can_have(tmp_path, name):
    with pytest.raises(InputError):
        named_file("scan.mhd", tmp_path / "scan.mhd", name)
