# Configuration and table, checked before any job; the one place that knows the paths of results.

import gc
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import check_config, read_schema, typed_values
from spallmap.errors import SpallmapError
from spallmap.plan import Plan
from spallmap.readers import input_files
from spallmap.readers.file_states import fingerprint
from spallmap.user_files.config_file import check_config_file

# A plan is made of very many objects that live to its end: to look for garbage among them again and again takes
# a fifth of the time that a thousand cells are planned in.
gc.set_threshold(100_000, 50, 100)

SCHEMAS = Path(workflow.basedir) / "workflow" / "schemas"
SCRIPTS = Path(workflow.basedir) / "scripts"
DEFAULT_TABLE = Path(workflow.basedir) / "config" / "acquisitions.tsv"
# The folder that the default table names, as the table's paths are written: short where it can be.
DEMO = Path(workflow.basedir).resolve() / "spallmap-demo"
if DEMO.is_relative_to(Path.cwd()):
    DEMO = DEMO.relative_to(Path.cwd())


def in_demo(path):
    return Path(path).is_relative_to(DEMO)


def drawn_by_demo(path):
    return DRAWS_DEMO and in_demo(path)


@cache
def foreign_in_demo():
    """Files in the demo's folder that are not as they were drawn."""
    from spallmap.preflight.drawn_files import foreign_files

    return foreign_files(DEMO)


@cache
def raw_files(acquisition):
    """Every file of an acquisition; none where its job is the one that will say what is wrong with it."""
    try:
        return input_files(acquisition.path, acquisition.modality)
    except SpallmapError:
        return ()


try:
    schema = read_schema(SCHEMAS / "config.schema.yaml")
    for file in workflow.configfiles:
        check_config_file(Path(file))
    update_config(config, typed_values(workflow.config_settings.config, schema))
    check_config(config, schema)
    DRAWS_DEMO = Path(config["acquisitions"]).resolve() == DEFAULT_TABLE.resolve()
    if DRAWS_DEMO and workflow.is_main_process and (foreign := foreign_in_demo()):
        DRAWS_DEMO = False
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        sys.stderr.write(
            f"WARNING {DEMO}: found {foreign[0]}{more}, not as it was drawn; "
            "nothing is drawn over it: remove the folder to draw the demo cell anew\n"
        )
    PLAN = Plan(
        read_acquisitions(
            Path(config["acquisitions"]),
            read_schema(SCHEMAS / "acquisitions.schema.yaml"),
        )
    )
    RESULTS = os.path.normpath(config["results"])
    # a job's own process works on what the main one has looked at; to remove a lock needs no file
    if workflow.is_main_process and "--unlock" not in sys.argv:
        from spallmap.preflight import check_before_any_job

        for line in check_before_any_job(PLAN, config, drawn_by_demo, raw_files):
            sys.stderr.write(f"{line}\n")
except SpallmapError as error:
    raise WorkflowError(str(error)) from None

LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
N_SLABS = config["xct"]["slabs"]
BY_ID = {a.id: a for a in PLAN.acquisitions}


# What a cell, a state and a name are made of.
WORD = "[A-Za-z0-9_-]+"
PLACE = f"{WORD}/{WORD}"


def acquisitions_like(modalities, condition=lambda a: True):
    """Regular expression of the acquisitions of these modalities that a condition holds for.

    Cells have the same acquisitions, as a rule: where the condition holds for a label in all cells, the
    expression has the label once, and stays short in a table of very many cells.
    """
    labels = {True: {}, False: {}}
    for a in PLAN.acquisitions:
        if a.modality in modalities:
            labels[bool(condition(a))].setdefault(a.label, []).append(a.id)
    alternatives = []
    for label, ids in labels[True].items():
        alternatives += ids if label in labels[False] else [f"{PLACE}/{label}"]
    return "|".join(alternatives) or "(?!)"


def places():
    return [f"{c}/{s}" for c in PLAN.cells for s in PLAN.states(c)]


def made(acquisition, name):
    return f"{RESULTS}/{acquisition.id}/{name}"


def acquisition_of(wildcards):
    if wildcards.acq not in BY_ID:
        raise WorkflowError(f"the table has no acquisition {wildcards.acq}")
    return BY_ID[wildcards.acq]


# An acquisition of more files (a ParaVision scan has some 8) is named to Snakemake by the first of them: with
# thousands of slices a cell it would plan for hours. A change of any file is seen by the parameter 'files'.
MOST_NAMED_FILES = 12


def raw(wildcards):
    """What Snakemake is told of an acquisition's files; of the demo's, the path that a rule draws."""
    acquisition = acquisition_of(wildcards)
    if in_demo(acquisition.file):
        return [acquisition.file]
    files = raw_files(acquisition)
    return files if len(files) <= MOST_NAMED_FILES else files[:1]


def state_of_files(acquisition):
    """What changes whenever one of an acquisition's files does."""
    if in_demo(acquisition.file):
        changed = (acquisition.path in (f, *f.parents) for f in foreign_in_demo())
        if not any(changed):
            # it may not be there yet
            return "as drawn"
    return fingerprint(raw_files(acquisition))


def landmarks_of(acquisition):
    file = acquisition.landmarks
    return [file] if file is not None and file.exists() else []


def state_of_landmarks(acquisition):
    return fingerprint(landmarks_of(acquisition))


