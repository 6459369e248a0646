"""Whether this host has what the options ask for: packages, programs, addresses and folders."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from pathlib import Path

from ioc.options.program import StartError
from ioc.options.shared_options import (
    EngineOptions,
    ServerOptions,
    split_addresses,
    split_folders,
)
from reduction.host.allowed_folders import AllowedFolders


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
