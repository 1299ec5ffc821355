"""The same small asymmetric volume in every format, each written by a library that is not the reader's."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel
import numpy as np
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr

from spallmap.blocks import whole
from spallmap.errors import InputError
from spallmap.readers import open_volume
from tests.unit.readers.volumes.ole_writer import write_ole

SHAPE = (11, 9, 7)
# Examples of a fuzz test in the ordinary run; FUZZ_EXAMPLES in the environment asks for more.
FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
SPACING_UM = (5.0, 4.0, 3.0)


def volume(dtype: str = "uint16", shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Random voxels: no two axes and no two ends look alike."""
    return np.random.default_rng(5).integers(0, 250, shape).astype(dtype)


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a header's text, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def opened_or_refused(path: Path) -> np.ndarray | None:
    """Open a file that may be anything; None where it is refused, and nothing but InputError is raised."""
    try:
        with open_volume(path, 5.0, unusual=("pixel_size", "field_of_view")) as source:
            assert math.prod(source.data.shape) < 1 << 20
            return source.data[whole(source.data.shape)]
    except InputError as refused:
        said = (refused.source_label, refused.found, refused.allowed)
    assert all(said)
    return None


def tiff_folder(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...] | None]:
    path = folder / "slices"
    path.mkdir()
    for number, plane in enumerate(data):
        tifffile.imwrite(path / f"slice_{number + 8}.tif", plane)
    return path, None


def tiff(suffix: str, **options: object) -> Callable:
    def write(folder: Path, data: np.ndarray) -> tuple[Path, None]:
        path = folder / f"scan{suffix}"
        tifffile.imwrite(path, data, photometric="minisblack", **options)
        return path, None

    return write


