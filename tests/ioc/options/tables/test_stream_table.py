"""The table [stream]: what a facility's topics hold; wrong ones are refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ioc.options.command_line import parse
from ioc.options.commands import RanksOptions, RunOptions
from ioc.options.program import StartError
from ioc.options.tables.stream_table import from_table, kafka_stream
from reduction.kafka.servers import KafkaServer
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

BEAMLINE = """
ranks = 3

[stream]
servers = "kafka://broker1:9092,broker2:9092"
dialect = "plain"
detectors = ["loki_detector_bank0", "loki_detector_bank1/loki"]
monitors = { "loki_beam_monitor/monitor_1" = 100001, "loki_beam_monitor/monitor_2" = 100002 }
logs = { "loki_motion" = "*", "tn_data_general/LOKI:T" = "temperature" }

[stream.librdkafka]
security.protocol = "SASL_SSL"
"sasl.mechanisms" = "SCRAM-SHA-256"
sasl.username = "loki"
sasl.password_file = "{password}"
fetch.wait.max.ms = 50
"""


def test_a_beamline_in_a_table(tmp_path: Path) -> None:
    file, password = tmp_path / "loki.toml", tmp_path / "password"
    file.write_text(BEAMLINE.replace("{password}", str(password)))
    password.write_text("sesame")
    options = parse(["run", "--config", str(file)])
    assert isinstance(options, RunOptions)
    assert (options.stream, options.ranks) == (str(file), 3)
    assert not options.has_simulator
    ranks = options.options_for(RanksOptions, partitions=3)
    assert f"--stream={file}" in ranks.arguments()
    stream = kafka_stream(ranks.stream, ranks.dialect)
    assert stream is not None
    assert stream.dialect is Dialect.PLAIN
    assert stream.server == KafkaServer(
        "broker1:9092,broker2:9092",
        (
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanisms", "SCRAM-SHA-256"),
            ("sasl.username", "loki"),
            ("fetch.wait.max.ms", "50"),
        ),
        (("sasl.password", password),),
    )
    assert {topic.name: topic.sources for topic in stream.topics} == {
        "loki_detector_bank0": UsedSources(None, {}, {}),
        "loki_detector_bank1": UsedSources(frozenset({"loki"}), {}, {}),
        "loki_beam_monitor": UsedSources(
            frozenset(), {"monitor_1": 100001, "monitor_2": 100002}, {}
        ),
        "loki_motion": UsedSources(frozenset(), {}, None),
        "tn_data_general": UsedSources(frozenset(), {}, {"LOKI:T": "temperature"}),
    }


def test_logs_in_a_list_keep_their_names() -> None:
    stream = from_table("x", {"servers": "a:1", "detectors": ["d"], "logs": ["d", "l/T"]})
    assert [each.sources.logs for each in stream.topics] == [None, {"T": "T"}]


def test_a_topic_of_runs_has_no_events_and_no_logs() -> None:
    stream = from_table("x", {"servers": "a:1", "detectors": ["d"], "runs": ["w"]})
    (events, runs) = stream.topics
    assert (events.has_runs, runs.has_runs) == (False, True)
    assert (runs.name, runs.sources, runs.look_back) == ("w", UsedSources(frozenset(), {}, {}), 0)


def test_addresses_of_brokers_may_have_spaces_and_no_ports() -> None:
    table = {"servers": "kafka://a:1, b ,[::1]:9093", "detectors": ["d"]}
    assert from_table("x", table).server.brokers == "a:1,b,[::1]:9093"


def test_an_address_on_the_command_line() -> None:
    assert kafka_stream("", "auto") is None
    stream = kafka_stream("kafka://a:1/t", "plain")
    assert stream is not None
    assert (stream.server.brokers, stream.names, stream.dialect) == ("a:1", ("t",), Dialect.PLAIN)


GOOD: dict[str, Any] = {"servers": "a:1", "detectors": ["d"]}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"detectors": ["d"]}, r"x.servers = '': the address of a broker"),
        ({"servers": "kafka://", "detectors": ["d"]}, r"x.servers = 'kafka://'"),
        ({"servers": "a:1"}, "no topic with events"),
        (GOOD | {"detector": []}, "no setting is called 'detector'.*detectors"),
        (GOOD | {"dialect": "none"}, "x.dialect = 'none': it is one of auto, marked, plain"),
        (GOOD | {"detectors": "d"}, r"x.detectors = 'd': a list of topics"),
        (GOOD | {"monitors": ["m"]}, r"x.monitors = .*: a table of 'topic/source'"),
        (GOOD | {"monitors": {"m": 1}}, "'m': it is 'topic/source'"),
        (GOOD | {"monitors": {"m/a": "1"}}, "'m/a' = '1': it is a pixel id"),
        (GOOD | {"monitors": {"m/a": -1}}, "'m/a' = -1: it is a pixel id"),
        (GOOD | {"logs": {"t": "name"}}, "'t': it is 'topic/source'"),
        (GOOD | {"logs": {"t/a": 5}}, "'t/a' = 5: it is a name"),
        (GOOD | {"librdkafka": {"group.id": "x"}}, "group.id is not to be set"),
        (GOOD | {"librdkafka": {"debug": [1]}}, r"debug = \[1\]: a text or a number"),
        (GOOD | {"pulses": 3}, "x.pulses = 3: the name of a log"),
        (GOOD | {"librdkafka": "x"}, r"x.librdkafka = 'x': a table"),
        (GOOD | {"servers": "kafka://a:1/t"}, "x.servers = .*: the address of a broker"),
        (GOOD | {"servers": "a:1,kafka://b:1"}, "x.servers = .*, separated by commas"),
        (GOOD | {"servers": "a:port"}, "x.servers = 'a:port'"),
        (GOOD | {"servers": "a:70000"}, "x.servers = 'a:70000'"),
        (GOOD | {"servers": "a:1,"}, "x.servers = 'a:1,'"),
        (GOOD | {"servers": ["a:1"]}, "x.servers = .*: the address of a broker"),
        (GOOD | {"detectors": ["d", "d"]}, "x.detectors: 'd' stands there twice"),
        (GOOD | {"detectors": ["d", "d/s"]}, "'d' takes all sources, and 'd/s' one of them"),
        (GOOD | {"detectors": ["^loki_.*"]}, "'.loki_..' is no name of a topic"),
        (GOOD | {"detectors": [".."]}, "'..' is no name of a topic"),
        (GOOD | {"detectors": ["/s"]}, "'' is no name of a topic"),
        (GOOD | {"logs": "l"}, "x.logs = 'l': a table of 'topic/source', or a list of topics"),
        (GOOD | {"logs": {"l": "*", "l/a": "b"}}, "'l' takes all sources, and 'l/a' one of them"),
        (GOOD | {"logs": {"l/a": "T", "m/a": "T"}}, "x.logs: two sources are called 'T'"),
        (GOOD | {"logs": ["l/a", "m/a"]}, "x.logs: two sources are called 'a'"),
        (GOOD | {"logs": {"l/a": "*"}}, "'l/a' = '.': that is for a whole topic"),
        (GOOD | {"logs": {"l/a": ""}}, "'l/a' = '': a name of at most 300 characters"),
        (GOOD | {"logs": {"l/a": "pulse"}}, "but not pulse or time"),
        (GOOD | {"logs": {"l/a": "T"}, "pulses": "Q"}, "x.pulses = 'Q': no log in logs is called"),
        (GOOD | {"librdkafka": {"metadata.broker.list": "x"}}, "is not to be set"),
        (GOOD | {"librdkafka": {"error_cb": "x"}}, "error_cb is not to be set"),
        (
            GOOD | {"librdkafka": {"sasl.mechanisms": "PLAIN", "security.protocol": "SSL"}},
            "sasl.mechanisms has no effect: security.protocol is SSL, and would have to be"
            " SASL_PLAINTEXT or SASL_SSL",
        ),
        (
            GOOD
            | {"librdkafka": {"sasl.mechanisms": "OAUTHBEARER", "security.protocol": "SASL_SSL"}},
            "OAUTHBEARER needs sasl.oauthbearer.method = 'oidc'",
        ),
        (
            GOOD | {"librdkafka": {"ssl.key.password_file": "x"}},
            "ssl.key.password has no effect: security.protocol is PLAINTEXT",
        ),
    ],
)
def test_a_table_that_is_wrong_is_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(StartError, match=words):
        from_table("x", table)


def test_a_secret_in_the_table_is_refused_and_not_shown() -> None:
    with pytest.raises(StartError, match=r"name that: sasl\.password_file") as refused:
        from_table("x", GOOD | {"librdkafka": {"sasl": {"password": "open sesame"}}})
    assert "sesame" not in str(refused.value)


def test_files_without_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        kafka_stream(str(tmp_path / "none.toml"), "auto")
    file = tmp_path / "some.toml"
    file.write_text("ranks = 2")
    with pytest.raises(StartError, match=r"there is no table \[stream\] in it"):
        kafka_stream(str(file), "auto")
    file.write_text("[stream")
    with pytest.raises(StartError, match=r"some\.toml"):
        kafka_stream(str(file), "auto")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(StartError, match="no address of the form"):
        kafka_stream("kafka://", "auto")


def test_habits_are_checked() -> None:
    with pytest.raises(StartError, match=r"habits = .quiet-pulse.: .*quiet-pulses"):
        parse(["simulate", "--habits=quiet-pulse"])


SASL = '"security.protocol" = "SASL_SSL"\n'


def test_options_and_files_that_librdkafka_does_not_take_are_refused_at_the_start(
    tmp_path: Path,
) -> None:
    file, empty = tmp_path / "loki.toml", tmp_path / "empty"
    empty.touch()
    table = '[stream]\nservers = "a:1"\ndetectors = ["d"]\n[stream.librdkafka]\n'
    for option, words in (
        ('"no.such" = 1', 'No such configuration property: "no.such"'),
        (f'{SASL}"sasl.password_file" = "/nowhere"', "sasl.password: file /nowhere: No such file"),
        (f'{SASL}"sasl.password_file" = "{empty}"', f"sasl.password: file {empty}: it is empty"),
        (SASL, "this library has no Kerberos"),
        (
            '"security.protocol" = "SSL"\n"ssl.ca.location" = "/nowhere"',
            "the file in ssl.ca.location cannot be read",
        ),
    ):
        file.write_text(table + option)
        with pytest.raises(StartError, match=f"stream: .*{words}"):
            kafka_stream(str(file), "auto")
