"""Which of the values of a parameter counts, where each has the times between which it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from reduction.definitions.places.idf_xml import NotUnderstood, tag_text
from reduction.parameters.specs import shown

TIMES = ("valid-from", "valid-to")
ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def valid_value(parameter: Element) -> Element | None:
    """The ``<value>`` of a parameter that counts now; None if it has none.

    Without times it is the only one: Mantid before 4.0 takes the first of several, later the last.
    With times it is, as in Mantid, the one of those that hold now that began to hold last. Raises
    `NotUnderstood` if none or more than one is left, and for what is no time.
    """
    values = [each for each in parameter.iter("value") if each is not parameter]
    if not any(each.get(time) for each in values for time in TIMES):
        if len({each.get("val") for each in values}) > 1:
            raise NotUnderstood(f"{tag_text(parameter)}: {len(values)} values, which differ")
        return values[0] if values else None
    now = datetime.now(UTC)
    held = [(_times(each), each) for each in values if each.get("val") is not None]
    held = [((begin, end), each) for (begin, end), each in held if begin <= now <= end]
    if not held:
        raise NotUnderstood(f"{tag_text(parameter)}: none of its values is valid now")
    last = max(begin for (begin, _), _ in held)
    end = min(end for (begin, end), _ in held if begin == last)
    return [each for times, each in held if times == (last, end)][-1]


def _times(value: Element) -> tuple[datetime, datetime]:
    """From when to when a value holds; times without a zone are UTC, as in Mantid."""
    begin, end = (_time(value, name, other) for name, other in zip(TIMES, ALWAYS, strict=True))
    return begin, end


def _time(value: Element, name: str, other: datetime) -> datetime:
    text = value.get(name, "").strip()
    if not text:
        return other
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        why = f"{name} = {shown(text)} is no time, like 2026-01-31 23:59:59"
        raise NotUnderstood(f"{tag_text(value)}: {why}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
