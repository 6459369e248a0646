"""Access security files, word by word of the grammar, as EPICS Base 7.0.8 and 7.0.10 read them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from ioc.options.program import StartError
from ioc.security.acf import load_rules
from ioc.security.acf_calc import calc_error
from ioc.security.rules import Asg

pytest.importorskip("epicscorelibs.path", reason="EPICS Base's libraries are not here")

USERS = "UAG(u) {a}\n"
RULES = {
    "RULE(0, NONE)": True,
    "RULE(01, READ) RULE(2, WRITE) RULE(99999999999, WRITE)": True,
    "RULE(-1, READ)": False,
    "RULE(+1, READ) RULE(+01, WRITE) RULE(-0, READ)": True,
    'RULE("+1", READ)': False,
    "RULE(++1, READ)": False,
    "RULE(1, +1)": False,
    "RULE(1, 1.5)": False,
    'RULE(1, "1.5")': True,
    "RULE(1, READ) {FUTURE(+1) FUTURE(1.5) {-2.5e-3}}": True,
    "RULE(1.5, READ)": False,
    "RULE(0x1, READ)": False,
    "RULE(1)": False,
    "RULE()": False,
    "RULE(READ, 1)": False,
    "RULE(1, READ, TRAPWRITE) RULE(1, NONE, NOTRAPWRITE)": True,
    "RULE(1, READ, TRAPWRITE, NOTRAPWRITE)": False,
    "RULE(1, READ, RPC)": False,
    "RULE(1, READ) {}": False,
    "RULE(1, READ), RULE(1, WRITE)": False,
    "RULE(1, READ);": False,
    "RULE(1, RPC)": True,
    "RULE(1, RPC, TRAPWRITE) {UAG(u)}": True,
    "RULE(1, RPC, TRAPS)": False,
    "RULE(1, 1)": False,
    "RULE(1, UAG)": False,
    'RULE(1, WRITE) {UAG(u) METHOD("x509") AUTHORITY("A")}': True,
    "RULE(1, WRITE) {PROTOCOL(TLS)}": True,
    "RULE(1, WRITE) {FUTURE()}": True,
    "RULE(1, WRITE) {FUTURE(1, UAG) {b(c) {d, e}}}": True,
    "RULE(1, WRITE) {FUTURE(x) {}}": False,
    "RULE(1, WRITE) {FUTURE}": False,
    "RULE(1, WRITE) {UAG(u), FUTURE(x)}": False,
    "RULE(1, WRITE) {FUTURE(x) UAG(nobody)}": False,
    "RULE(1, WRITE) {ASG(u)}": True,
    'INPA(x) INPL("y z") INPU(z) RULE(1, READ) {CALC("A=1")}': True,
    "INPA(x) INPA(y)": True,
    "INPV(x)": False,
    "INPA(x, y)": False,
    "INPA()": False,
    "INPA(1)": False,
    "FUTURE(x)": False,
    'RULE(1, READ) {CALC("A=1") CALC("B=1")}': True,
    'RULE(1, READ) {CALC("A=1", "B=1")}': False,
    "RULE(1, READ) {CALC(A)}": True,
    "RULE(1, READ) {CALC(A=1)}": False,
    'RULE(1, READ) {CALC("")}': False,
    'RULE(1, READ) {CALC("A+")}': False,
    'RULE(1, READ) {CALC("((A)")}': False,
}
"""What may stand in an ASG, and whether EPICS Base takes it."""

BLOCKS = {
    "FUTURE(x)": True,
    "FUTURE()": True,
    "FUTURE(1, -1, ASG)": True,
    "FUTURE(x) {y}": True,
    "FUTURE(x) {1, y}": True,
    "FUTURE(x) {a(b) {c} RULE(1, READ) {UAG(v)}}": True,
    "FUTURE(x) {y} FUTURE(x) {z}": True,
    "FUTURE": False,
    "FUTURE {y}": False,
    "FUTURE(x) {}": False,
    "FUTURE(x) {y z}": False,
    "FUTURE(x) {y, z(1)}": False,
    "FUTURE(x) {y} {z}": False,
    "123(x)": False,
    'AUTHORITY(x, "My CA") {AUTHORITY(y, "Its CA")}': True,
    'AUTHORITY("My CA")': True,
    "RULE(1, READ)": False,
    'CALC("A")': False,
    "INPA(x)": False,
    "UAG(u) {}": False,
    "UAG(u) {a, a}": True,
    "UAG(u) {,a}": False,
    "UAG(u, v) {a}": False,
    "UAG() {a}": False,
    "UAG {a}": False,
    'UAG("") {""}': True,
    "UAG(u) {'a'}": False,
    "UAG(u) {role/op}": False,
    'UAG(u) {"role/op"}': True,
    "UAG(u) {READ, TRAPWRITE, METHOD}": True,
    "UAG(u) {CALC}": False,
    "UAG(METHOD) {a} ASG(READ) {RULE(1, READ)}": True,
    "UAG(u) {a} // not a comment": False,
    "UAG(u) /* nor this */ {a}": False,
    "UAG(u)\r\n\t{a}# a comment\r\n": True,
    "HAG(h) {10.0.0.1, [::1], host:5064}": True,
    "HAG(h) {10.0.0.0/24}": False,
    "ASG(A) {RULE(1, READ)} }": False,
    "ASG(A) {RULE(1, READ)} ASG(A)": False,
    "\ufeffUAG(u) {a}": False,
}
"""What may be a file, and whether EPICS Base takes it."""

FILES = {f"{USERS}ASG(A) {{ {rule} }}": taken for rule, taken in RULES.items()} | BLOCKS

BASE = """
import ctypes, json, sys
from epicscorelibs.path import get_lib
ctypes.CDLL(get_lib("Com"), mode=ctypes.RTLD_GLOBAL)
ctypes.CDLL(get_lib("ca"), mode=ctypes.RTLD_GLOBAL)
base = ctypes.CDLL(get_lib("dbCore"))
taken = []
for content in json.load(sys.stdin):
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        file.write(content)
    taken.append(base.asInitFile(sys.argv[1].encode(), b"NOTHING=0") == 0)
