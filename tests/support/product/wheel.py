"""Proves that the wheel works: ``python -m tests.support.product.wheel FOLDER`` of built files.

The wheel is installed into an empty environment, and ``live-reduction run`` is started in an empty
folder, far from this one. It must count, and stop when it is told to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Mapping
from pathlib import Path

from tests.support.clients.ca_client import Client, network
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
EXTRAS = "mpi,pva,plot,tools,top"
PREFIX = "WHEEL:"
START_S, STOP_S = 60.0, 30.0
PACKAGES = ("ioc", "reduction", "simulator", "web", "clients")
SHARED = ("opi/**/*.bob", "examples/*.py", "examples/*.xml")


def only(folder: Path, pattern: str) -> Path:
    """The one file of ``folder`` that matches; the build leaves one of each kind."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"{folder} holds {len(found)} files {pattern}; remove it and build again")
    return found[0]


def installed(wheel: Path, environment: Path) -> Path:
    """The Python of a new environment that holds the wheel, with what ``make run`` has."""
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    words = (*pip, "--prefer-binary", f"{wheel}[{EXTRAS}]")
    subprocess.run(words, cwd=environment, env=clean(os.environ), check=True)
    return python


def check_contents(python: Path, environment: Path, empty: Path) -> None:
    """Packages come from the environment, and its shared files are all that there are."""
    names = ", ".join(PACKAGES)
    code = f"import {names}\nfor each in {names}: print(each.__file__)"
    told = subprocess.check_output(
        [python, "-c", code], cwd=empty, env=clean(os.environ), text=True
    )
    for line in told.splitlines():
        assert Path(line).is_relative_to(environment), f"{line} is not in the environment"
    installed_web = Path(told.splitlines()[PACKAGES.index("web")]).parent
    for path in sorted(filter(Path.is_file, (ROOT / "web" / "page").rglob("*"))):
        copy = installed_web / path.relative_to(ROOT / "web")
        assert copy.read_bytes() == path.read_bytes(), f"{copy} is not {path}"
    share = environment / "share" / "epics-live-reduction"
    for pattern in SHARED:
        for path in sorted(ROOT.glob(pattern)):
            copy = share / path.relative_to(ROOT)
            assert copy.read_bytes() == path.read_bytes(), f"{copy} is not {path}"


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` without what would lead to this folder or to another environment."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PYTHON")}
    return kept | {"PATH": os.defpath}


def check_run(command: Path, empty: Path) -> None:
    """``live-reduction run`` counts, serves its page, and ends by Ctrl-C with status 0."""
    page = free_port()
    with network() as net:
        client = Client(net, PREFIX)
        process = subprocess.Popen(
            [
                *(command, "run", "--prefix", PREFIX, "--port", str(net.port)),
                f"--web-port={page}",
            ],
            cwd=empty,
            env=clean(net.environment),
            stdout=subprocess.DEVNULL,
        )
        try:
            began_s = time.monotonic()
            client.until(lambda: client.tool("caget", PREFIX + "Pause").returncode == 0, START_S)
            client.until(lambda: client.number("Red1:Spec:Total_RBV") > 0, START_S)
            print(f"counts after {time.monotonic() - began_s:.0f} s from an empty folder")
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/page/main.js") as answer:
                assert answer.read() == (ROOT / "web" / "page" / "main.js").read_bytes()
            process.send_signal(signal.SIGINT)
            status = process.wait(STOP_S)
            assert status == 0, f"Ctrl-C ended it with status {status}"
        finally:
            process.kill()
            process.wait()
    assert list(empty.iterdir()) == [], f"it left files: {list(empty.iterdir())}"


def main(built: Path) -> None:
    wheel, source = only(built, "*.whl"), only(built, "*.tar.gz")
    with tempfile.TemporaryDirectory() as scratch:
        environment, empty = Path(scratch, "environment"), Path(scratch, "empty")
        empty.mkdir()
        python = installed(wheel.resolve(), environment)
        check_contents(python, environment, empty)
        check_run(environment / "bin" / "live-reduction", empty)
    print(f"{wheel} and {source} are good")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
