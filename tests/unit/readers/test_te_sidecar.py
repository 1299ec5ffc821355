from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers.te_sidecar import bids_file, find_echo_times, natural_order, read_bids, read_list


@given(
    values=st.lists(st.floats(0.01, 1e4), min_size=1, max_size=20),
    separators=st.lists(
        st.sampled_from([" ", ", ", "; ", "\n", "\t", "\r\n", ",\n", " # a word, 3\n"]), min_size=20
    ),
)
def test_any_separator_and_comment(tmp_path_factory, values, separators):
    path = tmp_path_factory.mktemp("times") / "echo_times_ms.txt"
    text = "# ms\n" + "".join(f"{v!r}{s}" for v, s in zip(values, separators, strict=False))
    path.write_bytes(text.encode())
    assert read_list(path) == tuple(values)


def test_what_is_no_number_is_named_with_its_line(tmp_path):
    path = tmp_path / "echo_times_ms.txt"
    path.write_text("2 4\n6.5 six\n")
    with pytest.raises(InputError, match="line 2: found 'six'"):
        read_list(path)


def test_a_list_that_does_not_fit_is_refused(tmp_path):
    image = tmp_path / "a.nii"
    for text, found in (
        ("2 4", "2 echo times for 3"),
        ("2 4 nan", "nan"),
        ("2 4 -6", "-6"),
        ("2 4 0", "0 ms"),
    ):
        (tmp_path / "a.nii.echo_times_ms.txt").write_text(text)
        with pytest.raises(InputError, match=found):
            find_echo_times(image, [image], [3], None)


def test_without_times_the_message_says_what_to_write(tmp_path):
    image = tmp_path / "scan.nii.gz"
    with pytest.raises(InputError, match=r"scan\.nii\.gz\.echo_times_ms\.txt with 3 echo time.*scan\.json"):
        find_echo_times(image, [image], [3], None)
    with pytest.raises(InputError) as caught:
        find_echo_times(tmp_path, [image, tmp_path / "b.nii"], [1, 1], tmp_path)
    assert f"{tmp_path / 'echo_times_ms.txt'} with 2" in caught.value.allowed


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "no readable JSON"),
        ("[1]", "a JSON list"),
        (json.dumps({"EchoTime": "2"}), "'2'"),
        (json.dumps({"EchoTime": [0.002, True]}), "True"),
        (json.dumps({"EchoTime": 0.002}), "1 echo times for 2"),
        (json.dumps({"EchoTime": [0.002, -0.004]}), "-4 ms"),
        (json.dumps({"EchoTime": [0.002, float("nan")]}), "nan"),
        (json.dumps({"EchoTime": [0.002, float("inf")]}), "inf"),
        (json.dumps({"EchoTime": [0.002, {"a": 1}]}), "'a'"),
        (json.dumps({"EchoTime": None}), "None"),
        ('{"EchoTime": [0.002, 1e999]}', "inf"),
        ('{"EchoTime": [0.002, ' + "9" * 5000 + "]}", "no readable JSON"),
        ('{"EchoTime": [0.002, 0.004], "EchoTime": [0.003, 0.006]}', "twice, with different values"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"EchoTime": ' + " " * (1 << 22) + "2}", "bytes of text"),
    ],
)
def test_bids_files_that_cannot_be_used(tmp_path, content, found):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=found):
        find_echo_times(tmp_path / "a.nii", [tmp_path / "a.nii"], [2], None)


def test_a_list_beside_the_image_comes_before_bids(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"EchoTime": [0.0041, 0.0082], "EchoNumber": 1}))
    image = tmp_path / "a.nii"
    found = find_echo_times(image, [image], [2], None)
    assert found.te_ms == (4.1, 8.2)  # and not 4.1000000000000005
    assert found.sidecars == (tmp_path / "a.json",)
    (tmp_path / "a.nii.echo_times_ms.txt").write_text("3 5")
    found = find_echo_times(image, [image], [2], None)
    assert found.te_ms == (3.0, 5.0)
    assert found.bids == ({"EchoTime": [0.0041, 0.0082], "EchoNumber": 1},)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".tif", ".OME.TIF", ".ome.tiff", ".btf"])
