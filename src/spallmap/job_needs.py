"""What a job needs: memory and time by what it reads, measured rule by rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Above what was measured: other machines, other data, libraries' other versions.
MARGIN = 1.5
# Snakemake itself stays in a job's allocation beside the script: 110 MB imported, 180 with some cells' jobs.
SNAKEMAKE_MB = 250
# Shared file systems and older processors were seen to take three times a quiet machine's time.
SLOWNESS = 3.0
# A job of a small cell takes half a minute where all of it has to be compiled first; queues count in minutes.
LEAST_MIN = 5


@dataclass(frozen=True)
class JobNeed:
    """What jobs of one rule were seen to use.

    Parameters
    ----------
    base_mb : float
        The program with its libraries and a small cell, MB.
    mb_per_mvoxel : float
        More for every million voxels of the tomograms that it reads.
    mb_per_file_mb : float
        More for every MB of the instrument's own files, where those are read whole.
    s_per_mvoxel : float
        Seconds of processor time for every million voxels.
    least_min : int
        Time that is asked for at least, min.
    """

    base_mb: float
    mb_per_mvoxel: float = 0.0
    mb_per_file_mb: float = 0.0
    s_per_mvoxel: float = 0.0
    least_min: int = LEAST_MIN


# Measured with tomograms of 2.5 and of 312 million voxels on one machine; docs/cluster.md has the table.
# Rules that work block by block grow by little. What is not in the list asks for the defaults.
NEEDS: dict[str, JobNeed] = {
    "demo_cell": JobNeed(1500, least_min=15),
    "t2": JobNeed(470, mb_per_file_mb=60, least_min=10),
    "sem_image": JobNeed(250, mb_per_file_mb=12),
    "edx_net": JobNeed(250, mb_per_file_mb=8),
    "phases": JobNeed(560, 1.5, s_per_mvoxel=0.08),
    "interfaces": JobNeed(420, 1.5, s_per_mvoxel=0.08),
    "crack_thresholds": JobNeed(400, 1.0, s_per_mvoxel=0.05),
    "crack_slab": JobNeed(420, 1.5, s_per_mvoxel=0.08),
    "cracks": JobNeed(460, 1.8, s_per_mvoxel=0.08),
    "crack_changes": JobNeed(400, 1.0, s_per_mvoxel=0.05),
    "register_volume": JobNeed(390, 7.0, s_per_mvoxel=0.08),
    "register_projection": JobNeed(470, 13.3, s_per_mvoxel=0.08, least_min=10),
    "register_section": JobNeed(520, 8.4, mb_per_file_mb=24, s_per_mvoxel=0.6, least_min=10),
    "register_inset": JobNeed(510, mb_per_file_mb=24, least_min=10),
    "link": JobNeed(340, 9.0, s_per_mvoxel=0.06),
    "overlays": JobNeed(700, 21.5, s_per_mvoxel=0.35),
    "cell_figures": JobNeed(700, 11.8, s_per_mvoxel=0.1),
    "report_page": JobNeed(500),
}
_DEFAULT = JobNeed(500)


def memory_mb(rule: str, megavoxels: float = 0.0, file_mb: float = 0.0) -> int:
    """Say how much memory a job asks for.

    Parameters
    ----------
    rule : str
        The workflow's rule.
    megavoxels : float
        Millions of voxels of the tomograms that it reads.
    file_mb : float
        MB of the instrument's files that it reads.

    Returns
    -------
    int
        MB: one and a half times what was measured, and Snakemake's own, in steps of 100.

    Raises
    ------
    ValueError
        If a size is negative.

    Examples
    --------
    >>> memory_mb("link"), memory_mb("overlays", megavoxels=312)
    (800, 11400)
    """
    if megavoxels < 0 or file_mb < 0:
        raise ValueError(f"sizes must not be negative, found {megavoxels} million voxels and {file_mb} MB")
    need = NEEDS.get(rule, _DEFAULT)
    used = need.base_mb + need.mb_per_mvoxel * megavoxels + need.mb_per_file_mb * file_mb
    return math.ceil((MARGIN * used + SNAKEMAKE_MB) / 100) * 100


def runtime_min(rule: str, megavoxels: float = 0.0) -> int:
    """Say how much time a job asks for.

    Parameters
    ----------
    rule : str
        The workflow's rule.
    megavoxels : float
        Millions of voxels of the tomograms that it reads.

    Returns
    -------
    int
        Minutes.

    Raises
    ------
    ValueError
        If the size is negative.

    Examples
    --------
    >>> runtime_min("link"), runtime_min("register_section", megavoxels=312)
    (5, 20)
    """
    if megavoxels < 0:
        raise ValueError(f"a size must not be negative, found {megavoxels} million voxels")
    need = NEEDS.get(rule, _DEFAULT)
    return need.least_min + math.ceil(SLOWNESS * need.s_per_mvoxel * megavoxels / 60)


def group_name(kind: str, of: str) -> str:
    """Name a group of jobs that share a submission.

    Parameters
    ----------
    kind : str
        What its jobs do.
    of : str
        The cell, state or acquisition, with slashes.

    Returns
    -------
    str
        Without slashes, which no name of a job may have.

    Examples
    --------
    >>> group_name("mri", "c07/shorted/mri-t2")
    'mri.c07.shorted.mri-t2'
    """
    return f"{kind}.{of.replace('/', '.')}"
