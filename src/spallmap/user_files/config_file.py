"""Files of configuration, looked at as they stand: what a YAML loader drops in silence is reported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from spallmap.errors import ErrorList, InputError
from spallmap.user_files.plain_text import read_lines, shown

_REMEDY = "a configuration: keys and values as YAML, in text saved as UTF-8; see config/README.md"
# The configuration has 20 keys in two levels. A file beyond these bounds is something else, and an alias
# that stands for itself ten times over in ten levels would fill any memory.
_LARGEST_BYTES = 1 << 16
_DEEPEST = 20
_MOST_NODES = 100_000


def check_config_file(path: Path) -> None:
    r"""Look at a file of configuration.

    Parameters
    ----------
    path : Path
        YAML or JSON.

    Raises
    ------
    InputError
        If it cannot be read, is no mapping, is nested too deeply, or has a key twice, of which a loader keeps
        the last; the message names line and key.
    InputGroupError
        Where several keys stand twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "config.yaml")
    ...     _ = path.write_text("t2:\n  long_ms: 12\n  model: rician\n  long_ms: 14\n")
    ...     check_config_file(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: .../config.yaml, line 4: found the key 't2.long_ms' again, after line 2; ...
    """
    text = "\n".join(read_lines(path, _REMEDY, largest=_LARGEST_BYTES))
    if text.lstrip().startswith("{") and _check_json(path, text):
        return
    _check_depth(path, text)
    with_marks = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(with_marks, yaml.MappingNode):
        found = "nothing" if with_marks is None else "no mapping of keys to values"
        raise InputError(str(path), found, _REMEDY)
    if _n_nodes(with_marks, {}) > _MOST_NODES:
        raise InputError(str(path), f"aliases that stand for more than {_MOST_NODES} values", _REMEDY)
    with _yaml_errors(path):
        # tags that name a type, dates that do not exist, and keys that cannot be one show here
        yaml.load(text, Loader=yaml.SafeLoader)
    errors = ErrorList()
    _check_keys(path, with_marks, "", errors)
    errors.raise_all()


def _check_json(path: Path, text: str) -> bool:
    """Look at JSON; False where it is none and may be YAML."""
    twice: list[str] = []

    def note(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in pairs:
            if key in values:
                twice.append(key)
            values[key] = value
        return values

    try:
        json.loads(text, object_pairs_hook=note)
    except RecursionError:
        raise InputError(str(path), f"values nested more than {_DEEPEST} deep", _REMEDY) from None
    except ValueError:
        # YAML may begin with a brace, too
        return False
    if twice:
        raise InputError(str(path), f"the key {shown(twice[0])} twice in one mapping", "every key once")
    return True


def _check_depth(path: Path, text: str) -> None:
    depth = 0
    with _yaml_errors(path):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise InputError(str(path), f"values nested more than {_DEEPEST} deep", _REMEDY)
        yaml.compose(text, Loader=yaml.SafeLoader)


@contextmanager
def _yaml_errors(path: Path) -> Iterator[None]:
    """Name the file, and the line where it is known, in what the YAML parser says."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(filter(None, (error.context, error.problem)))
        if "'\\t'" in problem:
            raise InputError(f"{path}{line}", "a tab", "spaces to indent with") from None
        raise InputError(f"{path}{line}", f"no YAML ({problem})", _REMEDY) from None
    except yaml.YAMLError as error:
        raise InputError(str(path), f"no YAML ({shown(str(error))})", _REMEDY) from None
    except ValueError as error:
        raise InputError(str(path), f"a value that is none ({shown(str(error))})", _REMEDY) from None


def _n_nodes(node: yaml.Node, counted: dict[int, int]) -> int:
    """Count the values that a node stands for once its aliases are written out."""
    if id(node) in counted:
        return counted[id(node)]
    # an alias to what it lies in stands for endlessly many
    counted[id(node)] = _MOST_NODES + 1
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [inner for pair in node.value for inner in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    counted[id(node)] = 1 + sum(_n_nodes(child, counted) for child in children)
    return counted[id(node)]


def _check_keys(path: Path, node: yaml.MappingNode, prefix: str, errors: ErrorList) -> None:
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name == "__use_yte__":
            raise InputError(
                f"{path}, line {line}", f"{name}: a template that runs code", "keys and values alone"
            )
        if name in lines:
            found = f"the key '{prefix}{name}' again, after line {lines[name]}"
            errors.add(InputError(f"{path}, line {line}", found, "every key once"))
        lines.setdefault(name, line)
        if isinstance(value, yaml.MappingNode):
            _check_keys(path, value, f"{prefix}{name}.", errors)
