"""The `fabric:` section: leaf groups, leaves and spines with their feeds, what jobs ask of the fabric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from network_topology.generator import two_tier_spines
from twin.spec.model import Fraction, Id, NonNegative, Positive, Spec

Finding = tuple[tuple[str | int, ...], str, str, str]


class SwitchEntry(Spec):
    """One switch: catalogue item and the power node that feeds it."""

    type: str
    feed: Id
    label: str = ""


class Traffic(Spec):
    """How a job or a pool uses the fabric.

    pattern: "rail" (same-rail exchange; NVLink carries data to the right rail) or "all-to-all".
    usage_fraction: usage of the nominally worst cable while it communicates.
    fabric_share_fraction: share of the time of its exchange that is spent on the fabric, the rest inside racks.
    """

    pattern: Literal["rail", "all-to-all"] = "rail"
    usage_fraction: float = Field(default=1.0, gt=0.0, le=1.0)
    fabric_share_fraction: Fraction = 1.0
    source: str = ""


class Layout(Spec):
    """Distances from which cable lengths follow (see network_topology/cables.py)."""

    rack_pitch_m: Positive = 0.6
    row_pitch_m: Positive = 3.6
    rise_and_drop_m: Positive = 4.0
    network_row: NonNegative = 0.5  # place of the switch racks, in rows from the first group
    network_column: NonNegative = 4.0  # in racks from the first rack of a row


class FabricSection(Spec):
    """Rail-optimised fabric: leaf i of a group serves rail i of the racks of that group."""

    nic: str
    nic_optic: str
    optic: str
    cable: str
    copper: tuple[str, ...] = ()  # copper media to be used where they reach
    rails: int = Field(ge=1)
    nics_per_rail: int = Field(ge=1, description="NICs of one rack on one rail")
    leaf_groups: dict[Id, tuple[Id, ...]]
    leaves: dict[Id, SwitchEntry]  # group-major: rail 1, 2, .. of the first group, then of the second
    spines: dict[Id, SwitchEntry]
    rail_loss: Literal["restart", "reroute", "abort"] = "restart"
    restart_s: NonNegative = 120.0
    training: Traffic
    serving: Traffic
    layout: Layout = Layout()


def check_fabric(facility: Any, catalogue: Any = None) -> list[Finding]:
    """Cross-references of the section: racks, counts by the divisor rule, catalogue classes, lengths."""
    found: list[Finding] = []
    section: FabricSection = facility.fabric
    racks: Mapping[str, Any] = facility.racks
    seen: dict[str, str] = {}
    for group, members in section.leaf_groups.items():
        for at, rack in enumerate(members):
            path = ("fabric", "leaf_groups", group, at)
            if rack not in racks:
                found.append((path, rack, "a rack of this facility", "known racks: " + ", ".join(racks)))
            elif rack in seen:
                found.append((path, rack, "a rack in one leaf group only", f"it is in {seen[rack]} already"))
            seen[rack] = group
    for rack in racks:
        if rack not in seen:
            found.append((("fabric", "leaf_groups"), f"no group with rack {rack}", "every rack in a leaf group", ""))
    leaves = len(section.leaf_groups) * section.rails
    if len(section.leaves) != leaves:
        found.append((("fabric", "leaves"), f"{len(section.leaves)} leaves", f"{leaves} leaves",
                      f"{len(section.leaf_groups)} groups x {section.rails} rails"))
    for kind in ("leaves", "spines"):
        for switch in sorted(set(getattr(section, kind)) & set(racks)):
            found.append((("fabric", kind, switch), switch, "an id of its own", "a rack has this id"))
    for switch in sorted(set(section.leaves) & set(section.spines)):
        found.append((("fabric", "spines", switch), switch, "an id of its own", "a leaf has this id"))
    return found + (_check_items(section, catalogue) if catalogue is not None else [])


def _check_items(section: FabricSection, catalogue: Any) -> list[Finding]:
    found: list[Finding] = []
    named: list[tuple[tuple[str | int, ...], str, str]] = [
        (("fabric", "nic"), section.nic, "nic"), (("fabric", "nic_optic"), section.nic_optic, "optic"),
        (("fabric", "optic"), section.optic, "optic"), (("fabric", "cable"), section.cable, "cable"),
        *((("fabric", "copper", i), name, "cable") for i, name in enumerate(section.copper)),
    ]
    named += [(("fabric", kind, id, "type"), entry.type, "switch") for kind in ("leaves", "spines")
              for id, entry in getattr(section, kind).items()]
    for path, name, cls in named:
        known = [item.name for item in catalogue.of_class(cls)]
        if name not in known:
            found.append((path, repr(name), f"a catalogue item of class {cls}", "known: " + ", ".join(known)))
    if found:
        return found
    ports = {id: int(catalogue.item(entry.type)["ports_count"]) for kind in ("leaves", "spines")
             for id, entry in getattr(section, kind).items()}
    radix = min(ports.values(), default=0)
    for id, number in ports.items():
        if number != radix:
            kind = "leaves" if id in section.leaves else "spines"
            found.append((("fabric", kind, id, "type"), f"{number} ports", f"{radix} ports as the other switches", ""))
    for group, racks in section.leaf_groups.items():
        down = len(racks) * section.nics_per_rail
        if down > radix // 2:
            found.append((("fabric", "leaf_groups", group), f"{down} NICs on one rail",
                          f"at most half of a leaf's {radix} ports", "split the group"))
    leaves = len(section.leaf_groups) * section.rails
    if not found and 0 < leaves <= radix and len(section.spines) != two_tier_spines(radix, leaves):
        found.append((("fabric", "spines"), f"{len(section.spines)} spines",
                      f"{two_tier_spines(radix, leaves)} spines for {leaves} leaves of {radix} ports",
                      "each leaf reaches every spine with equally many cables"))
    return found
