"""What a command line names is looked at before Snakemake loads it."""

from __future__ import annotations

import os

import pytest

from spallmap.user_files.command_line import check_command_line


def test_good_files_and_keys_pass_in_silence(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("t2: {long_ms: 14}\n")
    file = str(tmp_path / "a.yaml")
    check_command_line(["--config", "t2={long_ms: 14.5}", "results=a.b", "--configfile", file, "-n", "x.y=z"])
    check_command_line([f"--configfile={file}", "-C", "random_seed=3"])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("option", ["--configfile", "--configfiles"])
def test_each_bad_file_is_named_and_the_program_ends(tmp_path, capsys, option):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "twice.yaml").write_text("results: a\nresults: b\n")
    files = [str(tmp_path / name) for name in ("pipe.yaml", "twice.yaml", "none.yaml")]
    with pytest.raises(SystemExit) as ended:
        check_command_line(["--cores", "1", option, *files, "--dry-run"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    for words in ("pipe.yaml: found a pipe", "twice.yaml, line 2", "none.yaml: found no such file"):
        assert words in said


def test_a_key_with_a_dot_is_answered_with_the_way_to_write_it(capsys):
    with pytest.raises(SystemExit):
        check_command_line(["--config", "random_seed=2", "t2.long_ms=14"])
    assert "--config 't2={long_ms: 14}'" in capsys.readouterr().err
