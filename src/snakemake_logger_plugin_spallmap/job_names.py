"""Jobs in words: what is done, and of which acquisition, cell or figure."""

from __future__ import annotations

from collections.abc import Mapping

# What each rule does.
WORDS = {
    "demo_cell": "draw the demo cell",
    "t2": "T2 map and regions",
    "phases": "grey scale and phases",
    "interfaces": "interfaces",
    "crack_thresholds": "crack thresholds",
    "crack_slab": "search for cracks",
    "cracks": "cracks",
    "crack_changes": "changes of cracks",
    "sem_image": "SEM image",
    "edx_net": "element counts",
    "register_volume": "registration",
    "register_projection": "registration",
    "register_section": "registration",
    "register_inset": "registration",
    "link": "links",
    "overlays": "overlays",
    "cell_figures": "figures",
    "paper_figures": "the paper's figures",
    "report_page": "report",
    "index": "index",
    "provenance": "provenance",
}
# Targets, which make nothing themselves.
TARGETS = frozenset({"all", "figures", "report"})


def words_of(rule: str) -> str:
    """Say what a rule does.

    Examples
    --------
    >>> words_of("t2"), words_of("new_rule")
    ('T2 map and regions', 'new rule')
    """
    return WORDS.get(rule, rule.replace("_", " "))


def subject_of(wildcards: Mapping[str, str]) -> str:
    """Say what a job is about: an acquisition, a cell and state, a cell, a figure.

    Examples
    --------
    >>> subject_of({"acq": "c07/shorted/xct-scan", "slab": "3"}), subject_of({})
    ('c07/shorted/xct-scan, slab 3', '')
    """
    known = dict(wildcards)
    subject = next((known.pop(key) for key in ("acq", "place", "cell") if key in known), "")
    rest = ", ".join(f"{key} {value}" for key, value in known.items())
    return ", ".join(filter(None, (subject, rest)))


def cell_of(wildcards: Mapping[str, str]) -> str:
    """Cell that a job is about; empty where it is about all.

    Examples
    --------
    >>> cell_of({"acq": "c07/shorted/xct-scan"}), cell_of({})
    ('c07', '')
    """
    subject = next((wildcards[key] for key in ("acq", "place", "cell") if key in wildcards), "")
    return subject.split("/")[0]


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Name a job.

    Examples
    --------
    >>> job_name("t2", {"acq": "c07/shorted/mri-t2"}), job_name("index", {})
    ('c07/shorted/mri-t2: T2 map and regions', 'index')
    """
    return ": ".join(filter(None, (subject_of(wildcards), words_of(rule))))


def clock(seconds: float) -> str:
    """Write a time as a clock does.

    Examples
    --------
    >>> clock(7.2), clock(754), clock(3725)
    ('0:07', '12:34', '1:02:05')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
