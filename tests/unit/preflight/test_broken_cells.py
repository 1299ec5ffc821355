"""A file that cannot be used is its own cell's misfortune; a table that cannot be used is everybody's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError
from spallmap.plan import Plan
from spallmap.preflight import check_before_any_job

ROOT = Path(__file__).parents[3]
SCHEMA = read_schema(ROOT / "workflow" / "schemas" / "acquisitions.schema.yaml")
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\tlandmarks\n"
T2 = {"model": "rician", "long_ms": 12, "sigma": None, "n_coils": 1, "skip_echoes": 0, "saturation": None}


def checked(folder, rows):
    table = folder / "acquisitions.tsv"
    table.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    config = {"figures": {"cell": None}, "results": str(folder / "results"), "t2": T2}
    return check_before_any_job(Plan(read_acquisitions(table, SCHEMA)), config, lambda path: False)


@pytest.fixture
def folder(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.arange(1200, dtype=np.uint16).reshape(30, 40))
    (tmp_path / "cut.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:100])
    (tmp_path / "marks.csv").write_text("u_um,v_um\n1,2\n")
    return tmp_path


WHOLE = "c1\tshorted\tsem\to\ta.tif\t0.5\t"
BROKEN = {
    "missing": "c2\tshorted\tsem\to\tnone.tif\t0.5\t",
    "truncated": "c2\tshorted\tsem\to\tcut.tif\t0.5\t",
    "landmarks": "c2\tshorted\tsem\to\ta.tif\t0.5\tmarks.csv",
    "no landmarks": "c2\tshorted\tsem\to\ta.tif\t0.5\tnone.csv",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_leaves_the_other_cells(folder, broken):
    lines = [line for line in checked(folder, [WHOLE, broken]) if line.startswith("ERROR")]
    assert "row 2 (line 3)" in lines[0] or "marks.csv" in lines[0]
    assert lines[-1] == "ERROR not everything of c2 can be made; the other cells (1) are made"


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_run_of_broken_cells_alone_ends_before_any_job(folder, broken):
    with pytest.raises(InputError, match=r"row 1 \(line 2\)|marks.csv"):
        checked(folder, [broken])


@pytest.mark.parametrize(
    "row",
    [
        "c2\tshorted\tsem\to\ta.tif\t\t",
        "c2\tshorted\tsem\to\ta.tif\t0.5\t\nc2\tshorted\tsem\to\ta.tif\t0.5\t",
    ],
)
def test_a_mistake_in_the_table_ends_the_run_whatever_else_is_whole(folder, row):
    with pytest.raises(InputError, match=r"row [23] "):
        checked(folder, [WHOLE, row])
