"""Digests and versions."""

from __future__ import annotations

import hashlib

from spallmap.provenance import digests, machine, versions


def test_digests_are_those_of_hashlib(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"abc")
    (tmp_path / "b.tif").write_bytes(b"x" * (3 << 20))
    found = digests([tmp_path / "b.tif", tmp_path / "a.tif", tmp_path / "b.tif"])
    assert found == {
        str(tmp_path / "a.tif"): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        str(tmp_path / "b.tif"): hashlib.sha256(b"x" * (3 << 20)).hexdigest(),
    }
    assert list(found) == sorted(found)


def test_every_package_that_may_change_a_number_has_its_version():
    found = versions()
    assert found["numpy"]
    assert found["spallmap"] == "0.1.0"
    assert machine()["cpus"] >= 1