with open(sys.argv[1], "w") as file:
    json.dump(taken, file)
"""


def test_the_verdicts_on_these_files_are_those_of_epics_base(tmp_path: Path) -> None:
    path = tmp_path / "base.acf"
    subprocess.run(
        [sys.executable, "-c", BASE, str(path)],
        input=json.dumps(list(FILES)),
        text=True,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert dict(zip(FILES, json.loads(path.read_text()), strict=True)) == FILES


@pytest.mark.parametrize("content", FILES)
def test_a_file_is_read_if_epics_base_reads_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hall.acf"
    path.write_bytes(content.encode())
    try:
        load_rules(path)
    except StartError as refused:
        assert not FILES[content], str(refused)
        assert str(refused).startswith(f"{path}:")
    else:
        assert FILES[content]


def test_what_is_not_known_is_told_and_lets_nobody_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hall.acf"
    path.write_text(
        'FUTURE(x) {y}\nASG(OPERATION) {\nRULE(1, RPC)\nRULE(1, WRITE) { FUTURE("x509") }\n}\n'
        "ASG(MAGNETS) { RULE(1, RPC) RULE(1, WRITE) { METHOD(a) } }\n"
    )
    with caplog.at_level(logging.WARNING):
        rules = load_rules(path)
    assert not rules.may_write(Asg.OPERATION, "127.0.0.1", "anna")
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}:1: FUTURE is not known here, and has no effect",
        f"{path}:3: a rule of ASG(OPERATION) with RPC is not known here, and has no effect",
        f"{path}:4: a rule of ASG(OPERATION) with FUTURE is not known here, and has no effect",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("UGA(u) {a}", "hall.acf:1: UAG, HAG or ASG is expected, not 'UGA'; did you mean UAG"),
        ("asg(OPERATION)", "hall.acf:1: UAG, HAG or ASG is expected, not 'asg'; did you mean ASG"),
        ("ASG(A) { RULE(1, WRIET) }", "not 'WRIET'; did you mean WRITE?"),
        ("ASG(A) { RULE(1, READ) { UAGS(u) } }", "not 'UAGS'; did you mean UAG?"),
    ],
)
def test_a_word_that_looks_mistyped_is_refused_with_the_right_one(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "hall.acf"
    path.write_text(content)
    with pytest.raises(StartError) as refused:
        load_rules(path)
    assert words in str(refused.value)


def test_blocks_in_blocks_in_great_number_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hall.acf"
    path.write_text("FUTURE(x) " + "{a(b)" * 20_000)
    with pytest.raises(StartError, match="more than 50 blocks in each other"):
        load_rules(path)


@pytest.mark.parametrize("calc", ["-A", "!A&&~B", "A?B:C", "MAX(A,2.5)>1e-3", "A=1&&L#0", "d2r*.5"])
def test_a_calculation_of_epics_base_is_taken(calc: str) -> None:
    assert calc_error(calc) == ""


@pytest.mark.parametrize(
    ("calc", "words"),
    [
        ("", "it ends where an operand is expected"),
        ("A B", "an operator is expected, not 'B'"),
        ("+A", "an operand is expected, not '+'"),
        ("(A", "a bracket is not closed"),
        ("A)", "an operator is expected, not ')'"),
        ("A,B", "',' is not expected"),
        ("A:B", "':' is not expected"),
        ("A?B", "a ? has no :"),
        ("A@1", "an operator is expected, not '@'"),
    ],
)
def test_what_is_no_calculation_is_refused_with_its_fault(calc: str, words: str) -> None:
    assert calc_error(calc) == words
