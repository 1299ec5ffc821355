"""The configuration: the defaults hold, and every mistake is reported."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import yaml

from spallmap.configuration import check_config, read_schema, typed_values
from spallmap.errors import InputError, InputGroupError

ROOT = Path(__file__).parents[2]
SCHEMA = read_schema(ROOT / "workflow" / "schemas" / "config.schema.yaml")
DEFAULT = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))


def leaves(schema, prefix=""):
    for key, inner in schema["properties"].items():
        if "properties" in inner:
            yield from leaves(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_the_default_configuration_is_valid_and_has_every_key():
    check_config(DEFAULT, SCHEMA)


def test_every_key_is_explained():
    text = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    for key in leaves(SCHEMA):
        assert f"`{key}`" in text


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("t2", "model"), "gauss", ["t2.model", "'gauss'", "rician"]),
        (("t2", "long_ms"), -1, ["t2.long_ms", "-1", "ms"]),
        (("t2", "long"), 12, ["t2.long", "unknown key", "long_ms"]),
        (("random_seed",), "one", ["random_seed", "'one'", "whole number"]),
        (("seed",), 1, ["seed", "unknown key", "random_seed"]),
    ],
)
def test_a_mistake_is_reported_with_its_key(path, value, words):
    config = copy.deepcopy(DEFAULT)
    inner = config
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(InputError) as caught:
        check_config(config, SCHEMA)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t2": 5}, ["'t2'", "found 5", "a mapping with the keys"]),
        ({"t2": None}, ["'t2'", "found null", "a mapping"]),
        ({"t2": {"long_ms": math.nan}}, ["t2.long_ms", "found nan", "a time in ms"]),
        ({"t2": {"sigma": math.inf}}, ["t2.sigma", "found inf"]),
        ({"t2": {"long_ms": "12,5"}}, ["'12,5'", "write 12.5 without quotation marks"]),
        ({"t2": {"long_ms": "1e1"}}, ["'1e1'", "write 10 without"]),
        ({"t2": {"long_ms": True}}, ["t2.long_ms", "True"]),
        ({"t2": {"n_coils": 1.0}}, ["t2.n_coils", "1.0", "whole number"]),
        ({"t2": {"model": None}}, ["t2.model", "null", "rician"]),
        ({"random_seed": None}, ["random_seed", "null"]),
        ({"acquisitions": ""}, ["'acquisitions'", "''"]),
        ({"acquisitions": 2024}, ["'acquisitions'", "2024", "quotation marks"]),
        ({"results": ""}, ["'results'", "''"]),
        ({"figures": {"cell": 7}}, ["figures.cell", "quotation marks"]),
        ({"xct": {"slabs": [1] * 100_000}}, ["xct.slabs", "..."]),
        ({1: 2}, ["key '1'", "unknown key"]),
    ],
)
def test_a_value_of_another_kind_is_reported_with_what_to_write(changes, words):
    config = copy.deepcopy(DEFAULT)
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    with pytest.raises(InputError) as caught:
        check_config(config, SCHEMA)
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 500


def test_all_mistakes_are_reported_at_once():
    config = {**DEFAULT, "t2": {"model": "gauss", "long": 3}, "seed": 1}
    with pytest.raises(InputGroupError) as caught:
        check_config(config, SCHEMA)
    keys = {error.source_label.partition("key ")[2].strip("'") for error in caught.value.errors}
    wrong = {"t2.model", "t2.long", "seed"}
    assert keys == wrong | {f"t2.{key}" for key in DEFAULT["t2"]} - {"t2.model"}


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({"t2": {"long_ms": "14"}}, {"t2": {"long_ms": 14}}),
        ({"t2": {"long_ms": "14.5", "sigma": "null"}}, {"t2": {"long_ms": 14.5, "sigma": None}}),
        ({"t2": {"model": "chi", "n_coils": "4"}}, {"t2": {"model": "chi", "n_coils": 4}}),
        ({"figures": {"cell": "2024"}}, {"figures": {"cell": "2024"}}),
        ({"t2": {"long_ms": "fourteen"}}, {"t2": {"long_ms": "fourteen"}}),
        ({"t2": {"long_ms": "[1]"}, "nosuch": {"a": "1"}}, {"t2": {"long_ms": "[1]"}, "nosuch": {"a": "1"}}),
        ({"results": "out", "random_seed": 3}, {"results": "out", "random_seed": 3}),
        ({"t2": {"long_ms": "{"}}, {"t2": {"long_ms": "{"}}),
    ],
)
def test_texts_of_the_command_line_become_what_the_schema_wants(given, typed):
    assert typed_values(given, SCHEMA) == typed


def test_an_absent_key_is_reported():
    config = {k: v for k, v in DEFAULT.items() if k != "t2"}
    with pytest.raises(InputError, match=r"'t2'.*no value"):
        check_config(config, SCHEMA)
