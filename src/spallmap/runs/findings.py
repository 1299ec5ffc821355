"""What a run has made of each cell and state, read from the results in a few small files."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spallmap.results.tables import read_json

REFERENCE = "reference"
NOT_MADE = "not made"
# Links are worth a line where one source is more probable than all others together.
PROBABLE = 0.5


@dataclass(frozen=True)
class AcquisitionFinding:
    """One acquisition's registration, or what stands for it.

    Parameters
    ----------
    label : str
        Such as ``mri-t2``.
    verdict : str
        ``accepted``, ``refused``, ``not applicable``, ``reference``, or ``not made``.
    reasons : tuple of str
        Why.

    Examples
    --------
    >>> AcquisitionFinding("mri-t2", "refused", ("the runner-up is as good",)).verdict
    'refused'
    """

    label: str
    verdict: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegionLink:
    """The most probable source of a long-T2 region.

    Parameters
    ----------
    region : int
        Its number.
    source : str
        Such as ``crack 3``.
    probability : float
        Between 0 and 1.

    Examples
    --------
    >>> RegionLink(1, "crack 3", 0.98).source
    'crack 3'
    """

    region: int
    source: str
    probability: float


@dataclass(frozen=True)
class StateFindings:
    """What was found in one cell and state.

    Parameters
    ----------
    cell, state : str
        As in the table of acquisitions.
    acquisitions : tuple of AcquisitionFinding
        In the table's order.
    t2_ms : float or None
        Median T2 of the electrode in the first MRI; None where there is none.
    n_regions : int or None
        Its long-T2 regions.
    links : tuple of RegionLink
        One for each region that has a source more probable than not.
    p_value : float or None
        Of the links, against chance.
    report : str
        Address of the page relative to the results; empty where there is none of this run.
    earlier_report : str
        The same of a page that an earlier run made and this one did not make again; it may show what no
        longer holds.
    picture : str
        Address of an overlay that the page holds; empty where there is none.

    Examples
    --------
    >>> mri = AcquisitionFinding("mri-t2", "refused", ("too faint",))
    >>> findings = StateFindings("cell-a", "shorted", (mri,), t2_ms=7.2, n_regions=0)
    >>> findings.with_verdict("refused"), findings.is_made
    (['mri-t2'], False)
    """

    cell: str
    state: str
    acquisitions: tuple[AcquisitionFinding, ...] = ()
    t2_ms: float | None = None
    n_regions: int | None = None
    links: tuple[RegionLink, ...] = ()
    p_value: float | None = None
    report: str = ""
    earlier_report: str = ""
    picture: str = ""

    def with_verdict(self, verdict: str) -> list[str]:
        """Labels of the acquisitions of a verdict."""
        return [a.label for a in self.acquisitions if a.verdict == verdict]

    @property
    def is_made(self) -> bool:
        """Whether its page is there, and is of this run or still holds."""
        return bool(self.report)


def read_findings(
    described: Iterable[Mapping[str, Any]], unfinished: Collection[str] = ()
) -> list[StateFindings]:
    """Read what was found in each cell and state of the table.

    Parameters
    ----------
    described : iterable of mapping
        Each acquisition with at least ``id`` (cell/state/label), ``folder`` (its results), ``modality`` and
        ``reference`` (whether it is its cell's reference), as rules describe them.
    unfinished : collection of str
        Result files that a job of this run should have made and did not; what an earlier run left of them no
        longer holds and is not read.

    Returns
    -------
    list of StateFindings
        Cells and their states in the order of the table. What is missing is None.

    Raises
    ------
    InputError
        If a result file is there and cannot be read.

    Examples
    --------
    >>> mri = {"id": "a/shorted/mri-m", "folder": "nowhere/a/shorted/mri-m", "modality": "mri"}
    >>> (findings,) = read_findings([mri | {"reference": False}])
    >>> findings.cell, findings.state, findings.acquisitions[0].verdict, findings.is_made
    ('a', 'shorted', 'not made', False)
    """
    by_cell: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for one in described:
        cell, state, _ = one["id"].split("/", 2)
        by_cell.setdefault(cell, {}).setdefault(state, []).append(one)
    known = _Known(frozenset(os.path.normpath(path) for path in unfinished))
    return [
        _state(cell, state, own, known) for cell, states in by_cell.items() for state, own in states.items()
    ]


@dataclass(frozen=True)
class _Known:
    """Which files may be read."""

    unfinished: frozenset[str]

    def there(self, path: Path) -> bool:
        return os.path.normpath(path) not in self.unfinished and path.exists()

    def json(self, path: Path) -> dict[str, Any]:
        return read_json(path) if self.there(path) else {}

    def rows(self, path: Path) -> list[dict[str, str]] | None:
        if not self.there(path):
            return None
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))


def _state(cell: str, state: str, own: list[Mapping[str, Any]], known: _Known) -> StateFindings:
    folder = Path(own[0]["folder"]).parent
    mri = next((Path(a["folder"]) for a in own if a["modality"] == "mri"), None)
    t2_ms, regions = None, None
    if mri is not None:
        t2_ms = (known.json(mri / "t2.json").get("electrode") or {}).get("t2_median_ms")
        regions = known.rows(mri / "regions.csv")
    page, address = folder / "report.html", f"{cell}/{state}/report.html"
    made, picture = known.there(page), _picture(folder)
    return StateFindings(
        cell=cell,
        state=state,
        acquisitions=tuple(_acquisition(a, known) for a in own),
        t2_ms=t2_ms,
        n_regions=None if regions is None else len(regions),
        links=_links(known.rows(folder / "links.csv") or []),
        p_value=known.json(folder / "links.json").get("p_value"),
        report=address if made else "",
        earlier_report=address if not made and page.exists() else "",
        picture=f"{cell}/{state}/{picture}" if made and picture else "",
    )


def _picture(folder: Path) -> str:
    """Name the overlay to show: of an MRI where there is one."""
    names = sorted(p.name for p in folder.glob("overlays/*.png"))
    chosen = next((n for n in names if n.startswith("mri-")), names[0] if names else "")
    return f"overlays/{chosen}" if chosen else ""


def _acquisition(one: Mapping[str, Any], known: _Known) -> AcquisitionFinding:
    folder, label = Path(one["folder"]), one["id"].split("/", 2)[2]
    if one["reference"]:
        finding = known.json(folder / "cracks.json").get("finding")
        made = known.there(folder / "cracks.csv")
        return AcquisitionFinding(label, REFERENCE if made else NOT_MADE, (finding,) if finding else ())
    said = known.json(folder / "to_reference.json")
    verdict = str(said.get("verdict", NOT_MADE)).replace("_", " ")
    return AcquisitionFinding(label, verdict, tuple(said.get("reasons", ())))


def _links(rows: list[dict[str, str]]) -> tuple[RegionLink, ...]:
    """Take the most probable source of each region, where it is more probable than not."""
    best: dict[int, RegionLink] = {}
    for row in rows:
        source = row.get("source") or "crack"
        link = RegionLink(
            int(row["region"]),
            f"crack {row['crack']}" if source == "crack" else source,
            float(row["probability"] or "nan"),
        )
        if link.probability > max(PROBABLE, best[link.region].probability if link.region in best else 0.0):
            best[link.region] = link
    return tuple(best.values())
