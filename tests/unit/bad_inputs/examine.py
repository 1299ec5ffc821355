"""Opens a file as the workflow does, in another process that may be killed, and says how it ended.

The process is forked from a clean server that has imported the readers. A file may take one gigabyte beyond
what the process starts with, and a minute.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError
from spallmap.plan import Plan
from spallmap.preflight import check_inputs
from spallmap.readers import input_files, open_image, open_volume, probe_image

MOST_BYTES = 1 << 30
MOST_SECONDS = 60.0
# What is handed back whole, for a test to compare.
FEW_SAMPLES = 1 << 18

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["spallmap.plan", "spallmap.preflight", "h5py", "nibabel", "pydicom", "tifffile", "zarr"]
)

SCHEMA = read_schema(Path(__file__).parents[3] / "workflow" / "schemas" / "acquisitions.schema.yaml")
T2 = {"model": "rician", "long_ms": 12, "sigma": None, "n_coils": 1, "skip_echoes": 0, "saturation": None}


@dataclass(frozen=True)
class Ending:
    """How it ended.

    Parameters
    ----------
    kind : str
        ``refused`` (an InputError), ``read``, or ``crashed``, ``hung``.
    words : str
        The error's message, or a traceback.
    parts : tuple of str
        Source label, found and allowed of a refusal.
    seen : mapping
        What was read: shape, spacing_um, warnings, te_ms, data, clipped.
    peak_bytes : int
        Memory taken beyond the start.
    """

    kind: str
    words: str = ""
    parts: tuple[str, str, str] = ("", "", "")
    seen: dict[str, Any] = field(default_factory=dict)
    peak_bytes: int = 0


def look(path: Path, modality: str, spacing_um: Any = None) -> dict[str, Any]:
    """Check, list and read a file in the ways in which the workflow does."""
    announced = probe_image(path, modality, spacing_um)
    files = input_files(path, modality)
    if modality == "xct":
        with open_volume(path, spacing_um) as source:
            shape = source.data.shape
            planes = [np.asarray(source.data[z : z + 1, 0 : shape[1], 0 : shape[2]]) for z in range(shape[0])]
            size, warnings = source.spacing_um, source.info.warnings
            data, clipped = np.concatenate(planes), None
    else:
        image = open_image(path, modality, spacing_um)
        size, warnings, data, clipped = image.spacing_um, image.warnings, image.data, image.clipped
    return {
        "shape": data.shape,
        "spacing_um": size,
        "warnings": [str(w) for w in (*announced.warnings, *warnings)],
        "te_ms": announced.meta.get("te_ms"),
        "files": [str(f) for f in files],
        "data": data if data.size < FEW_SAMPLES else None,
        "clipped": clipped,
    }


def check(table: Path) -> dict[str, Any]:
    """Check a table of acquisitions as the workflow does before any job."""
    plan = Plan(read_acquisitions(table, SCHEMA))
    plan.check()
    warnings = check_inputs(plan, lambda path: False, T2)
    return {"rows": [a.id for a in plan.acquisitions], "warnings": [str(w) for w in warnings]}


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024 * int(line.split()[1])
    raise OSError("no VmHWM in /proc/self/status")


def _mapped_bytes() -> int:
    return resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0])


def _serve(end: Connection) -> None:
    """Answer one call after the other, until one does not come back."""
    # Threads' stacks and libraries take address space too: twice the limit ends a bomb. What is judged is the
    # memory that was really taken.
    resource.setrlimit(resource.RLIMIT_AS, (_mapped_bytes() + 2 * MOST_BYTES,) * 2)
    while True:
        call, arguments = end.recv()
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        start = _peak_bytes()
        try:
            ending = Ending("read", seen=call(*arguments))
        except InputError as error:
            ending = Ending("refused", str(error), (error.source_label, error.found, error.allowed))
        except BaseException:  # whatever else comes out is a fault of ours, and is handed back to be shown
            ending = Ending("crashed", traceback.format_exc())
        end.send((ending, _peak_bytes() - start))


class Examiner:
    """A process that opens files; one that hangs or dies is replaced."""

    def __init__(self) -> None:
        self._process: Any = None
        self._end: Any = None

    def examine(self, call: Callable[..., dict[str, Any]], *arguments: Any) -> Ending:
        """Call a function of this module in the process."""
        if self._process is None:
            self._end, theirs = _SERVER.Pipe()
            self._process = _SERVER.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        self._end.send((call, arguments))
        started = time.monotonic()
        try:
            if not self._end.poll(MOST_SECONDS):
                self.stop()
                return Ending("hung", f"no end after {time.monotonic() - started:.0f} s")
            ending, peak = self._end.recv()
        except EOFError:
            self.stop()
            return Ending("crashed", "the process died")
        if peak > MOST_BYTES // 4:
            self.stop()
        return Ending(ending.kind, ending.words, ending.parts, ending.seen, peak)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._end.close()
            self._process = None
