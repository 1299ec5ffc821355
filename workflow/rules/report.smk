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
        rows=lambda wc: described_rows(PLAN.of(*wc.place.split("/"))),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "report_page.py"


rule index:
    input:
        registrations=lambda wc: [
            made(a, "to_reference.json")
            for a in PLAN.acquisitions
            if not PLAN.is_reference(a)
        ],
        reports=lambda wc: report_files(),
    output:
        f"{RESULTS}/index.html",
    log:
        f"{LOGS}/index.log",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        acquisitions=lambda wc: described(PLAN.acquisitions),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "index.py"


# Written from what each job read, and last of all: it is never older than a result.
rule provenance:
    input:
        lambda wc: everything_made(),
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{LOGS}/provenance.log",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=15,
    params:
        folders=lambda wc: [f"{RESULTS}/{a.id}" for a in PLAN.acquisitions],
        rows=lambda wc: described_rows(PLAN.acquisitions),
        parameters=lambda wc: config,
    script:
        SCRIPTS / "provenance.py"
