from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spallmap.figures import elements_overlay, mri_overlay, mri_stack, section_overlay, section_stack, style
from spallmap.figures.element_mixture import composite, element_colours
from spallmap.figures.overlays.scene import scene_datasets
from spallmap.frames import indices_to_points
from spallmap.results.records import CrackSurface, ElementsRecord, MriRecord, SectionRecord, XctRecord


def test_overlays_are_drawn(
    shorted: XctRecord, mri: MriRecord, sem: SectionRecord, edx: ElementsRecord, links: pd.DataFrame
) -> None:
    for drawing in (
        mri_overlay(shorted, mri, links),
        section_overlay(shorted, mri, sem),
        elements_overlay(edx, sem),
    ):
        assert len(style.png_bytes(drawing.figure, dpi=50)) > 5000
        assert drawing.numbers
    table = elements_overlay(edx).numbers["elements"].set_index("element")["total_counts"]
    assert table.to_dict() == {"Na": 1500.0, "Al": 2100.0}


def test_mri_overlay_without_a_tomogram_says_so(mri: MriRecord) -> None:
    drawing = mri_overlay(None, mri)
    texts = [t.get_text().replace("\n", " ") for a in drawing.figure.axes for t in a.texts]
    assert texts == ["There is no tomogram of this cell."] * 3


def test_mri_stack_lines_up(mri: MriRecord, shorted: XctRecord) -> None:
    stack, names = mri_stack(mri, shorted)
    assert names == ("first_echo", "t2_ms", "p_long", "regions", "crack_um", "sodium_um")
    assert stack.dtype == np.float32
    by_name = dict(zip(names, stack, strict=True))
    # Both sodium blocks are 300 um thick along the line of sight, 80 um high, at z = 40 to 110, 280 to 350.
    assert by_name["sodium_um"].max() == pytest.approx(300.0, rel=0.05)
    assert by_name["sodium_um"].sum() * 400.0 == pytest.approx(2 * 8 * 30 * 30 * 1000.0, rel=0.03)
    assert by_name["crack_um"][by_name["regions"] > 0] == pytest.approx(100.0, rel=0.01)
    refused = replace(mri.registration, verdict="refused", reasons=("no",))  # type: ignore[type-var]
    assert mri_stack(replace(mri, registration=refused), shorted)[1] == names[:4]


def test_section_stack_lines_up(
    sem: SectionRecord, shorted: XctRecord, mri: MriRecord, edx: ElementsRecord
) -> None:
    stack, names = section_stack(sem, shorted, mri, edx)
    by_name = dict(zip(names, stack, strict=True))
    assert names[:5] == ("sem_grey", "xct_grey", "phases", "cracks", "long_t2_regions")
    # The pixel in row r, column c lies at z = 390 - 5 r, y = 5 c, x = 300.
    r, c = 34, 60
    assert by_name["cracks"][r, c] == 1
    assert by_name["phases"][r, c] == 3
    assert by_name["xct_grey"][r, c] == 13000
    assert by_name["phases"][4, 60] == 5
    assert by_name["phases"][16, 60] == 2
    assert by_name["counts_Na"][12, 24] == pytest.approx(5.0)
    assert np.isnan(by_name["counts_Na"][0, 0])
    # The region's pixels are row 8 (z 230 to 210, so v 160 to 180) and columns 11 to 16 (y 215 to 335).
    v, u = (k * 5.0 for k in np.nonzero(by_name["long_t2_regions"]))
    assert (v.min(), v.max()) == pytest.approx((160.0, 180.0), abs=5.0)
    assert (u.min(), u.max()) == pytest.approx((215.0, 335.0), abs=5.0)


def test_section_stack_without_registration_is_the_image_alone(
    sem: SectionRecord, shorted: XctRecord
) -> None:
    stack, names = section_stack(replace(sem, registration=None), shorted)
    assert names == ("sem_grey",)
    assert stack[0] == pytest.approx(sem.grey)


def test_composite_screens_colours() -> None:
    maps = np.zeros((2, 40, 40))
    maps[0, :, :20] = 10.0
    maps[1, :20] = 4.0
    mixed = composite(maps, ["#FF0000", "#00FF00"])
    assert mixed[5, 5] == pytest.approx([1.0, 1.0, 0.0], abs=0.02)
    assert mixed[35, 5] == pytest.approx([1.0, 0.0, 0.0], abs=0.02)
    assert mixed[35, 35] == pytest.approx([0.0, 0.0, 0.0], abs=0.02)


def test_every_element_has_a_colour_of_its_own() -> None:
    colours = element_colours(["Na", "Si", "Zr", "P", "O"])
    assert len(set(colours.values())) == 5


def test_scene_lies_in_the_reference_frame(
    shorted: XctRecord, surface: CrackSurface, mri: MriRecord, mri_pristine: MriRecord, sem: SectionRecord
) -> None:
    scene = scene_datasets(shorted, surface, [mri_pristine, mri], [sem])
    assert set(scene) == {
        "cracks",
        "electrodes",
        "sem_shorted_overview",
        "mri_pristine_t2",
        "mri_shorted_t2",
        "lines_of_sight_shorted_t2",
    }
    # Sodium runs from voxel 15 to 44 along x and y, and from 4 to 35 along z.
    assert scene["electrodes"].bounds == pytest.approx((145, 445, 145, 445, 35, 355), abs=16.0)
    assert mri.registration is not None
    cells = scene["mri_shorted_t2"]
    k = int(np.argmax(cells.cell_data["first_echo"]))
    brightest = np.unravel_index(int(np.argmax(mri.echoes[0])), mri.echoes[0].shape)
    centre = mri.registration.map(indices_to_points(np.array(brightest), mri.spacing_um))
    assert cells.cell_centers().points[k] == pytest.approx(centre, abs=0.1)
    lines = scene["lines_of_sight_shorted_t2"]
    assert lines.n_cells == 6
    assert (lines.bounds[0], lines.bounds[1]) == pytest.approx((0.0, 590.0), abs=1.0)


def test_scene_leaves_refused_out(shorted: XctRecord, mri: MriRecord) -> None:
    refused = replace(mri.registration, verdict="refused", reasons=("no",))  # type: ignore[type-var]
    assert set(scene_datasets(shorted, None, [replace(mri, registration=refused)])) == {"electrodes"}
