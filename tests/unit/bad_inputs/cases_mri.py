"""Bad series of echoes: ParaVision and DICOM."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from spallmap.twin.formats import write_paravision
from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cell_echoes import N_COLUMNS, N_ROWS, TE_MS, echoes, five_echoes
from tests.unit.bad_inputs.spoilt import SPOIL, zeros_deflated

CASES = Cases()


def scan(folder: Path, name: str = "5") -> Path:
    path = folder / name
    write_paravision(path, echoes(), TE_MS, (46.0, 23.0))
    return path


def visu(path: Path) -> Path:
    return path / "pdata" / "1" / "visu_pars"


def change(path: Path, old: str, new: str) -> None:
    """Change the line of a parameter and the values below it."""
    lines = path.read_text().splitlines()
    (at,) = [k for k, line in enumerate(lines) if line.startswith(f"##${old}=")]
    end = next(k for k in range(at + 1, len(lines)) if lines[k].startswith(("##", "$$")))
    path.write_text("\n".join([*lines[:at], f"##${old}={new}" if new else "", *lines[end:]]) + "\n")


for label, key, value in (
    ("10^9 run-length entries", "VisuCoreDataSlope", "( 1000000000 )\n@1000000000*(2)"),
    ("10^9 frames", "VisuCoreFrameCount", "1000000000"),
    ("10^9 pixels a row", "VisuCoreSize", "( 2 )\n1000000000 1000000000"),
    ("negative size", "VisuCoreSize", "( 2 )\n-16 24"),
    ("zero size", "VisuCoreSize", "( 2 )\n0 24"),
    ("size in words", "VisuCoreSize", "( 2 )\nsixteen 24"),
    ("no slope", "VisuCoreDataSlope", ""),
    ("a slope of zero", "VisuCoreDataSlope", "( 5 )\n1 1 0 1 1"),
    ("a slope that is no number", "VisuCoreDataSlope", "( 5 )\n1 1 nan 1 1"),
    ("an unknown word type", "VisuCoreWordType", "_24BIT_SGN_INT"),
    ("a wider word type", "VisuCoreWordType", "_32BIT_SGN_INT"),
    ("no echo times", "VisuAcqEchoTime", ""),
    ("two echo times for five echoes", "VisuAcqEchoTime", "( 2 )\n2 6.5"),
    ("echo times in seconds", "VisuAcqEchoTime", "( 5 )\n0.002 0.0065 0.011 0.0155 0.02"),
    ("echo times in seconds of ten ms and more", "VisuAcqEchoTime", "( 5 )\n0.01 0.015 0.02 0.025 0.03"),
    ("echo times in microseconds", "VisuAcqEchoTime", "( 5 )\n2000 6500 11000 15500 20000"),
    ("an echo time that is no number", "VisuAcqEchoTime", "( 5 )\n2 6.5 nan 15.5 20"),
    ("a negative echo time", "VisuAcqEchoTime", "( 5 )\n2 6.5 -11 15.5 20"),
    ("an extent in metres", "VisuCoreExtent", "( 2 )\n0.000368 0.001104"),
    ("an extent a thousand times too large", "VisuCoreExtent", "( 2 )\n3680 1104000"),
):

    @CASES.add("ParaVision parameters", label, refused(r"/5\b"), key=key, value=value)
    def lying_parameter(folder: Path, key: str, value: str) -> Any:
        path = scan(folder)
        change(visu(path), key, value)
        return path, "mri", None


@CASES.add("bytes that are missing", "2dseq halved", refused("2dseq", "bytes"))
def halved_2dseq(folder: Path) -> Any:
    path = scan(folder)
    stored = path / "pdata" / "1" / "2dseq"
    stored.write_bytes(stored.read_bytes()[:1000])
    return path, "mri", None


@CASES.add("bytes that are missing", "2dseq empty", refused("2dseq"))
def empty_2dseq(folder: Path) -> Any:
    path = scan(folder)
    (path / "pdata" / "1" / "2dseq").write_bytes(b"")
    return path, "mri", None


@CASES.add("text in other encodings", "Latin-1 in visu_pars", reads(lambda s: s["shape"] == (5, 24, 16)))
def latin_1(folder: Path) -> Any:
    path = scan(folder)
    text = visu(path).read_text().replace("##END=", "##$VisuSubjectName=( 65 )\n<Müller, 20 µm>\n##END=")
    visu(path).write_bytes(text.encode("latin-1"))
    return path, "mri", None


for label, level in (("all zero", 0.0), ("constant", 300.0)):

    @CASES.add("MRI without content", f"ParaVision, {label}", refused("5", "all samples [03]"), value=level)
    def flat_scan(folder: Path, value: float) -> Any:
        path = folder / "5"
        write_paravision(path, np.full((5, N_ROWS, N_COLUMNS), value) + 1e-9, TE_MS, (46.0, 23.0))
        stored = path / "pdata" / "1" / "2dseq"
        stored.write_bytes(np.full(5 * N_ROWS * N_COLUMNS, round(value), "<i2").tobytes())
        return path, "mri", None


@CASES.add("clipped samples", "ParaVision at 32767", reads(lambda s: s["clipped"].any(), "clipped|saturat"))
def clipped_2dseq(folder: Path) -> Any:
    path = scan(folder)
    stored = path / "pdata" / "1" / "2dseq"
    values = np.frombuffer(stored.read_bytes(), "<i2").astype(np.int64) * 2
    stored.write_bytes(np.clip(values, 0, 32767).astype("<i2").tobytes())
    return path, "mri", None


for how, spoil in SPOIL.items():
    for part in ("visu_pars", "2dseq"):

        @CASES.add("parts that cannot be read", f"{part} is {how}", refused("5"), part=part, spoil=spoil)
        def spoilt_scan(folder: Path, part: str, spoil: Any) -> Any:
            path = scan(folder)
            spoil(path / "pdata" / "1" / part)
            return path, "mri", None


def dicom(path: Path, stored: np.ndarray, te_ms: float, number: int = 1, **said: Any) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = said.pop("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    file.Modality, file.SeriesInstanceUID = "MR", "1.2.3"
    file.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    file.EchoTime, file.EchoNumbers, file.InstanceNumber = te_ms, number, number
    file.PixelSpacing, file.ImagePositionPatient = [0.2, 0.2], [0, 0, 0]
    file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    file.Rows, file.Columns = stored.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.PixelData = stored.astype("<u2").tobytes()
    for key, value in said.items():
        setattr(file, key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)


def dicom_series(folder: Path, **said: Any) -> Path:
    path = folder / "series"
    scale = said.pop("scale", 1.0)
    top = said.pop("top", 65535)
    te = said.pop("te_ms", TE_MS)
    numbers = said.pop("numbers", range(1, 6))
    for number, te_ms, plane in zip(numbers, te, echoes(), strict=True):
        stored = np.clip(np.rint(plane * scale), 0, top)
        dicom(path / f"IM{te_ms:09.4f}", stored, te_ms, number, **said)
    return path


@CASES.add(
    "clipped samples", "DICOM of 12 bits at 4095", reads(lambda s: s["clipped"].any(), "clipped|satur")
)
def clipped_dicom(folder: Path) -> Any:
    return dicom_series(folder, BitsStored=12, HighBit=11, scale=9.0, top=4095), "mri", None


@CASES.add(
    "clipped samples", "DICOM of 16 bits at 65535", reads(lambda s: s["clipped"].any(), "clipped|satu")
)
def clipped_dicom_16(folder: Path) -> Any:
    return dicom_series(folder, scale=150.0), "mri", None


for label, times in (
    ("of 10 to 30 ms", (0.010, 0.015, 0.020, 0.025, 0.030)),
    ("of 2 to 20 ms", (0.002, 0.0065, 0.011, 0.0155, 0.02)),
    ("of 50 to 250 ms", (0.05, 0.1, 0.15, 0.2, 0.25)),
):

    @CASES.add("echo times in another unit", f"DICOM in seconds, {label}", refused("second"), times=times)
    def dicom_in_seconds(folder: Path, times: Any) -> Any:
        return dicom_series(folder, te_ms=times), "mri", None


@CASES.add("echo numbers that prove nothing", "15 and 1", reads(lambda s: s["te_ms"] == TE_MS))
def odd_echo_numbers(folder: Path) -> Any:
    return dicom_series(folder, numbers=(15, 1, 15, 1, 1)), "mri", None


@CASES.add("another contrast", "DICOM phase among magnitudes", reads(five_echoes))
def dicom_phase(folder: Path) -> Any:
    path = dicom_series(folder)
    dicom(path / "phase", echoes()[0], 2.0, 9, ImageType=["ORIGINAL", "PRIMARY", "P", "SE"])
    return path, "mri", None


for how, spoil in SPOIL.items():
    if how in ("vanished", "a folder"):
        continue

    @CASES.add("parts that cannot be read", f"last DICOM is {how}", refused("series"), spoil=spoil)
    def spoilt_dicom(folder: Path, spoil: Any) -> Any:
        path = dicom_series(folder)
        spoil(sorted(path.iterdir())[-1])
        return path, "mri", None


@CASES.add(
    "links without end", "twelve links to the folder itself", either(refused("series"), reads(None, "link"))
)
def links_to_itself(folder: Path) -> Any:
    path = dicom_series(folder)
    for number in range(12):
        (path / f"again{number}").symlink_to(path, target_is_directory=True)
    return path, "mri", None


def _deflated(path: Path, n_zeros: int) -> None:
    """Make a deflated DICOM whose data set unpacks to very many zeros."""
    dicom(path, echoes()[0], 2.0, syntax=DeflatedExplicitVRLittleEndian)
    whole = path.read_bytes()
    meta = pydicom.dcmread(path, stop_before_pixels=True).file_meta
    start = 132 + 12 + int(meta.FileMetaInformationGroupLength)
    plain = zlib.decompress(whole[start:], -15)
    element = b"\x09\x00\x01\x10OB\0\0" + min(n_zeros, 0xFFFFFFFE).to_bytes(4, "little")
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = pack.compress(plain + element) + pack.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    path.write_bytes(whole[:start] + head + zeros_deflated(n_zeros) + end)


@CASES.add("bombs", "a deflated DICOM that unpacks to 2 GB", refused("series"))
def deflated_bomb(folder: Path) -> Any:
    path = dicom_series(folder)
    _deflated(path / "IM9", 1 << 31)
    return path, "mri", None


for label, said in (
    ("65535 x 65535", {"Rows": 65535, "Columns": 65535}),
    ("10^9 frames", {"NumberOfFrames": 1_000_000_000}),
    ("no rows", {"Rows": 0}),
    ("24 bits", {"BitsAllocated": 24, "BitsStored": 24, "HighBit": 23}),
    ("more bits stored than allocated", {"BitsStored": 20, "HighBit": 19}),
    ("a slope of zero", {"RescaleSlope": 0, "RescaleIntercept": 0}),
    ("a palette", {"PhotometricInterpretation": "PALETTE COLOR"}),
    ("three colours", {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}),
    ("pixels of 0.2 um", {"PixelSpacing": [0.0002, 0.0002]}),
    ("pixels of 20 m", {"PixelSpacing": [20000.0, 20000.0]}),
    ("no size of a pixel along a row", {"PixelSpacing": [0.2, 0.0]}),
):

    @CASES.add("DICOM headers", label, refused("series"), said=said)
    def lying_dicom(folder: Path, said: dict[str, Any]) -> Any:
        return dicom_series(folder, **said), "mri", None
