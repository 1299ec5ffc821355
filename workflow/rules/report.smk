# One page per cell and state, an index of all, and how it was made.


rule report_page:
    input:
        unpack(report_inputs),
    output:
        f"{RESULTS}/{{place}}/report.html",
    log:
        f"{LOGS}/report_page/{{place}}.log",
    benchmark:
        f"{BENCHMARKS}/report_page/{{place}}.tsv"
    wildcard_constraints:
        place=PLACE,
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=15,
    params:
        acquisitions=lambda wc: described(PLAN.of(cell_of(wc.place))),
    script:
        SCRIPTS / "report_page.py"


rule index:
    input:
        registrations=[
            made(a, "to_reference.json")
            for a in PLAN.acquisitions
            if not PLAN.is_reference(a)
        ],
        reports=report_files(),
        provenance=f"{RESULTS}/provenance.json",
    output:
        f"{RESULTS}/index.html",
    log:
        f"{LOGS}/index.log",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        acquisitions=described(PLAN.acquisitions),
    script:
        SCRIPTS / "index.py"


rule provenance:
    input:
        raw=lambda wc: [file for a in PLAN.acquisitions for file in raw_files(a)],
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{LOGS}/provenance.log",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=60,
    params:
        rows=lambda wc: [
            {
                "id": a.id,
                "modality": a.modality,
                "path": str(a.path),
                "spacing_um": a.spacing_um,
                "axes": ",".join(a.axes.names),
                "within": a.within,
                "unusual": list(a.unusual),
                "t2": a.t2_settings(config["t2"]) if a.modality == "mri" else None,
            }
            for a in PLAN.acquisitions
        ],
        parameters=lambda wc: config,
    script:
        SCRIPTS / "provenance.py"


localrules:
    ro_crate,


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


rule ro_crate:
    input:
        station_results(),
        figure_files(),
        report_files(),
        index=f"{RESULTS}/index.html",
        provenance=f"{RESULTS}/provenance.json",
    output:
        metadata=f"{RESULTS}/ro-crate-metadata.json",
        workflow=directory(f"{RESULTS}/ro-crate.workflow"),
    log:
        f"{LOGS}/ro_crate.log",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        source=workflow.basedir,
        files=workflow_files(),
        jobs=lambda wc: jobs_of_run(),
    script:
        SCRIPTS / "ro_crate.py"
