"""Time the kernels that a run spends its time in, beside a named peer, in pairs within one run.

    python benchmarks/run.py

Prints the tables and writes them into benchmarks/README.md. Ratios carry over between machines, seconds
do not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_t2 import relaxometry_table, size_table
from crack_bench import memory_table, speed_table
from page import write_section

README = Path(__file__).with_name("README.md")


def main() -> None:
    """Run everything and write the tables."""
    rng = np.random.default_rng(1)
    tables: dict[str, Callable[[np.random.Generator], list[str]]] = {
        "t2": relaxometry_table,
        "t2-size": size_table,
        "plate-filter": speed_table,
        "crack-memory": lambda _: memory_table(),
    }
    for name, make in tables.items():
        text = "\n".join(make(rng))
        print(text)
        write_section(README, name, text)


if __name__ == "__main__":
    main()
