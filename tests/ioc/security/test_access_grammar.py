"""Access security files, word by word of the grammar, as EPICS Base 7.0.8 and 7.0.10 read them."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

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
    "RULE(9223372036854775807, READ)": True,
    "RULE(9223372036854775808, READ)": False,
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
    'RULE(1, FOO) {UAG(nobody) CALC("A+")}': True,
    "RULE(1, READ) RULE(1, FOO) {UAG(nobody)}": False,
    'RULE(1, READ) RULE(1, FOO) {CALC("A+")}': False,
    "RULE(1, READ) RULE(1, FOO) {UAG(u) BAR(x)}": True,
    "RULE(1, FOO) {BAR(x)}": False,
    "RULE(1, READ) RULE(1, FOO) {BAR}": False,
    "RULE(1, FOO) {}": False,
    "RULE(1, FOO) {UAG(u), UAG(u)}": False,
    "RULE(1, FOO) {u}": False,
    "RULE(1, WRIET) RULE(1, read)": True,
    "RULE(1, WRITE) {UAGS(u) hag(h)}": True,
    "RULE(1, WRITE) {1(u)}": False,
    "RULE(1, WRITE) {FUTURE(x) {1(y)}}": False,
    'RULE(1, WRITE) {"UAG"(nobody)}': True,
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
    'RULE(1, READ) {CALC("A:=1;A")}': False,
    'RULE(1, READ) {CALC("ATAN2(A)")}': False,
    'RULE(1, READ) {CALC("(A,B)")}': False,
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
    "FUTURE(x) {y} {z, a}": True,
    "FUTURE(x) {y, z} {z, a}": False,
    "FUTURE(x) {1(y)}": False,
    "FUTURE(99999999999999999999)": False,
    "FUTURE(1.5e999)": False,
    "FUTURE(-1.5e-999)": False,
    "FUTURE(0.0e-999, .5e300)": True,
    "UGA(u) {a} asg(OPERATION)": True,
    "UAG(u) {+1}": False,
    "UAG(u) {a, -1.5}": False,
    "UAG(u) {1., 1a, +-1, 1.5.1, 1.5e}": True,
    'UAG(u) {"+1"}': True,
    "UAG(+1) {a}": False,
    "HAG(h) {.5}": False,
    "ASG(1.5)": False,
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
import ctypes, json, os, sys
from epicscorelibs.path import get_lib
ctypes.CDLL(get_lib("Com"), mode=ctypes.RTLD_GLOBAL)
ctypes.CDLL(get_lib("ca"), mode=ctypes.RTLD_GLOBAL)
base = ctypes.CDLL(get_lib("dbCore"))
taken = []
for content in json.load(sys.stdin):
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        file.write(content)
    child = os.fork()
    if not child:
        os._exit(base.asInitFile(sys.argv[1].encode(), b"NOTHING=0") != 0)
    taken.append(os.waitpid(child, 0)[1] == 0)
with open(sys.argv[1], "w") as file:
    json.dump(taken, file)
"""
"""Reads each file in a process of its own: EPICS Base keeps the last rule of the file before."""


def verdicts_of_base(tmp_path: Path, files: Sequence[str]) -> list[bool]:
    """Which of the files EPICS Base takes."""
    path = tmp_path / "base.acf"
    subprocess.run(
        [sys.executable, "-c", BASE, str(path)],
        input=json.dumps(files),
        text=True,
        capture_output=True,
        timeout=120,
        check=True,
    )
    verdicts: list[bool] = json.loads(path.read_text())
    return verdicts


def refusal(path: Path, content: str) -> str:
    """Why a file with this content is refused; empty if it is taken."""
    path.write_bytes(content.encode())
    try:
        load_rules(path)
    except StartError as refused:
        return str(refused)
    return ""


def test_the_verdicts_on_these_files_are_those_of_epics_base(tmp_path: Path) -> None:
    assert dict(zip(FILES, verdicts_of_base(tmp_path, list(FILES)), strict=True)) == FILES


WHOLE = """\
UAG(u) {a, "b c"}
HAG(h) {10.0.0.1}
ASG(OTHER) { RULE(1, RPC, TRAPWRITE) { UAG(u) HAG(h) CALC("A=1") } }
ASG(MAGNETS) { INPA("x:y CP") RULE(0, READ) { UAG(u) FUTURE(1, -2.5) { b(c) { d, e } } } }
FUTURE(x, ASG) {y} {z, 1}
"""
WORDS = re.compile(r'"[^"\n]*"|[\w.+-]+|\s+|.')
OTHERS = (
    *("UAG", "HAG", "ASG", "RULE", "CALC", "INPA", "INPV", "READ", "WRITE", "FOO", "TRAPWRITE"),
    *("(", ")", "{", "}", ",", '"', "#", "1", "+1", "-1", "1.5", "1.", "u", "h", "(1)", "{1}"),
    *("{a(b)}", "{a, b}", "RULE(1, FOO)", "FUTURE(x)", "INPA(x)", "UAG(u)", 'CALC("A+")', "1(a)"),
)


