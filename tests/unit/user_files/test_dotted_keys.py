"""Nested keys as people write them."""

from __future__ import annotations

import pytest
from snakemake.cli import parse_config

from spallmap.configuration import typed_values
from spallmap.user_files.dotted_keys import nested_key, nested_keys

SCHEMA = {
    "properties": {
        "t2": {
            "properties": {"long_ms": {"type": "number"}, "sigma": {"type": ["number", "null"]}, "model": {}}
        },
        "figures": {"properties": {"cell": {"type": ["string", "null"]}}},
        "results": {"type": "string"},
    }
}


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        (["t2.long_ms=14", "t2.model=offset"], {"t2": {"long_ms": 14, "model": "offset"}}),
        (["t2.sigma=null"], {"t2": {"sigma": None}}),
        (['figures.cell=c: "12"'], {"figures": {"cell": 'c: "12"'}}),
        (["results=out/a.b"], {"results": "out/a.b"}),
        (["one.b.c=1"], {"one": {"b": {"c": "1"}}}),
    ],
)
def test_snakemake_reads_them_as_nested_keys(entries, wanted):
    words = nested_keys(["--config", *entries, "--dry-run", "results/a.b=c"])
    assert words[-2:] == ["--dry-run", "results/a.b=c"]
    assert typed_values(parse_config(words[1:-2]), SCHEMA) == wanted


@pytest.mark.parametrize("entry", ["t2", "results=out", ".a=1", "a.=1", "t2={long_ms: 14}"])
def test_what_is_no_nested_key_stays(entry):
    assert nested_key(entry) == entry
