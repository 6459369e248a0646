"""The fields that records of EPICS Base have, by record type: type, size and first value of each.

A channel reports a record type (``.RTYP``), and clients then read the fields of such a record. Each
field here has the type on Channel Access, and the value unless configured, that softIoc of EPICS
Base 7 gives it. A test compares all of them. `ioc.ca.channels.record_fields` has those with another
value.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class FieldKind(enum.Enum):
    """The native types that fields have on Channel Access."""

    STRING = enum.auto()
    SHORT = enum.auto()
    ENUM = enum.auto()
    UCHAR = enum.auto()
    LONG = enum.auto()
    ULONG = enum.auto()
    """An unsigned number, which Channel Access carries as a double."""
    DOUBLE = enum.auto()
    LINK = enum.auto()
    """A link to another record, which reads as a text."""


@dataclass(frozen=True)
class RecordField:
    """A field of a record: its native type, and its value if nothing sets it.

    ``size`` is the number of bytes of a text, with its NUL. A text can also be read as so many
    characters, by its name and ``$``. ``labels`` are the words of a menu; the value is an index.
    """

    kind: FieldKind
    default: str | float
    size: int = 0
    labels: tuple[str, ...] = ()


Fields = dict[str, RecordField]

SEVERITY_LABELS = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")

STATUS_LABELS = (
    *("NO_ALARM", "READ", "WRITE", "HIHI", "HIGH", "LOLO", "LOW", "STATE", "COS", "COMM"),
    *("TIMEOUT", "HWLIMIT", "CALC", "SCAN", "LINK", "SOFT", "BAD_SUB", "UDF", "DISABLE"),
    *("SIMM", "READ_ACCESS", "WRITE_ACCESS"),
)

NO_YES, NO_YES_RAW = ("NO", "YES"), ("NO", "YES", "RAW")

SCANS = (
    *("Passive", "Event", "I/O Intr", "10 second", "5 second", "2 second", "1 second"),
    *(".5 second", ".2 second", ".1 second"),
)

ELEMENT_TYPES = (
    *("STRING", "CHAR", "UCHAR", "SHORT", "USHORT", "LONG", "ULONG", "INT64", "UINT64"),
    *("FLOAT", "DOUBLE", "ENUM"),
)

RANGES: Mapping[FieldKind, tuple[float, float]] = {
    FieldKind.SHORT: (-(2**15), 2**15 - 1),
    FieldKind.UCHAR: (0, 2**8 - 1),
    FieldKind.LONG: (-(2**31), 2**31 - 1),
    FieldKind.ULONG: (0, 2**32 - 1),
    FieldKind.DOUBLE: (-1e300, 1e300),
}
"""The lowest and highest value that EPICS Base tells of a field without limits, by its type."""

LEVELS = ("HIHI", "LOLO", "HIGH", "LOW", "LALM", "ALST", "MLST", "OVAL", "PVAL")
"""Fields of numeric records that have the limits of the value."""

NO_SCAN = 0xFFFF
"""The value of SSCN: simulation mode does not change the scan."""

LINK_SIZE, STATE_SIZE = 1024, 26
"""Bytes of a link as characters, and of the name of a state."""

STATE_PREFIXES = (
    *("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV"),
    *("EI", "NI", "TE", "EL", "TV", "TT", "FT", "FF"),
)
"""The first letters of the fields of the sixteen states of an mbbi or mbbo record, in order."""


def _numbers(kind: FieldKind, names: str, default: float = 0) -> Fields:
    return {name: RecordField(kind, default) for name in names.split()}


def _texts(size: int, names: str, default: str = "") -> Fields:
    return {name: RecordField(FieldKind.STRING, default, size) for name in names.split()}


def _links(names: str) -> Fields:
    return {name: RecordField(FieldKind.LINK, "", LINK_SIZE) for name in names.split()}


def _menu(labels: tuple[str, ...], names: str, default: int = 0) -> Fields:
    return {name: RecordField(FieldKind.ENUM, default, 0, labels) for name in names.split()}


SHORT, LONG, ULONG = FieldKind.SHORT, FieldKind.LONG, FieldKind.ULONG
DOUBLE, UCHAR = FieldKind.DOUBLE, FieldKind.UCHAR

COMMON = {
    **_texts(61, "NAME"),
    **_texts(41, "DESC"),
    **_texts(29, "ASG"),
    **_texts(40, "EVNT AMSG NAMSG"),
    **_texts(40, "RTYP"),
    **_links("TSEL SDIS FLNK SIOL SIML"),
    **_menu(SCANS, "SCAN"),
    **_menu(SCANS, "SSCN", NO_SCAN),
    **_menu(("NO", "YES", "RUN", "RUNNING", "PAUSE", "PAUSED"), "PINI"),
    **_menu(("Soft Channel",), "DTYP"),
    **_menu(STATUS_LABELS, "STAT NSTA"),
    **_menu(SEVERITY_LABELS, "SEVR NSEV ACKS DISS SIMS"),
    **_menu(SEVERITY_LABELS, "UDFS", 3),
    **_menu(NO_YES, "ACKT", 1),
    **_menu(("LOW", "MEDIUM", "HIGH"), "PRIO"),
    **_menu(NO_YES, "SIMM"),
    **_menu(NO_YES_RAW, "OLDSIMM"),
    **_numbers(SHORT, "PHAS TSE DISA"),
    **_numbers(SHORT, "DISV", 1),
    **_numbers(UCHAR, "DISP PROC LCNT PACT PUTF RPRO TPRO UDF"),
    **_numbers(ULONG, "UTAG"),
    **_numbers(DOUBLE, "SDLY", -1),
}
"""The fields of all record types here."""

_OUTPUT = {
    **_links("OUT DOL"),
    **_menu(("supervisory", "closed_loop"), "OMSL"),
    **_menu(("Continue normally", "Don't drive outputs", "Set output to IVOV"), "IVOA"),
}

_INPUT = _links("INP")

_CONVERSION = {
    **_menu(("NO CONVERSION", "SLOPE", "LINEAR"), "LINR"),
    **_numbers(DOUBLE, "EGUF EGUL AOFF EOFF"),
    **_numbers(ULONG, "ROFF"),
    **_numbers(DOUBLE, "ESLO", 1),
    **_numbers(SHORT, "LBRK INIT"),
    **_numbers(LONG, "RVAL ORAW"),
    **_menu(NO_YES_RAW, "SIMM"),
}

_ALARMS = {**_texts(16, "EGU"), **_menu(SEVERITY_LABELS, "HHSV LLSV HSV LSV")}

_LEVELS = "HOPR LOPR HIHI LOLO HIGH LOW HYST ADEL MDEL LALM ALST MLST"

_TWO_STATES = {
    **_texts(STATE_SIZE, "ZNAM ONAM"),
    **_menu(SEVERITY_LABELS, "ZSV OSV COSV"),
    **_numbers(ULONG, "RVAL ORAW MASK"),
    **_numbers(LONG, "LALM MLST"),
    **_menu(NO_YES_RAW, "SIMM"),
}

_MANY_STATES = {
    **_texts(STATE_SIZE, " ".join(f"{each}ST" for each in STATE_PREFIXES)),
    **_numbers(ULONG, " ".join(f"{each}VL" for each in STATE_PREFIXES)),
    **_menu(SEVERITY_LABELS, " ".join(f"{each}SV" for each in STATE_PREFIXES)),
    **_menu(SEVERITY_LABELS, "UNSV COSV"),
    **_numbers(ULONG, "RVAL ORAW MASK"),
    **_numbers(LONG, "LALM MLST NOBT SHFT"),
    **_numbers(SHORT, "SDEF", 1),
    **_menu(NO_YES_RAW, "SIMM"),
}

_TEXT = {**_texts(40, "VAL OVAL"), **_menu(("On Change", "Always"), "MPST APST")}

RECORD_FIELDS: Mapping[str, Mapping[str, RecordField]] = MappingProxyType(
    {
        "ai": {
            **(COMMON | _INPUT | _CONVERSION | _ALARMS),
            **_numbers(DOUBLE, f"{_LEVELS} SMOO AFTC AFVL SVAL"),
            **_numbers(DOUBLE, "ASLO", 1),
            **_numbers(SHORT, "PREC"),
        },
        "ao": {
            **(COMMON | _OUTPUT | _CONVERSION | _ALARMS),
            **_numbers(DOUBLE, f"{_LEVELS} OVAL PVAL OROC ASLO DRVH DRVL IVOV"),
            **_numbers(SHORT, "PREC"),
            **_numbers(LONG, "RBV ORBV"),
            **_numbers(UCHAR, "OMOD"),
            **_menu(("Full", "Incremental"), "OIF"),
        },
        "longin": {
            **(COMMON | _INPUT | _ALARMS),
            **_numbers(LONG, f"{_LEVELS} SVAL"),
            **_numbers(DOUBLE, "AFTC AFVL"),
        },
        "longout": {
            **(COMMON | _OUTPUT | _ALARMS),
            **_numbers(LONG, f"{_LEVELS} DRVH DRVL IVOV PVAL"),
            **_menu(NO_YES, "OOCH", 1),
            **_menu(
                (
                    *("Every Time", "On Change", "When Zero", "When Non-zero"),
                    *("Transition To Zero", "Transition To Non-zero"),
                ),
                "OOPT",
            ),
        },
        "bi": {
            **(COMMON | _INPUT | _TWO_STATES),
            **_numbers(ULONG, "SVAL"),
        },
        "bo": {
            **(COMMON | _OUTPUT | _TWO_STATES),
            **_numbers(DOUBLE, "HIGH"),
            **_numbers(ULONG, "RBV ORBV"),
            **_numbers(LONG, "IVOV"),
        },
        "mbbi": {
            **(COMMON | _INPUT | _MANY_STATES),
            **_numbers(DOUBLE, "AFTC AFVL"),
            **_numbers(ULONG, "SVAL"),
        },
        "mbbo": {
            **(COMMON | _OUTPUT | _MANY_STATES),
            **_numbers(ULONG, "RBV ORBV"),
            **_numbers(LONG, "IVOV"),
        },
        "stringin": {**(COMMON | _INPUT | _TEXT), **_texts(40, "SVAL")},
        "stringout": {**(COMMON | _OUTPUT | _TEXT), **_texts(40, "IVOV")},
        "waveform": {
            **(COMMON | _INPUT),
            **_texts(16, "EGU"),
            **_numbers(SHORT, "RARM PREC BUSY"),
            **_numbers(DOUBLE, "HOPR LOPR"),
            **_numbers(ULONG, "NELM NORD HASH"),
            **_menu(ELEMENT_TYPES, "FTVL"),
            **_menu(("Always", "On Change"), "MPST APST"),
        },
    }
)
"""The fields of each record type by name, but those that no client can read.

VAL is there only if it is a text.
"""
