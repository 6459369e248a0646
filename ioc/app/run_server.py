"""Serves process variables: the IOC alone, or with the processes of a run, which it supervises."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from ioc.app.greeting import ClientPlace, greeting
from ioc.app.processes.child_processes import ChildProcesses, ProcessOptions
from ioc.app.processes.page_process import PageProcess, page_process
from ioc.app.server.live_server import LiveServer
from ioc.app.server.server_start import ProcessControl, server_start
from ioc.app.supervision import Supervision
from ioc.options.commands import IocOptions, RunOptions
from ioc.posting.publisher import Publisher
from ioc.process.output import say
from reduction.host.file_system.file_threads import in_thread
from reduction.host.memory.garbage import search_new
from reduction.host.stop import StopSignals
from reduction.instrument.geometry import Instrument

FIRST_RESULT_S = 5.0
"""So long the process of the page waits for the first result, whose processes it would slow down.

Browsers can connect all the same: its sockets listen already.
"""

FIRST_RESULT_LOOK_S = 0.1


async def serve_alone(options: IocOptions, instrument: Instrument, signals: StopSignals) -> None:
    """Run the IOC alone until stopped; ranks and simulator are started by somebody else."""
    start = server_start(options, instrument)
    stop = _stop_of(signals)
    server = LiveServer(start)
    await _until_stopped([server.run], stop)


async def serve_run(
    run: RunOptions,
    options: ProcessOptions,
    children: ChildProcesses,
    instrument: Instrument,
    signals: StopSignals,
) -> None:
    """Run the IOC, and keep ``children`` running, until stopped; then end them."""
    partitions = 0 if run.stream else run.stream_partitions
    start = replace(
        server_start(options.ioc, instrument, partitions),
        recorded_times=run.reads_recording or (run.plays_recording and not run.times_now),
    )
    stop = _stop_of(signals)
    server = LiveServer(start, ProcessControl(children.lost, children.restart))
    supervision = Supervision(children, options, server)
    page = page_process(run, os.environ)
    folder = start.files.shown(start.ioc.files.path)
    place = ClientPlace(os.environ, page.address if page else "", folder)

    async def greet() -> None:
        await server.until_serving()
        await in_thread(lambda: say(greeting(run, instrument.name, place)))
        await asyncio.Event().wait()

    async def serve_page(page: PageProcess) -> None:
        await _first_result(server.publisher)
        await page.run()

    web = [functools.partial(serve_page, page)] if page else []
    source = [supervision.run_simulator] if run.has_simulator else []
    if run.plays_recording:
        source = [supervision.run_replay]
    await _until_stopped(
        [server.run, greet, *source, supervision.run_ranks, supervision.watch_work, *web], stop
    )


async def _first_result(publisher: Publisher) -> None:
    """Wait for the first result, at most `FIRST_RESULT_S`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_RESULT_S):
            while publisher.latest is None:
                await asyncio.sleep(FIRST_RESULT_LOOK_S)


def _result(task: asyncio.Task[Any]) -> None:
    """Raise the error that ended a task; of groups of errors the first error, the cause."""
    try:
        task.result()
    except ExceptionGroup as group:
        cause: Exception = group
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        raise cause from None


def _stop_of(signals: StopSignals) -> asyncio.Event:
    """An event that signals set from now on; what is begun from now on is ended in order."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def set_stop() -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: the end has come
            loop.call_soon_threadsafe(stop.set)

    signals.calls(set_stop)
    return stop


async def _until_stopped(
    services: Sequence[Callable[[], Coroutine[Any, Any, None]]], stop: asyncio.Event
) -> None:
    """Run coroutines until ``stop`` is set, or until one fails; then end all."""
    search_new()
    tasks = [asyncio.create_task(service()) for service in services]
    waiter = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiter, *tasks):
            task.cancel()
        await asyncio.gather(waiter, *tasks, return_exceptions=True)
    for task in done:
        with contextlib.suppress(asyncio.CancelledError):
            _result(task)
