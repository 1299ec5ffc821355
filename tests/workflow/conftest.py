"""A run of a whole coarse cell, which many tests look at."""

from __future__ import annotations

import csv

import pytest

from spallmap.twin import COARSE, write_cell
from tests.workflow.runs import run


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    """A run of a whole cell and of two cells with only an MRI and only a tomogram, in one table."""
    folder = tmp_path_factory.mktemp("whole")
    # A crack that a coarse voxel still shows.
    write_cell(folder / "cell", 3, cell="whole", sizes=COARSE, aperture_um=9.0)
    with (folder / "cell" / "acquisitions.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    of = {(r["state"], r["modality"]): r for r in rows}
    of["shorted", "mri"]["landmarks"] = "marks.csv"
    (folder / "marks.csv").write_text("u_um,v_um,x_um,y_um,z_um,use\n700,700,750,750,440,check\n")
    rows.append(of["shorted", "mri"] | {"cell": "mri-only", "landmarks": ""})
    rows.append(of["shorted", "xct"] | {"cell": "xct-only"})
    for row in rows:
        row["path"] = f"cell/{row['path']}"
    with (folder / "acquisitions.tsv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "config.yaml").write_text(
        "acquisitions: acquisitions.tsv\nresults: out\nlinks: {n_null: 199}\nxct: {slabs: 2}\n"
    )
    ended = run(folder)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder
