"""Two undisturbed runs of one cell give the same files, and the crate of a run is what its profile allows."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compare_bytes import differences

from spallmap.twin import COARSE, write_cell
from tests.crates import check_crate

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
STATION = "c/shorted/mri-t2/t2.ome.tif"

pytestmark = [pytest.mark.workflow, pytest.mark.long]


def run(folder: Path, cores: int, hash_seed: int) -> None:
    command = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores), "ro_crate"]
    ended = subprocess.run(
        [*command, "--configfile", "config.yaml"],
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Results of a cell with an MRI and a tomogram: on one core, and in another folder on two."""
    top = tmp_path_factory.mktemp("bytes")
    drawn, first, second = top / "drawn", top / "a", top / "b"
    write_cell(drawn, 3, cell="c", sizes=COARSE, aperture_um=9.0)
    with (drawn / "acquisitions.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    kept = [row for row in rows if row["state"] == "shorted" and row["modality"] in ("mri", "xct")]
    for folder in (first, second):
        shutil.copytree(drawn, folder / "cell")
        with (folder / "cell" / "acquisitions.tsv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys(), delimiter="\t")
            writer.writeheader()
            writer.writerows(kept)
        (folder / "config.yaml").write_text(
            "acquisitions: cell/acquisitions.tsv\nresults: out\nlinks: {n_null: 99}\n"
        )
    run(first, cores=1, hash_seed=1)
    run(second, cores=2, hash_seed=2)
    return first / "out", second / "out"


def test_every_file_but_what_names_the_run_is_the_same_to_the_byte(runs):
    found = list(differences(*runs))
    assert [d for d in found if not d.excuse] == []
    excused = {Path(d.name).parts[0] for d in found}
    assert excused <= {"logs", "benchmarks", "ro-crate-metadata.json"}
    for end in ("pdf", "png", "tif", "json", "csv", "html", "tfm", "vtp", "vtm"):
        assert list(runs[0].rglob(f"*.{end}")), end
    assert (runs[0] / STATION).exists()


def test_a_byte_that_differs_is_named(runs, tmp_path):
    """So the test above finds what it looks for."""
    changed = tmp_path / "out"
    shutil.copytree(runs[0], changed)
    image = bytearray((changed / STATION).read_bytes())
    image[-1] ^= 1
    (changed / STATION).write_bytes(image)
    chunk = next(path for path in sorted(changed.rglob("*.zarr/**/c/**/*")) if path.is_file())
    chunk.unlink()
    provenance = json.loads((changed / "provenance.json").read_text())
    provenance["machine"]["cpus"] = 999
    (changed / "provenance.json").write_text(json.dumps(provenance))
    found = {d.name: d for d in differences(runs[0], changed)}
    assert set(found) == {STATION, str(chunk.relative_to(changed)), "provenance.json"}
    assert not found[STATION].excuse
    assert found["provenance.json"].excuse == "the machine"


def test_the_crate_is_valid_and_names_each_job_and_input(runs, monkeypatch):
    out = runs[1]
    check_crate(out, "provenance-run-crate-0.5", monkeypatch)
    entities = {e["@id"]: e for e in json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]}
    provenance = json.loads((out / "provenance.json").read_text())
    digests = {e.get("sha256") for e in entities.values()}
    assert set(provenance["inputs"].values()) <= digests
    assert entities["#value-t2.model"]["value"] == "rician"
    assert entities["#package-numpy"]["softwareVersion"] == provenance["versions"]["numpy"]
    (t2,) = (e for e in entities.values() if e.get("name") == "t2 c/shorted/mri-t2")
    assert t2["instrument"] == {"@id": "ro-crate.workflow/scripts/t2.py"}
    assert {"@id": STATION} in t2["result"]
    assert t2["startTime"] <= t2["endTime"]
    whole = entities["#run"]
    assert whole["startTime"] <= t2["startTime"]
    assert t2["endTime"] <= whole["endTime"]
    # A volume's chunks are one folder.
    assert entities["c/shorted/xct-scan/volume.ome.zarr/"]["@type"] == "Dataset"
    assert not [name for name in entities if ".ome.zarr/0/" in name]


def test_a_crate_that_lacks_its_workflow_is_refused(runs, tmp_path, monkeypatch):
    """So the test above asks the validator for something."""
    crate = tmp_path / "out"
    shutil.copytree(runs[1], crate)
    (crate / "ro-crate.workflow" / "Snakefile").unlink()
    with pytest.raises(AssertionError, match="Snakefile"):
        check_crate(crate, "provenance-run-crate-0.5", monkeypatch)
