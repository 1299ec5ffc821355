"""Bad series of echoes: ParaVision, DICOM, NIfTI and TIFF."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import tifffile
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from spallmap.twin.formats import write_paravision
from tests.unit.bad_inputs.case import Cases, either, reads, refused

CASES = Cases()
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
N_ROWS, N_COLUMNS = 24, 16
BLOCK = 1 << 24


def five_echoes(seen: dict[str, Any]) -> bool:
    """Whether the five echoes were read, and nothing else."""
    return bool(seen["te_ms"] == TE_MS and seen["shape"][0] == len(TE_MS))


def echoes(t2_ms: float = 9.0, seed: int = 3, te_ms: Any = TE_MS) -> np.ndarray:
    """A bright bar in noise, echo by echo."""
    rng = np.random.default_rng(seed)
    bar = np.zeros((N_ROWS, N_COLUMNS))
    bar[6:14, 2:14] = rng.uniform(400, 900, (8, 12))
    signal = bar * np.exp(-np.asarray(te_ms) / t2_ms)[:, None, None]
    return np.hypot(signal + rng.normal(0, 12, signal.shape), rng.normal(0, 12, signal.shape))


# --- ParaVision ---------------------------------------------------------------------------------------------


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


def _vanish(path: Path) -> None:
    path.unlink()


def _dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "gone")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(4000))


SPOIL = {
    "vanished": _vanish,
    "a dangling link": _dangle,
    "a link to itself": _loop,
    "a pipe": _pipe,
    "a folder": _folder,
    "empty": _empty,
    "random bytes": _noise,
}

for how, spoil in SPOIL.items():
    for part in ("visu_pars", "2dseq"):

        @CASES.add("parts that cannot be read", f"{part} is {how}", refused("5"), part=part, spoil=spoil)
        def spoilt_scan(folder: Path, part: str, spoil: Any) -> Any:
            path = scan(folder)
            spoil(path / "pdata" / "1" / part)
            return path, "mri", None


# --- DICOM --------------------------------------------------------------------------------------------------


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


def zeros_deflated(n_bytes: int) -> bytes:
    """Deflate very many zeros: one block that knows nothing of those before it, again and again."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = pack.compress(bytes(BLOCK)) + pack.flush(zlib.Z_FULL_FLUSH)
    return block * (n_bytes // BLOCK)


def zeros_gzipped(n_bytes: int) -> bytes:
    """Gzip very many zeros, as members that follow each other."""
    return gzip.compress(bytes(BLOCK), 9) * (n_bytes // BLOCK)


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


# --- NIfTI --------------------------------------------------------------------------------------------------


def nifti(path: Path, data: np.ndarray, **keys: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(data, np.diag([0.023, 0.046, 0.5, 1.0]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    if keys:
        path.with_name(path.name.split(".nii")[0] + ".json").write_text(json.dumps(keys))
    return path


def bids(folder: Path, echo_times_s: Any = (0.002, 0.0065, 0.011, 0.0155, 0.02)) -> Path:
    path = folder / "anat"
    for number, (te, plane) in enumerate(zip(echo_times_s, echoes(), strict=True), start=1):
        name = f"sub-1_echo-{number}_MESE.nii.gz"
        nifti(path / name, plane.T[:, :, None].astype(np.float32), EchoTime=te)
    return path


def four_d(folder: Path, times: str = "2 6.5 11 15.5 20", name: str = "echoes.nii") -> Path:
    path = nifti(folder / name, np.transpose(echoes()[:, None], (3, 2, 1, 0)).astype(np.float32))
    (folder / f"{name}.echo_times_ms.txt").write_text(times)
    (folder / "echo_times_ms.txt").write_text(times)
    return path


right_echoes = reads(lambda s: s["te_ms"] == TE_MS)


@CASES.add(
    "another contrast",
    "a T2w image beside MESE echoes",
    either(refused("T2w"), reads(lambda s: s["te_ms"] == TE_MS, "T2w")),
)
def t2w_beside(folder: Path) -> Any:
    path = bids(folder)
    nifti(path / "sub-1_T2w.nii.gz", echoes()[0].T[:, :, None].astype(np.float32), EchoTime=0.08)
    return path, "mri", None


@CASES.add("another contrast", "a T2 map beside MESE echoes", either(refused("T2map"), reads(None, "T2map")))
def t2map_beside(folder: Path) -> Any:
    path = bids(folder)
    nifti(path / "sub-1_T2map.nii.gz", echoes()[0].T[:, :, None].astype(np.float32))
    return path, "mri", None


@CASES.add("another contrast", "a second run of the same echoes", either(refused("run"), reads(None, "run")))
def second_run(folder: Path) -> Any:
    path = folder / "anat"
    for run in (1, 2):
        for number, (te, plane) in enumerate(zip(TE_MS, echoes(seed=run), strict=True), start=1):
            name = f"sub-1_run-{run}_echo-{number}_MESE.nii.gz"
            nifti(path / name, plane.T[:, :, None].astype(np.float32), EchoTime=te / 1000)
    return path, "mri", None


@CASES.add("another contrast", "phase beside magnitude", reads(five_echoes))
def phase_beside(folder: Path) -> Any:
    path = folder / "anat"
    for part in ("mag", "phase"):
        for number, (te, plane) in enumerate(zip(TE_MS, echoes(), strict=True), start=1):
            name = f"sub-1_echo-{number}_part-{part}_MESE.nii.gz"
            nifti(path / name, plane.T[:, :, None].astype(np.float32), EchoTime=te / 1000)
    return path, "mri", None


for how, spoil in SPOIL.items():
    if how in ("vanished", "a folder"):
        continue

    @CASES.add("parts that cannot be read", f"last NIfTI is {how}", refused("echo-5|anat"), spoil=spoil)
    def spoilt_nifti(folder: Path, spoil: Any) -> Any:
        path = bids(folder)
        spoil(path / "sub-1_echo-5_MESE.nii.gz")
        return path, "mri", None


for label, bids_said in (
    ("in seconds, in a BIDS file, as ms", (2.0, 6.5, 11.0, 15.5, 20.0)),
    ("no number", (0.002, 0.0065, float("nan"), 0.0155, 0.02)),
    ("a word", (0.002, 0.0065, "short", 0.0155, 0.02)),
    ("negative", (0.002, 0.0065, -0.011, 0.0155, 0.02)),
):

    @CASES.add(
        "echo times in another unit", f"BIDS: {label}", either(refused("echo"), right_echoes), times=bids_said
    )
    def bids_times(folder: Path, times: Any) -> Any:
        return bids(folder, times), "mri", None


for label, text, right in (
    ("decimal commas and spaces", "2,1 6,5 11,2 15,5 20,1", refused(r"2\.1|decimal|comma")),
    ("decimal commas and semicolons", "2,1;6,5;11,2;15,5;20,1", refused(r"2\.1|decimal|comma")),
    ("decimal commas and lines", "2,1\n6,5\n11,2\n15,5\n20,1", refused(r"2\.1|decimal|comma")),
    ("commas that separate", "2,6.5,11,15.5,20", right_echoes),
    ("commas and spaces", "2, 6.5, 11, 15.5, 20", right_echoes),
    ("one too few", "2 6.5 11 15.5", refused("4")),
    ("one too many", "2 6.5 11 15.5 20 24.5", refused("6")),
    ("a word", "2 6.5 eleven 15.5 20", refused("eleven")),
    ("seconds", "0.002 0.0065 0.011 0.0155 0.02", refused("second")),
    ("seconds of 10 ms and more", "0.010 0.015 0.020 0.025 0.030", refused("second")),
    ("not a number", "2 6.5 nan 15.5 20", refused("nan")),
    ("infinite", "2 6.5 inf 15.5 20", refused("inf")),
    ("empty", "", refused("echo")),
):

    @CASES.add("lists of echo times", label, right, text=text)
    def listed_times(folder: Path, text: str) -> Any:
        return four_d(folder, text), "mri", None


@CASES.add("lists of echo times", "UTF-16", either(refused("UTF-8|text"), right_echoes))
def utf_16_times(folder: Path) -> Any:
    path = four_d(folder)
    for name in ("echoes.nii.echo_times_ms.txt", "echo_times_ms.txt"):
        (folder / name).write_bytes("2 6.5 11 15.5 20".encode("utf-16"))
    return path, "mri", None


@CASES.add("bombs", "a BIDS file nested 100 000 deep", refused("json"))
def deep_json(folder: Path) -> Any:
    path = bids(folder)
    (path / "sub-1_echo-5_MESE.json").write_text("[" * 100_000 + "]" * 100_000)
    return path, "mri", None


def header_lie(path: Path, shape: tuple[int, ...], code: int = 16, bits: int = 32) -> None:
    """Let a NIfTI header announce another shape."""
    raw = bytearray(path.read_bytes())
    raw[40:56] = np.array([len(shape), *shape, *[1] * (7 - len(shape))], "<i2").tobytes()
    raw[70:74] = np.array([code, bits], "<i2").tobytes()
    path.write_bytes(bytes(raw))


for label, shape in (
    ("30000 x 30000", (30000, 30000, 1, 5)),
    ("32767 in four dimensions", (32767, 32767, 32767, 5)),
    ("one row more", (16, 25, 1, 5)),
    ("a negative dimension", (16, -24, 1, 5)),
    ("no dimension", ()),
    ("seven dimensions", (16, 24, 1, 5, 2, 2, 2)),
):

    @CASES.add("NIfTI headers", label, refused("echoes.nii"), shape=shape)
    def lying_nifti(folder: Path, shape: tuple[int, ...]) -> Any:
        path = four_d(folder)
        header_lie(path, shape)
        return path, "mri", None


@CASES.add(
    "bombs",
    "a NIfTI that unpacks to 3 GB and announces a little",
    either(refused("gz"), reads(lambda s: s["te_ms"] == TE_MS, "more than the header")),
)
def nifti_bomb(folder: Path) -> Any:
    path = four_d(folder, name="echoes.nii.gz")
    plain = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(plain) + zeros_gzipped(3 << 30))
    return path, "mri", None


@CASES.add("bombs", "a NIfTI that unpacks to 3 GB and announces them", refused("gz"))
def nifti_honest_bomb(folder: Path) -> Any:
    path = four_d(folder, name="echoes.nii.gz")
    plain = bytearray(gzip.decompress(path.read_bytes()))
    plain[40:56] = np.array([4, 12000, 12000, 1, 5, 1, 1, 1], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(plain)) + zeros_gzipped(3 << 30))
    return path, "mri", None


@CASES.add("MRI without content", "NIfTI, not a number", refused("echoes.nii", "number|nan|finite"))
def nan_nifti(folder: Path) -> Any:
    path = four_d(folder)
    nifti(path, np.full((16, 24, 1, 5), np.nan, np.float32))
    return path, "mri", None


@CASES.add("MRI without content", "NIfTI, all zero", refused("echoes.nii", "all samples 0"))
def zero_nifti(folder: Path) -> Any:
    path = four_d(folder)
    nifti(path, np.zeros((16, 24, 1, 5), np.float32))
    return path, "mri", None


# --- TIFF ---------------------------------------------------------------------------------------------------


def tiff_echoes(folder: Path, stored: np.ndarray | None = None, **said: Any) -> Path:
    path = folder / "echoes"
    path.mkdir()
    data = np.rint(echoes()).astype(np.uint16) if stored is None else stored
    for number, plane in enumerate(data, start=1):
        tifffile.imwrite(path / f"echo{number}.tif", plane, metadata=None, **said)
    (path / "echo_times_ms.txt").write_text("2 6.5 11 15.5 20")
    return path


@CASES.add(
    "values behind a calibration",
    "WhiteIsZero echoes",
    either(refused("white"), reads(lambda s: np.array_equal(s["data"], np.rint(echoes())))),
)
def white_is_zero_echoes(folder: Path) -> Any:
    stored = 65535 - np.rint(echoes()).astype(np.uint16)
    return tiff_echoes(folder, stored, photometric="miniswhite"), "mri", (46.0, 23.0)


@CASES.add("clipped samples", "TIFF of 8 bits at 255", reads(lambda s: s["clipped"].any(), "clipped|satur"))
def clipped_tiff(folder: Path) -> Any:
    stored = np.clip(np.rint(echoes()), 0, 255).astype(np.uint8)
    return tiff_echoes(folder, stored), "mri", (46.0, 23.0)


for how, spoil in SPOIL.items():
    if how in ("vanished", "a folder"):
        continue

    @CASES.add("parts that cannot be read", f"last TIFF echo is {how}", refused("echo5"), spoil=spoil)
    def spoilt_tiff(folder: Path, spoil: Any) -> Any:
        path = tiff_echoes(folder)
        spoil(path / "echo5.tif")
        return path, "mri", (46.0, 23.0)


for size in ((0.046, 0.023), (46000.0, 23000.0), (46.0, 0.0), (float("nan"), 23.0), (1.0, 2.0, 3.0)):

    @CASES.add("implausible sizes", f"MRI of {size} um", refused("echoes", "pixel size"), size=size)
    def odd_size(folder: Path, size: Any) -> Any:
        return tiff_echoes(folder), "mri", size


@CASES.add(
    "table against files", "46,23 over 23,46", reads(lambda s: s["spacing_um"] == (23.0, 46.0), "46, 23")
)
def exchanged_size(folder: Path) -> Any:
    return scan(folder), "mri", (23.0, 46.0)
