"""Two runs side by side: which events a fault added, averted or moved, and whether each added one descends from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EventRow = Mapping[str, Any]
Key = tuple[str, str, int]  # element, kind, ordinal


@dataclass(frozen=True)
class EventDifference:
    """added: only in the second run. averted: only in the first. moved: in both, at another time (first, second)."""

    added: tuple[EventRow, ...]
    averted: tuple[EventRow, ...]
    moved: tuple[tuple[EventRow, EventRow], ...]


def keyed(events: Iterable[EventRow]) -> dict[Key, EventRow]:
    """Events by element, kind and ordinal (the how-manieth of its kind on this element)."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[Key, EventRow] = {}
    for event in events:
        pair = (event["element"], event["kind"])
        found[(*pair, seen[pair])] = event
        seen[pair] += 1
    return found


def event_difference(without: Sequence[EventRow], faulted: Sequence[EventRow]) -> EventDifference:
    """What the fault changed in the list of events."""
    first, second = keyed(without), keyed(faulted)
    return EventDifference(
        tuple(e for k, e in second.items() if k not in first),
        tuple(e for k, e in first.items() if k not in second),
        tuple((first[k], e) for k, e in second.items() if k in first and first[k]["t_s"] != e["t_s"]),
    )


def ancestors(event: EventRow, by_id: Mapping[str, EventRow]) -> set[str]:
    """Ids of everything the event descends from."""
    found: set[str] = set()
    stack = list(event["causes"])
    while stack:
        id = stack.pop()
        if id not in found and id in by_id:
            found.add(id)
            stack += by_id[id]["causes"]
    return found


def orphans(difference: EventDifference, faulted: Sequence[EventRow], roots: Iterable[str]) -> list[EventRow]:
    """Added events that do not descend from a root fault (there should be none)."""
    by_id = {e["id"]: e for e in faulted}
    wanted = set(roots)
    return [e for e in difference.added if e["id"] not in wanted and not ancestors(e, by_id) & wanted]
