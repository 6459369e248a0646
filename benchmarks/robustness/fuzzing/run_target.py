"""``python -m benchmarks.robustness.fuzzing.run_target TARGET RUNS SEED FOLDER``: fuzz a target.

Inputs that reached something new are kept in ``FOLDER/corpus``, with which the next run begins.
How inputs ended is written to ``FOLDER/outcomes.json``, and an input that failed to ``FOLDER``.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["reduction.messages", "reduction.stream", "reduction.control"]
):
    import reduction.control.order_sender
    import reduction.control.reports
    import reduction.stream.pulse_assembler  # noqa: F401

from benchmarks.robustness.fuzzing.order_target import OrderTarget
from benchmarks.robustness.fuzzing.report_target import ReportTarget
from benchmarks.robustness.fuzzing.stream_target import StreamTarget
from benchmarks.robustness.fuzzing.target import Target

TARGETS: dict[str, type[Target]] = {
    "messages": StreamTarget,
    "orders": OrderTarget,
    "reports": ReportTarget,
}

LONGEST_INPUT = 20_000
HANG_S = 60
"""One input that takes longer is a hang; it is long because the machine may be busy."""

MOST_MEMORY_MB = 3000
WRITTEN_EVERY = 1000


def main(name: str, runs: str, seed: str, folder: str) -> None:
    """Fuzz a target; this ends the process."""
    place = Path(folder)
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name]()
    for number, each in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(each)

    def write() -> None:
        (place / "outcomes.json").write_text(json.dumps(target.outcomes))

    def take(data: bytes) -> None:
        try:
            target.take(data)
        except BaseException:
            traceback.print_exc()  # with its notes, which libFuzzer leaves out
            write()
            raise
        total = target.outcomes.total()
        if total % WRITTEN_EVERY == 0 or total >= int(runs):
            write()

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        made = target.mutated(data, seed)
        return atheris.Mutate(data, longest) if made is None else made[:longest]

    flags = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_INPUT}", f"-timeout={HANG_S}"]
    more = [f"-rss_limit_mb={MOST_MEMORY_MB}", f"-artifact_prefix={place}/", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *flags, *more, str(corpus)], take, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
