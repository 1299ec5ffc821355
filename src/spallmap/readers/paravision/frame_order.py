"""How the frames of a ParaVision reconstruction are ordered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.echo_times import check_echo_times_ms
from spallmap.readers.echo_train import TRAIN_SEQUENCES
from spallmap.readers.paravision.parameters import Parameters

ECHO, SLICE, COMPLEX = "FG_ECHO", "FG_SLICE", "FG_COMPLEX"
# Frame groups that take the same picture again.
REPETITIONS = ("FG_CYCLE", "FG_REPETITION", "FG_REPETITIONS", "FG_AVERAGE")
# Two settings count as one when they differ by less than this fraction.
SAME_SETTING = 1e-4
READABLE = "echoes, slices and repetitions of spatial images"


@dataclass(frozen=True)
class FrameOrder:
    """Which stored frame shows what.

    Parameters
    ----------
    frames : ndarray of int, shape (entries, slices, parts)
        Number of the stored frame; entries are echoes and repetitions in order of echo time, slices are in
        stored order, parts are 1, or 2 for the real and the imaginary part.
    te_ms : tuple of float
        Echo time of every entry, ms, ascending; repetitions have the same echo time.
    train : {"cpmg", "separate", "unknown"}
        Whether the echoes belong to one excitation, to one each, or nobody says.
    repetitions : int
        How often each echo was taken.
    """

    frames: NDArray[np.intp]
    te_ms: tuple[float, ...]
    train: str
    repetitions: int


@dataclass(frozen=True)
class _Group:
    name: str
    length: int
    depends: tuple[tuple[Any, ...], ...]  # parameter and the position of its first value


def echo_train(sequence: str, n_echoes: int) -> str:
    """Say what kind of echo train a sequence's echoes are.

    Parameters
    ----------
    sequence : str
        Name of the sequence or method.
    n_echoes : int
        Echoes of one excitation.

    Returns
    -------
    {"cpmg", "unknown"}
        ``cpmg`` where several echoes refocus one excitation.
    """
    is_train = n_echoes > 1 and any(name in sequence.upper() for name in TRAIN_SEQUENCES)
    return "cpmg" if is_train else "unknown"


def frame_order(visu: Parameters, n_positions: int) -> FrameOrder:
    """Read the order of the frames.

    Parameters
    ----------
    visu : Parameters
        The reconstruction's ``visu_pars``.
    n_positions : int
        Number of positions that it gives.

    Returns
    -------
    FrameOrder
        The position of every frame.

    Raises
    ------
    InputError
        If the frames are something else than echoes, slices and repetitions, are not as many as announced,
        or the echo times are not plausible.
    """
    if visu.text("VisuAcqEchoSequenceType") == "GradientEcho":
        found = f"gradient echoes ({visu.text('VisuAcqSequenceName')}), which do not decay with T2"
        raise InputError(visu.source_label, found, "spin echoes")
    n_frames = visu.integer("VisuCoreFrameCount")
    groups = _groups(visu, n_frames, n_positions)
    numbers = np.arange(n_frames).reshape([g.length for g in reversed(groups)])
    names = [g.name for g in reversed(groups)]
    te = _echo_times(visu, groups, numbers.shape)
    leading = [i for i, name in enumerate(names) if name == ECHO or name in REPETITIONS]
    order = [*leading, *(names.index(name) for name in (SLICE, COMPLEX) if name in names)]
    n_slices, n_parts = (dict(zip(names, numbers.shape, strict=True)).get(n, 1) for n in (SLICE, COMPLEX))
    frames = numbers.transpose(order).reshape(-1, n_slices, n_parts)
    entry_te = te.transpose(order).reshape(-1, n_slices, n_parts)
    if np.ptp(entry_te, axis=(1, 2)).any():
        raise InputError(visu.source_label, "echo times that differ between slices", READABLE)
    by_time = np.argsort(entry_te[:, 0, 0], kind="stable")
    te_ms = tuple(float(t) for t in entry_te[by_time, 0, 0])
    n_echoes = next((g.length for g in groups if g.name == ECHO), 1)
    repetitions = math.prod(g.length for g in groups if g.name in REPETITIONS)
    train = echo_train(visu.text("VisuAcqSequenceName"), n_echoes)
    if n_echoes == 1 and len(set(te_ms)) > 1:
        train, repetitions = "separate", len(te_ms) // len(set(te_ms))
    return FrameOrder(frames[by_time], te_ms, train, repetitions)


def _groups(visu: Parameters, n_frames: int, n_positions: int) -> list[_Group]:
    """Frame groups from the fastest to the slowest, without those of one frame."""
    described = visu.records("VisuFGOrderDesc", int, str, str, int, int)
    dependents = visu.records("VisuGroupDepVals", str, int)
    if any(start < 0 for _, start in dependents):
        raise InputError(visu.source_label, "VisuGroupDepVals that begin before 0", "positions from 0")
    groups = []
    for length, name, _, start, count in described:
        if start < 0 or count < 0 or (dependents and start + count > len(dependents)):
            found = f"{name} with dependents {start} to {start + count - 1} of {len(dependents)}"
            raise InputError(visu.source_label, found, "as many in VisuGroupDepVals")
        groups.append(_Group(name.upper(), length, tuple(dependents[start : start + count])))
    if not described and n_frames > 1:
        if n_frames != n_positions:
            raise InputError(visu.source_label, f"{n_frames} frames without frame groups", READABLE)
        groups.append(_Group(SLICE, n_frames, ()))
    if n_frames < 1 or math.prod(max(g.length, 0) for g in groups) != n_frames:
        listed = ", ".join(f"{g.length} {g.name}" for g in groups)
        raise InputError(visu.source_label, f"frame groups {listed} for {n_frames} frames", "their product")
    groups = [g for g in groups if g.length > 1]
    for group in groups:
        if group.name not in (ECHO, SLICE, COMPLEX, *REPETITIONS):
            raise InputError(visu.source_label, f"{group.length} frames of kind {group.name}", READABLE)
        if group.name == COMPLEX and group.length != 2:
            raise InputError(visu.source_label, f"{group.length} parts of complex images", "2")
        _refuse_other_contrast(visu, group)
    names = [g.name for g in groups]
    if len(set(names)) < len(names):
        raise InputError(visu.source_label, f"frame groups {', '.join(names)}", "each kind once")
    return groups


def _refuse_other_contrast(visu: Parameters, group: _Group) -> None:
    """Refuse echoes or repetitions that differ in more than their echo time."""
    if group.name not in (ECHO, *REPETITIONS):
        return
    for name, start in group.depends:
        if not name.startswith("VisuAcq") or name in ("VisuAcqEchoTime", "VisuAcqDate"):
            continue
        values = visu.numbers(name)[start:]
        if values.size and np.ptp(values) > SAME_SETTING * np.abs(values).max():
            raise InputError(visu.source_label, f"frames of {group.name} that differ in {name}", READABLE)


def _echo_times(visu: Parameters, groups: Sequence[_Group], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Echo time of every frame, in the shape of the groups from the slowest to the fastest."""
    values = visu.numbers("VisuAcqEchoTime")
    source_label = f"{visu.source_label}, VisuAcqEchoTime"
    ruling = [g for g in groups if any(name == "VisuAcqEchoTime" for name, _ in g.depends)]
    if not ruling:
        ruling = [g for g in groups if g.name == ECHO]
    repeats = [g for g in groups if g.name in REPETITIONS]
    if not ruling and values.size == math.prod(g.length for g in repeats):
        ruling = repeats
    start = next((s for g in ruling for name, s in g.depends if name == "VisuAcqEchoTime"), 0)
    times = check_echo_times_ms(source_label, values[start:], math.prod(g.length for g in ruling))
    lengths = [g.length if g in ruling else 1 for g in reversed(groups)]
    return np.broadcast_to(np.reshape(times, lengths), shape)
