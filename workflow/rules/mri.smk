# Echo images to T2 maps and long-T2 regions.


rule t2:
    input:
        raw=raw,
    output:
        t2=f"{RESULTS}/{{acq}}/t2.ome.tif",
        intervals=f"{RESULTS}/{{acq}}/t2_interval.ome.tif",
        regions=f"{RESULTS}/{{acq}}/regions.ome.tif",
        table=f"{RESULTS}/{{acq}}/regions.csv",
        summary=f"{RESULTS}/{{acq}}/t2.json",
        echoes=f"{RESULTS}/{{acq}}/echoes.ome.tif",
        echoes_json=f"{RESULTS}/{{acq}}/echoes.json",
        warnings=f"{RESULTS}/{{acq}}/warnings.json",
        inputs=f"{RESULTS}/{{acq}}/inputs.json",
    log:
        f"{LOGS}/t2/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/t2/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"mri"}),
    group:
        submitted_in(mri_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        path=lambda wc: acquisition_of(wc).path,
        files=lambda wc: state_of_files(acquisition_of(wc)),
        spacing_um=lambda wc: acquisition_of(wc).spacing_um,
        unusual=lambda wc: acquisition_of(wc).unusual,
        t2=lambda wc: acquisition_of(wc).t2_settings(config["t2"]),
        seed=config["random_seed"],
    script:
        SCRIPTS / "t2.py"
