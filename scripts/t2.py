"""Fit T2 maps and find long-T2 regions."""

from pathlib import Path

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.relaxometry import estimate_noise, fit_t2, long_t2_regions, summarise_t2
from spallmap.relaxometry.result import CHANNELS
from spallmap.writers.ome_tiff import write_ome_tiff
from spallmap.writers.tables import write_json, write_table


def main() -> None:
    out, params = snakemake.output, snakemake.params
    image = open_image(Path(snakemake.input.raw), "mri", params.spacing_um)
    te_ms, spacing_um = image.meta["te_ms"], image.spacing_um
    noise = estimate_noise(image.data)
    fit = fit_t2(image.data, te_ms, model=params.model, sigma=noise.sigma, long_ms=params.long_ms)
    regions = long_t2_regions(
        image.data,
        te_ms,
        noise.sigma,
        long_ms=params.long_ms,
        spacing_um=spacing_um,
        model=params.model,
    )
    write_ome_tiff(out.t2, fit.stack(CHANNELS), CHANNELS, spacing_um)
    write_ome_tiff(out.regions, regions.labels[None], ("region",), spacing_um)
    write_table(out.table, regions.table)
    write_json(out.summary, summarise_t2(fit, noise, regions))
    write_ome_tiff(out.echoes, image.data, tuple(f"{te:g} ms" for te in te_ms), spacing_um)
    write_json(out.echoes_json, {"te_ms": list(te_ms), "train": image.meta.get("train", "unknown")})


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
