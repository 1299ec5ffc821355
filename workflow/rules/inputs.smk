# Input functions, one per kind of job.

IMAGE_FILE = {"sem": "image.ome.tif", "edx": "elements.ome.tif"}


def own_volume(wildcards):
    return volume_of(acquisition_of(wildcards))


def threshold_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    null = PLAN.null_tomogram(acquisition)
    inputs = volume_of(acquisition)
    if null is not None:
        inputs |= {f"null_{k}": path for k, path in volume_of(null).items()}
    return inputs


def slab_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    return volume_of(acquisition) | {"thresholds": made(acquisition, "thresholds.json")}


def crack_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    return slab_inputs(wildcards) | {
        "grey": made(acquisition, "grey.json"),
        "slabs": [made(acquisition, f"slabs/{n}.npz") for n in range(N_SLABS)],
        "to_reference": to_reference_of(acquisition),
    }


def change_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    null = PLAN.null_tomogram(acquisition)
    if null is None:
        raise WorkflowError(
            f"{acquisition.id} has no pristine tomogram to compare with"
        )
    return {
        "surfaces": made(acquisition, "cracks.vtp"),
        "table": made(acquisition, "cracks.csv"),
        "labels": made(acquisition, "labels.ome.zarr"),
        "to_reference": to_reference_of(acquisition),
        "null_summary": made(null, "cracks.json"),
        "null_surfaces": made(null, "cracks.vtp"),
        "null_labels": made(null, "labels.ome.zarr"),
        "null_to_reference": to_reference_of(null),
    }


def axes_in_tomogram(acquisition):
    """Axes in the directions of the tomogram that the acquisition is registered to."""
    axes = acquisition.axes
    tomogram = PLAN.tomogram(acquisition.cell, acquisition.state)
    if tomogram is not None and acquisition.modality != "xct":
        axes = axes.seen_from(tomogram.axes)
    return ",".join(axes.names)


def volume_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    reference = PLAN.reference(acquisition.cell)
    if PLAN.is_reference(acquisition):
        raise WorkflowError(f"{acquisition.id} is the reference of its cell")
    return {
        **{f"moving_{k}": path for k, path in volume_of(acquisition).items()},
        **{f"fixed_{k}": path for k, path in volume_of(reference).items()},
        "landmarks": landmarks_of(acquisition),
    }


def projection_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    tomogram = PLAN.tomogram(acquisition.cell, acquisition.state)
    inputs = {
        "echoes": made(acquisition, "echoes.ome.tif"),
        "echoes_json": made(acquisition, "echoes.json"),
        "summary": made(acquisition, "t2.json"),
        "regions": made(acquisition, "regions.ome.tif"),
        "maps": made(acquisition, "t2.ome.tif"),
        "landmarks": landmarks_of(acquisition),
    }
    if tomogram is not None:
        inputs |= {
            "labels": made(tomogram, "labels.ome.zarr"),
            "tomogram_to_reference": to_reference_of(tomogram),
        }
    return inputs


def section_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    tomogram = PLAN.tomogram(acquisition.cell, acquisition.state)
    inputs = {
        "image": made(acquisition, IMAGE_FILE[acquisition.modality]),
        "landmarks": landmarks_of(acquisition),
    }
    if tomogram is not None:
        inputs |= volume_of(tomogram)
        inputs["tomogram_to_reference"] = to_reference_of(tomogram)
    return inputs


def inset_inputs(wildcards):
    acquisition = acquisition_of(wildcards)
    outer = PLAN.get(acquisition.cell, acquisition.state, "sem", acquisition.within)
    return {
        "image": made(acquisition, IMAGE_FILE[acquisition.modality]),
        "outer": made(outer, "image.ome.tif"),
        "outer_to_reference": made(outer, "to_reference.json"),
        "landmarks": landmarks_of(acquisition),
    }


def link_inputs(wildcards):
    cell, state = cell_of(wildcards.place), state_of(wildcards.place)
    if not is_linked(cell, state):
        raise WorkflowError(f"nothing is linked in {wildcards.place}")
    mri = PLAN.linked_mri(cell, state)
    tomogram = PLAN.tomogram(cell, state)
    return {
        "regions": made(mri, "regions.ome.tif"),
        "mri_to_reference": made(mri, "to_reference.json"),
        "cracks": made(tomogram, "cracks.ome.zarr"),
        "labels": made(tomogram, "labels.ome.zarr"),
        "tomogram_to_reference": to_reference_of(tomogram),
    }


def cell_of(place):
    cell, state = place.split("/")
    if state not in PLAN.states(cell):
        raise WorkflowError(f"the table has no cell and state {place}")
    return cell


def state_of(place):
    return place.split("/")[1]


def described(acquisitions):
    """What a script needs to know of acquisitions to find their results."""
    return [
        {
            "id": a.id,
            "folder": f"{RESULTS}/{a.id}",
            "state": a.state,
            "modality": a.modality,
            "name": a.name,
            "within": a.within,
            "reference": PLAN.is_reference(a),
        }
        for a in acquisitions
    ]


def results_of(cell, states=None):
    """What shows that the stations and registrations of a cell are made."""
    if not PLAN.of(cell):
        raise WorkflowError(f"the table has no cell {cell}")
    files = []
    for acquisition in PLAN.of(cell):
        if (
            states
            and acquisition.state not in states
            and not PLAN.is_reference(acquisition)
        ):
            continue
        files += typical_files(acquisition)
    for state in PLAN.states(cell):
        if not states or state in states:
            files += links_of(cell, state)[:1]
    return files


def report_inputs(wildcards):
    """Pictures and figures of a state; they need the results that the page shows besides."""
    cell, state = cell_of(wildcards.place), state_of(wildcards.place)
    return {
        "pictures": [
            made(a, "registration.png")
            for a in PLAN.of(cell, state)
            if not PLAN.is_reference(a)
        ],
        "overlays": f"{RESULTS}/{wildcards.place}/overlays",
        "figures": [f"{RESULTS}/{cell}/figures/{figure}.png" for figure in FIGURES],
    }


def workflow_files():
    """What the workflow consists of, below its folder: copied into the crate."""
    root = Path(workflow.basedir)
    patterns = ["Snakefile", "workflow/**/*.smk", "workflow/**/*.yaml"]
    patterns += ["scripts/*.py", "config/config.yaml", "pyproject.toml", "LICENSE"]
    return sorted({str(p.relative_to(root)) for g in patterns for p in root.glob(g)})


def jobs_of_run():
    """Every job behind the results, those that a run had no need to do again included."""
    jobs = [
        {
            "rule": job.rule.name,
            "script": str(job.rule.script),
            "inputs": sorted({str(path) for path in job.input}),
            "outputs": sorted({str(path) for path in job.output}),
            "log": str(job.log[0]) if job.log else "",
        }
        for job in workflow.dag.jobs
        if job.rule.script and job.rule.name != "ro_crate"
    ]
    order = {rule.name: number for number, rule in enumerate(workflow.rules)}
    return sorted(jobs, key=lambda job: (order[job["rule"]], job["outputs"]))
