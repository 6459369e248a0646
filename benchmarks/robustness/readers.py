"""Files at the limits of each reader: valid, wrong at their very end, and of no sense."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np

from benchmarks.rows import Row, below
from ioc.options.program import StartError
from ioc.options.tables.toml_text import LARGEST_TOML_BYTES, read_toml
from ioc.security.acf import LARGEST_ACCESS_FILE_BYTES, load_rules
from reduction.definitions.idf_reader import read_definition
from reduction.detector_files.content import (
    LARGEST_FILE_BYTES,
    LARGEST_LIST_BYTES,
    MOST_ELEMENTS,
    MOST_WORDS,
)
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import powder_arc
from reduction.instrument.load_files import load_file
from reduction.instrument.selection import detector_groups
from reduction.parameters.detectors import LONGEST_LIST, DetectorSettings
from reduction.parameters.specs import Refused

WITHIN_S = 1.0
DEFINITION_LOCATIONS = 20_000
ROWS_OF_HDF5 = 1_000_000

Contents = Mapping[str, bytes]


def measure(quick: bool) -> list[Row]:
    """A row for each reader: the longest CPU time of its files, and what it was for."""
    count = MOST_WORDS // (20 if quick else 1)
    arc = powder_arc()
    readers: list[tuple[str, Contents, Callable[[Path], object]]] = [
        *(
            (f"{kind}: {name}", contents, lambda path, kind=kind: load_file(kind, str(path), arc))
            for kind, files in _detector_files(count).items()
            for name, contents in files.items()
        ),
        ("definition of an instrument", _definitions(), read_definition),
        ("access file", _access_files(), load_rules),
        ("TOML", _toml_files(), read_toml),
    ]
    with _quiet():
        rows = [_row(name, contents, read) for name, contents, read in readers]
        return [*rows, _puts()]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of what was read otherwise than it is written."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _row(name: str, contents: Contents, read: Callable[[Path], object]) -> Row:
    """The row of one reader and its files."""
    slowest, which = 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        for what, content in contents.items():
            path = Path(folder) / ("a.cal" if name.startswith("Calibration") else "a.txt")
            path.write_bytes(content)
            begin_s = time.process_time()
            try:
                read(path)
                end = "read"
            except (Refused, StartError, ValueError):
                end = "refused"
            took_s = time.process_time() - begin_s
            if took_s > slowest:
                slowest, which = took_s, f"{what}, {len(content) / 1e6:.1f} MB, {end}"
    return below(f"{name}; slowest of {len(contents)} files: {which}", slowest, WITHIN_S)


def _puts() -> Row:
    """The row of the longest texts that clients may put."""
    ids = ";".join(map(str, range(LONGEST_LIST // 6)))
    slowest = 0.0
    for settings in (
        DetectorSettings(mask="1," * (LONGEST_LIST // 2)),
        DetectorSettings(mask="x," * (LONGEST_LIST // 2)),
        DetectorSettings(groups=ids),
        DetectorSettings(groups=";" * LONGEST_LIST),
    ):
        begin_s = time.process_time()
        with contextlib.suppress(Refused):
            detector_groups(settings, powder_arc())
        slowest = max(slowest, time.process_time() - begin_s)
    return below(
        f"Mask and Groups of {LONGEST_LIST} characters, put by a client", slowest, WITHIN_S
    )


def _detector_files(count: int) -> Mapping[DetectorFileKind, Mapping[str, Contents]]:
    lines = b"".join(b"%d %d %.7f 1 %d\n" % (n, n, n * 1e-7, n % 7) for n in range(count - 1))
    plain = b"".join(b"%d %.6f 1.5 -2.5\n" % (n, 1e3 + n * 1e-3) for n in range(count - 1))
    ids = b",".join(b"%d" % n for n in range(count - 1))
    every = b"\n".join(b"%d" % n for n in range(count - 1))
    nonsense = {
        "x": b"x " * (LARGEST_FILE_BYTES // 2),
        "one word": b"1" * (LARGEST_LIST_BYTES - 100),
        "commas": b", " * (LARGEST_LIST_BYTES // 2 - 100),
        "zeros": bytes(LARGEST_FILE_BYTES),
    }
    elements = b"".join(
        b'<group ID="%d"><detids val="%d"/></group>' % (n + 1, n) for n in range(count // 4)
    )
    table = {
        "a .cal": lines + b"1000 1001 0.1 1 1\n",
        "with a word at its end": lines + b"1000 1001 x 1 1\n",
        "that repeats a detector": lines + b"1 1 0.5 1 1\n",
        "four columns": plain,
    }
    listed = {"ids": ids, "ids and a word": ids + b",x", "an id a line": every}
    return {
        DetectorFileKind.CALIBRATION: {
            "text": {**table, **nonsense},
            "HDF5": {"rows": _hdf5(ROWS_OF_HDF5 * count // MOST_WORDS)},
        },
        DetectorFileKind.MASK: {
            "text": {**listed, **nonsense},
            "XML": {**_xml(b"detector-masking", ids, elements), **nonsense},
        },
        DetectorFileKind.GROUPS: {
            "text": {**listed, **nonsense},
            "XML": {**_xml(b"detector-grouping", ids, elements), **nonsense},
        },
    }


def _xml(root: bytes, ids: bytes, elements: bytes) -> Contents:
    """Files of Mantid with this root element."""
    inside = {
        "one list": b"<group><detids>%s</detids></group>" % ids,
        "a list with a word": b"<group><detids>%s,x</detids></group>" % ids,
        "a group for each id": elements,
        "groups and another element": elements + b"<other/>",
        "attributes": b"<group %s/>" % b" ".join(b"a%d=''" % n for n in range(900)),
        "an open element": b"<group>" * MOST_ELEMENTS,
    }
    return {what: b"<%s>%s</%s>" % (root, each, root) for what, each in inside.items()}


def _hdf5(rows: int) -> bytes:
    """A calibration as SaveDiffCal writes it, compressed."""
    content, numbers = io.BytesIO(), np.random.default_rng(1)
    with h5py.File(content, "w") as file:
        group = file.create_group("calibration")
        for name in ("difc", "difa", "tzero"):
            group.create_dataset(name, data=numbers.uniform(1, 2, rows).round(4), compression=1)
        for name in ("detid", "group", "use"):
            group.create_dataset(name, data=np.arange(rows, dtype=np.int32), compression=1)
    return content.getvalue()


def _definitions() -> Contents:
    head = (
        b'<instrument name="x"><component type="s"><location z="-9"/></component>'
        b'<component type="p"><location/></component><type name="s" is="Source"/>'
        b'<type name="p" is="SamplePos"/><type name="d" is="detector"/>'
        b'<idlist idname="i"><id start="1" end="%d"/></idlist>' % DEFINITION_LOCATIONS
    )
    places = b"".join(b'<location x="%d" y="1"/>' % n for n in range(DEFINITION_LOCATIONS))
    inside = {"locations": places, "and one without a number": places + b'<location x="q"/>'}
    component = b'%s<component type="d" idlist="i">%s</component></instrument>'
    return {
        **{what: component % (head, each) for what, each in inside.items()},
        "open elements": b"<a" * (16 << 20),
    }


def _access_files() -> Contents:
    size = LARGEST_ACCESS_FILE_BYTES - 100
    users = b"UAG(a){%s}" % b",".join(b"u%d" % n for n in range(1000))
    rules = b"RULE(1,WRITE){UAG(a)}" * ((size - len(users)) // 21)
    return {
        "rules": users + b"ASG(OPERATION){" + rules + b"}",
        "rules that are not closed": users + b"ASG(OPERATION){" + rules,
        "groups": b"".join(b"ASG(a%d) {RULE(1,WRITE)}" % n for n in range(size // 30)),
        "macros": b"# " + b"$(A=" * 19 + b")" * 19 + b"\n" * (size - 100),
        "brackets": b"(" * size,
    }


def _toml_files() -> Contents:
    size = LARGEST_TOML_BYTES - 100
    return {
        "keys": b"".join(b"a%d=1\n" % n for n in range(size // 9)),
        "tables": b"".join(b"[a%d]\n" % n for n in range(size // 9)),
        "long keys": b"".join(b"a%d%s=1\n" % (n, b".a" * 99) for n in range(size // 206)),
        "brackets": b"a=" + b"[" * size,
    }
