"""A finished run as a Provenance Run Crate: which job made what from what, when, with which tool and numbers.

RO-Crate 1.1 with the profiles of Leo et al., "Recording provenance of workflow runs with RO-Crate" (2024),
https://doi.org/10.1371/journal.pone.0309210. The crate's root is the results folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.model.data_entity import DataEntity
from rocrate.rocrate import ROCrate

from spallmap.provenance import sha256
from spallmap.report.run_job import RunJob

CRATE_FILE = "ro-crate-metadata.json"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
_RUN_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
# The context of RO-Crate 1.1 is older than this term of schema.org.
_TERMS = {"sha256": "https://schema.org/sha256"}
# Media types that readers of crates look for; what is not listed is left without one.
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tif": "image/tiff",
}
# Types of schema.org by the type in the configuration; truth comes first, since Python takes it for a number.
_VALUE_TYPES = ((bool, "Boolean"), (int, "Integer"), (float, "Float"))
_UNLICENSED = (
    "No licence was given for these results: ask the agent of the run. The workflow's is BSD-3-Clause."
)


@dataclass
class _Crate:
    """The crate as it grows; every entity is added once."""

    root: Path
    digests: Mapping[str, str]
    crate: ROCrate = field(default_factory=lambda: ROCrate(version="1.1"))
    # The crate's own way to look for an entity goes through all of them.
    known: dict[str, Any] = field(default_factory=dict)

    def context(self, identifier: str, kind: str, /, **properties: Any) -> ContextEntity:
        """Add what is no file, or return it where it is known."""
        if identifier not in self.known:
            entity = ContextEntity(self.crate, identifier, properties={"@type": kind, **properties})
            self.known[identifier] = self.crate.add(entity)
        return self.known[identifier]

    def data(self, path: str, **properties: Any) -> DataEntity:
        """Add a file or folder: relative where it is in the results, else by its whole path.

        The chunks of a Zarr are so many that it is one folder.
        """
        whole = Path(path).resolve()
        whole = next((p for p in (*reversed(whole.parents), whole) if p.suffix == ".zarr"), whole)
        if str(whole) in self.known:
            return self.known[str(whole)]
        inside = whole.is_relative_to(self.root)
        source = None if inside else whole.as_uri()
        within = whole.relative_to(self.root) if inside else None
        properties = {"name": whole.name} | properties
        if not inside:
            properties["description"] = f"{path}, which lies outside the results and is no part of them"
        if whole.is_dir():
            entity = self.crate.add_dataset(source, within, properties=properties)
        else:
            if whole.suffix in _MEDIA_TYPES:
                properties["encodingFormat"] = _MEDIA_TYPES[whole.suffix]
            if whole.is_file():
                properties["contentSize"] = str(whole.stat().st_size)
                properties["sha256"] = self.digests.get(path) or sha256(whole)
            entity = self.crate.add_file(source, within, properties=properties)
        self.known[str(whole)] = entity
        return entity

    def tool(self, script: str) -> DataEntity:
        """Add a script of the workflow."""
        kind = {"@type": ["File", "SoftwareSourceCode"]}
        return self.data(str(self.root / script), **kind, programmingLanguage="Python")


def _value_type(value: Any) -> str:
    return next((name for kind, name in _VALUE_TYPES if isinstance(value, kind)), "Text")


def flattened(parameters: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through nested parameters.

    Parameters
    ----------
    parameters : mapping
        The configuration.
    before : str
        Name of what it stands in.

    Yields
    ------
    tuple of str and object
        Name with dots, and value.

    Examples
    --------
    >>> list(flattened({"t2": {"model": "rician"}, "random_seed": 1}))
    [('t2.model', 'rician'), ('random_seed', 1)]
    """
    for key, value in parameters.items():
        name = f"{before}.{key}" if before else str(key)
        if isinstance(value, Mapping):
            yield from flattened(value, name)
        else:
            yield name, value


def run_agent(made: Path) -> str:
    """Name the account that a file was made by.

    Parameters
    ----------
    made : Path
        A file of the run.

    Returns
    -------
    str
        The owner's name, its number where it has none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bool(run_agent(Path(folder)))
    True
    """
    try:
        return made.owner()
    except KeyError:
        return str(made.stat().st_uid)


def _refer(entities: Iterable[Any]) -> list[dict[str, str]]:
    """Refer to entities, each once, in their order."""
    return [{"@id": name} for name in dict.fromkeys(entity.id for entity in entities)]


