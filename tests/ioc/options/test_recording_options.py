"""The options of the commands that record and play."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.app.greeting import ClientPlace, greeting
from ioc.app.processes.child_processes import ProcessOptions
from ioc.app.recording_commands import with_recording
from ioc.options.command_line import parse
from ioc.options.commands import RecordOptions, ReplayOptions, RunOptions
from ioc.options.event_log import recording_limit, with_event_log
from ioc.options.program import StartError
from tests.support.stream.recordings import recorded


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "1e-9"])
def test_a_speed_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartError, match=r"speed = .*: a number from 0\.001 on, or max"):
        parse(["replay", "x", f"--speed={text}"])


def test_times_are_those_of_now_unless_it_goes_as_fast_as_possible() -> None:
    assert ReplayOptions().times_now
    assert not ReplayOptions(speed="max").times_now
    assert not ReplayOptions(times="original").times_now


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["replay", "x", "--speed=max", "--times=now"], "times = now: with speed = max"),
        (["replay", "x", "--speed=max", "--loop"], "loop: with speed = max"),
        (["run", "--replay=x", "--stream=kafka://h:1/t"], "replay and stream: only one of them"),
        (["run", "--replay=x", "--simulated"], "replay and simulated: only one of them"),
    ],
)
def test_options_that_exclude_each_other_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(StartError, match=message):
        parse(words)


def test_what_is_played_has_a_log_of_its_own() -> None:
    simulated, played = with_event_log(RunOptions()), with_event_log(RunOptions(replay="x"))
    assert Path(simulated.log_folder).name == "events-2"
    assert Path(played.log_folder).name == "replay-2"
    assert with_event_log(ReplayOptions(partitions=2)).log_folder == played.log_folder


def test_a_recording_has_the_partitions_and_keeps_no_run_state(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", pulses=2, partitions=3)
    run = with_recording(RunOptions(replay=str(path)))
    assert (run.stream_partitions, run.run_state) == (3, "none")
    named = with_recording(RunOptions(replay=str(path), run_state="file.json"))
    assert named.run_state == "file.json"
    assert with_recording(RunOptions()) == RunOptions()
    with pytest.raises(StartError, match="it has 3 partitions, too few for 4 ranks"):
        with_recording(RunOptions(replay=str(path), ranks=4))


def test_ranks_read_the_recording_themselves_at_the_highest_speed_alone(tmp_path: Path) -> None:
    fastest = ProcessOptions.of(RunOptions(replay="rec", speed="max"), tmp_path)
    assert fastest.ranks.recording == "rec"
    assert fastest.ioc.sim_control == "none"
    run = RunOptions(replay="rec", speed="3", loop=True, log_folder="here")
    played = ProcessOptions.of(run, tmp_path)
    assert played.ranks.recording == ""
    words = played.replay.arguments()
    assert words[0] == "replay"
    assert "rec" in words
    assert {"--speed=3", "--loop", "--stay", "--log-folder=here", "--events="} < set(words)
    assert parse(words).arguments() == words


def test_the_greeting_says_what_is_played() -> None:
    place = ClientPlace({})
    fastest = with_event_log(RunOptions(replay="rec", speed="max"))
    said = greeting(fastest, "arc", place)
    assert "Events come from rec, as fast as the ranks take them." in said
    played = with_event_log(RunOptions(replay="rec", speed="3"))
    said = greeting(played, "arc", place)
    assert "Events come from rec, which is played 3 times as fast." in said


def test_a_recording_has_the_limit_that_is_given(tmp_path: Path) -> None:
    folder = str(tmp_path / "rec")
    assert recording_limit(RecordOptions(folder=folder, log_limit="3M")) == 3 * 2**20
    assert recording_limit(RecordOptions(folder=folder)) > 0
