from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image

TE_MS = (2.0, 6.5, 11.0)
RIGHT, LEFT = np.diag([0.1, 0.2, 0.5, 1.0]), np.diag([-0.1, 0.2, 0.5, 1.0])


def write(path: Path, data: np.ndarray, affine: np.ndarray | None = RIGHT, unit: str = "mm") -> Path:
    """Write x, y, z, echo as stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


def say(image: Path, **keys: Any) -> None:
    stem = image.name.replace(".nii.gz", "").replace(".nii", "")
    (image.parent / f"{stem}.json").write_text(json.dumps(keys))


def samples(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1000.0, 300.0, shape).astype(np.float32)


@pytest.mark.parametrize("name", ["mese.nii", "mese.nii.gz"])
def test_echoes_last_become_echoes_first(tmp_path, name):
    data = samples(4, 5, 6, 3)
    path = write(tmp_path / name, data)
    say(path, EchoTime=[0.002, 0.0065, 0.011], Manufacturer="Bruker", ImagedNucleus="23Na")
    image = open_image(path, "mri")
    assert image.axes == ("echo", "z", "y", "x")
    np.testing.assert_array_equal(image.data, np.einsum("xyze->ezyx", data))
    assert image.data.dtype == np.float32
    assert image.spacing_um == pytest.approx((500.0, 200.0, 100.0), rel=1e-6)
    assert image.meta["te_ms"] == TE_MS
    assert image.meta["vendor"] == "Bruker"
    assert image.meta["nucleus"] == "23Na"
    assert image.meta["train"] == "unknown"
    assert [p.name for p in input_files(path, "mri")] == [name, "mese.json"]
    assert probe_image(path, "mri").shape == image.data.shape


@pytest.mark.parametrize("seed", range(4))
def test_slices_are_right_handed_as_the_affine_says(tmp_path, seed):
    """Own axes of the image, as meta says, carry each sample to where the affine puts it."""
    rng = np.random.default_rng(seed)
    axes = Rotation.random(random_state=seed).as_matrix() * rng.choice([-1.0, 1.0], 3)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * [0.1, 0.2, 0.5], rng.normal(size=3)
    data = samples(4, 5, 6, 2, seed=seed)
    path = write(tmp_path / "a.nii", data, affine)
    say(path, EchoTime=[0.002, 0.0065])
    image = open_image(path, "mri")
    own = np.reshape(image.meta["orientation"], (3, 3))
    assert np.linalg.det(own) == pytest.approx(1.0, abs=1e-5)
    assert image.meta["slices_reversed"] == (np.linalg.det(axes) < 0)
    steps_mm = np.array(image.spacing_um)[::-1] / 1e3
    for x, y, z in rng.integers(0, [4, 5, 6], (10, 3)):
        towards_left_and_back = (affine @ [x, y, z, 1.0])[:3] * [-1.0, -1.0, 1.0]
        own_index = np.linalg.solve(own.T * steps_mm, towards_left_and_back - image.meta["position_mm"])
        np.testing.assert_allclose(own_index, np.rint(own_index), atol=1e-3)
        i, j, k = np.rint(own_index).astype(int)
        assert image.data[1, k, j, i] == data[x, y, z, 1]


def test_without_a_placement_the_stored_order_stays(tmp_path):
    data = samples(4, 5, 6, 1)
    path = write(tmp_path / "a.nii", data, None)
    assert int(nibabel.load(path).header["sform_code"]) == 0
    say(path, EchoTime=0.002)
    image = open_image(path, "mri", 20.0)
    np.testing.assert_array_equal(image.data[0], data[..., 0].T)
    assert image.meta["orientation"] is None


@pytest.mark.parametrize(("unit", "um"), [("mm", 1e3), ("micron", 1.0), ("meter", 1e6)])
def test_units_of_length(tmp_path, unit, um):
    sizes = np.array([25.0, 50.0, 4.0, um]) / um
    path = write(tmp_path / "a.nii", samples(4, 5, 1, 2), np.diag(sizes), unit)
    say(path, EchoTime=[0.002, 0.004])
    image = open_image(path, "mri")
    assert image.axes == ("echo", "y", "x")
    assert image.spacing_um == pytest.approx((50.0, 25.0))
    assert image.warnings == ()


def test_an_unknown_unit_is_no_guess(tmp_path):
    path = write(tmp_path / "a.nii", samples(4, 5, 1, 2), RIGHT, "unknown")
    say(path, EchoTime=[0.002, 0.004])
    assert probe_image(path, "mri").spacing_um is None
    with pytest.raises(InputError, match="pixel size"):
        open_image(path, "mri")
    assert open_image(path, "mri", "23,23").spacing_um == (23.0, 23.0)


@settings(max_examples=15, deadline=None)
@given(
    slope=st.floats(1e-3, 1e3),
    inter=st.floats(-1e3, 1e3),
    kind=st.sampled_from([np.uint8, np.int16, np.uint16, np.int32]),
    seed=st.integers(0, 1000),
)
def test_scale_of_the_header_is_applied(tmp_path_factory, slope, inter, kind, seed):
    stored = np.random.default_rng(seed).integers(0, 200, (3, 4, 1, 2)).astype(kind)
    image = nibabel.Nifti1Image(stored, RIGHT)
    image.header.set_slope_inter(slope, inter)
    path = tmp_path_factory.mktemp("scaled") / "a.nii"
    image.to_filename(path)
    # to_filename rescales what it is given; the stored integers are put back
    content = bytearray(path.read_bytes())
    content[352:] = stored.tobytes(order="F")
    content[112:120] = np.array([slope, inter], "<f4").tobytes()
    path.write_bytes(content)
    (path.parent / "echo_times_ms.txt").write_text("2 4")
    scaled = open_image(path.parent, "mri", 10.0).data
    expected = np.moveaxis(stored[:, :, 0].astype(float), 2, 0).swapaxes(1, 2) * np.float32(slope)
    np.testing.assert_allclose(scaled, expected + np.float32(inter), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("axis", "readout"), [(0, "x"), (1, "y"), (None, None)])
def test_the_readout_stands_in_the_header(tmp_path, axis, readout):
    stored = nibabel.Nifti1Image(samples(6, 5, 1, 3).astype(np.float32), RIGHT)
    stored.header.set_xyzt_units("mm")
    stored.header.set_dim_info(freq=axis, phase=None if axis is None else 1 - axis)
    nibabel.save(stored, tmp_path / "echoes.nii")
    say(tmp_path / "echoes.nii", EchoTime=[0.002, 0.0065, 0.011])
    assert probe_image(tmp_path / "echoes.nii", "mri").meta["readout"] == readout


def test_complex_samples(tmp_path):
    data = (samples(4, 5, 1, 2) + 1j * samples(4, 5, 1, 2, seed=1)).astype(np.complex64)
    path = write(tmp_path / "a.nii", data)
    say(path, EchoTime=[0.002, 0.004])
    image = open_image(path, "mri")
    np.testing.assert_array_equal(image.data, data[:, :, 0].T)
    assert image.meta["magnitude"] is False


def test_one_file_for_each_echo_sorted_as_a_person_counts(tmp_path):
    data = samples(4, 5, 3, 12)
    for e in range(12):
        path = write(tmp_path / f"sub-1_echo-{e + 1}_part-mag_MESE.nii.gz", data[..., e])
        say(path, EchoTime=round(0.0045 * (e + 1), 6), EchoNumber=e + 1)
        write(tmp_path / f"sub-1_echo-{e + 1}_part-phase_MESE.nii.gz", data[..., e])
    image = open_image(tmp_path, "mri")
    np.testing.assert_array_equal(image.data, data.transpose(3, 2, 1, 0))
    assert image.meta["te_ms"] == pytest.approx([4.5 * (e + 1) for e in range(12)], abs=1e-12)
    assert image.meta["left_out"] == {"phase": 12}
    assert image.meta["train"] == "cpmg"
    names = [p.name for p in input_files(tmp_path, "mri")]
    assert names[9] == "sub-1_echo-10_part-mag_MESE.nii.gz"
    assert len(names) == 24
    (tmp_path / "echo_times_ms.txt").write_text(
        "# the folder's list comes first\n" + " ".join(map(str, range(1, 13)))
    )
    assert open_image(tmp_path, "mri").meta["te_ms"] == tuple(range(1, 13))


def test_phase_is_known_by_what_bids_says(tmp_path):
    for name, words in (("a.nii", ["ORIGINAL", "PRIMARY", "M"]), ("b.nii", ["ORIGINAL", "PRIMARY", "P"])):
        path = write(tmp_path / name, samples(4, 5, 1, seed=len(words[2])))
        say(path, EchoTime=0.002, ImageType=words)
    assert open_image(tmp_path, "mri").data.shape == (1, 5, 4)
    (tmp_path / "a.nii").unlink()
    with pytest.raises(InputError, match="1 phase images alone"):
        probe_image(tmp_path, "mri")


def test_a_folder_for_each_echo_time(tmp_path):
    data = samples(4, 5, 2, 3)
    for e, folder in enumerate(("te2", "te6", "te11")):
        path = write(tmp_path / folder / "scan.nii", data[..., e])
        if e != 1:
            say(path, EchoTime=TE_MS[e] / 1e3, AcquisitionTime=f"10:0{e}:00", EchoNumber=1)
    (tmp_path / "te6" / "echo_times_ms.txt").write_text("6.5 ms".replace(" ms", " # ms"))
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == TE_MS
    np.testing.assert_array_equal(image.data, data.transpose(3, 2, 1, 0))
    assert image.meta["train"] == "unknown"
    say(tmp_path / "te6" / "scan.nii", AcquisitionTime="10:09:00", EchoNumber=1)
    assert open_image(tmp_path, "mri").meta["train"] == "separate"


def test_files_that_do_not_belong_together(tmp_path):
    (tmp_path / "echo_times_ms.txt").write_text("2, 4")
    write(tmp_path / "a.nii", samples(4, 5, 2))
    moved = RIGHT.copy()
    moved[0, 3] = 0.05
    for data, affine, unit, found in (
        (samples(4, 6, 2), RIGHT, "mm", r"\(4, 6, 2\)"),
        (samples(4, 5, 2), moved, "mm", "another position"),
        (samples(4, 5, 2), None, "mm", "another position"),
        (samples(4, 5, 2), RIGHT, "micron", "pixel size"),
        (samples(4, 5, 2).astype(np.complex64), RIGHT, "mm", "real beside complex"),
    ):
        write(tmp_path / "b.nii", data, affine, unit)
        with pytest.raises(InputError, match=found):
            probe_image(tmp_path, "mri")


def test_lengths_that_are_no_echo_series(tmp_path):
    for shape, found in (((4, 5, 2, 3, 2), "x, y, z and echoes"), ((4,), "x, y, z and echoes")):
        path = write(tmp_path / "a.nii", samples(*shape))
        say(path, EchoTime=0.002)
        with pytest.raises(InputError, match=found):
            probe_image(path, "mri")
    rgb = np.zeros((4, 5, 1), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = write(tmp_path / "a.nii", rgb)
    with pytest.raises(InputError, match="samples of type"):
        probe_image(path, "mri")


def test_damaged_files_are_refused(tmp_path):
    whole = write(tmp_path / "a.nii.gz", samples(20, 20, 2, 2))
    say(whole, EchoTime=[0.002, 0.004])
    content = whole.read_bytes()
    for damaged, in_header in (
        (content[: len(content) // 2], False),
        (b"no gzip", True),
        (content[:40], True),
    ):
        whole.write_bytes(damaged)
        for call in (open_image, probe_image) if in_header else (open_image,):
            with pytest.raises(InputError, match=r"a\.nii\.gz"):
                call(whole, "mri")
    plain = write(tmp_path / "b.nii", samples(20, 20, 2, 2))
    say(plain, EchoTime=[0.002, 0.004])
    content = plain.read_bytes()
    for length in range(0, len(content), 97):
        plain.write_bytes(content[:length])
        for call in (open_image, probe_image):
            with pytest.raises(InputError, match=r"b\.nii"):
                call(plain, "mri")


def patch(path: Path, offset: int, content: bytes) -> Path:
    """Change bytes of a header, which may be packed."""
    packed = path.suffix == ".gz"
    whole = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    whole[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(whole) if packed else whole)
    return path


def dims(*lengths: int) -> bytes:
    return struct.pack("<8h", len(lengths), *lengths, *[1] * (7 - len(lengths)))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("offset", "content", "found"),
    [
        (40, dims(3000, 3000, 100, 2), "a header that announces 72000"),
        (40, dims(20, 20, 2, 30_000), "a header that announces 9600"),
        (40, dims(-20, 20, 2, 2), "lengths"),
        (40, dims(20, 0, 2, 2), "lengths"),
        (40, struct.pack("<h", 9), "lengths"),
        (108, struct.pack("<f", 1e9), "begin at byte 1e.09"),
        (108, struct.pack("<f", -5), "begin at byte -5"),
        (108, struct.pack("<f", 255), "begin at byte 255"),
        (108, struct.pack("<f", np.nan), "begin at byte nan"),
        (70, struct.pack("<h", 9999), "a damaged NIfTI"),
        (344, b"ni1\0", "of a pair .hdr and .img"),
        (344, b"\0\0\0\0", "or of Analyze"),
        (0, struct.pack("<i", 349), "no header of a NIfTI file"),
        (68, struct.pack("<h", 1002), "intent 1002: statistics, labels"),
        (112, struct.pack("<2f", 1.0, np.inf), "invalid intercept"),
    ],
)
def test_headers_that_lie_are_refused_before_memory_is_taken(tmp_path, name, offset, content, found):
    path = write(tmp_path / name, samples(20, 20, 2, 2))
    say(path, EchoTime=[0.002, 0.004])
    patch(path, offset, content)
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=found) as caught:
            call(path, "mri")
        assert caught.value.source_label == str(path)


def test_a_packed_file_may_not_announce_more_than_an_image_may_take(tmp_path):
    path = write(tmp_path / "a.nii.gz", samples(20, 20, 2, 2))
    say(path, EchoTime=[0.002, 0.004])
    patch(path, 40, dims(1000, 1000, 200, 2))
    with path.open("ab") as stream:
        stream.write(bytes(2_000_000))  # as if they could hold it
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match="2x200x1000x1000 samples of float32, 1600 MB"):
            call(path, "mri")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_samples_that_no_header_announces_are_reported(tmp_path, name):
    data = np.abs(samples(20, 20, 2, 3))
    path = patch(write(tmp_path / name, data), 40, dims(20, 20, 2, 2))
    say(path, EchoTime=[0.002, 0.004])
    image = open_image(path, "mri")
    np.testing.assert_array_equal(image.data, data.transpose(3, 2, 1, 0)[:2])
    [warning] = image.warnings
    assert "3200 bytes more than the header announces" in warning.found
    assert probe_image(path, "mri").warnings == image.warnings


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_a_slope_that_is_none_leaves_the_samples_as_stored(tmp_path, slope):
    stored = np.random.default_rng(0).integers(0, 900, (20, 20, 1, 2)).astype(np.int16)
    path = patch(write(tmp_path / "a.nii", stored), 112, struct.pack("<2f", slope, 0.0))
    say(path, EchoTime=[0.002, 0.004])
    np.testing.assert_array_equal(open_image(path, "mri").data, stored[:, :, 0].T)


def test_a_pixel_size_of_zero_is_no_millimetre(tmp_path, capfd):
    path = patch(write(tmp_path / "a.nii", samples(20, 20, 1, 2), None), 80, struct.pack("<3f", 0, 0, 0))
    say(path, EchoTime=[0.002, 0.004])
    assert probe_image(path, "mri").spacing_um is None
    assert capfd.readouterr() == ("", "")


def test_pixel_sizes_that_contradict_each_other_are_asked_for(tmp_path):
    path = patch(write(tmp_path / "a.nii", samples(20, 20, 1, 2)), 80, struct.pack("<3f", 0.2, 0.2, 0.5))
    say(path, EchoTime=[0.002, 0.004])
    info = probe_image(path, "mri")
    assert info.spacing_um is None
    assert "0.2, 0.2 (pixdim) and of 0.1, 0.2 (placement), mm" in info.warnings[0].found
    assert open_image(path, "mri", "200,100").spacing_um == (200.0, 100.0)
    close = patch(path, 80, struct.pack("<3f", 0.1001, 0.2, 0.5))
    assert probe_image(close, "mri").warnings == ()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_placement_without_directions_is_none(tmp_path, value):
    data = samples(20, 20, 2, 2)
    path = patch(write(tmp_path / "a.nii", data), 280, struct.pack("<12f", *[value] * 12))
    say(path, EchoTime=[0.002, 0.004])
    image = open_image(path, "mri")
    assert image.meta["orientation"] is None
    assert "without directions" in image.warnings[0].found
    np.testing.assert_array_equal(image.data, data.transpose(3, 2, 1, 0))


def test_samples_that_no_map_can_come_from(tmp_path):
    for data, found in (
        (samples(20, 20, 1, 2).astype(np.float64) * 1e300, r"a\.nii: found samples up to"),
        (np.zeros((20, 20, 1, 2), np.float32), r"a\.nii: found all samples 0 in every echo"),
        (np.full((20, 20, 1, 2), np.nan, np.float32), "no sample that is a number in every echo"),
    ):
        path = write(tmp_path / "a.nii", data)
        say(path, EchoTime=[0.002, 0.004])
        with pytest.raises(InputError, match=found):
            open_image(path, "mri")


def decay(te_ms: tuple[float, ...], seed: int = 0) -> np.ndarray:
    """Samples of an electrode and its background, x, y, z, echo."""
    rng = np.random.default_rng(seed)
    electrode = np.zeros((32, 24, 2, 1))
    electrode[4:28, 3:10] = np.linspace(0.6, 1.0, 24)[:, None, None, None]
    clean = electrode * np.exp(-np.array(te_ms) / 8.0)
    return np.abs(clean + rng.normal(0.0, 0.02, clean.shape) + 1j * rng.normal(0.0, 0.02, clean.shape))


@pytest.mark.parametrize(("top", "dtype"), [(4095, np.int16), (32767, np.int16), (255, np.uint8)])
@pytest.mark.parametrize("affine", [RIGHT, LEFT])
def test_clipped_samples_are_marked_where_they_lie(tmp_path, top, dtype, affine):
    stored = np.minimum(np.rint(decay(TE_MS) * 2.0 * top), top).astype(dtype)
    path = write(tmp_path / "a.nii", stored, affine)
    say(path, EchoTime=[te / 1e3 for te in TE_MS])
    image = open_image(path, "mri")
    assert image.clipped is not None
    np.testing.assert_array_equal(image.clipped, image.data == top)
    [warning] = image.warnings
    assert f"cut off at {top}, an end of their range (echo 1: " in warning.found
    assert warning.source_label == str(path)


def test_clipped_samples_of_echoes_with_slopes_of_their_own(tmp_path):
    clean = decay(TE_MS)
    for e, te in enumerate(TE_MS):
        own = clean[..., e] / clean[..., e].max()
        stored = np.minimum(np.rint(own * (1.5 if e == 0 else 1.0) * 32767), 32767).astype(np.int16)
        path = patch(write(tmp_path / f"e{e}.nii", stored), 112, struct.pack("<2f", 0.5 / (e + 1), 3.0))
        say(path, EchoTime=te / 1e3)
    image = open_image(tmp_path, "mri")
    assert image.clipped is not None
    np.testing.assert_array_equal(image.clipped[0], image.data[0] == image.data[0].max())
    assert image.clipped[1:].sum() <= 4  # the largest sample of a slice, at the end by right


def test_an_unclipped_scan_has_no_warning(tmp_path):
    path = write(tmp_path / "a.nii", decay(TE_MS).astype(np.float32))
    say(path, EchoTime=[te / 1e3 for te in TE_MS])
    image = open_image(path, "mri")
    assert (image.clipped, image.warnings) == (None, ())


def test_images_of_another_kind_beside_the_echoes(tmp_path):
    data = decay(TE_MS).astype(np.float32)
    for e, te in enumerate(TE_MS):
        path = write(tmp_path / f"sub-1_echo-{e + 1}_MESE.nii.gz", data[..., e])
        say(path, EchoTime=te / 1e3)
    say(write(tmp_path / "sub-1_T2w.nii.gz", data[..., 0]), EchoTime=0.09)
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == TE_MS
    assert "sub-1_T2w.nii.gz" in image.warnings[0].found
    assert [p.name for p in input_files(tmp_path, "mri") if "T2w" in p.name] == []
    for e, te in enumerate(TE_MS):
        say(write(tmp_path / f"sub-1_run-2_echo-{e + 1}_MESE.nii.gz", data[..., e]), EchoTime=te / 1e3)
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match="2 series side by side"):
            call(tmp_path, "mri")


def test_nothing_is_dropped_in_silence(tmp_path):
    data = decay(TE_MS).astype(np.float32)
    folder, nested = tmp_path / "flat", tmp_path / "nested"
    for e, te in enumerate(TE_MS):
        say(write(folder / f"sub-1_echo-{e + 1}_MESE.nii", data[..., e]), EchoTime=te / 1e3)
        say(write(nested / f"te{te:g}" / "scan.nii", data[..., e]), EchoTime=te / 1e3)
    (folder / "sub-1_echo-4_MESE.nii").symlink_to(tmp_path / "gone.nii")
    (nested / "te20").symlink_to(tmp_path / "gone")
    for path, name in ((folder, "sub-1_echo-4_MESE.nii"), (nested, "te20")):
        for call in (probe_image, open_image, input_files):
            with pytest.raises(InputError, match=f"{name}: found a link to .*gone.*, which does not exist"):
                call(path, "mri")
    (nested / "te20").unlink()
    (nested / "te20").mkdir()
    warnings = probe_image(nested, "mri").warnings
    assert "1 sub-folder(s) without a NIfTI image: te20" in warnings[0].found
    os.mkfifo(nested / "te20" / "scan.nii")
    with pytest.raises(InputError, match=r"te20/scan\.nii: found a pipe"):
        probe_image(nested, "mri")


def test_echo_times_of_another_unit_can_be_insisted_on(tmp_path):
    path = write(tmp_path / "a.nii", decay(TE_MS).astype(np.float32))
    for seconds, te_ms in (
        ([2.0, 6.5, 11.0], (2000.0, 6500.0, 11_000.0)),
        ([1e-5, 2e-5, 3e-5], (0.01, 0.02, 0.03)),
    ):
        say(path, EchoTime=seconds)
        for call in (probe_image, open_image):
            with pytest.raises(InputError, match=r"a\.nii, a\.json: found echo times .* s"):
                call(path, "mri")
            assert call(path, "mri", unusual=("echo_times",)).meta["te_ms"] == pytest.approx(te_ms)


def test_times_in_another_order_than_the_images_are_reported(tmp_path):
    path = write(tmp_path / "a.nii", decay(TE_MS).astype(np.float32))
    say(path, EchoTime=[te / 1e3 for te in TE_MS[::-1]])
    [warning] = open_image(path, "mri").warnings
    assert "grows with the echo time" in warning.found
