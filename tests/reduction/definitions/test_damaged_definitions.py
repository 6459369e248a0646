"""Damaged definitions are refused in one line, soon, and with little memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.definitions.idf_reader import read_definition
from tests.support.engines import reference_data as reference

WHOLE = (reference.FOLDER / "panels.xml").read_bytes()
HEAD = b"<instrument name='x'>"
BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]><instrument name="&c;"/>"""
MANY_PLACES = b"""<instrument>
<component type="p" idlist="a"><locations n-elements="%d" x="0"/></component>
<type name="p" is="detector"/><idlist idname="a" start="1" end="%d"/></instrument>"""


def read(folder: Path, content: bytes) -> str:
    """What a file is refused with; empty if it is read."""
    path = folder / "odd.xml"
    path.write_bytes(content)
    try:
        read_definition(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
        assert len(str(error)) < len(str(path)) + 500
        return str(error).removeprefix(f"{path}: ")
    return ""


ODD_BYTES = random.Random(1).randbytes(1_000_000)
WIDE = b"""<component type="w"><location/></component>
<type name="w" is="rectangular_detector" xpixels="99999" ypixels="99999"/></instrument>"""
MANY_ATTRIBUTES = b" ".join(b"a%d=''" % number for number in range(1_000_000))
PLACE = b"<component type='p' name='p%d'><location/></component>"
EXCLUDE = b"<location><exclude sub-part='p%d'/></location>"
MANY_EXCLUDES = b"""<type name="p" is="detector"/><type name="q">%s</type>
<component type="q">%s</component></instrument>""" % tuple(
    b"".join(each % number for number in range(1000)) for each in (PLACE, EXCLUDE)
)
DAMAGED = {
    "empty": (b"", "no well-formed XML: no element found: line 1"),
    "zeros": (b"\0" * 100_000, "no well-formed XML"),
    "random": (ODD_BYTES, "no well-formed XML"),
    "cut": (WHOLE[: len(WHOLE) // 2], "no well-formed XML"),
    "utf-16 without mark": (WHOLE.decode().encode("utf-16")[2:], "no well-formed XML"),
    "bad utf-8": (WHOLE[:300] + b"\xff\xfe" + WHOLE[300:], "no well-formed XML"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(1000), "no well-formed XML"),
    "bomb": (BOMB, "<!DOCTYPE b> is not taken"),
    "deep": (HEAD + b"<a>" * 10_000_000, "more than 200000 elements"),
    "deep, with ends": (HEAD + b"<a>" * 200 + b"</a>" * 200 + b"</instrument>", "100 elements in"),
    "many": (HEAD + b"<a/>" * 10_000_000 + b"</instrument>", "more than 200000 elements"),
    "many attributes": (b"<instrument %s/>" % MANY_ATTRIBUTES, "more than 1000 attributes of an"),
    "many excludes": (HEAD + MANY_EXCLUDES, "400000 locations to look at for each other <exclude>"),
    "blank lines": (HEAD + b"\n" * 60_000_000 + b"</instrument>", "no component has a type with"),
    "long encoding": (b"<?xml version='1.0' encoding='%s'?><a/>" % (b"x" * 3000), "no well-formed"),
    "encoding of bytes": (b"<?xml version='1.0' encoding='zlib'?><a/>", "no well-formed XML"),
    "encoding of two bytes": (b"<?xml version='1.0' encoding='utf-7'?><a/>", "no well-formed XML"),
    "many types": (HEAD + b"<type name='t'/>" * 150_000 + b"</instrument>", "more than one <type>"),
    "long attribute": (b"<instrument a" + b"a" * 10_000_000 + b"=''/>", "no component has a type"),
    "long element": (HEAD + b"<" + b"b" * 10_000_000 + b"/></instrument>", "is not understood"),
    "open attribute": (b"<instrument x='" + b"y" * 60_000_000, "no well-formed XML"),
    "many places": (MANY_PLACES % (2**31 - 1, 5), "n-elements is 1 to 12500000"),
    "few ids": (MANY_PLACES % (5_000_000, 5), "idlist 'a' has 5 ids for 5000000 detectors"),
    "endless ids": (MANY_PLACES % (5, 2**31 - 1), "no ids from 1 to 2147483647"),
    "many ids": (MANY_PLACES % (5, 4_999_999), "4999999 ids for 5 detectors"),
    "wide panel": (HEAD + WIDE, "99999 by 99999 by 1 pixels"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_refused_soon_and_with_little_memory(
    tmp_path: Path, content: bytes, words: str
) -> None:
    begin_s = time.thread_time()
    refusal = read(tmp_path, content)
    took_s = time.thread_time() - begin_s
    assert refusal
    assert words in refusal
    assert took_s < 10  # it is at most 1 on a machine with nothing else to do
    tracemalloc.start()
    read(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400 << 20


@given(st.data())
def test_a_definition_with_a_changed_piece_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(WHOLE)))
    length = data.draw(st.integers(0, 200))
    piece = data.draw(st.one_of(st.binary(max_size=30), st.sampled_from(PIECES)))
    read(tmp_path_factory.mktemp("odd"), WHOLE[:place] + piece + WHOLE[place + length :])


PIECES = [
    *(b'"', b"<", b">", b"/>", b"-->", b"<!--", b"&amp;", b"&#0;", b"<location/>", b"<locations/>"),
    *(b"<parameter name='x'><value val='1'/></parameter>", b"<id val='1'/>", b" rot='90'"),
    *(b"nan", b"-1e400", b"1e5", b"99999999999", b"<exclude/>", b"<rot val='1'/>", b"<trans/>"),
]
"""What may stand in the place of another piece of a definition."""


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.xml", Path("/dev/zero")):
        with pytest.raises(ValueError, match=f"^{path}: "):
            read_definition(path)