def test_the_bids_file_of_an_image(ending):
    assert bids_file(Path("x") / f"a.b{ending}") == Path("x/a.b.json")


@given(numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=8, unique=True))
def test_numbers_in_names_count(numbers):
    names = [Path(f"te{n}_b.tif") for n in numbers]
    assert sorted(names, key=natural_order) == [Path(f"te{n}_b.tif") for n in sorted(numbers)]


def test_names_that_begin_with_a_number_sort_beside_others():
    names = [Path(n) for n in ("b1", "2", "a", "10", "B0")]
    assert [p.name for p in sorted(names, key=natural_order)] == ["2", "10", "a", "B0", "b1"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2,1 6,5 11,2", "2.1 6.5 11.2"),
        ("2;6,5;11", "2 6.5 11"),
        ("2,1\t6,5\t11,2\n", "2.1 6.5 11.2"),
        ("2,1\n6,5\n11,2\n", "2.1 6.5 11.2"),
        ("2,1, 6,5, 11,2", "2.1 6.5 11.2"),
        ("2, 6, 11,5", "2 6 11.5"),
        ("0,002 0,0065", "0.002 0.0065"),
        ("2.1 6,5 11.2", "2.1 6.5 11.2"),
    ],
)
def test_a_comma_that_may_be_a_decimal_one_is_refused(tmp_path, text, meant):
    path = tmp_path / "echo_times_ms.txt"
    path.write_text(text)
    with pytest.raises(InputError, match="one number with a decimal comma or two numbers") as caught:
        read_list(path)
    assert f"write {meant} if the commas are decimal ones" in caught.value.allowed


@pytest.mark.parametrize(
    ("text", "n_echoes"), [("2,5", 1), ("2,1,6,5,11,2", 3)], ids=["one number", "three numbers"]
)
def test_twice_as_many_numbers_as_echoes_may_be_decimal_commas(tmp_path, text, n_echoes):
    image = tmp_path / "a.nii"
    (tmp_path / "a.nii.echo_times_ms.txt").write_text(text)
    with pytest.raises(InputError, match=r"echoes: .*if the commas are decimal ones, write points"):
        find_echo_times(image, [image], [n_echoes], None)


