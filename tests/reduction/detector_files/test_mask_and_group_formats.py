"""Masks and groups in Mantid's XML and as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.detector_files.content import BadDetectorFile
from reduction.detector_files.id_ranges import BadWord, list_words, parse_ranges
from reduction.detector_files.read import read_groups, read_mask

BANKS = ("bank1", "bank-2", "east")


def masking(inside: str) -> bytes:
    return f'<?xml version="1.0"?>\n<detector-masking>\n{inside}\n</detector-masking>\n'.encode()


def grouping(inside: str) -> bytes:
    return f'<?xml version="1.0"?>\n<detector-grouping>\n{inside}\n</detector-grouping>'.encode()


def masked(content: bytes, name: str = "mask.xml") -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    found = read_mask(content, Path(name), BANKS)
    return list(zip(found.first.tolist(), found.last.tolist(), strict=True)), found.banks


@pytest.mark.parametrize(
    ("inside", "ranges", "banks"),
    [
        ("<group><detids>0-7,120</detids></group>", [(0, 7), (120, 120)], ()),
        ("<group>\n<detids>\n 3 ,\n 5 - 6,\n</detids>\n</group>", [(3, 3), (5, 6)], ()),
        ('<group><detids val="1,2"/></group>', [(1, 1), (2, 2)], ()),
        (
            "<group><detids>1</detids></group><group><detids>9</detids></group>",
            [(1, 1), (9, 9)],
            (),
        ),
        ("<group><component>bank1</component></group>", [], ("bank1",)),
        ("<group/><component>east</component><detids>4</detids>", [(4, 4)], ("east",)),
        ("<group><!-- >8 pixels <--><detids>1-8</detids></group>", [(1, 8)], ()),
        ("<group><detids></detids></group>", [], ()),
        ("", [], ()),
    ],
)
def test_a_masking_has_ids_ranges_and_banks(
    inside: str, ranges: list[tuple[int, int]], banks: tuple[str, ...]
) -> None:
    assert masked(masking(inside)) == (ranges, banks)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_masking_may_be_in_any_known_encoding(encoding: str) -> None:
    text = '<detector-masking><group name="ä"><detids>7</detids></group></detector-masking>'
    start = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    assert masked((start + text).encode(encoding)) == ([(7, 7)], ())


def test_a_grouping_has_names_or_numbers() -> None:
    named = '<group name="a"><detids val="1-3"/></group><group><detids val="9"/></group>'
    found = read_groups(grouping(named), Path("g.xml"), BANKS)
    assert found.names == ("a", "group2")
    assert (found.first.tolist(), found.last.tolist()) == ([1, 9], [3, 9])
    numbered = (
        '<group ID="7"><detids>1</detids></group><group ID="0"><detids>5-6</detids></group>'
        '<group ID="2" name="two"><component val="east"/><component>bank1</component></group>'
    )
    found = read_groups(grouping(numbered), Path("g.xml"), BANKS)
    assert found.names == ("two", "7")
    assert (found.first.tolist(), found.group.tolist()) == ([1], [1])
    assert found.banks == (("east", 0), ("bank1", 0))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            masking("<group>\n<ids>1-5</ids></group>"),
            "line 4: <detids> was expected; <ids>",
        ),
        (
            masking("<group><detids>1,x</detids></group>"),
            "line 3: ids and ranges a-b",
        ),
        (
            masking("<group><detids>5-1</detids></group>"),
            "line 3: ids and ranges a-b",
        ),
        (masking("<group><component>nowhere</component></group>"), "line 3: a bank of the instr"),
        (masking("<group>7</group>"), "line 3: no text was expected"),
        (masking("<secret/>"), "line 3: <component> or <detids> or <group> or <ids> was expected"),
        (masking("<group><detids><b/></detids></group>"), "line 3: </detids> was expected"),
        (masking("<group>"), "line 4: no well-formed XML"),
        (b"<secret/>", "line 1: <detector-masking> was expected"),
        (grouping("<group/>"), "line 2: <detector-masking> was expected"),
        (b'<?xml version="1.0" encoding="secret"?><a/>', "line 1: "),
        (b'<!DOCTYPE a [<!ENTITY b "secret">]><detector-masking/>', "line 1: a DTD is not taken"),
        (b"\xff\xfe<\0", "line 1: "),
    ],
)
def test_a_masking_that_is_wrong_is_refused_by_line_and_never_quoted(
    content: bytes, why: str
) -> None:
    with pytest.raises(BadDetectorFile) as refused:
        masked(content)
    assert str(refused.value).startswith(why)
    assert "secret" not in str(refused.value)
    assert "nowhere" not in str(refused.value)


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ('<group ID="1"/>\n<group ID="1"/>', "line 4: an ID that no other group has"),
        ('<group ID="x"/>', "line 3: a whole number was expected as ID"),
        ("<detids>1</detids>", "line 3: <group> was expected"),
        ('<group ID="0"/>', "no <group> is in it"),
    ],
)
def test_a_grouping_that_is_wrong_is_refused(inside: str, why: str) -> None:
    with pytest.raises(BadDetectorFile) as refused:
        read_groups(grouping(inside), Path("g.xml"), BANKS)
    assert str(refused.value).startswith(why)


def test_text_has_ids_ranges_and_banks_in_lines() -> None:
    text = b"# mask of today\n0:15, 400-420\n 7 9\teast\n\n1 - 3 # ends\nbank-2\n"
    ranges = [(0, 15), (400, 420), (7, 7), (9, 9), (1, 3)]
    assert masked(text, "mask.txt") == (ranges, ("east", "bank-2"))


def test_text_has_a_group_a_line() -> None:
    found = read_groups(b"0:3, 9\n# the rest\n4:5; east\n\n", Path("groups.txt"), BANKS)
    assert found.names == ("1", "2", "3")
    assert found.group.tolist() == [0, 0, 1]
    assert found.banks == (("east", 2),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"1\n2, secret\n", "line 2: an id, a range a:b or a-b, or a bank was expected; word 2"),
        (b"1\n\n9:3", "line 3: the end of a range is before its start; word 1"),
        ("1\n٣".encode(), "line 2: an id"),
        (b"1\n99999999999999999999999", "line 2: an id"),
    ],
)
def test_text_that_is_wrong_is_refused_by_line(text: bytes, why: str) -> None:
    with pytest.raises(BadDetectorFile) as refused:
        masked(text, "mask.txt")
    assert str(refused.value).startswith(why)
    assert "secret" not in str(refused.value)


def test_blanks_around_the_mark_of_a_range_do_not_part_it() -> None:
    assert list_words("1 - 3, 5 :7,a-b - c") == ["1-3", "5:7", "a-b", "-", "c"]
    found = parse_ranges("-5:-3,-9--7")
    np.testing.assert_array_equal(found.first, [-5, -9])
    with pytest.raises(BadWord, match="an id"):
        parse_ranges("a-b")
