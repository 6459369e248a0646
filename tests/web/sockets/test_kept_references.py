"""Frozen references: which results can be frozen, and how many are kept of whom."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from tests.support.ioc.web_bench import decoded
from web.limits import DEFAULT_LIMITS, WebLimits
from web.sockets.kept_references import KeptReferences, ReferenceRefused
from web.sockets.sent_results import SentResults
from web.sockets.visitors import Visitor
from web.values.names import WebPv
from web.values.pv_value import PvMetadata, WebValue

LIMITS = replace(
    DEFAULT_LIMITS, recent_results=4, references=3, references_per_s=0.5, reference_burst=5
)
SNAPSHOT = WebPv("T:Red1:Snapshot", None)
OPERATOR = Visitor("brave-otter", "127.0.0.1", trusted=True, may_write=True)
READER = Visitor("calm-crane", "127.0.0.1", trusted=False, may_write=False)


def result(counts: float, bins: int = 4) -> WebValue:
    """A result with the same counts in all bins."""
    arrays = {"XE": np.arange(bins + 1.0) / 3, "Y": np.full(bins, counts), "E": np.ones(bins)}
    fields = {"generation": 7, "pulse_first": 1, "pulse_last": int(counts)}
    return WebValue(PvMetadata("VTable"), 0, 5, 6, arrays=arrays, fields=fields)


class Bench:
    """References of a server whose clock the test moves."""

    def __init__(self, limits: WebLimits = LIMITS) -> None:
        self.now_s = 0.0
        self.results = SentResults(limits)
        self.references = KeptReferences(self.results, limits, lambda: self.now_s)

    def sent(self, value: WebValue) -> int:
        return self.results.number(SNAPSHOT.name, value)

    def freeze(self, value: WebValue, visitor: Visitor = OPERATOR) -> str:
        return self.references.keep(visitor, SNAPSHOT, self.sent(value))

    def kept(self, names: list[str]) -> list[bool]:
        return [self.references.content(each) is not None for each in names]


def test_a_reference_is_the_result_that_was_sent_with_the_number() -> None:
    bench, first = Bench(), result(1 / 3)
    number = bench.sent(first)
    assert bench.sent(result(2)) == number + 1
    assert bench.sent(first) == number
    content = bench.references.content(bench.references.keep(READER, SNAPSHOT, number))
    assert content is not None
    found = decoded(content)
    assert (found.header["pv"], found.header["seconds"]) == (SNAPSHOT.name, 5)
    assert found.header["fields"]["generation"] == 7
    assert list(found.arrays) == ["XE", "Y", "E"]
    np.testing.assert_array_equal(found.arrays["XE"], np.arange(5.0) / 3)
    np.testing.assert_array_equal(found.arrays["Y"], np.full(4, 1 / 3, np.float32))


def test_the_same_result_has_the_same_id_whoever_freezes_it_and_other_results_another() -> None:
    bench, value = Bench(), result(1)
    assert bench.freeze(value) == bench.freeze(value) == bench.freeze(value, READER)
    assert bench.freeze(result(2)) != bench.freeze(value)


def test_the_oldest_references_go_and_one_frozen_again_is_new() -> None:
    bench = Bench()
    values = [result(number) for number in range(3)]
    names = [bench.freeze(each) for each in values]
    assert bench.kept(names) == [True, True, True]
    bench.freeze(values[0])
    bench.now_s = 100
    bench.freeze(result(9))
    assert bench.kept(names) == [True, False, True]


def test_references_are_bounded_in_bytes() -> None:
    bench = Bench(replace(LIMITS, reference_bytes=40_000))
    names = [bench.freeze(result(number, bins=1000)) for number in range(3)]
    assert bench.kept(names) == [False, True, True]
    with pytest.raises(ReferenceRefused, match="too many for a reference"):
        bench.freeze(result(1, bins=3000))
    assert bench.kept(names) == [False, True, True]


def test_visitors_without_the_token_push_out_no_reference_of_the_others() -> None:
    bench = Bench()
    ours = [bench.freeze(result(number)) for number in range(3)]
    for number in range(100):
        bench.now_s += 10
        bench.freeze(result(100 + number), READER)
    assert bench.kept(ours) == [True, True, True]


def test_references_are_frozen_at_a_rate_and_the_flood_of_one_address_keeps_out_no_other() -> None:
    bench, value = Bench(), result(1)
    for _ in range(LIMITS.reference_burst):
        bench.freeze(value, READER)
    with pytest.raises(ReferenceRefused, match="try again"):
        bench.freeze(value, READER)
    bench.freeze(value, replace(READER, address="192.0.2.9"))
    bench.freeze(value)
    bench.now_s = 2.0
    bench.freeze(value, READER)


def test_only_results_that_were_sent_a_short_time_ago_are_frozen() -> None:
    bench, old = Bench(), result(0)
    number = bench.sent(old)
    for each in range(1, 5):
        bench.sent(result(each))
    with pytest.raises(ReferenceRefused, match="too long ago"):
        bench.references.keep(OPERATOR, SNAPSHOT, number)
    with pytest.raises(ReferenceRefused, match="too long ago"):
        bench.references.keep(OPERATOR, SNAPSHOT, number + 100)
    with pytest.raises(ReferenceRefused, match="too long ago"):
        bench.references.keep(OPERATOR, WebPv("T:Red2:Snapshot", None), number + 4)


def test_results_sent_last_are_bounded_in_bytes_but_for_the_newest() -> None:
    results = SentResults(replace(LIMITS, recent_result_bytes=5000))
    values = [result(each, bins=100) for each in range(3)]
    numbers = [results.number("T:S", each) for each in values]
    assert [results.find("T:S", each) is not None for each in numbers] == [False, True, True]
    huge = result(1, bins=10_000)
    assert results.find("T:S", results.number("T:S", huge)) is huge
    assert results.find("T:S", numbers[2]) is None


@pytest.mark.parametrize("name", ["T:Red1:Image:Image", "T:Red1:Spec:Y"])
def test_what_is_no_result_is_not_frozen(name: str) -> None:
    with pytest.raises(ReferenceRefused, match="is no result"):
        Bench().references.keep(OPERATOR, WebPv(name, None), 1)


def test_a_result_without_bins_is_not_frozen() -> None:
    with pytest.raises(ReferenceRefused, match="no result yet"):
        Bench().freeze(result(0, bins=0))


def test_ids_that_were_never_given_name_nothing() -> None:
    source, references = random.Random(4), Bench().references
    for length in range(40):
        assert references.content(source.randbytes(length).hex()) is None


def test_a_page_of_a_former_server_names_no_result_of_this_one() -> None:
    firsts = {SentResults(LIMITS).number("T:S", result(1)) for _ in range(10)}
    assert len(firsts) == 10
