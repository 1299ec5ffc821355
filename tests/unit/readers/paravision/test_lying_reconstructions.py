"""Reconstructions whose files contradict each other, are damaged, or are no files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.any_bytes import FUZZ
from tests.unit.readers.paravision.stored_frames import ECHOES, SLICES, TE_MS, stored_frames


def decay(top: float, noise: float, n_echoes: int = 3) -> np.ndarray:
    """Echoes of a disc in air, T2 of three echo spacings."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:40, :40] / 40 - 0.5
    disc = (x**2 + y**2 < 0.1) * (1 + 0.3 * x)
    signal = top * disc * np.exp(-np.arange(n_echoes) / 3)[:, None, None]
    return np.abs(signal + rng.normal(0, noise, signal.shape) + 1j * rng.normal(0, noise, signal.shape))


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"VisuCoreSize": "( 2 )\n60000 60000"}, "144 bytes"),
        ({"VisuCoreSize": "( 2 )\n@2*(1000000)"}, "144 bytes"),
        ({"VisuCoreSize": "( 2 )\n1e300 4"}, "whole numbers"),
        ({"VisuCoreSize": "( 2 )\n-4 -6"}, "spatial images"),
        ({"VisuCoreSize": "( 1000000000 )\n@1000000000*(2)"}, "more than 1048576 values of VisuCoreSize"),
        ({"VisuCoreFrameCount": "2"}, "144 bytes"),
        ({"VisuCoreFrameCount": "1000000000000"}, "144 bytes"),
        ({"VisuCoreFrameCount": "-3"}, "144 bytes"),
        ({"VisuCoreWordType": "_32BIT_SGN_INT"}, "144 bytes"),
        ({"VisuCoreWordType": "_16BIT_UNSGN_INT"}, "_16BIT_UNSGN_INT"),
        ({"VisuCoreByteOrder": "middleEndian"}, "middleEndian"),
        ({"VisuCoreDataSlope": "( 3 )\n1 nan 1"}, "finite numbers"),
        ({"VisuCoreDataSlope": "( 3 )\n1 inf 1"}, "finite numbers"),
        ({"VisuCoreDataSlope": "( 3 )\n1 1e999 1"}, "finite numbers"),
        ({"VisuCoreDataSlope": "( 3 )\n1 0 1"}, "VisuCoreDataSlope of 0"),
        ({"VisuCoreDataSlope": "( 3 )\n1 -1 1"}, "VisuCoreDataSlope of -1"),
        ({"VisuCoreDataSlope": "( 3 )\n1"}, "1 values of VisuCoreDataSlope where"),
        ({"VisuCoreDataSlope": "( 2 )\n1 1"}, "2 values of VisuCoreDataSlope for 3 frames"),
        ({"VisuCoreDataSlope": "( 3 )\n1,5 1,5 1,5"}, "a comma"),
        ({"VisuCoreDataOffs": "( 3 )\n0 0 nan"}, "finite numbers"),
        ({"VisuCoreDataOffs": "( 3 )\n0 0 -30000"}, "magnitudes from -"),
        ({"VisuAcqEchoTime": "( 3 )\n2 6.5"}, "2 values of VisuAcqEchoTime where"),
        ({"VisuAcqEchoTime": "( 3 )\n2 nan 11"}, "finite numbers"),
        ({"VisuAcqEchoTime": "( 3 )\n0 5 11"}, "echo times"),
        ({"VisuAcqEchoTime": "( 3 )\n0.010 0.020 0.030"}, "VisuAcqEchoTime of visu_pars.*seconds"),
        (
            {"VisuFGOrderDesc": "( 2 )\n(3, <FG_ECHO>, <>, 0, 1) (2, <FG_SLICE>, <>, 1, 2)"},
            "3 FG_ECHO, 2 FG_SLICE",
        ),
        ({"VisuFGOrderDesc": "( 1 )\n(1000000000000, <FG_ECHO>, <>, 0, 1)"}, "for 3 frames"),
        ({"VisuFGOrderDesc": "( 2 )\n(-3, <FG_ECHO>, <>, 0, 1) (-1, <FG_SLICE>, <>, 1, 2)"}, "for 3 frames"),
        ({"VisuFGOrderDesc": "( 1 )\n(3, <FG_ECHO>, <>, -1, 1)"}, "dependents -1"),
        ({"VisuFGOrderDesc": "( 1 )\n(3, FG_ECHO)"}, "VisuFGOrderDesc"),
        ({"VisuGroupDepVals": "( 1 )\n(<VisuAcqEchoTime>, -2)"}, "begin before 0"),
        ({"VisuCoreOrientation": "( 1, 9 )\n@9*(0)"}, "unit vectors"),
        ({"VisuCoreOrientation": "( 1, 9 )\n2 0 0 0 2 0 0 0 2"}, "unit vectors"),
        ({"VisuCoreOrientation": "( 1, 8 )\n1 0 0 0 1 0 0 0"}, "8 numbers"),
        ({"VisuCorePosition": "( 1, 2 )\n0 0"}, "2 numbers"),
        ({"VisuCoreExtent": "( 2 )\n0.001 0.001"}, "a pixel size of"),
        ({"VisuCoreExtent": "( 2 )\n1e-300 1"}, "a pixel size of"),
        ({"VisuCoreUnits": "( 2, 65 )\n<m> <m>"}, "units m"),
    ],
)
def test_parameters_that_lie_are_refused(write_scan, more, found):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1), more=more)
    with pytest.raises(InputError, match=found) as caught:
        open_image(scan, "mri")
    assert caught.value.source_label.startswith(str(scan))


