"""How an option is declared: a field of a frozen dataclass, with a default, help and limits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ioc.options.program import StartError
from reduction.parameters.specs import nearest

OptionsT = TypeVar("OptionsT", bound="Options")

FLAG = "flag"
"""Key of the `Flag` in the metadata of a dataclass field."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """The help, the limits and the choices of an option.

    A ``positional`` option is given without its name; it may be left out if it is ``optional``.
    """

    help: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[Any], None] | None = None
    """Raises `StartError` for a value that is not valid."""
    positional: bool = False
    optional: bool = False

    @property
    def words(self) -> str:
        """The help, with the choices if there are any."""
        return f"{self.help}: {' | '.join(self.choices)}" if self.choices else self.help

    def validate(self, name: str, value: Any) -> None:
        """Raise `StartError` if ``value`` is not valid for the option called ``name``."""
        if isinstance(value, float) and not math.isfinite(value):
            raise StartError(f"{name} = {value}: not a finite number")
        if self.least is not None and value < self.least:
            raise StartError(f"{name} = {value}: the least is {self.least}")
        if self.most is not None and value > self.most:
            raise StartError(f"{name} = {value}: the most is {self.most}")
        if self.choices and value not in self.choices:
            hint = nearest(str(value), self.choices)
            raise StartError(f"{name} = {value!r}: it is one of {', '.join(self.choices)}{hint}")
        if self.check is not None:
            self.check(value)


def flag(default: Any, words: str, **limits: Any) -> Any:
    """A dataclass field that is an option; ``limits`` are further fields of its `Flag`."""
    return dataclasses.field(default=default, metadata={FLAG: Flag(help=words, **limits)})


@dataclass(frozen=True)
class Option:
    """An option of a command: its field name, default, and `Flag`."""

    name: str
    default: Any
    flag: Flag

    @property
    def written(self) -> str:
        """The option as it is written on the command line: ``--pva-port``."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a command. All values are checked on construction; raises `StartError`."""

    command: ClassVar[str]
    summary: ClassVar[str]
    file_only: ClassVar[frozenset[str]] = frozenset()
    """Options that this command takes from a TOML file only, not from the command line."""

    verbose: bool = flag(False, "say more")

    def __post_init__(self) -> None:
        for option in self.options():
            option.flag.validate(option.name, getattr(self, option.name))

    @classmethod
    def options(cls) -> Iterator[Option]:
        """All options of the command, flags and others."""
        for each in dataclasses.fields(cls):
            yield Option(each.name, each.default, each.metadata[FLAG])

    @classmethod
    def flags(cls) -> Iterator[Option]:
        """The options that may be given on the command line."""
        return (option for option in cls.options() if option.name not in cls.file_only)

    def options_for(self, command: type[OptionsT], **more: Any) -> OptionsT:
        """Options of another command: the values that both commands have, replaced by ``more``."""
        shared = {each.name for each in command.options()} & {each.name for each in self.options()}
        return command(**{name: getattr(self, name) for name in shared} | more)

    def arguments(self) -> list[str]:
        """The command line of these options: the command, and all values that are not default."""
        return [self.command, *self._words()]

    def _words(self) -> Iterator[str]:
        for option in self.flags():
            value = getattr(self, option.name)
            match value:
                case _ if value == option.default:
                    continue
                case _ if option.flag.positional:
                    yield str(value)
                case bool():
                    yield option.written
                case tuple():
                    yield from (f"{option.written}={name}={text}" for name, text in value)
                case _:
                    yield f"{option.written}={value}"
