"""What a report page is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from spallmap.registration.result import Registration


@dataclass(frozen=True)
class Picture:
    """A picture with what a reader needs to understand it.

    Parameters
    ----------
    title : str
        A few words.
    png : bytes
        Content of a PNG file.
    caption : str
        How to read it.
    alt : str
        What it shows, for those who cannot see it.
    halves : tuple of str, optional
        Names of its left and right half, where they show one place in two ways and are to be seen in turn.

    Examples
    --------
    >>> Picture("Sections", b"...", "How to read them.", "Grey sections of the tomograms.").halves is None
    True
    """

    title: str
    png: bytes
    caption: str
    alt: str
    halves: tuple[str, str] | None = None


@dataclass(frozen=True)
class RegistrationEntry:
    """One acquisition's registration.

    Parameters
    ----------
    acquisition : str
        Such as ``mri-t2``.
    onto : str
        What it was registered to, in words.
    registration : Registration or None
        None where it was not tried.
    untried : str
        Why it was not tried.
    pictures : tuple of Picture
        Those that let a person judge it.

    Examples
    --------
    >>> entry = RegistrationEntry("mri-t2", "the reference tomogram", None, untried="there is no tomogram")
    >>> entry.registration is None, entry.pictures
    (True, ())
    """

    acquisition: str
    onto: str
    registration: Registration | None
    untried: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class T2Entry:
    """What an MRI acquisition gave.

    Parameters
    ----------
    acquisition : str
        Such as ``mri-t2``.
    summary : mapping
        As t2.json.
    regions : DataFrame
        As regions.csv.

    Examples
    --------
    >>> entry = T2Entry("mri-t2", {"long": {"threshold_ms": 12.0}}, pd.DataFrame({"region": [1]}))
    >>> len(entry.regions)
    1
    """

    acquisition: str
    summary: Mapping[str, Any]
    regions: pd.DataFrame


@dataclass(frozen=True)
class CrackLimit:
    """The smallest cracks that would have been found in a tomogram.

    Parameters
    ----------
    aperture_um : float
        Smallest aperture of an empty crack, median over the ceramic.
    area_um2 : float
        Area of the crack that this aperture holds for.
    least_area_um2 : float
        Cracks of a smaller area are not distinguished from pores.

    Examples
    --------
    >>> CrackLimit(aperture_um=2.0, area_um2=4000.0, least_area_um2=1000.0).aperture_um
    2.0
    """

    aperture_um: float
    area_um2: float
    least_area_um2: float


@dataclass(frozen=True)
class CellReport:
    """Everything on the page of one cell and state.

    Parameters
    ----------
    cell, state : str
        As in the table of acquisitions.
    acquisitions : DataFrame
        The rows of the table of acquisitions that belong to the page.
    registrations : tuple of RegistrationEntry
        Every acquisition but the reference.
    t2 : tuple of T2Entry
        One per MRI acquisition.
    cracks : DataFrame or None
        As crack_measures.csv, with the change against the pristine state where it is known; None where no
        tomogram was searched.
    crack_limit : CrackLimit or None
        What would have been found; None where that is not known.
    interfaces : DataFrame or None
        One row for each face of the ceramic: contact, voids, roughness.
    links : DataFrame or None
        As links.csv; None where links could not be computed.
    links_summary : mapping
        As links.json.
    figures, overlays : tuple of Picture
        The pictures of the results.
    warnings : tuple of str
        What is odd in the files of the page's acquisitions, as the log has it.
    remarks : tuple of str
        What else the reader must know, such as a station that had no input.
    parameters : mapping
        The configuration that was used, possibly nested.
    provenance : mapping
        As provenance.json, possibly nested.

    Examples
    --------
    >>> report = CellReport("cell-a", "shorted")
    >>> report.links is None, report.figures
    (True, ())
    """

    cell: str
    state: str
    acquisitions: pd.DataFrame = field(default_factory=pd.DataFrame)
    registrations: tuple[RegistrationEntry, ...] = ()
    t2: tuple[T2Entry, ...] = ()
    cracks: pd.DataFrame | None = None
    crack_limit: CrackLimit | None = None
    interfaces: pd.DataFrame | None = None
    links: pd.DataFrame | None = None
    links_summary: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Picture, ...] = ()
    overlays: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
