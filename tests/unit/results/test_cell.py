"""A cell's results are gathered from the files that the writers make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration
from spallmap.results.cell import CellResults
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import write_volume
from spallmap.results.registration import write_registration
from spallmap.results.tables import write_json, write_table
from spallmap.results.vtk import write_polydata

TO_REFERENCE = AffineMap.from_parts(np.eye(3), (1.0, 2.0, 3.0))
ROWS = (
    ("pristine", "xct", "p", None),
    ("pristine", "xct", "again", None),
    ("shorted", "xct", "s", None),
    ("shorted", "mri", "m", None),
    ("shorted", "sem", "detail", "overview"),
    ("shorted", "sem", "overview", None),
    ("shorted", "edx", "map", "overview"),
)


def write_xct(folder: Path, grey: int) -> None:
    shape = (3, 4, 5)
    write_volume(folder / "volume.ome.zarr", np.full(shape, grey, np.uint16), (5.0, 4.0, 4.0))
    for name in ("labels", "cracks"):
        write_volume(folder / f"{name}.ome.zarr", np.ones(shape, np.uint8), (5.0, 4.0, 4.0), labels=True)
    write_table(folder / "cracks.csv", pd.DataFrame({"crack": [1]}))
    write_polydata(folder / "cracks.vtp", np.eye(3), [(0, 1, 2)], {"crack": [1, 1, 1]})


def write_mri(folder: Path) -> None:
    write_ome_tiff(
        folder / "echoes.ome.tif", np.ones((2, 4, 5), np.float32), ("2 ms", "6.5 ms"), (46.0, 23.0)
    )
    write_json(folder / "echoes.json", {"te_ms": [2.0, 6.5]})
    write_ome_tiff(folder / "t2.ome.tif", np.full((1, 4, 5), 9.0, np.float32), ("t2_ms",), (46.0, 23.0))
    write_ome_tiff(folder / "regions.ome.tif", np.ones((1, 4, 5), np.int32), ("region",), (46.0, 23.0))
    write_table(folder / "regions.csv", pd.DataFrame({"region": [1]}))
    write_json(folder / "t2.json", {"noise_sigma": 0.25})


def write_image(folder: Path, modality: str) -> None:
    if modality == "sem":
        image = np.stack([np.full((6, 7), 90, np.uint8), np.tri(6, 7, dtype=np.uint8)])
        write_ome_tiff(folder / "image.ome.tif", image, ("grey", "mask"), (0.5, 0.5))
    else:
        counts = np.arange(4 * 42, dtype=np.float32).reshape(4, 6, 7)
        write_ome_tiff(folder / "elements.ome.tif", counts, ("Na", "Na sd", "Al", "Al sd"), (1.0, 1.0))


@pytest.fixture
def cell(tmp_path: Path) -> CellResults:
    described = []
    for number, (state, modality, name, within) in enumerate(ROWS):
        folder = tmp_path / "a" / state / f"{modality}-{name}"
        reference = (state, modality) == ("shorted", "xct")
        if modality == "xct":
            write_xct(folder, number)
        elif modality == "mri":
            write_mri(folder)
        else:
            write_image(folder, modality)
        if not reference:
            found = Registration(TO_REFERENCE, "a method", "accepted", (), 0.9)
            write_registration(folder / "to_reference.json", folder / "to_reference.tfm", found)
        described.append(
            {
                "id": f"a/{state}/{modality}-{name}",
                "folder": str(folder),
                "state": state,
                "modality": modality,
                "name": name,
                "within": within,
                "reference": reference,
            }
        )
    return CellResults.of(described)


def test_each_state_shows_its_first_tomogram_and_the_reference(cell):
    tomograms = cell.tomograms()
    assert [(t.state, t.name, t.is_reference) for t in tomograms] == [
        ("pristine", "p", False),
        ("shorted", "s", True),
    ]
    assert cell.states == ["pristine", "shorted"]
    assert cell.reference_state == "shorted"
    pristine, shorted = tomograms
    assert (pristine.grey == 0).all()
    assert (shorted.grey == 2).all()
    assert shorted.spacing_um == (5.0, 4.0, 4.0)
    assert shorted.cracks_table.to_dict("list") == {"crack": [1]}
    assert pristine.registration is not None
    np.testing.assert_array_equal(pristine.registration.map.matrix, TO_REFERENCE.matrix)
    assert cell.reference().name == "s"
    np.testing.assert_array_equal(cell.surface().triangles, [(0, 1, 2)])


def test_an_echo_series_comes_with_its_maps_and_tables(cell):
    (record,) = cell.series("shorted")
    assert cell.series("pristine") == []
    assert record.te_ms == (2.0, 6.5)
    assert record.spacing_um == (46.0, 23.0)
    assert record.sigma == 0.25
    assert (record.t2["t2_ms"] == 9.0).all()
    np.testing.assert_array_equal(record.regions, np.ones((4, 5)))
    assert record.regions_table.to_dict("list") == {"region": [1]}
    assert record.registration.accepted


def test_sections_in_the_tomogram_come_first_and_elements_lie_on_theirs(cell):
    overview, detail = cell.sections("shorted")
    assert (overview.name, detail.name) == ("overview", "detail")
    np.testing.assert_array_equal(overview.mask, np.tri(6, 7, dtype=bool))
    (elements,) = cell.elements_on(overview)
    assert cell.elements_on(detail) == []
    assert elements.elements == ("Na", "Al")
    assert elements.counts[:, 0, 0].tolist() == [0.0, 84.0]
    assert elements.registration is None  # it says no registration to the image that it lies in


def test_links_are_those_of_the_state(cell, tmp_path):
    assert cell.links("shorted") is None
    folder = tmp_path / "a" / "shorted"
    write_table(folder / "links.csv", pd.DataFrame({"region": [1], "crack": [1]}))
    write_json(folder / "links.json", {"n": 1})
    table, summary = cell.links("shorted")
    assert table.to_dict("list") == {"region": [1], "crack": [1]}
    assert summary == {"n": 1}
    assert cell.links("pristine") is None


def test_a_cell_without_a_tomogram_has_no_reference():
    row = {"id": "b/shorted/mri-m", "folder": "nowhere", "state": "shorted", "modality": "mri", "name": "m"}
    cell = CellResults.of([{**row, "within": None, "reference": False}])
    assert cell.reference() is None
    assert cell.surface() is None
    assert cell.tomograms() == []
    assert cell.reference_state == "shorted"
