"""The sessions that tutorials and guides show, typed against the running product."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import ROOT, Page, pages
from tests.support.scripts import needs
from tests.support.transcripts import commands, product, sessions

pytestmark = pytest.mark.timeout(400)

SHOWING = [page for page in pages() if sessions(page.path)]
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


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=NEEDS.get(page.name, [])) for page in SHOWING],
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
