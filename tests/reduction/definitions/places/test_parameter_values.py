"""What parameters that move components are worth: by formulas, tables, logs, types and names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.definitions.from_mantid import load_instrument
from reduction.definitions.idf_reader import read_definition
from tests.support.engines.tried import imported

FORMULA = '<formula eq="1+1" unit="Energy" result-unit="TOF"/>'
TABLE = '<lookuptable interpolation="linear"><point x="1" y="2"/></lookuptable>'
BARE_TABLE = '<lookuptable interpolation="linear"/>'
BARE_FORMULA = '<formula unit="Energy"/>'
VALUE = '<value val="3"/>'
LOG = '<logfile id="stage"/>'
LIMITS = '<min val="8"/><max val="9"/><penalty-factor val="5"/><fixed/><description is="far"/>'


def parameter(inside: str, name: str = "x", more: str = "") -> str:
    return f'<parameter name="{name}" {more}>{inside}</parameter>'


def definition(folder: Path, *parameters: str) -> Path:
    """A detector at (1, 0, 1) whose component has these parameters."""
    path = folder / "EYE_Definition.xml"
    path.write_text(
        '<instrument name="EYE" valid-from="1990-01-01 00:00:00">'
        '<component type="source"><location z="-12"/></component>'
        '<type name="source" is="Source"/><type name="sample" is="SamplePos"/>'
        '<component type="sample"><location/></component><type name="pixel" is="detector"/>'
        f'<component type="pixel" name="eye" idlist="a">{"".join(parameters)}'
        '<location x="1" z="1"/></component><idlist idname="a"><id val="7"/></idlist></instrument>'
    )
    return path


def eye(folder: Path, *parameters: str, **logs: float) -> NDArray[np.float64]:
    """Where the detector is, if logs have these values."""
    made = read_definition(definition(folder, *parameters), logs)
    position: NDArray[np.float64] = made.position_m[0]
    return position


@pytest.mark.parametrize(
    ("inside", "what"),
    [(FORMULA, "<formula>"), (TABLE, "<lookuptable>"), (f"<p>{FORMULA}</p>", "<formula>")],
)
def test_a_formula_or_table_alone_moves_nothing_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, inside: str, what: str
) -> None:
    assert eye(tmp_path, parameter(inside)).tolist() == [1, 0, 1]
    (line,) = caplog.messages
    assert f"x of eye would follow a {what}, which moves nothing in Mantid: the position" in line


def test_it_replaces_a_parameter_of_the_same_name_before_it(tmp_path: Path) -> None:
    assert eye(tmp_path, parameter(VALUE), parameter(FORMULA)).tolist() == [1, 0, 1]
    assert eye(tmp_path, parameter(FORMULA), parameter(VALUE)).tolist() == [3, 0, 1]


def test_an_empty_parameter_replaces_none(tmp_path: Path) -> None:
    assert eye(tmp_path, parameter(VALUE), parameter("")).tolist() == [3, 0, 1]
    assert eye(tmp_path, parameter(LOG), parameter(LIMITS), stage=4).tolist() == [4, 0, 1]


@pytest.mark.parametrize("beside", [FORMULA, TABLE, LOG, LIMITS, FORMULA + TABLE + LOG])
def test_a_value_counts_whatever_is_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, beside: str
) -> None:
    assert eye(tmp_path, parameter(beside + VALUE)).tolist() == [3, 0, 1]
    assert not caplog.records


@pytest.mark.parametrize("beside", ["", BARE_FORMULA, BARE_TABLE, LIMITS])
@pytest.mark.parametrize(
    "how", ["mean", "last_value", "first_value", "median", "minimum", "maximum", "position 12"]
)
def test_a_log_of_one_value_is_followed_however_a_value_is_extracted(
    tmp_path: Path, how: str, beside: str
) -> None:
    followed = f'<logfile id="stage" extract-single-value-as="{how}" eq="2*value"/>{beside}'
    assert eye(tmp_path, parameter(followed), stage=2).tolist() == [4, 0, 1]


@pytest.mark.parametrize(
    ("inside", "kind", "words"),
    [
        (LOG + FORMULA, "double", "with <formula> Mantid takes 0, whatever its log says"),
        (LOG + TABLE, "double", "with <lookuptable> Mantid takes 0"),
        (LOG, "string", 'with type="string" Mantid takes 0'),
        (
            '<logfile id="stage" extract-single-value-as="last_vale"/>',
            "double",
            "'last_vale' is not understood, but mean, .*did you mean last_value",
        ),
        ('<logfile id="stage" extract-single-value-as="position1"/>', "double", "not understood"),
        ('<logfile id="stage" extract-single-value-as=""/>', "double", "not understood"),
    ],
)
def test_a_log_that_mantid_does_not_follow_is_refused_once_it_has_a_value(
    tmp_path: Path, inside: str, kind: str, words: str
) -> None:
    one = parameter(inside, more=f'type="{kind}"')
    assert eye(tmp_path, one).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=rf'EYE_.*<parameter name="x">: .*{words}') as refused:
        eye(tmp_path, one, stage=2)
    assert "\n" not in str(refused.value)


def test_a_log_without_an_id_is_refused_and_one_without_a_name_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r'<parameter name="x">: <logfile> has no id'):
        eye(tmp_path, parameter("<logfile/>"))
    assert eye(tmp_path, parameter('<logfile id=""/>')).tolist() == [1, 0, 1]
    assert "x of eye would follow a log without a name, as in Mantid: the position" in caplog.text


@pytest.mark.parametrize("kind", ["string", "int", "bool", "double", "of no kind"])
def test_the_type_of_a_coordinate_does_not_matter(tmp_path: Path, kind: str) -> None:
    assert eye(tmp_path, parameter(VALUE, more=f'type="{kind}"')).tolist() == [3, 0, 1]


@pytest.mark.parametrize("kind", ["string", "int", "bool", "fitting"])
def test_a_scale_that_mantid_cannot_read_is_refused(tmp_path: Path, kind: str) -> None:
    scale = parameter(VALUE, "scalex", f'type="{kind}"')
    with pytest.raises(ValueError, match=rf'"scalex">: type = .{kind}. is no type of a scale'):
        eye(tmp_path, scale)


def test_what_is_before_the_colon_of_a_parameter_for_fits_does_not_matter(tmp_path: Path) -> None:
    fitting = 'type="fitting"'
    assert eye(tmp_path, parameter(VALUE, "Peak:x", fitting)).tolist() == [3, 0, 1]
    assert eye(tmp_path, parameter(VALUE, "a:b:x", fitting)).tolist() == [1, 0, 1]
    assert eye(tmp_path, parameter(VALUE, "Peak:x")).tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["r-position-2", "t-positions", "p-positionx"])
def test_names_that_mantid_takes_for_a_position_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf'"{name}">: Mantid takes it for {name[0]}-position'):
        eye(tmp_path, parameter(VALUE, name))


@pytest.mark.mantid
@pytest.mark.parametrize(
    "parameters",
    [
        *(
            parameter(each)
            for each in (FORMULA, TABLE, LOG, LIMITS + VALUE, FORMULA + TABLE + VALUE)
        ),
        parameter(VALUE) + parameter(FORMULA),
        parameter(FORMULA) + parameter(VALUE),
        parameter(VALUE) + parameter(""),
        *(parameter(VALUE, more=f'type="{kind}"') for kind in ("string", "int", "bool")),
        *(parameter(VALUE, name, 'type="fitting"') for name in ("Peak:x", "a:b:x")),
        parameter('<logfile id=""/>'),
        parameter('<logfile id="stage" extract-single-value-as="last_vale"/>'),
    ],
)
def test_parameters_are_worth_what_they_are_worth_in_mantid(
    tmp_path: Path, parameters: str
) -> None:
    there = load_instrument(imported(), definition(tmp_path, parameters)).position_m[0]
    np.testing.assert_allclose(eye(tmp_path, parameters), there, rtol=0, atol=1e-9)


@pytest.mark.mantid
@pytest.mark.parametrize(
    "refused", [parameter("<logfile/>"), parameter(VALUE, "scaley", 'type="int"')]
)
def test_what_is_refused_here_is_refused_by_mantid(tmp_path: Path, refused: str) -> None:
    with pytest.raises(ValueError, match="Mantid says"):
        load_instrument(imported(), definition(tmp_path, refused))
