# Microscope images: the specimen separated from the data bar; counts with their error.


rule sem_image:
    input:
        raw=raw,
    output:
        image=f"{RESULTS}/{{acq}}/image.ome.tif",
        warnings=f"{RESULTS}/{{acq}}/warnings.json",
        inputs=f"{RESULTS}/{{acq}}/inputs.json",
    log:
        f"{LOGS}/sem_image/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/sem_image/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"sem"}),
    group:
        submitted_in(section_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        path=lambda wc: acquisition_of(wc).path,
        files=lambda wc: state_of_files(acquisition_of(wc)),
        spacing_um=lambda wc: acquisition_of(wc).spacing_um,
        unusual=lambda wc: acquisition_of(wc).unusual,
    script:
        SCRIPTS / "sem_image.py"


rule edx_net:
    input:
        raw=raw,
    output:
        elements=f"{RESULTS}/{{acq}}/elements.ome.tif",
        warnings=f"{RESULTS}/{{acq}}/warnings.json",
        inputs=f"{RESULTS}/{{acq}}/inputs.json",
    log:
        f"{LOGS}/edx_net/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/edx_net/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"edx"}),
    group:
        submitted_in(section_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        path=lambda wc: acquisition_of(wc).path,
        files=lambda wc: state_of_files(acquisition_of(wc)),
        spacing_um=lambda wc: acquisition_of(wc).spacing_um,
        unusual=lambda wc: acquisition_of(wc).unusual,
    script:
        SCRIPTS / "edx_net.py"
