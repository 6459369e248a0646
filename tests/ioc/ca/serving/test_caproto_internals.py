"""What we rely on in caproto beyond its documentation is listed, is there, and is in one module."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import caproto
import pytest
from caproto.asyncio.server import Context, VirtualCircuit
from caproto.asyncio.utils import _TransportWrapper

from ioc.ca.channels import caproto_channel
from ioc.ca.serving import caproto_internals, subscribing_circuit
from ioc.ca.serving.updates import QueueMarker, Update

ROOT = Path(__file__).parents[4]
MODULES = (
    "ioc/ca/serving/caproto_internals.py",
    "ioc/ca/channels/caproto_channel.py",
    "ioc/ca/serving/subscribing_circuit.py",
)
ROW = re.compile(r"^(method|coroutine|attribute) +(\w+)\.(\w+)(?:\((.*)\))?$", re.MULTILINE)
TABLES = "".join(
    each.__doc__ or "" for each in (caproto_internals, caproto_channel, subscribing_circuit)
)
ROWS = ROW.findall(TABLES)

CLASSES: Mapping[str, type[Any]] = {
    each.__name__: each
    for each in (VirtualCircuit, Context, _TransportWrapper, caproto.ChannelData)
}


def changes(row: tuple[str, str, str, str], classes: Mapping[str, type[Any]]) -> Iterator[str]:
    """What is no longer as a row of the table says, in words."""
    kind, owner, name, arguments = row
    of = classes[owner]
    if kind == "attribute":
        source = "".join(inspect.getsource(each) for each in of.__mro__ if each is not object)
        if not re.search(rf"\bself\.{name}(:[^=]*)? = ", source):
            yield f"{owner} sets no attribute {name} any more"
        return
    method = getattr(of, name, None)
    if method is None:
        yield f"{owner} has no method {name} any more"
        return
    if inspect.iscoroutinefunction(method) != (kind == "coroutine"):
        yield f"{owner}.{name} is no {kind} any more"
    present = ", ".join(list(inspect.signature(method).parameters)[1:])
    if present != arguments:
        yield f"{owner}.{name} takes ({present}), no longer ({arguments})"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[1]}.{row[2]}")
def test_caproto_is_as_the_table_says(row: tuple[str, str, str, str]) -> None:
    changed = "; ".join(changes(row, CLASSES))
    if changed:
        pytest.fail(
            f"caproto {caproto.__version__}: {changed}; {' or '.join(MODULES)} relies on it"
        )


def test_the_table_is_read_as_a_whole() -> None:
    documented = TABLES.count("VirtualCircuit.")
    assert sum(owner == "VirtualCircuit" for _, owner, _, _ in ROWS) == documented > 10


class _Changed:
    def __init__(self) -> None:
        self.renamed = 1

    def send(self, message: object) -> None:
        """Neither a coroutine any more nor with the arguments that it had."""


def test_a_change_of_caproto_is_told_in_words() -> None:
    rows = [
        ("attribute", "Context", "circuits", ""),
        ("coroutine", "Context", "run", ""),
        ("coroutine", "Context", "send", "commands"),
        ("attribute", "Context", "renamed", ""),
    ]
    assert [word for row in rows for word in changes(row, {"Context": _Changed})] == [
        "Context sets no attribute circuits any more",
        "Context has no method run any more",
        "Context.send is no coroutine any more",
        "Context.send takes (message), no longer (commands)",
    ]


def test_every_private_name_that_the_module_uses_is_in_the_table() -> None:
    nodes = [node for each in MODULES for node in ast.walk(ast.parse((ROOT / each).read_text()))]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.name for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
    private = {name for name in used if name.startswith("_") and not name.endswith("__")}
    assert private <= {name for _, _, name, _ in ROWS}


def test_no_other_module_touches_what_is_private_to_caproto() -> None:
    private = {name for _, _, name, _ in ROWS if name.startswith("_") and name != "__init__"}
    guilty = set()
    for path in (*ROOT.glob("ioc/**/*.py"), *ROOT.glob("clients/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ImportFrom(module=str(module), names=names):
                    words = [*module.split("."), *(each.name for each in names)]
                    bad = module.split(".")[0] == "caproto" and any(w[0] == "_" for w in words)
                case ast.Attribute(attr=name) | ast.AsyncFunctionDef(name=name):
                    bad = name in private
                case _:
                    bad = False
            if bad:
                guilty.add(str(path.relative_to(ROOT)))
    assert guilty == set(MODULES)


class Recorder:
    """The circuit of a client, which notes how often it is to send what is latest."""

    def __init__(self) -> None:
        self.latest: dict[int, Update] = {}
        self.sendings = 0

    def updated(self) -> None:
        self.sendings += 1


class Recorded(NamedTuple):
    """A subscription."""

    subscriptionid: int
    circuit: Recorder


@asynccontextmanager
async def serving(*circuits: Recorder) -> AsyncIterator[caproto_internals.CaprotoServer]:
    """A server, each of whose clients has subscribed to the same with the number 7."""
    server = caproto_internals.CaprotoServer({}, ["127.0.0.1"])
    server.circuits = set(circuits)
    for circuit in circuits:
        server.subscriptions["spec"].append(Recorded(7, circuit))
    reading = asyncio.create_task(server.subscription_queue_loop())
    yield server
    reading.cancel()


async def test_a_marker_is_reached_after_the_updates_before_it() -> None:
    one, two = Recorder(), Recorder()
    async with serving(one, two) as server:
        await server.subscription_queue.put((("spec",), None, [1.0], 0, None))
        reached = asyncio.Event()
        await server.mark_queue(QueueMarker(reached.set))
        await asyncio.wait_for(reached.wait(), 5)
        assert [each.latest[7].values for each in (one, two)] == [[1.0], [1.0]]


async def test_clients_are_sent_at_once_what_is_queued_together() -> None:
    one, two = Recorder(), Recorder()
    async with serving(one, two) as server:
        for value in (1.0, 2.0):
            await server.subscription_queue.put((("spec",), None, [value], 0, None))
        async with asyncio.timeout(5):
            while not one.sendings:
                await asyncio.sleep(0)
        assert (one.sendings, two.sendings) == (1, 1)
        assert one.latest[7] is two.latest[7]
        assert one.latest[7].values == [2.0]
