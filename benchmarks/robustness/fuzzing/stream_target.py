"""Mutated ``ev44`` and ``f144`` messages, taken by ranks of both dialects."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144

from benchmarks.robustness.fuzzing.target import Uncounted
from reduction.messages.contents import (
    MOST_PULSES,
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    encode_chunk,
    encode_log,
    encode_pulse_mark,
)
from reduction.messages.run_messages import RunMessage, encoded_run_message
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from tests.support.ranks.arc_pulses import order, settings
from tests.support.ranks.one_rank import PERIOD_NS, START_NS, OneRank

PULSE_EVERY, REPORT_EVERY, AFRESH_EVERY = 10, 200, 5000
"""After so many inputs a valid pulse comes, results are reported, and all begins afresh."""

FAR = (-(2**63), -1, 0, 1, 2**31, 2**53, 2**62, 2**63 - 1)
CHUNKS_OF_PULSE = 2
TOO_MANY_PULSES = 0.003
"""Share of wild messages with more pulses than are read; they take long to make."""


class FedIntake:
    """A rank of one dialect with valid pulses among the inputs, and a clock that goes with them."""

    def __init__(self, dialect: Dialect) -> None:
        self.now_ns = START_NS
        self.intake = PulseAssembler(
            [0], lambda: self.now_ns, StreamFormat(dialect=dialect, monitors={"monitor": 1000})
        )
        self._rank = OneRank(START_NS, intake=self.intake)
        self._pulse = self._chunks = self._revision = 0
        self._offset = 0
        self.report()

    def pulse(self) -> None:
        """A valid pulse of two chunks."""
        self._pulse += 1
        self.now_ns = at_ns = START_NS + self._pulse * PERIOD_NS
        pixels = np.arange(10, dtype=np.int32)
        self._take(encode_log("proton_charge", at_ns, 1.0))
        for _ in range(CHUNKS_OF_PULSE):
            chunk = Chunk("bank", self._chunks, at_ns, pixels, pixels * 4_000_000)
            self._take(encode_chunk(chunk))
            self._chunks += 1
        self._take(encode_pulse_mark(self._pulse, at_ns, self._chunks))

    def _take(self, message: bytes) -> None:
        self._offset += 1
        self.intake.take(0, message, self._offset)

    def report(self) -> None:
        """Have the rank report, and check that each event is counted once."""
        self._revision += 1
        report = self._rank.obeyed(order(self._revision, settings(bin_params="0.4,0.1,5")))
        if report.unaccounted:
            raise Uncounted(f"{report.unaccounted} events are not counted, or counted twice")

    def take(self, data: bytes) -> str:
        """Take an input; how it ended. Raises `Uncounted` if nothing shows it."""
        before = self._shown()
        self._take(data)
        outcome, must_show = self._outcome(data)
        if must_show and self._shown() == before:
            raise Uncounted(f"{outcome}: no count has changed")
        return outcome

    def _outcome(self, data: bytes) -> tuple[str, bool]:
        """What an input is, and whether a count must show it."""
        try:
            content = decode(data, {"monitor": 1000})
        except CorruptMessage:
            return "corrupt", True
        except UnknownSchema as error:
            return ("run message" if error.schema in ("pl72", "6s4t") else "unknown"), True
        if not isinstance(content, LogValue):
            return "chunks", True
        if content.name == PULSE_MARK:
            return "mark", self.intake.dialect is Dialect.MARKED
        kept = content.name in self.intake.logs.names
        return "log value", not kept

    def _shown(self) -> tuple[object, ...]:
        """All that tells that a message has come."""
        (state,) = self.intake.partitions.values()
        kept = len(state.pending) + len(state._held)
        faults = tuple(vars(state.faults).values())
        return faults, kept, state.in_doubt, state.reached, len(self.intake.runs.waiting)


class StreamTarget:
    """Gives each input to a rank of each dialect."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seeds = seeds()
        self._begin()

    def _begin(self) -> None:
        self._taken = 0
        self._fed = [FedIntake(dialect) for dialect in (Dialect.MARKED, Dialect.PLAIN)]

    def take(self, data: bytes) -> None:
        """Take an input in both dialects."""
        self._taken += 1
        marked, plain = self._fed
        self.outcomes[marked.take(data)] += 1
        plain.take(data)
        for each in self._fed:
            if self._taken % PULSE_EVERY == 0:
                each.pulse()
            if self._taken % REPORT_EVERY == 0:
                each.report()
        if self._taken == AFRESH_EVERY:
            self._begin()

    def mutated(self, data: bytes, seed: int) -> bytes | None:  # noqa: ARG002
        """A valid message whose content is wild, or None."""
        random = Random(seed)
        if random.random() < 0.5:
            return None
        return random.choice((_wild_chunk, _wild_log, _wild_mark))(random)


