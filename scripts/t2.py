"""Fit T2 maps and find long-T2 regions."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.relaxometry import CHANNELS, INTERVAL_CHANNELS, acquisition_generator, analyse_series
from spallmap.results.data_warnings import write_warnings
from spallmap.results.input_records import recorded_inputs
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.tables import write_json, write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    out, params = snakemake.output, snakemake.params
    image = open_image(Path(params.path), "mri", params.spacing_um, unusual=params.unusual)
    te_ms, train, spacing_um = image.meta["te_ms"], image.meta["train"], image.spacing_um
    found = analyse_series(
        image.data,
        te_ms,
        spacing_um=spacing_um,
        rng=acquisition_generator(params.seed, snakemake.wildcards.acq),
        clipped=image.clipped,
        train=train,
        sampling=image.meta.get("sampling"),
        threads=snakemake.threads,
        **params.t2,
    )
    write_ome_tiff(out.t2, found.fit.stack(CHANNELS), CHANNELS, spacing_um)
    write_ome_tiff(out.intervals, found.fit.stack(INTERVAL_CHANNELS), INTERVAL_CHANNELS, spacing_um)
    write_ome_tiff(out.regions, found.regions.labels[None], ("region",), spacing_um)
    write_table(out.table, found.regions.table)
    write_json(out.summary, {**found.summary, "echo_train": train, "readout": image.meta.get("readout")})
    write_ome_tiff(out.echoes, np.abs(image.data), tuple(f"{te:g} ms" for te in te_ms), spacing_um)
    write_json(out.echoes_json, {"te_ms": list(te_ms), "train": train})
    write_warnings(out.warnings, (*image.warnings, *found.warnings))


with (
    job(snakemake.wildcards.acq, snakemake.log[0]),
    recorded_inputs(snakemake.output.inputs, snakemake.params.path, "mri"),
):
    main()
