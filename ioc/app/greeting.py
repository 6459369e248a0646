"""What ``live-reduction run`` prints when it starts: what to type next."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ioc.options.commands import RunOptions
from ioc.options.host_checks import pva_served
from ioc.options.sizes import size_text

GREETING = """{page}
Live reduction of {source}. In another terminal, from this folder:

  export {environment}
  camonitor {prefix}EventTotal_RBV                   # events arrive
  caget -c {prefix}Red1:Spec:YC                      # the counts, bin by bin
  caget -S {prefix}Red1:BinParams                    # the bins, as x0,step,x1
  caput -c -S {prefix}Red1:BinParams 0.4,0.01,5      # other bins, for all events so far
  caput -c {prefix}Red1:Units TOF                    # another unit: Wavelength, Energy ...
{simulated}  caput -c {prefix}Reset 1                           # start afresh
  caget -S {prefix}StatusMessage_RBV                 # what is wrong; nothing if all is well
  caget -S {prefix}Refusal_RBV                       # the last put that was refused, and why
{pva}  live-reduction top{options} --once                       # the spectrum in the terminal
  live-reduction pvs{options}                              # all process variables

{events}
{files}
Ctrl-C here stops everything.
"""

PAGE = """
Open {address} in a browser.
"""

NO_PAGE = """
There is no web page: it needs pvAccess, which is not served (--pva, p4p).
"""

SIMULATED = """\
  caput -c {prefix}Sim:Pressure 5                    # squeeze the sample: peaks move
"""

PVA = """\
  pvget -v -r pulse_last,value.YC {prefix}Red1:Snapshot   # on pvAccess: a result in one
"""

USUAL_PORTS = {"EPICS_CA_SERVER_PORT": "5064", "EPICS_PVA_BROADCAST_PORT": "5076"}
"""Ports where clients look, unless they are told others."""


@dataclass(frozen=True)
class ClientPlace:
    """Where clients find what is served.

    ``environment`` is that of this process: clients need the same ports. ``page`` is the address of
    the web page; empty: there is none. ``files`` is the folder where results are saved; empty:
    there is none.
    """

    environment: Mapping[str, str]
    page: str = ""
    files: str = ""


def greeting(options: RunOptions, instrument: str, place: ClientPlace) -> str:
    """The address of the web page, and commands for the folder that ``make run`` was called in.

    ``instrument`` is its name.
    """
    pva = pva_served(options)
    return GREETING.format(
        page=_page(options, place.page),
        prefix=options.prefix,
        environment=_environment(options, pva, place.environment),
        pva=PVA.format(prefix=options.prefix) if pva else "",
        source=_source(options, instrument),
        simulated=SIMULATED.format(prefix=options.prefix) if options.has_simulator else "",
        events=_events(options),
        files=_files(options, place.files),
        options=_pv_options(options),
    )


def _environment(options: RunOptions, pva: bool, here: Mapping[str, str]) -> str:
    """What a client needs in its environment, as an argument of ``export``."""
    tools = Path(sys.executable).parent
    path = (
        Path("$PWD", tools.relative_to(Path.cwd())) if tools.is_relative_to(Path.cwd()) else tools
    )
    hosts = options.interfaces.replace(",", " ")
    words = [f'PATH="{path}:$PATH" EPICS_CA_ADDR_LIST="{hosts}" EPICS_CA_AUTO_ADDR_LIST=NO']
    ports = {"EPICS_CA_SERVER_PORT": str(options.port or here.get("EPICS_CA_SERVER_PORT", ""))}
    if pva:
        words.append(f'EPICS_PVA_ADDR_LIST="{hosts}" EPICS_PVA_AUTO_ADDR_LIST=NO')
        search = here.get("EPICS_PVAS_BROADCAST_PORT") or here.get("EPICS_PVA_BROADCAST_PORT", "")
        ports["EPICS_PVA_BROADCAST_PORT"] = search
    words += [
        f"{name}={port}" for name, port in ports.items() if port not in ("", USUAL_PORTS[name])
    ]
    return " ".join(words)


def _source(options: RunOptions, instrument: str) -> str:
    """What is reduced, in words."""
    if not options.has_simulator:
        return f"an event stream of {instrument}" if options.instrument else "an event stream"
    if options.instrument:
        return f"simulated events of {instrument}"
    return "a simulated powder diffractometer"


def _pv_options(options: RunOptions) -> str:
    """The options that other commands need to find the same process variables."""
    prefix = f" --prefix {options.prefix}" if options.prefix != "LIVE:" else ""
    return prefix + (f" --reductions {options.reductions}" if options.reductions > 1 else "")


def _page(options: RunOptions, address: str) -> str:
    """Where the web page is, or why there is none; empty if none was asked for."""
    if address:
        return PAGE.format(address=address)
    return "" if options.no_web else NO_PAGE


def _events(options: RunOptions) -> str:
    """Where events come from."""
    if options.stream:
        return f"Events come from {options.stream}"
    if options.reads_recording:
        return f"Events come from {options.replay}, as fast as the ranks take them."
    if options.plays_recording:
        return f"Events come from {options.replay}, which is played {options.speed} times as fast."
    return (
        f"Events can be read again from {options.log_folder}\n"
        f"which takes {size_text(int(options.log_limit))} at most (--log-folder, --log-limit)."
    )


def _files(options: RunOptions, folder: str) -> str:
    """Where results are saved."""
    if not folder:
        return f"{options.prefix}File:Write saves nothing: no folder was given with --files."
    return f"{options.prefix}File:Write saves in {folder} (File:Path, --files)."
