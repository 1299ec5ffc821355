# Tomograms to a common grey scale, phases and cracks.


rule phases:
    input:
        raw=raw,
    output:
        volume=directory(f"{RESULTS}/{{acq}}/volume.ome.zarr"),
        labels=directory(f"{RESULTS}/{{acq}}/labels.ome.zarr"),
        grey=f"{RESULTS}/{{acq}}/grey.json",
    log:
        f"{LOGS}/phases/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/phases/{{acq}}.tsv"
    wildcard_constraints:
        acq=one_of(ids("xct")),
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=60,
    params:
        spacing_um=lambda wc: acquisition_of(wc).spacing_um,
    script:
        SCRIPTS / "phases.py"


rule cracks:
    input:
        unpack(crack_inputs),
    output:
        cracks=directory(f"{RESULTS}/{{acq}}/cracks.ome.zarr"),
        table=f"{RESULTS}/{{acq}}/cracks.csv",
        surfaces=f"{RESULTS}/{{acq}}/cracks.vtp",
        summary=f"{RESULTS}/{{acq}}/cracks.json",
    log:
        f"{LOGS}/cracks/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/cracks/{{acq}}.tsv"
    wildcard_constraints:
        acq=one_of(ids("xct")),
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=60,
    script:
        SCRIPTS / "cracks.py"
