"""Reads an attribute of many XML elements at once, if they are alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.places.frames import Vectors
from reduction.definitions.places.idf_xml import (
    LARGEST_NUMBER,
    Notes,
    float_attribute,
    int_attribute,
)
from reduction.parameters.specs import Integer


def shape(element: Element) -> Hashable:
    """What elements must have in common to be read together: tags and names of attributes."""
    if not len(element):
        return (element.tag, *element.attrib)
    return (element.tag, *element.attrib, *map(shape, element))


@dataclass(frozen=True, eq=False)
class AlikeElements:
    """The n elements, at least one, of one `shape`; ``notes`` tell what is read otherwise."""

    elements: Sequence[Element]
    notes: Notes

    @property
    def first(self) -> Element:
        return self.elements[0]

    def has(self, attribute: str) -> bool:
        """Whether they have an attribute; all have it or none."""
        return attribute in self.first.attrib

    def children(self, tag: str) -> Self:
        """The first child of this tag in each of them."""
        found = [child for each in self.elements if (child := each.find(tag)) is not None]
        return type(self)(found, self.notes)

    def numbers(self, attribute: str, default: float = 0.0) -> Vectors:
        """The values of an attribute, (n,), each as `float_attribute` reads it."""
        if not self.has(attribute):
            count = len(self.elements)
            return np.full(count, default) if default else np.zeros(count)
        if len(self.elements) > 1:
            texts = [each.attrib[attribute] for each in self.elements]
            try:
                values = np.array(list(map(float, texts)))
            except ValueError:
                values = np.array([np.nan])
            if (np.abs(values) <= LARGEST_NUMBER).all() and _is_plain(texts):
                return values
        each_alone = [
            float_attribute(each, attribute, default, self.notes) for each in self.elements
        ]
        return np.array(each_alone)

    def integers(self, attribute: str, default: int = 0) -> NDArray[np.int64]:
        """The values of an attribute, (n,), each as `int_attribute` reads it."""
        if not self.has(attribute):
            return np.full(len(self.elements), default)
        if len(self.elements) > 1:
            texts = [each.attrib[attribute] for each in self.elements]
            try:
                values = list(map(int, texts)) if max(map(len, texts)) <= 20 else []
            except ValueError:
                values = []
            if values and _is_plain(texts):
                lowest, highest = min(values), max(values)
                if lowest in Integer.INT32 and highest in Integer.INT32:
                    return np.array(values)
        each_alone = [int_attribute(each, attribute, default, self.notes) for each in self.elements]
        return np.array(each_alone)


def _is_plain(texts: Sequence[str]) -> bool:
    """Whether Python reads these texts as numbers as XML has them: of ASCII, without ``_``."""
    everything = "".join(texts)
    return everything.isascii() and "_" not in everything
