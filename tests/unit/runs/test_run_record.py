from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from spallmap.errors import InputError
from spallmap.results.tables import read_json, write_json
from spallmap.runs import RunRecord, lock_message

COMMAND = ["snakemake", "--cores", "4", "--configfile", "my files/config.yaml"]


@pytest.fixture
def mine() -> RunRecord:
    return RunRecord.of_this_process(COMMAND)


@pytest.fixture
def dead(mine: RunRecord) -> RunRecord:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return replace(mine, pid=ended.pid)


def test_a_record_is_read_as_it_was_written(tmp_path: Path, mine: RunRecord) -> None:
    assert RunRecord.read(tmp_path / "run.json") is None
    mine.write(tmp_path / "run.json")
    assert RunRecord.read(tmp_path / "run.json") == mine


def test_a_record_that_is_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"host": ')
    with pytest.raises(InputError, match=r"run\.json"):
        RunRecord.read(tmp_path / "run.json")


def test_a_record_of_another_version_is_none(tmp_path: Path, mine: RunRecord) -> None:
    mine.write(tmp_path / "run.json")
    content = read_json(tmp_path / "run.json")
    write_json(tmp_path / "run.json", content | {"later": 1})
    assert RunRecord.read(tmp_path / "run.json") is None


def test_whether_a_process_lives_is_known_on_this_machine_alone(mine: RunRecord, dead: RunRecord) -> None:
    assert mine.is_alive() is True
    assert dead.is_alive() is False
    assert replace(mine, host="elsewhere").is_alive() is None


def test_another_process_of_the_same_number_is_another(mine: RunRecord) -> None:
    assert replace(mine, process="of an earlier day").is_alive() is False


def test_a_process_that_ended_and_was_not_waited_for_has_ended(mine: RunRecord) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        until = time.monotonic() + 60
        while " Z " not in Path(f"/proc/{child.pid}/stat").read_text():
            assert time.monotonic() < until
            time.sleep(0.02)
        assert replace(mine, pid=child.pid).is_alive() is False


def test_a_run_at_work_is_to_be_waited_for_and_not_unlocked(mine: RunRecord) -> None:
    said = lock_message(mine, mine.started_s, COMMAND)
    assert f"process {mine.pid}" in said
    assert "wait for it" in said
    assert "--unlock" not in said


def test_a_killed_run_s_lock_is_removed_with_the_same_configuration(dead: RunRecord) -> None:
    said = lock_message(dead, dead.started_s, COMMAND)
    assert "it was killed" in said
    assert said.splitlines()[-2:] == [
        "    snakemake --cores 4 --configfile 'my files/config.yaml' --unlock",
        "    snakemake --cores 4 --configfile 'my files/config.yaml'",
    ]


def test_a_run_s_jobs_on_a_cluster_are_found_by_its_name_before_unlocking(dead: RunRecord) -> None:
    said = lock_message(replace(dead, jobs_named="spallmap_1b2c"), dead.started_s, COMMAND)
    assert "squeue --name=spallmap_1b2c" in said
    assert said.index("scancel --name=spallmap_1b2c") < said.index("--unlock")


def test_a_run_elsewhere_is_to_be_looked_for_there(mine: RunRecord) -> None:
    said = lock_message(replace(mine, host="node7"), mine.started_s, COMMAND)
    assert "log in to node7" in said
    assert "--unlock" in said


@pytest.mark.parametrize("known", [True, False])
def test_a_lock_that_no_record_belongs_to_is_not_said_to_be_dead(dead: RunRecord, known: bool) -> None:
    later = dead.started_s + 3600
    said = lock_message(dead if known else None, later, COMMAND)
    assert "is not known" in said
    assert "killed" not in said
    assert "pgrep -af snakemake" in said
    assert "--unlock" in said
