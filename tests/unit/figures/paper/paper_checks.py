"""What the tests of the paper's figures need: a figure's words, a refusal, a series with fitted peaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from spallmap.registration.result import Registration
from spallmap.results.records import MriRecord


def words(figure: Figure) -> str:
    """Everything that is written in a figure, on one line."""
    figure.canvas.draw()
    texts = [a.get_text() for a in figure.findobj(Text) if isinstance(a, Text)]
    return " ".join(" ".join(text.split()) for text in texts)


def refusal(like: Registration | None) -> Registration:
    assert like is not None
    return replace(like, verdict="refused", reasons=("the runner-up is as good",))


def with_peaks(mri: MriRecord, width: tuple[float, float, float], p_value: float) -> MriRecord:
    """A series whose summary holds a distribution."""
    summary = dict(mri.summary)
    names = ("fwhm_intrinsic_ms", "fwhm_intrinsic_low_ms", "fwhm_intrinsic_high_ms")
    peak = {"t2_peak_ms": 7.02, "t2_peak_low_ms": 6.95, "t2_peak_high_ms": 7.11}
    summary["electrode"] = {**summary["electrode"], **peak, **dict(zip(names, width, strict=True))}
    summary["long_component"] = {
        "share": 0.05,
        "share_low": 0.03,
        "share_high": 0.09,
        "p_value": p_value,
        "likelihood_ratio": 31.0,
        "t2_ms": 15.8,
        "t2_low_ms": 14.1,
        "t2_high_ms": 17.9,
        "p_value_smallest": 0.005,
    }
    counts = np.asarray(summary["histogram"]["counts"], float)
    summary["histogram"] = {
        **summary["histogram"],
        "specimen_counts": counts.tolist(),
        "specimen_n_above": 2,
        "expected_electrode": (0.95 * counts).tolist(),
        "expected_long": (0.05 * counts).tolist(),
    }
    return replace(mri, summary=summary)
