"""The IOC alone as a process of its own, with fake ranks, as a site starts it."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ca_client import Client, Network
from tests.support.ioc_bench import FakeRanks


class IocProcess(Client):
    """A running ``live-reduction ioc`` and a client of it."""

    def __init__(self, net: Network, folder: Path, *flags: str, prefix: str = "") -> None:
        super().__init__(net, prefix or f"T{secrets.token_hex(4)}:")
        endpoint = f"ipc://{folder}/ranks"
        self.ranks = FakeRanks(endpoint)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ioc", "ioc", "--prefix", self.prefix),
                *("--port", str(net.port), "--control", endpoint),
                *("--sim-control", f"ipc://{folder}/simulator", *flags),
            ],
            env=net.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
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
        said = self.process.communicate(timeout=15)
        assert self.process.returncode == 0, said
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
        running.process.communicate()
