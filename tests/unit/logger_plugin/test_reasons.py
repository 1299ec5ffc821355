"""Why jobs would run, in words."""

from __future__ import annotations

import pytest
from snakemake.persistence import ParamsChange

from snakemake_logger_plugin_spallmap.config_keys import ConfigKeys, read_keys
from snakemake_logger_plugin_spallmap.reasons import FOLLOWS, NEVER_MADE, in_words
from spallmap.cli.checkout import workflow_folder

DEFAULTS = {
    "t2.long_ms": "12",
    "t2.sigma": "None",
    "links.n_null": "1999",
    "random_seed": "1",
    "demo.seed": "1",
}
KEYS = ConfigKeys(DEFAULTS, DEFAULTS | {"links.n_null": "199", "t2.n": "7"})
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
            ["t2.long_ms changed", "t2.sigma changed"],
        ),
        (params(["1999"], ["199"]), ["links.n_null changed"]),
        (params(["3"], ["1"]), ["a parameter (3 to 1) changed"]),
        (params(["'x'"], ["'y'"]), ["a parameter (x to y) changed"]),
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
    assert in_words("Missing output files: a, b", KEYS, n_outputs=2) == [NEVER_MADE]
    assert in_words("Missing output files: a, b", KEYS, n_outputs=3) == ["some results are missing"]


def test_keys_of_a_run_are_those_of_the_defaults_the_files_and_the_command_line(tmp_path):
    (tmp_path / "mine.yaml").write_text("t2: {long_ms: 13}\nresults: mine\n")
    defaults = workflow_folder() / "config" / "config.yaml"
    words = ["--cores", "1", "--config=random_seed=2", "t2={sigma: 3}", "figures"]
    keys = read_keys(defaults, [tmp_path / "mine.yaml", tmp_path / "none.yaml"], words)
    assert keys.defaults["t2.long_ms"] == "12"
    assert keys.current["t2.long_ms"] == "13"
    assert keys.current["t2.sigma"] == "3"
    assert keys.whole("n_null") == "links.n_null"
    assert keys.whole("nothing") == "nothing"
    assert keys.of_value(1, 2) == "random_seed"


def test_a_value_that_two_keys_could_have_names_none():
    keys = ConfigKeys({"a.x": "1", "b.y": "1"}, {"a.x": "2", "b.y": "2"})
    assert keys.of_value(1, 2) == ""
    assert ConfigKeys({"a.x": "1", "b.y": "3"}, {"a.x": "2", "b.y": "2"}).of_value(1, 2) == "a.x"
