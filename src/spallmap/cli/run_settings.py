"""Configuration and table as the workflow reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from spallmap.cli.checkout import workflow_folder
from spallmap.configuration import check_config, read_schema
from spallmap.errors import InputError
from spallmap.user_files.config_file import check_config_file


def read_settings(config: Path) -> dict[str, Any]:
    """Read a configuration over the defaults, key by key.

    Parameters
    ----------
    config : Path
        The user's file.

    Returns
    -------
    dict
        Every key with its value.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is none that is allowed.
    InputGroupError
        Where several are wrong.
    """
    folder = workflow_folder()
    check_config_file(config)
    settings = _merged(_loaded(folder / "config" / "config.yaml"), _loaded(config))
    check_config(settings, read_schema(folder / "workflow" / "schemas" / "config.schema.yaml"))
    return settings


def table_schema() -> dict[str, Any]:
    """Read what the table of acquisitions may hold.

    Returns
    -------
    dict
        JSON schema of one row.
    """
    return read_schema(workflow_folder() / "workflow" / "schemas" / "acquisitions.schema.yaml")


def table_of(settings: Mapping[str, Any], config: Path) -> Path:
    """Find the table that a configuration names.

    Parameters
    ----------
    settings : mapping
        The configuration.
    config : Path
        Its file, for the message.

    Returns
    -------
    Path
        Relative to the working directory, as it is named.

    Raises
    ------
    InputError
        If it is not there, but would be from another working directory.
    """
    table = Path(settings["acquisitions"])
    if not table.is_absolute() and not table.exists():
        for folder in config.resolve().parents:
            if (folder / table).is_file():
                raise InputError(
                    f"{config}, key 'acquisitions'",
                    f"no table {table} from the working directory {Path.cwd()}; there is one from {folder}",
                    f"a path relative to the working directory: cd {folder}",
                )
    return table


def _loaded(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    return loaded


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = _merged(known, value)
        merged[key] = value
    return merged
