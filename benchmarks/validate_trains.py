"""Measure the choice about a train's first echo on simulated cells: T2, false regions, dendrites found.

    python benchmarks/validate_trains.py [cells of each kind] [first seed]

Every cell is seen twice with the same noise: by separate spin echoes, and by a train of 5 to 10 echoes up to
20 ms whose refocusing pulses have 120 to 180 degrees, the same all over the image or varying across it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from echo_trains import draw_cell, noisy, refocused_train
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.relaxometry import (
    Regions,
    electrode_pixels,
    estimate_noise,
    fit_t2,
    get_model,
    long_t2_regions,
    trusted_sigma,
)
from spallmap.relaxometry.first_echo import FirstEcho, examine_first_echo

SPACING_UM = (23.0, 46.0)
LAST_MS = 20.0
LONG_MS = 12.0


@dataclass(frozen=True)
class Seen:
    """What one series gave."""

    first: FirstEcho
    electrode_ms: float
    kept_ms: float
    found: bool
    n_false: int
    n_kept_false: int


def analysed(echoes: NDArray[np.float64], te_ms: NDArray[np.float64], train: str, truth: Any) -> Seen:
    """Take the steps of an analysis that decide about regions, with the choice and with the echo kept."""
    dendrite, electrode = truth
    model = get_model("rician")
    sigma = trusted_sigma(estimate_noise(echoes, 1, te_ms))
    first = examine_first_echo(echoes, te_ms, model, sigma, train=train, threads=1)

    def regions_of(samples: NDArray[Any], times: NDArray[np.float64]) -> tuple[Regions, float]:
        regions = long_t2_regions(samples, times.tolist(), sigma, LONG_MS, spacing_um=SPACING_UM, threads=1)
        fit = fit_t2(samples, times.tolist(), sigma=sigma, threads=1)
        return regions, float(np.median(fit.t2_ms[electrode_pixels(fit, regions) & electrode]))

    used, used_ms = regions_of(*first.used_series(echoes, te_ms, model))
    kept, kept_ms = regions_of(echoes, te_ms)
    found, n_false = _judged(used, dendrite)
    return Seen(first, used_ms, kept_ms, found, n_false, _judged(kept, dendrite)[1])


def _judged(regions: Regions, dendrite: NDArray[np.bool_]) -> tuple[bool, int]:
    """Say whether the dendrite was found, and how many regions do not touch it."""
    near = ndimage.binary_dilation(dendrite, np.ones((3, 3), dtype=bool))
    touching = set(np.unique(regions.labels[near])) - {0}
    return bool(touching), len(regions.table) - len(touching)


def one_cell(seed: int, with_dendrite: bool, varying: bool) -> tuple[Seen, Seen]:
    """See one cell by separate echoes and by a train."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 11))
    te_ms = np.linspace(LAST_MS / n, LAST_MS, n)
    dendrite_snr = rng.uniform(4.0, 10.0) if with_dendrite else None
    echoes, *truth = draw_cell(rng, te_ms, rng.uniform(20.0, 60.0), dendrite_snr)
    angle: Any = rng.uniform(120.0, 180.0)
    if varying:
        x = np.linspace(-1.0, 1.0, echoes.shape[2])
        tilt = rng.uniform(-15.0, 15.0) * x - rng.uniform(0.0, 15.0) * x**2
        angle = np.clip(angle + tilt * np.ones(echoes.shape[1:]), 115.0, 180.0)
    noise = int(rng.integers(2**32))
    separate = analysed(noisy(echoes, np.random.default_rng(noise)), te_ms, "separate", truth)
    train = refocused_train(echoes, angle)
    return separate, analysed(noisy(train, np.random.default_rng(noise)), te_ms, "cpmg", truth)


def main() -> None:
    n_cells = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 700_000
    columns = (
        "cells",
        "series",
        "electrode T2 of 8 ms: median (5 to 95 %, worst)",
        "with first echo kept",
        "maps with false regions",
        "dendrites found",
        "kept, adjusted, skipped, undecided",
    )
    print("| " + " | ".join(columns) + " |")
    print("| --- " * len(columns) + "|")
    for varying in (False, True):
        for with_dendrite in (False, True):
            pairs = [one_cell(start + k, with_dendrite, varying) for k in range(n_cells)]
            kind = (
                f"{'dendrite' if with_dendrite else 'no dendrite'}, angle {'varying' if varying else 'one'}"
            )
            for name, seen in (("separate", [p[0] for p in pairs]), ("train", [p[1] for p in pairs])):
                t2 = np.array([s.electrode_ms for s in seen])
                kept = np.array([s.kept_ms for s in seen])
                low, middle, high = np.percentile(t2, [5, 50, 95])
                n_by = [
                    sum(s.first.decision == d for s in seen) for d in ("keep", "adjust", "skip", "undecided")
                ]
                worst = t2[np.argmax(np.abs(t2 - 8.0))]
                print(
                    f"| {kind} | {name} | {middle:.2f} ({low:.2f} to {high:.2f}, {worst:.2f}) | "
                    f"{np.median(kept):.2f} (to {kept.max():.2f}) | {sum(s.n_false > 0 for s in seen)} "
                    f"(kept: {sum(s.n_kept_false > 0 for s in seen)}) | "
                    f"{sum(s.found for s in seen) if with_dendrite else '-'} | "
                    f"{', '.join(map(str, n_by))} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
