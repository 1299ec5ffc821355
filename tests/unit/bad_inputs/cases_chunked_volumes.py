"""Bad tomograms: HDF5, NeXus and OME-Zarr."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cases_volumes import NZ, same, sized
from tests.unit.bad_inputs.spoilt import SPOIL
from tests.unit.readers.volumes.volume_files import (
    ome_zarr,
    volume,
)

CASES = Cases()


def scan_h5(folder: Path, fill: Any) -> Path:
    path = folder / "scan.nxs"
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def nxtomo(file: Any) -> None:
    entry = file.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    entry["definition"] = "NXtomo"
    entry["instrument/detector/data"] = volume()
    entry["instrument/detector/image_key"] = np.zeros(NZ, int)
    entry["sample/rotation_angle"] = np.linspace(0, 180, NZ)
    entry["data/data"] = h5py.SoftLink("/entry/instrument/detector/data")
    entry["data/rotation_angle"] = h5py.SoftLink("/entry/sample/rotation_angle")


def dxchange(file: Any) -> None:
    file["exchange/data"] = volume()
    file["exchange/data_white"] = volume()[:2]
    file["exchange/theta"] = np.linspace(0, 180, NZ)


def scaled_axes(file: Any) -> None:
    group = file.create_group("entry/data")
    file["entry"].attrs["NX_class"], group.attrs["NX_class"] = "NXentry", "NXdata"
    group.attrs["signal"], group.attrs["axes"] = "data", ["z", "y", "x"]
    group["data"] = volume()
    for name, n in zip("zyx", volume().shape, strict=True):
        group[name] = np.arange(n)
        group[f"{name}_scaling_factor"] = 4.66
        group[name].attrs["units"] = "um"


def reversed_axes(file: Any) -> None:
    group = file.create_group("entry/data")
    file["entry"].attrs["NX_class"], group.attrs["NX_class"] = "NXentry", "NXdata"
    group.attrs["signal"], group.attrs["axes"] = "data", ["x", "y", "z"]
    group["data"] = volume().T
    for name, n, step in zip("zyx", volume().shape, (5.0, 4.0, 3.0), strict=True):
        group[name] = np.arange(n) * step
        group[name].attrs["units"] = "um"


def missing_chunks(file: Any) -> None:
    data = file.create_dataset("volume", volume().shape, "uint16", chunks=(2, 9, 7))
    data[:6] = volume()[:6]


def one_chunk(file: Any) -> None:
    data = file.create_dataset(
        "volume", (1000, 1000, 1500), "uint16", chunks=(1000, 1000, 1500), compression=1
    )
    assert data.shape


def gone_source(file: Any) -> None:
    layout = h5py.VirtualLayout(volume().shape, "uint16")
    layout[:] = h5py.VirtualSource("gone.h5", "volume", volume().shape)
    file.create_virtual_dataset("volume", layout)


def strings(file: Any) -> None:
    file["volume"] = np.full((3, 4, 5), b"text", "S4")


def link_cycle(file: Any) -> None:
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/a")


def link_of_groups(file: Any) -> None:
    file.create_group("a/b")
    file["a/b/up"] = h5py.HardLink("/a") if hasattr(h5py, "HardLinkTo") else file["a"]
    file["a/scalar"] = 1.0


for label, fill, right in (
    ("NXtomo", nxtomo, refused("projection")),
    ("DXchange with theta", dxchange, refused("projection")),
):

    @CASES.add("projections", label, right, fill=fill)
    def projections(folder: Path, fill: Any) -> Any:
        return scan_h5(folder, fill), "xct", 4.66

    @CASES.add("projections", f"{label}, the data set named", right, fill=fill)
    def named_projections(folder: Path, fill: Any) -> Any:
        inside = "/entry/instrument/detector/data" if fill is nxtomo else "/exchange/data"
        return Path(f"{scan_h5(folder, fill)}:{inside}"), "xct", 4.66


for label, fill, size, right in (
    ("AXIS_scaling_factor", scaled_axes, None, reads(sized(4.66, 4.66, 4.66))),
    ("axes named x, y, z", reversed_axes, None, either(refused("x.*y.*z"), reads(same(volume())))),
    ("chunks that were never written", missing_chunks, 4.66, either(refused("chunk"), reads(None, "chunk"))),
    ("one chunk of 3 GB", one_chunk, 4.66, refused("chunk")),
    ("a virtual source that is gone", gone_source, 4.66, refused("gone")),
    ("text", strings, 4.66, refused("scan")),
    ("links in a circle", link_cycle, 4.66, refused("scan")),
    ("a group that holds itself", link_of_groups, 4.66, refused("scan")),
):

    @CASES.add("HDF5 and NeXus", label, right, fill=fill, size=size)
    def lying_hdf5(folder: Path, fill: Any, size: Any) -> Any:
        return scan_h5(folder, fill), "xct", size


def zarr_image(folder: Path) -> Path:
    path, _ = ome_zarr("0.5")(folder, volume())
    return path


def said_of(path: Path) -> dict[str, Any]:
    return json.loads((path / "zarr.json").read_text())


def chunk_of(path: Path) -> Path:
    return sorted(p for p in path.rglob("*") if p.is_file() and p.name != "zarr.json")[0]


@CASES.add(
    "OME-Zarr",
    "the first data set is not the finest",
    reads(same(volume()), "'s0', dataset 1, as the finest"),
)
def coarse_first(folder: Path) -> Any:
    path = zarr_image(folder)
    meta = said_of(path)
    multiscale = meta["attributes"]["ome"]["multiscales"][0]
    fine = multiscale["datasets"][0]
    scale = fine["coordinateTransformations"][0]["scale"]
    coarse = {
        "path": "coarse",
        "coordinateTransformations": [{"type": "scale", "scale": [2 * s for s in scale]}],
    }
    zarr.create_array(str(path / "coarse"), data=np.ascontiguousarray(volume()[::2, ::2, ::2]))
    multiscale["datasets"] = [coarse, fine]
    (path / "zarr.json").write_text(json.dumps(meta))
    return path, "xct", None


@CASES.add("OME-Zarr", "the root of bioformats2raw", refused("0/|scan"))
def bioformats_root(folder: Path) -> Any:
    root = folder / "scan.ome.zarr"
    image = zarr_image(folder)
    shutil.move(image, folder / "0")
    root.mkdir()
    shutil.move(folder / "0", root / "0")
    said = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {"ome": {"version": "0.5", "bioformats2raw.layout": 3}},
    }
    (root / "zarr.json").write_text(json.dumps(said))
    return root, "xct", None


for how, spoil in SPOIL.items():
    if how != "vanished":

        @CASES.add("parts that cannot be read", f"a Zarr chunk is {how}", refused("scan"), spoil=spoil)
        def spoilt_chunk(folder: Path, spoil: Any) -> Any:
            path = zarr_image(folder)
            spoil(chunk_of(path))
            return path, "xct", None

    if how != "a folder":

        @CASES.add("parts that cannot be read", f"a zarr.json is {how}", refused("scan"), spoil=spoil)
        def spoilt_meta(folder: Path, spoil: Any) -> Any:
            path = zarr_image(folder)
            spoil(next(p for p in path.glob("*/zarr.json")))
            return path, "xct", None


for label, key, value in (
    ("10^9 voxels along each axis", "shape", [1_000_000_000] * 3),
    (
        "a chunk of 10^9",
        "chunk_grid",
        {"name": "regular", "configuration": {"chunk_shape": [2000, 2000, 2000]}},
    ),
    ("an unknown codec", "codecs", [{"name": "magic"}]),
    ("a negative shape", "shape", [-11, 9, 7]),
    ("an unknown type", "data_type", "float7"),
):

    @CASES.add("OME-Zarr", label, refused("scan"), key=key, value=value)
    def lying_zarr(folder: Path, key: str, value: Any) -> Any:
        path = zarr_image(folder)
        file = next(p for p in path.glob("*/zarr.json"))
        said = json.loads(file.read_text())
        said[key] = value
        if key == "chunk_grid":
            said["shape"] = [2000, 2000, 2000]
        file.write_text(json.dumps(said))
        return path, "xct", None


for label, scale in (("zero", 0.0), ("negative", -1.0), ("no number", "wide")):

    @CASES.add("OME-Zarr", f"a scale that is {label}", refused("scan"), scale=scale)
    def odd_scale(folder: Path, scale: Any) -> Any:
        path = zarr_image(folder)
        said = said_of(path)
        transform = said["attributes"]["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]
        transform["scale"] = [scale] * 3
        (path / "zarr.json").write_text(json.dumps(said))
        return path, "xct", None


@CASES.add("bombs", "a zarr.json nested 100 000 deep", refused("scan"))
def deep_zarr(folder: Path) -> Any:
    path = zarr_image(folder)
    (path / "zarr.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    return path, "xct", None
