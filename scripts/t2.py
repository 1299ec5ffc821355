"""Fit T2 maps and find long-T2 regions."""

from __future__ import annotations

from pathlib import Path

from snakemake.script import snakemake

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.relaxometry import estimate_noise, fit_t2, long_t2_regions, summarise_t2
from spallmap.writers.ome_tiff import write_ome_tiff
from spallmap.writers.tables import write_json, write_table

CHANNELS = ("t2_ms", "t2_se_ms", "s0", "s0_se", "offset", "p_long", "chi2_reduced", "snr", "status")


def main() -> None:
    out, params = snakemake.output, snakemake.params
    image = open_image(Path(snakemake.input.raw), "mri", params.spacing_um)
    te_ms, spacing_um = image.meta["te_ms"], image.spacing_um
    noise = estimate_noise(image.data)
    fit = fit_t2(image.data, te_ms, model=params.model, sigma=noise.sigma, long_ms=params.long_ms)
    regions = long_t2_regions(image.data, te_ms, noise.sigma, long_ms=params.long_ms, spacing_um=spacing_um)
    write_ome_tiff(out.t2, fit.stack(CHANNELS), CHANNELS, spacing_um)
    write_ome_tiff(out.regions, regions.labels[None], ("region",), spacing_um)
    write_table(out.table, regions.table)
    write_json(out.summary, summarise_t2(fit, regions, noise, params.model, params.long_ms))
    write_ome_tiff(out.echoes, image.data, tuple(f"{te:g} ms" for te in te_ms), spacing_um)
    write_json(out.echoes_json, {"te_ms": list(te_ms), "train": image.meta.get("train", "unknown")})


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
