"""Whether echoes are one refocused train or separate spin echoes, as far as headers say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spallmap.errors import InputError

# Sequences that refocus one excitation again and again, as vendors name them.
TRAIN_SEQUENCES = ("MSME", "CPMG", "RARE", "TURBO", "MESE", "FSE-T2", "MCSE")


@dataclass(frozen=True)
class EchoOrigin:
    """What a header says of how one echo came about.

    Parameters
    ----------
    te_ms : float
        Echo time, ms.
    echo_number : int, optional
        Which echo after the excitation.
    train_length : int, optional
        Echoes read after one excitation.
    acquired : str
        Something that differs between acquisitions: date and time, for example. Empty: unknown.
    sequence : str
        Every name of the sequence.
    """

    te_ms: float
    echo_number: int | None = None
    train_length: int | None = None
    acquired: str = ""
    sequence: str = ""


def train_of(echoes: Sequence[EchoOrigin]) -> str:
    """Distinguish a train of echoes from separate ones.

    Echo numbers speak first: a train counts its echoes. Then, echoes of which each was acquired at its own
    time are separate, whatever the sequence is called; only then do the train's length and the name speak.

    Parameters
    ----------
    echoes : sequence of EchoOrigin
        At least one for each echo time; slices and repetitions may come as well.

    Returns
    -------
    str
        ``"cpmg"``, ``"separate"``, or ``"unknown"`` where the headers do not say.

    Examples
    --------
    >>> train_of([EchoOrigin(2.0, 1, None, "", "SE"), EchoOrigin(4.0, 2, None, "", "SE")])
    'cpmg'
    """
    numbers: defaultdict[float, set[int | None]] = defaultdict(set)
    acquired: defaultdict[float, set[str]] = defaultdict(set)
    for echo in echoes:
        numbers[echo.te_ms].add(echo.echo_number)
        acquired[echo.te_ms].add(echo.acquired)
    n_times = len(numbers)
    if n_times < 2:
        return "unknown"
    one_each = [next(iter(found)) for found in numbers.values() if len(found) == 1]
    if None not in one_each and len(set(one_each)) == n_times:
        return "cpmg"
    moments = [moment for found in acquired.values() for moment in found]
    if "" not in moments and len(set(moments)) == len(moments):
        return "separate"
    lengths = {echo.train_length for echo in echoes}
    if None not in lengths and min(length for length in lengths if length is not None) >= n_times:
        return "cpmg"
    named = all(any(name in echo.sequence.upper() for name in TRAIN_SEQUENCES) for echo in echoes)
    return "cpmg" if named else "unknown"


def refuse_gradient_echoes(source_label: str, scanning: object, pulses: object = None) -> None:
    """Refuse images of gradient echoes: they decay with T2*, not with T2.

    Parameters
    ----------
    source_label : str
        Named in the message.
    scanning : object
        DICOM's or BIDS's ScanningSequence: a code, or several, as a list or separated by backslashes,
        underscores or slashes; nothing where it is not said.
    pulses : object
        DICOM's EchoPulseSequence.

    Raises
    ------
    InputError
        If they say gradient echoes and no spin echo.
    """
    codes = (
        scanning.replace("\\", "/").replace("_", "/").split("/") if isinstance(scanning, str) else scanning
    )
    said = {str(code).strip().upper() for code in codes} if isinstance(codes, Iterable) else set()
    if ("GR" in said and "SE" not in said) or str(pulses).upper() == "GRADIENT":
        raise InputError(source_label, "gradient echoes, which decay with T2*", "spin echoes")


# BIDS and dcm2niix name a sequence by these keys.
_BIDS_NAMES = ("PulseSequenceType", "PulseSequenceName", "SequenceName", "ProtocolName")


def bids_sequence(bids: Mapping[str, Any]) -> str:
    """Every name of the sequence that a BIDS file gives.

    Parameters
    ----------
    bids : mapping
        Its keys.

    Returns
    -------
    str
        Separated by semicolons; empty where it names none.
    """
    return "; ".join(dict.fromkeys(str(bids[key]) for key in _BIDS_NAMES if bids.get(key)))


def bids_origins(
    te_ms: Sequence[float], n_echoes: Sequence[int], bids: Sequence[Mapping[str, Any]]
) -> list[EchoOrigin]:
    """Describe the echoes of files by their BIDS files.

    Parameters
    ----------
    te_ms : sequence of float
        Echo times of all files, one file after the other, ms.
    n_echoes : sequence of int
        Number of echoes in each file.
    bids : sequence of mapping
        What is known of each file.

    Returns
    -------
    list of EchoOrigin
        One for each echo time.
    """
    origins: list[EchoOrigin] = []
    for count, known in zip(n_echoes, bids, strict=True):
        number, length = known.get("EchoNumber"), known.get("EchoTrainLength")
        for te in te_ms[len(origins) : len(origins) + count]:
            origins.append(
                EchoOrigin(
                    te_ms=te,
                    echo_number=number if isinstance(number, int) else None,
                    train_length=length if isinstance(length, int) else None,
                    acquired=str(known.get("AcquisitionDateTime") or known.get("AcquisitionTime") or ""),
                    sequence=bids_sequence(known),
                )
            )
    return origins
