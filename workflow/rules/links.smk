# Long-T2 regions on cracks, with a probability and a test against chance.


rule link:
    input:
        unpack(link_inputs),
    output:
        table=f"{RESULTS}/{{place}}/links.csv",
        summary=f"{RESULTS}/{{place}}/links.json",
    log:
        f"{LOGS}/link/{{place}}.log",
    benchmark:
        f"{BENCHMARKS}/link/{{place}}.tsv"
    wildcard_constraints:
        place=PLACE,
    group:
        submitted_in(linking_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        n_null=config["links"]["n_null"],
        seed=config["random_seed"],
    script:
        SCRIPTS / "link.py"
