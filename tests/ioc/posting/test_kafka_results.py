"""Results out to Kafka: as ESS' own package decodes them, and never in the way of the IOC."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.dataarray_da00 import deserialise_da00

from ioc.options.command_line import parse
from ioc.options.program import StartError
from ioc.options.tables.publish_table import publish_table, result_topic
from ioc.posting.kafka_results import KafkaResults, kafka_producer
from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult, SeriesResult
from reduction.kafka.servers import KafkaServer, ResultTopic, SentSpectra, topic_at
from reduction.parameters.all_reductions.readings import StreamStatus
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from reduction.results.intensity_labels import intensity_units
from reduction.results.outgoing.da00_message import da00_message, sum_source
from reduction.results.views import PostedReduction, reduction_view
from tests.support.ioc.publisher_bench import PublisherBench, at_once, report
from tests.support.kafka.kafka_broker import Topic, wait_until

TOPIC = topic_at("kafka://127.0.0.1:1/results")
NS = 1_767_225_600_000_000_000


def posted(counts: int = 4, generation: int = 3, pulses: tuple[int, int] = (7, 99)) -> Any:
    """What is in the process variables after a report."""
    bench = PublisherBench()
    order = dataclasses.replace(
        bench.order,
        reductions=(ReductionOrder(generation, bench.order.reductions[0].settings),),
    )
    stream = StreamStatus(pulse_first=pulses[0], pulse_last=pulses[1])
    at_once(bench.publisher.ranks(report(order, counts, stream=stream, pulse_time_ns=NS)))
    return bench.publisher.posted


def with_families(scale: int) -> dict[int, PostedReduction]:
    """A posted result of two slices, two groups and a closed series."""
    bins = ReductionSettings(
        bin_params="1,0.5,2.5",
        filter=FilterSettings("T", 0, 5, 10),
        detectors=DetectorSettings(groups="0:4;5:9"),
    )
    order = ReductionOrder(0, bins)
    status = SeriesStatus(pulses=3, pulse_first=3, pulse_last=5)
    series = SeriesResult(status, np.array([7, 8, 9]), 1.0, 0.0)
    counts = scale * np.arange(12).reshape(2, 2, 3)
    result = ReductionResult(
        order, ReductionStatus(), bins.edges, counts, charges_uc=(1.0, 2.0), series=(series,)
    )
    view = reduction_view(result, None)
    assert view is not None
    return {0: PostedReduction(view, order, StreamStatus(pulse_first=6, pulse_last=9))}


class ListedProducer:
    """Keeps what is sent; the test says what brokers answer."""

    def __init__(self, failed: Callable[[str, int], None]) -> None:
        self.failed, self.sent = failed, list[bytes]()
        self.flushed = self.full = False

    def send(self, topic: str, partition: int, time_ns: int, data: bytes, events: int) -> bool:
        assert (topic, partition, time_ns) == ("results", 0, NS)
        if self.full:
            return False
        self.sent.append(data)
        return True

    def poll(self) -> None:
        pass

    def flush(self, seconds: float) -> int:
        self.flushed = True
        return 0


@given(st.integers(1, 10**9), st.integers(0, 2**31 - 1), st.integers(0, 2**62))
def test_a_result_comes_back_as_it_was_posted(counts: int, generation: int, last: int) -> None:
    one = posted(counts, generation, (0, last))[0]
    message = deserialise_da00(da00_message(sum_source("LIVE:Red1:Spec", one), one, NS))
    assert (message.source_name, message.timestamp_ns) == ("LIVE:Red1:Spec", NS)
    found = {each.name: each for each in message.data}
    spectrum = one.view.spectrum
    for name, values in (
        ("signal", spectrum.y),
        ("errors", spectrum.e),
        ("counts", spectrum.yc),
        ("d_spacing", spectrum.xe),
    ):
        assert found[name].axes == ["d_spacing"]
        assert found[name].data.dtype == np.float64
        np.testing.assert_array_equal(found[name].data, values)
    numbers = {name: found[name].data for name in ("generation", "pulse_first", "pulse_last")}
    assert numbers == {"generation": generation, "pulse_first": 0, "pulse_last": last}
    assert found["signal"].unit == found["errors"].unit == "counts/angstrom"
    assert found["d_spacing"].unit == "angstrom"


@pytest.mark.parametrize("units", list(Units))
@pytest.mark.parametrize("by", list(Normalisation))
def test_scipp_knows_the_unit_of_each_intensity(units: Units, by: Normalisation) -> None:
    sc = pytest.importorskip("scipp", reason="scipp is not installed")
    made = sc.Unit(intensity_units(units, CorrectionSettings(by)))
    per = {Normalisation.NONE: "counts", Normalisation.PROTON_CHARGE: "counts/uC"}.get(by, "one")
    assert made == sc.Unit(per) / sc.Unit(units.labels.units)
    ratio = CorrectionSettings(by, vanadium="vanadium.nxs")
    assert sc.Unit(intensity_units(units, ratio)) == sc.Unit("one")


async def sending(results: KafkaResults, producer: ListedProducer, count: int) -> None:
    for _ in range(1000):
        await asyncio.sleep(0.005)
        if len(producer.sent) >= count:
            return
    raise AssertionError(f"{len(producer.sent)} sent")


async def until_problem(results: KafkaResults, words: str) -> None:
    for _ in range(1000):
        await asyncio.sleep(0.005)
        if words in results.problem:
            return
    raise AssertionError(results.problem)


async def test_each_posted_result_is_sent_once_and_of_many_the_newest_one() -> None:
    made: list[ListedProducer] = []

    def make(failed: Callable[[str, int], None]) -> ListedProducer:
        made.append(ListedProducer(failed))
        return made[-1]

    results = KafkaResults(TOPIC, "P:", make)
    (producer,) = made
    task = asyncio.create_task(results.run())
    first = posted(1)
    results.offer(first, NS)
    results.offer(first, NS)
    await sending(results, producer, 1)
    results.offer(posted(2), NS)
    results.offer(posted(3), NS)
    await sending(results, producer, 2)
    await asyncio.sleep(0.3)
    counts = [deserialise_da00(each).data[2].data[0] for each in producer.sent]
    assert counts == [1, 3]
    producer.failed("brokers are away", 0)
    assert results.problem == (
        "results are not sent to kafka://127.0.0.1:1/results: brokers are away"
    )
    producer.failed("", 0)
    assert results.problem == ""
    producer.full = True
    results.offer(posted(4), NS)
    await until_problem(results, "brokers do not take what is sent")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert producer.flushed


async def test_slices_groups_and_series_are_sources_of_their_own_if_they_are_asked_for() -> None:
    made: list[ListedProducer] = []

    def make(failed: Callable[[str, int], None]) -> ListedProducer:
        made.append(ListedProducer(failed))
        return made[-1]

    topic = dataclasses.replace(TOPIC, spectra=frozenset(SentSpectra))
    results = KafkaResults(topic, "P:", make)
    (producer,) = made
    task = asyncio.create_task(results.run())
    results.offer(with_families(1), NS)
    await sending(results, producer, 6)
    results.offer(with_families(2), NS)
    await sending(results, producer, 11)
    await asyncio.sleep(0.3)
    messages = [deserialise_da00(each) for each in producer.sent]
    first = ["P:Red1:Spec", "P:Red1:Slice1", "P:Red1:Slice2", "P:Red1:Group1", "P:Red1:Group2"]
    names = [*first, "P:Red1:Series1", *first]  # a closed series is sent once
    assert [each.source_name for each in messages] == names
    found = {each.source_name: {v.name: v.data for v in each.data} for each in messages[:6]}
    for name, low, high in (("P:Red1:Slice1", 0.0, 5.0), ("P:Red1:Slice2", 5.0, 10.0)):
        assert (found[name]["low"], found[name]["high"]) == (low, high)
    spectra = [found[name]["counts"] for name in ("P:Red1:Slice1", "P:Red1:Slice2")]
    np.testing.assert_array_equal(found["P:Red1:Spec"]["counts"], sum(spectra))
    assert found["P:Red1:Series1"]["counts"].tolist() == [7, 8, 9]
    series = found["P:Red1:Series1"]
    assert (series["pulse_first"], series["pulse_last"], series["generation"]) == (3, 5, 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("words", ["slice", "slices,all"])
def test_spectra_that_there_are_not_are_refused(words: str) -> None:
    with pytest.raises(StartError, match="they are slices, groups, series"):
        parse(["run", "--publish=kafka://a:1/t", f"--publish-spectra={words}"])


def test_spectra_are_named_on_the_command_line_or_in_the_table() -> None:
    found = result_topic("kafka://a:1/t", "slices, series")
    assert found is not None
    assert found.spectra == {SentSpectra.SLICES, SentSpectra.SERIES}
    table = {"topic": "kafka://a:1/t", "spectra": ["groups"]}
    assert publish_table("x", table).spectra == {SentSpectra.GROUPS}


async def test_a_broker_that_is_away_is_told_and_costs_no_time() -> None:
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    results = KafkaResults(TOPIC, "P:", kafka_producer(TOPIC))
    task = asyncio.create_task(results.run())
    longest_s, before_s = 0.0, time.monotonic()
    deadline_s = before_s + 20
    while not results.problem and time.monotonic() < deadline_s:
        results.offer(posted(1), NS)
        before_s = time.monotonic()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.monotonic() - before_s)
        await asyncio.sleep(0.1)
    assert "timed out" in results.problem
    assert longest_s < 1.0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_results_come_through_a_broker(kafka_topic: Topic) -> None:
    from confluent_kafka import Consumer, TopicPartition

    await asyncio.to_thread(kafka_topic.make)
    topic = topic_at(f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}")
    results = KafkaResults(topic, "P:", kafka_producer(topic))
    task = asyncio.create_task(results.run())
    results.offer(posted(6), NS)
    consumer = Consumer({"bootstrap.servers": topic.server.brokers, "group.id": "test"})
    consumer.assign([TopicPartition(topic.name, 0, 0)])
    found: list[bytes] = []

    def came() -> bool:
        message = consumer.poll(0.1)
        found.extend([message.value()] if message is not None and not message.error() else [])
        return bool(found)

    await asyncio.to_thread(wait_until, came)
    consumer.close()
    message = deserialise_da00(found[0])
    assert message.source_name == "P:Red1:Spec"
    assert message.data[2].data.tolist() == [6, 6, 6]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("text", ["kafka://host:9092", "kafka:///t", "kafka://h/a/b"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartError, match=r"publish = .*kafka://host:9092/topic"):
        parse(["run", f"--publish={text}"])


def test_an_address_of_a_topic() -> None:
    address = "kafka://a:1,b:2/results-1"
    assert topic_at(address) == ResultTopic(KafkaServer("a:1,b:2"), "results-1")
    assert str(topic_at(address)) == address
    options: Any = parse(["run", "--publish=kafka://a:1/results"])
    assert options.publish == "kafka://a:1/results"
    assert result_topic("") is None


TABLE = """
[publish]
topic = "kafka://a:1/results"
[publish.librdkafka]
"security.protocol" = "SASL_SSL"
"sasl.password_file" = "/etc/loki/password"
"""


def test_a_table_has_options_and_names_files_of_secrets(tmp_path: Path) -> None:
    file = tmp_path / "loki.toml"
    file.write_text(TABLE)
    options: Any = parse(["run", "--config", str(file)])
    topic = result_topic(options.publish)
    assert topic is not None
    assert topic.server.options == (("security.protocol", "SASL_SSL"),)
    assert topic.server.secrets == (("sasl.password", Path("/etc/loki/password")),)
    assert str(topic) == "kafka://a:1/results"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "no address of the form"),
        ({"topic": 3}, r"x\.topic = 3: an address"),
        ({"topics": "t"}, "no setting is called 'topics'; did you mean topic"),
        ({"topic": "kafka://a:1/t", "spectra": "slices"}, r"x\.spectra = 'slices': a list of"),
        ({"topic": "kafka://a:1/t", "spectra": ["all"]}, r"x\.spectra: 'all': they are slices"),
        ({"topic": "kafka://a:1/t", "librdkafka": {"sasl.password": "open"}}, "keep it in a file"),
    ],
)
def test_a_table_that_is_wrong_is_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(StartError, match=words):
        publish_table("x", table)


def test_a_file_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        result_topic(str(tmp_path / "none.toml"))
    file = tmp_path / "some.toml"
    file.write_text("ranks = 2")
    with pytest.raises(StartError, match=r"there is no table \[publish\] in it"):
        result_topic(str(file))
    file.write_text("[publish")
    with pytest.raises(StartError, match=r"some\.toml"):
        result_topic(str(file))
