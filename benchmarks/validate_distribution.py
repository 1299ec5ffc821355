"""Hold the T2 distribution of simulated maps against what was put in.

    python benchmarks/validate_distribution.py --processes 2

Two electrodes of five by 24 pixels in a background of noise, SNR 15 to 40 at the first echo; a dendrite
beside one, SNR 4 to 8, T2 16 ms (standard deviation 10 %); echoes 2, 6.5, 11, 15.5, 20 ms, Rician noise.
docs/validation.md gets a row a case.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before numpy: many small matrices, and as many processes as cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from page import write_section
from scipy import ndimage

from spallmap.relaxometry import (
    Estimate,
    T2Distribution,
    compare_widths,
    fit_t2,
    lognormal_fwhm_ms,
    t2_distribution,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
SHAPE = (48, 40)
ELECTRODE_MS = 7.0
LONG_MS = 16.0
LONG_SD = 0.1
SEED = 20_240


@dataclass(frozen=True)
class Case:
    """Maps drawn alike: fraction of long pixels, sd of log T2, its correlation in pixels, number of maps."""

    fraction: float
    sd: float
    correlation_px: float
    n: int


CASES = (
    Case(0.0, 0.10, 0.0, 200),
    Case(0.0, 0.05, 0.0, 60),
    Case(0.0, 0.10, 1.5, 100),
    Case(0.0, 0.10, 3.0, 100),
    Case(0.02, 0.10, 0.0, 40),
    Case(0.05, 0.15, 0.0, 40),
    Case(0.10, 0.10, 0.0, 40),
)


def field(rng: np.random.Generator, correlation_px: float) -> NDArray[np.float64]:
    """Draw unit normal values over the map, correlated like a Gaussian of that standard deviation."""
    values = rng.normal(size=SHAPE)
    if correlation_px:
        values = ndimage.gaussian_filter(values, correlation_px, mode="wrap")
        values *= 2.0 * np.sqrt(np.pi) * correlation_px
    return values


def draw(case: Case, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitudes of a map at sigma 1, and log T2 of its electrodes' pixels."""
    electrode = np.zeros(SHAPE, dtype=bool)
    electrode[10:15, 8:32] = electrode[30:35, 8:32] = True
    n_long = round(case.fraction * electrode.sum() / (1.0 - case.fraction))
    dendrite = np.zeros(SHAPE, dtype=bool)
    dendrite[15 + np.arange(n_long) % 3, 12 + np.arange(n_long) // 3] = True
    log_t2 = np.log(ELECTRODE_MS) + case.sd * field(rng, case.correlation_px)
    log_t2[dendrite] = rng.normal(np.log(LONG_MS), LONG_SD, n_long)
    first = np.where(electrode, rng.uniform(15.0, 40.0, SHAPE), 0.0)
    first[dendrite] = rng.uniform(4.0, 8.0, n_long)
    late = np.array(TE_MS)[:, None, None] - TE_MS[0]
    signal = first * np.exp(-late / np.exp(log_t2))
    noise = rng.normal(size=(2, *signal.shape))
    return np.hypot(signal + noise[0], noise[1]), log_t2[electrode]


def one(job: tuple[int, Case, int]) -> tuple[T2Distribution, float]:
    """Fit one map; returns its distribution and the width that its electrodes' pixels really have."""
    number, case, k = job
    rng = np.random.default_rng([SEED, number, k])
    data, log_t2 = draw(case, rng)
    fit = fit_t2(data, TE_MS, sigma=1.0)
    realised = float(lognormal_fwhm_ms(np.log(ELECTRODE_MS), float(log_t2.std())))
    return t2_distribution(data, TE_MS, fit, rng=rng), realised


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether an interval holds a number."""
    return bool(estimate.low <= truth <= estimate.high)


def percent(values: list[bool]) -> str:
    """Fraction of true values with its standard error."""
    fraction = float(np.mean(values))
    return f"{100 * fraction:.0f} ± {100 * np.sqrt(max(fraction * (1 - fraction), 0.01) / len(values)):.0f}"


def row(case: Case, found: list[tuple[T2Distribution, float]]) -> str:
    """One line of the table."""
    truth = float(lognormal_fwhm_ms(np.log(ELECTRODE_MS), case.sd))
    all_of = [d for d, _ in found]
    widths = [d.electrode_fwhm_ms for d in all_of]
    kind = "independent" if not case.correlation_px else f"smooth over {case.correlation_px:g} px"
    cells: list[Any] = [
        f"{100 * case.fraction:.0f} %",
        kind,
        len(all_of),
        f"{truth:.2f}",
        f"{100 * (np.median([w.value for w in widths]) / truth - 1):+.1f}",
        percent([holds(w, truth) for w in widths]),
        percent([holds(d.electrode_fwhm_ms, realised) for d, realised in found]),
        f"{100 * np.median([d.long_fraction.value for d in all_of]):.1f}",
        percent([holds(d.long_fraction, case.fraction) for d in all_of]),
    ]
    if case.fraction:
        t2 = [d.long_t2_ms for d in all_of if np.isfinite(d.long_t2_ms.value)]
        cells += [f"{np.median([t.value for t in t2]):.1f}", percent([holds(t, LONG_MS) for t in t2])]
    else:
        cells += ["", ""]
    cells.append(percent([d.test.p_value < 0.05 for d in all_of]))
    return "| " + " | ".join(str(c) for c in cells) + " |"


def comparisons(found: list[list[tuple[T2Distribution, float]]]) -> list[str]:
    """Compare widths of pairs of maps: equal ones, and 10 against 15 % of T2."""
    alike, wider = ([d.electrode_fwhm_ms for d, _ in found[k]] for k in (0, 5))
    true_ratio = float(lognormal_fwhm_ms(0.0, 0.15) / lognormal_fwhm_ms(0.0, 0.10))
    lines = []
    for name, pairs, ratio in (
        ("1.65 and 1.65", list(zip(alike[0::2], alike[1::2], strict=True)), 1.0),
        ("1.65 and 2.46", list(zip(alike, wider, strict=False)), true_ratio),
    ):
        made = [compare_widths(a, b) for a, b in pairs]
        median = np.median([c.ratio.value for c in made])
        cells = (
            name,
            str(len(made)),
            f"{ratio:.2f}",
            f"{median:.2f}",
            percent([holds(c.ratio, ratio) for c in made]),
            percent([c.differ for c in made]),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def report(found: list[list[tuple[T2Distribution, float]]]) -> str:
    """Write the section of the page."""
    lines = [
        "| long pixels | T2 over the electrode | maps | FWHM (ms) | its bias (%) | interval holds it (%) "
        "| holds this map's own (%) | fraction found (%) | interval holds it (%) | long T2 found (ms) "
        "| interval holds 16 (%) | p < 0.05 (%) |",
        "| " + " | ".join(["---"] * 12) + " |",
        *(row(case, maps) for case, maps in zip(CASES, found, strict=True)),
        "",
        "| FWHM of two maps (ms) | pairs | ratio | found | interval holds it (%) | said to differ (%) |",
        "| " + " | ".join(["---"] * 6) + " |",
        *comparisons(found),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--processes", type=int, default=2, help="how many maps at a time")
    parser.add_argument(
        "--fraction", type=float, default=1.0, help="of the maps of each case, for a quick look"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write the tables")
    options = parser.parse_args()
    jobs = [
        (i, case, k) for i, case in enumerate(CASES) for k in range(max(4, round(options.fraction * case.n)))
    ]
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(one, jobs, chunksize=4))
    found: list[list[tuple[T2Distribution, float]]] = [[] for _ in CASES]
    for (i, _, _), result in zip(jobs, results, strict=True):
        found[i].append(result)
    text = report(found)
    print(text)
    write_section(options.page, "distribution", text)


if __name__ == "__main__":
    main()
