# What each job asks a cluster for, by the size of what it reads, and which jobs share a submission.

import math

from spallmap.job_needs import group_name, memory_mb, runtime_min
from spallmap.readers import probe_image

# Voxels of the demo's tomograms before they are drawn.
DEMO_MVOXELS = 20.0


# Tomograms are stored with 16 bit, as a rule.
BYTES_PER_VOXEL = 2


def submits():
    """Whether what is asked for counts: on one machine, in a job and in a dry run it is only shown."""
    return workflow.is_main_process and not (workflow.local_exec or workflow.dryrun)


@cache
def megavoxels(acquisition):
    """Millions of voxels, by the header; by the files' size where opening thousands of them is for nothing.

    None where the file cannot be read, which is for its own job to say.
    """
    if not acquisition.file.exists():
        return DEMO_MVOXELS if drawn_by_demo(acquisition.file) else 0.0
    if not submits():
        return file_megabytes(acquisition) / BYTES_PER_VOXEL
    try:
        shape = probe_image(acquisition.path, "xct", acquisition.spacing_um).shape
    except SpallmapError:
        return 0.0
    return math.prod(shape) / 1e6


@cache
def file_megabytes(acquisition):
    """MB of the instrument's files."""
    sizes = [
        Path(f).stat().st_size for f in raw_files(acquisition) if Path(f).is_file()
    ]
    return sum(sizes) / 1e6


def tomograms_read(wildcards, rulename):
    """Tomograms that a job holds; where it takes one after the other, the largest."""
    if "acq" in wildcards.keys():
        acquisition = acquisition_of(wildcards)
        if acquisition.modality != "xct":
            own = [PLAN.tomogram(acquisition.cell, acquisition.state)]
        elif rulename == "register_volume":
            own = [acquisition, PLAN.reference(acquisition.cell)]
        else:
            own = [acquisition]
    elif "place" in wildcards.keys():
        cell = cell_of(wildcards.place)
        own = [PLAN.tomogram(cell, state_of(wildcards.place)), PLAN.reference(cell)]
        own = sorted((a for a in own if a), key=megavoxels)[-1:]
    elif "cell" in wildcards.keys():
        own = PLAN.of(wildcards.cell, modality="xct")
    else:
        own = []
    return [a for a in own if a is not None]


def voxels_read(wildcards, rulename):
    return sum(megavoxels(a) for a in tomograms_read(wildcards, rulename))


def memory(wildcards, attempt, rulename):
    """Memory for the size of the input.

    The executor of the Slurm profile doubles it after a kill for memory, and then alone. Others tell
    Snakemake only that a job failed: theirs is doubled with every attempt.
    """
    files = (
        file_megabytes(acquisition_of(wildcards)) if "acq" in wildcards.keys() else 0
    )
    asked = memory_mb(rulename, voxels_read(wildcards, rulename), files)
    executor = workflow.executor_plugin
    if executor is not None and executor.name == "spallmap-slurm":
        return asked
    return asked * 2 ** (attempt - 1)


def runtime(wildcards, rulename):
    return runtime_min(rulename, voxels_read(wildcards, rulename))


def submitted_in(group):
    """Groups are for clusters: elsewhere each job runs by itself, and finding groups takes time."""
    return group if workflow.resource_settings.nodes is not None else None


def reading_group(wildcards):
    """A tomogram's phases and interfaces."""
    return group_name("tomogram", wildcards.acq)


def crack_group(wildcards):
    """From the thresholds to the cracks, and the registration that the cracks wait for.

    Slabs are submissions of their own, which spread over the nodes: what comes before and after them
    cannot share one then.
    """
    return group_name("cracks", wildcards.acq) if N_SLABS == 1 else None


def mri_group(wildcards):
    """The map of T2 and its registration."""
    return group_name("mri", wildcards.acq)


def section_group(wildcards):
    """All images of sections of a cell and state, with their registrations."""
    return group_name("sections", wildcards.acq.rpartition("/")[0])


def linking_group(wildcards):
    """What is made of a state when all of it is registered."""
    place = (
        wildcards.place
        if "place" in wildcards.keys()
        else wildcards.acq.rpartition("/")[0]
    )
    return group_name("linked", place)


def page_group(wildcards):
    """Figures and pages of a cell."""
    cell = wildcards.cell if "cell" in wildcards.keys() else cell_of(wildcards.place)
    return group_name("pages", cell)
