"""Count the long-T2 regions that are found, missed and false on simulated cells.

    python benchmarks/validate_regions.py

Draws cells with and without a dendrite, images them through the twin's k-space, adds noise, runs the region
finder as the workflow does (noise level from the background), and writes the tables of docs/validation.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

# one thread a process: the processes share the cells
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from page import write_section
from region_cells import TE_MS, Complex, Flags, Floats, Pixels, Scene, Truth, draw_scene, has_size, mix, noisy
from scipy import ndimage

from spallmap.relaxometry import (
    Regions,
    common_t2,
    estimate_noise,
    fit_t2,
    get_model,
    long_t2_regions,
    threshold_map,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
# Cells of these seeds and above were never drawn while the method's constants were chosen.
FIRST_SEED = 9_000_000
DENDRITE_SNRS = (4.0, 6.0, 8.0)
ELECTRODE_SNRS = 15.0, 40.0
LONG_MS = 12.0
SIDES_AND_CORNERS = np.ones((3, 3), bool)
# Pixels of a dendrite that a region must hold to be its.
OVERLAP = 3
# An electrode this strong rings by several sigma; one this weak lies at the noise floor throughout.
STRONG = 100.0
WEAK = 5.0
GHOST = 0.02


@dataclass(frozen=True)
class Outcome:
    """What came out of one map."""

    group: str
    seed: int
    snr: float
    electrode_snr: float
    size: int
    fraction: float
    t2_ms: float
    clean_t2_ms: float
    sigma: float
    found: bool
    regions: int
    on_dendrite: int
    false: int
    region_t2_ms: float
    region_se_ms: float
    region_clean_ms: float
    region_pixels: int
    pixel_found: bool
    pixel_false: int


def matches(labels: np.ndarray, truth: Truth) -> tuple[list[int], list[int]]:
    """Regions that are the dendrite's, and those that are away from it.

    A region is the dendrite's if it holds three of its pixels (or all, if it has fewer) and at least half of
    its own lie on or beside them. It is away if no pixel of it lies on or beside the footprint.
    """
    near = ndimage.binary_dilation(truth.dendrite, SIDES_AND_CORNERS)
    wide = ndimage.binary_dilation(truth.footprint | truth.dendrite, SIDES_AND_CORNERS)
    need = max(min(OVERLAP, int(truth.dendrite.sum())), 1)
    own, away = [], []
    for k in range(1, int(labels.max()) + 1):
        region = labels == k
        if np.sum(region & truth.dendrite) >= need and 2 * np.sum(region & near) >= region.sum():
            own.append(k)
        elif not np.any(region & wide):
            away.append(k)
    return own, away


def clean_t2(series: Complex, pixels: Flags) -> float:
    """Fit a common T2 to pixels without noise, by least squares."""
    if not pixels.any():
        return float("nan")
    samples = np.ascontiguousarray(np.abs(series[:, pixels]).T)
    return common_t2(samples, np.array(TE_MS), get_model("complex"), (0.5, 400.0))[0]


def look(
    group: str, seed: int, snr: float, electrode_snr: float, series: Complex, truth: Truth, scene: Scene
) -> Outcome:
    """Add noise, search, and compare with what is there."""
    rng = np.random.default_rng([seed, int(snr), len(group)])
    echoes = noisy(series, rng)
    sigma = estimate_noise(echoes).sigma
    found: Regions = long_t2_regions(echoes, TE_MS, sigma, LONG_MS, spacing_um=scene.spacing_um)
    own, away = matches(found.labels, truth)
    # the literature's map, read by eye: neighbouring pixels above the threshold, where there is signal
    pixels = threshold_map(fit_t2(echoes, TE_MS, "offset", sigma, LONG_MS, threads=1))
    clusters, n = ndimage.label(pixels)
    sizes = np.bincount(clusters.ravel(), minlength=n + 1)
    order = np.cumsum(sizes >= OVERLAP) - 1
    clusters = np.where(sizes[clusters] >= OVERLAP, order[clusters], 0)
    pixel_own, pixel_away = matches(clusters, truth)
    t2_ms = se_ms = clean = np.nan
    n_pixels = 0
    if own:
        row = found.table.iloc[own[0] - 1]
        t2_ms, se_ms, n_pixels = float(row.t2_ms), float(row.t2_se_ms), int(row.pixels)
        clean = clean_t2(series, found.labels == own[0])
    dendrite = truth.dendrite
    return Outcome(
        group=group,
        seed=seed,
        snr=snr,
        electrode_snr=electrode_snr,
        size=int(dendrite.sum()),
        fraction=float(truth.fraction[dendrite].mean()) if dendrite.any() else np.nan,
        t2_ms=truth.t2_ms,
        clean_t2_ms=clean_t2(series, dendrite),
        sigma=sigma,
        found=bool(own),
        regions=len(found.table),
        on_dendrite=len(own),
        false=len(away),
        region_t2_ms=t2_ms,
        region_se_ms=se_ms,
        region_clean_ms=clean,
        region_pixels=n_pixels,
        pixel_found=bool(pixel_own),
        pixel_false=len(pixel_away),
    )


def nothing_in(series: Complex) -> Truth:
    """Truth of a map without a dendrite."""
    none = np.zeros(series.shape[1:], dtype=bool)
    return Truth(none, none, np.zeros(none.shape), np.nan)


def drawn_snr(seed: int) -> float:
    """Electrode SNR of a cell."""
    return float(np.random.default_rng([seed, 1]).uniform(*ELECTRODE_SNRS))


def dendrite_maps(seed: int, pixels: Pixels) -> list[Outcome]:
    """Every SNR of one cell with a dendrite; nothing if its dendrite is smaller or larger than looked at."""
    scene = draw_scene(seed, "dendrite", pixels)
    if not has_size(scene):
        return []
    outcomes = []
    for snr in DENDRITE_SNRS:
        series, truth = mix(scene, snr, drawn_snr(seed))
        outcomes.append(look(f"dendrite {pixels}", seed, snr, drawn_snr(seed), series, truth, scene))
    return outcomes


def plain_maps(seed: int, kind: str, pixels: Pixels) -> list[Outcome]:
    """One cell without a dendrite."""
    scene = draw_scene(seed, kind, pixels)
    series = drawn_snr(seed) * scene.electrode
    return [look(f"{kind} {pixels}", seed, 0.0, drawn_snr(seed), series, nothing_in(series), scene)]


def trap_maps(seed: int) -> list[Outcome]:
    """One cell without a dendrite in three difficult pictures, and noise alone."""
    scene = draw_scene(seed, "control", "oblong")
    ghost = np.roll(scene.electrode, scene.electrode.shape[1] // 2, axis=1)
    rotated = np.exp(1j * np.random.default_rng([seed, 2]).uniform(0.0, 2.0 * np.pi))
    top = ELECTRODE_SNRS[1]
    traps = {
        f"electrodes of SNR {STRONG:g}": (STRONG, STRONG * scene.electrode),
        f"electrodes of SNR {WEAK:g}": (WEAK, WEAK * scene.electrode),
        f"ghost of {100 * GHOST:g} %, electrodes of SNR {top:g}": (
            top,
            top * (scene.electrode + GHOST * rotated * ghost),
        ),
        "noise alone": (0.0, np.zeros_like(scene.electrode)),
    }
    return [
        look(name, seed, 0.0, level, series, nothing_in(series), scene)
        for name, (level, series) in traps.items()
    ]


def gather(
    pool: ProcessPoolExecutor, work: Callable[..., list[Outcome]], first: int, wanted: int, *args: str
) -> list[Outcome]:
    """Run cells of rising seeds until as many have given maps as are wanted."""
    outcomes: list[list[Outcome]] = []
    seed = first
    while len(outcomes) < wanted:
        batch = range(seed, seed + max(wanted - len(outcomes), 8))
        ended = pool.map(work, batch, *([a] * len(batch) for a in args), chunksize=4)
        outcomes += [maps for maps in ended if maps]
        seed = batch.stop
    return [outcome for maps in outcomes[:wanted] for outcome in maps]


def rate(flags: Sequence[bool] | pd.Series) -> str:
    """Say a fraction of maps as count and per cent."""
    values = np.asarray(flags, dtype=bool)
    return f"{values.sum()} of {values.size} ({100 * values.mean():.1f} %)" if values.size else "none"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["", *("| " + " | ".join(line) + " |" for line in lines)]


def found_table(maps: pd.DataFrame) -> list[str]:
    rows = []
    for (group, snr), part in maps.groupby(["group", "snr"], sort=False):
        rows.append(
            [
                str(group).removeprefix("dendrite "),
                f"{snr:g}",
                rate(part.found),
                str(int((~part.found).sum())),
                rate(part.on_dendrite > 1),
                rate(part.false > 0),
                f"{part.false.mean():.3f}",
                rate(part.pixel_found),
                f"{part.pixel_false.mean():.2f}",
            ]
        )
    header = [
        "pixels",
        "dendrite SNR",
        "found",
        "missed",
        "found in two pieces",
        "maps with a false region elsewhere",
        "false per map",
        "threshold map: found",
        "threshold map: false per map",
    ]
    return table(header, rows)


def false_table(maps: pd.DataFrame) -> list[str]:
    rows = [
        [
            str(group),
            str(len(part)),
            rate(part.false > 0),
            f"{part.false.mean():.3f}",
            f"{part.pixel_false.mean():.2f}",
            f"{part.sigma.mean():.3f} ({part.sigma.min():.3f} to {part.sigma.max():.3f})",
        ]
        for group, part in maps.groupby("group", sort=False)
    ]
    header = [
        "no dendrite",
        "maps",
        "maps with a false region",
        "false per map",
        "threshold map: false per map",
        "estimated sigma (true: 1)",
    ]
    return table(header, rows)


def split_table(maps: pd.DataFrame, column: str, edges: Sequence[float], title: str) -> list[str]:
    """Found against one property of the dendrite."""
    parts = pd.cut(maps[column], edges, right=False)
    rows = []
    for interval in parts.cat.categories:
        here = maps[parts == interval]
        upper = "" if np.isinf(interval.right) else f" to below {interval.right:g}"
        low = "below" if interval.left <= 0 else f"{interval.left:g}"
        label = (
            f"below {interval.right:g}" if low == "below" else (low + upper if upper else f"{low} and more")
        )
        rows.append([label, *(rate(here.found[here.snr == snr]) for snr in DENDRITE_SNRS)])
    return table([title, *(f"found at SNR {snr:g}" for snr in DENDRITE_SNRS)], rows)


def error_table(maps: pd.DataFrame) -> list[str]:
    rows = []
    for snr in DENDRITE_SNRS:
        part = maps[(maps.snr == snr) & maps.found]
        ratio: Floats = (part.region_t2_ms / part.t2_ms).to_numpy()
        pull = ((part.region_t2_ms - part.region_clean_ms) / part.region_se_ms).dropna()
        own = ((part.region_t2_ms - part.t2_ms) / part.region_se_ms).dropna()
        rows.append(
            [
                f"{snr:g}",
                str(len(part)),
                f"{100 * (np.median(ratio) - 1):+.1f} %",
                f"{100 * np.median(part.region_se_ms / part.region_t2_ms):.1f} %",
                f"{pull.mean():+.2f}, {pull.std():.2f}",
                f"{100 * np.mean(np.abs(pull) < 1):.0f} %, {100 * np.mean(np.abs(pull) < 2):.0f} %",
                f"{own.mean():+.2f}, {own.std():.2f}",
                rate(part.region_t2_ms <= LONG_MS),
            ]
        )
    header = [
        "dendrite SNR",
        "regions",
        "median bias against the dendrite's T2",
        "median t2_se_ms",
        "pull against its pixels' noiseless T2: mean, sd",
        "within 1, 2 t2_se_ms",
        "pull against the dendrite's T2: mean, sd",
        "common T2 not above 12 ms",
    ]
    return table(header, rows)


def report(maps: pd.DataFrame, seconds: float, first: int) -> str:
    """All tables."""
    with_dendrite = maps[maps.group.str.startswith("dendrite")]
    without = maps[~maps.group.str.startswith("dendrite")]
    oblong = with_dendrite[with_dendrite.group == "dendrite oblong"]
    last = oblong[oblong.snr == DENDRITE_SNRS[-1]]
    lines = [f"Seeds from {first}; {len(maps)} maps in {seconds / 60:.0f} minutes."]
    lines += found_table(with_dendrite)
    lines += false_table(without)
    lines += split_table(oblong, "size", (0, 3, 5, 8, 12, 20, np.inf), "pixels of the dendrite (oblong)")
    lines += split_table(
        oblong, "fraction", (0.5, 0.6, 0.7, 0.8, 0.9, 1.01), "its mean fraction of their signal"
    )
    lines += split_table(oblong, "clean_t2_ms", (0, 12, 13, 14, 16, np.inf), "noiseless common T2 (ms)")
    lines += error_table(oblong)
    missed = [
        f"{row.seed} ({row.size} pixels, fraction {row.fraction:.2f}, noiseless T2 {row.clean_t2_ms:.1f} ms)"
        for row in last[~last.found].itertuples()
    ]
    lines += ["", f"Missed at SNR {DENDRITE_SNRS[-1]:g}: {', '.join(missed) or 'none'}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--cells",
        type=int,
        default=200,
        help="of each kind; a quarter as many pristine, square and trap ones",
    )
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--csv", type=Path, help="write every map's outcome there")
    parser.add_argument("--print", action="store_true", help="print the tables instead of writing the page")
    wanted = parser.parse_args()
    n, fewer, first = wanted.cells, max(wanted.cells // 4, 1), wanted.first_seed
    start = time.monotonic()
    with ProcessPoolExecutor(wanted.processes) as pool:
        outcomes = gather(pool, dendrite_maps, first, n, "oblong")
        outcomes += gather(pool, dendrite_maps, first + 100_000, fewer, "square")
        outcomes += gather(pool, plain_maps, first + 200_000, n, "control", "oblong")
        outcomes += gather(pool, plain_maps, first + 300_000, fewer, "pristine", "oblong")
        outcomes += gather(pool, plain_maps, first + 400_000, fewer, "control", "square")
        outcomes += gather(pool, trap_maps, first + 500_000, fewer)
    maps = pd.DataFrame([asdict(outcome) for outcome in outcomes])
    if wanted.csv:
        maps.to_csv(wanted.csv, index=False)
    text = report(maps, time.monotonic() - start, first)
    if wanted.print:
        print(text)
    else:
        write_section(PAGE, "regions", text)


if __name__ == "__main__":
    main()
