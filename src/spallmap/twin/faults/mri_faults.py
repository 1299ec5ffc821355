"""The MRI's bad days: which faults a series of echoes has, and how strong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class MriFaults:
    """Strengths of the faults of one image series; what is 0, 1 or None is off.

    The readout runs along the columns. A fault that has a form (the coil's profile, the field's distortion,
    the gains of the echoes) takes it from `form_seed`, so that equal faults always give equal images.

    Parameters
    ----------
    zero_filling : tuple of float
        Delivered over acquired matrix, rows and columns.
    partial_fourier : float
        Fraction of the phase steps (rows) that were not acquired, at the negative end, and left 0.
    k_filter : {None, "hamming", "gauss"}
        Weighting of k-space along both axes: Hamming's window, or a Gaussian that falls to `filter_edge`.
    filter_edge : float
        What the Gaussian leaves of the outermost sample.
    ghost_fraction : float
        Ghost of every second phase step, half a field of view away, over the signal; its phase differs from
        echo to echo.
    coil_fraction : float
        By how much the coil sees its worst corner of the field of view less than its best.
    shadow_fraction : float
        What is missing of one electrode's signal, more at one end of it than at the other.
    distortion_px : float
        Largest displacement along the readout, acquired pixels; smooth over the field of view.
    metal_offset_px : float
        Displacement of all metal along the readout by its chemical shift, acquired pixels.
    gain_drift : float
        Root mean square over the echoes of the receiver's gain about 1.
    frequency_drift_px : float
        Displacement of the last echo against the first along the readout, acquired pixels.
    n_spikes : int
        Samples of k-space that a spark hit: each leaves stripes over one echo.
    spike_sigma : float
        Amplitude of the stripes, in units of the noise.
    dc_sigma : float
        Bright pixel in the middle from a receiver's offset, in units of the noise; all echoes.
    dc_line_sigma : float
        The same where the offset changes from phase step to phase step: a bright row of noise-like pixels
        along the phase direction at the middle of the readout.
    form_seed : int
        Decides the forms.

    Examples
    --------
    >>> faults = MriFaults.draw(np.random.default_rng(3), 2)
    >>> len(faults.names), MriFaults().names
    (2, ())
    """

    zero_filling: tuple[float, float] = (1.0, 1.0)
    partial_fourier: float = 0.0
    k_filter: str | None = None
    filter_edge: float = 0.1
    ghost_fraction: float = 0.0
    coil_fraction: float = 0.0
    shadow_fraction: float = 0.0
    distortion_px: float = 0.0
    metal_offset_px: float = 0.0
    gain_drift: float = 0.0
    frequency_drift_px: float = 0.0
    n_spikes: int = 0
    spike_sigma: float = 2.0
    dc_sigma: float = 0.0
    dc_line_sigma: float = 0.0
    form_seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Which faults are on."""
        off = MriFaults()
        quiet = ("filter_edge", "spike_sigma", "form_seed")
        return tuple(
            f.name
            for f in fields(self)
            if f.name not in quiet and getattr(self, f.name) != getattr(off, f.name)
        )

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int) -> MriFaults:
        """Turn on some faults of random strength.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws which, how strong, and their forms.
        n : int
            How many, of :data:`MRI_FAULT_NAMES`.

        Returns
        -------
        MriFaults
            The faults.
        """
        chosen = rng.choice(len(MRI_FAULT_NAMES), n, replace=False)
        faults = cls(form_seed=int(rng.integers(2**31)))
        for k in sorted(chosen):
            faults = replace(faults, **_STRENGTHS[MRI_FAULT_NAMES[k]](rng))
        return faults

    @classmethod
    def draw_one(cls, rng: np.random.Generator, name: str) -> MriFaults:
        """Turn on one fault of :data:`MRI_FAULT_NAMES` with random strength."""
        return replace(cls(form_seed=int(rng.integers(2**31))), **_STRENGTHS[name](rng))


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _zero_filling(rng: np.random.Generator) -> dict[str, Any]:
    factor = float(rng.choice([1.5, 2.0, 4.0], p=[0.3, 0.5, 0.2]))
    along = rng.choice(3, p=[0.7, 0.15, 0.15])
    return {"zero_filling": (1.0 if along == 1 else factor, 1.0 if along == 2 else factor)}


# Strengths of each fault, as a laboratory would meet them.
_STRENGTHS: dict[str, Callable[[np.random.Generator], dict[str, Any]]] = {
    "zero filling": _zero_filling,
    "partial Fourier": lambda rng: {"partial_fourier": float(rng.uniform(0.1, 0.4))},
    "Hamming filter": lambda _rng: {"k_filter": "hamming"},
    "Gauss filter": lambda rng: {"k_filter": "gauss", "filter_edge": float(rng.uniform(0.05, 0.5))},
    "ghost": lambda rng: {"ghost_fraction": float(rng.uniform(0.01, 0.05))},
    "coil profile": lambda rng: {"coil_fraction": float(rng.uniform(0.1, 0.4))},
    "shadow": lambda rng: {"shadow_fraction": float(rng.uniform(0.2, 0.6))},
    "distortion": lambda rng: {"distortion_px": float(rng.uniform(0.2, 1.0))},
    "metal offset": lambda rng: {"metal_offset_px": _sign(rng) * float(rng.uniform(0.5, 4.0))},
    "gain drift": lambda rng: {"gain_drift": float(rng.uniform(0.01, 0.04))},
    "frequency drift": lambda rng: {"frequency_drift_px": _sign(rng) * float(rng.uniform(0.05, 0.4))},
    "spikes": lambda rng: {"n_spikes": int(rng.integers(1, 4)), "spike_sigma": float(rng.uniform(1.0, 4.0))},
    "DC offset": lambda rng: {"dc_sigma": float(rng.uniform(5.0, 40.0))},
    "DC line": lambda rng: {"dc_line_sigma": float(rng.uniform(3.0, 10.0))},
}
MRI_FAULT_NAMES: tuple[str, ...] = tuple(_STRENGTHS)
