from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.figures.overlays.scene import scene_datasets
from spallmap.frames import indices_to_points
from spallmap.results.records import CrackSurface, MriRecord, SectionRecord, XctRecord


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
