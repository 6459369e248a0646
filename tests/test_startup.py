import pytest

from ioc.first import first_orders
from ioc.startup import BadStart, Startup, startup
from reduction.units import Units


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
        ('engine = "nativ"', "it is one of native; did you mean native?"),
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
    with pytest.raises(BadStart) as refused:
        first_orders(startup(["run", "--config", str(file)])[1].set, 200_000)
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(BadStart, match=r"absent\.toml: No such file"):
        startup(["run", "--config", "absent.toml"])


@pytest.mark.parametrize("part", ["run", "ioc", "ranks", "simulate"])
def test_the_command_line_of_a_part_says_the_same_settings_again(part):
    given = Startup(prefix="X:", ranks=3, partitions=6, seed=5, verbose=True, array_rate=2.5)
    _, again = startup([part, *given.arguments(part)])
    assert again.arguments(part) == given.arguments(part)


def test_first_settings_are_put_by_name():
    ranks, simulator = first_orders(
        [
            ("Red1:Units", "tof"),
            ("Red1:BinStep", "50"),
            ("Pause", "Pause"),
            ("Sim:EventsPerPulse", "7"),
        ],
        200_000,
    )
    assert ranks.reductions[0].settings.units is Units.TOF
    assert ranks.reductions[0].settings.bin_params == "1000,50,60000"
    assert ranks.control.pause
    assert simulator.settings.events_per_pulse == 7
