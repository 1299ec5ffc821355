# The demo cell, drawn where the default table names it, into a folder of its own.

DEMO_OUTPUTS = {
    "xct_pristine": directory(DEMO / "xct_pristine"),
    "mri_pristine": directory(DEMO / "mri_pristine/5"),
    "xct_shorted": DEMO / "xct_shorted.ome.tif",
    "mri_shorted": directory(DEMO / "mri_shorted/5"),
    "sem_overview": DEMO / "sem_overview.tif",
    "sem_detail": DEMO / "sem_detail.tif",
    "edx": directory(DEMO / "edx"),
    "truth": directory(DEMO / "truth"),
}


# No rule draws over what a user has put there or has changed: then the files are read as they are.
if DRAWS_DEMO:

    rule demo_cell:
        output:
            **DEMO_OUTPUTS,
        log:
            DEMO / "demo_cell.log",
        threads: 1
        resources:
            mem_mb=memory,
            runtime=runtime,
        params:
            folder=DEMO,
            seed=config["demo"]["seed"],
            kind=config["demo"]["kind"],
        script:
            SCRIPTS / "demo_cell.py"
