"""A file of configuration is looked at as it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spallmap.errors import InputError, InputGroupError
from spallmap.user_files.config_file import check_config_file

ROOT = Path(__file__).parents[3]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "t2:\n  long_ms: 14\n",
        "{t2: {long_ms: 14}}",
        '{\n\t"t2": {"long_ms": 14}}',
        "\ufeffresults: out # a remark\n",
        "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n",
    ],
)
def test_yaml_and_json_pass(tmp_path, content):
    check_config_file(written(tmp_path, content))


def test_the_default_configuration_passes():
    check_config_file(ROOT / "config" / "config.yaml")


BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{{', '.join(f'k{k}: *a{n - 1}' for k in range(10))}}}\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("t2:\n  long_ms: 12\n  sigma: 3\n  long_ms: 14\n", ["line 4", "t2.long_ms", "line 2"]),
        ("results: a\nt2: {}\nresults: b\n", ["line 3", "'results'", "line 1"]),
        ('{"t2": {"long_ms": 12, "long_ms": 14}}', ["'long_ms' twice"]),
        ("", ["nothing", "YAML"]),
        ("# a remark\n", ["nothing"]),
        ("- t2\n- mri\n", ["no mapping"]),
        ("12\n", ["no mapping"]),
        ("t2:\n\tlong_ms: 4\n", ["line 2", "a tab", "spaces"]),
        ("t2: {long_ms: 4\nmri: 5\n", ["no YAML", "line"]),
        ("t2: [1\n", ["no YAML"]),
        ("a: 1\n---\nb: 2\n", ["no YAML", "single document"]),
        ('a: 1\nresults: !!python/object/apply:os.system ["id"]\n', ["line 2", "no YAML", "os.system"]),
        ("a: 1\nb: 2026-02-30\n", ["a value that is none", "day"]),
        ("[a, b]: 1\n", ["no YAML", "key", "line 1"]),
        ("t2:\n  long_ms: 4\n".encode("utf-16"), ["UTF-16", "UTF-8"]),
        ("results: Prüfung\n".encode("latin-1"), ["line 1", "'ü'"]),
        (b"t2: 1\x00\n", ["null byte"]),
        (BOMB, ["aliases"]),
        ("a: &a [*a]\n", ["aliases"]),
        ("a: " + "[" * 2000 + "]" * 2000, ["nested"]),
        ('{"a": ' + "[" * 20_000 + "]" * 20_000 + "}", ["nested"]),
        ("a: " + "x" * 2_000_000, ["bytes"]),
        ("__use_yte__: true\nresults: ?1 + 1\n", ["__use_yte__", "runs code"]),
        ("*a: 1\n", ["no YAML", "alias"]),
    ],
)
def test_what_a_loader_would_drop_or_choke_on_is_reported(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        check_config_file(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_all_keys_that_stand_twice_are_reported(tmp_path):
    with pytest.raises(InputGroupError) as caught:
        check_config_file(written(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n"))
    assert len(caught.value.errors) == 2


def test_what_is_no_file_is_reported(tmp_path):
    with pytest.raises(InputError, match="found no such file"):
        check_config_file(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="found a folder"):
        check_config_file(tmp_path)
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(InputError, match="found a pipe"):
        check_config_file(tmp_path / "config.yaml")
