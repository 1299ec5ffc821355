# The demo cell, drawn where the table names files below demo/ that are missing.


rule demo_cell:
    output:
        xct_pristine=directory(DEMO / "xct_pristine"),
        mri_pristine=directory(DEMO / "mri_pristine/5"),
        xct_shorted=DEMO / "xct_shorted.ome.tif",
        mri_shorted=directory(DEMO / "mri_shorted/5"),
        sem_overview=DEMO / "sem_overview.tif",
        sem_detail=DEMO / "sem_detail.tif",
        edx=directory(DEMO / "edx"),
        truth=directory(DEMO / "truth"),
    log:
        DEMO / "demo_cell.log",
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=30,
    params:
        seed=config["demo"]["seed"],
        kind=config["demo"]["kind"],
    script:
        SCRIPTS / "demo_cell.py"
