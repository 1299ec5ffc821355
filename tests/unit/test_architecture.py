"""The plan of the house, held to: which room may import which, how large a file and a folder may become."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "spallmap"

MAX_FLOORS = 7
MAX_LINES = 400
MAX_MODULES = 16
MAX_SCRIPT_LINES = 60

# The floors, bottom up: a room imports from lower floors alone. A module at the top of the package is a room
# of its own; those of floor 0 are the nouns, which may be imported from everywhere.
FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "frames",
        "image",
        "sampling",
        "axes",
        "blocks",
        "landmarks",
        "jobs",
        "job_needs",
        "configuration",
        "provenance",
        "parent_run",
        "run_lock",
    ),
    ("readers", "relaxometry", "tomography", "twin", "sections"),
    ("registration", "user_files"),
    ("links", "acquisitions"),
    ("results", "plan"),
    ("figures", "preflight", "runs"),
    ("report", "cli"),
)
NOUNS = frozenset(FLOORS[0])

# Which noun may import which other.
NOUN_IMPORTS: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "frames": frozenset({"errors"}),
    "image": frozenset({"errors", "frames"}),
    "sampling": frozenset(),
    "blocks": frozenset({"errors"}),
    "axes": frozenset({"errors", "frames"}),
    "landmarks": frozenset({"errors", "frames"}),
    "jobs": frozenset({"errors", "parent_run"}),
    "job_needs": frozenset(),
    "parent_run": frozenset(),
    "run_lock": frozenset({"errors"}),
    "configuration": frozenset({"errors"}),
    "provenance": frozenset({"errors"}),
}

# Which rooms each room may import, besides the nouns.
ROOM_IMPORTS: dict[str, frozenset[str]] = {
    "readers": frozenset(),
    "relaxometry": frozenset(),
    "tomography": frozenset(),
    "sections": frozenset(),
    # Shares nothing with what it is to test.
    "twin": frozenset(),
    "registration": frozenset({"relaxometry", "tomography"}),
    # What a person writes passes the same door as the instruments' files.
    "user_files": frozenset({"readers"}),
    # The table and its checks, before any job; they look into the headers of the files that it names.
    "acquisitions": frozenset({"readers", "user_files"}),
    "plan": frozenset({"acquisitions"}),
    "preflight": frozenset({"acquisitions", "plan", "readers", "user_files"}),
    "links": frozenset({"relaxometry", "tomography", "registration"}),
    # Our own OME-Zarr is opened by the reader of OME-Zarr.
    "results": frozenset({"readers", "relaxometry", "tomography", "sections", "registration", "links"}),
    "figures": frozenset({"relaxometry", "tomography", "sections", "registration", "links", "results"}),
    # What is said at the end of every run, without a heavy library.
    "runs": frozenset({"results"}),
    "report": frozenset({"relaxometry", "tomography", "registration", "links", "results", "figures", "runs"}),
    # The commands: they ask what the workflow asks before its jobs, and know nothing of the science.
    "cli": frozenset({"readers", "user_files", "acquisitions", "plan", "preflight"}),
}

# Inside a room: folders in the order of the data, of which each imports only those before it ...
ORDERED = {"tomography": ("blockwise", "grey", "phases", "cracks", "contact", "measures")}
# ... or folders that do not know each other, and modules beside them that know none of the folders.
APART = {
    "registration": ("volume", "inset", "projection", "section"),
    "figures": ("paper", "registration", "overlays"),
}
# The grammar of the four registrations: the only file names that occur more than once.
GRAMMAR = frozenset({"register.py", "search.py", "refine.py", "known_answer.py", "judge.py"})


class Import(NamedTuple):
    """One import of a module of the package by another."""

    source: str
    target: str
    where: str


@cache
def modules() -> dict[str, Path]:
    """Name and file of each module, packages included."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def line_of(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def names_imported(path: Path) -> Iterator[tuple[str, str]]:
    """Whole name of what each import asks for, wherever in the file it stands, and its line."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{line_of(path, node)}: imports are written with their whole names"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", line_of(path, node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, line_of(path, node)


@cache
def imports() -> tuple[Import, ...]:
    """Every import inside the package, from module to module."""
    known = modules()
    found = []
    for source, path in known.items():
        for name, where in names_imported(path):
            target = name if name in known else name.rpartition(".")[0]
            if target in known:
                found.append(Import(source, target, where))
    return tuple(found)


def room(module: str) -> str:
    """First name below the package; the package itself is no room, and ``__main__`` is the commands'."""
    if module.endswith(".__main__"):
        return "cli"
    return module.split(".")[1] if "." in module else ""


def folder(module: str) -> str:
    """Second name below the package; none for a room's own ``__init__``."""
    return (module.split(".")[2:3] or [""])[0]


