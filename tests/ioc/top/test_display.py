"""The live view of a running IOC: what it reads, how it looks, and that it never gives up."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ioc.model.addresses import IOC_REMARKS, RANKS, views_at
from ioc.model.wire_type import wire_type
from ioc.top.display import TopStart, frame
from ioc.top.readout import image_rows, readouts, shown_rows, slice_rows
from reduction.parameters.specs import Choice, Switch
from tests.support.clients.ca_client import Network, network
from tests.support.ioc.ioc_bench import Ioc

RED1 = RANKS / "reductions" / 0


def drawn(seen: dict[Any, Any] | None, reductions: int = 1, *, image: bool = False) -> str:
    said = io.StringIO()
    Console(width=100, color_system=None, file=said).print(
        frame(TopStart("P:", reductions, image=image), seen, 100)
    )
    return said.getvalue()


def example(reductions: int = 1) -> dict[Any, Any]:
    """A readout of defaults: an IOC that has just started, but for its arrays."""
    seen: dict[Any, Any] = {}
    for row in shown_rows("P:", reductions):
        value = row.default
        if isinstance(row.spec, Switch) and not isinstance(row.spec, Choice):
            value = wire_type(row.spec).served(value)
        seen[row.place] = np.array([]) if value is None else value
    return seen


def test_an_ioc_without_results_is_shown() -> None:
    said = drawn(example())
    assert said.splitlines()[0].startswith("P: Error Disconnected")
    assert "Red1 dSpacing  0.4,0.001,5  0 counts" in said
    assert "region" not in said
    assert "slices" not in said


def test_the_detector_image_is_drawn_if_it_is_asked_for() -> None:
    seen = example()
    place = views_at(0) / "image"
    for row in image_rows("P:", 1):
        seen[row.place] = {"total": 12.0, "size_x": 4, "size_y": 2}.get(row.field, np.empty(0))
    assert "no detector image yet" in drawn(seen, image=True)
    seen[place / "data"] = np.array([0, 9, np.nan, 3, 1, 1, 9, 0.0])
    lines = [line.rstrip() for line in drawn(seen, image=True).splitlines()]
    head = lines.index("detector image, 4 x 2 cells, 12 counts")
    assert lines[head + 1 : head + 3] == [" @ -", "..@"]
    assert "detector image" not in drawn(seen)


def test_a_display_without_an_ioc_says_that_none_answers() -> None:
    assert "no IOC answers" in drawn(None)


def test_what_is_used_is_shown_and_nothing_else() -> None:
    seen = example(2)
    seen[RANKS / IOC_REMARKS / "status"] = "Warning"
    seen[RANKS / IOC_REMARKS / "message"] = "results lag by more than 2 s"
    seen[RED1 / "regions" / 1 / "total"], seen[RED1 / "regions" / 1 / "error"] = 1234.0, 35.1
    seen[RED1 / "peaks" / 0 / "centre"], seen[RED1 / "peaks" / 0 / "centre_error"] = 1.92, 0.001
    seen[RED1 / "settings" / "filter" / "log"] = "pressure"
    seen[RED1 / "shape" / "slices"] = 2
    for row in slice_rows("P:", 2, seen):
        seen[row.place] = {"total": 77_777.0}.get(row.field, 0.5)
    seen[RED1 / "spectrum" / "xe"] = np.array([0.5, 1.0, 2.0])
    seen[RED1 / "spectrum" / "yc"] = np.array([1.0, 3.0])
    said = drawn(seen, 2)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[1] == "results lag by more than 2 s"
    assert "slices of pressure" in said
    assert said.count("77 777") == 2
    assert any("2 1234 ± 35" in line for line in lines)
    assert any("1 1.92 ± 0.001" in line for line in lines)
    assert "0.5 2 Ang" in lines
    assert any(line == "█" * 50 for line in lines), "the higher bin is half as wide as the screen"
    assert "Red2 dSpacing" in said
    assert "net" not in said


def test_slices_are_read_only_if_there_are_several() -> None:
    seen = example(2)
    assert slice_rows("P:", 2, seen) == []
    seen[RANKS / "reductions" / 1 / "shape" / "slices"] = 3
    rows = slice_rows("P:", 2, seen)
    assert {row.name.split(":")[1] for row in rows} == {"Red2"}
    assert len({row.name.split(":")[2] for row in rows}) == 3


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with network() as made:
        for name in ("EPICS_CA_AUTO_ADDR_LIST", "EPICS_CA_REPEATER_PORT", "EPICS_CA_ADDR_LIST"):
            monkeypatch.setenv(name, made.environment[name])
        monkeypatch.setenv("EPICS_CA_SERVER_PORT", str(made.port))
        yield made


async def test_the_image_is_made_as_long_as_it_is_read(net: Network) -> None:
    cells = views_at(0) / "image" / "data"
    with Ioc(net) as ioc:
        async with asyncio.timeout(60), aclosing(readouts(ioc.prefix, 1, 0.05, True)) as found:
            async for seen in found:
                if seen is not None and np.count_nonzero(np.asarray(seen[cells]) > 0):
                    break


async def test_an_ioc_that_goes_and_comes_is_found_again(net: Network) -> None:
    ioc, running = Ioc(net), contextlib.ExitStack()
    async with asyncio.timeout(60), aclosing(readouts(ioc.prefix, 1, 0.05)) as found:
        assert await anext(found) is None, "it has not started"
        await asyncio.to_thread(running.enter_context, ioc)
        seen = [each async for each in until_there(found)][-1]
        assert seen[RANKS / IOC_REMARKS / "state"] == "Acquire"
        assert seen[RANKS / "backend" / "engine"] == "fake"
        assert len(seen[RED1 / "spectrum" / "xe"]) == 4601
        await asyncio.to_thread(running.close)
        while await anext(found) is not None:
            continue
        again = Ioc(net, prefix=ioc.prefix)
        await asyncio.to_thread(running.enter_context, again)
        with running:
            assert [each async for each in until_there(found)]


async def until_there(found: Any) -> Any:
    async for each in found:
        if each is not None:
            yield each
            return


def top(ioc: Ioc, *words: str) -> list[str]:
    return [sys.executable, "-m", "ioc", "top", "--prefix", ioc.prefix, *words]


def test_one_look_is_printed_without_colours_and_tells_whether_there_was_an_ioc(
    net: Network,
) -> None:
    ioc = Ioc(net, reductions=2)
    for there in (False, True):
        with ioc if there else contextlib.nullcontext():
            done = subprocess.run(
                top(ioc, "--once", "--reductions", "2"),
                env=net.environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == (0 if there else 1), done.stderr
        assert "\x1b" not in done.stdout
        assert ("no IOC answers" in done.stdout) != there
        assert ("Red2 dSpacing  0.4,0.001,5  4 600 counts" in done.stdout) == there


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(net: Network, number: int) -> None:
    with Ioc(net) as ioc:
        ours, theirs = pty.openpty()
        environment = net.environment | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        process = subprocess.Popen(
            top(ioc, "--interval", "0.1"),
            env=environment,
            stdout=theirs,
            stderr=theirs,
            # Who is started in the background hands on that SIGINT is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        os.close(theirs)
        said = read_until(ours, "Red1 dSpacing")
        process.send_signal(number)
        said += read_until(ours)
        assert process.wait(10) == 0, said
        os.close(ours)
    assert said.index("\x1b[?1049h") < said.rindex("\x1b[?1049l")
    assert "Traceback" not in said


def read_until(terminal: int, words: str = "") -> str:
    """What appears on a terminal until ``words`` do, or until nothing comes any more."""
    said = ""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(terminal, 4096):
            said += piece.decode(errors="replace")
            if words and words in said:
                break
    return said


def test_a_reduction_that_the_ioc_does_not_have_is_named_and_the_rest_is_shown(
    net: Network,
) -> None:
    with Ioc(net) as ioc:
        done = subprocess.run(
            top(ioc, "--once", "--reductions", "3"),
            env=net.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "Red1 dSpacing  0.4,0.001,5  4 600 counts" in done.stdout
    for number in (2, 3):
        assert f"Red{number} is not there: see --reductions" in done.stdout
