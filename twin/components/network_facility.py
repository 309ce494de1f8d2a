"""A facility's `fabric:` section as a fabric: ids of its axes, counts by rule, cable lengths and media."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from network_topology.cables import Medium, choose_medium, route_length_m, stock_length_m
from network_topology.rack_fabric import RackFabric, build_rack_fabric
from network_topology.spec import FabricError
from twin.errors import WiringError


def switch_axes(facility: Any) -> dict[str, tuple[str, ...]]:
    """Ids of the axes that belong to the fabric.

    Returns
    -------
    "switch" (leaves then spines), "leaf_link" (leaf-major: all cables of one leaf to one spine), "rail_link"
    (rack-major: the NICs of one rack on one rail, with their cables), "trunk" (group-major: the cables of all
    leaves of one group to one spine)
    """
    section = facility.fabric
    rails = range(1, section.rails + 1)
    return {
        "switch": (*section.leaves, *section.spines),
        "leaf_link": tuple(f"{leaf}_{spine}" for leaf in section.leaves for spine in section.spines),
        "rail_link": tuple(f"{rack}_RAIL{rail}" for rack in facility.racks for rail in rails),
        "trunk": tuple(f"{group}_TO_{spine}" for group in section.leaf_groups for spine in section.spines),
    }


def facility_fabric(facility: Any, catalogue: Any) -> RackFabric:
    """The fabric of a facility, its counts checked against the divisor rule.

    Raises
    ------
    WiringError : counts that do not follow from the racks and the switch
    """
    section = facility.fabric
    group_of = {rack: g for g, racks in enumerate(section.leaf_groups.values()) for rack in racks}
    missing = [rack for rack in facility.racks if rack not in group_of]
    if missing:
        raise WiringError(f"fabric.leaf_groups: racks without a leaf group: {', '.join(missing)}")
    radix = {int(catalogue.item(s.type)["ports_count"]) for s in (*section.leaves.values(), *section.spines.values())}
    if len(radix) != 1:
        raise WiringError(f"fabric: switches with {sorted(radix)} ports, wanted one radix in one fabric")
    try:
        fabric = build_rack_fabric(radix.pop(), section.rails, section.nics_per_rail,
                                   [group_of[rack] for rack in facility.racks],
                                   float(catalogue.item(section.nic)["link_bit_s"]))
    except FabricError as error:
        raise WiringError(f"fabric: {error}") from error
    for kind, wanted in (("leaves", fabric.leaves), ("spines", fabric.spines)):
        found = len(getattr(section, kind))
        if found != wanted:
            raise WiringError(f"fabric.{kind}: found {found}, wanted {wanted} by the divisor rule for "
                              f"{len(section.leaf_groups)} groups x {section.rails} rails")
    return fabric


@dataclass(frozen=True)
class Run:
    """Cables of one kind and length: how long, what medium, how many."""

    length_m: float
    stock_m: float
    medium: Medium
    count: int


@dataclass(frozen=True)
class Cables:
    """Cables of the fabric: one run per rack (all its NICs), one for all leaf-spine cables."""

    nic: tuple[Run, ...]
    uplink: Run


def facility_cables(facility: Any, catalogue: Any) -> Cables:
    """Lengths from the layout, media by reach: passive copper, active copper, then the section's optic and fibre."""
    section, fabric = facility.fabric, facility_fabric(facility, catalogue)
    optic, fibre = catalogue.item(section.optic), catalogue.item(section.cable)
    media = [Medium(n, float(catalogue.item(n)["reach_m"]), float(catalogue.item(n)["end_w"])) for n in section.copper]
    media.append(Medium(section.cable, min(float(optic["reach_m"]), float(fibre["reach_m"])),
                        float(optic["maximum_w"]) / float(optic["links_count"])))
    plan = section.layout
    network = np.array([plan.network_column * plan.rack_pitch_m, plan.network_row * plan.row_pitch_m])
    place = {rack: (column * plan.rack_pitch_m, row * plan.row_pitch_m)
             for row, racks in enumerate(section.leaf_groups.values()) for column, rack in enumerate(racks)}

    def run(start: Any, end: Any, count: int) -> Run:
        length = route_length_m(np.asarray(start), np.asarray(end), plan.rise_and_drop_m)
        try:
            stock = float(stock_length_m(length))
            return Run(float(length), stock, choose_medium(stock, media), count)
        except FabricError as error:
            raise WiringError(f"fabric.layout: {error}") from error

    nic = tuple(run(place[rack], network, section.rails * section.nics_per_rail) for rack in facility.racks)
    uplinks = fabric.leaves * fabric.spines * fabric.fabric.counts.leaf_spine
    return Cables(nic, run(network, network + (plan.rack_pitch_m, 0.0), uplinks))  # spines in the next cabinet
