from pathlib import Path

from ioc.startup import Startup
from ioc.table import inserted, markdown

README = Path(__file__).parents[1] / "README.md"


def test_the_table_in_the_readme_is_the_generated_one():
    text = README.read_text(encoding="utf-8")
    assert text == inserted(text, markdown(Startup.prefix)), "run `make docs`"
