"""Which acquisition is registered to which, for cells with any subset of modalities and states."""

from __future__ import annotations

from pathlib import Path

import pytest

from spallmap.acquisitions import Acquisition
from spallmap.axes import AxesPrior
from spallmap.errors import InputError, InputGroupError
from spallmap.plan import Plan


def row(key, axes=None):
    cell, state, modality, name = key.split("/")
    axes = AxesPrior.parse(axes or ("z,y,x" if modality == "xct" else "-z,y"))
    return Acquisition(cell, state, modality, name, Path(key), None, axes, None, None, key)


def plan(*keys):
    return Plan([row(k) for k in keys])


def test_the_shorted_tomogram_is_the_reference():
    p = plan("c/shorted/xct/a", "c/shorted/xct/b", "c/later/xct/a")
    assert p.reference("c").id == "c/shorted/xct-a"
    assert not p.is_reference(p.get("c", "shorted", "xct", "b"))


def test_without_a_shorted_state_the_last_states_tomogram_is_the_reference():
    p = plan("c/one/xct/a", "c/two/xct/a", "c/three/mri/a")
    assert p.reference("c").state == "two"
    assert p.tomogram("c", "three").state == "two"
    assert p.tomogram("c", "one").state == "one"


def test_a_cell_without_tomogram_has_no_reference():
    p = plan("c/shorted/mri/a")
    assert p.reference("c") is None
    assert p.tomogram("c", "shorted") is None
    assert not p.is_reference(p.acquisitions[0])


def test_the_null_is_the_pristine_tomogram_of_the_same_cell():
    p = plan("c/pristine/xct/a", "c/shorted/xct/a", "d/shorted/xct/a")
    assert p.null_tomogram(p.get("c", "shorted", "xct", "a")).state == "pristine"
    assert p.null_tomogram(p.get("c", "pristine", "xct", "a")) is None
    assert p.null_tomogram(p.get("d", "shorted", "xct", "a")) is None


def test_the_first_mri_of_a_state_is_linked():
    p = plan("c/shorted/mri/b", "c/shorted/mri/a", "c/pristine/xct/a")
    assert p.linked_mri("c", "shorted").name == "b"
    assert p.linked_mri("c", "pristine") is None


def test_an_unknown_acquisition_raises():
    with pytest.raises(KeyError):
        plan("c/shorted/mri/b").get("c", "shorted", "mri", "a")


def test_a_reference_that_runs_along_other_axes_is_reported():
    rotated = row("c/shorted/xct/a", "z,-y,-x")
    with pytest.raises(InputError, match=r"'axes'.*reference tomogram of cell 'c'"):
        Plan([rotated]).check()
    Plan([row("c/shorted/xct/b"), rotated]).check()


def test_unknown_cells_and_states_have_nothing():
    p = plan("c/shorted/mri/b")
    assert p.of("d") == p.of("c", "pristine") == p.of("c", None, "xct") == []
    assert p.states("d") == []
    assert p.reference("d") is None
    assert [a.name for a in p.of("c", None, "mri")] == ["b"]


def test_every_reference_that_runs_along_other_axes_is_reported():
    rows = [row(f"{cell}/shorted/xct/a", "z,-y,-x") for cell in "cd"]
    with pytest.raises(InputGroupError) as caught:
        Plan(rows).check()
    assert len(caught.value.errors) == 2
