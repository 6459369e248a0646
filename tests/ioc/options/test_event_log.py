"""Where the event log is and what it takes, if nobody says and if somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.options.commands import IocOptions, RunOptions, SimulateOptions
from ioc.options.event_log import autosave_path, run_state_path, with_event_log
from ioc.options.program import StartError
from ioc.options.sizes import size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("123", 123),
        ("1k", 1024),
        ("500M", 500 * 2**20),
        ("8G", 2**33),
        ("8 GiB", 2**33),
        ("1.5T", 3 * 2**39),
        ("2MB", 2**21),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, amount: int) -> None:
    assert size_bytes(text) == amount


@pytest.mark.parametrize("text", ["8X", "-1", "G", "1e9", "nan", "8G8", "١G x"])
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(StartError, match=r"log_limit = .*: an amount of bytes, like 500M or 8G"):
        RunOptions(log_limit=text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (7_724_429_721, "7.19 GiB"), (2**42, "4 TiB")],
)
def test_amounts_are_shown_with_a_unit(amount: int, text: str) -> None:
    assert size_text(amount) == text


def test_each_prefix_and_number_of_partitions_has_a_log_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run = with_event_log(RunOptions(prefix="A/B:", ranks=3))
    assert run.log_folder == f"{tmp_path}/live-reduction/A%2FB:/events-3"
    assert 0 < int(run.log_limit) <= 16 * 2**30
    assert not any(tmp_path.iterdir())


def test_what_is_given_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = with_event_log(SimulateOptions(log_folder="here", log_limit="1G"))
    assert (options.log_folder, options.log_limit) == (f"{tmp_path}/here", str(2**30))


def test_none_is_no_file_of_settings_as_it_is_no_run_state() -> None:
    for options in IocOptions(autosave="none", run_state="none"), IocOptions(run_state="none"):
        assert autosave_path(options) is None
        assert run_state_path(options) is None
    assert autosave_path(IocOptions(autosave="kept.toml")) == Path("kept.toml")


def test_on_a_disk_that_is_nearly_full_the_log_is_as_small_as_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.options.event_log.default_limit_bytes", lambda _folder: 343_654)
    options = RunOptions(ranks=3, log_folder=str(tmp_path))
    assert with_event_log(options).log_limit == str(3 * 2 * 2**20)
