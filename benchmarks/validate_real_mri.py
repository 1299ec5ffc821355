"""Fit real images of a phantom whose T2 a peer has fitted, and write both side by side.

    python benchmarks/validate_real_mri.py

docs/validation.md gets the tables. Without the data, which are not part of this project, it says so and
writes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nist_phantom import N_SPHERES, find_plate, square_of_pixels
from numpy.typing import NDArray
from page import write_section
from scipy import optimize, special

from spallmap.readers import open_image
from spallmap.relaxometry import estimate_noise, fit_t2

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "validation.md"
# What is asked: this agreement, for spheres whose T2 the peer put into this range.
LIMIT_PERCENT = 3.0
RANGE_MS = (15.0, 600.0)
# The peer's settings: the mean of 5 x 5 pixels in each sphere, the first echo left out, and a least-squares
# fit of the Rician mean whose noise level is fitted between these limits.
HALF_WIDTH = 2
SKIP_ECHOES = 1
PEER_NOISE = (1.0, 20.0)
# T2 is sought between these, ms; the phantom's water has some 2.5 s.
BOUNDS_MS = (1.0, 3000.0)
# Coils summed as squares in the GE images: what the background's mean over its root mean square, 0.985, says.
GE_COILS = 8


@dataclass(frozen=True)
class Site:
    """One scanner's images of plate 4, and what GSTT-CSC/hazen's own tests expect of them, ms."""

    name: str
    folder: str
    peer_ms: tuple[float, ...]


SITES = (
    Site(
        "GE 1.5 T, 8 echoes to 77 ms",
        "site3_ge",
        (942.2, 661.8, 464.6, 329.7, 229.6, 163.4, 115.3, 82.8, 58.5, 41.6, 28.7, 19.5, 14.3, 10.3),
    ),
    Site(
        "Philips 3 T, 32 echoes to 256 ms",
        "site5_philips_3T",
        (625.5, 435.9, 309.3, 216.8, 149.7, 106.3, 74.3, 51.6, 35.7, 25.4, 16.5, 11.0, 7.1, 4.2),
    ),
)


@dataclass(frozen=True)
class Measured:
    """The images of one site and the pixels of its spheres."""

    site: Site
    te_ms: tuple[float, ...]
    echoes: Array
    spheres: tuple[Array, ...]
    sigma: float

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Spheres that count."""
        peer = np.array(self.site.peer_ms)
        within: NDArray[np.bool_] = (peer >= RANGE_MS[0]) & (peer <= RANGE_MS[1])
        return within

    def differences(self, fit: Callable[[Array], float]) -> Array:
        """Percent from the peer, for a fit of the samples (n_echoes, n_pixels) of one sphere."""
        found = np.array([fit(s) for s in self.spheres])
        return np.asarray(100.0 * (found / np.array(self.site.peer_ms) - 1.0))


def measure(folder: Path, site: Site) -> Measured:
    """Read the images of a site and find the spheres."""
    image = open_image(folder / site.folder, "mri")
    echoes = np.asarray(image.data, dtype=np.float64)
    plate = find_plate(echoes, image.spacing_um[0] / 1e3)
    masks = [square_of_pixels(c, HALF_WIDTH, image.spatial_shape) for c in plate.centres]
    te_ms = tuple(float(t) for t in image.meta["te_ms"])
    return Measured(site, te_ms, echoes, tuple(echoes[:, m] for m in masks), noise_of_echoes(echoes))


def noise_of_echoes(echoes: Array) -> float:
    """Noise of one pixel, from how it departs from its neighbours in time.

    The background will not do: one scanner has set it to zero, the other sums many coils. Second differences
    over echoes, in the bright water around the spheres, take the slow decay away; their median over pixels
    at each echo takes away what stimulated echoes do to all of them alike.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, y, x)
        Magnitudes at equally spaced echo times.

    Returns
    -------
    float
        Standard deviation of one sample.
    """
    water = echoes[-1] > np.percentile(echoes[-1], 70.0)
    second = (echoes[3:] - 2.0 * echoes[2:-1] + echoes[1:-2])[:, water] / np.sqrt(6.0)
    return float(1.4826 * np.median(np.abs(second - np.median(second, axis=1, keepdims=True))))


def fit_of_mean(m: Measured, model: str, sigma: float, n_coils: int = 1, skip: int = SKIP_ECHOES) -> Array:
    """T2 of the mean signal of each sphere, as percent from the peer."""

    def fit(samples: Array) -> float:
        mean = samples.mean(axis=1, keepdims=True)
        found = fit_t2(
            mean,
            m.te_ms,
            model,
            sigma,
            skip_echoes=skip,
            n_coils=n_coils,
            t2_bounds_ms=BOUNDS_MS,
            min_snr=0.0,
        )
        return float(found.t2_ms[0])

    return m.differences(fit)


def median_of_pixels(m: Measured, model: str, sigma: float, n_coils: int = 1) -> Array:
    """Median T2 of the pixels of each sphere, as percent from the peer."""

    def fit(samples: Array) -> float:
        found = fit_t2(
            samples,
            m.te_ms,
            model,
            sigma,
            skip_echoes=SKIP_ECHOES,
            n_coils=n_coils,
            t2_bounds_ms=BOUNDS_MS,
            min_snr=0.0,
        )
        return float(np.nanmedian(found.t2_ms))

    return m.differences(fit)


