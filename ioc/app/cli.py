"""The command ``live-reduction``: reads flags and files, and starts a part or the whole.

Parts import what they need when they start: a rank has no use for a Channel Access server.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ioc.options import StartError, Startup, pva_served, startup
from reduction.definitions.sources import from_anywhere, instrument, summary
from reduction.instrument.geometry import Instrument

GREETING = """
Live reduction of a simulated powder diffractometer. In another terminal, from this folder:

  export {environment}
  camonitor {prefix}EventTotal_RBV                   # events arrive
  caget -c {prefix}Red1:Spec:YC                      # the counts, bin by bin
  caget -S {prefix}Red1:BinParams                    # the bins, as x0,step,x1
  caput -c -S {prefix}Red1:BinParams 0.4,0.01,5      # other bins, for all events so far
  caput -c {prefix}Red1:Units TOF                    # another unit: Wavelength, Energy ...
  caput -c {prefix}Sim:Pressure 5                    # squeeze the sample: peaks move
  caput -c {prefix}Reset 1                           # start afresh
{pva}  live-reduction pvs                              # all process variables

Ctrl-C here stops everything.
"""

PVA = """\
  pvget -v -r pulse_last,value.YC {prefix}Red1:Snapshot   # on pvAccess: a result in one
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exits with 2 and one clear line if what is asked cannot be."""
    try:
        part, start = startup(sys.argv[1:] if arguments is None else arguments)
        logging.basicConfig(
            level=logging.INFO if start.verbose else logging.WARNING,
            format=f"%(asctime)s {part} %(levelname)s %(message)s",
        )
        _start(part, start)
    except StartError as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(error.strerror or str(error))


def _give_up(why: str) -> NoReturn:
    print(f"live-reduction: {why}", file=sys.stderr)
    raise SystemExit(2) from None


def _start(part: str, start: Startup) -> None:
    match part:
        case "run":
            from ioc.app.run import run_all

            asyncio.run(run_all(start, _instrument(start), greeting(start)))
        case "ioc":
            from ioc.app.run import serve_alone

            asyncio.run(serve_alone(start, _instrument(start)))
        case "ranks":
            _reduce(start)
        case "simulate":
            _simulate(start)
        case "plot":
            _plot(start)
        case "top":
            _top(start)
        case "instrument":
            _tell(start)
        case "pvs":
            from ioc.generated.exports import FORMATS

            print(FORMATS[start.format](start.prefix, start.reductions), end="")
        case "screens":
            from ioc.generated.screens import write

            write(Path(start.folder))


def greeting(start: Startup) -> str:
    """What to type next, as it works from the folder that `make run` was called in."""
    tools = Path(sys.executable).parent
    here = (
        Path("$PWD", tools.relative_to(Path.cwd())) if tools.is_relative_to(Path.cwd()) else tools
    )
    hosts = start.interfaces.replace(",", " ")
    environment = f'PATH="{here}:$PATH" EPICS_CA_ADDR_LIST="{hosts}" EPICS_CA_AUTO_ADDR_LIST=NO'
    if start.port:
        environment += f" EPICS_CA_SERVER_PORT={start.port}"
    pva = pva_served(start)
    if pva:
        environment += f' EPICS_PVA_ADDR_LIST="{hosts}" EPICS_PVA_AUTO_ADDR_LIST=NO'
    more = PVA.format(prefix=start.prefix) if pva else ""
    return GREETING.format(prefix=start.prefix, environment=environment, pva=more)


def _reduce(start: Startup) -> None:
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


def _plot(start: Startup) -> None:
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


def _top(start: Startup) -> None:
    try:
        from ioc.top.display import TopStart, top
    except ImportError:
        raise StartError("top needs rich: pip install 'epics-live-reduction[top]'") from None

    seen = top(TopStart(start.prefix, start.reductions, start.interval, start.once, start.log))
    if start.once and not seen:
        raise SystemExit(1)


def _simulate(start: Startup) -> None:
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


def _tell(start: Startup) -> None:
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


def _instrument(start: Startup) -> Instrument:
    try:
        return instrument(start.instrument)
    except ValueError as error:
        raise StartError(str(error)) from None
