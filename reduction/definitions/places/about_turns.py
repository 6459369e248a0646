"""Components that face a point only after half a turn, for which any axis across z serves."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.places.frames import UNTURNED, Frames, Places, transposed, turned
from reduction.definitions.places.idf_xml import NotUnderstood, tag_text
from reduction.definitions.places.locations import Locations

HALF_TURN = 1e-9
"""Smallest angle in rad from half a turn that tells the axis of a turn."""


def check_facing(component: Element, locations: Locations, parents: Frames, places: Places) -> None:
    """Note what half a turn makes face its point, where m components hold others.

    They are at ``places`` (m,) of ``locations``, one in each of m parents. Mantid turns them about
    y before 4.0, about z since; but about another axis if rounding leaves something of x or y in
    their direction. Raises `NotUnderstood` where it may: unless what is around them turns about y
    alone, and nothing is left of y, or about z alone, and nothing is left of both.
    """
    if locations.facing is None:
        return
    frames = locations.frames_before_facing(parents, places)
    offset = frames.position - locations.facing_points(places)
    direction = turned(transposed(frames.rotation), offset)
    length = np.linalg.norm(direction, axis=1)
    across = np.hypot(direction[:, 0], direction[:, 1])
    found = np.flatnonzero((direction[:, 2] < 0) & (across <= HALF_TURN * length))
    if not found.size:
        return
    offset, axes = offset[found], frames.rotation[found]
    about_y = (axes[:, 1] == UNTURNED[1]).all(axis=1) & (offset[:, 1] == 0)
    about_z = (axes[:, 2] == UNTURNED[2]).all(axis=1) & (offset[:, :2] == 0).all(axis=1)
    tag = tag_text(component)
    if not (about_y | about_z).all():
        why = "it faces its point after half a turn, about an axis that rounding decides in Mantid"
        raise NotUnderstood(f"{tag}: {why}; give the turn as rot")
    fact = "it faces its point after half a turn about y, as in Mantid before 4.0"
    locations.conventions.notes.add(f"{tag}: {fact}", found.size)
