from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image


def samples(*shape: int, dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 12),
    size=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32"]),
)
def test_one_file_for_each_echo(tmp_path_factory, n, size, dtype):
    folder = tmp_path_factory.mktemp("series")
    data, te_ms = samples(n, *size, dtype=dtype), tuple(2.0 + 4.5 * e for e in range(n))
    for e in np.random.default_rng(n).permutation(n):
        tifffile.imwrite(folder / f"te{e + 1}.tif", data[e])
    (folder / "echo_times_ms.txt").write_text(", ".join(map(str, te_ms)))
    image = open_image(folder, "mri", 23.0)
    assert image.axes == ("echo", "y", "x")
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype == np.float32
    assert image.meta["te_ms"] == te_ms
    assert [p.name for p in input_files(folder, "mri")] == [
        *(f"te{e + 1}.tif" for e in range(n)),
        "echo_times_ms.txt",
    ]


@pytest.mark.parametrize("how", ["pages", "ome", "imagej"])
def test_one_file_with_the_echoes_as_pages(tmp_path, how):
    data = samples(4, 5, 6)
    path = tmp_path / ("a.ome.tif" if how == "ome" else "a.tif")
    said = {
        "pages": {"photometric": "minisblack"},
        "ome": {
            "metadata": {
                "axes": "CYX",
                "PhysicalSizeX": 23,
                "PhysicalSizeY": 0.046,
                "PhysicalSizeYUnit": "mm",
            }
        },
        "imagej": {"imagej": True, "resolution": (1 / 23, 1 / 46), "metadata": {"unit": "um", "axes": "TYX"}},
    }[how]
    tifffile.imwrite(path, data, **said)
    (tmp_path / f"{path.name}.echo_times_ms.txt").write_text("2 6.5 11 15.5")
    given_um = (46.0, 23.0) if how == "pages" else None
    image = open_image(path, "mri", given_um)
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == pytest.approx((46.0, 23.0))
    assert image.meta["te_source"] == f"{path.name}.echo_times_ms.txt"
    np.testing.assert_array_equal(open_image(tmp_path, "mri", given_um).data, data)


@pytest.mark.parametrize("axes", ["TZYX", "ZCYX"])
def test_slices_and_echoes_in_one_file(tmp_path, axes):
    lengths = {"T": 3, "C": 3, "Z": 2, "Y": 5, "X": 6}
    data = samples(*(lengths[a] for a in axes))
    said = {"axes": axes, "PhysicalSizeX": 10.0, "PhysicalSizeY": 20.0, "PhysicalSizeZ": 30.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata=said)
    (tmp_path / "a.json").write_text(json.dumps({"EchoTime": [0.002, 0.004, 0.006]}))
    image = open_image(tmp_path / "a.ome.tif", "mri")
    assert image.axes == ("echo", "z", "y", "x")
    assert image.spacing_um == (30.0, 20.0, 10.0)
    np.testing.assert_array_equal(image.data, data if axes[0] == "T" else data.swapaxes(0, 1))


def test_a_stack_of_slices_for_each_echo(tmp_path):
    data = samples(3, 4, 5, 6)
    for e, te in enumerate((0.002, 0.0065, 0.011)):
        tifffile.imwrite(tmp_path / f"e{e}.tif", data[e], photometric="minisblack")
        (tmp_path / f"e{e}.json").write_text(json.dumps({"EchoTime": te, "EchoNumber": e + 1}))
    image = open_image(tmp_path, "mri", (50, 20, 20))
    np.testing.assert_array_equal(image.data, data)
    assert image.meta["te_ms"] == (2.0, 6.5, 11.0)
    assert image.meta["train"] == "cpmg"


def test_no_times_and_times_that_do_not_fit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", samples(3, 5, 6), photometric="minisblack")
    with pytest.raises(InputError, match=r"echo_times_ms\.txt with 3 echo time"):
        probe_image(tmp_path, "mri")
    (tmp_path / "echo_times_ms.txt").write_text("2 4")
    with pytest.raises(InputError, match="2 echo times for 3 echoes"):
        probe_image(tmp_path, "mri")
    (tmp_path / "echo_times_ms.txt").write_text("2 4 6")
    assert probe_image(tmp_path, "mri").spacing_um is None
    with pytest.raises(InputError, match="pixel size"):
        open_image(tmp_path, "mri")


