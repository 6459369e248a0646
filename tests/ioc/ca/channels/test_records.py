"""A channel is to clients what a record of EPICS Base is, field by field, next to a softIoc."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from ioc.records.record_types import RECORD_FIELDS
from tests.support.clients import raw_ca_client as raw
from tests.support.clients.ca_client import TOOLS, network
from tests.support.clients.raw_ca_client import RawClient, decoded
from tests.support.ioc.ioc_bench import Ioc

CHANNELS = {
    "ao": "Sim:PulseRate",
    "ai": "Sim:PulseRate_RBV",
    "longout": "Sim:EventsPerPulse",
    "longin": "Sim:EventsPerPulse_RBV",
    "mbbo": "Red1:Normalisation",
    "mbbi": "Red1:Normalisation_RBV",
    "bo": "Pause",
    "bi": "Pause_RBV",
    "stringout": "Sim:SpaceGroup",
    "stringin": "Sim:SpaceGroup_RBV",
    "waveform": "Red1:Spec:XE",
}
"""One of our channels for each record type that we report."""

COMMON = 'field(DESC, "{desc}") field(ASG, "{asg}") field(PINI, "YES") field(TSE, "-2")'

FIELDS = {
    "a": 'field(VAL, "14") field(EGU, "Hz") field(PREC, "2")'
    ' field(HOPR, "1000") field(LOPR, "0.1")',
    "long": 'field(VAL, "20000") field(HOPR, "10000000")',
    "mbb": 'field(ZRST, "None") field(ONST, "ProtonCharge") field(TWST, "Monitor")'
    ' field(ZRVL, "0") field(ONVL, "1") field(TWVL, "2") field({val}, "0")',
    "b": 'field(ZNAM, "Run") field(ONAM, "Pause") field(VAL, "0")',
    "string": 'field(VAL, "F d -3 m")',
}
LIMITS = {
    "ao": 'field(DRVH, "1000") field(DRVL, "0.1")',
    "longout": 'field(DRVH, "10000000")',
    "waveform": 'field(FTVL, "DOUBLE") field(NELM, "5") field(EGU, "Ang") field(PREC, "4")'
    " field(INP, {{const: [1, 2, 3, 4, 5]}})",
}

OURS = {
    "PINI": "the softIoc is given its value by it",
    "TSE": "the softIoc is given its time by it",
    "DTYP": "we name the one device support that there is",
    "LINR": "we name no tables of thermocouples",
    "INP": "the softIoc is given its value by it",
    "RVAL": "there is no raw value",
    "ORAW": "there is no raw value",
    "UTAG": "64 bits have another range than 32",
    "HIGH": "of a bo it has a precision, and of an ai or ao a limit that we do not set",
    "INIT": "it says how a record was started",
    "HASH": "only the record computes it",
    "SDEF": "the softIoc is given numbers of its states",
}
"""Fields whose values differ, and why; their types are compared."""


@dataclass(frozen=True)
class Pair:
    """Our IOC and a softIoc, and the names of the channels that are compared."""

    ours: RawClient
    soft: RawClient
    prefix: str

    def names(self, record: str, field: str = "") -> tuple[str, str]:
        return f"{self.prefix}{CHANNELS[record]}{field}", f"S:{record}{field}"


def database(ioc: Ioc) -> str:
    """Records like our channels."""
    records = []
    for record, name in CHANNELS.items():
        channel = ioc.server.database.channels[ioc.prefix + name]
        kind = next(
            (each for each in sorted(FIELDS, key=len, reverse=True) if record.startswith(each)), ""
        )
        words = COMMON.format(desc=channel.spec.description, asg=channel.guard.asg)
        words += FIELDS.get(kind, "").format(val="RVAL" if record == "mbbi" else "VAL")
        words += LIMITS.get(record, "").format()
        records.append(f'record({record}, "S:{record}") {{ {words} }}\n')
    return "".join(records)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Clients of our IOC and of a softIoc with records like its channels."""
    path: Path = tmp_path_factory.mktemp("soft") / "records.db"
    with network() as net, network() as soft_net, Ioc(net) as ioc:
        assert ioc.put("Red1:BinParams", "1,1,5", "-S").returncode == 0
        path.write_text(database(ioc))
        process = subprocess.Popen(
            [str(TOOLS / "softIoc"), "-S", "-d", str(path)],
            env=soft_net.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ioc.until(lambda: connects(soft_net.port))
            with RawClient(net.port) as ours, RawClient(soft_net.port) as soft:
                yield Pair(ours, soft, ioc.prefix)
        finally:
            process.kill()
            process.wait()


def connects(port: int) -> bool:
    try:
        with RawClient(port) as client:
            return client.open("S:ao") is not None
    except OSError:
        return False


def announced(client: RawClient, name: str) -> tuple[int, int] | None:
    opened = client.open(name)
    return None if opened is None else (opened.data_type, opened.count)


def seen(client: RawClient, name: str, data_type: int, count: int = 0) -> object:
    """What a client sees of a channel in a type; its status if it is an error."""
    message = client.get(name, data_type, count)
    if message.one != raw.ECA_NORMAL:
        return message.one
    contents = decoded(message)
    if name.endswith(".NAME$"):
        characters, nul, _ = bytes(map(int, contents.values)).partition(b"\0")
        assert characters.decode() == name.removesuffix(".NAME$")
        return nul, len(contents.values) if count else None
    return repr(contents).replace(name.partition(".")[0], "NAME")


@pytest.mark.parametrize("record", CHANNELS)
def test_each_field_has_the_type_and_the_value_that_it_has_in_a_record(
    pair: Pair, record: str
) -> None:
    different: list[tuple[str, object, object]] = []
    for field in RECORD_FIELDS[record]:
        ours, soft = pair.names(record, f".{field}")
        expected = announced(pair.soft, soft)
        if announced(pair.ours, ours) != expected or expected is None:
            different.append((field, announced(pair.ours, ours), expected))
            continue
        types = {raw.STRING, expected[0], expected[0] + raw.STS}
        if expected[0] == raw.ENUM:
            types |= {raw.ENUM + raw.GRAPHIC, raw.DOUBLE}
        for data_type in () if field in OURS else sorted(types):
            told = seen(pair.ours, ours, data_type), seen(pair.soft, soft, data_type)
            if told[0] != told[1]:
                different.append((field, *told))
    assert different == []


@pytest.mark.parametrize("record", CHANNELS)
def test_a_value_reads_as_that_of_a_record_in_every_type(pair: Pair, record: str) -> None:
    ours, soft = pair.names(record)
    native, _ = announced(pair.soft, soft) or (0, 0)
    assert announced(pair.ours, ours) == announced(pair.soft, soft)
    levels = (0, raw.STS, raw.TIME, raw.GRAPHIC, raw.CONTROL)
    plain = [raw.STRING, raw.SHORT, raw.FLOAT, raw.ENUM, raw.CHAR, raw.LONG, raw.DOUBLE]
    types = [*plain, *(native + level for level in levels)]
    if record.startswith("long"):  # softIoc's DRVL is 0 and our lowest, so it has no limits
        types.remove(native + raw.CONTROL)
    for data_type in (*types, raw.STSACK_STRING, raw.CLASS_NAME):
        for count in (0, 1, 3, 7):
            told = seen(pair.ours, ours, data_type, count)
            assert told == seen(pair.soft, soft, data_type, count), (data_type, count)


NAMES = [
    *("", ".", ".VAL", ".DESC$", ".NAME$", ".SEVR$", ".[0:1]", ".VAL[1:2:9]", ".[2]", ".[-2:]"),
    *('.{"arr":{"s":1,"i":2,"e":-1}}', '.VAL{"ts":{}}', '.{"dbnd":{"abs":1}}', ".{arr:{s:-2}}"),
    *(
        '.{"nope":{}}',
        ".[1",
        ".[]",
        ".[1:2",
        ".NOPE",
        ".val",
        "$",
        '.{"arr":{"x":1}}',
        ".{",
        ".[9:]",
    ),
    *('.{"dec":{"n":2}}', '.{"dec":{"n":0}}', '.{"dec":{"n":"3"}}', '.{"dec":{}}', ".{dec:{n:3}}"),
    *('.{"dec":{"n":2.5}}', '.{"dec":{"n":2,"x":1}}', '.{"dec":null}', '.{"dec":{"n":true}}'),
    *('.{"sync":{"m":"while","s":"red"}}', '.{"sync":{"unless":"red"}}', '.{"utag":{}}'),
    *('.{"utag":{"M":1,"V":1}}', '.{"utag":{"M":"a","V":0}}', '.{"ts":{},"dec":{"n":2}}'),
    *(
        ".{'arr':{'s':1}}",
        ".{arr:{s:+1,}}",
        ".{arr:{s:0x1}}",
        ".{/* c */arr:{s:1}}",
        ".{arr:{s:x}}",
    ),
    *('.{"arr":{"s":1.5}}', '.{"arr":{"s":"1"}}', '.{"arr":{"s":null}}', '.{"arr":{"s":true}}'),
    *('.{"arr":{"s":99999999999}}', '.{"dec":{"n":99999999999}}', '.{"utag":{"M":1.5}}'),
    *('.{"dbnd":{"abs":"1"}}', '.{"dbnd":{"abs":1,"rel":1}}', '.{"dbnd":{"m":"abs"}}'),
    *(".[ 1]", ".[0x1]", ".[+1]", ".[1 ]", ".[010]", ".[-1:-3]", ".[::2]", '.{"dbnd":{"m":"x"}}'),
    *('.{"arr":{"s":1},"arr":{"s":1}}', '.{"arr":{"s":1,"e":3},"ts":{},"arr":{"s":-2,"i":2}}'),
    *('.[1:3]{"arr":{"s":1}}', ".[1:3]{}", ".{}", '.[1:3]{"arr":{},"ts":{}}', ".[1][0]", ".[:]"),
    *('.{"arr":{"s":1}} ', '.{"arr":{"s":1}}\n\t', '.{"arr":{"s":1}}x', ". {}", ".{} [0]"),
    *('.{"arr":{"s":1,"s":2}}', '.{"arr":{"s":3}}[0]', '.[::]{"dec":{"n":2}}', ".VAL $", ".{}{}"),
    *('.{"ts":{"num":"x"}}', '.{"ts":{"num":1}}', '.{"ts":{"epoch":"x"}}', '.{"ts":{"str":null}}'),
    *('.{"dbnd":{"m":"r","d":1}}', '.{"dbnd":{"m":""}}', '.{"dbnd":{"d":1,"m":"absolute"}}'),
    *('.{"ts":null}', '.{"ts":{"str":"%Y"}}', '.{"ts":{"epoch":"unix"}}', '.{"ts":{},"ts":{}}'),
    *('.{"dbnd":{"abs":1},"ts":{}}', '.{"ts":{},"dbnd":{"rel":5}}'),
    *('.{"dbnd":{"m":"rel","d":1}}', ".DESC[0:1]", '.SEVR{"ts":{}}', ".[3:1]", ".VAL.VAL"),
]


@pytest.mark.parametrize("record", ["ao", "mbbo", "stringout", "waveform"])
@pytest.mark.parametrize(
    "name", [*NAMES, ".VAL$", ".EGU$", ".DESC$[0:3]", ".DESC$[-3:-1]", ".EGU$[0]", ".OUT$"]
)
def test_a_name_with_a_field_a_dollar_or_a_filter_is_what_it_is_to_a_softioc(
    pair: Pair, record: str, name: str
) -> None:
    ours, soft = pair.names(record, name)
    expected = announced(pair.soft, soft)
    assert announced(pair.ours, ours) == expected
    if expected is None:
        return
    for data_type in (expected[0], expected[0] + raw.TIME, raw.STRING):
        for count in (0, expected[1]):
            told = seen(pair.ours, ours, data_type, count)
            assert told == seen(pair.soft, soft, data_type, count), (data_type, count)


@pytest.mark.parametrize("record", ["ao", "mbbo"])
@pytest.mark.parametrize("stamp", ["sec", "dbl", "nsec"])
def test_a_read_with_a_deadband_gives_the_value_also_if_a_time_is_asked_for(
    pair: Pair, record: str, stamp: str
) -> None:
    for name in (
        f'.{{"dbnd":{{"abs":1}},"ts":{{"num":"{stamp}"}}}}',
        f'.{{"ts":{{"num":"{stamp}"}},"dbnd":{{"abs":1}}}}',
    ):
        ours, soft = pair.names(record, name)
        assert announced(pair.ours, ours) == announced(pair.soft, soft)
        # Of an mbbo softIoc gives the number as text, too; ours gives the state.
        for data_type in (raw.DOUBLE, raw.SHORT, *([raw.STRING] if record == "ao" else [])):
            assert seen(pair.ours, ours, data_type) == seen(pair.soft, soft, data_type)


STAMPS = [
    *('.{"ts":{"num":"dbl"}}', '.{"ts":{"num":"sec"}}', '.{"ts":{"num":"nsec"}}'),
    *('.{"ts":{"num":"ts"}}', '.{"ts":{"str":"epics"}}', '.{"ts":{"str":"iso"}}'),
    *('.{"ts":{"num":"sec","epoch":"unix"}}', '.{"ts":{"num":"ts","epoch":"epics"}}'),
    *('.{"ts":{"str":"iso","num":"sec"}}', '.{"ts":{"num":"sec","num":"ts"}}'),
    *('.{"ts":{"num":"ts"},"arr":{"s":1}}', '.{"arr":{"s":1},"ts":{"num":"ts"}}'),
    *('.[0]{"ts":{"num":"ts"},"arr":{"s":0,"e":0}}', '.{"ts":{"num":"sec"},"arr":{"s":3}}'),
    *('.{"ts":{"num":"s"}}', '.{"ts":{"num":""}}', '.{"ts":{"num":"second"}}'),
    *('.{"ts":{"num":"sec"},"ts":{}}', '.{"dec":{"n":2},"ts":{"num":"sec"}}'),
    *('.DESC{"ts":{"num":"ts"}}', '.DESC${"ts":{"num":"ts"}}', '.NOPE{"ts":{"num":"ts"}}'),
]


@pytest.mark.parametrize("record", ["ao", "mbbo", "stringout", "waveform"])
@pytest.mark.parametrize("name", STAMPS)
def test_a_time_in_place_of_a_value_has_the_type_that_it_has_to_a_softioc(
    pair: Pair, record: str, name: str
) -> None:
    ours, soft = pair.names(record, name)
    expected = announced(pair.soft, soft)
    assert announced(pair.ours, ours) == expected
    for data_type in (raw.CHAR, raw.ENUM, raw.STRING) if expected else ():
        answers = [
            client.get(each, data_type).one
            for client, each in ((pair.ours, ours), (pair.soft, soft))
        ]
        assert answers[0] == answers[1], data_type


def test_a_time_in_place_of_a_value_is_that_of_the_value(pair: Pair) -> None:
    name, _ = pair.names("ao")

    def read(options: str, data_type: int = raw.DOUBLE) -> tuple[str | float, ...]:
        return decoded(pair.ours.get(f"{name}.{{ts:{options}}}", data_type)).values

    payload = pair.ours.get(name, raw.DOUBLE + raw.TIME).payload
    seconds, nanoseconds = struct.unpack_from(">II", payload, 4)
    assert read("{num:'ts'}") == (seconds, nanoseconds)
    assert read("{num:'sec',epoch:'unix'}") == (seconds + 631_152_000,)
    assert read("{num:'dbl'}")[0] == pytest.approx(seconds + nanoseconds / 1e9, abs=1e-6)
    assert read("{num:'nsec'}", raw.STRING) == (str(nanoseconds),)
    then = datetime.fromtimestamp(seconds + 631_152_000 + round(nanoseconds, -3) / 1e9).astimezone()
    (text,) = read("{str:'iso'}", raw.STRING)
    stamp = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((stamp - then).total_seconds()) < 2e-6
    assert read("{str:'epics'}") == (then.year,)


@pytest.mark.parametrize("record", ["ao", "mbbo", "stringout", "waveform"])
@pytest.mark.parametrize("field", ["", ".DESC", ".FLNK", ".SEVR", '.{"ts":{"str":"iso"}}'])
def test_a_monitor_in_a_type_without_a_value_is_told_so_as_by_a_softioc(
    pair: Pair, record: str, field: str
) -> None:
    without_numbers = [raw.DOUBLE, raw.ENUM] if field == ".DESC" else []
    acknowledging = [raw.PUT_ACKT, raw.PUT_ACKS, raw.STSACK_STRING]
    for data_type in (*without_numbers, *acknowledging, raw.CLASS_NAME):
        told = []
        for client, name in zip((pair.ours, pair.soft), pair.names(record, field), strict=True):
            assert client.open(name) is not None
            (message,) = client.events[client.monitor(name, data_type, raw.DBE_VALUE, 1)]
            told.append((message.data_type, message.count, message.one, len(message.payload)))
            client.close(name)
        assert told[0] == told[1], data_type


@pytest.mark.parametrize(
    ("record", "own", "texts"),
    [
        ("ao", "Red1:BinMax", ["1", " 2", "3 ", "\t4\n", "0x10", "0X1f", "+5", "1E2", "x", " "]),
        ("mbbo", "Red1:Normalisation", ["1", " 2", "1 ", "+1", "-1", "9", "none", " None"]),
        ("bo", "Pause", ["1", " 1", "+1", "2", "Pause", " Pause", "1.0", ""]),
    ],
)
def test_a_text_that_is_put_is_the_number_or_the_state_that_it_is_to_a_softioc(
    pair: Pair, record: str, own: str, texts: list[str]
) -> None:
    # Last: other bins make the server end the channel of an array that has become longer.
    for text in texts:
        put = text.encode().ljust(raw.TEXT_SIZE, b"\0")
        said = []
        for client, name in ((pair.ours, pair.prefix + own), (pair.soft, f"S:{record}")):
            assert client.put(name, raw.DOUBLE, struct.pack(">d", 0 if record != "ao" else 7)) == 1
            taken = client.put(name, raw.STRING, put) == raw.ECA_NORMAL
            said.append((taken, decoded(client.get(name, raw.DOUBLE)).values))
        assert said[0] == said[1], text
