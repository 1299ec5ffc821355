"""The recorded numbers of the demo: what passes, and what a real change does."""

from __future__ import annotations

import json
import math

import pytest
import reproduce
from reproduce import TOLERANCES, Quantity, compare, map_difference_um


def recorded():
    return [Quantity(**q) for q in json.loads(reproduce.RECORDED.read_text())["quantities"]]


def outside(found):
    return [row[0] for row in compare(recorded(), found) if not row[4]]


def test_the_record_agrees_with_itself_and_has_every_kind():
    assert outside(recorded()) == []
    assert {q.kind for q in recorded()} == set(TOLERANCES)
    assert all(tolerance.why for tolerance in TOLERANCES.values())


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("word", lambda v: v + "?"),
        ("count", lambda v: v + 1),
        ("pixels", lambda v: v + 5),
        ("t2_ms", lambda v: v * 1.01),
        ("fraction", lambda v: v + 0.005),
        ("crack", lambda v: v * 1.02 + 1e-9),
        ("um", lambda v: v - 1.0),
        ("degrees", lambda v: v + 1.0),
        ("probability", lambda v: v - 0.05),
        ("p_value", lambda v: 0.5 if v is None else v + 0.01),
        ("word", lambda v: math.nan),
    ],
)
def test_a_real_change_lies_outside(kind, change):
    """A T2 that is 1 % off, a region more, another verdict: each is named, and nothing else is."""
    was = next(q for q in recorded() if q.kind == kind and q.value)
    found = [Quantity(q.name, q.kind, change(q.value)) if q.name == was.name else q for q in recorded()]
    assert outside(found) == [was.name]


def test_what_another_processor_changes_lies_inside():
    def nudged(q):
        small = isinstance(q.value, float) and q.kind not in ("word", "count", "pixels")
        return Quantity(q.name, q.kind, q.value * (1.0 + 1e-9)) if small else q

    assert outside([nudged(q) for q in recorded()]) == []


def test_a_quantity_that_is_missing_or_new_lies_outside():
    first, *rest = recorded()
    assert outside(rest) == [first.name]
    assert outside([*recorded(), Quantity("another crack", "count", 1)]) == ["another crack"]


@pytest.mark.parametrize(("in_plane", "apart_um"), [(True, 3.0), (False, 5.0)])
def test_maps_are_compared_where_they_are_used(in_plane, apart_um):
    """A projection knows no depth: there a shift along its normal does not count."""
    eye = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    moved = [[*row[:3], shift] for row, shift in zip(eye, (3.0, 0.0, 4.0, 1.0), strict=True)]
    before, after = ({"matrix": matrix, "in_plane": in_plane} for matrix in (eye, moved))
    assert map_difference_um(before, after) == pytest.approx(apart_um)


def test_the_table_says_what_is_outside_and_the_status_follows(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "quantities", lambda cell: recorded())
    assert reproduce.judged(recorded(), tmp_path) == 0
    assert f"{len(recorded())} quantities, 0 outside" in capsys.readouterr().out
    first, *rest = recorded()
    assert reproduce.judged([Quantity(first.name, first.kind, "refused"), *rest], tmp_path) == 1
    assert "OUTSIDE" in capsys.readouterr().out
