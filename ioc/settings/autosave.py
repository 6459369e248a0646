"""The file that keeps the accepted settings, so that they survive a restart of the IOC."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from ioc.model.ioc_order import DetectorsBefore
from ioc.model.paths import value_at
from ioc.model.pvs import Access
from ioc.model.roles import Role
from ioc.model.wire_type import wire_type
from ioc.options.program import DISTRIBUTION
from ioc.options.tables.toml_text import toml_table
from ioc.settings.initial import AllOrders, unprefixed_rows
from ioc.settings.kept_files import ForeignFile, read_kept_file, write_problem
from reduction.host.file_system import atomic_files
from reduction.host.file_system.file_threads import started_in_thread
from reduction.parameters.detectors import LONGEST_LIST, DetectorSettings
from reduction.parameters.specs import shown

log = logging.getLogger(__name__)

FORMAT = 1
"""The number of the file format; files with another number are not read."""

LARGEST_BYTES = 4 << 20
"""Size of the largest file that is read; all texts of four reductions take 0.5 MB."""

SAVE_PERIOD_S = 1.0
"""Time between two checks for changes; so also the shortest time between two writes."""

PATIENCE_S, LAST_WRITE_S = 5.0, 2.0
"""How long a write may take until that is told, and how long the end of the IOC waits for one."""

FILE_HEADER = """\
# The settings as they were accepted last. Edit them while the IOC is stopped: --set knows the same
# names, and what is taken out is back at its default.
"""


def settings_by_name(orders: AllOrders) -> dict[str, Any]:
    """All settings by PV name without prefix; switches and choices by their labels.

    Settings that show a part of another one are left out, such as BinMin, a part of BinParams.
    """
    return {
        row.name: wire_type(row.spec).served(orders.setting(row))
        for row in unprefixed_rows(len(orders.ranks.reductions))
        if row.access is Access.SETPOINT and not row.place.is_derived
    }


def digests_by_name(orders: AllOrders) -> dict[str, str]:
    """The SHA-256 of each file that was read, by the PV name of its setting without prefix."""
    digests = {}
    for row in unprefixed_rows(len(orders.ranks.reductions)):
        if row.role is Role.DETECTOR_FILE and row.access is Access.SETPOINT:
            detectors: DetectorSettings = value_at(orders.ranks, row.group.place.path)
            if digest := detectors.digest(row.field):
                digests[row.name] = digest
    return digests


def file_text(
    prefix: str,
    settings: Mapping[str, Any],
    digests: Mapping[str, str] = MappingProxyType({}),
    before: Iterable[DetectorsBefore] = (),
) -> str:
    """The text of a file that keeps settings and digests of files, in TOML.

    ``before`` is what commands put back.
    """
    about = {"program": DISTRIBUTION, "version": version(DISTRIBUTION), "format": FORMAT}
    tables: dict[str, Any] = {"set": settings} | ({"sha256": dict(digests)} if digests else {})
    if kept := {each.command: _before_table(each) for each in before}:
        tables["before"] = kept
    return FILE_HEADER + tomli_w.dumps({**about, "prefix": prefix, **tables})


def _before_table(before: DetectorsBefore) -> dict[str, str]:
    fields = {"mask": before.mask, "groups": before.groups}
    return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class SavedSettings:
    """Settings, and digests of the files that some of them name, by PV name without prefix.

    ``before`` is what commands put back.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    before: tuple[DetectorsBefore, ...] = ()


def settings_from_text(text: str, prefix: str) -> SavedSettings:
    """What the text of a file keeps; raises `ForeignFile`."""
    try:
        table = toml_table(text)
    except ValueError as error:  # also for numbers with too many digits
        raise ForeignFile(str(error)) from None
    for name, expected in (("program", DISTRIBUTION), ("format", FORMAT), ("prefix", prefix)):
        if table.get(name) != expected:
            raise ForeignFile(f"{name} is {shown(table.get(name))}, not {expected!r}")
    settings = table.get("set")
    if not isinstance(settings, dict):
        raise ForeignFile("there is no table [set]")
    for name, value in settings.items():
        if not isinstance(value, str | int | float):
            raise ForeignFile(f"{name[:60]} is no text and no number")
    digests = table.get("sha256", {})
    if not isinstance(digests, dict):
        raise ForeignFile("sha256 is no table")
    known = {name: digest for name, digest in digests.items() if isinstance(digest, str)}
    return SavedSettings(settings, known, tuple(_before(table.get("before", {}))))


