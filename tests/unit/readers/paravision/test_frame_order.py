from __future__ import annotations

import itertools

import numpy as np
import pytest

from spallmap.readers import open_image
from tests.unit.readers.paravision.stored_frames import (
    CYCLES,
    DEPENDENT,
    ECHOES,
    SLICES,
    TE_MS,
    stored_frames,
)

LENGTHS = {"echo": 3, "slice": 2, "cycle": 4, "complex": 2}
GROUPS = {"echo": ECHOES, "slice": SLICES, "cycle": CYCLES, "complex": "(2, <FG_COMPLEX>, <>, 0, 0)"}


def frame_number(order: tuple[str, ...], at: dict[str, int]) -> int:
    """Position of a frame in the file: the first group is the fastest."""
    number, step = 0, 1
    for name in order:
        number += step * at[name]
        step *= LENGTHS[name]
    return number


@pytest.mark.parametrize(
    "order",
    [
        order
        for n in (1, 2, 3, 4)
        for names in itertools.combinations(LENGTHS, n)
        for order in itertools.permutations(names)
    ],
    ids="-".join,
)
def test_frame_order_follows_the_frame_groups(write_scan, order):
    """Every order of every choice of echoes, slices, repetitions and real and imaginary parts."""
    n = {name: LENGTHS[name] if name in order else 1 for name in LENGTHS}
    stored = stored_frames(int(np.prod(list(n.values()))))
    rng = np.random.default_rng(len(stored))
    slope, offset = rng.uniform(0.1, 2, len(stored)), rng.normal(0, 100, len(stored))
    scan = write_scan(
        stored,
        " ".join(GROUPS[name] for name in order),
        TE_MS[: n["echo"]],
        (1, 1),
        slope=slope,
        offset=offset,
        positions=((0, 0, 0), (0, 0, 0.5))[: n["slice"]],
        frame_type="COMPLEX_IMAGE" if "complex" in order else "MAGNITUDE_IMAGE",
        more={"VisuGroupDepVals": DEPENDENT},
    )
    image = open_image(scan, "mri")
    assert image.axes == (("echo", "z", "y", "x") if "slice" in order else ("echo", "y", "x"))
    assert image.meta["te_ms"] == tuple(t for t in TE_MS[: n["echo"]] for _ in range(n["cycle"]))
    assert image.meta["repetitions"] == n["cycle"]
    assert image.meta["magnitude"] is ("complex" not in order)
    assert image.data.dtype == (np.complex64 if "complex" in order else np.float32)
    data = image.data.reshape(n["echo"], n["cycle"], n["slice"], *stored.shape[1:])
    for e, c, z in np.ndindex(data.shape[:3]):
        frames = [
            frame_number(order, {"echo": e, "cycle": c, "slice": z, "complex": p})
            for p in range(n["complex"])
        ]
        parts = [stored[f] * slope[f] + offset[f] for f in frames]
        np.testing.assert_allclose(
            data[e, c, z], parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1], rtol=1e-5
        )


def test_one_frame_without_groups(write_scan):
    stored = stored_frames(1)
    image = open_image(write_scan(stored, "", (20,), (1, 1)), "mri")
    np.testing.assert_array_equal(image.data, stored)
    assert image.meta["train"] == "unknown"


def test_a_cycle_with_an_echo_time_each_is_separate_echoes(write_scan):
    stored = stored_frames(4)
    more = {"VisuGroupDepVals": "( 1 )\n(<VisuAcqEchoTime>, 0)"}
    groups = "(4, <FG_CYCLE>, <>, 0, 1)"
    image = open_image(write_scan(stored, groups, (9, 3, 9, 5), (1, 1), more=more), "mri")
    assert image.meta["train"] == "separate"
    assert image.meta["te_ms"] == (3, 5, 9, 9)
    np.testing.assert_array_equal(image.data, stored[[1, 3, 0, 2]])
