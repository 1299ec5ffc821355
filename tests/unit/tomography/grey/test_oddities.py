from __future__ import annotations

import numpy as np

from spallmap.tomography.grey.common_scale import common_grey

SHAPE = (80, 100, 100)
Z, Y, X = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
RADIUS = np.hypot(Y - 49.5, X - 49.5)


def disc(radius: float = 36.0, fringe: float = 0.0, step: float = 0.0) -> np.ndarray:
    """Ceramic in air, with a bright rim inside its side wall and a step of grey at slice 36."""
    solid = np.clip(radius + 0.5 - RADIUS, 0.0, 1.0) * (np.abs(Z - 39.5) < 30)
    scan = 100.0 + 500.0 * solid * (1.0 + fringe * np.exp(-0.5 * (RADIUS - radius + 2.0) ** 2))
    scan += step * 500.0 * solid * (Z >= 36)
    return scan + np.random.default_rng(1).normal(0.0, 12.0, SHAPE)


def found(scan: np.ndarray) -> list[str]:
    return [warning.found for warning in common_grey(scan).warnings]


def test_nothing_is_said_of_a_usual_scan() -> None:
    assert found(disc()) == []


def test_fringes_are_said() -> None:
    (words,) = found(disc(fringe=0.12))
    assert words.startswith("bright fringes along the ceramic's edges")


def test_a_step_is_said_with_its_slice() -> None:
    (words,) = found(disc(step=0.04))
    assert "steps" not in words
    assert "+3." in words or "+4." in words
    assert words.endswith("at slice 36 (from 0)")


def test_a_field_that_cuts_the_ceramic_is_said_with_and_without_padding() -> None:
    whole = disc(radius=46.0)
    cropped = whole[:, 12:-12, 12:-12]
    padded = np.where(RADIUS < 40.0, whole, 0.0)
    for scan in (cropped, padded):
        words = found(scan)
        assert any(w.startswith("a field of view that cuts the ceramic along") for w in words), words
    assert not any("field of view" in w for w in found(np.where(RADIUS < 48.0, disc(), 0.0)))
