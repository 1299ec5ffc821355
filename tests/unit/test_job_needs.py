"""Memory and time that jobs ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spallmap.job_needs import LEAST_MIN, NEEDS, memory_mb, runtime_min

RULES = Path(__file__).parents[2] / "workflow" / "rules"
# GB and seconds of processor time that jobs were seen to use with tomograms of 475 x 810 x 810 voxels.
MVOXELS = 475 * 810 * 810 / 1e6
SEEN = {
    "cell_figures": (7.9, 57, 2),
    "overlays": (7.3, 104, 1),
    "register_volume": (4.7, 43, 2),
    "register_projection": (4.6, 15, 1),
    "register_section": (3.1, 172, 1),
    "link": (3.1, 14, 1),
    "phases": (1.0, 22, 1),
    "cracks": (1.0, 19, 1),
}


@pytest.mark.parametrize(("rule", "gigabytes", "seconds", "tomograms"), [(k, *v) for k, v in SEEN.items()])
def test_half_as_much_again_as_was_seen_and_not_much_more(rule, gigabytes, seconds, tomograms):
    asked = memory_mb(rule, tomograms * MVOXELS)
    assert 1.5 * 1000 * gigabytes <= asked <= 2.2 * 1000 * gigabytes
    assert runtime_min(rule, tomograms * MVOXELS) * 60 >= 3 * seconds


@pytest.mark.parametrize("rule", NEEDS)
def test_a_small_cell_asks_for_little_and_a_large_one_for_more(rule):
    assert 600 <= memory_mb(rule) <= 2600
    assert runtime_min(rule) >= LEAST_MIN
    if NEEDS[rule].mb_per_mvoxel:
        assert memory_mb(rule, 1000) > memory_mb(rule, 100) > memory_mb(rule)


def test_large_files_count_where_they_are_read_whole():
    assert memory_mb("edx_net", file_mb=2000) > 20_000
    assert memory_mb("phases", file_mb=2000) == memory_mb("phases")


def test_every_rule_that_is_submitted_has_its_needs():
    text = "\n".join(path.read_text() for path in RULES.glob("*.smk"))
    asking = re.findall(
        r"rule (\w+):(?:(?!\n\s*rule ).)*?mem_mb=memory,\n\s*runtime=runtime,", text, flags=re.S
    )
    assert set(asking) == set(NEEDS)


@pytest.mark.parametrize("sizes", [(-1.0, 0.0), (0.0, -1.0)])
def test_negative_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="negative"):
        memory_mb("t2", *sizes)
    if sizes[0] < 0:
        with pytest.raises(ValueError, match="negative"):
            runtime_min("t2", sizes[0])
