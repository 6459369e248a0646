"""The command line: a subcommand for each dataclass of `ioc.options.commands`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ioc.options.commands import COMMANDS
from ioc.options.flags import Option, Options
from ioc.options.program import DISTRIBUTION, StartError
from ioc.options.toml_file import from_toml
from reduction.parameters.specs import nearest


def parse(arguments: Sequence[str]) -> Options:
    """The options of the command in ``arguments``; flags have precedence over the file.

    Raises `StartError` for options that are not valid, and SystemExit as argparse does.
    """
    _check_command(arguments)
    known, unknown = parser().parse_known_args(arguments)
    given = vars(known)
    command: type[Options] = given.pop("options")
    _check_all_known(command, unknown)
    path = given.pop("config", None)
    values = from_toml(Path(path)) if path else {}
    here = {option.name for option in command.options()}
    values = {name: value for name, value in values.items() if name in here} | given
    values |= {name: tuple(pairs) for name, pairs in given.items() if isinstance(pairs, list)}
    return command(**values)


def _check_command(arguments: Sequence[str]) -> None:
    """Raises `StartError` for a command that does not exist."""
    names = [each.command for each in COMMANDS]
    word = next(iter(arguments), "-")
    if word not in names and not word.startswith("-"):
        hint = nearest(word, names) or f"; it is one of {', '.join(names)}"
        raise StartError(f"no command is called {word!r}{hint}")


def _check_all_known(command: type[Options], unknown: Sequence[str]) -> None:
    """Raises `StartError` for words that the command does not know, with the nearest flag."""
    for word in unknown:
        flags = ["--config", *(option.written for option in command.flags())]
        hint = nearest(word.partition("=")[0], flags)
        raise StartError(f"{command.command} does not know {word!r}{hint}")


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; its result has ``options``, the dataclass of the command."""
    top = argparse.ArgumentParser(
        prog="live-reduction", description="Live reduction of neutron events, driven through EPICS."
    )
    words = "show the version and end"
    top.add_argument(
        "--version", action=ShowVersion, nargs=0, default=argparse.SUPPRESS, help=words
    )
    parts = top.add_subparsers(required=True, metavar="COMMAND")
    for each in COMMANDS:
        command = parts.add_parser(
            each.command,
            help=each.summary,
            description=each.summary,
            argument_default=argparse.SUPPRESS,
        )
        command.set_defaults(options=each)
        command.add_argument(
            "--config", metavar="FILE.toml", help="read these settings from a file"
        )
        for option in each.flags():
            _add_option(command, option)
    return top


class ShowVersion(argparse.Action):
    """Prints the version; imports the slow module that finds it only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and end."""
        from importlib.metadata import version

        print(f"{parser.prog} {version(DISTRIBUTION)}")
        parser.exit()


def _add_option(command: argparse.ArgumentParser, option: Option) -> None:
    name, words, default = option.written, option.flag.words, option.default
    if option.flag.positional:
        count = "?" if option.flag.optional else None
        command.add_argument(option.name, metavar=option.name.upper(), nargs=count, help=words)
        return
    match default:
        case bool():
            command.add_argument(name, action="store_true", help=words)
        case tuple():
            command.add_argument(
                name, action="append", metavar="NAME=VALUE", type=_pair, help=words
            )
        case _:
            command.add_argument(name, type=type(default), help=f"{words} [{default}]")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
