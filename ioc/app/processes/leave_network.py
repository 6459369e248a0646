"""Takes a process off the network, so that what it starts can neither reach nor be reached (Linux).

Open MPI's daemon listens on all interfaces, whatever it is told. In a network namespace of its own
there is loopback alone. Files, shared memory and sockets that are files are as before.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
"""See unshare(2)."""

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
"""See netdevice(7)."""

INTERFACE = struct.Struct("16sh14x")
"""An ``ifreq`` with the flags of an interface."""


def leave_network() -> None:
    """Leave the network, but for a loopback interface that nobody else has.

    Only root may do so. Another user does so in a user namespace of his own, in which he is who he
    was. Raises OSError where the system does not allow that.
    """
    user, group = os.geteuid(), os.getegid()
    _unshare(CLONE_NEWNET if user == 0 else CLONE_NEWNET | CLONE_NEWUSER)
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        found = fcntl.ioctl(probe, SIOCGIFFLAGS, INTERFACE.pack(b"lo", 0))
        _, flags = INTERFACE.unpack(found)
        fcntl.ioctl(probe, SIOCSIFFLAGS, INTERFACE.pack(b"lo", flags | IFF_UP))


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