def rician_mean(te_ms: Array, t2_ms: float, s0: float, sigma: float) -> Array:
    """Give the expected magnitude of a decay under noise `sigma` in both channels.

    Rice, Bell System Technical Journal 24 (1945) 46, eq. 4.2-3; as used for T2 by Raya et al., Magn. Reson.
    Med. 63 (2010) 181.
    """
    u = (s0 * np.exp(-te_ms / t2_ms) / (2.0 * sigma)) ** 2
    mean: Array = sigma * np.sqrt(np.pi / 2.0) * ((1.0 + 2.0 * u) * special.i0e(u) + 2.0 * u * special.i1e(u))
    return mean


def peers_formula(m: Measured) -> Array:
    """Repeat the peer's fit on our pixels, as percent from its values: what the choice of pixels does."""
    te = np.array(m.te_ms)[SKIP_ECHOES:]
    starts = iter(m.site.peer_ms)

    def fit(samples: Array) -> float:
        mean, t2 = samples.mean(axis=1)[SKIP_ECHOES:], next(starts)
        start = (t2, mean[0] * np.exp(te[0] / t2), 5.0)
        bounds = ([0.0, 0.0, PEER_NOISE[0]], [np.inf, np.inf, PEER_NOISE[1]])
        found, _ = optimize.curve_fit(rician_mean, te, mean, p0=start, bounds=bounds)
        return float(found[0])

    return m.differences(fit)


def sphere_table(measured: list[Measured]) -> list[str]:
    """One line a sphere, both sites."""
    columns = ["sphere"]
    rows = [[str(n + 1)] for n in range(N_SPHERES)]
    for m in measured:
        name = m.site.name.split(",")[0]
        columns += [f"{name}: peer (ms)", "ours (ms)", "%", "pixels' median (%)"]
        mean, median = (f(m, "rician", m.sigma) for f in (fit_of_mean, median_of_pixels))
        for row, peer, a, b, counts in zip(rows, m.site.peer_ms, mean, median, m.judged, strict=True):
            bad = " FAILS" if counts and abs(a) > LIMIT_PERCENT else ""
            row += [f"{peer:g}" + ("" if counts else " (not judged)"), f"{peer * (1 + a / 100):.1f}"]
            row += [f"{a:+.1f}{bad}", f"{b:+.1f}{' over' if counts and abs(b) > LIMIT_PERCENT else ''}"]
    return _table(columns, rows)


def settings_table(measured: list[Measured]) -> list[str]:
    """List the worst judged sphere of each site under other settings."""

    def coils(m: Measured) -> int:
        return GE_COILS if m.site.folder == "site3_ge" else 1

    settings: list[tuple[str, Callable[[Measured], Array]]] = [
        ("the peer's formula on our pixels", peers_formula),
        ("`rician`, mean of the pixels (the table above)", lambda m: fit_of_mean(m, "rician", m.sigma)),
        ("the same, three times the noise level", lambda m: fit_of_mean(m, "rician", 3.0 * m.sigma)),
        ("`offset`, mean of the pixels", lambda m: fit_of_mean(m, "offset", m.sigma)),
        (
            "`chi` of 8 coils for GE (`rician` for Philips), mean",
            lambda m: fit_of_mean(m, "chi", m.sigma, coils(m)),
        ),
        ("`free_offset`, mean of the pixels", lambda m: fit_of_mean(m, "free_offset", m.sigma)),
        ("`rician`, median of pixel-wise T2", lambda m: median_of_pixels(m, "rician", m.sigma)),
        ("`offset`, median of pixel-wise T2", lambda m: median_of_pixels(m, "offset", m.sigma)),
        ("`chi` as above, median of pixel-wise T2", lambda m: median_of_pixels(m, "chi", m.sigma, coils(m))),
        ("`rician`, mean, first echo kept", lambda m: fit_of_mean(m, "rician", m.sigma, skip=0)),
    ]
    rows = []
    for words, fit in settings:
        row = [words]
        for m in measured:
            off = np.where(m.judged, fit(m), 0.0)
            worst = int(np.argmax(np.abs(off)))
            over = int(np.sum(np.abs(off) > LIMIT_PERCENT))
            row.append(f"{off[worst]:+.1f} % in sphere {worst + 1}; {over} of {m.judged.sum()} over")
        rows.append(row)
    return _table(["fit", *(m.site.name for m in measured)], rows)


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def page_text(folder: Path) -> str:
    """Everything between the markers."""
    measured = [measure(folder, site) for site in SITES]
    off = [np.abs(fit_of_mean(m, "rician", m.sigma))[m.judged] for m in measured]
    over = [int(np.sum(o > LIMIT_PERCENT)) for o in off]
    noise = []
    for m in measured:
        background = estimate_noise(m.echoes)
        said = "; ".join(background.warnings) or "no warning"
        noise.append(
            f"{m.site.name}: noise {m.sigma:.3g} from neighbouring echoes; the background would give "
            f"{background.sigma:.3g} ({said})."
        )
    verdict = "; ".join(
        f"{m.site.name}: worst {o.max():.1f} %, {n} of {o.size} judged spheres over {LIMIT_PERCENT:g} %"
        for m, o, n in zip(measured, off, over, strict=True)
    )
    parts = [verdict + ".", "", *sphere_table(measured), "", *noise, "", *settings_table(measured)]
    return "\n".join(parts)


def main() -> int:
    shared = Path(os.environ.get("SPALLMAP_SHARED", ROOT.parent / "shared"))
    folder = shared / "data" / "mri" / "nist-plate4-dicom"
    if not folder.is_dir():
        print(f"skipped: no phantom images at {folder}; SPALLMAP_SHARED names the folder of shared data")
        return 0
    text = page_text(folder)
    write_section(PAGE, "real-mri", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
