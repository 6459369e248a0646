"""What the program is started with: flags, or the same names in a TOML file.

Everything that can be changed while it runs is a process variable and stands under ``set``.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import ipaddress
import math
import re
import socket
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reduction.parameters.specs import nearest

DISTRIBUTION = "epics-live-reduction"
"""What is installed, and has the version."""

MANTIDS_SILENCE_S = 15.0
"""Longest that one of Mantid's algorithms should take: on very many detectors it is seconds."""

PARTS = ("run", "ioc", "ranks", "simulate", "top", "pvs", "screens", "plot", "instrument")


class StartError(ValueError):
    """A start-up key or value that is not valid; the text names it and what is."""


def flag(default: Any, words: str, parts: str, **limits: Any) -> Any:
    """A start-up value: its default, help, the parts that take it, and limits.

    ``limits`` are ``least``, ``most`` or ``choices``; a ``positional`` one is given without its
    name, and an ``optional`` one of those may be left out.
    """
    return field(default=default, metadata={"help": words, "parts": parts.split(), **limits})


@dataclass(frozen=True)
class Startup:
    """Flags of ``live-reduction``; an underscore is written as a hyphen."""

    prefix: str = flag("LIVE:", "start of every PV name", "run ioc top pvs")
    ranks: int = flag(2, "MPI ranks that reduce", "run", least=1)
    partitions: int = flag(
        0, "partitions of the event stream; 0: as many as ranks", "run ranks simulate", least=0
    )
    engine: str = flag("native", "what reduces", "run ranks", choices=("native", "mantid"))
    reductions: int = flag(
        1, "reductions of the same events: Red1:, Red2: ...", "run ioc top pvs", least=1, most=4
    )
    instrument: str = flag(
        "",
        "instrument table (.npz) or Mantid definition (.xml); empty: the simulated powder arc",
        "run ioc ranks simulate",
    )
    interfaces: str = flag("127.0.0.1", "addresses to serve PVs on, by commas", "run ioc")
    port: int = flag(
        0,
        "Channel Access port; 0: EPICS_CA_SERVER_PORT or 5064",
        "run ioc",
        least=0,
        most=65535,
    )
    pva: str = flag(
        "auto",
        "serve on pvAccess too: on, off, or auto if p4p is installed",
        "run ioc",
        choices=("auto", "on", "off"),
    )
    pva_port: int = flag(
        0,
        "pvAccess port; 0: EPICS_PVAS_SERVER_PORT or 5075; any other if it is taken",
        "run ioc",
        least=0,
        most=65535,
    )
    events: str = flag("tcp://127.0.0.1:5600", "ZeroMQ endpoint of partition 0", "ranks simulate")
    control: str = flag("tcp://127.0.0.1:5590", "endpoint where IOC and ranks meet", "ioc ranks")
    sim_control: str = flag(
        "tcp://127.0.0.1:5591",
        "endpoint where IOC and simulator meet; 'none': alone",
        "ioc simulate",
    )
    seed: int = flag(1, "seed of all simulated events", "run simulate", least=0, most=2**31 - 1)
    first_pulse: int = flag(0, "number of the first simulated pulse", "simulate", least=0)
    queue_mib: int = flag(
        512, "MiB of events the simulator holds for ranks", "run simulate", least=1
    )
    tick_rate: float = flag(14.0, "ticks of the ranks per second", "run ranks", least=1)
    array_rate: float = flag(5.0, "spectra posted per second at most", "run ioc ranks", least=0.1)
    max_bins: int = flag(200_000, "most bins of a spectrum", "run ioc pvs", least=1)
    silence: float = flag(
        2.0,
        "seconds without a report until a part counts as gone; twice that, and run starts it again;"
        f" at least {MANTIDS_SILENCE_S:g} for ranks that run starts with the mantid engine",
        "run ioc",
        least=0.5,
    )
    folder: str = flag("opi", "folder of the operator screens", "screens")
    autosave: str = flag(
        "", "file that keeps the settings, restored from it at the start; empty: none", "run ioc"
    )
    access: str = flag(
        "", "EPICS access security file (.acf): who may write; empty: everybody", "run ioc"
    )
    read_only: bool = flag(False, "nobody may write", "run ioc")
    format: str = flag(
        "md",
        "for people, spreadsheets, the Archiver Appliance or the Phoebus alarm server",
        "pvs",
        choices=("md", "csv", "archiver", "alarm-server"),
    )
    interval: float = flag(1.0, "seconds from one look to the next", "top", least=0.1)
    once: bool = flag(False, "print one look and end", "top")
    log: bool = flag(False, "logarithmic counts", "top")
    file: str = flag("", "NeXus file of a saved result", "plot", positional=True)
    png: str = flag("", "picture to write; empty: beside the file", "plot")
    action: str = flag(
        "show", "what to do", "instrument", positional=True, choices=("show", "export")
    )
    source: str = flag(
        "",
        "table (.npz), Mantid definition (.xml), or NeXus file or name that Mantid knows",
        "instrument",
        positional=True,
    )
    table: str = flag(
        "", "table (.npz) that export writes", "instrument", positional=True, optional=True
    )
    verbose: bool = flag(False, "say more", "run ioc ranks simulate")
    set: tuple[tuple[str, str], ...] = flag(
        (), "first value of a setting, e.g. Sim:Pressure=2", "run ioc simulate"
    )

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            self._check(each.name, getattr(self, each.name), each.metadata)
        if not re.fullmatch(r"[^\s.]{1,30}", self.prefix):
            raise StartError(f"prefix = {self.prefix!r}: 1 to 30 characters, no blanks or dots")
        for word in self.interfaces.split(","):
            _checked_interface(word.strip())

    @staticmethod
    def _check(name: str, value: Any, limits: Mapping[str, Any]) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            raise StartError(f"{name} = {value}: not a finite number")
        if value < limits.get("least", value):
            raise StartError(f"{name} = {value}: the least is {limits['least']}")
        if value > limits.get("most", value):
            raise StartError(f"{name} = {value}: the most is {limits['most']}")
        known = limits.get("choices", (value,))
        if value not in known:
            hint = nearest(str(value), known)
            raise StartError(f"{name} = {value!r}: it is one of {', '.join(known)}{hint}")

    def check_run(self) -> None:
        """What only a start of everything needs; raises `StartError`."""
        if self.stream_partitions < self.ranks:
            raise StartError(
                f"partitions = {self.partitions}: {self.ranks} ranks need as many, or 0"
            )

    @property
    def stream_partitions(self) -> int:
        """The number of partitions, as many as ranks unless given."""
        return self.partitions or self.ranks

    @property
    def ranks_silence(self) -> float:
        """Seconds until reports of the ranks are missed; they come between algorithms."""
        return max(self.silence, MANTIDS_SILENCE_S) if self.engine == "mantid" else self.silence

    def arguments(self, part: str) -> list[str]:
        """The command line of ``part`` that makes these settings."""
        words = []
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if part not in each.metadata["parts"] or value == each.default:
                continue
            name = "--" + each.name.replace("_", "-")
            match value:
                case bool():
                    words.append(name)
                case tuple():
                    words += [f"{name}={key}={text}" for key, text in value]
                case _:
                    words.append(f"{name}={value}")
        return words


