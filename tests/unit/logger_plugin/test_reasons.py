"""Why jobs would run, in words."""

from __future__ import annotations

import pytest
from snakemake.persistence import ParamsChange

from snakemake_logger_plugin_spallmap.reasons import FOLLOWS, NEVER_MADE, in_words, key_names
from spallmap.cli.checkout import workflow_folder

KEYS = {"long_ms": "t2.long_ms", "sigma": "t2.sigma", "cell": "figures.cell"}
OLD = "1f0c8f0ad7a6ab3b3b4bb1b1c4b59a0e"
NEW = "2f0c8f0ad7a6ab3b3b4bb1b1c4b59a0e"


def params(before, now):
    return f"Params have changed since last execution: {ParamsChange(set(before), set(now), {'a'})}"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Missing output files: out/t2.json", [NEVER_MADE]),
        ("Missing output files: out/t2.json; Code has changed since last execution", [NEVER_MADE]),
        ("Incomplete output files: out/t2.json", ["was cut short"]),
        ("Updated input files: raw/5/pdata/1/2dseq", ["2dseq changed"]),
        ("Updated input files: a/1.tif, a/2.tif, a/3.tif, a/4.tif", ["1.tif and 3 more files changed"]),
        ("Input files updated by another job: out/t2.json", [FOLLOWS]),
        (
            "Updated input files: raw/a.csv; Input files updated by another job: out/t2.json",
            ["a.csv changed"],
        ),
        ("Set of input files has changed since last execution", ["files were added or left out"]),
        ("Code has changed since last execution", ["the program changed"]),
        ("Forced execution", ["forced"]),
        (
            "Software environment definition has changed since last execution",
            ["software changed"],
        ),
        (
            params(["{'long_ms': 12, 'sigma': None}"], ["{'long_ms': 14, 'sigma': None}"]),
            ["t2.long_ms changed"],
        ),
        (
            params(["{'long_ms': 12, 'sigma': None}"], ["{'long_ms': 14, 'sigma': 2.5}"]),
            ["t2.long_ms, t2.sigma changed"],
        ),
        (params(["1999"], ["199"]), ["a parameter (1999 to 199) changed"]),
        (params([f"'{OLD}'"], [f"'{NEW}'"]), ["input files changed"]),
        (
            f"Updated input files: raw/2dseq; {params([repr(OLD)], [repr(NEW)])}",
            ["2dseq changed"],
        ),
        (params(["PosixPath('a')"], ["PosixPath('b')"]), ["parameters changed"]),
        (params([], ["'new'"]), ["a parameter (nothing to new) changed"]),
        (params(["(1.0, 2.0)"], ["(1.0, 3.0)"]), ["parameters changed"]),
    ],
)
def test_each_cause_is_said_in_a_few_words(reason, words):
    assert in_words(reason, KEYS) == words


def test_results_that_are_there_in_part_were_made_once():
    assert in_words("Missing output files: a, b", {}, n_outputs=2) == [NEVER_MADE]
    assert in_words("Missing output files: a, b", {}, n_outputs=3) == ["some results are missing"]


def test_nested_keys_have_their_whole_names():
    names = key_names(workflow_folder() / "config" / "config.yaml")
    assert names["long_ms"] == "t2.long_ms"
    assert names["n_null"] == "links.n_null"


def test_a_last_name_of_two_keys_names_none(tmp_path):
    (tmp_path / "config.yaml").write_text("a: {x: 1, y: 2}\nb: {x: 3}\n")
    assert key_names(tmp_path / "config.yaml") == {"y": "a.y"}
    assert key_names(tmp_path / "none.yaml") == {}
