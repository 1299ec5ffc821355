"""What must work wherever the wheel is installed: all modules, their data, and a fit that finds the true T2.

python .ci/smoke.py FOLDER_OF_THE_ENVIRONMENT
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.resources
import pkgutil
import sys
from pathlib import Path

import numpy as np

import spallmap
from spallmap.relaxometry import fit_t2


def main() -> None:
    """Run the checks."""
    assert spallmap.__file__ is not None
    assert Path(spallmap.__file__).resolve().is_relative_to(Path(sys.argv[1]).resolve()), spallmap.__file__
    assert importlib.metadata.version("spallmap") == spallmap.__version__

    names = [module.name for module in pkgutil.walk_packages(spallmap.__path__, "spallmap.")]
    for name in names:
        importlib.import_module(name)

    files = importlib.resources.files("spallmap")
    assert (files / "py.typed").is_file()
    templates = {file.name for file in (files / "report" / "templates").iterdir()}
    assert {"index.html", "macros.html", "page.css", "page.html", "report.html"} <= templates, templates

    te_ms, t2_ms = (2.0, 4.0, 8.0, 16.0, 32.0), 10.0
    echoes = 100.0 * np.exp(-np.array(te_ms) / t2_ms)[:, None, None] * np.ones((5, 2, 3))
    fit = fit_t2(echoes, te_ms, model="offset", sigma=0.01)
    assert np.allclose(fit.t2_ms, t2_ms, rtol=1e-2), fit.t2_ms
    sys.stdout.write(f"spallmap {spallmap.__version__}: {len(names)} modules, T2 {fit.t2_ms.mean():.2f} ms\n")


if __name__ == "__main__":
    main()