def pva_served(start: Startup) -> bool:
    """Whether to serve on pvAccess; raises `StartError` if that is asked for and cannot be."""
    installed = importlib.util.find_spec("p4p") is not None
    if start.pva == "on" and not installed:
        raise StartError("pva = on: it needs p4p: pip install 'epics-live-reduction[pva]'")
    return start.pva != "off" and installed


def check_interfaces(start: Startup) -> None:
    """Raises `StartError` for an address to serve on that this host has not."""
    for word in start.interfaces.split(","):
        address = word.strip()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            why = "no IPv4 address of this host"
            raise StartError(f"interfaces = {address!r}: {why}") from None


def check_engine(start: Startup) -> None:
    """Raises `StartError` for an engine that is not installed."""
    if start.engine == "mantid" and importlib.util.find_spec("mantid") is None:
        raise StartError(
            "engine = mantid: Mantid is not installed here: see environment.yml; the native engine "
            "does the same and needs nothing more"
        )


def _checked_interface(address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise StartError(f"interfaces = {address!r}: no IP address") from None


def parser() -> argparse.ArgumentParser:
    """The command line: one subcommand a part, its flags from `Startup`."""
    top = argparse.ArgumentParser(
        prog="live-reduction", description="Live reduction of neutron events, driven through EPICS."
    )
    commands = top.add_subparsers(dest="part", required=True, metavar="PART")
    words = {
        "run": "simulator, ranks and IOC in one, supervised",
        "ioc": "the IOC alone",
        "ranks": "the ranks alone, under mpiexec or srun",
        "simulate": "the simulated detector alone",
        "top": "watch a running IOC in the terminal",
        "pvs": "print the list of process variables",
        "screens": "write the operator screens that are generated",
        "plot": "draw a saved result",
        "instrument": "show what an instrument is, or export its table",
    }
    for part in PARTS:
        command = commands.add_parser(part, help=words[part], description=words[part])
        command.add_argument(
            "--config", metavar="FILE.toml", help="read these settings from a file"
        )
        for each in dataclasses.fields(Startup):
            if part in each.metadata["parts"]:
                _add_flag(command, each)
    return top


def _add_flag(command: argparse.ArgumentParser, each: dataclasses.Field[Any]) -> None:
    name, words = "--" + each.name.replace("_", "-"), each.metadata["help"]
    if each.metadata.get("positional"):
        known = " | ".join(each.metadata.get("choices", ()))
        count = "?" if each.metadata.get("optional") else None
        words = f"{words}: {known}" if known else words
        command.add_argument(each.name, metavar=each.name.upper(), nargs=count, help=words)
        return
    match each.default:
        case bool():
            command.add_argument(name, action="store_true", default=None, help=words)
        case tuple():
            command.add_argument(name, action="append", metavar="PV=VALUE", type=_pair, help=words)
        case default:
            known = " | ".join(each.metadata.get("choices", ()))
            words = f"{words}: {known}" if known else words
            command.add_argument(name, type=type(default), help=f"{words} [{default}]")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not PV=VALUE")
    return name, value


def startup(arguments: Sequence[str]) -> tuple[str, Startup]:
    """The part to start and its settings; flags win over the file. Raises `StartError`."""
    given = vars(parser().parse_args(arguments))
    part, path = given.pop("part"), given.pop("config")
    values = from_toml(Path(path)) if path else {}
    values |= {name: value for name, value in given.items() if value is not None}
    values["set"] = tuple(tuple(pair) for pair in values.get("set", ()))
    return part, Startup(**values)


def from_toml(path: Path) -> dict[str, Any]:
    """The values that a TOML file holds, by field of `Startup`. Raises `StartError`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path}: {error}") from None
    known = {each.name: each for each in dataclasses.fields(Startup)}
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            raise StartError(f"{path}: no setting is called {key!r}" + nearest(name, known))
        values[name] = _typed(f"{path}: {key}", value, known[name].default)
    return values


def _typed(name: str, value: Any, default: Any) -> Any:
    match default, value:
        case tuple(), Mapping():
            texts = {
                key: int(each) if each in (True, False) else each for key, each in value.items()
            }
            return [(key, str(each)) for key, each in texts.items()]
        case float(), int() if not isinstance(value, bool):
            return float(value)
        case _ if type(value) is type(default):
            return value
    kind = "a table" if isinstance(default, tuple) else f"of type {type(default).__name__}"
    raise StartError(f"{name} = {value!r}: it is {kind}")
