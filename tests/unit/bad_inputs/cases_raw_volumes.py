"""Bad tomograms: MetaImage, NRRD, raw with .vgi, .txm."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path
from typing import Any

import h5py

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cases_volumes import NX, NY, NZ
from tests.unit.bad_inputs.spoilt import zeros_gzipped
from tests.unit.readers.volumes.ole_writer import write_ole
from tests.unit.readers.volumes.volume_files import (
    VGI,
    hdf5,
    itk,
    txm_streams,
    vgi,
    volume,
)

CASES = Cases()


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