def _before(table: Any) -> Iterator[DetectorsBefore]:
    """What commands put back; what is no mask and no groups is left out.

    Raises `ForeignFile` if ``table`` is no table.
    """
    if not isinstance(table, dict):
        raise ForeignFile("before is no table")
    for command, each in table.items():
        texts = each if isinstance(each, dict) else {}
        mask, groups = texts.get("mask"), texts.get("groups")
        fits = all(len(text) <= LONGEST_LIST for text in (mask, groups) if isinstance(text, str))
        if isinstance(mask, str) and isinstance(groups, str | None) and fits:
            yield DetectorsBefore(command, mask, groups)


def load_settings(path: Path, prefix: str) -> SavedSettings:
    """What a file keeps; nothing if there is no file.

    Raises `ForeignFile` for what is no file with settings of this prefix, and `StartError` as
    `read_kept_file` does.
    """
    content = read_kept_file("autosave", path, LARGEST_BYTES)
    if content is None:
        return SavedSettings()
    try:
        return settings_from_text(content.decode("utf-8"), prefix)
    except UnicodeDecodeError as error:
        raise ForeignFile(str(error)) from None


@dataclass(frozen=True, eq=False)
class SettingsWrite:
    """Orders that are being written; the result is why that has failed, or an empty text."""

    orders: AllOrders
    result: asyncio.Future[str]


class Autosave:
    """Writes the settings of ``accepted`` to a file when they change, at most once a second.

    If they cannot be written, ``problem`` says why, and the write is tried again. One write at a
    time is under way, so that none overtakes another, however long the disk does not answer.
    """

    def __init__(self, path: Path, prefix: str, accepted: Callable[[], AllOrders]) -> None:
        self._path, self._prefix, self._accepted = path, prefix, accepted
        self._written: AllOrders | None = None
        self._writing: SettingsWrite | None = None
        self.problem = ""

    async def run(self) -> None:
        """Write until cancelled, and then once more, unless the disk does not answer."""
        try:
            while True:
                await self._write_changes(PATIENCE_S)
                await asyncio.sleep(SAVE_PERIOD_S)
        finally:
            if self._writing is not None:
                await self._finish(self._writing, LAST_WRITE_S)
            if self._writing is None:
                await self._write_changes(LAST_WRITE_S)

    async def _write_changes(self, within_s: float) -> None:
        if self._writing is None:
            orders = self._accepted()
            if orders == self._written:
                return
            write = functools.partial(_write, self._path, self._prefix, orders)
            self._writing = SettingsWrite(orders, asyncio.wrap_future(started_in_thread(write)))
        await self._finish(self._writing, within_s)

    async def _finish(self, writing: SettingsWrite, within_s: float) -> None:
        """Wait for a write, but not longer than a time."""
        await asyncio.wait({writing.result}, timeout=within_s)
        if not writing.result.done():
            problem = f"settings are not saved: {self._path}: the disk does not answer"
        else:
            problem, self._writing = write_problem(writing.result, "settings are not saved"), None
            self._written = self._written if problem else writing.orders
        if problem and problem != self.problem:
            log.warning(problem)
        self.problem = problem


def _write(path: Path, prefix: str, orders: AllOrders) -> str:
    """Write the settings; returns the reason if that fails, or else an empty text."""
    names = settings_by_name(orders), digests_by_name(orders)
    text = file_text(prefix, *names, orders.ioc.before)
    try:
        atomic_files.replace_own(path, text.encode("ascii"))
    except OSError as error:
        return f"settings are not saved: {error.filename}: {error.strerror}"
    return ""
