from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from spallmap.twin.formats import write_ome_pages
from spallmap.twin.poses import draw_xct_pose
from spallmap.twin.xct import XctLook, simulate_xct
from spallmap.twin.xct_slabs import simulate_xct_slabs
from tests.unit.twin.plain_cell import bowl, plain_cell, spheres

SHAPE, SPACING = (61, 70, 66), 4.0
CELL = plain_cell(crack=bowl(80.0, 30.0, 3.0), hollows=spheres((30.0, 10.0, -20.0, 14.0)))


def slabs_of(look, *, cell=CELL, seed=0, shape=SHAPE, **options):
    rng = np.random.default_rng(seed)
    pose = draw_xct_pose(rng, shape, SPACING)
    return simulate_xct_slabs(cell, pose, rng, shape=shape, spacing_um=SPACING, look=look, **options)


def joined(slabs):
    parts = list(slabs)
    assert [p.first_slice for p in parts] == list(np.cumsum([0, *(len(p.volume) for p in parts[:-1])]))
    return np.concatenate([p.volume for p in parts]), np.concatenate([p.labels for p in parts])


def whole_of(look, seed=0):
    rng = np.random.default_rng(seed)
    pose = draw_xct_pose(rng, SHAPE, SPACING)
    return simulate_xct(CELL, pose, rng, shape=SHAPE, spacing_um=SPACING, look=look)


@pytest.mark.parametrize("look", [XctLook(), XctLook(noise_voxels=0.0, blur_voxels=1.3), None])
def test_voxels_do_not_depend_on_slabs_or_threads(look):
    volume, labels = joined(slabs_of(look, slices=SHAPE[0]))
    for slices, threads in ((3, 2), (16, 1), (60, 2)):
        again, labels_again = joined(slabs_of(look, slices=slices, threads=threads))
        np.testing.assert_array_equal(again, volume)
        np.testing.assert_array_equal(labels_again, labels)
    assert volume.dtype == np.uint16
    assert volume.shape == labels.shape == SHAPE


@pytest.mark.parametrize("seed", [0, 1])
def test_without_noise_they_are_the_voxels_of_the_whole_scan(seed):
    look = XctLook(noise_grey=0.0, cupping=0.08, ring_grey=500.0, blur_voxels=0.7)
    scan = whole_of(look, seed)
    volume, labels = joined(slabs_of(look, seed=seed, slices=9))
    np.testing.assert_array_equal(volume, scan.volume)
    np.testing.assert_array_equal(labels, scan.labels)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_noise_is_as_strong_and_as_correlated_as_that_of_the_whole_scan(correlation):
    quiet = XctLook(noise_grey=0.0, ring_grey=0.0)
    look = replace(quiet, noise_grey=900.0, noise_voxels=correlation)
    clean = whole_of(quiet).volume.astype(float)
    by_slabs = joined(slabs_of(look, slices=5))[0] - clean
    at_once = whole_of(look).volume - clean
    assert by_slabs.std() == pytest.approx(900.0, rel=0.01)
    for axis in range(3):
        near = [np.mean(d * np.roll(d, 1, axis=axis)) / np.mean(d * d) for d in (by_slabs, at_once)]
        assert near[0] == pytest.approx(near[1], abs=0.01)
    # The same strength at the borders and across the seams between slabs.
    by_slice = by_slabs.std(axis=(1, 2))
    assert by_slice.max() / by_slice.min() < 1.15


def test_seeds_decide_and_no_two_slices_have_the_same_noise():
    look = XctLook(noise_voxels=0.0)
    clean = joined(slabs_of(replace(look, noise_grey=0.0), seed=1))[0].astype(float)
    a, b = (joined(slabs_of(look, seed=s))[0] for s in (1, 2))
    assert np.any(a != b)
    noise = (a - clean).reshape(SHAPE[0], -1)
    between = np.corrcoef(noise)[np.triu_indices(SHAPE[0], 1)]
    assert np.abs(between).max() < 0.1


def test_pages_make_a_large_ome_tiff_that_reads_back(tmp_path):
    path = tmp_path / "scan.ome.tif"
    slabs = list(slabs_of(XctLook(), slices=10))
    pages = (page for slab in slabs for page in slab.volume)
    write_ome_pages(path, pages, SHAPE, SPACING, "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e")
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
        assert file.is_ome
        assert len(file.pages) == SHAPE[0]
        assert 'PhysicalSizeZ="4.0"' in file.ome_metadata
        np.testing.assert_array_equal(file.asarray(), joined(slabs)[0])


def test_a_slab_without_slices_is_refused():
    with pytest.raises(ValueError, match="one or more slices"):
        next(iter(slabs_of(XctLook(), slices=0)))
