"""Section `tcs` of a facility: technology loops, the CDUs that serve them, their pumps and set-points."""

from __future__ import annotations

from typing import Any, Literal

from twin.catalogue.item import ItemName
from twin.spec.model import Fraction, Id, NonNegative, Positive, Spec

Problem = tuple[tuple[str | int, ...], str, str, str]


class Loop(Spec):
    """A technology loop: the racks that name it, one CDU at a time."""

    type: ItemName
    label: str = ""
    room: Id
    cdu: Id  # its own CDU


class CduPump(Spec):
    """A pump of a CDU; the first one listed is the duty pump."""

    type: ItemName
    label: str = ""
    feed: Id
    restart_s: NonNegative = 3.0


class Cdu(Spec):
    """A coolant distribution unit; `serves` lists the loops that its valves reach, `feed` powers its controller."""

    type: ItemName
    label: str = ""
    room: Id
    serves: list[Id]
    feed: Id
    restart_s: NonNegative = 20.0
    pumps: dict[Id, CduPump]


class CduControl(Spec):
    """Set-points and timers that all CDUs share."""

    supply_c: float = 40.0
    room_dew_point_c: float = 17.0
    dew_point_margin_k: NonNegative = 2.0
    valve_gain_per_k: Positive = 0.06
    valve_integral_s: Positive = 40.0
    valve_standby_fraction: Fraction = 0.4
    valve_on_lost_controller: Literal["open", "hold"] = "open"
    pump_control: Literal["differential-pressure", "flow"] = "differential-pressure"
    pump_gain_fraction: Positive = 0.3
    pump_detect_s: NonNegative = 2.0
    low_flow_fraction: Fraction = 0.7
    low_flow_timer_s: Positive = 60.0
    changeover_s: NonNegative = 5.0
    supply_high_k: Positive = 5.0
    leak_detect_s: NonNegative = 10.0
    leak_isolate_s: NonNegative = 20.0


class TcsSection(Spec):
    """Technology side of the facility."""

    coolant: ItemName = "pg25"
    primary_coolant: ItemName = "pg25"
    cold_plates: ItemName = "gb300-nvl72-plates"
    control: CduControl = CduControl()
    loops: dict[Id, Loop]
    cdus: dict[Id, Cdu]


def check_tcs(facility: Any) -> list[Problem]:
    """Cross-references of the section: racks, loops, CDUs, rooms and feeds must exist.

    Parameters
    ----------
    facility : a Facility

    Returns
    -------
    problems: (path, found, wanted, hint)
    """
    tcs: TcsSection | None = facility.tcs
    out: list[Problem] = []
    racks = facility.racks or {}
    if tcs is None:
        wanted = ("a technology side for the racks", "every rack needs a loop and a CDU")
        return [(("tcs",), "nothing", *wanted)] if racks else []
    for name, rack in racks.items():
        loop = getattr(rack, "loop", None)
        if loop not in tcs.loops:
            out.append((("racks", name, "loop"), repr(loop), f"one of {', '.join(tcs.loops)}", "a rack needs a loop"))
    rooms = getattr(facility.air, "rooms", None)
    if rooms is not None:
        places = [("loops", name, one.room) for name, one in tcs.loops.items()]
        places += [("cdus", name, one.room) for name, one in tcs.cdus.items()]
        out += [(("tcs", part, name, "room"), repr(room), f"one of {', '.join(rooms)}", "a room of the air section")
                for part, name, room in places if room not in rooms]
    for name, one in tcs.loops.items():
        cdu = tcs.cdus.get(one.cdu)
        if cdu is None:
            out.append((("tcs", "loops", name, "cdu"), repr(one.cdu), f"one of {', '.join(tcs.cdus)}", ""))
        elif name not in cdu.serves:
            out.append((("tcs", "cdus", one.cdu, "serves"), str(cdu.serves), f"a list with {name}",
                        "a loop's own CDU must reach it"))
    seen: dict[str, str] = {}
    for name, one in tcs.loops.items():
        if one.cdu in seen:
            out.append((("tcs", "loops", name, "cdu"), repr(one.cdu), f"a CDU of its own, {seen[one.cdu]} has this one",
                        "a CDU serves one loop at a time"))
        seen[one.cdu] = name
    for name, cdu in tcs.cdus.items():
        for at, loop in enumerate(cdu.serves):
            if loop not in tcs.loops:
                out.append((("tcs", "cdus", name, "serves", at), repr(loop), f"one of {', '.join(tcs.loops)}", ""))
        if not cdu.pumps:
            out.append((("tcs", "cdus", name, "pumps"), "none", "at least one pump", ""))
    return out
