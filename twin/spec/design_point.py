"""Static checks of the basis of design: nameplate demand against the capacity of every redundant group.

What a run computes (temperatures, loading under a real load) is checked by the run; here stands what nameplates decide.
"""

from __future__ import annotations

from collections.abc import Iterator

from twin.catalogue.item import Item
from twin.spec.basis import Finding, Group, check_basis, check_place
from twin.spec.facility import Facility
from twin.spec.resolve import facility_catalogue

KELVIN = 273.15


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
    """Electrical power of a driven piece at its rating [W]; 0 for a piece that draws none.

    A switch without its optics: these depend on its cables.
    """
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
    if item.cls == "fws_controller":
        return float(item["power_w"])
    if item.cls == "switch":
        return float(item["maximum_w"])
    return 0.0


def duty_ids(facility: Facility) -> frozenset[str]:
    """Driven equipment that runs at the design point: no standby pump, pump of a reserve CDU or spare air handler.

    Of a CDU the first pump listed is the duty pump; of the facility pumps and of the air handlers of a room the first
    `duty_pumps` and `duty_units`. Controllers of reserve CDUs run.
    """
    fws, air = facility.fws, facility.air
    duty = {next(iter(facility.tcs.cdus[loop.cdu].pumps)) for loop in facility.tcs.loops.values()}
    duty |= {*facility.tcs.cdus, *fws.controller, *fws.heat_rejection, *fws.chillers}
    duty |= set(list(fws.pumps)[: fws.duty_pumps])
    for room, entry in air.rooms.items():
        duty |= set([id for id, handler in air.handlers.items() if handler.room == room][: entry.duty_units])
    return frozenset(duty)


def cooling_groups(facility: Facility) -> Iterator[Group]:
    """Every redundant group of the cooling, with its demand at the design point."""
    catalogue = facility_catalogue(facility)
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


def check_cooling(facility: Facility) -> list[Finding]:
    """Site and cooling: every clause that nameplates decide. The power path is in twin.components.electrical_demand."""
    basis = facility.basis_of_design
    return [check_place(basis, facility.site.altitude_m), *check_basis(basis, cooling_groups(facility))]
