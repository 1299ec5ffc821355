"""Find cracks with other blocks and in slabs, and hold every answer against the first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import tiles, whole
from spallmap.tomography import (
    Cracks,
    assemble_cracks,
    ceramic_box,
    crack_labels,
    crack_thresholds,
    find_candidates,
    find_cracks,
)

# Edges of blocks in voxels: the whole ceramic at once, and two that divide nothing evenly.
BLOCKS = (400, 97, 50)
# Numbers of slabs that are worked on apart, as jobs on several machines.
SLABS = (2, 7)
LABEL_BLOCK = 60

Grey = NDArray[np.uint16]
Phases = NDArray[np.uint8]


def cut_table(
    grey: Grey, phases: Phases, spacing_um: float, null_grey: Grey, null_phases: Phases
) -> list[str]:
    """Compare answers from one volume that was cut in different ways.

    Parameters
    ----------
    grey, phases : ndarray, shape (nz, ny, nx)
        Volume on the common scale, and its phases.
    spacing_um : float
        Voxel size.
    null_grey, null_phases : ndarray
        The pristine scan's.

    Returns
    -------
    list of str
        Lines of a Markdown table: how many voxels of the cracks' middle layers and of their labels differ
        from the answer with the library's own blocks.
    """
    spacing = (spacing_um,) * 3
    shape = grey.shape
    first = find_cracks(grey, phases, spacing, null_grey, null_phases)
    labels = crack_labels(first, grey, phases, whole(shape))
    thresholds = crack_thresholds(grey, phases, null_grey, null_phases)
    box = ceramic_box(phases)
    lines = [
        "| cut into | voxels of middle layers | of these differ | voxels of labels | of these differ |",
        "| --- | --- | --- | --- | --- |",
    ]
    if box is None:
        return lines

    def compare(name: str, other: Cracks) -> None:
        apart = np.zeros(shape, dtype=np.int32)
        for region in tiles(whole(shape), LABEL_BLOCK):
            apart[region] = crack_labels(other, grey, phases, region)
        differ = int(np.count_nonzero(apart != labels))
        values = [name, str(len(first.ridge_index)), str(_different(first, other))]
        lines.append(f"| {' | '.join([*values, str(np.count_nonzero(labels)), str(differ)])} |")

    for size in BLOCKS:
        found = find_candidates(grey, phases, box, thresholds, threads=2, tile=size)
        compare(f"blocks of {size}³", assemble_cracks([found], first.shape, thresholds))
    z, y, x = box
    for n in SLABS:
        edges = np.linspace(z.start, z.stop, n + 1).astype(int)
        parts = [
            find_candidates(grey, phases, (slice(int(a), int(b)), y, x), thresholds)
            for a, b in pairwise(edges)
        ]
        compare(f"{n} slabs, joined in falling order", assemble_cracks(parts[::-1], first.shape, thresholds))
    return lines


def _different(one: Cracks, other: Cracks) -> int:
    """Count middle-layer voxels that only one has, or to which they give another number."""
    rows = [set(map(tuple, np.column_stack([c.ridge_index, c.ridge_crack]).tolist())) for c in (one, other)]
    return len(rows[0] ^ rows[1])
