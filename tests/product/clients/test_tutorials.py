"""The sessions that tutorials and guides show, typed against the running product."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.documents.pages import ROOT, Page, pages
from tests.support.documents.transcripts import commands, product, sessions
from tests.support.kafka.kafka_broker import KafkaBroker
from tests.support.product.scripts import needs

pytestmark = pytest.mark.timeout(600)

SHOWING = [page for page in pages() if sessions(page.path)]
FED_BY_SIMULATOR = [page for page in SHOWING if page.path.name != "facility-stream.md"]
RUN_HERE = {"docs/tutorials/bluesky-scan.md"}
"""Pages whose Python code is run in this test, after their sessions."""

RUN_ELSEWHERE = {
    "docs/how-to/clients.md",
    "docs/how-to/one-result.md",
    "docs/reference/event-stream.md",
}
"""Pages whose code is run by `test_examples`, `test_one_result` and `test_event_log_code`."""

NEEDS = {
    "docs/tutorials/pressure-ramp.md": [needs("epics", "pyepics"), needs("matplotlib", "plot")],
    "docs/tutorials/bluesky-scan.md": [needs("ophyd", "ophyd")],
    "docs/tutorials/first-pattern.md": [needs("matplotlib", "plot"), needs("rich", "top")],
    "README.md": [needs("rich", "top")],
    "docs/how-to/one-result.md": [needs("p4p", "pva")],
}


FACILITY = "docs/tutorials/facility-stream.md"
"""The page whose sessions are typed while events come from Kafka."""


def facility_flags(broker: KafkaBroker, folder: Path) -> tuple[str, ...]:
    """The flags that the page shows, with the address of a broker of the test."""
    shown = (ROOT / "examples/facility.toml").read_text(encoding="utf-8")
    file = folder / "facility.toml"
    file.write_text(shown.replace("127.0.0.1:9092", broker.address), encoding="utf-8")
    return f"--config={file}", "--simulated", "--habits=several-sources,late-logs,id-restarts"


def test_the_sessions_with_a_facilitys_stream_print_what_is_shown(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    page = ROOT / FACILITY
    typed = [command for session in sessions(page) for command in commands(session)]
    with product(tmp_path, *facility_flags(kafka_broker, tmp_path)) as shell:
        differences = [command.differs(shell.run(command)) for command in typed]
    assert not any(differences), "\n\n".join(filter(None, differences))


def test_the_page_shows_the_file_of_the_example() -> None:
    (shown,) = Page(ROOT / FACILITY).blocks("toml")
    example = (ROOT / "examples/facility.toml").read_text(encoding="utf-8")
    assert example.partition("\n")[2] == shown


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=NEEDS.get(page.name, [])) for page in FED_BY_SIMULATOR],
)
def test_a_session_shown_prints_what_it_is_shown_to_print(page: Page, tmp_path: Path) -> None:
    typed = [command for session in sessions(page.path) for command in commands(session)]
    with product(tmp_path) as shell:
        differences = [command.differs(shell.run(command)) for command in typed]
        if page.name in RUN_HERE:
            for code in page.blocks("python"):
                shell.run_python(code)
    assert not any(differences), "\n\n".join(filter(None, differences))


def test_each_tutorial_shows_sessions() -> None:
    tutorials = {f"docs/tutorials/{path.name}" for path in (ROOT / "docs/tutorials").glob("*.md")}
    assert tutorials - {"docs/tutorials/index.md"} <= {page.name for page in SHOWING}


def test_no_page_shows_python_that_is_not_run() -> None:
    showing = {page.name for page in pages() if page.blocks("python")}
    assert showing == RUN_HERE | RUN_ELSEWHERE
