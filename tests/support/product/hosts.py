"""Hosts with addresses of their own, on one network: namespaces of Linux, in this machine.

A host has its network, its name and its shared memory for itself; files are those of this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

SUBNET = "10.77.0"

PROGRAMS = ("ip", "nsenter", "unshare")

ALONE = "ip link set lo up && echo ready && exec sleep infinity"
"""Makes the loopback of a new network, says so, and keeps the namespaces."""


@dataclass(frozen=True)
class Namespaces:
    """The namespaces of a process that keeps them, as root or as a user who is root in them."""

    pid: int

    @property
    def words(self) -> Sequence[str]:
        """What is put before a command that is to run in them."""
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        return *self.words_for_hosts, *user

    @property
    def words_for_hosts(self) -> Sequence[str]:
        """The same for commands of other hosts, whose user namespace is that of this one."""
        return "nsenter", "--target", str(self.pid), "--net", "--uts", "--ipc", "--mount"

    def run(self, *command: str) -> None:
        """Run a command in them; raises CalledProcessError with what it said."""
        subprocess.run([*self.words, *command], check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Host:
    """A host on the network."""

    name: str
    address: str
    inside: Namespaces
    switch: Namespaces

    @property
    def words(self) -> Sequence[str]:
        """What is put before a command that is to run on this host."""
        return self.inside.words

    @property
    def words_for_hosts(self) -> Sequence[str]:
        """The same for commands that another host runs, as by a remote shell."""
        return self.inside.words_for_hosts

    def cut(self) -> None:
        """Cut the link between this host and all others."""
        self.switch.run("ip", "link", "set", _port(self.name), "down")

    def mend(self) -> None:
        """Mend the link."""
        self.switch.run("ip", "link", "set", _port(self.name), "up")


class NoHosts(Exception):
    """No namespaces can be made here; it says why."""


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Hosts on one network, with addresses from 10.77.0.1 on; raises `NoHosts`."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise NoHosts(f"{program} is not installed")
    with ExitStack() as stack:
        try:
            found = list(_connected(names, stack))
        except subprocess.CalledProcessError as error:
            said = (error.stderr or b"").decode(errors="replace").strip()
            raise NoHosts(f"{' '.join(error.cmd)}: {said}") from None
        yield found


def _connected(names: Sequence[str], stack: ExitStack) -> Iterator[Host]:
    """The hosts, connected with a switch that is in namespaces of its own."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    switch = stack.enter_context(_kept(["unshare", *user], ALONE))
    switch.run("ip", "link", "add", "switch", "type", "bridge")
    switch.run("ip", "link", "set", "switch", "up")
    for number, name in enumerate(names, 1):
        yield stack.enter_context(_host(name, f"{SUBNET}.{number}", switch))


@contextmanager
def _host(name: str, address: str, switch: Namespaces) -> Iterator[Host]:
    made = f"hostname {name} && mount -t tmpfs shm /dev/shm && {ALONE}"
    with _kept([*switch.words, "unshare"], made) as inside:
        port = _port(name)
        peer = ("peer", "name", "eth0", "netns", str(inside.pid))
        switch.run("ip", "link", "add", port, "type", "veth", *peer)
        switch.run("ip", "link", "set", port, "master", "switch", "up")
        inside.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        inside.run("ip", "link", "set", "eth0", "up")
        yield Host(name, address, inside, switch)


@contextmanager
def _kept(unshare: Sequence[str], made: str) -> Iterator[Namespaces]:
    """New namespaces, in which a shell has made something; a process keeps them until the end."""
    command = [*unshare, "--net", "--uts", "--ipc", "--mount", "sh", "-c", made]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as keeper:
        assert keeper.stdout
        assert keeper.stderr
        try:
            if keeper.stdout.readline() != b"ready\n":
                raise subprocess.CalledProcessError(1, command, stderr=keeper.stderr.read())
            yield Namespaces(keeper.pid)
        finally:
            keeper.kill()


def _port(name: str) -> str:
    """The name of the switch's end of the link to a host."""
    return f"to-{name}"
