"""Checks of results against the project's schemas."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from spallmap.configuration import read_schema
from spallmap.registration.result import Registration
from spallmap.results.registration import registration_content
from spallmap.results.tables import plain

TO_REFERENCE = Draft202012Validator(
    read_schema(Path(__file__).parents[1] / "workflow" / "schemas" / "to_reference.schema.yaml")
)


def check_to_reference(path: Path) -> None:
    """Hold a ``to_reference.json`` to its schema."""
    TO_REFERENCE.validate(json.loads(path.read_text()))


def check_registration(registration: Registration) -> None:
    """Hold what would be written of a registration to the schema of ``to_reference.json``."""
    TO_REFERENCE.validate(plain(registration_content(registration)))
