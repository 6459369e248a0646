"""How what a command prints is compared with what a page shows."""

from __future__ import annotations

from tests.support.documents.transcripts import ShownCommand, commands

SESSION = """\
$ caget LIVE:Red1:Spec:Total_RBV
LIVE:Red1:Spec:Total_RBV       2.18e+06
$ camonitor LIVE:Lag_RBV
LIVE:Lag_RBV 2026-11-22 18:55:05.695573 0.02
^C
"""


def test_a_session_is_commands_with_what_they_print() -> None:
    first, second = commands(SESSION)
    assert first == ShownCommand(
        "caget LIVE:Red1:Spec:Total_RBV", ("LIVE:Red1:Spec:Total_RBV       2.18e+06",)
    )
    assert not first.interrupted
    assert second.interrupted
    assert len(second.output) == 1


def test_numbers_and_dates_need_not_agree() -> None:
    shown = ShownCommand("x", ("LIVE:Red1:Slice1:Total_RBV 2.18e+06 nan at Thu Nov 26 2026",))
    assert not shown.differs(("LIVE:Red1:Slice1:Total_RBV   -3 17 at Mon Dec 7 2027",))


def test_names_words_and_the_length_of_arrays_must_agree() -> None:
    shown = ShownCommand("x", ("LIVE:Red1:Spec:XE 3 0.4 0.9 1.4",))
    assert shown.differs(("LIVE:Red2:Spec:XE 3 0.4 0.9 1.4",))
    assert shown.differs(("LIVE:Red1:Spec:XE 2 0.4 0.9",))
    difference = shown.differs(("Channel connect timed out",))
    assert "Channel connect timed out" in difference
    assert "LIVE:Red1:Spec:XE 3" in difference


def test_lines_that_are_left_out_are_marked() -> None:
    shown = ShownCommand("x", ("first", "…", "last"))
    assert not shown.differs(("first", "last"))
    assert not shown.differs(("first", "a", "b", "last"))
    assert shown.differs(("first", "a"))
    assert ShownCommand("x", ("first",)).differs(("first", "more"))
