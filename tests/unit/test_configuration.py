"""The configuration: the defaults hold, and every mistake is reported."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from spallmap.configuration import check_config, read_schema
from spallmap.errors import InputError

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


def test_an_absent_key_is_reported():
    config = {k: v for k, v in DEFAULT.items() if k != "t2"}
    with pytest.raises(InputError, match=r"'t2'.*no value"):
        check_config(config, SCHEMA)