@pytest.mark.parametrize(
    "text", ["2,6.5,11", "2, 6.5, 11", "2; 6.5; 11", "2,6.5\n11", "2,6.5,11,", "+2 6.5 1.1e1"]
)
def test_commas_between_numbers_stay(tmp_path, text):
    path = tmp_path / "echo_times_ms.txt"
    path.write_text(text)
    assert read_list(path) == (2.0, 6.5, 11.0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_encodings_of_spreadsheets_and_editors(tmp_path, encoding):
    path = tmp_path / "echo_times_ms.txt"
    path.write_bytes("# für µs: nein\r\n2\r\n6.5\r\n".encode(encoding))
    assert read_list(path) == (2.0, 6.5)
    (tmp_path / "a.json").write_bytes('{"EchoTime": 0.002, "ProtocolName": "Müller"}'.encode(encoding))
    assert read_bids(tmp_path / "a.json") == {"EchoTime": 0.002, "ProtocolName": "Müller"}


@pytest.mark.parametrize("content", ["2 6.5".encode("utf-16-le"), b"2 6.5 \x81\x8d", b"2\x006"])
def test_what_is_no_text_is_refused_with_the_remedy(tmp_path, content):
    path = tmp_path / "echo_times_ms.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="save it as UTF-8"):
        read_list(path)


@pytest.mark.parametrize("word", ["two", "2ms", "2_0", "nan", "inf", "0x2", "२", "2.1.5", "−2", "2e9999"])
def test_words_that_are_no_numbers_are_named(tmp_path, word):
    path = tmp_path / "echo_times_ms.txt"
    path.write_text(f"6.5 # ms\n{word}\n")
    with pytest.raises(InputError, match=f"line 2: found '{re.escape(word)}'"):
        read_list(path)


def test_a_list_of_any_length_is_not_read(tmp_path):
    path = tmp_path / "echo_times_ms.txt"
    path.write_text("2 " * 200_000)
    with pytest.raises(InputError, match="400000 bytes of text"):
        read_list(path)


@pytest.mark.parametrize("name", ["echo_times_ms.txt", "a.nii.echo_times_ms.txt", "a.json"])
def test_a_sidecar_that_cannot_be_read_is_not_taken_for_none(tmp_path, name):
    image = tmp_path / "a.nii"
    (tmp_path / "a.json").write_text('{"EchoTime": 0.002}')
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).symlink_to("/nowhere/at/all")
    with pytest.raises(InputError, match=rf"{name}: found a link to /nowhere/at/all, which does not exist"):
        find_echo_times(tmp_path, [image], [1], tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: found a pipe"):
        find_echo_times(tmp_path, [image], [1], tmp_path)


def test_echo_times_that_repeat_are_reported(tmp_path):
    images = [tmp_path / f"{n}.nii" for n in range(4)]
    (tmp_path / "echo_times_ms.txt").write_text("2 6.5 2 2")
    found = find_echo_times(tmp_path, images, [1] * 4, tmp_path)
    assert found.te_ms == (2.0, 6.5, 2.0, 2.0)
    [warning] = found.warnings
    assert "2 ms 3 times" in warning.found
    assert warning.source_label == str(tmp_path / "echo_times_ms.txt")
    (tmp_path / "echo_times_ms.txt").write_text("2 6.5 11 20")
    assert find_echo_times(tmp_path, images, [1] * 4, tmp_path).warnings == ()


def test_files_that_hold_the_same_echo_times_are_two_series(tmp_path):
    images = [tmp_path / "a.nii", tmp_path / "b.nii"]
    (tmp_path / "echo_times_ms.txt").write_text("2 6.5 2 6.5")
    with pytest.raises(InputError, match=r"several series with the same echo times .*a\.nii, b\.nii"):
        find_echo_times(tmp_path, images, [2, 2], tmp_path)


def test_a_list_that_contradicts_bids_is_used_and_reported(tmp_path):
    image = tmp_path / "a.nii"
    (tmp_path / "a.json").write_text('{"EchoTime": [0.002, 0.0065]}')
    (tmp_path / "echo_times_ms.txt").write_text("2 6.6")
    assert find_echo_times(tmp_path, [image], [2], tmp_path).warnings == ()
    (tmp_path / "echo_times_ms.txt").write_text("2 13")
    found = find_echo_times(tmp_path, [image], [2], tmp_path)
    assert (found.te_ms, found.stored_as) == ((2.0, 13.0), "ms")
    assert "EchoTime of 2, 6.5 ms in a.json, and 2, 13 ms" in found.warnings[0].found
    (tmp_path / "echo_times_ms.txt").unlink()
    assert find_echo_times(tmp_path, [image], [2], tmp_path).stored_as == "s"


@pytest.mark.parametrize(
    ("key", "values"),
    [("RepetitionTime", (1.0, 0.1)), ("MagneticFieldStrength", (9.4, 7)), ("Nucleus", ("23Na", "1H"))],
)
def test_bids_files_of_other_settings_are_refused(tmp_path, key, values):
    images = [tmp_path / "a.nii", tmp_path / "b.nii"]
    for image, te_s, value in zip(images, (0.002, 0.004), values, strict=True):
        image.with_suffix(".json").write_text(json.dumps({"EchoTime": te_s, key: value}))
    with pytest.raises(InputError, match=rf"b\.json, {key}"):
        find_echo_times(tmp_path, images, [1, 1], tmp_path)