def changed(seed: int) -> str:
    """The whole file with one to three words put in, left out, replaced or swapped."""
    random = Random(seed)
    words = WORDS.findall(WHOLE)
    for _ in range(random.randint(1, 3)):
        at, other = random.randrange(len(words)), random.randrange(len(words))
        match random.randrange(4):
            case 0:
                words.insert(at, random.choice(OTHERS))
            case 1:
                words[at] = random.choice(OTHERS)
            case 2:
                words[at], words[other] = words[other], words[at]
            case _:
                del words[at]
    return "".join(words)


def test_files_with_any_changes_are_read_if_epics_base_reads_them(tmp_path: Path) -> None:
    files = [WHOLE, *map(changed, range(800))]
    path = tmp_path / "hall.acf"
    verdicts = verdicts_of_base(tmp_path, files)
    ours = [refusal(path, each) for each in files]
    assert verdicts[0]
    assert sum(verdicts) > 50
    for content, taken, words in zip(files, verdicts, ours, strict=True):
        assert taken == (not words), f"{words}\n{content}"
        assert taken or words.startswith(f"{path}:")


@pytest.mark.parametrize("content", FILES)
def test_a_file_is_read_if_epics_base_reads_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hall.acf"
    words = refusal(path, content)
    assert FILES[content] == (not words)
    assert FILES[content] or words.startswith(f"{path}:")


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
        ("UGA(u) {a}", "hall.acf:1: UGA is not known here, and has no effect; did you mean UAG"),
        ("asg(OPERATION)", "asg is not known here, and has no effect; did you mean ASG"),
        ("ASG(OPERATION) { RULE(1, WRIET) }", "with WRIET is not known here, and has no effect;"),
        ("ASG(OPERATION) { RULE(1, WRIET) }", "; did you mean WRITE?"),
        ("ASG(OPERATION) { RULE(1, WRITE) { UAGS(u) } }", "; did you mean UAG?"),
    ],
)
def test_a_word_that_looks_mistyped_is_told_with_the_right_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, words: str
) -> None:
    path = tmp_path / "hall.acf"
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        rules = load_rules(path)
    assert not rules.may_write(Asg.OPERATION, "127.0.0.1", "anna")
    assert words in caplog.text


def test_blocks_in_blocks_in_great_number_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hall.acf"
    path.write_text("FUTURE(x) " + "{a(b)" * 20_000)
    with pytest.raises(StartError, match="more than 50 blocks in each other"):
        load_rules(path)


CALCULATIONS = (
    *("-A", "!A&&~B", "A?B:C", "MAX(A,2.5)>1e-3", "A=1&&L#0", "d2r*.5", "ATAN2(A,B)", "MIN(A,B,C)"),
    *("0x1F|A", "A?B?1:2:3", "nan(1)#inf", "SIN A", "2**-A", "((A))"),
)


@pytest.mark.parametrize("calc", CALCULATIONS)
def test_a_calculation_of_epics_base_is_taken(calc: str) -> None:
    assert calc_error(calc) == ""


@pytest.mark.parametrize(
    ("calc", "words"),
    [
        ("", "it ends where an operand is expected"),
        ("A B", "an operator is expected, not 'B'"),
        ("+A", "an operand is expected, not '+'"),
        ("(A", "a bracket is not closed"),
        ("A)", "')' is not expected"),
        ("A,B", "',' is not expected"),
        ("A:B", "':' is not expected"),
        ("A?B", "a ? has no :"),
        ("A@1", "an operator is expected, not '@'"),
        ("A:=1;A", "':=' is not expected"),
        ("ATAN2(A)", "it gives 0 values, not one"),
        ("(A,B)", "it gives 2 values, not one"),
        ("SIN(A,B)", "it gives 2 values, not one"),
        ("A:B?C", "':' is not expected"),
        ("INT(A)", "an operator is expected, not 'N'"),
        ("1e999", "1e999 is no finite number"),
        ("0x1FFFFFFFF", "0x1FFFFFFFF is longer than 32 bits"),
        ("(" * 100 + "A" + ")" * 100, "too many values are held at '('"),
    ],
)
def test_what_is_no_calculation_is_refused_with_its_fault(calc: str, words: str) -> None:
    assert calc_error(calc) == words
