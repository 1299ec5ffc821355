"""Small cells on the cluster: submissions, seconds held and worked, numbers against a run on this machine.

SLURM_CONF=/var/tmp/spallmap-cluster/slurm.conf python -m tests.cluster.measure FOLDER 10
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

from spallmap.twin import COARSE, write_cell
from tests.cluster.slurm_host import accounted
from tests.cluster.workflow_runs import ON_THE_CLUSTER, busy_seconds, differences, run


def draw_cells(folder: Path, n_cells: int) -> None:
    """Draw cells of all modalities and their table, which both runs read."""
    rows = []
    for n in range(n_cells):
        write_cell(folder / f"c{n}", 3 + n, cell=f"c{n}", sizes=COARSE, aperture_um=9.0)
        with (folder / f"c{n}" / "acquisitions.tsv").open(newline="") as stream:
            rows += [row | {"path": f"c{n}/{row['path']}"} for row in csv.DictReader(stream, delimiter="\t")]
    with (folder / "acquisitions.tsv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    for name in ("local", "slurm"):
        text = f"acquisitions: acquisitions.tsv\nresults: {name}-out\nlinks: {{n_null: 199}}\n"
        (folder / f"{name}.yaml").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cells", type=int)
    given = parser.parse_args()
    folder = given.folder.resolve()
    draw_cells(folder, given.cells)
    for name, words in (("slurm", ON_THE_CLUSTER), ("local", ["--cores", "2", "--keep-going"])):
        began = time.monotonic()
        ended = run(folder, *words, config=f"{name}.yaml", limit_s=20_000)
        print(f"{name}: exit status {ended.returncode}, {time.monotonic() - began:.0f} s", flush=True)
    submissions = accounted(folder)
    held: defaultdict[str, float] = defaultdict(float)
    worked: defaultdict[str, float] = defaultdict(float)
    cells: defaultdict[str, int] = defaultdict(int)
    for one in submissions:
        group, cell = one.rule.split("_")[0].split(".")[:2]
        cells[cell] += 1
        held[group] += one.seconds
        worked[group] += busy_seconds(folder / "slurm-out", one.rule)
    print(f"submissions: {len(submissions)}, of a cell at most {max(cells.values())}")
    print("| submission | held, s | worked, s | start-up |\n| --- | --- | --- | --- |")
    for group in held:
        start = 1 - worked[group] / held[group]
        print(f"| `{group}` | {held[group]:.0f} | {worked[group]:.0f} | {100 * start:.0f} % |")
    print(f"| all | {sum(held.values()):.0f} | {sum(worked.values()):.0f} | ", end="")
    print(f"{100 * (1 - sum(worked.values()) / sum(held.values())):.0f} % |")
    print(differences(folder / "local-out", folder / "slurm-out").stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
