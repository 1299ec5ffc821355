"""Names of the configuration's keys, for values that have lost theirs on the way to a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spallmap.user_files.dotted_keys import KEY_OPTIONS


@dataclass(frozen=True)
class ConfigKeys:
    """Keys with their values, as text: those of the defaults, and those of this run.

    Parameters
    ----------
    defaults, current : mapping of str to str
        By whole names, such as ``t2.long_ms``.

    Examples
    --------
    >>> defaults = {"t2.long_ms": "12", "links.n_null": "1999"}
    >>> keys = ConfigKeys(defaults, defaults | {"links.n_null": "199"})
    >>> keys.whole("long_ms"), keys.of_value(1999, 199), keys.of_value(1, 2)
    ('t2.long_ms', 'links.n_null', '')
    """

    defaults: Mapping[str, str] = field(default_factory=dict)
    current: Mapping[str, str] = field(default_factory=dict)

    def whole(self, last: str) -> str:
        """Give the whole name of a key by its last one; that itself where it is no key or two have it."""
        names = [name for name in self.current if name.endswith(f".{last}")]
        return names[0] if len(names) == 1 else last

    def of_value(self, old: object, new: object) -> str:
        """Name the key that changed from one value to another; nothing where several might have."""
        names = [name for name, value in self.current.items() if value == str(new)]
        if len(names) > 1:
            names = [name for name in names if self.defaults.get(name) == str(old)]
        return names[0] if len(names) == 1 else ""


def read_keys(defaults: Path, files: Iterable[Path], words: Sequence[str]) -> ConfigKeys:
    r"""Read the keys of a run.

    Parameters
    ----------
    defaults : Path
        The file with every key.
    files : iterable of Path
        Those that override it, in their order.
    words : sequence of str
        Snakemake's command line.

    Returns
    -------
    ConfigKeys
        Without what cannot be read: names are a help, and errors are said elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "config.yaml")
    ...     _ = file.write_text("results: out\nt2: {long_ms: 12, sigma: null}\n")
    ...     keys = read_keys(file, [], ["--config", 't2={"long_ms": "14"}', "-n"])
    >>> keys.current
    {'results': 'out', 't2.long_ms': '14', 't2.sigma': 'None'}
    """
    own = _flat(_loaded(defaults))
    current = dict(own)
    for file in files:
        current |= _flat(_loaded(file))
    for entry in _entries(words):
        key, _, value = entry.partition("=")
        current |= _flat({key: yaml.safe_load(value)})
    return ConfigKeys(own, current)


def _loaded(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError):
        # a workflow without such a file, or one that Snakemake has taken in another format
        return {}


def _entries(words: Sequence[str]) -> Iterator[str]:
    """Give what stands after ``--config``."""
    taking = False
    for word in words:
        if word.startswith("-"):
            option, equals, entry = word.partition("=")
            taking = option in KEY_OPTIONS
            if taking and equals:
                yield entry
        elif taking:
            yield word


def _flat(values: Any, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items() if isinstance(values, Mapping) else ():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": str(value)}
        )
    return flat
