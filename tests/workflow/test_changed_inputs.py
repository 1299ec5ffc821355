"""A file that changes in place makes anew what depends on it, be it a scan's samples or a slice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.results.tables import read_json
from spallmap.twin.formats import write_paravision

ROOT = Path(__file__).parents[2]
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
TABLE = """cell\tstate\tmodality\tname\tpath\tspacing_um
c\tshorted\tmri\tna\t5\t
c\tshorted\tsem\toverview\tsem.tif\t0.5
"""

pytestmark = pytest.mark.workflow


def snakemake(folder, *arguments):
    command = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", *arguments]
    config = ["--config", "acquisitions=cells.tsv"]
    return subprocess.run([*command, *config], cwd=folder, capture_output=True, text=True, check=False)


def write_scan(folder, t2_ms):
    rng = np.random.default_rng(3)
    bar = np.zeros((5, 32, 48))
    bar[:, 10:16, 6:40] = 60.0 * np.exp(-np.array(TE_MS) / t2_ms)[:, None, None]
    write_paravision(
        folder, np.hypot(bar + rng.normal(size=bar.shape), rng.normal(size=bar.shape)), TE_MS, (23, 46)
    )


def test_what_depends_on_a_changed_file_is_made_anew(tmp_path):
    (tmp_path / "cells.tsv").write_text(TABLE)
    write_scan(tmp_path / "5", 7.0)
    tifffile.imwrite(tmp_path / "sem.tif", np.random.default_rng(1).integers(20, 200, (80, 90), np.uint8))
    place = "results/c/shorted"
    wanted = [f"{place}/mri-na/t2.json", f"{place}/sem-overview/image.ome.tif", "results/provenance.json"]
    made = snakemake(tmp_path, *wanted)
    assert made.returncode == 0, made.stderr
    before = read_json(tmp_path / "results" / "provenance.json")["inputs"]
    assert "Nothing to be done" in snakemake(tmp_path, "-n", *wanted).stdout

    write_scan(tmp_path / "another", 10.0)
    samples = Path("pdata", "1", "2dseq")
    (tmp_path / "5" / samples).write_bytes((tmp_path / "another" / samples).read_bytes())
    planned = snakemake(tmp_path, "-n", *wanted)
    assert "rule t2:" in planned.stdout + planned.stderr
    assert "rule sem_image:" not in planned.stdout + planned.stderr
    again = snakemake(tmp_path, *wanted)
    assert again.returncode == 0, again.stderr
    t2_ms = read_json(tmp_path / place / "mri-na" / "t2.json")["electrode"]["t2_median_ms"]
    assert t2_ms == pytest.approx(10.0, abs=0.5)
    after = read_json(tmp_path / "results" / "provenance.json")["inputs"]
    assert [name for name in before if before[name] != after[name]] == ["5/pdata/1/2dseq"]


def test_provenance_is_older_than_no_result_whatever_was_asked_for(tmp_path):
    (tmp_path / "cells.tsv").write_text(TABLE)
    write_scan(tmp_path / "5", 7.0)
    tifffile.imwrite(tmp_path / "sem.tif", np.random.default_rng(1).integers(20, 200, (80, 90), np.uint8))
    made = snakemake(tmp_path, "results/c/shorted/sem-overview/image.ome.tif")
    assert made.returncode == 0, made.stderr
    record = tmp_path / "results" / "provenance.json"
    assert list(read_json(record)["inputs"]) == ["sem.tif"]
    snakemake(tmp_path, "results/c/shorted/mri-na/t2.json")
    assert [name for name in read_json(record)["inputs"] if name.endswith("2dseq")]
    newest = (tmp_path / "results" / "c" / "shorted" / "mri-na" / "t2.json").stat().st_mtime_ns
    written = record.stat().st_mtime_ns
    assert written >= newest
    assert "Nothing to be done" in snakemake(tmp_path, "results/c/shorted/mri-na/t2.json").stderr
    assert record.stat().st_mtime_ns == written
