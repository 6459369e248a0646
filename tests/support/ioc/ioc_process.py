"""The IOC alone as a process of its own, with fake ranks, as a site starts it."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.clients.ca_client import Client, Network
from tests.support.ioc.ioc_bench import FakeRanks


class IocProcess(Client):
    """A running ``live-reduction ioc`` and a client of it."""

    def __init__(self, net: Network, folder: Path, *flags: str, prefix: str = "") -> None:
        super().__init__(net, prefix or f"T{secrets.token_hex(4)}:")
        endpoint = f"ipc://{folder}/ranks"
        self.ranks = FakeRanks(endpoint)
        command = (
            *(sys.executable, "-m", "ioc", "ioc", "--prefix", self.prefix),
            *("--port", str(net.port), "--control", endpoint),
            *("--sim-control", f"ipc://{folder}/simulator", *flags),
        )
        self._said, self._warned = (
            folder / f"ioc-{self.prefix.strip(':')}-{stream}.txt" for stream in ("out", "err")
        )
        with self._said.open("w") as said, self._warned.open("w") as warned:  # they cannot fill up
            self.process = subprocess.Popen(
                command, env=net.environment, stdout=said, stderr=warned
            )

    def ready(self) -> None:
        self.ranks.start()
        self.until(lambda: "Acquire" in self.said("caget", self.prefix + "DetectorState_RBV"), 20)

    def stop(self) -> tuple[str, str]:
        """End it as a system does: what it said and what it warned of."""
        self.ranks.stopping.set()
        if self.ranks.is_alive():
            self.ranks.join()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(15)
        said = self._said.read_text(), self._warned.read_text()
        assert status == 0, said
        return said


@contextmanager
def ioc_process(net: Network, folder: Path, *flags: str, prefix: str = "") -> Iterator[IocProcess]:
    """An IOC that serves; stopped at the end unless that has been done."""
    running = IocProcess(net, folder, *flags, prefix=prefix)
    try:
        running.ready()
        yield running
        if running.process.poll() is None:
            running.stop()
    finally:
        running.ranks.stopping.set()
        running.process.kill()
        running.process.wait()