def ome_tiff(**options: object) -> Callable:
    def write(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
        path = folder / "scan.ome.tif"
        sizes = {f"PhysicalSize{a}": s for a, s in zip("ZYX", SPACING_UM, strict=True)}
        tifffile.imwrite(path, data, metadata={"axes": "ZYX", **sizes}, **options)
        return path, SPACING_UM

    return write


def imagej(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
    path = folder / "scan.tif"
    metadata = {"axes": "ZYX", "spacing": SPACING_UM[0], "unit": "um"}
    tifffile.imwrite(
        path, data, imagej=True, resolution=(1 / SPACING_UM[2], 1 / SPACING_UM[1]), metadata=metadata
    )
    return path, SPACING_UM


def itk(suffix: str, compressed: bool = False, rotation: np.ndarray | None = None) -> Callable:
    def write(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
        path = folder / f"scan{suffix}"
        image = sitk.GetImageFromArray(data)
        image.SetSpacing([s / 1000 for s in SPACING_UM[::-1]])
        image.SetOrigin((3.0, -8.0, 1.0))
        if rotation is not None:
            image.SetDirection(np.ravel(rotation).tolist())
        sitk.WriteImage(image, str(path), compressed)
        return path, SPACING_UM

    return write


def nifti(suffix: str, unit: str = "micron") -> Callable:
    def write(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
        path = folder / f"scan{suffix}"
        factor = {"micron": 1.0, "mm": 1e-3}[unit]
        affine = np.diag([*(s * factor for s in SPACING_UM[::-1]), 1.0])
        image = nibabel.Nifti1Image(np.ascontiguousarray(data.T), affine)
        image.header.set_xyzt_units(unit)
        nibabel.save(image, path)
        return path, SPACING_UM

    return write


def hdf5(folder: Path, data: np.ndarray) -> tuple[Path, None]:
    path = folder / "scan.h5"
    chunks = tuple(max(4, n // 6) for n in data.shape)
    with h5py.File(path, "w") as file:
        file.create_dataset("reconstruction/volume", data=data, chunks=chunks, compression="gzip")
        file["reconstruction/angles"] = np.arange(20.0)
    return path, None


def nexus(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
    path = folder / "scan.nxs"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "result"
        entry["raw/frames"] = data[:, ::-1]
        group = entry.create_group("result")
        group.attrs["signal"] = "data"
        group.attrs["axes"] = ["z", "y", "x"]
        group["data"] = data.astype(data.dtype.newbyteorder(">"))
        for name, length, step in zip("zyx", data.shape, SPACING_UM, strict=True):
            group[name] = 7.0 + np.arange(length) * step / 1000
            group[name].attrs["units"] = "mm"
    return path, SPACING_UM


def ome_zarr(version: str, axes: str = "zyx") -> Callable:
    def write(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
        from ome_zarr.format import FormatV04, FormatV05
        from ome_zarr.writer import write_image

        path = folder / "scan.ome.zarr"
        full = data.reshape((1,) * (len(axes) - 3) + data.shape)
        group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
        write_image(
            full,
            group,
            scale_factors=(),
            axes=axes,
            axes_units=dict.fromkeys("zyx", "nanometer"),
            scale=dict.fromkeys(axes, 1.0) | {a: s * 1000 for a, s in zip("zyx", SPACING_UM, strict=True)},
            fmt=FormatV04() if version == "0.4" else FormatV05(),
            storage_options={"chunks": (1,) * (len(axes) - 3) + (4, 5, 6)},
        )
        return path, SPACING_UM

    return write


VGI = """{{volume1}}
[representation]
size = {x} {y} {z}
datatype = float
bitsperelement = 32
[file1]
SkipHeader = {skip}
FileFormat = raw
Size = {x} {y} {z}
Name = {name}
Datatype = unsigned integer
BitsPerElement = 16
{{volumeprimitive12}}
[geometry]
resolution = 0.003 0.004 0.005
unit = mm
"""


def vgi(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
    path = folder / "scan.vgi"
    z, y, x = data.shape
    path.write_text(VGI.format(z=z, y=y, x=x, skip=6, name="C:\\scans\\scan.vol"))
    (folder / "scan.vol").write_bytes(b"header" + data.astype("<u2").tobytes())
    return path, SPACING_UM


def txm_streams(data: np.ndarray, size_um: float = 4.66) -> dict[str, bytes]:
    n, height, width = data.shape
    code = {"uint16": 5, "float32": 10}[data.dtype.name]
    streams = {
        "ImageInfo/ImageWidth": struct.pack("<I", width),
        "ImageInfo/ImageHeight": struct.pack("<I", height),
        "ImageInfo/NoOfImages": struct.pack("<I", n),
        "ImageInfo/DataType": struct.pack("<I", code),
        "ImageInfo/PixelSize": struct.pack("<f", size_um),
        "Version": b"Sample",
    }
    for number, plane in enumerate(data, start=1):
        streams[f"ImageData{-(-number // 100)}/Image{number}"] = plane.tobytes()
    return streams


def txm(folder: Path, data: np.ndarray) -> tuple[Path, tuple[float, ...]]:
    path = folder / "scan.txm"
    write_ole(path, txm_streams(data))
    return path, (4.66, 4.66, 4.66)


LAYOUTS: dict[str, Callable] = {
    "TIFF folder": tiff_folder,
    "BigTIFF": tiff(".btf", bigtiff=True),
    "TIFF zlib": tiff(".tif", compression="zlib", predictor=True),
    "TIFF lzw strips": tiff(".tif", compression="lzw", rowsperstrip=2),
    "TIFF tiles": tiff(".tif", tile=(16, 16), compression="zstd"),
    "TIFF plain tiles": tiff(".tif", tile=(16, 16)),
    "TIFF big-endian": tiff(".tif", byteorder=">", metadata=None),
    "TIFF big-endian zlib": tiff(".tif", byteorder=">", compression="zlib"),
    "OME-TIFF": ome_tiff(),
    "OME-BigTIFF zlib": ome_tiff(bigtiff=True, compression="zlib"),
    "ImageJ": imagej,
    "mha": itk(".mha"),
    "mhd": itk(".mhd"),
    "mha compressed": itk(".mha", True),
    "mhd compressed": itk(".mhd", True),
    "nrrd": itk(".nrrd"),
    "nhdr": itk(".nhdr"),
    "nrrd compressed": itk(".nrrd", True),
    "nhdr compressed": itk(".nhdr", True),
    "nii": nifti(".nii"),
    "nii.gz": nifti(".nii.gz", "mm"),
    "HDF5": hdf5,
    "NeXus": nexus,
    "OME-Zarr 0.4": ome_zarr("0.4"),
    "OME-Zarr 0.5": ome_zarr("0.5"),
    "OME-Zarr 0.4 tczyx": ome_zarr("0.4", "tczyx"),
    "OME-Zarr 0.5 czyx": ome_zarr("0.5", "czyx"),
    "vgi": vgi,
    "txm": txm,
}
