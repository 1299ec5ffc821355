from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import rotation_map
from spallmap.links import Links, link_acquisition, link_regions, unlinked
from spallmap.links.crack_footprints import ImagePlane, crack_footprints
from spallmap.registration.result import Registration, StandardError

PIXEL_UM = (23.0, 46.0)
COLUMNS = ["region", "crack", "probability", "distance_um", "distance_se_um", "overlap_fraction"]


def link(cell, regions, se_um=(3.0, 3.0), **arguments) -> Links:
    error = StandardError(u=se_um[1], v=se_um[0], normal=None)
    arguments = {"n_null": 499, **arguments}
    grids = (cell.cracks, cell.phases, cell.spacing_um)
    return link_regions(regions, PIXEL_UM, cell.to_reference, error, *grids, **arguments)


def test_table_and_summary_hold_what_they_promise(cell, rng):
    links = link(cell, cell.region_on(1, rng))
    assert list(links.table.columns) == COLUMNS
    assert {"n_regions", "n_cracks", "statistic", "p_value", "null", "registration_se_um"} <= set(
        links.summary
    )
    assert set(links.summary["null"]) == {"method", "n", "mean", "sd"}
    assert links.summary["registration_se_um"] == {"u": 3.0, "v": 3.0, "normal": None}
    assert (links.summary["n_regions"], links.summary["n_cracks"]) == (1, 2)
    assert links.table["probability"].between(0, 1).all()


@pytest.mark.parametrize("crack", [1, 2])
def test_regions_link_to_the_crack_that_made_them(cell, rng, crack):
    best = [link(cell, cell.region_on(crack, rng)).summary["regions"][0]["crack"] for _ in range(12)]
    assert best.count(crack) >= 11


def test_probabilities_of_all_cracks_and_none_sum_to_one(cell, rng):
    links = link(cell, cell.region_on(1, rng), se_um=(170.0, 170.0))
    assert len(links.table) == 2
    total = links.table["probability"].sum() + links.summary["regions"][0]["probability_none"]
    assert total == pytest.approx(1.0)


def test_cracks_beyond_reach_are_left_out(cell, rng):
    near = link(cell, cell.region_on(1, rng)).table
    assert near["crack"].tolist() == [1]
    for row, column in ((11, 6), (2, 2)):  # in the electrolyte, and outside the cell
        far = np.zeros((36, 24), np.int32)
        far[row : row + 2, column : column + 2] = 1
        links = link(cell, far)
        assert links.table.empty
        assert links.summary["regions"] == [{"region": 1, "probability_none": 1.0, "crack": None}]


def test_distance_of_a_known_offset(cell):
    """A region moved off the crack's outer edge by whole pixels is farther by their size."""
    plane = ImagePlane.of((36, 24), PIXEL_UM, cell.to_reference, cell.spacing_um)
    footprint = (
        plane.to_pixels(crack_footprints(plane, cell.cracks, cell.spacing_um)[0].cells.astype(float)) > 0
    )
    row = int(np.median(np.flatnonzero(footprint.any(axis=1))))
    edge = int(np.flatnonzero(footprint[row])[0])
    distances = []
    for offset in (1, 2, 3):
        regions = np.zeros((36, 24), np.int32)
        regions[row, edge - offset] = 1
        table = link(cell, regions, se_um=(100.0, 100.0)).table.set_index("crack")
        distances.append(table.loc[1, "distance_um"])
        assert table.loc[1, "overlap_fraction"] == 0.0
    assert 0 < distances[0] < 69.0
    np.testing.assert_allclose(np.diff(distances), 46.0, atol=6.0)


def test_distance_error_is_the_shift_where_the_distance_grows_with_it(cell):
    """Beside a crack and far from it, the distance follows the shift along columns one to one."""
    regions = np.zeros((36, 24), np.int32)
    regions[21, 2] = 1
    table = link(cell, regions, se_um=(1.0, 60.0)).table.set_index("crack")
    assert table.loc[1, "distance_um"] > 120.0
    assert table.loc[1, "distance_se_um"] == pytest.approx(np.hypot(60.0, 46.0 / np.sqrt(12)), rel=0.15)


def test_a_worse_registration_spreads_the_probability(cell, rng):
    regions = cell.region_on(1, rng)
    sure, unsure = (link(cell, regions, se_um=(se, se)).table.set_index("crack") for se in (3.0, 150.0))
    assert unsure.loc[1, "probability"] < sure.loc[1, "probability"]
    assert unsure.loc[1, "distance_se_um"] > sure.loc[1, "distance_se_um"]


def test_an_unknown_direction_counts_as_the_whole_width(cell, rng):
    regions = cell.region_on(1, rng)
    unknown = link(cell, regions, se_um=(3.0, None))
    # the disc is 720 um wide: 15 or 16 pixels
    wide = link(cell, regions, se_um=(3.0, 15 * 46.0 / np.sqrt(12))).table
    pd.testing.assert_frame_equal(unknown.table, wide, rtol=0.1)
    assert unknown.summary["registration_se_um"]["u"] is None


