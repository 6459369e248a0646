"""``python -m benchmarks``: measure, print the tables and, after a full run, write the README."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from benchmarks import (
    catch_up,
    kafka_kills,
    kafka_load,
    kafka_transport,
    kernel,
    kills,
    load,
    mantid_engine,
    puts,
    ranks,
    recut,
    replay,
    report,
    screens,
    serving,
    simulator,
    start,
    transport,
    web_browser,
    web_page,
)
from benchmarks.machine import machine
from benchmarks.rows import Row, markdown

PARTS = (
    *("simulator", "kernel", "recut", "mantid", "ranks", "transport", "serving", "puts"),
    *("load", "rebin", "most", "kafka", "kills", "replay", "start", "screens", "web"),
)


def results(only: str | None, quick: bool) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each part asked for, as they come; load and rebin share one run."""
    if only in (None, "simulator"):
        yield "simulator", simulator.measure(quick)
    if only in (None, "kernel"):
        yield "kernel", kernel.measure(quick)
    if only in (None, "recut"):
        yield "recut", recut.measure(quick)
    if only in (None, "mantid"):
        yield "mantid", mantid_engine.measure(quick, os.environ.get("MANTID_PYTHON", ""))
    if only in (None, "ranks"):
        yield "ranks", ranks.measure(quick)
    if only in (None, "transport"):
        yield "transport", [*transport.measure(quick), *kafka_transport.measure(quick)]
    if only in (None, "serving"):
        yield "serving", serving.measure(quick)
    if only in (None, "puts"):
        yield "puts", puts.measure(quick)
    if only in (None, "load", "rebin"):
        yield from load.measure(quick, [only] if only else ["load", "rebin"]).items()
    if only in (None, "most"):
        yield "most", load.most(quick)
    if only in (None, "kafka"):
        yield "kafka", kafka_load.measure(quick)
    if only in (None, "kills"):
        yield (
            "kills",
            [
                *kills.measure(quick),
                *kafka_kills.measure(quick),
                *catch_up.measure(quick),
            ],
        )
    if only in (None, "replay"):
        yield "replay", replay.measure(quick)
    if only in (None, "start"):
        yield "start", start.measure(quick)
    if only in (None, "screens"):
        yield "screens", screens.measure(quick)
    if only in (None, "web"):
        yield "web", [*web_page.measure(quick), *web_browser.measure(quick)]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run this part alone; writes nothing")
    parser.add_argument("--quick", action="store_true", help="shorter; writes nothing")
    asked = parser.parse_args()
    print(machine(), flush=True)
    found = {}
    for name, rows in results(asked.only, asked.quick):
        found[name] = rows
        print(f"\n{name}\n\n{markdown(rows)}", flush=True)
    if not (asked.only or asked.quick):
        report.README.write_text(report.page(found), encoding="utf-8")
        print("written to benchmarks/README.md")


if __name__ == "__main__":
    main()
