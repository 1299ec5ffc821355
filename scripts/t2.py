"""Fit T2 maps and find long-T2 regions."""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.relaxometry import (
    estimate_noise,
    expected_counts,
    fit_t2,
    get_model,
    histogram_edges_ms,
    long_t2_regions,
    summarise_t2,
    t2_distribution,
    trusted_sigma,
    usable_series,
)
from spallmap.relaxometry.t2_fit import CHANNELS, INTERVAL_CHANNELS
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.tables import write_json, write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    out, params = snakemake.output, snakemake.params
    image = open_image(Path(snakemake.input.raw), "mri", params.spacing_um)
    spacing_um, wanted = image.spacing_um, params.t2
    model = get_model(wanted["model"], wanted["n_coils"])
    echoes, times = usable_series(image.data, image.meta["te_ms"], model, wanted["skip_echoes"])
    te_ms = times.tolist()
    noise = None if wanted["sigma"] else estimate_noise(echoes, model.n_coils, te_ms)
    fit = fit_t2(
        echoes,
        te_ms,
        model=model.name,
        sigma=trusted_sigma(noise) if noise else wanted["sigma"],
        long_ms=wanted["long_ms"],
        saturation=wanted["saturation"],
        n_coils=model.n_coils,
        intervals=True,
        threads=snakemake.threads,
    )
    regions = long_t2_regions(
        echoes,
        te_ms,
        fit.sigma,
        long_ms=fit.long_ms,
        spacing_um=spacing_um,
        model=model.name,
        n_coils=model.n_coils,
        threads=snakemake.threads,
    )
    write_ome_tiff(out.t2, fit.stack(CHANNELS), CHANNELS, spacing_um)
    write_ome_tiff(out.intervals, fit.stack(INTERVAL_CHANNELS), INTERVAL_CHANNELS, spacing_um)
    write_ome_tiff(out.regions, regions.labels[None], ("region",), spacing_um)
    write_table(out.table, regions.table)
    rng = np.random.default_rng([params.seed, zlib.crc32(snakemake.wildcards.acq.encode())])
    distribution = t2_distribution(echoes, te_ms, fit, rng=rng)
    expected = expected_counts(distribution, fit, histogram_edges_ms(fit.long_ms), rng=rng)
    summary = summarise_t2(fit, noise, regions, distribution, expected)
    write_json(out.summary, {**summary, "echo_train": image.meta["train"]})
    names = tuple(f"{te:g} ms" for te in image.meta["te_ms"])
    write_ome_tiff(out.echoes, np.abs(image.data), names, spacing_um)
    write_json(out.echoes_json, {"te_ms": list(image.meta["te_ms"]), "train": image.meta["train"]})


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
