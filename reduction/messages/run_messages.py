"""Messages about a facility's runs: ``pl72`` (a run starts) and ``6s4t`` (a run stops).

Only the fields that are needed are read. A ``pl72`` message may have the structure of a file of
many megabytes, and names and addresses of users in its metadata: both are left alone, but for the
title of the run.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from reduction.messages.contents import CorruptMessage
from reduction.messages.flat_tables import Buffer
from reduction.messages.schemas import StartTable, StopTable, serialise_6s4t, serialise_pl72

RUN_START, RUN_STOP = "pl72", "6s4t"
"""The schemas that are read here."""

MOST_NAME, MOST_TEXT = 39, 100
"""Longest name, and longest job and title; what is longer is cut. A name fits an EPICS string."""

MOST_METADATA_BYTES = 1 << 20
"""In longer metadata no title is looked for."""

MOST_MS = 2**63 // 10**6
"""A later time in ms does not fit 64 bits as ns."""

DECODE_ERRORS = (AttributeError, IndexError, TypeError, ValueError, struct.error)
"""What flatbuffers raises for bytes that do not hold the schema."""


@dataclass(frozen=True)
class RunMessage:
    """A run starts or stops.

    - ``starts``: whether it starts
    - ``job``: what both messages of a run have in common; empty: the name stands for it
    - ``name``, ``title``: of the run; each may be empty
    - ``time_ns``: the time of the start or stop, ns since the Unix epoch; 0: now
    - ``earlier``: whether it comes from before the place at which the stream began to be read
    """

    starts: bool
    job: str
    name: str
    title: str = ""
    time_ns: int = 0
    earlier: bool = False

    @property
    def key(self) -> str:
        """What tells this run from others."""
        return self.job or self.name


def decode_run_message(schema: str, message: Buffer) -> RunMessage:
    """The content of a message of a schema, `RUN_START` or `RUN_STOP`.

    Raises `reduction.messages.contents.CorruptMessage` and nothing else, whatever the bytes are.
    """
    try:
        content = _start(message) if schema == RUN_START else _stop(message)
    except DECODE_ERRORS as error:
        raise CorruptMessage(f"{schema} message of {len(message)} bytes: {error}") from error
    if not content.key:
        raise CorruptMessage(f"{schema} message without job and name")
    return content


def encoded_run_message(content: RunMessage) -> bytes:
    """The bytes of a message with this content, in the schema that it has."""
    time_ms = content.time_ns // 10**6
    if not content.starts:
        stop: bytes = serialise_6s4t(content.job, run_name=content.name, stop_time=time_ms)
        return stop
    metadata = json.dumps({"title": content.title}) if content.title else ""
    start: bytes = serialise_pl72(
        content.job, "", time_ms, run_name=content.name, metadata=metadata
    )
    return start


def _start(message: Buffer) -> RunMessage:
    table = StartTable.GetRootAsRunStart(bytes(message), 0)
    return RunMessage(
        starts=True,
        job=_text(table.JobId()),
        name=_text(table.RunName(), MOST_NAME),
        title=_title(table.Metadata()),
        time_ns=_time_ns(table.StartTime()),
    )


def _stop(message: Buffer) -> RunMessage:
    table = StopTable.GetRootAsRunStop(bytes(message), 0)
    return RunMessage(
        starts=False,
        job=_text(table.JobId()),
        name=_text(table.RunName(), MOST_NAME),
        time_ns=_time_ns(table.StopTime()),
    )


def _time_ns(time_ms: int) -> int:
    """A time in ms as ns; 0, which stands for now, if it does not fit 64 bits."""
    return time_ms * 10**6 if 0 < time_ms < MOST_MS else 0


def _text(data: bytes | None, most: int = MOST_TEXT) -> str:
    return plain_text((data or b"").decode(), most)


def plain_text(text: str, most: int = MOST_TEXT) -> str:
    """``text`` in printable ASCII, as process variables have it, cut to ``most`` characters."""
    printable = "".join(c if c.isascii() and c.isprintable() else "?" for c in text.strip())
    return printable[:most].strip()


def _title(metadata: bytes | None) -> str:
    """The title in metadata, which are JSON; empty if there is none."""
    if not metadata or len(metadata) > MOST_METADATA_BYTES:
        return ""
    try:
        found: Any = json.loads(metadata)
    except (ValueError, RecursionError):
        return ""
    title = found.get("title") if isinstance(found, dict) else None
    return plain_text(title) if isinstance(title, str) else ""
