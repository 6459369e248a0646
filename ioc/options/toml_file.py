"""Options in a TOML file, which several commands may share: ``--config FILE.toml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ioc.options.commands import COMMANDS
from ioc.options.program import StartError
from ioc.options.tables.publish_table import publish_table
from ioc.options.tables.stream_table import from_table
from ioc.options.tables.toml_text import read_toml
from reduction.parameters.specs import nearest

TABLES: Mapping[str, Callable[[str, Mapping[str, Any]], object]] = {
    "stream": from_table,
    "publish": publish_table,
}
"""Options that may be tables, and what checks them."""


def from_toml(path: Path) -> dict[str, Any]:
    """The values in a file, by option name; the file may hold options of any command.

    Names may be written with ``-`` as on the command line. Raises `StartError` for a file that
    cannot be read, for a name that no command has or that is there in both spellings, and for a
    value that is not valid.
    """
    table = read_toml(path)
    known = {option.name: option for command in COMMANDS for option in command.options()}
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            raise StartError(f"{path}: no setting is called {key!r}" + nearest(name, known))
        if name in values:
            raise StartError(f"{path}: {key}: it is there twice, with - and with _")
        if name in TABLES and isinstance(value, Mapping):
            TABLES[name](f"{path}: {name}", value)
            values[name] = str(path.absolute())  # its readers take it from there
            continue
        values[name] = _typed(f"{path}: {key}", value, known[name].default)
        known[name].flag.validate(name, values[name])
    return values


def _typed(name: str, value: Any, default: Any) -> Any:
    """``value`` in the type of the option's default."""
    match default, value:
        case tuple(), Mapping():
            return tuple((key, _text(each)) for key, each in value.items())
        case float(), int() if not isinstance(value, bool):
            return float(value)
        case _ if type(value) is type(default):
            return value
    kind = "a table" if isinstance(default, tuple) else f"of type {type(default).__name__}"
    raise StartError(f"{name} = {value!r}: it is {kind}")


def _text(value: Any) -> str:
    """The value of a setting as text for ``--set``; true becomes 1, false 0."""
    return str(int(value) if value in (True, False) else value)
