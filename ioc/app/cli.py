"""The command ``live-reduction``: reads flags and files, and does what the command says.

A command imports what it needs when it starts: a rank has no use for a Channel Access server.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ioc.options.command_line import parse
from ioc.options.commands import (
    InstrumentOptions,
    InstrumentTableOptions,
    IocOptions,
    PlotOptions,
    PvsOptions,
    RanksOptions,
    RunOptions,
    ScreensOptions,
    SimulateOptions,
    TopOptions,
)
from ioc.options.flags import Options
from ioc.options.program import StartError

if TYPE_CHECKING:
    from reduction.instrument.geometry import Instrument


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exits with 2 and one clear line if what is asked cannot be done."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        logging.basicConfig(
            level=logging.INFO if options.verbose else logging.WARNING,
            format=f"%(asctime)s {options.command} %(levelname)s %(message)s",
        )
        _start(options)
    except StartError as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(error.strerror or str(error))


def _give_up(why: str) -> NoReturn:
    print(f"live-reduction: {why}", file=sys.stderr)
    raise SystemExit(2) from None


def _start(options: Options) -> None:
    match options:
        case RunOptions():
            _run(options)
        case IocOptions():
            _serve(options)
        case RanksOptions():
            _reduce(options)
        case SimulateOptions():
            _simulate(options)
        case TopOptions():
            _top(options)
        case PvsOptions():
            _print_pvs(options)
        case ScreensOptions():
            _write_screens(options)
        case PlotOptions():
            _plot(options)
        case InstrumentTableOptions():
            _show_instrument(options)


def _run(start: RunOptions) -> None:
    import asyncio

    from ioc.app.run import run_all

    asyncio.run(run_all(start, _instrument(start)))


def _serve(start: IocOptions) -> None:
    import asyncio

    from ioc.app.run import serve_alone

    asyncio.run(serve_alone(start, _instrument(start)))


def _reduce(start: RanksOptions) -> None:
    from reduction.ranks.process import RanksStart, reduce

    reduce(
        RanksStart(
            events=start.events,
            partitions=start.stream_partitions,
            control=start.control,
            engine=start.engine,
            instrument=_instrument(start),
            tick_rate_hz=start.tick_rate,
            publish_rate_hz=start.array_rate,
        )
    )


def _simulate(start: SimulateOptions) -> None:
    from ioc.settings.initial import first_orders
    from simulator.stream import SimulateStart, simulate

    alone = start.sim_control == "none"
    simulate(
        SimulateStart(
            events=start.events,
            partitions=start.stream_partitions,
            control=None if alone else start.sim_control,
            seed=start.seed,
            first_pulse=start.first_pulse,
            queue_limit_bytes=start.queue_mib * 2**20,
            settings=first_orders(start).simulator.settings,
            instrument=_instrument(start),
        )
    )
    gc.freeze()  # the interpreter's end need not look through what numba made


def _top(start: TopOptions) -> None:
    try:
        from ioc.top.display import TopStart, top
    except ImportError:
        raise StartError("top needs rich: pip install 'epics-live-reduction[top]'") from None

    seen = top(TopStart(start.prefix, start.reductions, start.interval, start.once, start.log))
    if start.once and not seen:
        raise SystemExit(1)


def _print_pvs(start: PvsOptions) -> None:
    from ioc.generated.exports import FORMATS

    print(FORMATS[start.format](start.prefix, start.reductions), end="")


def _write_screens(start: ScreensOptions) -> None:
    from ioc.generated.screens import write

    write(Path(start.folder))


def _plot(start: PlotOptions) -> None:
    try:
        from reduction.files.plot import plot
    except ImportError:
        raise StartError(
            "plot needs matplotlib: pip install 'epics-live-reduction[plot]'"
        ) from None
    from reduction.files.nexus_reader import read_nexus

    picture = Path(start.png) if start.png else Path(start.file).with_suffix(".png")
    try:
        plot(read_nexus(Path(start.file)), picture)
    except ValueError as error:
        raise StartError(str(error)) from None
    print(picture)


def _show_instrument(start: InstrumentTableOptions) -> None:
    from reduction.definitions.sources import from_anywhere, summary

    if (start.action == "export") != start.table.endswith(".npz"):
        raise StartError("instrument show SOURCE, or instrument export SOURCE TABLE.npz")
    try:
        found = from_anywhere(start.source)
    except ValueError as error:
        raise StartError(str(error)) from None
    if not start.table:
        print(summary(found))
        return
    try:
        found.save(Path(start.table))
    except OSError as error:
        raise StartError(f"{start.table}: {error.strerror}") from None
    print(start.table)


def _instrument(start: InstrumentOptions) -> Instrument:
    from reduction.definitions.sources import instrument

    try:
        return instrument(start.instrument)
    except ValueError as error:
        raise StartError(str(error)) from None
