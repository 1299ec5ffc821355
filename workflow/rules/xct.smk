# Tomograms to a common grey scale, phases and cracks.


rule phases:
    input:
        raw=raw,
    output:
        volume=directory(f"{RESULTS}/{{acq}}/volume.ome.zarr"),
        labels=directory(f"{RESULTS}/{{acq}}/labels.ome.zarr"),
        grey=f"{RESULTS}/{{acq}}/grey.json",
        warnings=f"{RESULTS}/{{acq}}/warnings.json",
        inputs=f"{RESULTS}/{{acq}}/inputs.json",
    log:
        f"{LOGS}/phases/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/phases/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(reading_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        path=lambda wc: acquisition_of(wc).path,
        files=lambda wc: state_of_files(acquisition_of(wc)),
        spacing_um=lambda wc: acquisition_of(wc).spacing_um,
        unusual=lambda wc: acquisition_of(wc).unusual,
    script:
        SCRIPTS / "phases.py"


rule interfaces:
    input:
        unpack(own_volume),
    output:
        maps=f"{RESULTS}/{{acq}}/interfaces.ome.tif",
        voids=f"{RESULTS}/{{acq}}/interface_voids.csv",
        summary=f"{RESULTS}/{{acq}}/interfaces.json",
    log:
        f"{LOGS}/interfaces/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/interfaces/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(reading_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    script:
        SCRIPTS / "interfaces.py"


rule crack_thresholds:
    input:
        unpack(threshold_inputs),
    output:
        f"{RESULTS}/{{acq}}/thresholds.json",
    log:
        f"{LOGS}/crack_thresholds/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/crack_thresholds/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(crack_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        seed=config["random_seed"],
    script:
        SCRIPTS / "crack_thresholds.py"


# One volume spreads over the nodes of a cluster: a job a slab.
rule crack_slab:
    input:
        unpack(slab_inputs),
    output:
        temp(f"{RESULTS}/{{acq}}/slabs/{{slab}}.npz"),
    log:
        f"{LOGS}/crack_slab/{{acq}}/{{slab}}.log",
    benchmark:
        f"{BENCHMARKS}/crack_slab/{{acq}}/{{slab}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
        slab=r"\d+",
    group:
        submitted_in(crack_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        n_slabs=N_SLABS,
    script:
        SCRIPTS / "crack_slab.py"


rule cracks:
    input:
        unpack(crack_inputs),
    output:
        cracks=directory(f"{RESULTS}/{{acq}}/cracks.ome.zarr"),
        table=f"{RESULTS}/{{acq}}/cracks.csv",
        measures=f"{RESULTS}/{{acq}}/crack_measures.csv",
        limit=f"{RESULTS}/{{acq}}/detection_limit.ome.tif",
        surfaces=f"{RESULTS}/{{acq}}/cracks.vtp",
        summary=f"{RESULTS}/{{acq}}/cracks.json",
    log:
        f"{LOGS}/cracks/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/cracks/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(crack_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    script:
        SCRIPTS / "cracks.py"


rule crack_changes:
    input:
        unpack(change_inputs),
    output:
        f"{RESULTS}/{{acq}}/crack_changes.csv",
    log:
        f"{LOGS}/crack_changes/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/crack_changes/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(linking_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    script:
        SCRIPTS / "crack_changes.py"
