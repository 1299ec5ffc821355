"""Count what each fault of the MRI does to long-T2 regions and to the electrode's T2.

    python benchmarks/validate_t2_faults.py --cells 40 --print

Draws cells with and without a dendrite, images them through the twin's k-space with one fault at a time, or
with several at once, and looks at the series as the workflow does.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# one thread a process: the processes share the cells
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from page import write_section
from region_cells import SIZES, TE_MS, TYPICAL_SNR, FaultyScene, Truth, draw_faulty_scene, mix_faulty
from validate_regions import drawn_snr, matches, rate, table

from spallmap.errors import InputError
from spallmap.relaxometry import electrode_pixels, fit_t2
from spallmap.relaxometry.series.gain_drift import regions_with_drift
from spallmap.relaxometry.series.lasting_regions import lasting_regions
from spallmap.relaxometry.series.preparation import prepare_series
from spallmap.twin.faults.mri_faults import MRI_FAULT_NAMES, MriFaults

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
# Cells of these seeds and above were never drawn while the method was made.
FIRST_SEED = 19_000_000
LONG_MS = 12.0
DENDRITE_SNR = 8.0
SAMPLINGS = {
    "filled 1.5 times": MriFaults(zero_filling=(1.5, 1.5)),
    "filled 2 times": MriFaults(zero_filling=(2.0, 2.0)),
    "filled 4 times": MriFaults(zero_filling=(4.0, 4.0)),
    "filled 2 times, Hamming": MriFaults(zero_filling=(2.0, 2.0), k_filter="hamming"),
    "filled 2 times, partial Fourier": MriFaults(zero_filling=(2.0, 2.0), partial_fourier=0.3),
}
# A drift of the frequency is seen at the rim, in as many pixels as it was filled to.
DRIFTING = {f"frequency drift, filled {factor:g} times": factor for factor in (1.5, 2.0, 4.0)}
# Electrode pixels that a median needs.
LEAST_PIXELS = 20
NONE = "no fault"
SEVERAL = "two to four at once"


@dataclass(frozen=True)
class FaultOutcome:
    """What came out of one map."""

    fault: str
    seed: int
    dendrite: bool
    size: float
    found: bool
    false: int
    factor_row: float
    factor_column: float
    t2_ratio: float
    t2_z: float
    region_z: float
    sigma_ratio: float
    refused: str


def faults_of(seed: int, names: Sequence[str]) -> Iterator[tuple[str, MriFaults]]:
    """Give each fault alone, of a strength that the seed draws, and several at once."""
    for name in names:
        rng = np.random.default_rng([seed, sum(map(ord, name))])
        form = int(rng.integers(2**31))
        if name == NONE:
            yield name, MriFaults()
        elif name in SAMPLINGS:
            yield name, replace(SAMPLINGS[name], form_seed=form)
        elif name in DRIFTING:
            drifting = MriFaults.draw_one(rng, "frequency drift")
            yield name, replace(drifting, zero_filling=(DRIFTING[name], DRIFTING[name]))
        elif name == SEVERAL:
            yield name, MriFaults.draw(rng, int(rng.integers(2, 5)))
        else:
            yield name, MriFaults.draw_one(rng, name)


def look(name: str, faults: MriFaults, seed: int, kind: str, scene: FaultyScene) -> FaultOutcome:
    """Image a scene with its faults, search, and compare with what is there."""
    electrode_snr = drawn_snr(seed)
    echoes, truth, spacing_um, sigma, true_t2 = mix_faulty(
        scene, faults, DENDRITE_SNR, electrode_snr, np.random.default_rng([seed, 77])
    )
    # in pixels of the acquired matrix, as without a fault
    size = float(truth.dendrite.sum()) * np.prod(scene.grid.shape) / truth.dendrite.size
    none = float("nan")
    nothing = FaultOutcome(
        name, seed, kind == "dendrite", size, False, 0, none, none, none, none, none, none, ""
    )
    try:
        ready = prepare_series(echoes, TE_MS, threads=1)
        fit = fit_t2(
            ready.samples,
            ready.te_ms.tolist(),
            sigma=ready.sigma,
            long_ms=LONG_MS,
            mask=ready.mask,
            n_alike=ready.sampling.n_alike,
            threads=1,
        )
    except InputError as error:
        return replace(nothing, refused=str(error))
    found, _ = lasting_regions(ready, long_ms=LONG_MS, spacing_um=spacing_um, threads=1)
    found = regions_with_drift(found, ready.drift)
    own, away = matches(found.labels, truth)
    pixels = electrode_pixels(fit, found, sampling=ready.sampling) & np.isfinite(true_t2)
    true, off = true_t2[pixels], (fit.t2_ms - true_t2)[pixels]
    if off.size < LEAST_PIXELS:
        # too weak to speak of an electrode
        true, off = np.full(LEAST_PIXELS, np.nan), np.full(LEAST_PIXELS, np.nan)
    scatter = 0.93 * float(np.subtract(*np.percentile(off, [75.0, 25.0])))
    scatter /= np.sqrt(off.size / ready.sampling.n_alike)
    t2_se = float(np.hypot(scatter, ready.drift.t2_se_ms(np.median(true + off))))
    region_z = float("nan")
    if own:
        row = found.table.iloc[own[0] - 1]
        region_z = (float(row.t2_ms) - truth.t2_ms) / float(row.t2_se_ms)
    return FaultOutcome(
        name,
        seed,
        kind == "dendrite",
        size,
        bool(own),
        len(away),
        ready.sampling.factor[-2],
        ready.sampling.factor[-1],
        1.0 + float(np.median(off / true)),
        float(np.median(off)) / t2_se,
        region_z,
        ready.sigma / sigma,
        "",
    )


def cell_maps(seed: int, kind: str, names: Sequence[str]) -> list[FaultOutcome]:
    """Every fault of one cell; nothing if its dendrite is smaller or larger than looked at."""
    outcomes = []
    for k, (name, faults) in enumerate(faults_of(seed, names)):
        scene = draw_faulty_scene(seed, kind, faults)
        if k == 0 and kind == "dendrite" and not _has_size(scene):
            return []
        outcomes.append(look(name, faults, seed, kind, scene))
    return outcomes


def _has_size(scene: FaultyScene) -> bool:
    """Whether the dendrite of a scene without faults is as large as what is looked at."""
    rng = np.random.default_rng(0)
    truth: Truth = mix_faulty(scene, MriFaults(), *TYPICAL_SNR, rng)[1]
    return SIZES[0] <= int(truth.dendrite.sum()) <= SIZES[1]


def report(maps: pd.DataFrame, seconds: float, first: int) -> str:
    """One row for each fault."""
    rows = []
    for name, part in maps.groupby("fault", sort=False):
        seen = part[part.refused == ""]
        control, dendrite = seen[~seen.dendrite], seen[seen.dendrite]
        large = dendrite[dendrite["size"] >= SIZES[0]]
        ratio = seen.t2_ratio.dropna()
        rows.append(
            [
                str(name),
                rate(control.false > 0),
                rate(large.found),
                rate(dendrite.false > 0),
                f"{100 * (ratio.median() - 1):+.1f} %, {100 * (ratio - 1).abs().max():.1f} %",
                rate((ratio - 1).abs() > 0.05),
                f"{np.sqrt((seen.t2_z**2).mean()):.1f}",
                f"{np.sqrt((dendrite.region_z**2).mean()):.1f}",
                f"{seen.sigma_ratio.min():.2f} to {seen.sigma_ratio.max():.2f}",
                str(int((part.refused != "").sum())),
            ]
        )
    header = [
        "fault",
        "false region in controls",
        f"dendrite of SNR {DENDRITE_SNR:g} found",
        "false region beside it",
        "electrode T2: median, worst error",
        "beyond 5 %",
        "error over its standard error, rms",
        "region's T2 against the dendrite's, rms",
        "noise found over true",
        "refused",
    ]
    lines = [f"Seeds from {first}; {len(maps)} maps in {seconds / 60:.0f} minutes."]
    return "\n".join(lines + table(header, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, default=100, help="with a dendrite, and as many without")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--faults", nargs="*", help="names of faults; absent: all")
    parser.add_argument("--csv", type=Path, help="write every map's outcome there")
    parser.add_argument("--print", action="store_true", help="print the table instead of writing the page")
    wanted = parser.parse_args()
    alone = [n for n in MRI_FAULT_NAMES if n != "zero filling"]
    every = [NONE, *SAMPLINGS, *alone, *DRIFTING, SEVERAL]
    names = [NONE, *(n for n in every if n in wanted.faults)] if wanted.faults else every
    start = time.monotonic()
    outcomes: list[FaultOutcome] = []
    with ProcessPoolExecutor(wanted.processes) as pool:
        for kind, first in (("control", wanted.first_seed), ("dendrite", wanted.first_seed + 100_000)):
            cells, seed = 0, first
            while cells < wanted.cells:
                batch = range(seed, seed + max(wanted.cells - cells, 2))
                seed = batch.stop
                for maps in pool.map(cell_maps, batch, [kind] * len(batch), [names] * len(batch)):
                    if maps and cells < wanted.cells:
                        outcomes += maps
                        cells += 1
    frame = pd.DataFrame([asdict(outcome) for outcome in outcomes])
    if wanted.csv:
        frame.to_csv(wanted.csv, index=False)
    text = report(frame, time.monotonic() - start, wanted.first_seed)
    if wanted.print:
        print(text)
    else:
        write_section(PAGE, "t2-faults", text)


if __name__ == "__main__":
    main()
