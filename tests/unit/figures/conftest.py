"""A small cell whose every answer is known: a ceramic slab between two discs, with a flat crack in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration, StandardError
from spallmap.results.records import CrackSurface, ElementsRecord, MriRecord, SectionRecord, XctRecord

SPACING = (10.0, 10.0, 10.0)
SHAPE = (40, 60, 60)
TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)
T2_ELECTRODE, T2_REGION, SIGMA = 7.0, 16.0, 20.0


def registration(matrix: AffineMap, verdict: str = "accepted", reasons: tuple[str, ...] = ()) -> Registration:
    return Registration(matrix, "known", verdict, reasons, 0.9, None, StandardError(2.0, 1.5, None))  # type: ignore[arg-type]


def refused(matrix: AffineMap | None = None) -> Registration:
    return registration(matrix or AffineMap.identity(), "refused", ("the runner-up is as good",))


@pytest.fixture
def mri_map() -> AffineMap:
    """Columns along y, rows along -z, lines of sight along -x: the first row lies at the volume's top."""
    linear = np.column_stack([(0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)])
    return AffineMap.from_parts(linear, (300.0, 5.0, 380.0))


@pytest.fixture
def section_map() -> AffineMap:
    """A section at x = 300, columns along y, rows along -z."""
    linear = np.column_stack([(0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)])
    return AffineMap.from_parts(linear, (300.0, 0.0, 390.0))


@pytest.fixture
def shorted() -> XctRecord:
    phases = np.full(SHAPE, 5, np.uint8)
    phases[12:28, 5:55, 5:55] = 1
    phases[4:12, 15:45, 15:45] = 2
    phases[28:36, 15:45, 15:45] = 2
    cracks = np.zeros(SHAPE, np.int32)
    cracks[22, 20:40, 20:40] = 1
    cracks[18, 48:52, 10:14] = 2
    phases[cracks > 0] = 3
    grey = np.choose(phases, [0, 45000, 20000, 13000, 20000, 13000]).astype(np.uint16)
    return XctRecord("shorted", "scan", grey, SPACING, phases, cracks)


@pytest.fixture
def pristine(shorted: XctRecord) -> XctRecord:
    shift = AffineMap.from_parts(np.eye(3), (10.0, 0.0, 0.0))
    phases = np.where(np.asarray(shorted.phases) == 3, 1, shorted.phases)
    grey = np.roll(np.choose(phases, [0, 45000, 20000, 13000, 20000, 13000]), -1, axis=2).astype(np.uint16)
    rolled = np.roll(phases, -1, axis=2)
    none = np.zeros(SHAPE, np.int32)
    return XctRecord("pristine", "scan", grey, SPACING, rolled, none, None, registration(shift))


@pytest.fixture
def surface() -> CrackSurface:
    y, x = np.mgrid[20:40, 20:40]
    points = np.stack([x.ravel() * 10.0, y.ravel() * 10.0, np.full(x.size, 220.0)], axis=-1)
    k = np.arange(400).reshape(20, 20)
    a, b, c, d = (k[s].ravel() for s in (np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[1:, 1:]))
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)])
    data = {
        "crack": np.ones(400, int),
        "aperture_um": np.linspace(2.0, 9.0, 400),
        "depth_um": np.full(400, 60.0),
    }
    return CrackSurface(points, triangles, data)


def make_mri(state: str, with_region: bool, to_reference: Registration | None) -> MriRecord:
    rng = np.random.default_rng(3)
    shape = (20, 30)
    t2 = np.full(shape, np.nan)
    s0 = np.zeros(shape)
    s0[2:6, 8:22], s0[14:18, 8:22] = 2000.0, 2000.0
    t2[s0 > 0] = T2_ELECTRODE
    regions = np.zeros(shape, np.int32)
    if with_region:
        regions[8, 11:17] = 1
        s0[8, 11:17], t2[8, 11:17] = 900.0, T2_REGION
    te = np.asarray(TE_MS)[:, None, None]
    signal = np.where(s0 > 0, s0 * np.exp(-te / np.nan_to_num(t2, nan=1.0)), 0.0)
    noise = rng.normal(0.0, SIGMA, (2, *signal.shape))
    echoes = np.hypot(signal + noise[0], noise[1])
    snr = s0 * np.exp(-TE_MS[0] / np.nan_to_num(t2, nan=1.0)) / SIGMA
    counts, edges = np.histogram(t2[s0 > 0], np.arange(0.0, 36.5, 0.5))
    n = int(with_region)
    table = pd.DataFrame(
        {
            "region": [1] * n,
            "pixels": [6] * n,
            "t2_ms": [T2_REGION] * n,
            "t2_se_ms": [1.3] * n,
            "snr": [40.0] * n,
        }
    )
    summary = {
        "model": "rician",
        "noise_sigma": SIGMA,
        "electrode": {"t2_median_ms": T2_ELECTRODE, "fwhm_ms": 0.8},
        "long": {"threshold_ms": 12.0},
        "histogram": {"edges_ms": edges.tolist(), "counts": counts.tolist(), "n_above": 0},
    }
    maps = {
        "t2_ms": t2,
        "s0": s0,
        "snr": snr,
        "status": (s0 <= 0).astype(np.int32),
        "p_long": (t2 > 12).astype(float),
    }
    return MriRecord(state, "t2", echoes, TE_MS, (20.0, 20.0), maps, regions, table, summary, to_reference)


@pytest.fixture
def mri(mri_map: AffineMap) -> MriRecord:
    return make_mri("shorted", True, registration(mri_map))


@pytest.fixture
def mri_pristine(mri_map: AffineMap) -> MriRecord:
    return make_mri("pristine", False, registration(mri_map))


@pytest.fixture
def sem(section_map: AffineMap) -> SectionRecord:
    rng = np.random.default_rng(5)
    grey = rng.integers(60, 200, (90, 120)).astype(np.uint8)
    mask = np.ones(grey.shape, bool)
    mask[80:] = False
    return SectionRecord("shorted", "overview", grey, (5.0, 5.0), mask, registration(section_map))


@pytest.fixture
def edx() -> ElementsRecord:
    counts = np.zeros((2, 20, 30))
    counts[0, :10], counts[1, 10:] = 5.0, 7.0
    inset = registration(AffineMap.from_parts(np.eye(3), (100.0, 50.0, 0.0)))
    return ElementsRecord("shorted", "elements", counts, ("Na", "Al"), (10.0, 10.0), inset)


@pytest.fixture
def links() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "region": [1, 1],
            "crack": [1, 2],
            "probability": [0.97, 0.02],
            "distance_um": [4.0, 180.0],
            "distance_se_um": [6.0, 6.0],
            "overlap_fraction": [0.9, 0.0],
        }
    )