def for_types_alone(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def graph(pairs: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
    edges: dict[str, set[str]] = defaultdict(set)
    for source, target in pairs:
        if source != target:
            edges[source].add(target)
    return dict(edges)


def circle(edges: Mapping[str, Set[str]]) -> list[str]:
    """Nodes of one circle, in order; none if there is none."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(edges.get(node, ())):
            if found := visit(target, [*path, node]):
                return found
        done.add(node)
        return []

    for node in sorted(edges):
        if found := visit(node, []):
            return found
    return []


def longest_chain(edges: Mapping[str, Set[str]]) -> list[str]:
    """Longest way down through a graph without circles."""

    @cache
    def below(node: str) -> tuple[str, ...]:
        return max(((node, *below(t)) for t in sorted(edges.get(node, ()))), key=len, default=(node,))

    return list(max((below(node) for node in sorted(edges)), key=len, default=()))


def floor_name(name: str) -> str:
    """A room, or all nouns as one."""
    return "nouns" if name in NOUNS else name


def listed(lines: list[str]) -> str:
    return "\n".join(["", *sorted(set(lines))])


def test_a_circle_and_the_longest_chain_are_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []
    assert longest_chain({"a": {"b", "c"}, "b": {"c"}, "d": {"c"}}) == ["a", "b", "c"]


def test_no_circle_of_modules() -> None:
    edges = graph((i.source, i.target) for i in imports())
    assert not circle(edges), " -> ".join(circle(edges))


def test_no_circle_of_rooms() -> None:
    edges = graph((room(i.source), room(i.target)) for i in imports())
    assert not circle(edges), " -> ".join(circle(edges))


def test_every_room_stands_on_a_floor() -> None:
    planned = [name for floor in FLOORS for name in floor]
    assert sorted(planned) == sorted({room(m) for m in modules()} - {""})
    assert set(NOUN_IMPORTS) == NOUNS
    assert set(ROOM_IMPORTS) == set(planned) - NOUNS
    level = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    for name, allowed in ROOM_IMPORTS.items():
        assert all(level[other] < level[name] for other in allowed), name


def test_each_room_imports_only_what_the_plan_allows() -> None:
    wrong = []
    for source, target, where in imports():
        own, other = room(source), room(target)
        # The package itself holds the version.
        if own == other or not other:
            continue
        allowed = NOUN_IMPORTS[own] if own in NOUNS else ROOM_IMPORTS[own] | NOUNS
        if other not in allowed:
            wrong.append(f"{where}: {own} may not import {other}")
    assert not wrong, listed(wrong)


def test_at_most_seven_floors() -> None:
    chain = longest_chain(graph((floor_name(room(i.source)), floor_name(room(i.target))) for i in imports()))
    assert len(chain) <= MAX_FLOORS, " -> ".join(chain)


@pytest.mark.parametrize("name", ORDERED)
def test_folders_in_the_order_of_the_data_import_only_earlier_ones(name: str) -> None:
    order = ORDERED[name]
    assert all((PACKAGE / name / inner).is_dir() for inner in order)
    wrong = []
    for source, target, where in imports():
        if room(source) == room(target) == name and folder(target) in order:
            own = folder(source)
            if not own:
                continue
            # What lies beside the folders is below them all.
            if own not in order or order.index(folder(target)) > order.index(own):
                wrong.append(f"{where}: {name}/{own} may not import {name}/{folder(target)}")
    assert not wrong, listed(wrong)


@pytest.mark.parametrize("name", APART)
def test_folders_side_by_side_do_not_import_each_other(name: str) -> None:
    apart = APART[name]
    assert all((PACKAGE / name / inner).is_dir() for inner in apart)
    wrong = []
    for source, target, where in imports():
        if room(source) == room(target) == name and folder(target) in apart:
            own = folder(source)
            if own and own != folder(target):
                wrong.append(f"{where}: {name}/{own} may not import {name}/{folder(target)}")
    assert not wrong, listed(wrong)


def test_no_file_is_long() -> None:
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in modules().values()}
    wrong = [
        f"{p.relative_to(ROOT)}: {n} lines, at most {MAX_LINES}" for p, n in lines.items() if n > MAX_LINES
    ]
    assert not wrong, listed(wrong)


def test_no_folder_is_crowded() -> None:
    members: dict[Path, int] = defaultdict(int)
    for path in modules().values():
        members[path.parent] += path.name != "__init__.py"
    wrong = [
        f"{p.relative_to(ROOT)}: {n} modules, at most {MAX_MODULES}"
        for p, n in members.items()
        if n > MAX_MODULES
    ]
    assert not wrong, listed(wrong)


def test_no_two_files_have_one_name() -> None:
    named: dict[str, list[str]] = defaultdict(list)
    for path in modules().values():
        in_grammar = path.name in GRAMMAR and path.parent.parent == PACKAGE / "registration"
        if path.name != "__init__.py" and not in_grammar:
            named[path.name].append(str(path.relative_to(ROOT)))
    wrong = [", ".join(paths) for paths in named.values() if len(paths) > 1]
    assert not wrong, listed(wrong)


def test_no_two_public_classes_have_one_name() -> None:
    named: dict[str, list[str]] = defaultdict(list)
    for path in modules().values():
        for node in syntax(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named[node.name].append(line_of(path, node))
    wrong = [f"{name}: {', '.join(places)}" for name, places in named.items() if len(places) > 1]
    assert not wrong, listed(wrong)


def test_scripts_only_read_call_and_write() -> None:
    wrong = []
    for path in sorted((ROOT / "scripts").glob("*.py")):
        tree = syntax(path)
        own = [n for n in tree.body if not (isinstance(n, ast.Import | ast.ImportFrom) or for_types_alone(n))]
        lines = sum(1 + (n.end_lineno or n.lineno) - n.lineno for n in own)
        if lines > MAX_SCRIPT_LINES:
            wrong.append(
                f"{path.relative_to(ROOT)}: {lines} lines beside its imports, at most {MAX_SCRIPT_LINES}"
            )
        wrong += [
            f"{where}: a script draws no random numbers"
            for name, where in names_imported(path)
            if name.startswith("numpy.random") or name.partition(".")[0] == "random"
        ]
    assert not wrong, listed(wrong)
