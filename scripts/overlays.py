"""Draw one state's overlays, and write them as stacks and as a scene for ParaView."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.figures import elements_overlay, mri_overlay, mri_stack, section_overlay, section_stack
from spallmap.figures.overlays.scene import scene_datasets
from spallmap.jobs import job
from spallmap.results.atomic import atomic_path
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_figure
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.vtk import write_scene

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def write_overlays(folder: Path) -> None:
    state = snakemake.wildcards.place.split("/")[1]
    results = CellResults.of(snakemake.params.acquisitions)
    reference = results.reference()
    series = results.series(state)
    mri = series[0] if series else None
    sections = results.sections(state)
    links = results.links(state)

    if mri is not None:
        table = None if links is None else links[0]
        write_figure(folder / f"mri-{mri.name}.png", mri_overlay(reference, mri, table).figure)
        stack, names = mri_stack(mri, reference)
        write_ome_tiff(folder / f"mri-{mri.name}.ome.tif", stack, names, mri.plane().spacing_um)
    for section in sections:
        write_figure(folder / f"sem-{section.name}.png", section_overlay(reference, mri, section).figure)
        maps = results.elements_on(section)
        for elements in maps:
            picture = elements_overlay(elements, section).figure
            write_figure(folder / f"edx-{elements.name}.png", picture)
        stack, names = section_stack(section, reference, mri, maps[0] if maps else None)
        write_ome_tiff(folder / f"sem-{section.name}.ome.tif", stack, names, section.spacing_um)
    if reference is not None:
        write_scene(folder / "scene.vtm", scene_datasets(reference, results.surface(), series, sections))


def main() -> None:
    with atomic_path(snakemake.output[0]) as folder:
        folder.mkdir()
        write_overlays(folder)


with job(snakemake.wildcards.place, snakemake.log[0]):
    main()
