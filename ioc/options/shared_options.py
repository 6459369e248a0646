"""Options that several commands have: a frozen dataclass for each group of them.

Whatever can change while the program runs is no option but a process variable; ``set`` gives its
first value.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ioc.options.flags import Options, flag
from ioc.options.program import StartError
from ioc.options.sizes import check_size
from ioc.options.tables.publish_table import check_publish, check_spectra
from ioc.options.value_checks import (
    check_habits,
    check_monitors,
    check_prefix,
    check_speed,
)
from reduction.parameters.specs import shown
from simulator.output.habits import Habit

ALL_ADDRESSES = ipaddress.IPv4Address("0.0.0.0")
LIMITED_BROADCAST = ipaddress.IPv4Address("255.255.255.255")

MANTIDS_SILENCE_S = 15.0
"""Longest time, in seconds, that a Mantid algorithm should take with very many detectors."""


def _check_interfaces(interfaces: str) -> None:
    for address in split_addresses(interfaces):
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            raise StartError(f"interfaces = {shown(address)}: no IP address") from None
        if found.is_multicast or found == LIMITED_BROADCAST:
            raise StartError(f"interfaces = {shown(address)}: no address of one host")
        if found == ALL_ADDRESSES and len(set(split_addresses(interfaces))) > 1:
            why = f"{address} is all addresses: give it alone"
            raise StartError(f"interfaces = {shown(interfaces)}: {why}")


def split_addresses(interfaces: str) -> tuple[str, ...]:
    """The addresses in a text that separates them by commas."""
    return tuple(word.strip() for word in interfaces.split(","))


def split_folders(folders: str) -> tuple[str, ...]:
    """The paths in a text that separates them by commas."""
    return tuple(filter(None, (word.strip() for word in folders.split(","))))


@dataclass(frozen=True, kw_only=True)
class PvOptions(Options):
    """Which process variables there are."""

    prefix: str = flag("LIVE:", "start of every PV name", check=check_prefix)
    reductions: int = flag(1, "reductions of the same events: Red1:, Red2: ...", least=1, most=4)
    max_bins: int = flag(200_000, "most bins of a spectrum", least=1)


@dataclass(frozen=True, kw_only=True)
class SettingOptions(PvOptions):
    """The values that settings begin with."""

    set: tuple[tuple[str, str], ...] = flag((), "first value of a setting, e.g. Sim:Pressure=2")


@dataclass(frozen=True, kw_only=True)
class InstrumentOptions(Options):
    """Which detectors there are."""

    instrument: str = flag(
        "", "instrument table (.npz) or Mantid definition (.xml); empty: the simulated powder arc"
    )


@dataclass(frozen=True, kw_only=True)
class StreamOptions(InstrumentOptions):
    """How the event stream is divided."""

    stream: str = flag(
        "",
        "where events come from: kafka://host:9092/topic, or a TOML file with a table [stream];"
        " empty: the event log",
    )
    ranks: int = flag(2, "MPI ranks that reduce", least=1)
    partitions: int = flag(0, "partitions of the event stream; 0: as many as ranks", least=0)
    dialect: str = flag(
        "auto",
        "what ends a pulse in the event stream: a mark (marked), nothing (plain), or auto: ranks"
        " find out, and the simulator sends marks",
        choices=("auto", "marked", "plain"),
    )
    monitor: tuple[tuple[str, str], ...] = flag(
        (),
        "pixel id for events that have none, by the name of their source, e.g. monitor_1=100001",
        check=check_monitors,
    )

    @property
    def stream_partitions(self) -> int:
        """The number of partitions, as many as ranks unless given."""
        return self.partitions or self.ranks

    @property
    def monitor_ids(self) -> dict[str, int]:
        """The pixel ids for events that have none, by the name of their source."""
        return {source: int(pixel_id) for source, pixel_id in self.monitor}


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Options):
    """How events are reduced, and how often results come."""

    engine: str = flag("native", "what reduces", choices=("native", "mantid"))
    tick_rate: float = flag(14.0, "ticks of the ranks per second", least=1)
    array_rate: float = flag(5.0, "spectra posted per second at most", least=0.1)


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions(Options):
    """How events are simulated."""

    seed: int = flag(1, "seed of all simulated events", least=0, most=2**31 - 1)
    habits: str = flag(
        "",
        "habits of facilities that the simulator has in the plain dialect, by commas: "
        + ", ".join(Habit),
        check=check_habits,
    )


@dataclass(frozen=True, kw_only=True)
class LogFolderOptions(Options):
    """Where the event log is."""

    log_folder: str = flag(
        "",
        "folder of the event log; empty: one among the user's data, but ranks that are started"
        " alone then read it from --events",
    )


@dataclass(frozen=True, kw_only=True)
class EventLogOptions(LogFolderOptions):
    """Where events are kept that may be read again, and how many."""

    log_limit: str = flag(
        "",
        "most that the event log takes, like 500M or 8G; empty: a tenth of the free disk, 16G at"
        " most",
        check=check_size,
    )


@dataclass(frozen=True, kw_only=True)
class PlayOptions(Options):
    """How a recording is played."""

    speed: str = flag(
        "1",
        "how many times faster than recorded a recording is played, or max: as fast as it is taken",
        check=check_speed,
    )
    times: str = flag(
        "auto",
        "times that played pulses are given: as of now, as they were recorded, or auto: as recorded"
        " with speed = max",
        choices=("auto", "now", "original"),
    )
    loop: bool = flag(False, "play a recording again and again, until stopped")

    @property
    def plays_fastest(self) -> bool:
        """Whether a recording is played as fast as it is taken."""
        return self.speed == "max"

    @property
    def times_now(self) -> bool:
        """Whether played pulses are given the time at which they are played."""
        return self.times == "now" or (self.times == "auto" and not self.plays_fastest)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.plays_fastest and self.times == "now":
            raise StartError("times = now: with speed = max pulses would be ahead of the clock")
        if self.plays_fastest and self.loop:
            raise StartError("loop: with speed = max it would have no end")


@dataclass(frozen=True, kw_only=True)
class EndpointOptions(Options):
    """Where the processes meet: ZeroMQ endpoints."""

    events: str = flag(
        "tcp://127.0.0.1:5600", "endpoint where simulate serves the event log; empty: nowhere"
    )
    control: str = flag("tcp://127.0.0.1:5590", "endpoint where IOC and ranks meet")
    sim_control: str = flag(
        "tcp://127.0.0.1:5591", "endpoint where IOC and simulator meet; 'none': alone"
    )
    key: str = flag(
        "",
        "file with the key that all parts at TCP endpoints must have; the IOC makes it; empty: one"
        " among the user's data; none: whoever reaches an endpoint may read and command",
    )


@dataclass(frozen=True, kw_only=True)
class ServerOptions(EngineOptions, InstrumentOptions, SettingOptions):
    """How the process variables are served, to whom, and what becomes of settings."""

    interfaces: str = flag(
        "127.0.0.1", "addresses to serve PVs on, by commas", check=_check_interfaces
    )
    port: int = flag(0, "Channel Access port; 0: EPICS_CA_SERVER_PORT or 5064", least=0, most=65535)
    pva: str = flag(
        "auto",
        "serve on pvAccess too: on, off, or auto if p4p is installed",
        choices=("auto", "on", "off"),
    )
    pva_port: int = flag(
        0,
        "pvAccess port; 0: EPICS_PVAS_SERVER_PORT or 5075; any other if it is taken",
        least=0,
        most=65535,
    )
    silence: float = flag(
        2.0,
        "seconds without a report until a part counts as gone; twice that, and run starts it again;"
        f" at least {MANTIDS_SILENCE_S:g} for ranks that run starts with the mantid engine",
        least=0.5,
    )
    autosave: str = flag(
        "", "file that keeps the settings, restored from it at the start; empty or 'none': none"
    )
    run_state: str = flag(
        "",
        "file that keeps which pulses count, so that the accumulation goes on after a restart of"
        " the IOC; empty: one among the user's data; 'none': it begins afresh",
    )
    publish: str = flag(
        "",
        "where each result goes as da00: kafka://host:9092/topic, or a TOML file with a table"
        " [publish]; empty: nowhere",
        check=check_publish,
    )
    publish_spectra: str = flag(
        "",
        "what goes there beside the sum, as 'slices,groups,series': a source each; empty: nothing",
        check=check_spectra,
    )
    files: str = flag(
        "",
        "folders, by commas, that File:Path must be in; a relative one is in the first of them;"
        " empty: the working folder",
    )
    access: str = flag("", "EPICS access security file (.acf): who may write; empty: everybody")
    access_macros: str = flag("", "macros of that file, as 'A=1,B=2'; a macro may have a default")
    read_only: bool = flag(False, "nobody may write")

    @property
    def ranks_silence(self) -> float:
        """Seconds until reports of the ranks are missed; they come between algorithms."""
        return max(self.silence, MANTIDS_SILENCE_S) if self.engine == "mantid" else self.silence
