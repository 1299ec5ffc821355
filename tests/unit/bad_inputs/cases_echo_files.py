"""Bad series of echoes: NIfTI and TIFF."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import tifffile

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cases_mri import scan
from tests.unit.bad_inputs.cell_echoes import TE_MS, echoes, five_echoes
from tests.unit.bad_inputs.spoilt import SPOIL, zeros_gzipped

CASES = Cases()


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
