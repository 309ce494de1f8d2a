"""The `air:` section: rooms and their air handlers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from twin.spec.fws import Driven
from twin.spec.model import Id, Spec

Finding = tuple[tuple[str | int, ...], str, str, str]


class RoomEntry(Spec):
    """A room: catalogue item with its thermal mass and walls, set-point of its air handlers."""

    type: str
    setpoint_c: Annotated[float, Field(ge=10.0, le=45.0)]
    duty_units: Annotated[int, Field(ge=1)] = 1
    label: str = ""


class AirHandler(Driven):
    """One packaged air handler; `room` is where it blows."""

    room: Id


class AirSection(Spec):
    """Rooms in order, and air handlers. racks_in: the room of racks, CDUs and switches."""

    rooms: Annotated[dict[Id, RoomEntry], Field(min_length=1)]
    racks_in: Id
    handlers: Annotated[dict[Id, AirHandler], Field(min_length=1)]


def check_air(facility: Any, catalogue: Any = None) -> list[Finding]:
    """Cross-references of the section: rooms of handlers, classes of items."""
    section: AirSection | None = facility.air
    if section is None:
        return []
    rooms = ", ".join(section.rooms)
    found: list[Finding] = []
    for id, handler in section.handlers.items():
        if handler.room not in section.rooms:
            found.append(
                (("air", "handlers", id, "room"), handler.room, "a room of this section", f"known rooms: {rooms}")
            )
    if section.racks_in not in section.rooms:
        found.append((("air", "racks_in"), section.racks_in, "a room of this section", f"known rooms: {rooms}"))
    for room, entry in section.rooms.items():
        count = sum(h.room == room for h in section.handlers.values())
        if count < entry.duty_units:
            found.append(
                (("air", "rooms", room, "duty_units"), str(entry.duty_units), f"at most its {count} air handlers", "")
            )
    if catalogue is not None:
        for key, cls in (("rooms", "room"), ("handlers", "ahu")):
            for id, one in getattr(section, key).items():
                if one.type in catalogue and catalogue.item(one.type).cls != cls:
                    found.append((("air", key, id, "type"), one.type, f"a catalogue item of class {cls}", ""))
    return found
