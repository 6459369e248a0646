"""TOML of any content is read, or refused soon and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.options.program import StartError
from ioc.options.tables.toml_text import LARGEST_TOML_BYTES, MOST_DOTS, toml_table
from ioc.options.toml_file import from_toml
from tests.support.cost import costs_at_most

SIZE = LARGEST_TOML_BYTES - 10
WILD = {
    "keys": "".join(f"a{n}=1\n" for n in range(SIZE // 9)),
    "tables": "".join(f"[a{n}]\n" for n in range(SIZE // 9)),
    "deep keys": "".join(
        f"a{n}{'.a' * (MOST_DOTS - 1)}=1\n" for n in range(SIZE // (2 * MOST_DOTS + 6))
    ),
    "deeper keys": f"a{'.a' * 10_000}=1",
    "deep arrays": "a=" + "[" * SIZE,
    "dots in a text": f'a = "{"." * 500}"',
    "open text": 'a="""' + "x" * SIZE,
    "digits": "a=" + "1" * SIZE,
    "dates": "a=[" + "1979-05-27T07:32:00Z," * (SIZE // 21),
    "one word": "x" * SIZE,
    "quotes": '"' * SIZE,
    "escapes": 'a="' + "\\\\" * (SIZE // 2),
}


@pytest.mark.parametrize("text", WILD.values(), ids=list(WILD))
def test_any_text_is_read_or_refused_soon(text: str) -> None:
    with costs_at_most(20):
        try:
            toml_table(text)
        except ValueError as refused:
            assert len(str(refused)) < 500


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"#" * (LARGEST_TOML_BYTES + 1), "it is larger than 256 KiB"),
        (b"\xff\xfe" + b"a=1".ljust(20), "codec can't decode"),
        (f"a{'.a' * (MOST_DOTS + 1)} = 1\n".encode(), f"a line has more than {MOST_DOTS} dots"),
    ],
)
def test_a_file_that_is_no_toml_ends_the_start_in_words(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    with pytest.raises(StartError, match=rf"site\.toml: .*({why})"):
        from_toml(path)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    for path in Path("/dev/zero"), tmp_path:
        with pytest.raises(StartError, match=f"{path}: "):
            from_toml(path)
