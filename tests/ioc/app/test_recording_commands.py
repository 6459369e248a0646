"""The commands ``record`` and ``replay``, in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.app.cli import main
from tests.support.ports import free_port
from tests.support.stream.recordings import messages_of, recorded


def test_a_log_is_recorded_and_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, copy, played = tmp_path / "source", tmp_path / "copy", tmp_path / "played"
    recorded(source, pulses=10, partitions=2)
    where = [f"--log-folder={source}", "--begin=start", "--log-limit=16M"]
    main(["record", str(copy), *where, "--pulses=8"])
    assert capsys.readouterr().out.startswith(f"{copy}: 48 messages with 320 events of 8 pulses, ")
    there = [f"--log-folder={played}", "--log-limit=16M", "--events="]
    main(["replay", str(copy), *there, "--speed=max"])
    said = f"{copy}: 48 messages with 320 events of 8 pulses\n"
    assert capsys.readouterr().out == said
    assert messages_of(played) == messages_of(copy)
    assert messages_of(copy) == [each[:24] for each in messages_of(source)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["replay", "absent", "--events="], "recording absent: there is no such file or folder"),
        (["record", "new", "--log-folder=absent"], "log absent: the folder holds no event log"),
        (["run", "--replay=absent"], "recording absent: there is no such file or folder"),
        (["ranks", "--recording=absent"], "recording absent: there is no such file or folder"),
    ],
)
def test_what_is_not_there_is_named(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"live-reduction: {message}\n"


def test_a_recording_that_does_not_fit_is_told_and_not_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(tmp_path / "source", pulses=3, partitions=2)
    target = f"--log-folder={tmp_path / 'target'}"
    with pytest.raises(SystemExit):
        main(["replay", str(tmp_path / "source"), target, "--log-limit=1M", "--events="])
    assert "2 partitions need 4194304" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["record", "replay"])
def test_a_log_is_not_written_to_the_folder_that_it_is_read_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    source = str(recorded(tmp_path / "source", pulses=3))
    with pytest.raises(SystemExit):
        main([command, source, f"--log-folder={tmp_path}/../{tmp_path.name}/source", "--events="])
    assert "it would be written to while it is read" in capsys.readouterr().err
    assert len(messages_of(Path(source))[0]) == 9


def test_a_record_of_nothing_says_so_and_where_nothing_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    source = [f"--events={nobody}", "--partitions=2", "--log-limit=16M"]
    with pytest.raises(SystemExit) as ended:
        main(["record", str(tmp_path / "copy"), *source, "--seconds=0.05"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "0 messages" in said.out
    assert said.err == f"live-reduction: nothing came from {nobody}: does a source send there?\n"
