from __future__ import annotations

from pathlib import Path

import pytest

from spallmap.provenance import sha256
from spallmap.report.run_crate import run_crate
from spallmap.report.run_job import RunJob
from tests.crates import check_crate

RECORD = {
    "parameters": {"t2": {"model": "rician", "long_ms": 12.0, "sigma": None}, "random_seed": 1},
    "versions": {"python": "3.11", "spallmap": "0.1.0", "snakemake": "9.27", "numpy": "2.4"},
}
LOG = "2026-01-02 03:04:05,678 INFO start: c\nTraceback\n2026-01-02 03:05:00,000 INFO done: c\n"


@pytest.fixture
def run(tmp_path):
    """A results folder with two jobs, and inputs beside it: a scan in a folder with a space, and a Zarr."""
    root, scan, volume = tmp_path / "out", tmp_path / "my scans" / "5", tmp_path / "scan.ome.zarr"
    for path, text in {
        root / "flow" / "Snakefile": "rule all: input: []",
        root / "flow" / "scripts" / "t2.py": "print()",
        root / "flow" / "scripts" / "phases.py": "print()",
        root / "c" / "s" / "mri-t2" / "t2 map.json": "{}",
        root / "c" / "s" / "xct-scan" / "labels.ome.zarr" / "0" / "c" / "0": "chunk",
        root / "logs" / "t2" / "c" / "s" / "mri-t2.log": LOG,
        scan / "2dseq": "samples",
        volume / "zarr.json": "{}",
        volume / "0" / "c" / "0": "chunk",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = root / "c" / "s"
    jobs = [
        RunJob(
            "t2",
            "flow/scripts/t2.py",
            (str(scan / "2dseq"),),
            (str(out / "mri-t2" / "t2 map.json"),),
            str(root / "logs" / "t2" / "c" / "s" / "mri-t2.log"),
        ),
        RunJob(
            "phases",
            "flow/scripts/phases.py",
            (str(volume / "zarr.json"), str(volume / "0" / "c" / "0")),
            (str(out / "xct-scan" / "labels.ome.zarr"), str(out / "xct-scan" / "slabs" / "0.npz")),
        ),
    ]
    files = (scan / "2dseq", volume / "zarr.json", volume / "0" / "c" / "0")
    record = RECORD | {"inputs": {str(path): sha256(path) for path in files}}
    return root, run_crate(root, jobs, record, "flow", "ann")


def entities(crate):
    return {e["@id"]: e for e in crate["@graph"]}


def test_a_job_has_its_script_its_files_and_its_times(run):
    job = entities(run[1])["#job-1"]
    assert job["name"] == "t2 c/s/mri-t2"
    assert job["instrument"] == {"@id": "flow/scripts/t2.py"}
    assert job["result"] == [{"@id": "c/s/mri-t2/t2%20map.json"}]
    assert job["startTime"].startswith("2026-01-02T03:04:05.678")
    assert job["endTime"].startswith("2026-01-02T03:05:00")
    # With the machine's time zone: a reader elsewhere knows when it was.
    assert job["startTime"][-6] in "+-"


def test_inputs_outside_the_crate_have_their_whole_path_and_digest(run):
    root, crate = run
    scan = root.parent / "my scans" / "5" / "2dseq"
    found = entities(crate)[scan.as_uri()]
    assert found["sha256"] == sha256(scan)
    assert found["contentSize"] == "7"
    assert "%20" in found["@id"]


def test_a_zarr_is_one_folder_whether_it_was_read_or_made(run):
    root, crate = run
    assert entities(crate)["#job-2"]["object"] == [{"@id": (root.parent / "scan.ome.zarr").as_uri() + "/"}]
    assert entities(crate)["#job-2"]["result"] == [{"@id": "c/s/xct-scan/labels.ome.zarr/"}]


def test_what_is_gone_after_the_run_and_times_nobody_wrote_down_are_left_out(run):
    """A slab's file passes between two jobs; a log may have been cleared."""
    job = entities(run[1])["#job-2"]
    assert "slabs" not in str(run[1])
    assert "startTime" not in job
    assert job["name"] == "phases"


def test_parameters_keep_their_types(run):
    found = entities(run[1])
    assert (found["#value-t2.long_ms"]["value"], found["#parameter-t2.long_ms"]["additionalType"]) == (
        12.0,
        "Float",
    )
    assert (found["#value-random_seed"]["value"], found["#parameter-random_seed"]["additionalType"]) == (
        1,
        "Integer",
    )
    assert found["#value-t2.sigma"]["value"] == "None"


def test_the_same_run_is_described_by_the_same_words(run):
    root = run[0]
    jobs = [RunJob("t2", "flow/scripts/t2.py", outputs=(str(root / "c" / "s" / "mri-t2" / "t2 map.json"),))]
    record = RECORD | {"inputs": {}}
    first, second = (entities(run_crate(root, jobs, record, "flow", "ann")) for _ in range(2))
    for described in (first, second):
        # The one time that is not the run's where no log says when it was.
        described["./"].pop("datePublished")
    assert first == second


def test_it_is_valid(run, monkeypatch):
    from spallmap.results.tables import write_json

    root, crate = run
    write_json(Path(root, "ro-crate-metadata.json"), crate)
    check_crate(root, "provenance-run-crate-0.5", monkeypatch)
