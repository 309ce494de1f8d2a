"""The `racks:` section: compute racks, their catalogue type and the technology loop that cools them."""

from __future__ import annotations

from typing import Any

from twin.spec.model import Id, Spec

Finding = tuple[tuple[str | int, ...], str, str, str]


class Rack(Spec):
    """One rack. `loop` names a loop of the `tcs` section; its feeds are in the `power` section."""

    type: str
    loop: Id | None = None
    label: str = ""
    bms: str = ""


Racks = dict[Id, Rack]


def check_racks(facility: Any) -> list[Finding]:
    """Every facility has racks, and racks of one type only (one hardware model steps all of them)."""
    racks = facility.racks
    if not racks:
        return [(("racks",), "nothing", "one rack or more", "")]
    first_id, first = next(iter(racks.items()))
    return [
        (("racks", id, "type"), repr(rack.type), f"{first.type!r}, as {first_id}", "racks of one type in a facility")
        for id, rack in racks.items()
        if rack.type != first.type
    ]
