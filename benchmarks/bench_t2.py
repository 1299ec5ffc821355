"""T2 fits beside their peers, and over the size of an image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qmrpy.models.t2.mono_t2 import T2Mono
from scipy.optimize import curve_fit

from spallmap.relaxometry import fit_t2

PAIRS = 5
TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
SIGMA = 1.0
SIDE = 256
# Peers are timed on fewer pixels: they take the same time for each.
FEW = 500
SIZES = (2**16, 2**18, 2**20, 2**22, 2**24)

Array = NDArray[np.float64]


def paired(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of both, run in turn after one warm-up each."""
    ours(), peer()
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(PAIRS):
        for run, seconds in ((ours, mine), (peer, theirs)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return mine, theirs


def decays(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], Array]:
    """Magnitudes (n_echoes, n) of pixels of 4 to 25 ms and s0 of 5 to 50 sigma, and their T2."""
    t2 = rng.uniform(4.0, 25.0, n)
    s0 = rng.uniform(5.0, 50.0, n)
    echoes = np.empty((len(TE_MS), n), dtype=np.float32)
    for k, te in enumerate(TE_MS):
        signal = s0 * np.exp(-te / t2) + rng.normal(0.0, SIGMA, n)
        echoes[k] = np.hypot(signal, rng.normal(0.0, SIGMA, n))
    return echoes, t2


def by_curve_fit(echoes: NDArray[np.float32], t2: Array) -> Array:
    """T2 with the offset model, pixel by pixel, by scipy, started at the truth."""
    te, offset = np.array(TE_MS), np.sqrt(np.pi / 2.0) * SIGMA

    def model(t: Array, s0: float, t2_ms: float) -> Array:
        return np.asarray(s0 * np.exp(-t / t2_ms) + offset)

    found = np.full(echoes.shape[1], np.nan)
    for k in range(echoes.shape[1]):
        start = (max(float(echoes[0, k]) - offset, 1.0), t2[k])
        try:
            found[k] = curve_fit(model, te, echoes[:, k], p0=start, maxfev=200)[0][1]
        except RuntimeError:
            continue  # not converged: counted as a failure by its NaN
    return found


def by_qmrpy(echoes: NDArray[np.float32], offset_term: bool) -> Array:
    """T2 by qmrpy's mono-exponential model, with its own start."""
    fitted = T2Mono(te_ms=TE_MS).fit_image(echoes.T.astype(np.float64), offset_term=offset_term)
    return np.asarray(fitted["t2_ms"], dtype=np.float64)


def errors_in_words(found: Array, t2: Array) -> str:
    """Median and 90 % quantile of the relative error, its median with sign, and failures."""
    known = np.isfinite(found)
    error = 100.0 * (found[known] / t2[known] - 1.0)
    failed = 100.0 * np.mean(~known)
    low, high = np.percentile(np.abs(error), [50.0, 90.0])
    return f"{low:.1f}, {high:.0f} ({np.median(error):+.1f}; {failed:.1f} % failed)"


def relaxometry_table(rng: np.random.Generator) -> list[str]:
    """Speed beside scipy and qmrpy, with the errors of all on the same pixels."""
    many, truth = decays(SIDE * SIDE, rng)
    image = many.reshape(len(TE_MS), SIDE, SIDE)
    few, true_few = many[:, :FEW], truth[:FEW]
    peers: list[tuple[str, Callable[[], Array]]] = [
        ("scipy curve_fit, offset", lambda: by_curve_fit(few, true_few)),
        ("qmrpy T2Mono", lambda: by_qmrpy(few, False)),
        ("qmrpy T2Mono, free offset", lambda: by_qmrpy(few, True)),
    ]
    lines = [
        "| ours | million pixels/s, median (range) | error (%): median, 90th (bias; failed) | peer "
        "| pixels/s | error (%) | times the peer, median (range) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in ("offset", "free_offset", "rician"):
        for name, peer in peers:

            def ours(model: str = model) -> Array:
                return fit_t2(image, TE_MS, model=model, sigma=SIGMA, min_snr=0.0).t2_ms

            mine, theirs = paired(ours, peer)
            speed = [many.shape[1] / s / 1e6 for s in mine]
            ratio = [(many.shape[1] / a) / (FEW / b) for a, b in zip(mine, theirs, strict=True)]
            cells = (
                f"`{model}`",
                f"{statistics.median(speed):.2f} ({min(speed):.2f} to {max(speed):.2f})",
                errors_in_words(ours().ravel()[:FEW], true_few),
                name,
                f"{FEW / statistics.median(theirs):,.0f}",
                errors_in_words(peer(), true_few),
                f"{statistics.median(ratio):.0f} ({min(ratio):.0f} to {max(ratio):.0f})",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _memory_mb(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith(key))


def size_table(rng: np.random.Generator) -> list[str]:
    """Time per pixel and memory beyond the data over the size of an image (float32)."""
    lines = [
        "| pixels | data (MB) | `offset` (ns/pixel) | memory beyond the data (MB) | `rician` (ns/pixel) | "
        "memory beyond the data (MB) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for n in SIZES:
        echoes, _ = decays(n, rng)
        cells = []
        for model in ("offset", "rician"):
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
            before = _memory_mb("VmRSS")
            start = time.perf_counter()
            fit = fit_t2(echoes, TE_MS, model=model, sigma=SIGMA)
            seconds = time.perf_counter() - start
            cells += [f"{1e9 * seconds / n:.0f}", f"{_memory_mb('VmHWM') - before:.0f}"]
            del fit
        lines.append(f"| {n:,} | {echoes.nbytes / 2**20:.0f} | {' | '.join(cells)} |")
    return lines
