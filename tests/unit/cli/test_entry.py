"""The commands' words, and what is said of wrong ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spallmap import __version__
from spallmap.cli import main
from spallmap.cli.checkout import workflow_folder


def test_without_a_word_the_help_is_shown(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    for command in ("init FOLDER", "check CONFIG", "run CONFIG [...]", "view CONFIG"):
        assert f"spallmap {command}" in said
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize("command", ["init", "check", "run", "view"])
def test_each_command_explains_itself_in_100_columns(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: spallmap {command}")
    assert len(said.splitlines()) > 8
    assert max(map(len, said.splitlines())) <= 100


def test_a_word_that_is_no_command_is_refused_with_those_that_are(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["figures"])
    assert ended.value.code == 2
    assert "'init', 'check', 'run', 'view'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "view"])
def test_a_configuration_that_is_not_there_ends_with_its_name_and_no_traceback(command, capsys):
    assert main([command, "nowhere.yaml"]) == 1
    assert capsys.readouterr().err.startswith("nowhere.yaml: found no such file")


def test_python_runs_the_package(tmp_path):
    command = [sys.executable, "-m", "spallmap", "--version"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, f"spallmap {__version__}")


def test_a_reader_that_has_gone_leaves_no_traceback():
    command = f'{sys.executable} -c \'from spallmap.cli import main; main(["check", "none.yaml"])\' | true'
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr


def test_the_workflow_is_found_in_the_checkout_else_in_the_working_directory(tmp_path, monkeypatch):
    from spallmap.cli import checkout
    from spallmap.errors import InputError

    here = workflow_folder()
    monkeypatch.setattr(checkout, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(here)
    assert workflow_folder() == here
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text("rule all: pass\n")
    with pytest.raises(InputError, match="no workflow"):
        workflow_folder()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "a.yaml", "-n"], "stopped; run the same command to go on\n"),
        (["check", "a.yaml"], "stopped\n"),
    ],
)
def test_ctrl_c_before_any_job_ends_in_a_line(words, said, monkeypatch, capsys):
    def interrupted(given, further):
        raise KeyboardInterrupt

    monkeypatch.setattr("spallmap.cli.entry._answer", interrupted)
    assert main(words) == 130
    assert capsys.readouterr().err == said
