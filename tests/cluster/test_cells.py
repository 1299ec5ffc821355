"""Cells of all modalities on a real cluster: every number as on one machine, and few submissions."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from spallmap.twin import COARSE, write_cell
from tests.cluster.slurm_host import accounted
from tests.cluster.workflow_runs import ON_THE_CLUSTER, busy_seconds, differences, run

# What a whole cell may take: two tomograms, two MRI, two electron images, a set of element maps.
MOST_SUBMISSIONS = 12
MOST_START_UP = 0.2
pytestmark = pytest.mark.cluster


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Five cells: a whole one, one with a scan that was cut short, and three with one modality each."""
    folder = tmp_path_factory.mktemp("cells")
    write_cell(folder / "cell", 3, cell="whole", sizes=COARSE, aperture_um=9.0)
    shutil.copytree(folder / "cell", folder / "cut")
    with (folder / "cell" / "acquisitions.tsv").open(newline="") as stream:
        whole = [row | {"path": f"cell/{row['path']}"} for row in csv.DictReader(stream, delimiter="\t")]
    rows = [*whole]
    of = {(r["state"], r["modality"], r["name"]): r for r in whole}
    mri, xct = of["shorted", "mri", "t2"], of["shorted", "xct", "scan"]
    bad = mri | {"cell": "cut-short", "path": mri["path"].replace("cell/", "cut/")}
    for data in (folder / bad["path"]).rglob("2dseq"):
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    rows += [bad, xct | {"cell": "cut-short"}]
    rows.append(mri | {"cell": "mri-only"})
    rows.append(xct | {"cell": "xct-only"})
    rows.append(of["shorted", "sem", "overview"] | {"cell": "sem-only"})
    write_table(folder / "acquisitions.tsv", rows)
    write_table(folder / "slabs.tsv", [xct | {"cell": "xct-only"}])
    for name, table, more in (("config", "acquisitions", ""), ("slabs", "slabs", "xct: {slabs: 3}\n")):
        text = f"acquisitions: {table}.tsv\nresults: {name}-out\nlinks: {{n_null: 199}}\n{more}"
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def local(cells, tmp_path_factory):
    """The same cells on this machine."""
    folder = tmp_path_factory.mktemp("local") / "cells"
    shutil.copytree(cells, folder, ignore=shutil.ignore_patterns(".snakemake", "*-out"))
    ended = run(folder, "--cores", "2", "--keep-going")
    assert ended.returncode == 1, ended.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def on_cluster(cells):
    ended = run(cells, *ON_THE_CLUSTER)
    return ended, [s for s in accounted(cells) if s.state != "PENDING"]


def test_a_bad_cell_leaves_the_others_and_is_named_at_the_end(cells, on_cluster):
    ended, submissions = on_cluster
    assert ended.returncode == 1
    for cell in ("whole", "mri-only", "xct-only", "sem-only"):
        assert (cells / "config-out" / cell / "shorted" / "report.html").exists()
    assert not (cells / "config-out" / "cut-short" / "shorted" / "report.html").exists()
    # What the bad scan does not touch is made all the same.
    assert (cells / "config-out" / "cut-short" / "shorted" / "xct-scan" / "cracks.csv").exists()
    assert "2dseq" in ended.stderr[-3000:]
    assert "cut-short/shorted/mri-t2" in ended.stderr[-3000:]
    # An input that cannot be used is not submitted again.
    assert [s.state for s in submissions if s.rule.startswith("mri.cut-short")] == ["FAILED"]


def test_every_number_is_as_on_one_machine(cells, local, on_cluster):
    compared = differences(local / "config-out", cells / "config-out")
    assert compared.returncode == 0, compared.stdout
    n = int(compared.stdout.split()[-5])
    assert n > 100, compared.stdout


def test_a_whole_cell_takes_few_submissions_and_little_of_them_is_start_up(cells, on_cluster):
    _, submissions = on_cluster
    whole = [s for s in submissions if s.rule.split("_")[0].split(".")[1:2] == ["whole"]]
    assert 1 < len(whole) <= MOST_SUBMISSIONS
    assert {s.state for s in whole} == {"COMPLETED"}
    held = sum(s.seconds for s in whole)
    worked = sum(busy_seconds(cells / "config-out", s.rule) for s in whole)
    assert 1 - worked / held < MOST_START_UP, f"{held} s held, {worked:.0f} s worked"


def test_a_tomogram_in_slabs_is_the_same_and_spreads_over_submissions(cells, local, on_cluster):
    ended = run(cells, *ON_THE_CLUSTER, config="slabs.yaml")
    assert ended.returncode == 0, ended.stderr[-3000:]
    slabs = [s for s in accounted(cells) if s.rule.startswith("crack_slab")]
    assert [s.state for s in slabs] == ["COMPLETED"] * 3
    name = Path("xct-only", "shorted", "xct-scan")
    compared = differences(local / "config-out" / name, cells / "slabs-out" / name)
    assert compared.returncode == 0, compared.stdout


def test_how_well_the_cluster_was_used_is_in_a_table(cells, on_cluster):
    _, submissions = on_cluster
    table = cells / ".snakemake" / "slurm_efficiency" / f"efficiency_report_{submissions[0].run}.csv"
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["slurm_job"] for row in rows} == {s.number for s in submissions}
    assert all(0 < float(row["memory_used_percent"]) <= 100 for row in rows), json.dumps(rows)
