"""Samples that are of another type, order, scale or place than their headers say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import SimpleITK
import tifffile

from tests.unit.bad_inputs.case import Cases, reads, refused
from tests.unit.bad_inputs.cases_echo_files import bids, nifti, tiff_echoes
from tests.unit.bad_inputs.cases_mri import dicom_series
from tests.unit.bad_inputs.cell_echoes import TE_MS, echoes

CASES = Cases()


def cell() -> np.ndarray:
    """Bright metal in a round cell, in noise; no two axes of one length."""
    z, y, x = np.indices((28, 96, 90))
    radius = np.hypot(y - 48, x - 45)
    greys = np.where(radius < 40, 22000.0, 3000.0)
    greys[(z > 8) & (z < 20) & (radius < 36)] = 38000
    return np.rint(greys + np.random.default_rng(1).normal(0, 900, greys.shape)).astype(np.uint16)


def metaimage(folder: Path, old: str = "", new: str = "", data: np.ndarray | None = None) -> Path:
    path = folder / "scan.mhd"
    image = SimpleITK.GetImageFromArray(cell() if data is None else data)
    image.SetSpacing((0.00466,) * 3)
    SimpleITK.WriteImage(image, str(path))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


for label, old, new, words in (
    ("byte order", "ByteOrderMSB = False", "ByteOrderMSB = True", "byte order"),
    ("order of sizes", "DimSize = 90 96 28", "DimSize = 28 96 90", "rows of 90"),
    ("rows and columns", "DimSize = 90 96 28", "DimSize = 96 90 28", "rows of 90"),
):

    @CASES.add("raw voxels", f"another {label}", refused("scan", words), old=old, new=new)
    def other_voxels(folder: Path, old: str, new: str) -> Any:
        return metaimage(folder, old, new), "xct", None


@CASES.add("raw voxels", "a good MetaImage", reads(lambda s: np.array_equal(s["data"], cell())))
def good_voxels(folder: Path) -> Any:
    return metaimage(folder), "xct", None


@CASES.add("sizes that differ", "NIfTI, pixdim against placement", refused("pixdim.*placement"))
def two_sizes(folder: Path) -> Any:
    image = nibabel.Nifti1Image(cell().T, None)
    image.header.set_xyzt_units("mm")
    image.set_qform(np.diag([0.00932, 0.00932, 0.00932, 1.0]), 1)
    image.set_sform(np.diag([0.00466, 0.00466, 0.00466, 1.0]), 1)
    nibabel.save(image, folder / "scan.nii")
    return folder / "scan.nii", "xct", None


@CASES.add("HDF5 and NeXus", "labels x, y, z", reads(lambda s: np.array_equal(s["data"], cell())))
def labelled(folder: Path) -> Any:
    with h5py.File(folder / "scan.h5", "w") as file:
        volume = file.create_dataset("volume", data=cell().T)
        for dimension, label in zip(volume.dims, "xyz", strict=True):
            dimension.label = label
    return folder / "scan.h5", "xct", 4.66


@CASES.add(
    "slices scaled one by one", "scale factor and offset", reads(lambda s: s["data"].dtype == np.float32)
)
def factor_of_a_slice(folder: Path) -> Any:
    for number, plane in enumerate(cell()):
        text = f"scale factor: {1 + number / 100}; offset: {number}"
        tifffile.imwrite(folder / f"s{number:03d}.tif", plane, description=text, metadata=None)
    return folder, "xct", 4.66


@CASES.add("copies of an echo", "TIFF", refused("echo 2 .* echo 4"))
def copied_echo(folder: Path) -> Any:
    stored = np.rint(echoes()).astype(np.uint16)
    stored[3] = stored[1]
    return tiff_echoes(folder, stored), "mri", (46.0, 23.0)


def own_range(top: int) -> np.ndarray:
    return np.rint(echoes() / echoes().max(axis=(1, 2), keepdims=True) * top)


@CASES.add("echoes scaled one by one", "TIFF of 16 bits", refused("65535 as the largest sample"))
def stretched_tiff(folder: Path) -> Any:
    return tiff_echoes(folder, own_range(65535).astype(np.uint16)), "mri", (46.0, 23.0)


@CASES.add("echoes scaled one by one", "NIfTI without its slopes", refused("32767 as the largest sample"))
def stretched_nifti(folder: Path) -> Any:
    for number, (te, plane) in enumerate(zip(TE_MS, own_range(32767), strict=True), start=1):
        name = f"sub-1_echo-{number}_MESE.nii.gz"
        nifti(folder / name, plane.T[:, :, None].astype(np.int16), EchoTime=te / 1000)
    return folder, "mri", None


@CASES.add("values below zero", "TIFF", reads(None, "magnitudes from -"))
def offset_tiff(folder: Path) -> Any:
    return tiff_echoes(folder, (echoes() - 100).astype(np.float32)), "mri", (46.0, 23.0)


@CASES.add("another setting", "BIDS, one repetition time of its own", refused("RepetitionTime"))
def other_repetition_time(folder: Path) -> Any:
    path = bids(folder)
    for number in range(1, 6):
        file = path / f"sub-1_echo-{number}_MESE.json"
        said = json.loads(file.read_text())
        file.write_text(json.dumps({**said, "RepetitionTime": 0.1 if number == 3 else 1.0}))
    return path, "mri", None


@CASES.add("values behind a calibration", "DICOM, a lookup table", refused("ModalityLUT"))
def modality_lut(folder: Path) -> Any:
    import pydicom

    table = pydicom.Dataset()
    table.add_new(0x00283002, "US", [256, 0, 16])
    table.add_new(0x00283006, "OW", bytes(512))
    return dicom_series(folder, ModalityLUTSequence=pydicom.Sequence([table])), "mri", None