def run_crate(
    root: Path,
    jobs: Sequence[RunJob],
    provenance: Mapping[str, Any],
    workflow: str,
    agent: str,
) -> dict[str, Any]:
    """Describe a run.

    Parameters
    ----------
    root : Path
        The results folder.
    jobs : sequence of RunJob
        What was done, in the workflow's order.
    provenance : mapping
        Content of ``provenance.json``: SHA-256 of what was read by its path, parameters, versions.
    workflow : str
        Folder below the root that holds a copy of the workflow, with its ``Snakefile``.
    agent : str
        Who ran it.

    Returns
    -------
    dict
        JSON-LD of a Provenance Run Crate 0.5.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "workflow").mkdir(), Path(folder, "workflow", "Snakefile").write_text("")
    ...     _ = Path(folder, "t2.json").write_text("{}"), Path(folder, "workflow", "t2.py").write_text("")
    ...     jobs = [RunJob("t2", "workflow/t2.py", outputs=(f"{folder}/t2.json",))]
    ...     record = {"inputs": {}, "parameters": {}, "versions": {"spallmap": "0.1", "snakemake": "9"}}
    ...     crate = run_crate(Path(folder), jobs, record, "workflow", "ann")
    >>> sorted({e["@type"] for e in crate["@graph"] if "Action" in e["@type"]})
    ['ControlAction', 'CreateAction', 'OrganizeAction']
    """
    digests = provenance["inputs"]
    made = _Crate(root.resolve(), digests)
    crate, versions = made.crate, provenance["versions"]
    crate.name = f"Run of spallmap: {root.name}"
    crate.description = (
        "Long-T2 regions of 23Na MRI linked to cracks in X-ray tomograms: what the workflow made of the "
        "inputs, job by job. Inputs are named by their paths and SHA-256 and are no part of the crate."
    )
    crate.license = _UNLICENSED
    crate.metadata.extra_contexts.append(_RUN_CONTEXT)
    crate.metadata.extra_terms.update(_TERMS)
    person = made.context("#agent", "Person", name=agent)
    tools = {job.rule: made.tool(job.script) for job in jobs}
    main, engine = _software(made, workflow, versions)
    steps = {
        rule: made.context(
            f"#rule-{rule}", "HowToStep", name=rule, position=str(position), workExample={"@id": tool.id}
        )
        for position, (rule, tool) in enumerate(tools.items(), 1)
    }
    main["hasPart"], main["step"] = _refer(tools.values()), _refer(steps.values())
    controls, raw, results, times = [], [], [], []
    for number, job in enumerate(jobs, 1):
        # What only passes between two jobs is gone when they are done.
        inputs, outputs = (
            [made.data(path) for path in paths if Path(path).exists()] for paths in (job.inputs, job.outputs)
        )
        raw += [entity for entity in inputs if entity.id.startswith("file:")]
        results += outputs
        run = made.context(
            f"#job-{number}",
            "CreateAction",
            name=job.what,
            instrument={"@id": tools[job.rule].id},
            object=_refer(inputs),
            result=_refer(outputs),
            agent={"@id": person.id},
            **job.times(),
        )
        times.append(job.times())
        control = {"instrument": {"@id": steps[job.rule].id}, "object": {"@id": run.id}}
        controls.append(
            made.context(f"#control-{number}", "ControlAction", name=f"start of {job.what}", **control)
        )
    raw += [made.data(path) for path in digests]
    numbers = _parameters(made, provenance["parameters"])
    main["input"] = _refer(formal for formal, _ in numbers)
    span = {
        name: pick(t[name] for t in times if name in t)
        for name, pick in (("startTime", min), ("endTime", max))
        if any(name in t for t in times)
    }
    run = made.context(
        "#run",
        "CreateAction",
        name="Run of the workflow",
        instrument={"@id": main.id},
        object=_refer([*raw, *(value for _, value in numbers)]),
        result=_refer(results),
        agent={"@id": person.id},
        **span,
    )
    engine_run = made.context(
        "#engine-run",
        "OrganizeAction",
        name="Run of Snakemake",
        instrument={"@id": engine.id},
        object=_refer(controls),
        result={"@id": run.id},
        agent={"@id": person.id},
        **span,
    )
    crate.root_dataset["mentions"] = _refer([engine_run, run])
    if span:
        crate.datePublished = datetime.fromisoformat(span["endTime"])
    described: dict[str, Any] = crate.metadata.generate()
    return described


def _software(made: _Crate, workflow: str, versions: Mapping[str, str]) -> tuple[DataEntity, ContextEntity]:
    """Add the workflow's files, what it is written in, what runs it and the packages that it needs."""
    for path in sorted((made.root / workflow).rglob("*")):
        if path.is_file() and path.name != "Snakefile":
            made.data(str(path))
    snakefile = made.root / workflow / "Snakefile"
    main = made.crate.add_workflow(
        None,
        f"{workflow}/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=versions["snakemake"],
        properties={
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "spallmap",
            "version": versions["spallmap"],
            "license": "BSD-3-Clause",
            "contentSize": str(snakefile.stat().st_size),
            "sha256": sha256(snakefile),
        },
    )
    packages = {
        name: made.crate.add(
            SoftwareApplication(
                made.crate, f"#package-{name}", {"name": name, "softwareVersion": version, "version": version}
            )
        )
        for name, version in versions.items()
    }
    main["softwareRequirements"] = _refer(packages.values())
    for name, title in _PROFILES.items():
        made.context(name, "CreativeWork", name=title, version=name.rpartition("/")[2])
    made.crate.root_dataset["conformsTo"] = [{"@id": name} for name in _PROFILES]
    return main, packages["snakemake"]


def _parameters(made: _Crate, parameters: Mapping[str, Any]) -> list[tuple[ContextEntity, ContextEntity]]:
    """Add every parameter with the value that it had."""
    found = []
    for name, value in flattened(parameters):
        formal = made.context(
            f"#parameter-{name}",
            "FormalParameter",
            name=name,
            additionalType=_value_type(value),
            conformsTo={"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
            workExample={"@id": f"#value-{name}"},
        )
        plain = value if isinstance(value, (bool, int, float, str)) else str(value)
        given = made.context(
            f"#value-{name}", "PropertyValue", name=name, value=plain, exampleOfWork={"@id": formal.id}
        )
        found.append((formal, given))
    return found
