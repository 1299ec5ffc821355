"""Digests and versions."""

from __future__ import annotations

import hashlib

from spallmap.provenance import digests, machine, versions


def test_digests_cover_files_below_folders_and_leave_hidden_ones_out(tmp_path):
    (tmp_path / "scan" / "inner").mkdir(parents=True)
    (tmp_path / "scan" / "inner" / "a.tif").write_bytes(b"abc")
    (tmp_path / "scan" / ".snakemake_timestamp").touch()
    (tmp_path / "b.tif").write_bytes(b"x" * (3 << 20))
    found = digests([tmp_path / "scan", tmp_path / "b.tif"])
    assert found == {
        str(tmp_path / "b.tif"): hashlib.sha256(b"x" * (3 << 20)).hexdigest(),
        str(
            tmp_path / "scan" / "inner" / "a.tif"
        ): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_every_package_that_may_change_a_number_has_its_version():
    found = versions()
    assert found["numpy"]
    assert found["spallmap"] == "0.1.0"
    assert machine()["cpus"] >= 1
