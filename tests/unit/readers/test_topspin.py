from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.any_bytes import FUZZ


def write_parameters(path: Path, **values: str) -> None:
    lines = ["##TITLE= Parameter file, TopSpin 4.0.6", "##JCAMPDX= 5.0", "##DATATYPE= Parameter Values"]
    lines += [f"##${key}= {value}" for key, value in values.items()]
    path.write_text("\n".join([*lines, "##END="]) + "\n")


def gradients(percent: float) -> dict[str, str]:
    zeros = "(0..31)\n" + " ".join(["0"] * 32)
    return {"GPX": zeros, "GPY": zeros, "GPZ": zeros.replace("0 0", f"0 {percent:g}", 1)}


def write_dataset(folder: Path, *, td: int = 64, rows: tuple[int, ...] = (5,), **acqus: str) -> Path:
    """A dataset of TopSpin; each row of a ser starts on a multiple of 1024 bytes."""
    folder.mkdir()
    defaults = {
        "TD": f"{td}",
        "NUC1": "<23Na>",
        "PULPROG": "<se2d>",
        "BYTORDA": "0",
        "DTYPA": "0",
        "FOV": "20",
    }
    write_parameters(folder / "acqus", **{**defaults, **gradients(0), **acqus})
    for axis, n in enumerate(rows, start=2):
        write_parameters(folder / f"acqu{axis}s", TD=f"{n}", FnMODE="1")
    words = np.zeros((int(np.prod(rows)), max(td, 256)), "<i4")
    (folder / ("ser" if rows else "fid")).write_bytes(words.tobytes())
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"VCLIST": "<T2_9>", "PULPROG": "<cpmg_T2>"},
            r"5 rows of 32 complex points \(23Na, pulse program cpmg_T2\) that step through loop counts "
            r"\(VCLIST T2_9\), without any gradient .* no spatial axis",
        ),
        ({"VDLIST": "<taus>"}, r"step through delays \(VDLIST taus\)"),
        ({}, "step through no list"),
        ({"rows": ()}, r"one signal of 32 complex points .* no spatial axis"),
        ({"rows": (16, 4)}, "4 x 16 rows of 32 complex points"),
        (
            gradients(35.5),
            "gradients up to 35.5 %, but no word on which of them encodes an axis, on the field of view",
        ),
    ],
)
def test_a_dataset_is_refused_with_what_it_is(tmp_path, arguments, words):
    folder = write_dataset(tmp_path / "38", **arguments)
    for path in (folder, folder / ("ser" if (folder / "ser").exists() else "fid")):
        for call in (open_image, probe_image, input_files):
            with pytest.raises(InputError, match=words) as caught:
                call(path, "mri")
            assert "acqp and method" in caught.value.allowed


def test_parameters_as_set_serve_where_those_as_acquired_are_missing(tmp_path):
    folder = write_dataset(tmp_path / "38")
    for name in ("acqu", "acqu2"):
        (folder / f"{name}s").rename(folder / name)
    with pytest.raises(InputError, match="5 rows of 32"):
        probe_image(folder, "mri")


def test_damaged_parameters_are_named(tmp_path):
    folder = write_dataset(tmp_path / "38", TD="many")
    with pytest.raises(InputError, match="TD = many"):
        probe_image(folder, "mri")
    (folder / "acqus").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="unreadable parameters without a JCAMP-DX version"):
        probe_image(folder, "mri")


def test_a_cut_array_ends_at_the_end_of_the_file(tmp_path):
    folder = write_dataset(tmp_path / "38")
    whole = (folder / "acqus").read_text()
    (folder / "acqus").write_text(whole[: whole.index("##$GPZ=") + 20])
    with pytest.raises(InputError, match="no spatial axis"):
        probe_image(folder, "mri")


def test_a_scan_of_paravision_beside_it_is_no_dataset_of_topspin(tmp_path, write_scan):
    scan = write_scan(np.arange(24, dtype=np.int16).reshape(1, 6, 4), "", (5,), (1, 1))
    write_parameters(scan / "acqus", TD="64")
    (scan / "acqp").write_text("##TITLE=Parameter List\n##JCAMPDX=4.24\n##END=\n")
    assert open_image(scan, "mri").meta["te_ms"] == (5.0,)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.symlink_to("gone"), "a link to gone"),
        (os.mkfifo, "a pipe"),
        (Path.mkdir, "a folder"),
        (lambda path: path.write_bytes(b""), "unreadable parameters"),
        (lambda path: path.open("wb").truncate(10**8), "100000000 bytes of text"),
    ],
)
def test_parameter_files_that_are_none_are_named(tmp_path, make, found):
    folder = write_dataset(tmp_path / "38")
    (folder / "acqu2s").unlink()
    make(folder / "acqu2s")
    with pytest.raises(InputError, match=found) as caught:
        probe_image(folder, "mri")
    assert caught.value.source_label == str(folder / "acqu2s")


@pytest.mark.parametrize("td", ["9" * 5000, "-4", "1e9", "٣"])
def test_numbers_of_points_that_are_none_are_refused(tmp_path, td):
    with pytest.raises(InputError, match="TD = "):
        probe_image(write_dataset(tmp_path / "38", TD=td), "mri")


def test_gradients_without_end_and_texts_without_end_take_no_memory(tmp_path):
    folder = write_dataset(
        tmp_path / "38", GPZ="(0..999999999)\n@999999999*(1)", NUC1="<" + "x" * 10**6 + ">"
    )
    with pytest.raises(InputError, match="more than 1048576 values of GPZ"):
        probe_image(folder, "mri")


@FUZZ
@given(data=st.data())
def test_any_change_of_the_parameters_ends_in_an_input_error(tmp_path, data):
    folder = tmp_path / "38"
    if not folder.exists():
        write_dataset(folder, VDLIST="<taus>", **gradients(35.5))
        (tmp_path / "whole").write_bytes((folder / "acqus").read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=12))
    (folder / "acqus").write_bytes(bytes(content))
    with pytest.raises(InputError) as caught:
        probe_image(folder, "mri")
    assert caught.value.source_label.startswith(str(tmp_path))
