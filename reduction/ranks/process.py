"""Start of an MPI rank: from settings to a running `reduction.ranks.rank.Rank`."""

from __future__ import annotations

import functools
import logging
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import zmq

from reduction.control.order_receiver import OrderReceiver
from reduction.control.orders import NO_REVISION, RANKS_PART, RanksOrder
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Engine, Recipe
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.network.remote import RemoteLogReader
from reduction.event_log.protocol import LogReader
from reduction.host.memory.freed_memory import keep_freed_memory
from reduction.host.memory.garbage import search_new
from reduction.host.memory.memory_limits import is_no_memory, no_memory_words
from reduction.host.mpi_leftovers import remove_segments
from reduction.host.network.key_file import Key
from reduction.host.steady_clock import steady_clock
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.kafka.streams import KafkaStream
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.ranks.intake.stream_readers import StreamReaders
from reduction.ranks.rank import Rank
from reduction.ranks.recording_control import RecordingControl
from reduction.ranks.reporting.result_reporter import Control
from reduction.ranks.tick_clock import RankTiming
from reduction.recordings.protocol import Recording
from reduction.stream.dialect import ANY_STREAM, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler

EngineOf = Callable[[Instrument, list[Recipe]], Engine]


def _mantid() -> EngineOf:
    """The engine with Mantid, whose import takes a second; exits if Mantid cannot be imported."""
    from reduction.engines.mantid.engine import MantidEngine
    from reduction.engines.mantid.framework import MantidFramework, NoMantid

    try:
        mantid = MantidFramework.imported()
    except NoMantid as error:
        raise SystemExit(f"live-reduction: {error}") from None
    return functools.partial(MantidEngine, mantid)


ENGINES: dict[str, Callable[[], EngineOf]] = {"native": lambda: NativeEngine, "mantid": _mantid}

log = logging.getLogger("live_reduction.ranks")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class RanksStart:
    """What the ranks are started with; everything else comes with the orders of the IOC.

    Events are read from the ``recording`` or the ``kafka`` stream, or else from the event log in
    ``log_folder``, or, if that is empty, from the process that serves one at the ZeroMQ endpoint
    ``events``. That process and the IOC may ask for the ``key``. So many ranks were ``launched``
    together; 0: that is not known.
    """

    events: str
    partitions: int
    control: str
    log_folder: str = ""
    engine: str = "native"
    instrument: Instrument = field(default_factory=powder_arc)
    tick_rate_hz: float = 14.0
    publish_rate_hz: float = 5.0
    stream_format: StreamFormat = ANY_STREAM
    kafka: KafkaStream | None = None
    recording: Recording | None = None
    launched: int = 0
    key: Key | None = None


def reduce(start: RanksStart) -> None:
    """Run as one of the ranks of MPI.COMM_WORLD until SIGTERM, SIGINT or SIGHUP reaches any.

    A rank that fails ends all of them. A single rank raises what it fails on: an OSError names an
    endpoint that it cannot use.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, functools.partial(_end_early, alone=not start.launched))
    from mpi4py import MPI  # its import initialises MPI, which only a rank may do

    together = Collectives(MPI.COMM_WORLD)
    if start.launched not in (0, together.size):
        raise SystemExit(  # with Open MPI each rank goes on alone if mpiexec dies as they start
            f"{start.launched} ranks were started, but this one finds {together.size}: is mpiexec"
            " gone, or of another MPI?"
        )
    if start.kafka is None and start.partitions < together.size:
        raise SystemExit(
            f"{together.size} ranks need as many partitions; the stream has {start.partitions}"
        )
    try:
        _reduce(start, together)
    except Exception as error:
        if together.size == 1:
            raise
        if is_no_memory(error):
            words = f"rank {together.rank}: {no_memory_words(error)}"
            print(f"live-reduction: {words}", file=sys.stderr, flush=True)
        elif isinstance(error, OSError) and error.strerror:
            print(f"live-reduction: {error.strerror}", file=sys.stderr, flush=True)
        else:
            traceback.print_exc()
        MPI.COMM_WORLD.Abort(1)  # else the others would wait for this one for ever


def _end_early(number: int, _frame: FrameType | None, *, alone: bool) -> None:
    """End a rank that has not begun to reduce, without leaving shared memory behind.

    One that is ``alone`` also closes what it has opened; others would wait for each other.
    """
    remove_segments()
    if alone:
        raise SystemExit(0)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _reduce(start: RanksStart, together: Collectives) -> None:
    context: zmq.Context[Any] = zmq.Context()
    control: Control | None = None
    if together.rank == 0:
        control = (
            OrderReceiver(context, start.control, RanksOrder, RANKS_PART, start.key)
            if start.recording is None
            else RecordingControl(context, start.control, start.recording, start.key)
        )
        control.report_work()  # the engine may have to be compiled first
    stream = _stream(context, start, together)
    stream_format = replace(
        start.stream_format,
        sources=stream.sources,
        shared=stream.shared,
        pulse_log=start.kafka.pulse_log if start.kafka else "",
    )
    intake = PulseAssembler(list(stream.readers), steady_clock(), stream_format)
    pipeline = Pipeline(
        start.instrument,
        ENGINES[start.engine](),
        RanksOrder(revision=NO_REVISION),
        intake.logs,
        psutil.virtual_memory().total // 2 // together.ranks_on_this_host,
    )
    receiver = StreamReceiver(stream.readers, intake, stream.partitions)
    timing = RankTiming(start.tick_rate_hz, start.publish_rate_hz)
    rank = Rank(together, receiver, pipeline, control, timing)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        rank.stopping = True

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    log.info("rank %d of %d reduces on %s", together.rank, together.size, platform.node())
    search_new()
    rank.run()
    context.destroy(linger=0)


def _stream(context: zmq.Context[Any], start: RanksStart, together: Collectives) -> StreamReaders:
    """The readers of this rank, which give what comes from now on."""
    if start.kafka is not None:
        from reduction.ranks.intake.kafka_readers import (
            kafka_readers,  # confluent-kafka is optional
        )

        keep_freed_memory()
        stream = kafka_readers(start.kafka, start.partitions, together)
    else:
        mine = range(together.rank, start.partitions, together.size)
        readers = {partition: _reader(context, start, partition) for partition in mine}
        stream = StreamReaders(readers, start.partitions)
    for reader in stream.readers.values():
        reader.seek_to_end()
    return stream


def _reader(context: zmq.Context[Any], start: RanksStart, partition: int) -> LogReader:
    """A reader of a partition of the recording or the event log."""
    if start.recording is not None:
        return start.recording.reader(partition)
    if start.log_folder:
        return EmbeddedLogReader(Path(start.log_folder), partition)
    return RemoteLogReader(context, start.events, partition, key=start.key)
