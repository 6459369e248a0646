import pytest

from ioc.app.run import server_start
from ioc.options import StartError, Startup, startup
from ioc.settings.initial import first_orders
from reduction.instrument.geometry import powder_arc
from reduction.parameters.units import Units


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text('prefix = "ESS:"\nranks = 3\narray-rate = 10\n[set]\n"Sim:Pressure" = 2.5\n')
    part, start = startup(["run", "--config", str(file), "--ranks", "4"])
    assert part == "run"
    assert start == Startup(prefix="ESS:", ranks=4, array_rate=10.0, set=(("Sim:Pressure", "2.5"),))


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
        ('[set]\n"Sim:PulseRate" = -1', "PulseRate: -1.0 refused: the lowest is 0.1 Hz"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(tmp_path, text, message):
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(StartError) as refused:
        first_orders(startup(["run", "--config", str(file)])[1])
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(StartError, match=r"absent\.toml: No such file"):
        startup(["run", "--config", "absent.toml"])


@pytest.mark.parametrize("part", ["run", "ioc", "ranks", "simulate"])
def test_the_command_line_of_a_part_says_the_same_settings_again(part):
    given = Startup(prefix="X:", ranks=3, partitions=6, seed=5, verbose=True, array_rate=2.5)
    _, again = startup([part, *given.arguments(part)])
    assert again.arguments(part) == given.arguments(part)


def test_first_settings_are_put_by_name():
    settings = (
        ("Red1:Units", "tof"),
        ("Red1:BinStep", "50"),
        ("Red2:Filter:Max", "300"),
        ("Red2:Filter:Min", "280"),
        ("Red2:Mask", "0:15"),
        ("Pause", "Pause"),
        ("Sim:EventsPerPulse", "7"),
    )
    ranks, simulator, _ = first_orders(Startup(set=settings, reductions=2))
    first, second = (each.settings for each in ranks.reductions)
    assert first.units is Units.TOF
    assert first.bin_params == "1000,50,60000"
    assert (second.filter.minimum, second.filter.maximum) == (280, 300)
    assert second.detectors.mask == "0:15"
    assert second.units is Units.D_SPACING
    assert ranks.control.pause
    assert simulator.settings.events_per_pulse == 7


def test_settings_of_a_reduction_that_there_is_not_are_refused():
    with pytest.raises(StartError, match="did you mean Red1:Mask"):
        first_orders(Startup(set=(("Red2:Mask", "0:15"),)))


def test_first_settings_that_do_not_fit_the_instrument_are_refused():
    start = Startup(set=(("Red1:Mask", "5000"),))
    with pytest.raises(StartError, match="no detector in 5000; powder_arc has ids from 0 to 999"):
        server_start(start, powder_arc())


def test_banks_of_the_instrument_are_known_from_the_start():
    start = Startup(set=(("Red1:Groups", "banks"),))
    detectors = server_start(start, powder_arc()).ranks.reductions[0].settings.detectors
    assert (detectors.groups, detectors.banks) == ("banks", powder_arc().bank_names)


def test_a_first_vanadium_that_is_not_there_is_refused():
    start = Startup(set=(("Red1:Vanadium", "/absent.nxs"),))
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
        (["--prefix", ""], "prefix = '': 1 to 30 characters"),
        (["--prefix", "A B:"], "no blanks or dots"),
        (["--seed", str(2**40)], "the most is"),
    ],
)
def test_flags_that_could_never_work_are_refused_at_the_start(flags, message):
    with pytest.raises(StartError) as refused:
        startup(["run", *flags])
    assert message in str(refused.value)


def test_mantids_algorithms_are_given_their_time_unless_more_is_asked_for():
    assert Startup().ranks_silence == Startup().silence == 2
    assert Startup(engine="mantid").ranks_silence == 15
    assert Startup(engine="mantid", silence=60.0).ranks_silence == 60


def test_fewer_partitions_than_ranks_are_refused_where_both_are_known():
    with pytest.raises(StartError, match="2 ranks need as many"):
        startup(["run", "--ranks", "2", "--partitions", "1"])[1].check_run()
    startup(["ranks", "--partitions", "1"])
