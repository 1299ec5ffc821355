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
    group:
        submitted_in(page_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        acquisitions=lambda wc: described(PLAN.of(cell_of(wc.place))),
        rows=lambda wc: described_rows(PLAN.of(*wc.place.split("/"))),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "report_page.py"


rule index:
    input:
        reports=lambda wc: report_files(),
    output:
        f"{RESULTS}/index.html",
    log:
        f"{LOGS}/index.log",
    threads: 1
    resources:
        mem_mb=memory,
        runtime=15,
    params:
        acquisitions=lambda wc: described(PLAN.acquisitions),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "index.py"


# Written from what each job read, and last of all, so that it is older than no result: every job is behind a
# page or a figure.
rule provenance:
    input:
        f"{RESULTS}/index.html",
        pages=lambda wc: report_files(),
        figures=lambda wc: figure_files(),
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{LOGS}/provenance.log",
    threads: 1
    resources:
        mem_mb=memory,
        runtime=15,
    params:
        folders=lambda wc: [f"{RESULTS}/{a.id}" for a in PLAN.acquisitions],
        rows=lambda wc: described_rows(PLAN.acquisitions),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "provenance.py"


localrules:
    ro_crate,


# A run's RO-Crate, on demand.
rule ro_crate:
    input:
        # it needs every other file
        provenance=f"{RESULTS}/provenance.json",
    output:
        metadata=f"{RESULTS}/ro-crate-metadata.json",
        workflow=directory(f"{RESULTS}/ro-crate.workflow"),
    log:
        f"{LOGS}/ro_crate.log",
    threads: 1
    resources:
        mem_mb=memory,
        runtime=15,
    params:
        source=workflow.basedir,
        files=lambda wc: workflow_files(),
        jobs=lambda wc: jobs_of_run(),
    script:
        SCRIPTS / "ro_crate.py"