@pytest.mark.parametrize(("start", "stop"), [(0, 72), (0, 0), (0, 143)])
def test_an_image_of_another_length_is_refused(write_scan, start, stop):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    image = scan / "pdata" / "1" / "2dseq"
    whole = image.read_bytes()
    for content in (whole[start:stop], whole + whole[:4]):
        image.write_bytes(content)
        with pytest.raises(InputError, match=rf"{len(content)} bytes; allowed: 144 bytes"):
            probe_image(scan, "mri")


def test_an_image_without_end_is_refused_unread(write_scan):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    os.truncate(scan / "pdata" / "1" / "2dseq", 10**12)
    with pytest.raises(InputError, match="1000000000000 bytes"):
        open_image(scan, "mri")


@pytest.mark.parametrize("name", ["2dseq", "visu_pars"])
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a pipe"),
        (lambda path: path.symlink_to("gone"), "a link to gone"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.write_bytes(b""), "0 bytes|without a JCAMP-DX version"),
        (lambda path: None, "no (2dseq|visu_pars)"),
    ],
)
def test_files_that_are_none_are_named(write_scan, name, make, found):
    scan = write_scan(stored_frames(3), ECHOES, TE_MS, (1, 1))
    path = scan / "pdata" / "1" / name
    path.unlink()
    make(path)
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=found):
            call(scan, "mri")
    if found not in ("no (2dseq|visu_pars)", "0 bytes|without a JCAMP-DX version"):
        with pytest.raises(InputError, match=found) as caught:
            input_files(scan, "mri")
        assert caught.value.source_label == str(path)


@pytest.mark.parametrize(
    ("kind", "end"),
    [("uint8", 255), ("int16", 32767), ("int32", 2147483647), ("int16", 4095), ("float32", 4095)],
)
def test_samples_cut_off_at_an_end_are_found(write_scan, kind, end):
    echoes = decay(1.5 * end, 0.03 * end)
    stored = np.minimum(echoes, end).astype(kind)
    scan = write_scan(stored, ECHOES, TE_MS, (1, 1), slope=0.5)
    image = open_image(scan, "mri")
    np.testing.assert_array_equal(image.clipped, echoes >= end)
    (warning,) = image.warnings
    assert warning.source_label == str(scan / "pdata" / "1" / "2dseq")
    assert "cut off" in warning.found


def test_masks_follow_slices_and_echoes(write_scan):
    """Slices are reversed, echoes sorted: the mask goes with the samples."""
    end = 32767
    echoes = np.stack([decay(1.5 * end, 900.0), decay(0.5 * end, 900.0)], axis=1)[::-1]  # echo, slice
    stored = np.minimum(echoes, end).astype(np.int16).reshape(6, 40, 40)
    more = {
        "VisuGroupDepVals": "( 3 )\n(<VisuAcqEchoTime>, 0) (<VisuCoreOrientation>, 0) (<VisuCorePosition>, 0)"
    }
    positions = ((0, 0, 1), (0, 0, 0))
    groups = f"{SLICES} {ECHOES}"
    scan = write_scan(stored, groups, TE_MS[::-1], (1, 1), positions=positions, more=more)
    image = open_image(scan, "mri")
    assert image.meta["slices_reversed"]
    np.testing.assert_array_equal(image.clipped, (echoes >= end)[::-1, ::-1])


