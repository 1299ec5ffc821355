# Overlays of each cell and state; the paper's figures of each cell.


rule overlays:
    input:
        lambda wc: results_of(cell_of(wc.place), [state_of(wc.place)]),
    output:
        directory(f"{RESULTS}/{{place}}/overlays"),
    log:
        f"{LOGS}/overlays/{{place}}.log",
    benchmark:
        f"{BENCHMARKS}/overlays/{{place}}.tsv"
    wildcard_constraints:
        place=PLACE,
    group:
        submitted_in(linking_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        acquisitions=lambda wc: described(PLAN.of(cell_of(wc.place))),
    script:
        SCRIPTS / "overlays.py"


rule cell_figures:
    input:
        lambda wc: results_of(wc.cell),
    output:
        figures=[
            f"{RESULTS}/{{cell}}/figures/{figure}.{end}"
            for figure in FIGURES
            for end in ("pdf", "png")
        ],
        numbers=directory(f"{RESULTS}/{{cell}}/figures/numbers"),
    log:
        f"{LOGS}/cell_figures/{{cell}}.log",
    benchmark:
        f"{BENCHMARKS}/cell_figures/{{cell}}.tsv"
    wildcard_constraints:
        cell=WORD,
    group:
        submitted_in(page_group)
    threads: 1
    resources:
        mem_mb=memory,
        runtime=runtime,
    params:
        acquisitions=lambda wc: described(PLAN.of(wc.cell)),
    script:
        SCRIPTS / "cell_figures.py"


rule paper_figures:
    input:
        figures=[
            f"{RESULTS}/{FIGURE_CELL}/figures/{figure}.{end}"
            for figure in FIGURES
            for end in ("pdf", "png")
        ],
        numbers=f"{RESULTS}/{FIGURE_CELL}/figures/numbers",
    output:
        figures=figure_files(),
        numbers=directory(f"{RESULTS}/figures/numbers"),
    log:
        f"{LOGS}/paper_figures.log",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        cell=FIGURE_CELL,
    script:
        SCRIPTS / "paper_figures.py"
