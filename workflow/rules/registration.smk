# Every acquisition into the reference frame, each with its verdict and its picture.


rule register_volume:
    input:
        unpack(volume_inputs),
    output:
        json=f"{RESULTS}/{{acq}}/to_reference.json",
        tfm=f"{RESULTS}/{{acq}}/to_reference.tfm",
        picture=f"{RESULTS}/{{acq}}/registration.png",
    log:
        f"{LOGS}/register_volume/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/register_volume/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"xct"}),
    group:
        submitted_in(crack_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        landmarks=lambda wc: acquisition_of(wc).landmarks,
        landmark_file=lambda wc: state_of_landmarks(acquisition_of(wc)),
        axes=lambda wc: axes_in_tomogram(acquisition_of(wc)),
        seed=config["random_seed"],
    script:
        SCRIPTS / "register_volume.py"


rule register_projection:
    input:
        unpack(projection_inputs),
    output:
        json=f"{RESULTS}/{{acq}}/to_reference.json",
        tfm=f"{RESULTS}/{{acq}}/to_reference.tfm",
        picture=f"{RESULTS}/{{acq}}/registration.png",
    log:
        f"{LOGS}/register_projection/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/register_projection/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"mri"}),
    group:
        submitted_in(mri_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        landmarks=lambda wc: acquisition_of(wc).landmarks,
        landmark_file=lambda wc: state_of_landmarks(acquisition_of(wc)),
        axes=lambda wc: axes_in_tomogram(acquisition_of(wc)),
        skin_depth_um=config["mri"]["skin_depth_um"],
        seed=config["random_seed"],
    script:
        SCRIPTS / "register_projection.py"


rule register_section:
    input:
        unpack(section_inputs),
    output:
        json=f"{RESULTS}/{{acq}}/to_reference.json",
        tfm=f"{RESULTS}/{{acq}}/to_reference.tfm",
        picture=f"{RESULTS}/{{acq}}/registration.png",
    log:
        f"{LOGS}/register_section/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/register_section/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"sem", "edx"}, lambda a: not a.within),
    group:
        submitted_in(section_group)
    threads: 2
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        landmarks=lambda wc: acquisition_of(wc).landmarks,
        landmark_file=lambda wc: state_of_landmarks(acquisition_of(wc)),
        axes=lambda wc: axes_in_tomogram(acquisition_of(wc)),
        modality=lambda wc: acquisition_of(wc).modality,
        seed=config["random_seed"],
    script:
        SCRIPTS / "register_section.py"


rule register_inset:
    input:
        unpack(inset_inputs),
    output:
        json=f"{RESULTS}/{{acq}}/to_reference.json",
        tfm=f"{RESULTS}/{{acq}}/to_reference.tfm",
        picture=f"{RESULTS}/{{acq}}/registration.png",
    log:
        f"{LOGS}/register_inset/{{acq}}.log",
    benchmark:
        f"{BENCHMARKS}/register_inset/{{acq}}.tsv"
    wildcard_constraints:
        acq=acquisitions_like({"sem", "edx"}, lambda a: a.within),
    group:
        submitted_in(section_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        landmarks=lambda wc: acquisition_of(wc).landmarks,
        landmark_file=lambda wc: state_of_landmarks(acquisition_of(wc)),
        modality=lambda wc: acquisition_of(wc).modality,
        within=lambda wc: acquisition_of(wc).within,
        seed=config["random_seed"],
    script:
        SCRIPTS / "register_inset.py"