def seeds() -> list[bytes]:
    """Valid messages of each kind that is read."""
    pixels = np.arange(6, dtype=np.int32)
    at_ns = START_NS + 3 * PERIOD_NS
    return [
        encode_chunk(Chunk("bank", 6, at_ns, pixels, pixels * 1_000_000)),
        encode_chunk(Chunk("other", 2**60, at_ns, pixels[:0], pixels[:0])),
        serialise_ev44("several", 1, [at_ns, at_ns + 1, at_ns + 2], [0, -1, 3], pixels, pixels),
        serialise_ev44("monitor", 2, [at_ns], [0], pixels, []),
        serialise_ev44("unmapped", 2, [at_ns], [0], pixels, []),
        encode_log("proton_charge", at_ns, 1.0),
        *(serialise_f144("T", kind(7), at_ns) for kind in (np.int8, np.uint64, np.float32)),
        serialise_f144("array", np.arange(4.0), at_ns),
        serialise_f144("nan", np.float64(np.nan), at_ns),
        encode_pulse_mark(3, at_ns, 6),
        encoded_run_message(RunMessage(True, "job", "run 1", "a title", at_ns)),
        encoded_run_message(RunMessage(False, "job", "run 1", "", at_ns)),
    ]


def _time_ns(random: Random) -> int:
    """Near the pulses, or any number of 64 bits."""
    near = START_NS + round(random.gauss(0, 20) * PERIOD_NS)
    return random.choice((near, near, START_NS + random.randrange(600) * PERIOD_NS, _far(random)))


def _far(random: Random) -> int:
    return random.choice((*FAR, random.randrange(-(2**63), 2**63)))


def _number(random: Random) -> int:
    """Near the numbers of the pulses and chunks, or any number of 64 bits."""
    return random.choice((random.randrange(2000), random.randrange(2000), _far(random)))


def _wild_chunk(random: Random) -> bytes:
    events, pulses = random.choice((0, 1, 10)), random.choice((1, 1, 1, 3))
    if random.random() < TOO_MANY_PULSES:
        pulses = MOST_PULSES + 1
    any_bits = np.frombuffer(random.randbytes(8 * events), np.int32).reshape(2, events)
    times_ns = [_time_ns(random) for _ in range(pulses)]
    starts = [random.choice((0, 0, -1, events // 2, events, -7)) for _ in range(pulses)]
    message: bytes = serialise_ev44(
        random.choice(("bank", "bank", "monitor", "other", "s" * 300, "\0é")),
        random.choice((_number(random), times_ns[0])),
        times_ns,
        sorted(starts) if random.random() < 0.5 else starts,
        any_bits[0],
        any_bits[1][: random.choice((events, events, 0, events // 2))],
    )
    return message


def _wild_log(random: Random) -> bytes:
    value = random.choice((0.0, 1.0, np.nan, np.inf, -1e308, 5e-324, random.random()))
    name = random.choice(("proton_charge", "T", "\0", "n" * 5000, f"n{random.randrange(10**6)}"))
    return encode_log(name, _time_ns(random), value)


def _wild_mark(random: Random) -> bytes:
    return encode_pulse_mark(_number(random), _time_ns(random), _number(random))
