"""The reference page of process variables is up to date."""

from pathlib import Path

from ioc.generated.pv_table import inserted, markdown
from ioc.options.commands import RunOptions

PAGE = Path(__file__).parents[2] / "docs/reference/process-variables.md"


def test_the_table_in_the_docs_is_the_generated_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == inserted(text, markdown(RunOptions.prefix)), "run `make docs`"
