"""The configuration, checked against its schema."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from spallmap.errors import ErrorList, InputError


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# JSON schema takes NaN and infinity for numbers and 1.0 for a whole one; a seed of 1.0 is none.
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda checker, value: _is_number(value),
            "integer": lambda checker, value: _is_number(value) and isinstance(value, int),
        }
    ),
)
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 80


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
        Naming the key that is unknown, absent or has a value out of range.
    InputGroupError
        Where several keys are wrong.

    Examples
    --------
    >>> schema = {"properties": {"long_ms": {"type": "number", "description": "a time in ms"}}}
    >>> check_config({"long_ms": 12.0}, schema)
    >>> check_config({"long_ms": "12 ms"}, schema)
    Traceback (most recent call last):
    spallmap.errors.InputError: configuration, key 'long_ms': found '12 ms'; allowed: a time in ms
    """
    errors = ErrorList()
    seen = set()
    for error in _Validator(dict(schema)).iter_errors(dict(config)):
        for found in _described(error):
            # an absent key is reported once for each
            if str(found) not in seen:
                seen.add(str(found))
                errors.add(found)
    errors.raise_all()


def _described(error: ValidationError) -> Iterator[InputError]:
    path = [str(part) for part in error.absolute_path]
    value: Any = error.instance
    inner = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    if error.validator == "additionalProperties":
        known = inner["properties"]
        for key in value:
            if key not in known:
                yield InputError(_key([*path, str(key)]), "an unknown key", ", ".join(known))
    elif error.validator == "required":
        for key in inner["required"]:
            if key not in value:
                yield InputError(_key([*path, key]), "no value", "see config/README.md")
    else:
        found = "null" if value is None else _SHOWN.repr(value)
        hint = _hint(value, inner)
        yield InputError(_key(path), found, f"{inner.get('description', error.message)}{hint}")


def _key(path: list[str]) -> str:
    return f"configuration, key '{'.'.join(path)}'"


def _hint(value: object, inner: Mapping[str, Any]) -> str:
    """Say how to write what was probably meant."""
    types = inner.get("type", ())
    types = (types,) if isinstance(types, str) else types
    if isinstance(value, str) and ("number" in types or "integer" in types):
        plain = value.strip().replace(",", ".") if value.count(",") == 1 else value.strip()
        if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", plain):
            number = float(plain)
            return f"; write {int(number) if number.is_integer() else number} without quotation marks"
    if "string" in types and isinstance(value, (bool, int, float)):
        return "; in quotation marks where it is to be text"
    return ""


def typed_values(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the text of keys that were given on the command line into what their schema wants.

    Snakemake reads ``--config 't2={long_ms: 14}'`` as a mapping of texts.

    Parameters
    ----------
    given : mapping
        What the command line gives, nested.
    schema : mapping
        JSON schema of the configuration.

    Returns
    -------
    dict
        The same with numbers, truth values and null where the schema allows no text; what cannot be one
        stays as it is, for :func:`check_config` to report.

    Examples
    --------
    >>> inner = {"properties": {"long_ms": {"type": "number"}, "model": {"enum": ["rician"]}}}
    >>> typed_values({"t2": {"long_ms": "14", "model": "rician"}}, {"properties": {"t2": inner}})
    {'t2': {'long_ms': 14, 'model': 'rician'}}
    """
    known = schema.get("properties", {})
    typed: dict[str, Any] = {}
    for key, value in given.items():
        inner = known.get(key, {})
        types = inner.get("type", "string")
        types = (types,) if isinstance(types, str) else types
        if isinstance(value, Mapping):
            typed[key] = typed_values(value, inner)
        elif isinstance(value, str) and "null" in types and value in ("", "null", "~"):
            typed[key] = None
        elif isinstance(value, str) and "string" not in types:
            typed[key] = _scalar(value)
        else:
            typed[key] = value
    return typed


def _scalar(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        # no number: the schema's words say what is allowed
        return text
    return value if isinstance(value, (bool, int, float)) else text
