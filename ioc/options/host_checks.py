"""Whether this host has what the options ask for: packages, programs, addresses and folders."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import shutil
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path

from ioc.options.program import StartError
from ioc.options.shared_options import (
    EngineOptions,
    ServerOptions,
    split_addresses,
    split_folders,
)
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.parameters.specs import shown

SECONDS = ("_CONN_TMO", "_BEACON_PERIOD")
EPICS_NUMBER = re.compile(
    r"EPICS_(CA|CAS|PVA|PVAS)_(\w+_PORT|MAX_ARRAY_BYTES|MAX_SEARCH_PERIOD|BEACON_PERIOD|CONN_TMO)"
    r"|EPICS_TS_MIN_WEST|EPICS_PVA_DEBUG"
)
"""Names of the variables that caproto reads as numbers."""

MOST_PORT = 65535


def pva_served(options: ServerOptions) -> bool:
    """Whether to serve on pvAccess; raises `StartError` if ``pva = on`` and p4p is missing."""
    installed = importlib.util.find_spec("p4p") is not None
    if options.pva == "on" and not installed:
        raise StartError("pva = on: it needs p4p: pip install 'epics-live-reduction[pva]'")
    return options.pva != "off" and installed


def check_interfaces(options: ServerOptions) -> None:
    """Raises `StartError` for an address to serve on that this host does not have."""
    for address in split_addresses(options.interfaces):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            why = "no IPv4 address of this host"
            raise StartError(f"interfaces = {address!r}: {why}") from None


def check_epics_variables(environment: MutableMapping[str, str]) -> None:
    """Raises `StartError` for a variable of EPICS that must be a number and is none.

    caproto would end with a traceback, once the other processes are started. Blank ones are taken
    out of the environment: for EPICS Base they are not set.
    """
    for name in sorted(filter(EPICS_NUMBER.fullmatch, environment)):
        text, is_port = environment[name], name.endswith("_PORT")
        if not text.strip():
            del environment[name]
            continue
        try:
            number = float(text) if name.endswith(SECONDS) else int(text)
        except ValueError:
            number = math.nan
        if not (0 <= number <= MOST_PORT if is_port else math.isfinite(number)):
            why = f"it is 0 to {MOST_PORT}" if is_port else "it is a number"
            raise StartError(f"{name} = {shown(text)}, in the environment: {why}")


def file_folders(options: ServerOptions) -> AllowedFolders:
    """The folders in which results may be saved; raises `StartError` for one that is not there."""
    try:
        return AllowedFolders.of(split_folders(options.files))
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise StartError(f"files = {options.files!r}: {why}") from None


def check_engine(options: EngineOptions) -> None:
    """Raises `StartError` for an engine that is not installed."""
    if options.engine == "mantid" and importlib.util.find_spec("mantid") is None:
        raise StartError(
            "engine = mantid: Mantid is not installed here: see environment.yml; the native engine "
            "does the same and needs nothing more"
        )


def mpi_launcher() -> str:
    """The path of ``mpiexec``: in this Python's environment, or else on the PATH.

    So the launcher belongs to the MPI that mpi4py uses, even if the environment is not activated.
    Raises `StartError` if there is no ``mpiexec``.
    """
    found = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    found = found or shutil.which("mpiexec")
    if found is None:
        raise StartError("run needs mpiexec: pip install 'epics-live-reduction[mpi]'")
    return found


def launched_ranks() -> int:
    """How many ranks were started together with this one; 0 if Open MPI does not say."""
    return int(os.environ.get("OMPI_COMM_WORLD_SIZE", "0"))
