"""What ``run`` prints about the web page."""

from __future__ import annotations

from ioc.app.greeting import greeting
from ioc.options.commands import RunOptions


def first_line(text: str) -> str:
    return next(line for line in text.splitlines() if line)


def test_the_address_of_the_page_comes_first() -> None:
    assert first_line(greeting(RunOptions(), "http://x/")) == "Open http://x/ in a browser."


def test_a_page_that_is_missing_is_told_and_one_that_is_not_wanted_is_not() -> None:
    assert "no web page: it needs pvAccess" in first_line(greeting(RunOptions(pva="off")))
    assert first_line(greeting(RunOptions(no_web=True))).startswith("Live reduction")
