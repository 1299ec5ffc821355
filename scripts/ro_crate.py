"""Describe a finished run as an RO-Crate, with a copy of the workflow that made it."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.report.run_crate import run_agent, run_crate
from spallmap.report.run_job import RunJob
from spallmap.results.atomic import atomic_path
from spallmap.results.tables import read_json, write_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    out, params = snakemake.output, snakemake.params
    root, source, copy = Path(out.metadata).parent, Path(params.source), Path(out.workflow)
    with atomic_path(copy) as part:
        for name in params.files:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, part / name)
    jobs = [
        RunJob(**{**made, "script": f"{copy.name}/{os.path.relpath(made['script'], source)}"})
        for made in params.jobs
    ]
    provenance = read_json(snakemake.input.provenance)
    crate = run_crate(
        root,
        jobs,
        provenance,
        copy.name,
        run_agent(Path(snakemake.input.provenance)),
    )
    write_json(out.metadata, crate)


with job("RO-Crate", snakemake.log[0]):
    main()
