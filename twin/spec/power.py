"""The `power:` section: the one-line from the utility to the whips, and what the loads at its ends stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from twin.spec.model import Id, NonNegative, Positive, Spec

Finding = tuple[tuple[str | int, ...], str, str, str]

# classes a power node can have, and how many sources each takes (least, most)
NODE_CLASSES = {
    "utility": (0, 0),
    "generator": (0, 0),
    "transformer": (1, 1),
    "switchgear": (1, 64),
    "transfer_switch": (2, 2),
    "ups": (1, 1),
    "busway": (1, 1),
    "whip": (1, 1),
}
# axes of electrical loads: their terminals are named here, their feeds where they stand
LOAD_AXES = ("rack", "switch", "cdu_pump", "cdu", "fws_pump", "fws_controller", "dry_cooler", "chiller", "ahu")


class FeederCable(Spec):
    """Incoming cable of a node: catalogue item, route length, cables in parallel."""

    type: str
    length_m: Positive
    parallel: int = Field(default=1, ge=1)


class PowerNode(Spec):
    """One element of the one-line.

    fed_by: its sources; of a transfer switch the preferred first. room: where its losses go (none: outdoors).
    transfer_delay_s: a transfer switch waits so long more (steps of load on the generators).
    trip_setting_fraction: setting of its overload trip over the catalogue's.
    """

    type: str
    fed_by: tuple[Id, ...] = ()
    room: Id | None = None
    cable: FeederCable | None = None
    transfer_delay_s: NonNegative = 0.0
    trip_setting_fraction: Positive = 1.0
    label: str = ""


class PowerSection(Spec):
    """nodes: the one-line. rack_whips: endings of the whip nodes of every rack (RACK_ending). terminals: per load axis
    the catalogue item (class terminal or power_shelf) that says power factor, drop-out voltage and hold-up."""

    nodes: dict[Id, PowerNode]
    rack_whips: tuple[Id, ...] = Field(min_length=1)
    terminals: dict[str, str]


def rack_feeds(section: PowerSection, rack: str) -> tuple[str, ...]:
    """Ids of the whips of a rack."""
    return tuple(f"{rack}_{ending}" for ending in section.rack_whips)


def load_feeds(facility: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    """Axis -> load id -> ids of the power nodes that feed it, for every electrical load of a facility."""
    feeds: dict[str, dict[str, tuple[str, ...]]] = {axis: {} for axis in LOAD_AXES}
    feeds["rack"] = {rack: rack_feeds(facility.power, rack) for rack in facility.racks}
    fabric = facility.fabric
    feeds["switch"] = {id: (entry.feed,) for group in (fabric.leaves, fabric.spines) for id, entry in group.items()}
    for axis, id, feed, _ in fed_entries(facility):
        feeds[axis][id] = (feed,)
    return feeds


def fed_entries(facility: Any) -> Iterator[tuple[str, str, str, tuple[str | int, ...]]]:
    """Every fed entry of the cooling sections: load axis, id, feed, path in the file."""
    for id, cdu in facility.tcs.cdus.items():
        yield "cdu", id, cdu.feed, ("tcs", "cdus", id, "feed")
        for pump, entry in cdu.pumps.items():
            yield "cdu_pump", pump, entry.feed, ("tcs", "cdus", id, "pumps", pump, "feed")
    for section, group, axis in COOLING:
        for id, entry in getattr(getattr(facility, section), group).items():
            yield axis, id, entry.feed, (section, group, id, "feed")


COOLING = (
    ("fws", "pumps", "fws_pump"),
    ("fws", "controller", "fws_controller"),
    ("fws", "heat_rejection", "dry_cooler"),
    ("fws", "chillers", "chiller"),
    ("air", "handlers", "ahu"),
)


def check_power(facility: Any, catalogue: Any = None) -> list[Finding]:
    """Cross-references of the section: sources, classes, cycles, feeds of every rack and every other load."""
    from electrical.one_line import topological_ids

    section: PowerSection = facility.power
    found: list[Finding] = []
    nodes = section.nodes
    names = ", ".join(n for n in nodes if not n.endswith(tuple(section.rack_whips)))
    for id, node in nodes.items():
        for at, source in enumerate(node.fed_by):
            if source not in nodes:
                found.append(
                    (
                        ("power", "nodes", id, "fed_by", at),
                        repr(source),
                        "a node of the power section",
                        f"known: {names}",
                    )
                )
        if catalogue is not None:
            found += _check_types(id, node, catalogue)
    try:
        topological_ids((id, node.fed_by) for id, node in nodes.items())
    except ValueError as error:
        found.append((("power", "nodes"), str(error), "no way round from a node to itself", ""))
    for rack in facility.racks:
        for whip in rack_feeds(section, rack):
            if whip not in nodes:
                found.append(
                    (
                        ("racks", rack),
                        f"no feed {whip}",
                        "a node of the power section for every ending of rack_whips",
                        f"rack_whips: {', '.join(section.rack_whips)}",
                    )
                )
    for _, id, feed, path in fed_entries(facility):
        if feed not in nodes:
            found.append((path, repr(feed), f"a power node that feeds {id}", f"known: {names}"))
    for kind in ("leaves", "spines"):
        for id, entry in getattr(facility.fabric, kind).items():
            if entry.feed not in nodes:
                found.append(
                    (("fabric", kind, id, "feed"), repr(entry.feed), f"a power node that feeds {id}", f"known: {names}")
                )
    for axis in LOAD_AXES:
        item = section.terminals.get(axis)
        if item is None:
            found.append((("power", "terminals"), f"no terminal for {axis}", f"{axis}: a catalogue item", ""))
        elif catalogue is not None and item not in catalogue:
            found.append(
                (("power", "terminals", axis), repr(item), "a catalogue item of class terminal or power_shelf", "")
            )
    for axis in section.terminals:
        if axis not in LOAD_AXES:
            found.append((("power", "terminals", axis), repr(axis), "an axis of loads", ", ".join(LOAD_AXES)))
    return found


def _check_types(id: str, node: PowerNode, catalogue: Any) -> list[Finding]:
    path: tuple[str | int, ...] = ("power", "nodes", id)
    found: list[Finding] = []
    if node.type not in catalogue:
        return [((*path, "type"), repr(node.type), "an item of the catalogue", "")]
    cls = catalogue.item(node.type).cls
    if cls not in NODE_CLASSES:
        return [((*path, "type"), f"{node.type} of class {cls}", "equipment of class " + ", ".join(NODE_CLASSES), "")]
    least, most = NODE_CLASSES[cls]
    if not least <= len(node.fed_by) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        found.append(((*path, "fed_by"), f"{len(node.fed_by)} sources", f"{wanted} for a {cls}", ""))
    if node.cable is not None and node.cable.type not in catalogue:
        found.append(((*path, "cable", "type"), repr(node.cable.type), "an item of the catalogue", ""))
    return found
