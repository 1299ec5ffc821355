"""Where the workflow lies that this library belongs to."""

from __future__ import annotations

from pathlib import Path

from spallmap.errors import InputError

# Two folders up from the package in a checkout: src/spallmap.
_CHECKOUT = Path(__file__).resolve().parents[3]
_SNAKEFILE = "Snakefile"
_SCHEMA = Path("workflow", "schemas", "config.schema.yaml")


def workflow_folder() -> Path:
    """Find the folder with the Snakefile: the checkout that the package lies in, else the working directory.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InputError
        Where neither holds the workflow.

    Examples
    --------
    >>> (workflow_folder() / "Snakefile").name
    'Snakefile'
    """
    for folder in (_CHECKOUT, Path.cwd()):
        # another workflow's Snakefile is none
        if (folder / _SNAKEFILE).is_file() and (folder / _SCHEMA).is_file():
            return folder
    raise InputError(
        "spallmap",
        f"no workflow (Snakefile, workflow/) in {_CHECKOUT}, and none in the working directory",
        "a checkout of spallmap as the working directory, or the library installed from one "
        "(pip install --editable, as make setup does)",
    )
