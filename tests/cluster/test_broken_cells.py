"""Five cells on a cluster, one whole and one broken in each way: the whole one's results, and a true end."""

from __future__ import annotations

import pytest

from spallmap.results.tables import read_json
from tests.cluster.slurm_host import accounted
from tests.cluster.workflow_runs import ON_THE_CLUSTER, run
from tests.workflow.broken_cells import BROKEN, NAMED, write_cells, write_scan, write_table

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    write_cells(folder)
    return folder


@pytest.fixture(scope="module")
def ended(folder):
    process = run(folder, *ON_THE_CLUSTER)
    return process, (folder / "out" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def mended(folder, ended):
    """The next run: one file is there now, the rows of the other broken cells are taken out."""
    assert ended[0].returncode
    write_scan(folder / "missing" / "5")
    write_table(folder, "whole", "refused", "missing")
    return run(folder, *ON_THE_CLUSTER)


def test_what_does_not_depend_on_the_bad_cells_is_made(folder, ended):
    process, index = ended
    assert process.returncode == 1, process.stderr[-3000:]
    assert sorted(p.parts[-3] for p in folder.glob("out/*/*/report.html")) == ["refused", "whole"]
    for cell in ("refused", "whole"):
        assert f"{cell}/shorted/report.html" in index
    provenance = read_json(folder / "out" / "provenance.json")
    assert sorted(one["job"].split("/")[0] for one in provenance["failed"]) == sorted(BROKEN)


@pytest.mark.parametrize(("cell", "file", "remedy"), NAMED)
def test_the_last_lines_and_the_index_name_cell_file_and_remedy(ended, cell, file, remedy):
    process, index = ended
    last = process.stderr[process.stderr.index("\n3 jobs failed") :].splitlines()
    (line,) = (one for one in last if one.startswith(f"FAILED {cell}/shorted/"))
    assert file in line
    assert remedy in line
    failed = index[index.index("What failed") : index.index("What was found")]
    assert file in failed
    assert remedy in failed


def test_a_refusal_is_a_result(ended):
    process, _ = ended
    (row,) = (one for one in process.stdout.splitlines() if one.startswith("refused "))
    assert row.endswith("out/refused/shorted/report.html")
    assert "FAILED refused" not in process.stderr


def test_no_bad_file_is_submitted_twice(folder, ended):
    states = [one for one in accounted(folder) if one.state == "FAILED"]
    cells = sorted(one.rule.split("_")[0].split(".")[1] for one in states)
    assert cells == sorted(BROKEN), states


def test_what_was_mended_is_made_and_nothing_is_left_of_the_failure(folder, mended):
    assert mended.returncode == 0, mended.stderr[-3000:]
    assert "FAILED" not in mended.stderr + mended.stdout
    made = sorted(p.parts[-3] for p in folder.glob("out/*/*/report.html"))
    assert made == ["missing", "refused", "whole"]
    assert "failed" not in read_json(folder / "out" / "provenance.json")
