"""The commands ``record`` and ``replay``, and what ``run`` has to know of a recording."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

from ioc.app.replay_progress import ProgressFile
from ioc.options.commands import RecordOptions, ReplayOptions, RunOptions
from ioc.options.event_log import recording_limit, with_event_log
from ioc.options.keys import key_of
from ioc.options.program import StartError
from ioc.options.shared_options import PlayOptions, StreamOptions
from ioc.options.tables.stream_table import kafka_stream
from reduction.event_log.protocol import LogReader, LogRefused, close_all
from reduction.event_log.writer import LogWriter
from reduction.host.stop import Stop, stopped_by_signals
from reduction.recordings.open_recording import open_recording
from reduction.recordings.play_settings import Played, PlaySettings
from reduction.recordings.protocol import Recording
from reduction.recordings.record import RecordLimits, record
from reduction.recordings.recorded_streams import (
    folder_readers,
    kafka_log_readers,
    served_readers,
)
from reduction.recordings.replay import replay
from simulator.output.event_output import EventLogStart, EventOutput

if TYPE_CHECKING:
    from simulator.output.kafka_output import KafkaOutput

log = logging.getLogger(__name__)


def with_recording(run: RunOptions) -> RunOptions:
    """The options of a run with the partitions of its recording, if it has one.

    The run state is not kept then, unless a file for it is named: what is played is no part of the
    accumulation of the stream. Raises `reduction.event_log.protocol.LogRefused` for a recording
    that cannot be read, and `StartError` if it has fewer partitions than there are ranks.
    """
    if not run.replay:
        return run
    with contextlib.closing(_opened(run.replay, run)) as recording:
        _check_ranks(recording, run)
        partitions = recording.partitions
    return replace(run, partitions=partitions, run_state=run.run_state or "none")


def _opened(source: str, options: StreamOptions) -> Recording:
    """A recording, with what is odd about it told."""
    path = Path(source).expanduser()
    recording = open_recording(path, options.stream_partitions, options.monitor_ids)
    for remark in recording.remarks:
        log.warning("recording %s: %s", source, remark)
    return recording


def check_differ(path: Path, log_folder: str) -> None:
    """Raise `StartError` if a log would be written to the folder that it is read from."""
    if log_folder and path.resolve() == Path(log_folder).expanduser().resolve():
        raise StartError(f"log_folder = {log_folder!r}: it would be written to while it is read")


def _check_ranks(recording: Recording, run: RunOptions) -> None:
    if recording.partitions < run.ranks:
        raise StartError(
            f"replay = {run.replay!r}: it has {recording.partitions} partitions, too few for"
            f" {run.ranks} ranks"
        )


def record_stream(options: RecordOptions) -> None:
    """Record a stream until stopped or until a limit is reached; prints what was recorded."""
    folder = Path(options.folder).expanduser()
    check_differ(folder, options.log_folder)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(contextlib.closing(Stop()))
        stack.enter_context(stopped_by_signals(stop))
        readers = stack.enter_context(_readers(options))
        writer = LogWriter(folder, len(readers), recording_limit(options), keep=True)
        stack.enter_context(contextlib.closing(writer))
        for reader in readers:
            if options.begin == "start":
                reader.seek_offset(0)
            else:
                reader.seek_to_end()
        limits = RecordLimits(options.seconds or math.inf, options.pulses or math.inf)
        recorded = record(readers, writer, limits, stop)
    print(f"{folder}: {recorded.words}", flush=True)
    if not (recorded.messages or recorded.dropped):
        place = options.stream or options.log_folder or options.events
        raise StartError(f"nothing came from {place}: does a source send there?")


@contextlib.contextmanager
def _readers(options: RecordOptions) -> Iterator[list[LogReader]]:
    """The readers of the stream that is recorded."""
    context: zmq.Context[Any] = zmq.Context()
    readers: list[LogReader] = []
    try:
        kafka = kafka_stream(options.stream, options.dialect)
        if kafka is not None:
            readers = kafka_log_readers(kafka, options.stream_partitions)
        elif options.log_folder:
            readers = folder_readers(Path(options.log_folder).expanduser())
        else:
            key = key_of(options, options.events)
            readers = served_readers(context, options.events, options.stream_partitions, key)
        yield readers
    finally:
        close_all(readers)
        context.destroy(linger=0)


def replay_recording(options: ReplayOptions) -> None:
    """Play a recording until its end or until stopped; prints what was played."""
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(contextlib.closing(Stop()))
        stack.enter_context(stopped_by_signals(stop))
        recording = stack.enter_context(contextlib.closing(_opened(options.source, options)))
        context: zmq.Context[Any] = zmq.Context()
        stack.callback(context.destroy, linger=0)
        output = _output(options, recording, context)
        stack.callback(output.close)
        served = bool(options.events) and not options.stream
        settings = _settings(options, served)
        if options.progress:
            played = _told(options, recording, output, settings, stop)
        else:
            played = replay(recording, output, settings, stop)
    words = f"{options.source}: {played.words}"
    if output.chunks_dropped:  # Kafka says so late: the last answers come while it is closed
        refused = f"{output.chunks_dropped} messages with events were not taken"
        raise LogRefused(f"{words}, of which {refused}: {output.message}")
    print(words, flush=True)


def _told(
    options: ReplayOptions,
    recording: Recording,
    output: EventOutput | KafkaOutput,
    settings: PlaySettings,
    stop: Stop,
) -> Played:
    """Play a recording, and tell in a file how far it is, and why it fails if it does."""
    file = ProgressFile(Path(options.progress), output)
    try:
        return replay(recording, output, settings, stop, file.tell)
    except LogRefused as refused:
        file.fail(str(refused.strerror))
        raise


def _settings(options: PlayOptions, served: bool) -> PlaySettings:
    stay = served or (isinstance(options, ReplayOptions) and options.stay)
    speed = math.inf if options.plays_fastest else float(options.speed)
    return PlaySettings(speed, options.times_now, options.loop, stay)


def _output(
    given: ReplayOptions, recording: Recording, context: zmq.Context[Any]
) -> EventOutput | KafkaOutput:
    """Where the messages of a recording go."""
    kafka = kafka_stream(given.stream, given.dialect)
    if kafka is not None:
        from simulator.output.kafka_output import KafkaOutput  # confluent-kafka is optional

        output = KafkaOutput(kafka, recording.partitions)
        if output.partitions < recording.partitions:
            output.close()
            raise StartError(
                f"stream = {given.stream!r}: its topics have {output.partitions} partitions; the"
                f" recording has {recording.partitions}"
            )
        return output
    options = with_event_log(replace(given, partitions=recording.partitions))
    check_differ(Path(given.source).expanduser(), options.log_folder)
    start = EventLogStart(
        Path(options.log_folder),
        int(options.log_limit),
        options.events,
        options.plays_fastest,
        key_of(options, options.events),
    )
    return EventOutput(start, recording.partitions, context)
