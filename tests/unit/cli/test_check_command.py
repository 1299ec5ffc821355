"""What spallmap check shows of each acquisition, and what it says is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.cli import main
from spallmap.cli.acquisition_table import echo_words
from spallmap.twin import COARSE, write_cell

HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\twithin\tlandmarks\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    write_cell(
        folder / "cell", 3, cell="c07", states=("shorted",), modalities=("mri", "sem", "edx"), sizes=COARSE
    )
    (folder / "config.yaml").write_text("acquisitions: cell/acquisitions.tsv\n")
    return folder


def test_each_acquisition_has_a_row_with_what_was_read(drawn, monkeypatch, capsys):
    monkeypatch.chdir(drawn)
    assert main(["check", "config.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "acquisition format samples pixel um from field um files"
    assert lines[1] == "c07/shorted"
    at = next(n for n, line in enumerate(lines) if line.startswith("  mri-t2"))
    assert "ParaVision 2dseq" in lines[at]
    assert lines[at].split()[-5:] == ["64x48", "23x46", "metadata", "1472x2208", "4"]
    assert lines[at + 1] == "    cell/mri_shorted/5; echoes 2, 6, 10, 14, 18 ms"
    at = next(n for n, line in enumerate(lines) if line.startswith("  edx-elements"))
    assert "table" in lines[at].split()
    assert lines[at + 1].endswith("elements C, O, Na, Al")
    assert lines[-1] == "4 acquisitions of 1 cell: no errors, no warnings"
    assert max(map(len, lines)) <= 100


def check(folder, monkeypatch, capsys, rows, more=""):
    monkeypatch.chdir(folder)
    (folder / "table.tsv").write_text(HEADER + rows)
    (folder / "config.yaml").write_text(f"acquisitions: table.tsv\n{more}")
    status = main(["check", "config.yaml"])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    return status, " ".join(said.split())


def image(path, **settings):
    tifffile.imwrite(path, np.eye(60, dtype=np.uint8), **settings)


def test_errors_of_every_acquisition_are_said_beside_what_could_be_read(tmp_path, monkeypatch, capsys):
    image(tmp_path / "a.tif")
    named = (("good", "a.tif\t0.5"), ("bare", "a.tif\t"), ("gone", "b.tif\t"))
    rows = "".join(f"c\ts\tsem\t{name}\t{values}\t\t\t\n" for name, values in named)
    status, said = check(tmp_path, monkeypatch, capsys, rows)
    assert status == 1
    assert "sem-good TIFF 60x60 0.5 table 30x30 1" in said
    assert "sem-bare cannot be used: see below" in said
    assert "ERROR table.tsv, row 2 (line 3), column 'spacing_um': found no value" in said
    assert "ERROR table.tsv, row 3 (line 4), column 'path': found no file or folder b.tif" in said
    assert said.endswith("3 acquisitions of 1 cell: 2 errors, 1 warning")


def test_what_is_odd_is_a_warning_and_no_error(tmp_path, monkeypatch, capsys):
    image(tmp_path / "a.tif")
    status, said = check(tmp_path, monkeypatch, capsys, "c\tShorted\tsem\tone\ta.tif\t0.5\t\t\t\n")
    assert status == 0
    assert "WARNING table.tsv, row 1 (line 2), column 'state': found 'Shorted'" in said
    assert said.endswith("1 acquisition of 1 cell: no errors, 1 warning")


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        ("c\ts\tnmr\tone\ta.tif\t\t\t\t\n", "", "column 'modality': found 'nmr'"),
        ("c\ts\tsem\tone\ta.tif\t0.5\t\t\t\n", "t2: {model: gauss}\n", "t2.model"),
        ("c\ts\tsem\tone\ta.tif\t0.5\t\t\t\n", "figures: {cell: d}\n", "figures.cell"),
        ("c\ts\tsem\tone\ta.tif\t0.5\t\t\t\n", "results: a.tif\n", "key 'results'"),
    ],
)
def test_the_workflows_own_checks_are_made(tmp_path, monkeypatch, capsys, rows, more, words):
    image(tmp_path / "a.tif")
    status, said = check(tmp_path, monkeypatch, capsys, rows, more)
    assert status == 1
    assert f"ERROR configuration, key '{words}'" in said or words in said


def test_a_table_that_is_there_from_another_folder_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "table.tsv").write_text(HEADER)
    (tmp_path / "my" / "config.yaml").write_text("acquisitions: my/table.tsv\n")
    monkeypatch.chdir(tmp_path / "my")
    assert main(["check", "config.yaml"]) == 1
    assert f"cd {tmp_path}" in " ".join(capsys.readouterr().out.split())


def test_a_cell_that_is_drawn_later_is_no_error(tmp_path, monkeypatch, capsys):
    from spallmap.cli.checkout import workflow_folder

    monkeypatch.chdir(tmp_path)
    table = workflow_folder() / "config" / "acquisitions.tsv"
    (tmp_path / "config.yaml").write_text(f"acquisitions: {table}\n")
    assert main(["check", "config.yaml"]) == 0
    assert "7 acquisitions of 1 cell: no errors" in capsys.readouterr().out


def test_nothing_is_written(drawn, monkeypatch):
    monkeypatch.chdir(drawn)
    before = sorted(drawn.rglob("*"))
    main(["check", "config.yaml"])
    assert sorted(drawn.rglob("*")) == before


def test_repeated_echoes_are_counted():
    assert echo_words([2, 2, 6, 6]) == "2, 6 ms, 4 samples"
