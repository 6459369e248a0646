"""The file that keeps the accepted settings, so that they survive a restart of the IOC."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ioc.model.paths import value_at
from ioc.model.pvs import Access, pv_rows
from ioc.model.wire_type import wire_type
from ioc.options.program import DISTRIBUTION, StartError
from ioc.settings.initial import AllOrders
from reduction.host import atomic_files

log = logging.getLogger(__name__)

FORMAT = 1

PERIOD_S = 1.0
"""Time between two looks for changes, and so the least between two writes."""

HEAD = """\
# The settings as they were accepted last. Edit them while the IOC is stopped: --set knows the same
# names, and what is taken out is back at its default.
"""


class ForeignFile(ValueError):
    """A file that is none of ours, or damaged."""


def settings(orders: AllOrders) -> dict[str, Any]:
    """Every setting by its name without prefix; a switch or choice by its label.

    Not the faces of settings that are there themselves, as BinMin is of BinParams.
    """
    return {
        row.name: wire_type(row.spec).served(value_at(orders.of(row.place.part), row.place.path))
        for row in pv_rows("", len(orders.ranks.reductions))
        if row.access is Access.SETPOINT and not row.place.is_derived
    }


def contents(prefix: str, saved: Mapping[str, Any]) -> str:
    """The text of a file that keeps settings: TOML."""
    about = {
        "program": DISTRIBUTION,
        "version": version(DISTRIBUTION),
        "format": FORMAT,
        "prefix": prefix,
    }
    # What JSON writes of ASCII texts and finite numbers, TOML reads.
    lines = [f"{name} = {json.dumps(value)}" for name, value in about.items()]
    lines += ["", "[set]"]
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in saved.items()]
    return HEAD + "\n".join(lines) + "\n"


def parsed(text: str, prefix: str) -> dict[str, Any]:
    """The settings that such a text holds, by name without prefix; raises `ForeignFile`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ForeignFile(str(error)) from None
    for name, ours in (("program", DISTRIBUTION), ("format", FORMAT), ("prefix", prefix)):
        if table.get(name) != ours:
            raise ForeignFile(f"{name} is {table.get(name)!r}, not {ours!r}")
    saved = table.get("set")
    if not isinstance(saved, dict):
        raise ForeignFile("there is no table [set]")
    for name, value in saved.items():
        if not isinstance(value, str | int | float):
            raise ForeignFile(f"{name} is no text and no number")
    return saved


def read(path: Path, prefix: str) -> dict[str, Any]:
    """The settings kept at ``path``; none if nothing is there.

    Raises `ForeignFile` for a file that is none of ours, and `StartError` if it cannot be read.
    """
    try:
        return parsed(path.read_text(encoding="utf-8"), prefix)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ForeignFile(str(error)) from None
    except OSError as error:
        raise StartError(f"autosave = {path}: {error.strerror}") from None


def set_aside(path: Path) -> Path:
    """Move the file away under a name with the time, which is returned; raises `StartError`."""
    nanoseconds = time.time_ns()
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime(nanoseconds // 10**9))
    aside = path.with_name(f"{path.name}.aside-{now}.{nanoseconds % 10**9:09d}Z")
    try:
        path.rename(aside)
    except OSError as error:
        raise StartError(f"autosave = {path}: cannot be set aside: {error.strerror}") from None
    return aside


class Autosave:
    """Writes the ``accepted`` settings to ``path`` when they change, at most once a second.

    What cannot be written is said by ``remark`` and tried again.
    """

    def __init__(self, path: Path, prefix: str, accepted: Callable[[], AllOrders]) -> None:
        self._path, self._prefix, self._accepted = path, prefix, accepted
        self._written: AllOrders | None = None
        self.remark = ""

    async def run(self) -> None:
        """Write until cancelled, and then once more."""
        try:
            while True:
                await self._follow()
                await asyncio.sleep(PERIOD_S)
        finally:
            await self._follow()

    async def _follow(self) -> None:
        orders = self._accepted()
        if orders == self._written:
            return
        writing = asyncio.create_task(asyncio.to_thread(_trouble, self._path, self._prefix, orders))
        try:
            trouble = await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing  # the next one is not to overtake it
            raise
        if not trouble:
            self._written = orders
        elif trouble != self.remark:
            log.warning(trouble)
        self.remark = trouble


def _trouble(path: Path, prefix: str, orders: AllOrders) -> str:
    """Write the settings; empty, or why they are not written."""
    text = contents(prefix, settings(orders))
    try:
        atomic_files.replace([(path, text.encode("ascii"))])
    except OSError as error:
        return f"settings are not saved: {error.filename}: {error.strerror}"
    return ""
