"""The faults of all acquisitions of one cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from spallmap.twin.faults.edx_faults import EdxFaults
from spallmap.twin.faults.mri_faults import MriFaults
from spallmap.twin.faults.sem_faults import SemFaults
from spallmap.twin.faults.xct_faults import XctFaults

# What belongs to the section and not to the image of it: alike in all its images.
_OF_THE_SECTION = ("chip_um", "chip_seed", "epoxy", "fallen", "tilt_stretch")


@dataclass(frozen=True)
class CellFaults:
    """What goes wrong with each acquisition of a cell; nothing by default.

    Parameters
    ----------
    xct, mri : mapping of state to faults
        Of the tomograms and of the MRI.
    overview, detail : SemFaults
        Of the section's images.
    edx : EdxFaults
        Of its element maps.

    Examples
    --------
    >>> import numpy as np
    >>> faults = CellFaults.draw(np.random.default_rng(5))
    >>> faults.detail.chip_um == faults.overview.chip_um
    True
    >>> {1 < len(names) < 6 for name, names in faults.names.items() if not name.startswith("edx")}
    {True}
    >>> CellFaults().names["shorted xct"]
    ()
    """

    xct: Mapping[Literal["pristine", "shorted"], XctFaults] = field(default_factory=dict)
    mri: Mapping[Literal["pristine", "shorted"], MriFaults] = field(default_factory=dict)
    overview: SemFaults = field(default_factory=SemFaults)
    detail: SemFaults = field(default_factory=SemFaults)
    edx: EdxFaults = field(default_factory=EdxFaults)

    @classmethod
    def draw(cls, rng: np.random.Generator, fewest: int = 2, most: int = 4) -> CellFaults:
        """Turn on some faults of every acquisition, each with a random strength.

        Both scans of a state's instrument have faults of their own; a cell's grains are in both tomograms, a
        section's chips, resin and tilt in all its images. Of the element maps' three kinds one or two are on.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws which, and how strong.
        fewest, most : int
            How many in each acquisition.

        Returns
        -------
        CellFaults
            Of one cell.
        """

        def how_many() -> int:
            return int(rng.integers(fewest, most + 1))

        shorted = XctFaults.draw(rng, how_many())
        pristine = XctFaults.draw(rng, how_many()).with_cell_of(shorted)
        mri: dict[Literal["pristine", "shorted"], MriFaults] = {
            "pristine": MriFaults.draw(rng, how_many()),
            "shorted": MriFaults.draw(rng, how_many()),
        }
        overview, detail = SemFaults.draw(rng, how_many()), SemFaults.draw(rng, how_many())
        shared = {name: getattr(overview, name) for name in _OF_THE_SECTION}
        edx = EdxFaults.draw(rng, int(rng.integers(1, 3)))
        tomograms: dict[Literal["pristine", "shorted"], XctFaults] = {
            "pristine": pristine,
            "shorted": shorted,
        }
        return cls(tomograms, mri, overview, replace(detail, **shared), edx)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Which faults are on, by acquisition."""
        states: tuple[Literal["pristine", "shorted"], ...] = ("pristine", "shorted")
        found: dict[str, tuple[str, ...]] = {}
        for state in states:
            found[f"{state} xct"] = tuple(self.xct.get(state, XctFaults()).names)
            found[f"{state} mri"] = self.mri.get(state, MriFaults()).names
        return found | {
            "sem overview": self.overview.names,
            "sem detail": self.detail.names,
            "edx": self.edx.names,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all strengths that are on, for a JSON file."""
        every: dict[str, Any] = {f"{state} xct": f for state, f in self.xct.items()}
        every |= {f"{state} mri": f for state, f in self.mri.items()}
        every |= {"sem overview": self.overview, "sem detail": self.detail, "edx": self.edx}
        return {name: _on(faults) for name, faults in every.items()}


def _on(faults: XctFaults | MriFaults | SemFaults | EdxFaults) -> dict[str, Any]:
    """Return what differs from no fault."""
    clean = vars(type(faults)())
    return {name: value for name, value in vars(faults).items() if value != clean[name]}
