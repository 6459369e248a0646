"""What ``live-reduction run`` prints when it starts: what to type next."""

from __future__ import annotations

import sys
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
{pva}  live-reduction pvs                              # all process variables

{events}
Ctrl-C here stops everything.
"""

PAGE = """
Open {address} in a browser.
"""

SIMULATED = """\
  caput -c {prefix}Sim:Pressure 5                    # squeeze the sample: peaks move
"""

PVA = """\
  pvget -v -r pulse_last,value.YC {prefix}Red1:Snapshot   # on pvAccess: a result in one
"""


def greeting(options: RunOptions, page: str = "") -> str:
    """The address of the web page, and commands for the folder that ``make run`` was called in.

    ``page`` is the address; empty: there is no page.
    """
    tools = Path(sys.executable).parent
    here = (
        Path("$PWD", tools.relative_to(Path.cwd())) if tools.is_relative_to(Path.cwd()) else tools
    )
    hosts = options.interfaces.replace(",", " ")
    environment = f'PATH="{here}:$PATH" EPICS_CA_ADDR_LIST="{hosts}" EPICS_CA_AUTO_ADDR_LIST=NO'
    if options.port:
        environment += f" EPICS_CA_SERVER_PORT={options.port}"
    pva = pva_served(options)
    if pva:
        environment += f' EPICS_PVA_ADDR_LIST="{hosts}" EPICS_PVA_AUTO_ADDR_LIST=NO'
    more = PVA.format(prefix=options.prefix) if pva else ""
    return GREETING.format(
        page=PAGE.format(address=page) if page else "",
        prefix=options.prefix,
        environment=environment,
        pva=more,
        source="a simulated powder diffractometer" if options.has_simulator else "an event stream",
        simulated=SIMULATED.format(prefix=options.prefix) if options.has_simulator else "",
        events=_events(options),
    )


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
