"""Snakemake's command line as spallmap run puts it together."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from spallmap.cli.run_command import _Unbothered, snakemake_arguments

HERE = Path("/opt/spallmap")
SLURM = "workflow/profiles/slurm"


@pytest.fixture(autouse=True)
def _no_profile(monkeypatch):
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)


def line(*words, folder=HERE):
    return snakemake_arguments(Path("my.yaml"), list(words), folder)


def test_defaults_stand_before_the_words_and_end_in_a_flag():
    assert line("figures") == [
        *("--snakefile", "/opt/spallmap/Snakefile"),
        *("--configfile", "my.yaml"),
        *("--logger", "spallmap"),
        *("--cores", "all"),
        "--keep-going",
        "figures",
    ]


@pytest.mark.parametrize("words", [["-c", "4"], ["-c4"], ["--cores=4"], ["--jobs", "3"], ["-j3"]])
def test_cores_are_the_users_own_where_they_are_named(words):
    assert "all" not in line(*words)
    assert line(*words)[-len(words) :] == words


@pytest.mark.parametrize("words", [["--workflow-profile", "mine"], ["--profile=mine"]])
def test_a_profile_decides_about_cores(words):
    assert "--cores" not in line(*words)


def test_a_profile_of_the_environment_decides_about_cores(monkeypatch):
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "mine")
    assert "--cores" not in line("-n")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--workflow-profile", SLURM], ["--workflow-profile", f"{{}}/{SLURM}"]),
        ([f"--workflow-profile={SLURM}"], [f"--workflow-profile={{}}/{SLURM}"]),
        (["--workflow-profile", "none", "-n"], ["--workflow-profile", "none", "-n"]),
    ],
)
def test_a_profile_may_be_named_relative_to_the_checkout(tmp_path, monkeypatch, words, wanted):
    monkeypatch.chdir(tmp_path)
    checkout = tmp_path / "elsewhere"
    (checkout / "workflow" / "profiles" / "slurm").mkdir(parents=True)
    assert line(*words, folder=checkout)[-len(words) :] == [word.format(checkout) for word in wanted]


def test_a_profile_in_the_working_directory_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "elsewhere"):
        (folder / "mine").mkdir(parents=True)
    assert line("--workflow-profile", "mine", folder=tmp_path / "elsewhere")[-1] == "mine"


def test_further_files_of_configuration_come_after_the_first():
    words = line("--configfile", "more.yaml", "-n")
    at = words.index("--configfile")
    assert words[at : at + 3] == ["--configfile", "my.yaml", "more.yaml"]
    assert words.count("--configfile") == 1
    assert "--configfile my.yaml more.yaml" in " ".join(line("--configfile=more.yaml"))


def test_a_snakefile_and_a_logger_of_the_user_are_kept():
    words = line("-s", "Mine", "--logger", "other")
    assert "/opt/spallmap/Snakefile" not in words
    assert words.count("--logger") == 1


def test_nested_keys_are_written_as_snakemake_reads_them():
    assert line("--config", "t2.long_ms=14", "t2.model=offset")[-2:] == [
        't2={"long_ms": "14"}',
        't2={"model": "offset"}',
    ]


def test_snakemakes_line_about_its_profile_is_left_out_and_nothing_else():
    out = io.StringIO()
    stream = _Unbothered(out)
    print("Using workflow specific profile /a b/c for setting default command line arguments.", file=stream)
    print("Using the wrong file", file=stream)
    print(file=stream)
    assert out.getvalue() == "Using the wrong file\n\n"
    assert stream.getvalue() == out.getvalue()
