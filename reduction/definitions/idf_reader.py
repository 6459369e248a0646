"""Mantid's instrument definitions (IDF), read without Mantid.

The format is described in docs.mantidproject.org/nightly/concepts/InstrumentDefinitionFile.html;
where that page says nothing, this reader does what Mantid's InstrumentDefinitionParser does. If it
does not understand an element or attribute, it refuses the file and names them. It never guesses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.components import SLICE, ComponentWalk
from reduction.definitions.parts.component_types import Category
from reduction.definitions.parts.placed_components import FoundDetectors
from reduction.definitions.places.frames import Vectors, turned_points
from reduction.definitions.places.idf_xml import (
    NO_NAMES,
    Notes,
    NotUnderstood,
    check_contents,
    choice_attribute,
    read_xml,
    tag_text,
)
from reduction.definitions.places.locations import CARTESIAN, VECTOR, Conventions, vector
from reduction.definitions.places.motions import Motions
from reduction.instrument.geometry import Instrument
from reduction.instrument.positions import joined_positions

log = logging.getLogger("live_reduction.instruments")

IN_INSTRUMENT = frozenset(
    (
        *("defaults", "component", "type", "idlist", "parameter", "component-link"),
        *("properties", "description"),
    )
)
DEFAULTS = frozenset(
    (
        *("length", "angle", "location", "reference-frame", "offsets"),
        *("components-are-facing", "default-view", "indirect-neutronic-positions", "parameter"),
    )
)
STRAIGHT = 1e-9
"""Largest angle in rad between the beam and the axis that is declared to be along it."""


def read_definition(path: Path, logs: Mapping[str, float] | None = None) -> Instrument:
    """The instrument of a definition: positions relative to the sample, z along the beam, y up.

    Parameters that move components are applied, also those of the parameter file beside it.
    ``logs`` are values of logs by their names. Components whose parameters follow other logs are
    where their locations say; a warning names them, and whatever else was read otherwise than it is
    written. Detectors are ordered by id; for their banks see
    `reduction.definitions.parts.banks`. Raises ValueError that names the file, and
    the element and attribute that are not understood.
    """
    try:
        root = read_xml(path)
        if root.tag != "instrument":
            raise NotUnderstood(f"{tag_text(root)} is no <instrument>")
        check_contents(root, frozenset(root.attrib), IN_INSTRUMENT)
        conventions, axes = _defaults(root.find("defaults"))
        more = _parameter_file(path, conventions.notes)
        walk = ComponentWalk(root, conventions, Motions(root, logs or {}, more))
        found = walk.walk()
        source_m = _source_position(found, axes)
        instrument = _instrument(root.get("name", "") or path.stem, found, axes, -source_m)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    for note in (*conventions.notes.texts, *walk.waiting.texts()):
        log.warning("%s: %s", path, note)
    return instrument


def _parameter_file(path: Path, notes: Notes) -> Element | None:
    """The root of the parameter file that goes with a definition; None if there is none.

    As in Mantid, it is in the same folder, and has *Parameters* in its name for *Definition*.
    """
    before, found, after = path.name.partition("_Definition")
    if not found:
        return None
    names = (f"{before}_Parameters{after}", f"{before}_Parameters.xml")
    for file in (path.with_name(name) for name in names):
        if file.is_file():
            try:
                return read_xml(file)
            except (OSError, ValueError) as error:
                notes.add(f"{file.name} is not applied: {error}")
                return None
    return None


def _defaults(element: Element | None) -> tuple[Conventions, Vectors]:
    """The conventions, and x, y, z as rows of a matrix (3, 3) in the axes of the file."""
    if element is None:
        return Conventions(), np.eye(3)
    # Mantid does not read a default location, either.
    check_contents(element, NO_NAMES, DEFAULTS)
    here = {each.tag: each for each in element}
    empty = Element("none")
    choice_attribute(here.get("length", empty), "unit", ("meter", "metre"), "meter")
    angle = choice_attribute(here.get("angle", empty), "unit", ("degree", "radian"), "degree")
    known = ("delta", "vector", "vectors", "")
    offsets = choice_attribute(here.get("offsets", empty), "spherical", known, "")
    plain = Conventions(
        float(np.degrees(1.0)) if angle == "radian" else 1.0,
        offsets == "delta",
        neutronic="indirect-neutronic-positions" in here,
    )
    facing = here.get("components-are-facing")
    if facing is not None:
        check_contents(facing, VECTOR, NO_NAMES)
        # Mantid reads its angles before the unit of angles, so in degrees.
        degrees = replace(plain, degrees=1.0)
        plain = replace(plain, facing=vector(facing, degrees))
        if angle == "radian" and any(each not in CARTESIAN for each in facing.attrib):
            plain.notes.add("<components-are-facing>: its angles are read in degrees, as by Mantid")
    return plain, _axes(here.get("reference-frame"))


def _axes(element: Element | None) -> Vectors:
    if element is None:
        return np.eye(3)
    told = ("along-beam", "pointing-up", "handedness", "origin", "theta-sign")
    check_contents(element, NO_NAMES, frozenset(told))
    here = {each.tag: each for each in element}
    empty = Element("none")
    along = "xyz".index(
        choice_attribute(here.get("along-beam", empty), "axis", ("x", "y", "z"), "z")
    )
    up = "xyz".index(choice_attribute(here.get("pointing-up", empty), "axis", ("x", "y", "z"), "y"))
    # Mantid does not use the handedness, either.
    choice_attribute(here.get("handedness", empty), "val", ("right", "left"), "right")
    if along == up:
        raise NotUnderstood("<reference-frame>: the beam points up")
    y, z = np.eye(3)[[up, along]]
    return np.stack([np.cross(y, z), y, z])


def _source_position(found: FoundDetectors, axes: Vectors) -> float:
    """Where along the beam the source is, from the sample, in m: a number below 0.

    Raises `NotUnderstood` if it is not there.
    """
    for mark, value in ((Category.SOURCE, "Source"), (Category.SAMPLE, "SamplePos")):
        if mark not in found.marked:
            raise NotUnderstood(f'no component has a type with is="{value}"')
    source, sample = found.marked[Category.SOURCE], found.marked[Category.SAMPLE]
    x, y, z = axes @ (source.position - sample.position)
    if not (z < 0 and np.hypot(x, y) <= STRAIGHT * -z):
        why = f"the beam is not along z: it comes from {x:g}, {y:g}, {z:g} m"
        if logs := tuple(dict.fromkeys((*source.logs, *sample.logs))):
            why += f"; its place follows the log {' and the log '.join(logs)}: see --logs"
        raise NotUnderstood(why)
    return float(z)


def _instrument(name: str, found: FoundDetectors, axes: Vectors, l1_m: float) -> Instrument:
    if not found.ids:
        raise NotUnderstood("no detectors")
    monitor = np.repeat(np.array(found.monitor), [each.size for each in found.ids])
    ids = _joined(found.ids)
    bank, names = found.banks.in_order(_joined(found.bank))
    sample = found.marked[Category.SAMPLE].position
    for block in found.positions:
        if sample.any():
            block -= sample
        if not np.array_equal(axes, np.eye(3)):
            for begin in range(0, len(block), SLICE):
                here = block[begin : begin + SLICE]
                here[...] = turned_points(axes[None], here[None])[0]
    order = np.argsort(ids, kind="stable") if (ids[1:] <= ids[:-1]).any() else None
    positions = joined_positions(found.positions, order)
    if order is not None:
        ids, monitor, bank = ids[order], monitor[order], bank[order]
    for twice in np.flatnonzero(ids[1:] == ids[:-1])[:1].tolist():
        raise NotUnderstood(f"detector {ids[twice]} stands twice")
    return Instrument(name, ids, positions, monitor, l1_m, bank, names)


def _joined(blocks: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """All blocks in one; they are given up."""
    joined = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    blocks.clear()
    return joined
