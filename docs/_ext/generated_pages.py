"""Pages that Sphinx makes from the code at each build, so that they cannot be out of date.

- ``reference/command-line.md``: what ``live-reduction COMMAND --help`` prints.
- ``reference/api/*.rst``: a page for each package, from its docstring and its front doors.
- the list of decisions: their files, below the page that introduces them.
- the keys of configuration files, in the place of `TOML_KEYS` on their page.
- the pages of `MIRRORED`: files that stand elsewhere in the repository, with their links led here.
"""

import importlib
import itertools
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

from ioc.options.commands import COMMANDS
from ioc.options.flags import Flag, Option

ROOT = Path(__file__).parents[2]
PACKAGES = ("reduction", "simulator", "ioc", "web", "clients")

MIRRORED = {
    "how-to/contributing": "CONTRIBUTING.md",
    "how-to/screens": "opi/README.md",
    "reference/benchmarks": "benchmarks/README.md",
    "reference/changelog": "CHANGELOG.md",
}
"""Files of the repository by the page that shows them; in the repository the page links to them."""

TOML_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", tuple: "table"}
TOML_KEYS = "<!-- toml-keys -->"

LINK = re.compile(r"(\]\()([^)#:]+)([)#])")


def help_of(*words: str) -> str:
    """What the command prints with ``--help``."""
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "ioc", *words, "--help"],
        env=os.environ | plain,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.replace(f"{Path(sys.executable).name} -m ioc", "live-reduction")


def command_line_page() -> str:
    """The reference of the command line in Markdown."""
    sections = [
        "# Command line",
        "Any flag of a command is also a key in the TOML file that `--config` names; see"
        " [the configuration file](configuration-file.md). Flags win over the file.",
        f"```text\n{help_of().strip()}\n```",
    ]
    for name in (each.command for each in COMMANDS):
        sections += [f"## live-reduction {name}", f"```text\n{help_of(name).strip()}\n```"]
    return "\n\n".join(sections) + "\n"


def toml_keys() -> str:
    """A table of all options that a TOML file can hold, in Markdown."""
    commands_of: dict[str, list[str]] = {}
    options: dict[str, Option] = {}
    for command in COMMANDS:
        for option in command.options():
            if not option.flag.positional and option.name != "set":
                options.setdefault(option.name, option)
                commands_of.setdefault(option.name, []).append(command.command)
    rows = ["| key | type | default | limits | commands | what |", "|---|---|---|---|---|---|"]
    for name, option in options.items():
        cells = (
            f"`{name.replace('_', '-')}`",
            TOML_TYPES[type(option.default)],
            "none" if option.default == () else f"`{json.dumps(option.default)}`",
            limits(option.flag),
            "all" if len(commands_of[name]) == len(COMMANDS) else ", ".join(commands_of[name]),
            option.flag.help,
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def limits(flag: Flag) -> str:
    """What an option may be, in words."""
    if flag.choices:
        return ", ".join(flag.choices)
    least = "" if flag.least is None else f"≥ {flag.least:g}"
    most = "" if flag.most is None else f"≤ {flag.most:g}"
    return ", ".join(filter(None, (least, most)))


def markup(docstring: str) -> str:
    """Single backticks as literals: docstrings here name code by them."""
    return re.sub(r"(?<![`:])`([^`\n]+)`(?!`)", r"``\1``", docstring)


def front_doors(package: ModuleType) -> list[str]:
    """The modules of a package that its docstring names as front doors; not those of its rooms."""
    text = " ".join((package.__doc__ or "").split())
    _, _, after = text.partition("Front door")
    named = re.findall(r"`([\w.]+)`", after)
    return [name for name in named if name.rpartition(".")[0] == package.__name__]


def packages(name: str) -> list[ModuleType]:
    """The package of that name and all packages in it."""
    package = importlib.import_module(name)
    inner = pkgutil.walk_packages(package.__path__, name + ".")
    found = [importlib.import_module(each.name) for each in inner if each.ispkg]
    return [package, *found]


def first_line(path: Path) -> str:
    """The first line of the docstring of a module or package; ``path`` has no suffix."""
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    match = re.match(r'(?:#.*\n)*"""(.*)', file.read_text(encoding="utf-8"))
    return match.group(1).rstrip('"') if match else ""


def api_page(package: ModuleType) -> str:
    """The page of a package: its docstring, its rooms and modules, and its front doors in full."""
    name = package.__name__
    title = f"``{name}``"
    lines = [title, "=" * len(title), "", markup(package.__doc__ or ""), ""]
    found = [each for each in pkgutil.iter_modules(package.__path__) if each.name[0] != "_"]
    for heading, kind in (("Packages", True), ("Modules", False)):
        inside = [each.name for each in found if each.ispkg is kind]
        if inside:
            lines += [heading, "-" * len(heading), ""]
        for each in inside:
            words = first_line(Path(package.__path__[0], each))
            lines += [f"``{name}.{each}``", f"   {markup(words)}", ""]
    for door in front_doors(package):
        lines += [f"``{door}``", "-" * (len(door) + 4), ""]
        lines += [f".. automodule:: {door}", "   :members:", ""]
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Write a file if it holds something else, so that Sphinx reads only what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_pages(app: Sphinx) -> None:
    """Write the generated pages below the folder of sources."""
    reference = Path(app.srcdir, "reference")
    write(reference / "command-line.md", command_line_page())
    described = itertools.chain.from_iterable(map(packages, PACKAGES))
    made = {f"{package.__name__}.rst": api_page(package) for package in described}
    for name, text in made.items():
        write(reference / "api" / name, text)
    for old in (reference / "api").glob("*.rst"):
        if old.name not in made:
            old.unlink()


def mirrored(name: str, docs: Path) -> str:
    """The text of a page of `MIRRORED`, with links as they lead from the page."""
    source, page = ROOT / MIRRORED[name], docs / f"{name}.md"
    pages = {ROOT / file: docs / f"{each}.md" for each, file in MIRRORED.items()}

    def from_page(match: re.Match[str]) -> str:
        target = (source.parent / match[2]).resolve()
        path = os.path.relpath(pages.get(target, target), page.parent)
        return match[1] + Path(path).as_posix() + match[3]

    return LINK.sub(from_page, source.read_text(encoding="utf-8"))


def complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Put in what a page has from elsewhere."""
    if name in MIRRORED:
        app.env.note_dependency(str(ROOT / MIRRORED[name]))
        source[0] = mirrored(name, Path(app.srcdir))
    elif name == "reference/configuration-file":
        source[0] = source[0].replace(TOML_KEYS, toml_keys())
    elif name == "decisions/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n"


def docstring_as_rst(
    _app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Docstrings here use Markdown's single backticks for code."""
    lines[:] = markup("\n".join(lines)).splitlines()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the pages to the build."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", complete)
    app.connect("autodoc-process-docstring", docstring_as_rst)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
