"""The values of the parameters by which components of a Mantid instrument definition move.

They are what Mantid 3.13 makes of them (InstrumentDefinitionParser::setLogfile and
XMLInstrumentParameter::createParamValue); where that is no position anybody can mean, they are
refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from reduction.definitions.places.equations import evaluated
from reduction.definitions.places.idf_xml import Notes, NotUnderstood, float_attribute, tag_text
from reduction.parameters.specs import nearest, shown

COORDINATES = ("x", "y", "z")
POLAR_COORDINATES = ("r-position", "t-position", "p-position")
ROTATIONS = ("rotx", "roty", "rotz")
SCALES = ("scalex", "scaley")
MOVING = frozenset((*COORDINATES, *POLAR_COORDINATES, *ROTATIONS, *SCALES))

NO_SCALE_TYPES = ("bool", "fitting", "int", "string")
"""Types with which Mantid cannot read a scale; any other word is a double."""

SINGLE_VALUES = ("mean", "median", "minimum", "maximum", "first_value", "last_value")
"""How a log becomes one value; of the one value that ``--logs`` gives all are the same."""

POSITION = "position"
SHORTEST_POSITION = len("position 1")


@dataclass(frozen=True)
class NoValue:
    """Why a parameter has no value: what it would follow, and the name of that if it is a log.

    ``followed`` is empty for those of fits, which have values only there.
    """

    followed: str
    log: str = ""


def moving_name(parameter: Element) -> str:
    """Which of `MOVING` a parameter is; empty if it moves nothing.

    As in Mantid, what is before the colon in the name of one for fits does not matter. Raises
    `NotUnderstood` for names that Mantid takes for others, and for scales that it cannot read.
    """
    name, kind = parameter.get("name", ""), parameter.get("type", "double")
    if kind == "fitting" and name.count(":") == 1:
        name = name.partition(":")[2]
    if name not in MOVING and name[:10] in POLAR_COORDINATES:
        raise NotUnderstood(f"{tag_text(parameter)}: Mantid takes it for {name[:10]}")
    if name in SCALES and kind in NO_SCALE_TYPES:
        raise NotUnderstood(f"{tag_text(parameter)}: type = {kind!r} is no type of a scale")
    return name if name in MOVING else ""


def constant(value: Element, parameter: Element) -> float:
    """The number of the ``<value>`` of a parameter; raises `NotUnderstood`."""
    notes = Notes()
    number = float_attribute(value, "val", math.nan, notes)
    text = value.get("val", "")
    if math.isnan(number) or notes.texts or text != text.strip():
        raise NotUnderstood(f"{tag_text(parameter)}: val = {shown(text)} is no number")
    return number


def without_log(parameter: Element) -> NoValue | None:
    """What a parameter without ``<value>`` and ``<logfile>`` would follow; None if nothing."""
    for tag in ("formula", "lookuptable"):
        if parameter.find(f".//{tag}") is not None:
            is_of_fits = parameter.get("type") == "fitting"
            return NoValue("" if is_of_fits else f"a <{tag}>, which moves nothing in Mantid")
    return None


def value_of_log(follows: Element, parameter: Element, log_value: float) -> float:
    """The value of a parameter whose ``<logfile>`` has a value; raises `NotUnderstood`."""
    _check_followed(follows, parameter)
    equation = follows.get("eq", "")
    try:
        return evaluated(equation, log_value) if equation else log_value
    except ValueError as error:
        raise NotUnderstood(f"{tag_text(parameter)}: eq = {error}") from None


def _check_followed(follows: Element, parameter: Element) -> None:
    """Raises `NotUnderstood` for a parameter that does not follow its log in Mantid."""
    tag = tag_text(parameter)
    formula, table = parameter.find(".//formula"), parameter.find(".//lookuptable")
    for each, given in (
        ("<formula>", formula is not None and formula.get("eq")),
        ("<lookuptable>", table is not None and table.find(".//point") is not None),
        ('type="string"', parameter.get("type") == "string"),
    ):
        if given:
            raise NotUnderstood(f"{tag}: with {each} Mantid takes 0, whatever its log says")
    how = follows.get("extract-single-value-as", "mean")
    if how not in SINGLE_VALUES and not (
        how.startswith(POSITION) and len(how) >= SHORTEST_POSITION
    ):
        known = (*SINGLE_VALUES, "position 1")
        why = f"extract-single-value-as = {shown(how)} is not understood, but {', '.join(known)}"
        raise NotUnderstood(f"{tag}: {why}{nearest(how, known)}")
