from pathlib import Path

from ioc.generated.pv_table import inserted, markdown
from ioc.options import Startup

README = Path(__file__).parents[2] / "README.md"


def test_the_table_in_the_readme_is_the_generated_one():
    text = README.read_text(encoding="utf-8")
    assert text == inserted(text, markdown(Startup.prefix)), "run `make docs`"