def test_files_that_differ_and_files_that_are_no_echoes(tmp_path):
    (tmp_path / "echo_times_ms.txt").write_text("2 4")
    tifffile.imwrite(tmp_path / "a.tif", samples(5, 6))
    for other, said, found in (
        (samples(5, 7), {}, "5x7"),
        (samples(5, 6, dtype="uint8"), {}, "uint8"),
        (samples(5, 6).astype(np.complex64), {}, "complex64"),
        (samples(5, 6, 3, dtype="uint8"), {"photometric": "rgb"}, "axes YXS"),
        (samples(2, 3, 5, 6), {"imagej": True, "metadata": {"axes": "TCYX"}}, "slices .Z. and one other"),
    ):
        tifffile.imwrite(tmp_path / "b.tif", other, **said)
        with pytest.raises(InputError, match=found):
            probe_image(tmp_path, "mri")


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / "echo_times_ms.txt").write_text("2 4 6")
    tifffile.imwrite(tmp_path / "a.tif", samples(3, 50, 60), photometric="minisblack")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-5000])
    with pytest.raises(InputError, match=r"a\.tif"):
        open_image(tmp_path, "mri", 1.0)


def test_clipped_samples_are_marked(tmp_path):
    rng = np.random.default_rng(0)
    te_ms = np.array([2.0, 6.5, 11.0])
    clean = np.zeros((3, 32, 24))
    clean[:, 4:28, 3:10] = (np.linspace(0.6, 1.0, 7) * np.exp(-te_ms[:, None] / 8.0))[:, None]
    stored = np.minimum(np.rint(np.abs(clean + rng.normal(0.0, 0.02, clean.shape)) * 8000), 4095).astype(
        np.uint16
    )
    for e in range(3):
        tifffile.imwrite(tmp_path / f"te{e}.tif", stored[e])
    (tmp_path / "echo_times_ms.txt").write_text("2 6.5 11")
    image = open_image(tmp_path, "mri", 23.0)
    np.testing.assert_array_equal(image.clipped, stored == 4095)
    assert "cut off at 4095, an end of their range (echo 1: " in image.warnings[0].found


def test_images_that_show_nothing_or_too_much(tmp_path):
    (tmp_path / "echo_times_ms.txt").write_text("2 4")
    good = samples(5, 6, dtype="float64")
    for other, found in (
        (good * 0.0, r"all samples 0 in echo 2 \(4 ms\)"),
        (good * np.nan, "no sample that is a number in echo 2"),
        (good * 1e300, "samples up to"),
    ):
        for name, data in (("a", good), ("b", other)):
            tifffile.imwrite(tmp_path / f"{name}.tif", data)
        with pytest.raises(InputError, match=found):
            open_image(tmp_path, "mri", 23.0)


def test_names_and_missing_files_of_tiff_echoes(tmp_path):
    for name in (
        "sub-1_echo-1_MESE.tif",
        "sub-1_echo-2_MESE.tif",
        "sub-1_part-phase_echo-1_MESE.tif",
        "sub-1_T2w.tif",
    ):
        tifffile.imwrite(tmp_path / name, samples(5, 6))
    (tmp_path / "echo_times_ms.txt").write_text("2 4")
    info = probe_image(tmp_path, "mri")
    assert (info.shape[0], info.meta["left_out"]) == (2, {"phase": 1})
    assert "sub-1_T2w.tif" in info.warnings[0].found
    (tmp_path / "sub-1_echo-3_MESE.tif").symlink_to(tmp_path / "gone.tif")
    for call in (probe_image, input_files):
        with pytest.raises(InputError, match=r"sub-1_echo-3_MESE\.tif: found a link to .*gone\.tif"):
            call(tmp_path, "mri")
