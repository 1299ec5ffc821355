from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers.te_sidecar import bids_file, find_echo_times, natural_order, read_list


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
    path.write_text("2 4\n6,5 six\n")
    with pytest.raises(InputError, match="line 2: found 'six'"):
        read_list(path)
    path.write_bytes(b"\xff\xfe2\x00")
    with pytest.raises(InputError, match="no text"):
        read_list(path)


def test_a_list_that_does_not_fit_is_refused(tmp_path):
    image = tmp_path / "a.nii"
    for text, found in (("2 4", "2 echo times for 3"), ("2 4 nan", "nan"), ("0.002 0.004 0.006", "seconds")):
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
        (json.dumps({"EchoTime": [2.0, 4.0]}), "may be ms"),
        (json.dumps({"EchoTime": 0.002}), "1 echo times for 2"),
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
