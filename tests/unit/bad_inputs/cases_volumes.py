"""Bad tomograms: cut short, TIFF, sizes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.spoilt import SPOIL, zeros_deflated
from tests.unit.readers.volumes.volume_files import (
    hdf5,
    imagej,
    itk,
    nexus,
    nifti,
    ome_tiff,
    tiff,
    tiff_folder,
    txm,
    volume,
)

CASES = Cases()
NZ, NY, NX = 11, 9, 7


def same(data: np.ndarray) -> Any:
    return lambda seen: np.array_equal(seen["data"], data)


def sized(*spacing_um: float) -> Any:
    return lambda seen: np.allclose(seen["spacing_um"], spacing_um, rtol=1e-5)


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
