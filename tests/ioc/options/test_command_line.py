"""Options come from flags and files; what cannot be is refused by name."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from ioc.app.server.server_start import server_start
from ioc.options.command_line import parse
from ioc.options.commands import (
    COMMANDS,
    IocOptions,
    RanksOptions,
    RunOptions,
    SimulateOptions,
)
from ioc.options.flags import Options
from ioc.options.program import StartError
from ioc.settings.initial import first_orders
from reduction.instrument.geometry import powder_arc
from reduction.parameters.units import Units


def parsed_run(*flags: str) -> RunOptions:
    options = parse(["run", *flags])
    assert isinstance(options, RunOptions)
    return options


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('prefix = "ESS:"\nranks = 3\narray-rate = 10\n[set]\n"Sim:Pressure" = 2.5\n')
    assert parse(["run", "--config", str(file), "--ranks", "4"]) == RunOptions(
        prefix="ESS:", ranks=4, array_rate=10.0, set=(("Sim:Pressure", "2.5"),)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('prefx = "X:"', "no setting is called 'prefx'; did you mean prefix?"),
        ("ranks = 0", "ranks = 0: the least is 1"),
        ('ranks = "two"', "ranks = 'two': it is of type int"),
        ("ranks = true", "ranks = True: it is of type int"),
        ("reductions = 5", "reductions = 5: the most is 4"),
        ('engine = "nativ"', "it is one of native, mantid; did you mean native?"),
        ('set = "x"', "set = 'x': it is a table"),
        ("ranks = ", "Invalid value"),
        ('[set]\n"Red1:BinParms" = "1,1,2"', "did you mean Red1:BinParams or"),
        ('[set]\n"Red1:BinParams" = "5,1,1"', "BinParams: '5,1,1' refused"),
        ('[set]\n"Sim:SpaceGroup" = "F d -3 n"', "SpaceGroup"),
        ('[set]\n"Sim:PulseRate" = -1', "PulseRate: -1 refused: the lowest is 0.1 Hz"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(StartError) as refused:
        first_orders(parsed_run("--config", str(file)))
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StartError, match=r"absent\.toml: No such file"):
        parse(["run", "--config", "absent.toml"])


@pytest.mark.parametrize("command", [RunOptions, IocOptions, RanksOptions, SimulateOptions])
def test_the_command_line_of_a_process_gives_the_same_options_again(command: type[Options]) -> None:
    run = RunOptions(
        prefix="X:",
        partitions=6,
        seed=5,
        verbose=True,
        array_rate=2.5,
        pva="off",
        set=(("Red1:BinParams", "1,1,4"), ("Pause", "1")),
    )
    given = run.options_for(command)
    again = parse(given.arguments())
    assert type(again) is command
    for option in command.flags():
        assert getattr(again, option.name) == getattr(given, option.name)


def test_a_file_is_shared_by_commands_and_each_takes_what_concerns_it(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('ranks = 3\nengine = "mantid"\nfolder = "screens"\n')
    for command in COMMANDS:
        words = ["show", "x.npz"] if command.command == "instrument" else []
        named = command.command in ("plot", "record", "replay")
        words = ["x.nxs"] if named else words
        options = parse([command.command, "--config", str(file), *words])
        assert type(options) is command
        match options:
            case RanksOptions() | SimulateOptions():
                assert options.stream_partitions == 3
            case IocOptions():
                assert options.ranks_silence == 15


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_read_from_a_file_alone_is_an_option_of_the_command(command: type[Options]) -> None:
    assert command.file_only <= {option.name for option in command.options()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "no command is called 'rnu'; did you mean run?"),
        (["reduce"], "no command is called 'reduce'; it is one of run, ioc, ranks, simulate, re"),
        (["run", "--rnks", "3"], "run does not know '--rnks'; did you mean --ranks?"),
        (["ranks", "--prefix=X:"], "ranks does not know '--prefix=X:'"),
        (["ioc", "--events=tcp://*:1"], "ioc does not know '--events=tcp://*:1'"),
    ],
)
def test_a_command_or_flag_that_does_not_exist_is_refused_with_the_nearest(
    words: list[str], message: str
) -> None:
    with pytest.raises(StartError) as refused:
        parse(words)
    assert str(refused.value).startswith(message)


def test_the_program_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"live-reduction {version('epics-live-reduction')}\n"


def test_first_settings_are_put_by_name() -> None:
    settings = (
        ("Red1:Units", "tof"),
        ("Red1:BinStep", "50"),
        ("Red2:Filter:Max", "300"),
        ("Red2:Filter:Min", "280"),
        ("Red2:Mask", "0:15"),
        ("Pause", "Pause"),
        ("Sim:EventsPerPulse", "7"),
    )
    ranks, simulator, _ = first_orders(RunOptions(set=settings, reductions=2))
    first, second = (each.settings for each in ranks.reductions)
    assert first.units is Units.TOF
    assert first.bin_params == "1000,50,60000"
    assert (second.filter.minimum, second.filter.maximum) == (280, 300)
    assert second.detectors.mask == "0:15"
    assert second.units is Units.D_SPACING
    assert ranks.control.pause
    assert simulator.settings.events_per_pulse == 7


def test_settings_of_a_reduction_that_there_is_not_are_refused() -> None:
    with pytest.raises(StartError, match="did you mean Red1:Mask"):
        first_orders(RunOptions(set=(("Red2:Mask", "0:15"),)))


def test_a_prefix_with_which_names_would_be_too_long_for_epics_is_refused() -> None:
    server_start(IocOptions(prefix="P" * 24 + ":"), powder_arc())
    with pytest.raises(StartError, match="longer than 25 characters: names are at most 60"):
        server_start(IocOptions(prefix="P" * 25 + ":"), powder_arc())


def test_first_settings_that_do_not_fit_the_instrument_are_refused() -> None:
    start = IocOptions(set=(("Red1:Mask", "5000"),))
    with pytest.raises(StartError, match="no detector in 5000; powder_arc has ids from 0 to 999"):
        server_start(start, powder_arc())


def test_banks_of_the_instrument_are_known_from_the_start() -> None:
    start = IocOptions(set=(("Red1:Groups", "banks"),))
    detectors = server_start(start, powder_arc()).ranks.reductions[0].settings.detectors
    assert (detectors.groups, detectors.banks) == ("banks", powder_arc().bank_names)


def test_a_first_vanadium_that_is_not_there_is_refused() -> None:
    start = IocOptions(set=(("Red1:Vanadium", "/absent.nxs"),))
    with pytest.raises(StartError, match=r"Vanadium: '/absent\.nxs' refused: there is no"):
        server_start(start, powder_arc())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--array-rate", "nan"], "array_rate = nan: not a finite number"),
        (["--tick-rate", "inf"], "tick_rate = inf: not a finite number"),
        (["--port", "70000"], "port = 70000: the most is 65535"),
        (["--interfaces", "300.1.1.1"], "interfaces = '300.1.1.1': no IP address"),
        (["--interfaces", ""], "interfaces = '': no IP address"),
        (["--interfaces", "224.0.0.128"], "interfaces = '224.0.0.128': no address of one host"),
        (["--interfaces", "255.255.255.255"], "'255.255.255.255': no address of one host"),
        (["--interfaces", "127.0.0.1,0.0.0.0"], "0.0.0.0 is all addresses: give it alone"),
        (["--prefix", ""], "prefix = '': 1 to 30 ASCII characters"),
        (["--prefix", "A B:"], "no blanks, dots, quotes or dollars"),
        (["--prefix", "Ä:"], "prefix = 'Ä:': 1 to 30 ASCII characters"),
        (["--prefix", "$(P)"], "no blanks, dots, quotes or dollars"),
        (["--seed", str(2**40)], "the most is"),
    ],
)
def test_flags_that_could_never_work_are_refused_at_the_start(
    flags: list[str], message: str
) -> None:
    with pytest.raises(StartError) as refused:
        parse(["run", *flags])
    assert message in str(refused.value)


def test_mantids_algorithms_are_given_their_time_unless_more_is_asked_for() -> None:
    assert RunOptions().ranks_silence == RunOptions().silence == 2
    assert RunOptions(engine="mantid").ranks_silence == 15
    assert RunOptions(engine="mantid", silence=60.0).ranks_silence == 60


def test_fewer_partitions_than_ranks_are_refused_where_both_are_known() -> None:
    with pytest.raises(StartError, match="2 ranks need as many"):
        parse(["run", "--ranks", "2", "--partitions", "1"])
    parse(["ranks", "--partitions", "1"])


def test_the_dialect_of_the_stream_and_its_monitors_reach_every_part(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("[monitor]\nmonitor_1 = 100001\n")
    run = parsed_run("--config", str(file), "--dialect", "plain")
    assert (run.dialect, run.monitor_ids) == ("plain", {"monitor_1": 100_001})
    for command in (RanksOptions, SimulateOptions):
        part = parse(run.options_for(command).arguments())
        assert isinstance(part, RanksOptions | SimulateOptions)
        assert (part.dialect, part.monitor_ids) == ("plain", {"monitor_1": 100_001})
    two = parsed_run("--monitor", "up=1", "--monitor", "down=2")
    assert two.monitor_ids == {"up": 1, "down": 2}


@pytest.mark.parametrize("monitor", ["m=-1", "m=2147483648", "m=x", "m="])
def test_a_pixel_id_of_a_monitor_that_cannot_be_is_refused(monitor: str) -> None:
    with pytest.raises(StartError, match=r"monitor = m=.*: a pixel id is a number from 0"):
        parsed_run("--monitor", monitor)


def test_a_key_of_a_file_is_written_with_either_sign_but_only_once(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    for key in ("array-rate", "array_rate"):
        file.write_text(f"{key} = 7\n", encoding="utf-8")
        options = parse(["ioc", "--config", str(file)])
        assert isinstance(options, IocOptions)
        assert options.array_rate == 7
    file.write_text("array-rate = 7\narray_rate = 8\n", encoding="utf-8")
    with pytest.raises(StartError, match="array_rate: it is there twice, with - and with _"):
        parse(["ioc", "--config", str(file)])


def test_macros_of_no_access_file_are_refused_and_a_wrong_file_also_if_all_is_only_read(
    tmp_path: Path,
) -> None:
    with pytest.raises(StartError, match="access_macros = A=1: there is no access file"):
        server_start(IocOptions(access_macros="A=1"), powder_arc())
    missing = str(tmp_path / "hall.acf")
    with pytest.raises(StartError, match=r"hall\.acf"):
        server_start(IocOptions(access=missing, read_only=True), powder_arc())
