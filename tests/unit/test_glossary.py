"""The words of docs/glossary.md: no name in the code uses one that a standard term has replaced."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "scripts", "benchmarks", "tests")
REPLACED = {
    "share": "fraction",
    "shares": "fractions",
    "turn": "rotation",
    "turns": "rotations",
    "turned": "rotated",
    "tell": "distinguish, report",
    "tells": "distinguishes, reports",
    "told": "distinguished, reported",
    "pays": "worthwhile",
    "settle": "converge",
    "settled": "converged",
    "polish": "refine",
    "polished": "refined",
    "climb": "starts",
    "ray": "line of sight",
    "rays": "lines of sight",
}
# What may be a key or a column.
KEY = r"[a-z][a-z0-9]*(_[a-z0-9]+)+"
# Names of the tests stay; elsewhere these stand in their ordinary sense.
ORDINARY = {"in_turn", "by_turns", "takes_turns"}


def names(tree: ast.Module, tests: bool) -> Iterator[tuple[int, str]]:
    """Every name that a module makes, and every short text that may be a key or a column."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if not (tests and node.name.startswith("test_")):
                yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Constant) and re.fullmatch(KEY, str(node.value)):
            yield node.lineno, str(node.value)


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_use_the_standard_terms(folder: str) -> None:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        if path == Path(__file__):
            continue
        for line, name in names(ast.parse(path.read_text()), folder == "tests"):
            split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
            for word in set(split.split("_")) & REPLACED.keys():
                if name not in ORDINARY:
                    found.append(f"{path.relative_to(ROOT)}:{line}: {name} (say {REPLACED[word]})")
    assert not found, "\n".join(found)


def test_every_replaced_word_stands_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    replaced = glossary.split("| term | instead of |")[1]
    for word in ("share", "turn", "tell", "part", "place", "pays", "settle", "polish", "climb", "ray"):
        assert re.search(rf"\b{word}\b", replaced), word
