"""How Sphinx builds the documentation site: ``make site``."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1])]

project = "EPICS Live Reduction"
author = "the EPICS Live Reduction contributors"
version = release = installed_version("epics-live-reduction")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "generated_pages",
]
exclude_patterns = ["_build", "_ext"]
suppress_warnings = ["epub.unknown_project_files"]

# Markdown
highlight_language = "text"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# The API pages. Mantid is not on PyPI; the pages do without it.
autodoc_mock_imports = ["mantid"]
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# Types of other projects have no pages here.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r".*")]

# Copying a session leaves out prompts and output.
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
# The table of process variables takes the width of the window.
html_sidebars: dict[str, list[str]] = {"reference/process-variables": []}
html_theme_options = {
    "logo": {"text": project},
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        "reference/process-variables": [],
        "reference/configuration-file": [],
    },
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
project_copyright = "BSD 3-Clause licence"