def test_the_largest_sample_of_a_stretched_frame_is_no_alarm(write_scan):
    echoes = decay(1.0, 0.02)
    slopes = echoes.max(axis=(1, 2)) / 32767
    stored = np.rint(echoes / slopes[:, None, None]).astype(np.int16)
    image = open_image(write_scan(stored, ECHOES, TE_MS, (1, 1), slope=slopes), "mri")
    assert image.clipped is None
    assert not image.warnings
    with pytest.raises(InputError, match="32767 as the largest sample of every echo"):
        open_image(write_scan(stored, ECHOES, TE_MS, (1, 1), name="6"), "mri")


def test_swapped_bytes_and_other_types_are_refused(write_scan):
    stored = decay(4000.0, 100.0)
    names = iter("12345")
    for frames, changes in (
        (stored.astype(np.int16), {"VisuCoreByteOrder": "bigEndian"}),
        (stored.astype(np.int32), {"VisuCoreByteOrder": "bigEndian"}),
        (stored.astype(np.int32), {"VisuCoreWordType": "_32BIT_FLOAT"}),
        (stored.astype(np.float32), {"VisuCoreWordType": "_32BIT_SGN_INT"}),
    ):
        scan = write_scan(frames, ECHOES, TE_MS, (1, 1), more=changes, name=next(names))
        with pytest.raises(InputError, match=r"of the type and byte order that .*visu_pars says") as caught:
            open_image(scan, "mri")
        assert caught.value.source_label.endswith("2dseq")


@pytest.mark.parametrize(("factor", "warned"), [(1.0, False), (0.25, False), (0.5, True), (1.02, True)])
@pytest.mark.parametrize("of_each_frame", [True, False])
def test_the_image_of_another_scan_is_reported(write_scan, factor, warned, of_each_frame):
    """The largest sample is given as stored or as scaled, of each frame or of all."""
    stored = decay(4000.0, 100.0).astype(np.int16)
    largest = stored.max(axis=(1, 2)) * factor
    largest = largest if of_each_frame else np.full(3, largest.max())
    more = {"VisuCoreDataMax": f"( 3 )\n{' '.join(map(str, largest + 0.4))}"}
    image = open_image(write_scan(stored, ECHOES, TE_MS, (1, 1), slope=0.25, more=more), "mri")
    assert [("VisuCoreDataMax" in w.found) for w in image.warnings] == [True] * warned


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_image_of_nothing_is_refused_by_file(write_scan, value):
    stored = decay(4000.0, 100.0).astype(np.float32)
    stored[1] = value
    scan = write_scan(stored, ECHOES, TE_MS, (1, 1))
    with pytest.raises(InputError, match=r"in echo 2 \(6.5 ms\)") as caught:
        open_image(scan, "mri")
    assert caught.value.source_label == str(scan)


def test_single_samples_that_are_no_number_are_left_to_the_status(write_scan):
    stored = decay(4000.0, 100.0).astype(np.float32)
    stored[0, 3, 4], stored[1, 3, 5] = np.nan, np.inf
    data = open_image(write_scan(stored, ECHOES, TE_MS, (1, 1)), "mri").data
    np.testing.assert_array_equal(np.isfinite(data), np.isfinite(stored))


@FUZZ
@given(data=st.data())
def test_any_change_of_the_parameters_ends_in_an_image_or_an_input_error(write_scan, tmp_path, data):
    scan = tmp_path / "5"
    if not scan.exists():
        write_scan(
            stored_frames(6),
            f"{SLICES} {ECHOES}",
            TE_MS,
            (1, 1),
            positions=((0, 0, 0), (0, 0, 0.5)),
            more={"VisuCoreDataMax": "( 6 )\n@6*(32767)"},
        )
        (tmp_path / "whole").write_bytes((scan / "pdata" / "1" / "visu_pars").read_bytes())
    content: Any = bytearray((tmp_path / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        new = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"0", b"-1", b"1e400", b"@9999*(", b"(", b")", b"<", b">", b"\n##$", b"9" * 30]
                ),
            )
        )
        content[at : at + data.draw(st.integers(0, 30))] = new
    (scan / "pdata" / "1" / "visu_pars").write_bytes(bytes(content))
    for call in (probe_image, open_image):
        try:
            call(scan, "mri")
        except InputError as error:
            assert error.source_label.startswith(str(scan))  # noqa: PT017 - an image is as good