def volume_of(acquisition):
    return {
        "volume": made(acquisition, "volume.ome.zarr"),
        "labels": made(acquisition, "labels.ome.zarr"),
    }


def to_reference_of(acquisition):
    """Registration of an acquisition; nothing for the reference itself."""
    if acquisition is None or PLAN.is_reference(acquisition):
        return []
    return made(acquisition, "to_reference.json")


def is_linked(cell, state):
    return PLAN.linked_mri(cell, state) and PLAN.tomogram(cell, state)


def links_of(cell, state):
    """Tables of links, where a state has an MRI and a tomogram to link."""
    if not is_linked(cell, state):
        return []
    return [f"{RESULTS}/{cell}/{state}/links.{end}" for end in ("csv", "json")]


STATION_FILES = {
    "mri": [
        "t2.ome.tif",
        "t2_interval.ome.tif",
        "regions.ome.tif",
        "regions.csv",
        "t2.json",
        "echoes.ome.tif",
        "echoes.json",
        "warnings.json",
        "inputs.json",
    ],
    "xct": [
        "volume.ome.zarr",
        "labels.ome.zarr",
        "grey.json",
        "thresholds.json",
        "cracks.ome.zarr",
        "cracks.csv",
        "cracks.json",
        "crack_measures.csv",
        "detection_limit.ome.tif",
        "interfaces.ome.tif",
        "interface_voids.csv",
        "interfaces.json",
        "cracks.vtp",
        "warnings.json",
        "inputs.json",
    ],
    "sem": ["image.ome.tif", "warnings.json", "inputs.json"],
    "edx": ["elements.ome.tif", "warnings.json", "inputs.json"],
}


# One file, or the large ones, of each job: the others are made with them. A table of very many cells is planned
# in half the time.
TYPICAL_FILES = {
    "mri": ["t2.json"],
    "xct": [
        "volume.ome.zarr",
        "labels.ome.zarr",
        "cracks.ome.zarr",
        "interfaces.json",
    ],
    "sem": ["image.ome.tif"],
    "edx": ["elements.ome.tif"],
}


def typical_files(acquisition):
    """What shows that the jobs of an acquisition were done."""
    names = TYPICAL_FILES[acquisition.modality]
    if acquisition.modality == "xct" and PLAN.null_tomogram(acquisition):
        names = [*names, "crack_changes.csv"]
    files = [made(acquisition, name) for name in names]
    return files + (
        [to_reference_of(acquisition)] if to_reference_of(acquisition) else []
    )


def station_files(acquisition):
    names = STATION_FILES[acquisition.modality]
    if acquisition.modality == "xct" and PLAN.null_tomogram(acquisition):
        names = [*names, "crack_changes.csv"]
    return [made(acquisition, name) for name in names]


def station_results():
    files = []
    for acquisition in PLAN.acquisitions:
        files += station_files(acquisition)
        if not PLAN.is_reference(acquisition):
            files += [
                made(acquisition, name)
                for name in (
                    "to_reference.json",
                    "to_reference.tfm",
                    "registration.png",
                )
            ]
    for cell in PLAN.cells:
        for state in PLAN.states(cell):
            files += [*links_of(cell, state), f"{RESULTS}/{cell}/{state}/overlays"]
    return files


FIGURES = [f"figure{n}" for n in range(1, 6)]
FIGURE_CELL = config["figures"]["cell"] or PLAN.cells[0]


def figures_of(cell):
    """What is drawn of one cell."""
    folder = f"{RESULTS}/{cell}/figures"
    files = [f"{folder}/{figure}.{end}" for figure in FIGURES for end in ("pdf", "png")]
    return [*files, f"{folder}/numbers"]


def figure_files():
    return [
        f"{RESULTS}/figures/{figure}.{end}"
        for figure in FIGURES
        for end in ("pdf", "png")
    ]


def asked_for():
    """What a run asks for by name: what shows that all jobs were done, and each single file that has gone since.

    Snakemake makes a file that is missing only where it is asked for; to ask for every file of very many
    cells takes as long again as to plan them.
    """
    files = [
        *(f for a in PLAN.acquisitions for f in typical_files(a)),
        *figure_files(),
        *report_files(),
        f"{RESULTS}/index.html",
    ]
    asked, folders = set(files), {}
    for file in everything_made():
        folder, name = os.path.split(file)
        if folder not in folders:
            folders[folder] = os.listdir(folder) if os.path.isdir(folder) else None
        there = folders[folder]
        if there is not None and file not in asked and name not in there:
            files.append(file)
    return files


def everything_made():
    """Every file of a run but the record of how it was made, which is written last."""
    return [
        *station_results(),
        *figure_files(),
        f"{RESULTS}/figures/numbers",
        *(f for cell in PLAN.cells for f in figures_of(cell)),
        *report_files(),
        f"{RESULTS}/index.html",
    ]


def described_rows(acquisitions):
    """What the table says of acquisitions, as pages and provenance hold it."""
    return [
        {
            "id": a.id,
            "modality": a.modality,
            "path": str(a.path),
            "spacing_um": a.spacing_um,
            "axes": ",".join(a.axes.names),
            "within": a.within,
            "landmarks": None if a.landmarks is None else str(a.landmarks),
            "unusual": list(a.unusual),
            "t2": a.t2_settings(config["t2"]) if a.modality == "mri" else None,
        }
        for a in acquisitions
    ]


def report_files():
    return [f"{RESULTS}/{place}/report.html" for place in places()]
