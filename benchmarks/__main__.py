"""``python -m benchmarks``: measure, print the tables and, after a full run, write the README."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping

from benchmarks import report
from benchmarks.displays import screens, web_browser, web_page
from benchmarks.engine import image, kernel, mantid_engine, ranks, recut
from benchmarks.machine import machine
from benchmarks.many_clients import serving
from benchmarks.robustness import bad_clients, chaos, kafka_kills, kills, puts, readers
from benchmarks.robustness.fuzzing import campaign
from benchmarks.rows import Row, markdown
from benchmarks.stream import (
    catch_up,
    kafka_catch_up,
    kafka_transport,
    many_ranks,
    replay,
    simulator,
    transport,
)
from benchmarks.whole_product import image_load, kafka_load, large_result, load, overload, start

PARTS = (
    *("simulator", "kernel", "recut", "image", "mantid", "ranks", "transport", "serving", "puts"),
    *("load", "rebin", "most", "overload", "result", "kafka", "kills", "chaos", "fuzz", "replay"),
    *("start", "screens", "web"),
)


MEASURES: Mapping[str, tuple[Callable[[bool], list[Row]], ...]] = {
    "simulator": (simulator.measure,),
    "kernel": (kernel.measure,),
    "recut": (recut.measure,),
    "image": (image.measure, image_load.measure),
    "mantid": (lambda quick: mantid_engine.measure(quick, os.environ.get("MANTID_PYTHON", "")),),
    "ranks": (ranks.measure, many_ranks.measure),
    "transport": (transport.measure, kafka_transport.measure),
    "serving": (serving.measure,),
    "puts": (puts.measure,),
    "most": (load.most,),
    "overload": (overload.measure,),
    "result": (large_result.measure,),
    "kafka": (kafka_load.measure, kafka_catch_up.measure),
    "kills": (kills.measure, kafka_kills.measure, catch_up.measure),
    "chaos": (chaos.measure,),
    "fuzz": (campaign.measure, readers.measure, bad_clients.measure),
    "replay": (replay.measure,),
    "start": (start.measure,),
    "screens": (screens.measure,),
    "web": (web_page.measure, web_browser.measure),
}
"""What measures each part; load and rebin share one run."""


def results(only: str | None, quick: bool) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each part asked for, as they come."""
    for part in PARTS:
        if part == "load" and only in (None, "load", "rebin"):
            yield from load.measure(quick, [only] if only else ["load", "rebin"]).items()
        elif part in MEASURES and only in (None, part):
            yield part, [row for measure in MEASURES[part] for row in measure(quick)]


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
