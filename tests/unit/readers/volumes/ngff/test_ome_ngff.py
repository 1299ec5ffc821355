from __future__ import annotations

import pytest
import zarr

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import ome_zarr, volume


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_damaged_chunk_of_ome_zarr_is_reported(tmp_path, version):
    path, _ = ome_zarr(version)(tmp_path, volume())
    chunk = max((p for p in path.rglob("*") if p.is_file() and "json" not in p.name), key=lambda p: p.name)
    chunk.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"scan\.ome\.zarr/.*damaged data"):
        open_image(path, "xct")


def test_several_channels_are_refused(tmp_path):
    path, _ = ome_zarr("0.5", "czyx")(tmp_path, volume())
    group = zarr.open_group(str(path), mode="a")
    name = group.attrs["ome"]["multiscales"][0]["datasets"][0]["path"]
    group.create_array(name, shape=(2, 4, 5, 6), dtype="u2", overwrite=True)
    with pytest.raises(InputError, match=r"c 2, z 4.*one channel"):
        probe_image(path, "xct")


def test_other_axes_versions_and_bare_arrays_are_refused(tmp_path):
    path, _ = ome_zarr("0.5")(tmp_path, volume())
    group = zarr.open_group(str(path), mode="a")
    good = group.attrs["ome"]
    axes = good["multiscales"][0]["axes"]
    for change, found in (
        ({"version": "0.3"}, "version 0.3"),
        ({"multiscales": [{**good["multiscales"][0], "axes": axes[::-1]}]}, "axes x, y, z"),
        ({"multiscales": []}, "no readable volume"),
    ):
        group.attrs["ome"] = {**good, **change}
        with pytest.raises(InputError, match=found):
            probe_image(path, "xct")
    group.attrs["ome"] = {
        **good,
        "multiscales": [{**good["multiscales"][0], "axes": [{"name": a, "type": "space"} for a in "zyx"]}],
    }
    assert probe_image(path, "xct").spacing_um is None
    zarr.create_array(str(tmp_path / "bare.zarr"), shape=(4, 5, 6), dtype="u2")
    with pytest.raises(InputError, match=r"bare\.zarr.*no readable volume"):
        probe_image(tmp_path / "bare.zarr", "xct")
