"""Access security files are read as EPICS Base reads them; its ascheck is asked where it is."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.options.program import StartError
from ioc.security.access_macros import Macros
from ioc.security.acf import load_rules
from ioc.security.hosts import resolved
from ioc.security.rules import Asg, Rules
from tests.support.clients.ca_client import TOOLS
from tests.support.cost import costs_at_most

SITE = """# Who works here
UAG(staff) { anna, "j.o'neil" }
HAG(hall)  { localhost, $(DESK=192.0.2.4) }
ASG(DEFAULT) {
    RULE(1, READ)
    RULE(1, WRITE, TRAPWRITE) { UAG(staff) HAG(hall) }
}
"""
HERE = "127.0.0.1"


def read(folder: Path, content: str | bytes, macros: str = "") -> Rules:
    path = folder / "hall.acf"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_rules(path, macros)


def base_reads(content: str, macros: str = "NOTHING=0") -> bool:
    """Whether ascheck of EPICS Base reads a file."""
    done = subprocess.run(
        [str(TOOLS / "ascheck"), "-S", macros],
        input=content.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    return b"failed" not in done.stdout + done.stderr


def reads(folder: Path, content: str, macros: str = "") -> bool:
    try:
        read(folder, content, macros)
    except StartError:
        return False
    return True


with_base = pytest.mark.skipif(
    not (TOOLS / "ascheck").is_file(), reason="EPICS Base's ascheck is not here"
)


@with_base
@pytest.mark.parametrize(
    ("content", "macros"),
    [
        ("", ""),
        ("# nothing but a comment", ""),
        ("ASG(A)", ""),
        ("ASG(A) { }", ""),
        ("ASG(DEFAULT) ASG(DEFAULT) { RULE(1, READ) }", ""),
        ("ASG(DEFAULT) { RULE(1, READ) } ASG(DEFAULT) { RULE(1, READ) }", ""),
        ("ASG(A) ASG(A)", ""),
        ("ASG(A) { RULE(7, WRITE) RULE(0, NONE) RULE(1, READ, NOTRAPWRITE) }", ""),
        ("ASG(A) { RULE(1, WRITE, TRAP) }", ""),
        ("ASG(A) { RULE(-1, WRITE) }", ""),
        ('ASG(A) { RULE("1", WRITE) }', ""),
        ('ASG(A) { RULE(1, "WRITE") }', ""),
        ("ASG(A) { RULE(1, WRITE) { } }", ""),
        ('ASG(A) { INPA(x:y.VAL) INPL("$(P)x") RULE(1, WRITE) { CALC("A=1&&L=0") } }', "P=q:"),
        ("ASG(A) { RULE(1, WRITE) { UAG(none) } }", ""),
        ("ASG(A) { RULE(1, WRITE) { UAG(u) } } UAG(u) {x}", ""),
        ("UAG(u) {x} UAG(v) {y} ASG(A) { RULE(1, WRITE) { UAG(u, v) UAG(v) } }", ""),
        ("UAG(u)", ""),
        ("UAG(u) { }", ""),
        ("UAG(u) { x, }", ""),
        ("UAG(u) { x } { y }", ""),
        ("UAG(u) { 123 }", ""),
        ("UAG(u) { 123a, 1.5.2, a[0]<b>;c }", ""),
        ('UAG(u) { "123", "a/b@c", "with \\" in it" }', ""),
        ("UAG(u) { a/b }", ""),
        ("UAG(u) { a@b }", ""),
        ("UAG(UAG) { x }", ""),
        ('UAG("UAG") { "RULE" }', ""),
        ('UAG(u) { "not ended\n" }', ""),
        ("UAG(u) # a (comment)\n{ x # another, \n }", ""),
        ("HAG(h) { no-such-host.invalid, 192.0.2.1 }", ""),
        ("HAG(h) { $(H) }", "H=somewhere"),
        ("HAG(h) { $(H) }", ""),
        ("HAG(h) { ${H=here}, $(K=$(H=there)) }", "K=$(L),L=x"),
        ("HAG(h) { $(H=) }", ""),
        ("HAG(h) { $(H,A=x) }", "H=$(A)1"),
        ("HAG(h) { $(H }", "H=x"),
        ("HAG(h) { $(A) }", "A=$(B),B=$(A)"),
        ("$(GROUP)(g) { x }", "GROUP=UAG"),
        ("UAG(u) { $(USERS) }", 'USERS="a,b"'),
    ],
)
def test_the_same_files_are_read_and_refused_as_by_epics_base(
    tmp_path: Path, content: str, macros: str
) -> None:
    assert reads(tmp_path, content, macros) is base_reads(content, macros or "NOTHING=0")


PIECES = (
    *("UAG", "HAG", "ASG", "RULE", "INPA", "CALC", "(", ")", "{", "}", ",", "a", "b", "1"),
    *("READ", "WRITE", "NONE", "TRAPWRITE", '"a"', '"', "#", "\n", "DEFAULT", "$(A=b)", "!"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_mixture_of_its_words_is_more_than_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    reads(tmp_path_factory.mktemp("mixed"), " ".join(words))


@given(st.binary(max_size=200), st.integers(0, len(SITE)))
def test_bytes_amid_a_file_are_no_more_than_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int
) -> None:
    content = SITE[:place].encode() + junk + SITE[place:].encode()
    try:
        read(tmp_path_factory.mktemp("junk"), content)
    except StartError as refused:
        assert "hall.acf:" in str(refused)


DAMAGED = {
    "cut": SITE[:-4].encode(),
    "zeros": b"\0" * 1000,
    "utf-16": SITE.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + SITE.encode(),
    "brackets": b"(" * 250_000,
    "nested groups": b"ASG(A){" * 32_000,
    "nested macros": b"HAG(a) { " + b"$(A=" * 60_000,
    "huge default": b"HAG(a) { $(A=$(B=" + b"x" * 250_000 + b")) }",
    "defaults in defaults": b"# " + b"$(A=" * 19 + b")" * 19 + b"\n$(A=x",
    "one group in all rules": b"UAG(a){"
    + b"a," * 9000
    + b"a}"
    + b"ASG(A){RULE(1,WRITE){UAG(a)}}" * 7000,
    "open quote": b'UAG(a) { "' + b"x" * 250_000,
    "no commas": b"UAG(a) { x " * 23_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_refused_soon(tmp_path: Path, content: bytes) -> None:
    with costs_at_most(5), pytest.raises(StartError, match=r"hall\.acf:\d+: "):
        read(tmp_path, content)


def test_what_macros_become_is_limited_over_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "hall.acf").write_text("".join(f'UAG("{n}$(A)") {{u}}\n' for n in range(300)))
    with pytest.raises(StartError, match=r"hall\.acf:\d+: with its macros the file is longer than"):
        load_rules(tmp_path / "hall.acf", "A=" + "x" * 9000)
    (tmp_path / "hall.acf").write_text("\n".join(f"UAG(a{n}$(A=1)) {{u}}" for n in range(100)))
    assert load_rules(tmp_path / "hall.acf")


def test_a_refusal_is_short_whatever_names_macros_make(tmp_path: Path) -> None:
    (tmp_path / "hall.acf").write_text('UAG("$(A)") {u}\n' * 2)
    with pytest.raises(StartError, match=r"hall\.acf:2: UAG\(x+…$") as refused:
        load_rules(tmp_path / "hall.acf", "A=" + "x" * 9000)
    assert len(str(refused.value)) < 500


def test_a_default_has_references_quotes_and_escapes_of_its_own() -> None:
    for line, expanded in (
        ("$(A=$(B=1))x", "1x"),
        ("${A=$(B=1})}", "1}"),
        ("$(A=$(B,C=2),C=3)", "$(B,C=2)"),
        (r"$(A=\))", ")"),
        ("$(A=" * 15 + "x" + ")" * 15, "x"),
    ):
        assert Macros().expanded(line) == expanded, line


def test_what_is_no_file_or_a_huge_one_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"access = .*: it is no regular file"):
        load_rules(Path("/dev/zero"))
    with pytest.raises(StartError, match=r"access = .*: Is a directory"):
        load_rules(tmp_path)
    with pytest.raises(StartError, match=r"access = .*: embedded null byte"):
        load_rules(Path("a\0b"))
    with pytest.raises(StartError, match=r"hall\.acf: it is larger than 256 KiB"):
        read(tmp_path, b"#" * (2 << 20))


def test_comments_and_quoted_names_may_be_in_an_older_encoding(tmp_path: Path) -> None:
    content = SITE.replace("Who works here", "Für Jörg").encode("latin-1")
    assert read(tmp_path, content).may_write(Asg.OPERATION, HERE, "anna")
    with pytest.raises(StartError, match=r"hall\.acf:2: 0xf6 is no character of a name"):
        read(tmp_path, SITE.replace("anna", "jörg").encode("latin-1"))
    with pytest.raises(StartError, match=r"hall\.acf:2: 0xc3 is no character of a name"):
        read(tmp_path, SITE.replace("anna", "jörg").encode())


def test_macros_have_the_values_of_the_command_line_or_their_defaults(tmp_path: Path) -> None:
    default, given = read(tmp_path, SITE), read(tmp_path, SITE, "DESK=192.0.2.9")
    assert default.may_write(Asg.OPERATION, "192.0.2.4", "anna")
    assert not given.may_write(Asg.OPERATION, "192.0.2.4", "anna")
    assert given.may_write(Asg.OPERATION, "192.0.2.9", "anna")
    assert given.may_write(Asg.OPERATION, HERE, "j.o'neil")


@pytest.mark.parametrize(
    ("content", "macros", "words"),
    [
        (
            "HAG(h) {\n$(DESK)}",
            "",
            r"hall\.acf:2: macro \$\(DESK\) is not defined",
        ),
        ('HAG(h) {\n"pc-${N}"}', "", r"hall\.acf:2: macro \$\{N\} is not defined: .* N=VALUE"),
        ("HAG(h) {$(A)}", "A=$(A)", r"hall\.acf:1: macro A refers to itself"),
        ("HAG(h) {x}", "=x", r"access_macros = =x: a macro needs a name"),
    ],
)
def test_a_macro_that_cannot_be_expanded_is_named(
    tmp_path: Path, content: str, macros: str, words: str
) -> None:
    with pytest.raises(StartError, match=words):
        read(tmp_path, content, macros)


def test_macros_do_not_matter_in_comments_and_in_what_is_not_used(tmp_path: Path) -> None:
    extra = 'ASG(OTHER) { INPA("$(P)A") RULE(1, WRITE) { CALC("A=$(N)") } } # as in $(SITE)'
    assert read(tmp_path, SITE + extra).may_write(Asg.OPERATION, HERE, "anna")


def test_macros_that_multiply_are_refused(tmp_path: Path) -> None:
    doubled = ",".join(f"M{n}=$(M{n + 1})$(M{n + 1})" for n in range(19))
    too_long = r"hall\.acf:1: macros make a line longer than 10000"
    with costs_at_most(2), pytest.raises(StartError, match=too_long):
        read(tmp_path, "UAG(a) { $(M0) }", f"{doubled},M19=xyz")


def test_a_host_without_an_address_is_warned_of_and_matches_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = read(tmp_path, SITE.replace("localhost", "localhost,\nold-desk.invalid"))
    assert rules.may_write(Asg.OPERATION, HERE, "anna")
    assert "hall.acf:4: host 'old-desk.invalid' has no address: no client is on it" in caplog.text
    alone = "HAG(gone) { old-desk.invalid } ASG(DEFAULT) { RULE(1, WRITE) { HAG(gone) } }"
    assert not read(tmp_path, alone).may_write(Asg.OPERATION, HERE, "anna")


def test_a_name_server_that_does_not_answer_holds_up_nothing_for_long() -> None:
    answered = threading.Event()

    def slow(host: str) -> frozenset[str]:
        if host == "stuck":
            answered.wait(120)
        return frozenset((host,))

    begin_s = time.monotonic()
    found = resolved(["here", "stuck", "there"], slow, within_s=2)
    took_s = time.monotonic() - begin_s
    answered.set()
    assert found == {"here": {"here"}, "there": {"there"}}
    assert took_s < 60


def test_inputs_and_calculations_matter_only_where_this_ioc_writes(tmp_path: Path) -> None:
    other = 'ASG(MAGNETS) { INPA(X) RULE(1, WRITE) { CALC("A=1") } }\n'
    assert read(tmp_path, other + SITE).may_write(Asg.OPERATION, HERE, "anna")
    reading = 'ASG(OPERATION) { INPA(X) RULE(1, READ) { CALC("A=1") } RULE(1, WRITE) }'
    assert read(tmp_path, reading).may_write(Asg.OPERATION, HERE, "x")
    own = "".join(f"ASG({asg}) {{ RULE(1, WRITE) }}" for asg in Asg if asg is not Asg.DEFAULT)
    unused = other.replace("MAGNETS", "DEFAULT")
    assert read(tmp_path, own + unused).may_write(Asg.OPERATION, HERE, "x")
    with pytest.raises(StartError, match=r"hall\.acf:1: CALC in a rule of ASG\(DEFAULT\)"):
        read(tmp_path, unused)


def test_a_rule_of_a_newer_base_lets_nobody_write_by_it(tmp_path: Path) -> None:
    newer = 'AUTHORITY(ORG) { "the CA" } ASG(MAGNETS) { RULE(1, WRITE) { METHOD("x509") } }'
    rules = read(tmp_path, newer + SITE)
    assert rules.may_write(Asg.OPERATION, HERE, "anna")
    assert not rules.may_write("MAGNETS", HERE, "anna")


@pytest.mark.parametrize(
    ("group", "told"),
    [("OPERATON", True), ("Operation", True), ("SIMULATORS", True), ("MAGNETS", False)],
)
def test_a_group_that_looks_mistyped_is_told_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, group: str, told: bool
) -> None:
    read(tmp_path, f"{SITE}ASG({group}) {{ RULE(1, WRITE) }}")
    warned = f"hall.acf:8: no process variable is in ASG({group}); did you mean" in caplog.text
    assert warned is told


def test_a_rule_that_lets_only_some_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, "UAG(u) {x}\nASG(OPERATION) {\nRULE(1, READ) { UAG(u) } }")
    assert "hall.acf:3: everybody may read ASG(OPERATION), not only these" in caplog.text
    caplog.clear()
    read(tmp_path, SITE)
    assert not caplog.records
