"""Static checks of the basis of design: nameplate demand against the capacity of every redundant group.

What a run computes (temperatures, loading under a real load) is checked by the run; here stands what nameplates decide.
"""

from __future__ import annotations

from collections.abc import Iterator

from twin.catalogue import Catalogue
from twin.catalogue.item import Item
from twin.spec.basis import Finding, Group, check_basis, check_place
from twin.spec.facility import Facility
from twin.spec.resolve import facility_catalogue

KELVIN = 273.15
UPS_BACKED = ("rack", "switch", "cdu", "cdu_pump")


def carnot_power_w(item: Item) -> float:
    """Electrical power of a cooling machine at its rating [W].

    Notes
    -----
    capacity / COP with COP = carnot_ratio * T_evaporation / (T_condensation - T_evaporation); evaporation lies
    `evaporator_k` below the fluid that is cooled, condensation `condenser_k` above the outdoor air.
    """
    cooled_c = item["rated_leaving_c"] if "rated_leaving_c" in item else item["rated_return_c"]
    cold_c = cooled_c - item["evaporator_k"]
    hot_c = item["rated_outdoor_c"] + item["condenser_k"]
    cop = item["carnot_ratio"] * (cold_c + KELVIN) / (hot_c - cold_c)
    return float(item["capacity_w"] / cop)


def rated_power_w(item: Item) -> float:
    """Electrical power of a driven piece at its rating [W]; 0 for a piece that draws none."""
    if item.cls == "rack":
        return float(item["nameplate_w"])
    if item.cls in ("chiller", "ahu"):
        return carnot_power_w(item) + float(item.get("fan_w", 0.0)) + float(item.get("auxiliary_w", 0.0))
    if item.cls == "cdu_pump":
        return float(item["rated_shaft_w"] / item["drive_efficiency_fraction"])
    if item.cls == "fws_pump":
        return float(item["shaft_w"] / item["motor_efficiency_fraction"])
    if item.cls == "dry_cooler":
        return float(item["fan_w"])
    if item.cls == "cdu":
        return float(item["controller_w"])
    if item.cls == "switch":
        return float(item["maximum_w"])
    return 0.0


def running_w(facility: Facility, catalogue: Catalogue) -> dict[str, float]:
    """Electrical demand of each class with its duty units running at their rating [W]."""
    racks = sum(rated_power_w(catalogue.item(r.type)) for r in facility.racks.values())
    switches = [*facility.fabric.leaves.values(), *facility.fabric.spines.values()]
    out = {
        "rack": racks * facility.basis_of_design.diversity_fraction,
        "switch": sum(rated_power_w(catalogue.item(s.type)) for s in switches),
        "cdu": sum(rated_power_w(catalogue.item(c.type)) for c in facility.tcs.cdus.values()),
        "cdu_pump": 0.0,
        "ahu": 0.0,
    }
    for cdu in facility.tcs.cdus.values():
        out["cdu_pump"] += max(rated_power_w(catalogue.item(p.type)) for p in cdu.pumps.values())
    pumps = [rated_power_w(catalogue.item(p.type)) for p in facility.fws.pumps.values()]
    out["fws_pump"] = sum(sorted(pumps, reverse=True)[: facility.fws.duty_pumps])
    out["dry_cooler"] = sum(rated_power_w(catalogue.item(d.type)) for d in facility.fws.heat_rejection.values())
    out["chiller"] = sum(rated_power_w(catalogue.item(c.type)) for c in facility.fws.chillers.values())
    for room, entry in facility.air.rooms.items():
        units = [rated_power_w(catalogue.item(h.type)) for h in facility.air.handlers.values() if h.room == room]
        out["ahu"] += sum(sorted(units, reverse=True)[: entry.duty_units])
    return out


def _cooling_groups(facility: Facility, catalogue: Catalogue) -> Iterator[Group]:
    basis = facility.basis_of_design
    per_loop = dict.fromkeys(facility.tcs.loops, 0.0)
    for rack in facility.racks.values():
        heat_w = rated_power_w(catalogue.item(rack.type)) * basis.diversity_fraction
        if rack.loop in per_loop:
            per_loop[rack.loop] += heat_w * (1.0 + basis.margins.cooling_fraction)
    capacity = {id: float(catalogue.item(c.type)["rated_heat_w"]) for id, c in facility.tcs.cdus.items()}
    all_cdus = list(capacity.values())
    yield Group("cdu", "CDU group", len(all_cdus), sum(per_loop.values()) / 1e3, min(all_cdus) / 1e3, "kW")
    for loop, demand_w in per_loop.items():
        reach = [capacity[id] for id, cdu in facility.tcs.cdus.items() if loop in cdu.serves]
        yield Group("cdu", loop, len(reach), demand_w / 1e3, min(reach) / 1e3, "kW")
    for id, cdu in facility.tcs.cdus.items():
        yield Group("cdu_pump", f"{id} pumps", len(cdu.pumps), 1.0, 1.0, "pump")
    yield Group("fws_pump", "FWS pumps", len(facility.fws.pumps), float(facility.fws.duty_pumps), 1.0, "pump")
    for room, entry in facility.air.rooms.items():
        units = sum(h.room == room for h in facility.air.handlers.values())
        yield Group("ahu", f"{room} air handlers", units, float(entry.duty_units), 1.0, "unit")


def _power_groups(facility: Facility, catalogue: Catalogue) -> Iterator[Group]:
    basis = facility.basis_of_design
    margin = 1.0 + basis.margins.electrical_fraction
    demand = running_w(facility, catalogue)
    nodes: dict[str, list[Item]] = {}
    for node in facility.power.nodes.values():
        item = catalogue.item(node.type)
        nodes.setdefault(item.cls, []).append(item)
    backed_w = sum(demand[cls] for cls in UPS_BACKED)
    for system, key, demand_w in (
        ("busway", "limit_w", demand["rack"] * basis.peak_factor),
        ("ups", "rated_w", backed_w),
        ("generator", "rated_w", sum(demand.values())),
        ("transformer", "rated_va", sum(demand.values())),
    ):
        items = nodes.get(system, [])
        if items:
            each = min(float(item[key]) for item in items)
            unit = "kVA" if key.endswith("va") else "kW"
            yield Group(system, f"{system} group", len(items), demand_w * margin / 1e3, each / 1e3, unit)
    for id, rack in facility.racks.items():
        whips = [catalogue.item(n.type) for name, n in facility.power.nodes.items() if name.startswith(f"{id}_")]
        whips = [item for item in whips if item.cls == "whip"]
        if whips:
            rack_w = rated_power_w(catalogue.item(rack.type)) * margin * basis.peak_factor
            each = min(float(item["limit_w"]) for item in whips)
            yield Group("whip", f"{id} whips", len(whips), rack_w / 1e3, each / 1e3, "kW")


def design_groups(facility: Facility) -> list[Group]:
    """Every redundant group that the facility has, with its demand at the design point."""
    catalogue = facility_catalogue(facility)
    return [*_cooling_groups(facility, catalogue), *_power_groups(facility, catalogue)]


def check_design_point(facility: Facility) -> list[Finding]:
    """Every clause that nameplates decide, those broken first."""
    basis = facility.basis_of_design
    found = [check_place(basis, facility.site.altitude_m), *check_basis(basis, design_groups(facility))]
    return sorted(found, key=lambda f: f.ok)
