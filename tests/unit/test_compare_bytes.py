from __future__ import annotations

import json
import sys

import pytest
from compare_bytes import differences, main


@pytest.fixture
def folders(tmp_path):
    made = []
    for name, cpus in (("a", 2), ("b", 4)):
        folder = tmp_path / name
        for inner in ("logs", "c/s/mri-t2"):
            (folder / inner).mkdir(parents=True)
        (folder / "logs" / "t2.log").write_text(name)
        record = {"inputs": {"x": "ab"}, "machine": {"cpus": cpus}}
        (folder / "provenance.json").write_text(json.dumps(record))
        (folder / "c/s/mri-t2/t2.json").write_text('{"t2_ms": 7.25}')
        made.append(folder)
    return made


def test_times_and_machine_are_excused_with_a_reason(folders, monkeypatch, capsys):
    found = list(differences(*folders))
    assert [(d.name, d.excuse) for d in found] == [
        ("logs/t2.log", "lines carry the time of day"),
        ("provenance.json", "the machine"),
    ]
    monkeypatch.setattr(sys, "argv", ["compare_bytes.py", *map(str, folders)])
    assert main() == 0
    assert "excused provenance.json" in capsys.readouterr().out


def test_a_digest_of_provenance_is_not_excused_and_neither_is_the_order_of_its_keys(folders):
    for record in ({"inputs": {"x": "cd"}, "machine": {}}, {"machine": {}, "inputs": {"x": "ab"}, "b": 1}):
        (folders[1] / "provenance.json").write_text(json.dumps(record))
        assert [d.name for d in differences(*folders) if not d.excuse] == ["provenance.json"]


def test_one_bit_and_one_missing_file_are_named(folders, monkeypatch, capsys):
    (folders[1] / "c/s/mri-t2/t2.json").write_text('{"t2_ms": 7.26}')
    (folders[1] / "c/s/mri-t2/regions.csv").write_text("region\n")
    found = {d.name: d.found for d in differences(*folders) if not d.excuse}
    assert found["c/s/mri-t2/regions.csv"] == "only in the second"
    assert "from byte 13" in found["c/s/mri-t2/t2.json"]
    monkeypatch.setattr(sys, "argv", ["compare_bytes.py", *map(str, folders), "--quiet"])
    assert main() == 1
    assert "2 differ with an excuse, 2 without" in capsys.readouterr().out
