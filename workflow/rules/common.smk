# Configuration and table, checked before any job; the one place that knows the paths of results.

import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

from spallmap.acquisitions import check_files, read_acquisitions
from spallmap.configuration import check_config, read_schema
from spallmap.errors import SpallmapError
from spallmap.jobs import failures
from spallmap.plan import Plan
from spallmap.preflight import probe_acquisition
from spallmap.readers import input_files

START = time.time()
SCHEMAS = Path(workflow.basedir) / "workflow" / "schemas"
SCRIPTS = Path(workflow.basedir) / "scripts"
DEMO = Path("demo")


def drawn_by_demo(path):
    return Path(path).is_relative_to(DEMO)


try:
    check_config(config, read_schema(SCHEMAS / "config.schema.yaml"))
    PLAN = Plan(
        read_acquisitions(
            Path(config["acquisitions"]),
            read_schema(SCHEMAS / "acquisitions.schema.yaml"),
        )
    )
    PLAN.check()
    if workflow.is_main_process:
        for odd in check_files(
            PLAN.acquisitions,
            drawn_by_demo,
            lambda acquisition: probe_acquisition(acquisition, config["t2"]),
        ):
            sys.stderr.write(f"WARNING {odd}\n")
except SpallmapError as error:
    raise WorkflowError(str(error)) from None

RESULTS = config["results"].rstrip("/")
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
N_SLABS = config["xct"]["slabs"]
BY_ID = {a.id: a for a in PLAN.acquisitions}


def one_of(names):
    """Regular expression of exactly these names; matches nothing where there are none."""
    import re

    return "|".join(re.escape(str(n)) for n in names) or "(?!)"


def places(condition=lambda cell, state: True):
    return [f"{c}/{s}" for c in PLAN.cells for s in PLAN.states(c) if condition(c, s)]


def ids(modality, condition=lambda a: True):
    return [a.id for a in PLAN.acquisitions if a.modality == modality and condition(a)]


def made(acquisition, name):
    return f"{RESULTS}/{acquisition.id}/{name}"


def acquisition_of(wildcards):
    return BY_ID[wildcards.acq]


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


def report_failures():
    for line in failures(Path(LOGS), START):
        sys.stderr.write(f"{line}\n")


def linked_places():
    return places(lambda c, s: PLAN.linked_mri(c, s) and PLAN.tomogram(c, s))


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
    for place in linked_places():
        files += [f"{RESULTS}/{place}/links.csv", f"{RESULTS}/{place}/links.json"]
    files += [f"{RESULTS}/{place}/overlays" for place in places()]
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