def test_p_is_small_where_cracks_made_the_regions(cell):
    rng = np.random.default_rng(6)
    single = [link(cell, cell.region_on(1, rng)).summary["p_value"] for _ in range(15)]
    assert np.mean(single) < 0.2
    both = []
    for _ in range(15):
        regions = cell.region_on(1, rng)
        regions[cell.region_on(2, rng) > 0] = 2
        both.append(link(cell, regions).summary["p_value"])
    assert np.mean(both) < 0.07
    assert np.mean(both) < np.mean(single)


@pytest.mark.parametrize(
    ("no_regions", "no_cracks", "reason"),
    [(True, False, "no long-T2 region"), (False, True, "no crack"), (True, True, "no long-T2 region")],
)
def test_nothing_to_link_is_said(cell, rng, no_regions, no_cracks, reason):
    regions = cell.region_on(1, rng) * (not no_regions)
    error = StandardError(3.0, 3.0, None)
    cracks = cell.cracks * (not no_cracks)
    links = link_regions(regions, PIXEL_UM, cell.to_reference, error, cracks, cell.phases, cell.spacing_um)
    assert links.table.empty
    assert list(links.table.columns) == COLUMNS
    assert links.summary["p_value"] is None
    assert links.summary["statistic"] is None
    assert reason in links.summary["reason"]
    assert len(links.summary["regions"]) == int(not no_regions)


def test_a_refused_registration_links_nothing(cell, rng):
    links = unlinked(cell.region_on(1, rng), cell.cracks, "the registration was refused")
    assert links.table.empty
    assert (links.summary["n_regions"], links.summary["n_cracks"]) == (1, 2)
    assert links.summary["p_value"] is None
    assert links.summary["reason"] == "the registration was refused"
    assert links.summary["regions"] == [{"region": 1, "probability_none": None, "crack": None}]


def test_cracks_outside_the_field_are_said(cell, rng):
    away = rotation_map(Rotation.identity(), (0, 0, 0), (0, 0, 5000.0)) @ cell.to_reference
    grids = (cell.cracks, cell.phases, cell.spacing_um)
    links = link_regions(cell.region_on(1, rng), PIXEL_UM, away, StandardError(1, 1, None), *grids)
    assert links.table.empty
    assert "field" in links.summary["reason"]


def test_equal_seeds_give_equal_links(cell, rng):
    regions = cell.region_on(2, rng)
    first, second = link(cell, regions, seed=4), link(cell, regions, seed=4)
    pd.testing.assert_frame_equal(first.table, second.table)
    assert first.summary == second.summary


def test_shapes_that_do_not_fit(cell):
    with pytest.raises(ValueError, match="grid"):
        link_regions(
            np.zeros((3, 3), int),
            PIXEL_UM,
            cell.to_reference,
            StandardError(1, 1, None),
            cell.cracks,
            cell.phases[1:],
            cell.spacing_um,
        )


def registered(to_reference, verdict="accepted", reasons=()) -> Registration:
    error = StandardError(3.0, 3.0, None)
    return Registration(to_reference, "known", verdict, reasons, score=1.0, se_um=error)


def grids_of(cell):
    return cell.cracks, cell.phases, cell.spacing_um


def test_a_refused_mri_is_not_linked_and_says_why(cell, rng):
    refused = registered(cell.to_reference, "refused", ("too dark", "two maxima"))
    links = link_acquisition(cell.region_on(1, rng), PIXEL_UM, refused, *grids_of(cell))
    assert links.table.empty
    assert links.summary["reason"] == "the MRI's registration was refused: too dark; two maxima"
    assert links.summary["registration_se_um"] == {"u": None, "v": None, "normal": None}


def test_a_stack_is_not_linked_but_a_single_slice_is(cell, rng):
    regions = cell.region_on(1, rng)
    accepted = registered(cell.to_reference)
    stack = link_acquisition(
        np.stack([regions, regions]), (500.0, *PIXEL_UM), accepted, *grids_of(cell), n_null=99
    )
    assert stack.table.empty
    assert "stack of slices" in stack.summary["reason"]
    flat = link_acquisition(regions, PIXEL_UM, accepted, *grids_of(cell), n_null=99)
    single = link_acquisition(regions[None], (500.0, *PIXEL_UM), accepted, *grids_of(cell), n_null=99)
    pd.testing.assert_frame_equal(single.table, flat.table)
    assert single.summary == flat.summary
    direct = link(cell, regions, n_null=99)
    pd.testing.assert_frame_equal(flat.table, direct.table)
    assert flat.summary == direct.summary


def test_links_are_found_in_the_tomogram_that_has_moved(cell, rng):
    """The MRI's map leads to the reference, the cracks lie in a tomogram that has a map of its own."""
    regions = cell.region_on(1, rng)
    moved = rotation_map(
        Rotation.from_euler("z", 20.0, degrees=True), (350.0, 400.0, 300.0), (80.0, -50.0, 9.0)
    )
    mri = registered(moved @ cell.to_reference)
    links = link_acquisition(regions, PIXEL_UM, mri, *grids_of(cell), tomogram=registered(moved), n_null=99)
    direct = link(cell, regions, n_null=99)
    pd.testing.assert_frame_equal(links.table, direct.table, rtol=1e-6)
    astray = link_acquisition(regions, PIXEL_UM, mri, *grids_of(cell), n_null=99)
    assert not astray.table.equals(direct.table)
