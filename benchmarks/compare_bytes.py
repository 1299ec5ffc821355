"""Compare two results folders byte by byte: two undisturbed runs of the same inputs give the same files.

    python benchmarks/compare_bytes.py first/ second/ [--quiet]

Every file that differs, or that one folder lacks, is named. What names the run and not the result is excused,
and said: see EXCUSED. The exit status is 1 where a file differs without an excuse.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Excuse:
    """Files that may differ, or keys of a JSON file that may, and why."""

    pattern: str
    why: str
    keys: tuple[str, ...] = ()


# They say when and where a run was made, which no two runs share. Everything else must be the same.
EXCUSED = (
    Excuse("logs/*", "lines carry the time of day"),
    Excuse("benchmarks/*", "measured times and memory"),
    Excuse("provenance.json", "the machine", ("machine",)),
    Excuse("ro-crate-metadata.json", "start and end of the run and of each job"),
)


@dataclass(frozen=True)
class Difference:
    """A file that is not the same in two folders; the excuse is empty where there is none."""

    name: str
    found: str
    excuse: str = ""


def differences(first: Path, second: Path) -> Iterator[Difference]:
    """Compare two folders.

    Parameters
    ----------
    first, second : Path
        Results folders of two runs.

    Yields
    ------
    Difference
        By the file's name.
    """
    names = [{str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} for root in (first, second)]
    for name in sorted(names[0] | names[1]):
        excuse = next((e for e in EXCUSED if fnmatch.fnmatch(name, e.pattern)), None)
        whole = excuse.why if excuse is not None and not excuse.keys else ""
        if name not in names[0] or name not in names[1]:
            yield Difference(name, f"only in the {'second' if name in names[1] else 'first'}", whole)
            continue
        a, b = (root / name for root in (first, second))
        if a.stat().st_size == b.stat().st_size and a.read_bytes() == b.read_bytes():
            continue
        if excuse is not None and excuse.keys:
            contents = [json.loads(path.read_bytes()) for path in (a, b)]
            rest = [{k: v for k, v in c.items() if k not in excuse.keys} for c in contents]
            if text(rest[0]) == text(rest[1]):
                yield Difference(name, f"only in {', '.join(excuse.keys)}", excuse.why)
                continue
        yield Difference(name, where(a.read_bytes(), b.read_bytes()), whole)


def text(content: dict[str, Any]) -> str:
    """Write what was read from JSON, keys in their order."""
    return json.dumps(content)


def where(a: bytes, b: bytes) -> str:
    """Say where two contents part, with what stands there."""
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    near = [content[max(0, at - 20) : at + 20] for content in (a, b)]
    return f"{len(a)} and {len(b)} bytes, from byte {at}: {near[0]!r} and {near[1]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--quiet", action="store_true", help="name no file that is excused")
    given = parser.parse_args()
    for folder in (given.first, given.second):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    found = list(differences(given.first, given.second))
    for difference in found:
        if not difference.excuse:
            print(f"DIFFERS {difference.name}: {difference.found}")
        elif not given.quiet:
            print(f"excused {difference.name}: {difference.found}; {difference.excuse}")
    n_files = sum(1 for path in given.first.rglob("*") if path.is_file())
    bad = sum(1 for difference in found if not difference.excuse)
    print(f"{n_files} files; {len(found) - bad} differ with an excuse, {bad} without")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
