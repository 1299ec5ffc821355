"""The configuration, checked against its schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from spallmap.errors import InputError


def read_schema(path: Path) -> dict[str, Any]:
    """Read a JSON schema that is written as YAML.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        The schema.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "schema.yaml")
    ...     _ = path.write_text("properties: {long_ms: {type: number, description: a time in ms}}")
    ...     read_schema(path)
    {'properties': {'long_ms': {'type': 'number', 'description': 'a time in ms'}}}
    """
    schema: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return schema


def check_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check every key and value of the configuration.

    Parameters
    ----------
    config : mapping
        The configuration, defaults included.
    schema : mapping
        Its JSON schema; each property's ``description`` says in words what is allowed.

    Raises
    ------
    InputError
        Naming the first key that is unknown, absent or has a value out of range.

    Examples
    --------
    >>> schema = {"properties": {"long_ms": {"type": "number", "description": "a time in ms"}}}
    >>> check_config({"long_ms": 12.0}, schema)
    >>> check_config({"long_ms": "12 ms"}, schema)
    Traceback (most recent call last):
    spallmap.errors.InputError: configuration, key 'long_ms': found '12 ms'; allowed: a time in ms
    """
    for error in Draft202012Validator(dict(schema)).iter_errors(dict(config)):
        path = [str(part) for part in error.absolute_path]
        inner = dict(error.schema) if isinstance(error.schema, Mapping) else {}
        if error.validator == "additionalProperties":
            known = inner["properties"]
            unknown = next(key for key in error.instance if key not in known)
            raise InputError(
                f"configuration, key '{'.'.join([*path, str(unknown)])}'", "an unknown key", ", ".join(known)
            )
        if error.validator == "required":
            absent = next(key for key in inner["required"] if key not in error.instance)
            raise InputError(
                f"configuration, key '{'.'.join([*path, absent])}'", "no value", "see config/README.md"
            )
        raise InputError(
            f"configuration, key '{'.'.join(path)}'",
            repr(error.instance),
            inner.get("description", error.message),
        )
