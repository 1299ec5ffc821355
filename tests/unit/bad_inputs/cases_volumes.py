"""Bad tomograms, in every format."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
import zarr

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cases_mri import SPOIL, zeros_deflated, zeros_gzipped
from tests.unit.readers.volumes.ole_writer import write_ole
from tests.unit.readers.volumes.volume_files import (
    VGI,
    hdf5,
    imagej,
    itk,
    nexus,
    nifti,
    ome_tiff,
    ome_zarr,
    tiff,
    tiff_folder,
    txm,
    txm_streams,
    vgi,
    volume,
)

CASES = Cases()
NZ, NY, NX = 11, 9, 7


def same(data: np.ndarray) -> Any:
    return lambda seen: np.array_equal(seen["data"], data)


def sized(*spacing_um: float) -> Any:
    return lambda seen: np.allclose(seen["spacing_um"], spacing_um, rtol=1e-5)


# --- cut short ----------------------------------------------------------------------------------------------

WRITERS = {
    "TIFF": tiff(".tif"),
    "BigTIFF": tiff(".btf", bigtiff=True),
    "TIFF zlib": tiff(".tif", compression="zlib"),
    "OME-TIFF": ome_tiff(),
    "ImageJ": imagej,
    "MetaImage": itk(".mha"),
    "MetaImage zlib": itk(".mha", compressed=True),
    "NRRD": itk(".nrrd"),
    "NRRD gzip": itk(".nrrd", compressed=True),
    "NIfTI": nifti(".nii"),
    "NIfTI gzip": nifti(".nii.gz"),
    "HDF5": hdf5,
    "NeXus": nexus,
    "txm": txm,
}
for label, write in WRITERS.items():
    for fraction in (0.0, 0.3, 0.9):

        @CASES.add(
            "bytes that are missing",
            f"{label} cut to {fraction:.0%}",
            refused("scan"),
            write=write,
            fraction=fraction,
        )
        def cut(folder: Path, write: Any, fraction: float) -> Any:
            path, _size = write(folder, volume())
            content = path.read_bytes()
            path.write_bytes(content[: int(len(content) * fraction)])
            return path, "xct", 4.66


for how, spoil in SPOIL.items():

    @CASES.add("parts that cannot be read", f"the volume is {how}", refused("scan"), spoil=spoil)
    def spoilt_volume(folder: Path, spoil: Any) -> Any:
        path, _ = itk(".nrrd")(folder, volume())
        spoil(path)
        return path, "xct", None

    @CASES.add("parts that cannot be read", f"a raw file is {how}", refused("scan"), spoil=spoil)
    def spoilt_raw(folder: Path, spoil: Any) -> Any:
        path, _ = itk(".mhd")(folder, volume())
        spoil(path.with_suffix(".raw"))
        return path, "xct", None

    if how not in ("vanished", "a folder"):

        @CASES.add("parts that cannot be read", f"the last slice is {how}", refused("slice"), spoil=spoil)
        def spoilt_slice(folder: Path, spoil: Any) -> Any:
            path, _ = tiff_folder(folder, volume())
            spoil(path / f"slice_{NZ + 7}.tif")
            return path, "xct", 4.66


# --- TIFF ---------------------------------------------------------------------------------------------------


def described(folder: Path, data: np.ndarray, description: str, **said: Any) -> Path:
    path = folder / "scan.tif"
    tifffile.imwrite(path, data, photometric="minisblack", description=description, metadata=None, **said)
    return path


@CASES.add("units of ImageJ", "yunit=mm beside unit=micron", reads(sized(5.0, 4.0, 3.0)))
def mixed_units(folder: Path) -> Any:
    text = f"ImageJ=1.53\nimages={NZ}\nslices={NZ}\nunit=micron\nyunit=mm\nzunit=nm\nspacing=5000\n"
    return described(folder, volume(), text, resolution=(1 / 3, 1 / 0.004)), "xct", None


for dpi in (72, 96, 150, 300):

    @CASES.add("units of ImageJ", f"inches at {dpi} dpi", refused("pixel size"), dpi=dpi)
    def screen(folder: Path, dpi: int) -> Any:
        text = f"ImageJ=1.53\nimages={NZ}\nslices={NZ}\nunit=inch\nspacing=0.01\n"
        return described(folder, volume(), text, resolution=(dpi, dpi)), "xct", None


for unit in ("pixel", "", "sec", "furlong"):

    @CASES.add("units of ImageJ", f"unit={unit!r}", refused("pixel size"), unit=unit)
    def no_length(folder: Path, unit: str) -> Any:
        text = f"ImageJ=1.53\nimages={NZ}\nslices={NZ}\nunit={unit}\nspacing=1\n"
        return described(folder, volume(), text, resolution=(1, 1)), "xct", None


@CASES.add(
    "values behind a calibration",
    "signed 16 bit of ImageJ",
    reads(lambda s: np.array_equal(s["data"], volume().astype(int) - 100)),
)
def signed_imagej(folder: Path) -> Any:
    text = (
        f"ImageJ=1.53\nimages={NZ}\nslices={NZ}\nunit=um\nspacing=5\ncf=0\nc0=-32768.0\nc1=1.0\nvunit=Gray\n"
    )
    stored = (volume().astype(int) - 100 + 32768).astype(np.uint16)
    return described(folder, stored, text, resolution=(0.2, 0.2)), "xct", None


@CASES.add(
    "values behind a calibration",
    "a straight line of ImageJ",
    reads(lambda s: np.allclose(s["data"], 0.5 * volume() - 3)),
)
def calibrated_imagej(folder: Path) -> Any:
    text = f"ImageJ=1.53\nimages={NZ}\nslices={NZ}\nunit=um\nspacing=5\ncf=0\nc0=-3.0\nc1=0.5\nvunit=HU\n"
    return described(folder, volume(), text, resolution=(0.2, 0.2)), "xct", None


@CASES.add(
    "values behind a calibration",
    "WhiteIsZero slices",
    reads(lambda s: np.array_equal(s["data"], volume())),
)
def white_is_zero_slices(folder: Path) -> Any:
    path = folder / "slices"
    path.mkdir()
    for number, plane in enumerate(volume()):
        stored = 65535 - plane
        tifffile.imwrite(path / f"s{number:03d}.tif", stored, photometric="miniswhite", metadata=None)
    return path, "xct", 4.66


@CASES.add(
    "slices scaled one by one",
    "offset and slope in the description",
    # each slice has its brightest sample at the end of the range, which are many of so small a slice
    either(
        reads(lambda s: np.allclose(s["data"], volume(), atol=0.02)),
        reads(lambda s: np.allclose(s["data"], volume(), atol=0.02), "65535"),
    ),
)
def slope_in_description(folder: Path) -> Any:
    path = folder / "slices"
    path.mkdir()
    for number, plane in enumerate(volume()):
        low, high = float(plane.min()), float(plane.max())
        slope = (high - low) / 65535
        stored = np.rint((plane - low) / slope).astype(np.uint16)
        text = f"offset = {low} slope = {slope}"
        tifffile.imwrite(path / f"s{number:03d}.tif", stored, description=text, metadata=None)
    return path, "xct", 4.66


@CASES.add("slices scaled one by one", "a scale on some slices alone", refused("slope|scale"))
def slope_on_some(folder: Path) -> Any:
    path = folder / "slices"
    path.mkdir()
    for number, plane in enumerate(volume()):
        text = f"offset = 3 slope = {number + 1}.5" if number < 6 else None
        tifffile.imwrite(path / f"s{number:03d}.tif", plane, description=text, metadata=None)
    return path, "xct", 4.66


@CASES.add("parts in another file", "an OME-TIFF whose planes lie in one other file", reads(same(volume())))
def planes_elsewhere(folder: Path) -> Any:
    tifffile.imwrite(folder / "data.ome.tif", volume(), metadata={"axes": "ZYX", "UUID": "urn:uuid:1-1-1"})
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        ' UUID="urn:uuid:2-2-2"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="{NX}" SizeY="{NY}" SizeZ="{NZ}" SizeC="1" SizeT="1" '
        'PhysicalSizeX="4" PhysicalSizeY="4" PhysicalSizeZ="4">'
    )
    for k in range(NZ):
        name = '<UUID FileName="data.ome.tif">urn:uuid:1-1-1</UUID>'
        xml += f'<TiffData IFD="{k}" FirstZ="{k}" PlaneCount="1">{name}</TiffData>'
    xml += "</Pixels></Image></OME>"
    path = folder / "scan.ome.tif"
    tifffile.imwrite(path, np.zeros((1, 1), np.uint8), description=xml, metadata=None)
    return path, "xct", None


for how, spoil in SPOIL.items():

    @CASES.add(
        "parts in another file", f"the other file of an OME-TIFF is {how}", refused("ome.tif"), spoil=spoil
    )
    def lost_planes(folder: Path, spoil: Any) -> Any:
        opened = planes_elsewhere(folder)
        spoil(folder / "data.ome.tif")
        return opened


for label, old, new in (
    ("SizeZ of 2^31", 'SizeZ="11"', 'SizeZ="2147483648"'),
    ("SizeZ of 12", 'SizeZ="11"', 'SizeZ="12"'),
    ("a size of zero", 'PhysicalSizeX="3.0"', 'PhysicalSizeX="0"'),
    ("a negative size", 'PhysicalSizeX="3.0"', 'PhysicalSizeX="-3"'),
    ("a size in mm", 'PhysicalSizeXUnit="µm"', 'PhysicalSizeXUnit="m"'),
    ("broken XML", "</OME>", ""),
):

    @CASES.add("OME metadata", label, refused("scan"), old=old, new=new)
    def lying_ome(folder: Path, old: str, new: str) -> Any:
        path, _ = ome_tiff()(folder, volume())
        with tifffile.TiffFile(path) as tif:
            xml = tif.ome_metadata or ""
        if "PhysicalSizeXUnit" in old and old not in xml:
            old, new = 'PhysicalSizeX="3.0"', 'PhysicalSizeX="3.0" PhysicalSizeXUnit="m"'
        assert old in xml
        tifffile.imwrite(path, volume(), description=xml.replace(old, new).encode(), metadata=None)
        return path, "xct", None


@CASES.add("bombs", "XML entities that multiply", refused("scan"))
def laughs(folder: Path) -> Any:
    entities = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a0 "aaaaaaaaaa">{entities}]><OME xmlns="o">&a9;</OME>'
    )
    path = folder / "scan.ome.tif"
    tifffile.imwrite(path, volume(), description=xml, metadata=None)
    return path, "xct", None


@CASES.add("bombs", "a tile that unpacks to 3 GB", refused("scan"))
def tiff_bomb(folder: Path) -> Any:
    stored = b"\x78\xda" + zeros_deflated(3 << 30)
    path = folder / "scan.tif"
    entries = [
        (256, 4, 1, NX), (257, 4, 1, NY), (258, 3, 1, 16), (259, 3, 1, 8), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, NY), (279, 4, 1, len(stored)),
    ]  # fmt: skip
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(stored)) + stored + ifd)
    return path, "xct", 4.66


@CASES.add("bombs", "a chain of pages without end", refused("scan"))
def page_loop(folder: Path) -> Any:
    path, _ = tiff(".tif")(folder, volume()[:2])
    raw = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", raw, 4)
    at = first
    while True:
        (n,) = struct.unpack_from("<H", raw, at)
        link = at + 2 + 12 * n
        (following,) = struct.unpack_from("<I", raw, link)
        if following == 0:
            struct.pack_into("<I", raw, link, first)
            break
        at = following
    path.write_bytes(bytes(raw))
    return path, "xct", 4.66


@CASES.add("slices that differ", "one slice of another pixel size", refused("slice"))
def differing_sizes(folder: Path) -> Any:
    path = folder / "slices"
    path.mkdir()
    for number, plane in enumerate(volume()):
        per_um = 0.25 if number != 6 else 0.125
        text = "ImageJ=1.53\nunit=um\nspacing=4\n"
        tifffile.imwrite(
            path / f"slice{number:02d}.tif", plane, description=text, resolution=(per_um,) * 2, metadata=None
        )
    return path, "xct", None


for label, shape, dtype in (("size", (NY + 1, NX), "uint16"), ("type", (NY, NX), "uint8")):

    @CASES.add(
        "slices that differ", f"one slice of another {label}", refused("slice"), shape=shape, dtype=dtype
    )
    def differing_slice(folder: Path, shape: Any, dtype: str) -> Any:
        path, _ = tiff_folder(folder, volume())
        tifffile.imwrite(path / "slice_12.tif", np.zeros(shape, dtype))
        return path, "xct", 4.66


@CASES.add("slices that differ", "one slice in the middle is missing", refused("slice|12"))
def gap(folder: Path) -> Any:
    path, _ = tiff_folder(folder, volume())
    (path / "slice_12.tif").unlink()
    return path, "xct", 4.66


# --- MetaImage, NRRD, raw -----------------------------------------------------------------------------------


def secret(folder: Path) -> Path:
    path = folder / "elsewhere" / "secret.raw"
    path.parent.mkdir()
    path.write_bytes(volume().tobytes())
    return path


for label, target in (("absolute", "{path}"), ("relative", "../elsewhere/secret.raw")):

    @CASES.add(
        "data outside the folder", f"MetaImage, {label}", refused("folder|below|outside"), target=target
    )
    def mhd_elsewhere(folder: Path, target: str) -> Any:
        outside = secret(folder)
        (folder / "own").mkdir()
        path, _ = itk(".mhd")(folder / "own", volume())
        text = path.read_text().replace("scan.raw", target.format(path=outside))
        path.write_text(text)
        return path, "xct", None

    @CASES.add("data outside the folder", f"NRRD, {label}", refused("folder|below|outside"), target=target)
    def nhdr_elsewhere(folder: Path, target: str) -> Any:
        outside = secret(folder)
        (folder / "own").mkdir()
        path, _ = itk(".nhdr")(folder / "own", volume())
        text = path.read_text().replace("scan.raw", target.format(path=outside))
        path.write_text(text)
        return path, "xct", None


@CASES.add("data outside the folder", "a raw file that is a link", refused("folder|below|outside"))
def linked_raw(folder: Path) -> Any:
    outside = secret(folder)
    (folder / "own").mkdir()
    path, _ = itk(".mhd")(folder / "own", volume())
    path.with_suffix(".raw").unlink()
    path.with_suffix(".raw").symlink_to(outside)
    return path, "xct", None


for label, inside, words in (
    ("to another file", "", "datasets"),
    ("that is named", ":/volume", "folder|below"),
):

    @CASES.add("data outside the folder", f"an HDF5 link {label}", refused("scan", words), inside=inside)
    def external_link(folder: Path, inside: str) -> Any:
        (folder / "elsewhere").mkdir()
        other, _ = hdf5(folder / "elsewhere", volume())
        (folder / "own").mkdir()
        path = folder / "own" / "scan.h5"
        with h5py.File(path, "w") as file:
            file["volume"] = h5py.ExternalLink(str(other), "/reconstruction/volume")
        return Path(f"{path}{inside}"), "xct", 4.66


NRRD = "NRRD0004\ntype: uint16\ndimension: 3\nsizes: {sizes}\nencoding: {encoding}\nendian: little\n{more}\n"


def nrrd(
    folder: Path, sizes: str = "7 9 11", encoding: str = "raw", more: str = "", data: bytes = b""
) -> Path:
    path = folder / "scan.nrrd"
    head = NRRD.format(sizes=sizes, encoding=encoding, more=f"{more}\n" if more else "")
    path.write_bytes(head.encode() + (data or volume().tobytes()))
    return path


for label, said in (
    ("sizes of 10^9", {"sizes": "1000000000 1000000000 1000000000"}),
    ("a negative size", {"sizes": "7 -9 11"}),
    ("a size in words", {"sizes": "7 nine 11"}),
    ("one slice more", {"sizes": "7 9 12"}),
    ("an unknown encoding", {"encoding": "hex"}),
    ("spacing in um without units", {"more": "spacings: 4.66 4.66 4.66"}),
    ("spacing in metres", {"more": 'spacings: 4.66 4.66 4.66\nunits: "m" "m" "m"'}),
    ("a spacing that is no number", {"more": 'spacings: nan nan nan\nunits: "um" "um" "um"'}),
    ("no units of length", {"more": 'spacings: 4.66 4.66 4.66\nunits: "s" "s" "s"'}),
):

    @CASES.add("NRRD headers", label, refused("scan"), said=said)
    def lying_nrrd(folder: Path, said: dict[str, Any]) -> Any:
        return nrrd(folder, **said), "xct", None


@CASES.add("bombs", "an NRRD of 3 GB of zeros for 1386 bytes", either(refused("scan"), reads()))
def nrrd_bomb(folder: Path) -> Any:
    more = 'spacings: 5 5 5\nunits: "um" "um" "um"'
    return nrrd(folder, encoding="gzip", more=more, data=zeros_gzipped(3 << 30)), "xct", None


@CASES.add("bombs", "an NRRD that announces 10^15 bytes", refused("scan"))
def nrrd_honest_bomb(folder: Path) -> Any:
    more = 'spacings: 5 5 5\nunits: "um" "um" "um"'
    data = gzip.compress(volume().tobytes())
    return nrrd(folder, "100000 100000 50000", "gzip", more, data), "xct", None


for label, old, new in (
    ("sizes of 10^9", "DimSize = 7 9 11", "DimSize = 1000000000 1000000000 11"),
    ("one slice more", "DimSize = 7 9 11", "DimSize = 7 9 12"),
    ("a spacing in metres", "ElementSpacing = 0.003 0.004 0.005", "ElementSpacing = 3 4 5000"),
    ("a spacing of zero", "ElementSpacing = 0.003 0.004 0.005", "ElementSpacing = 0.003 0 0.005"),
    ("three channels", "ElementType = MET_USHORT", "ElementNumberOfChannels = 3\nElementType = MET_USHORT"),
    ("an unknown type", "MET_USHORT", "MET_QUAD"),
):

    @CASES.add("MetaImage headers", label, refused("scan"), old=old, new=new)
    def lying_mhd(folder: Path, old: str, new: str) -> Any:
        path, _ = itk(".mhd")(folder, volume())
        text = path.read_text()
        if old not in text:
            key = old.split(" = ")[0]
            old = next(line for line in text.splitlines() if line.startswith(key))
        path.write_text(text.replace(old, new))
        return path, "xct", None


for label, old, new in (
    ("mirror", "[file1]", "[file1]\nmirror = 1 0 0"),
    ("scale", "[file1]", "[file1]\nScale = 2"),
    ("a size of 10^9", "Size = 7 9 11", "Size = 1000000000 9 11"),
    ("a skip beyond the end", "SkipHeader = 6", "SkipHeader = 60000"),
    ("a resolution in um as mm", "resolution = 0.003 0.004 0.005", "resolution = 3 4 5000"),
    ("no resolution", "resolution = 0.003 0.004 0.005", ""),
):

    @CASES.add("vgi headers", label, refused("scan"), old=old, new=new)
    def lying_vgi(folder: Path, old: str, new: str) -> Any:
        path, _ = vgi(folder, volume())
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return path, "xct", None


@CASES.add("bombs", "a vgi of 3 GB", refused("scan.vgi"))
def huge_vgi(folder: Path) -> Any:
    path, _ = vgi(folder, volume())
    os.truncate(path, 3 << 30)
    return path, "xct", None


@CASES.add("data outside the folder", "vgi", refused("secret"))
def vgi_elsewhere(folder: Path) -> Any:
    (folder / "own").mkdir()
    path = folder / "own" / "scan.vgi"
    path.write_text(VGI.format(z=NZ, y=NY, x=NX, skip=0, name=str(secret(folder))))
    return path, "xct", None


# --- txm ----------------------------------------------------------------------------------------------------

for label, name, content in (
    ("2^31 images", "ImageInfo/NoOfImages", struct.pack("<I", 1 << 31)),
    ("a width of 2^31", "ImageInfo/ImageWidth", struct.pack("<I", 1 << 31)),
    ("a width of zero", "ImageInfo/ImageWidth", struct.pack("<I", 0)),
    ("pixels of 4660 um", "ImageInfo/PixelSize", struct.pack("<f", 4660.0)),
    ("pixels of no number", "ImageInfo/PixelSize", struct.pack("<f", float("nan"))),
    ("an unknown type", "ImageInfo/DataType", struct.pack("<I", 99)),
):

    @CASES.add("txm streams", label, refused("scan"), name=name, content=content)
    def lying_txm(folder: Path, name: str, content: bytes) -> Any:
        path = folder / "scan.txm"
        write_ole(path, {**txm_streams(volume()), name: content})
        return path, "xct", None


# --- HDF5 and NeXus -----------------------------------------------------------------------------------------


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


# --- OME-Zarr -----------------------------------------------------------------------------------------------


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


# --- sizes --------------------------------------------------------------------------------------------------

for given in (4660.0, 0.00466, 0.0, -4.66, float("inf"), (4.66, 4.66), (1.0, 2.0, 3.0, 4.0)):

    @CASES.add("implausible sizes", f"a tomogram of {given} um", refused("pixel size"), size=given)
    def odd_size(folder: Path, size: Any) -> Any:
        path, _ = tiff_folder(folder, volume())
        return path, "xct", size


@CASES.add("table against files", "9.32 over 4.66", reads(sized(9.32, 9.32, 9.32), "9.32"))
def doubled_size(folder: Path) -> Any:
    path, _ = txm(folder, volume())
    return path, "xct", 9.32


@CASES.add("paths", "a name of 300 letters", refused("name"))
def long_name(folder: Path) -> Any:
    return folder / f"{'a' * 300}.tif", "xct", 4.66


@CASES.add("paths", "a null byte", refused("null"))
def null_byte(folder: Path) -> Any:
    return folder / "a\0b.tif", "xct", 4.66


@CASES.add("paths", "a folder that links to itself", refused("link|level"))
def folder_loop(folder: Path) -> Any:
    (folder / "scan").symlink_to(folder / "scan")
    return folder / "scan", "xct", 4.66


@CASES.add("paths", "a device", refused("device"))
def device(folder: Path) -> Any:
    (folder / "scan.tif").symlink_to("/dev/zero")
    return folder / "scan.tif", "xct", 4.66
