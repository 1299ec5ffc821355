# Configuration and table, checked before any job; the one place that knows the paths of results.

import time
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import check_config, read_schema, typed_values
from spallmap.errors import SpallmapError
from spallmap.jobs import failures
from spallmap.parent_run import announce_run
from spallmap.plan import Plan
from spallmap.preflight import (
    check_figure_cell,
    check_inputs,
    check_results_folder,
)
from spallmap.readers import input_files
from spallmap.results.run_lock import lock_results
from spallmap.user_files.config_file import check_config_file

START = time.time()
announce_run()
SCHEMAS = Path(workflow.basedir) / "workflow" / "schemas"
SCRIPTS = Path(workflow.basedir) / "scripts"
DEMO = Path("demo")


def drawn_by_demo(path):
    return Path(path).is_relative_to(DEMO)


try:
    schema = read_schema(SCHEMAS / "config.schema.yaml")
    for file in workflow.configfiles:
        check_config_file(Path(file))
    update_config(config, typed_values(workflow.config_settings.config, schema))
    check_config(config, schema)
    PLAN = Plan(
        read_acquisitions(
            Path(config["acquisitions"]),
            read_schema(SCHEMAS / "acquisitions.schema.yaml"),
        )
    )
    PLAN.check()
    check_figure_cell(PLAN, config["figures"]["cell"])
    RESULTS = check_results_folder(
        config["results"], PLAN.acquisitions if workflow.is_main_process else []
    )
    if workflow.is_main_process:
        for odd in check_inputs(PLAN, drawn_by_demo, config["t2"]):
            sys.stderr.write(f"WARNING {odd}\n")
except SpallmapError as error:
    raise WorkflowError(str(error)) from None

LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
N_SLABS = config["xct"]["slabs"]
HELD = []
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


@cache
def raw_files(acquisition):
    """Every file of an acquisition; of the demo's, which a rule draws, the path that the rule names."""
    if drawn_by_demo(acquisition.file):
        return [acquisition.file]
    return input_files(acquisition.path, acquisition.modality)


def raw(wildcards):
    return raw_files(acquisition_of(wildcards))


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


def growing(megabytes):
    """Memory that doubles with every attempt."""
    return lambda wildcards, attempt: megabytes * 2 ** (attempt - 1)


def hold_results():
    """No other run may write to the results as long as this one lives."""
    try:
        HELD.append(lock_results(RESULTS))
    except (SpallmapError, OSError) as error:
        raise WorkflowError(str(error)) from None


def report_failures():
    for line in failures(Path(LOGS), START):
        sys.stderr.write(f"{line}\n")


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
        "warnings.json",
    ],
    "xct": [
        "volume.ome.zarr",
        "labels.ome.zarr",
        "cracks.ome.zarr",
        "cracks.csv",
        "crack_measures.csv",
        "detection_limit.ome.tif",
        "interfaces.ome.tif",
        "interface_voids.csv",
        "interfaces.json",
        "cracks.vtp",
        "warnings.json",
    ],
    "sem": ["image.ome.tif", "warnings.json"],
    "edx": ["elements.ome.tif", "warnings.json"],
}


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
                made(acquisition, f"to_reference.{end}") for end in ("json", "tfm")
            ]
    for cell in PLAN.cells:
        for state in PLAN.states(cell):
            files += [*links_of(cell, state), f"{RESULTS}/{cell}/{state}/overlays"]
    return files


FIGURES = [f"figure{n}" for n in range(1, 6)]
FIGURE_CELL = config["figures"]["cell"] or PLAN.cells[0]


def figure_files():
    return [
        f"{RESULTS}/figures/{figure}.{end}"
        for figure in FIGURES
        for end in ("pdf", "png")
    ]


def report_files():
    return [f"{RESULTS}/{place}/report.html" for place in places()]
