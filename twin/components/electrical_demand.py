"""Electrical demand at the design point: one function, from the balance of the power path, for `check` and `power`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from electrical.compiled import Compiled, compile_model
from electrical.studies import Loading, loading_table
from network_topology.rack_fabric import light_power_w
from twin.components.electrical_model import load_axes, power_axes, power_model
from twin.components.network_facility import facility_cables, facility_fabric
from twin.components.network_summary import no_faults
from twin.spec.basis import Group
from twin.spec.design_point import duty_ids, rated_power_w
from twin.spec.power import rack_feeds
from twin.spec.resolve import facility_catalogue

PEAK_SYSTEMS = ("busway", "ups")  # and whips: they carry the short peaks of the racks
SUSTAINED_SYSTEMS = ("utility", "transformer", "generator")


def switches_w(facility: Any, catalogue: Any) -> dict[str, float]:
    """Power of every switch at full traffic with its optics, all links lit [W]."""
    section = facility.fabric
    fabric, cables = facility_fabric(facility, catalogue), facility_cables(facility, catalogue)
    nic_end_w = np.repeat([[run.medium.end_w] for run in cables.nic], fabric.rails, axis=1)
    uplink_end_w = np.full((fabric.leaves, fabric.spines), cables.uplink.medium.end_w)
    light = light_power_w(fabric, no_faults(fabric), np.ones(len(fabric.rack_group)), nic_end_w, uplink_end_w)
    entries = {**section.leaves, **section.spines}
    return {
        id: rated_power_w(catalogue.item(entry.type)) + float(optics)
        for (id, entry), optics in zip(entries.items(), light, strict=True)
    }


def design_loads_w(facility: Any, catalogue: Any) -> dict[str, float]:
    """Power of every load at the design point [W]: racks at nameplate times diversity, duty units at their rating.

    Loads that do not run (standby and reserve) are left out.
    """
    basis = facility.basis_of_design
    watts = {
        id: rated_power_w(catalogue.item(rack.type)) * basis.diversity_fraction for id, rack in facility.racks.items()
    }
    watts |= switches_w(facility, catalogue)
    fws, tcs = facility.fws, facility.tcs
    driven: dict[str, Any] = {**tcs.cdus, **fws.controller, **fws.heat_rejection, **fws.chillers, **fws.pumps}
    for cdu in tcs.cdus.values():
        driven |= cdu.pumps
    driven |= facility.air.handlers
    duty = duty_ids(facility)
    return watts | {id: rated_power_w(catalogue.item(e.type)) for id, e in driven.items() if id in duty}


@dataclass(frozen=True)
class DesignDemand:
    """The power path of a facility under its design loads; what a load draws passes every loss up to the source."""

    facility: Any
    catalogue: Any
    c: Compiled
    axes: dict[str, tuple[str, ...]]

    @cached_property
    def load_w(self) -> Any:
        """Design loads [W], in the order of ``c.load_ids``."""
        watts = design_loads_w(self.facility, self.catalogue)
        return np.array([watts.get(id, 0.0) for id in self.c.load_ids])

    @cached_property
    def peak_load_w(self) -> Any:
        """The same with the racks at their short peak [W]."""
        watts = self.load_w.copy()
        watts[self.c.group_slices["rack"]] *= self.facility.basis_of_design.peak_factor
        return watts

    def table(self, peak: bool = False, lost: Sequence[str] = ()) -> dict[str, Loading]:
        """Demand on every element after some are lost and the transfers are done."""
        rows = loading_table(self.c, self.peak_load_w if peak else self.load_w, lost)
        return {row.id: row for row in rows}


def design_demand(facility: Any, catalogue: Any = None, seed: int = 1) -> DesignDemand:
    """The design demand of a checked facility; the seed draws the tolerances of the trip units."""
    catalogue = catalogue or facility_catalogue(facility)
    axes = {**load_axes(facility), **power_axes(facility, catalogue)}
    return DesignDemand(facility, catalogue, compile_model(power_model(facility, catalogue, axes, seed)), axes)


def power_groups(facility: Any, catalogue: Any = None) -> list[Group]:
    """Every redundant group of the power path, with its demand at the design point and the unit loaded most.

    Generators are looked at with the utility lost. Apparent power where the rating is one. The losses of every
    converter, cable and transformer on the way down are in the demand.
    """
    return list(_groups(design_demand(facility, catalogue)))


def _groups(demand: DesignDemand) -> Iterator[Group]:
    basis = demand.facility.basis_of_design
    margin = 1.0 + basis.margins.electrical_fraction
    in_va = {e.id: e.limit_is_va for e in demand.c.model.elements}
    for system in (*SUSTAINED_SYSTEMS, *PEAK_SYSTEMS):
        units = demand.axes[system]
        if not units:
            continue
        peak = system in PEAK_SYSTEMS
        gone = demand.axes["utility"] if system == "generator" else ()
        rows = demand.table(peak, gone)
        most = max(units, key=lambda id: rows[id].loading_fraction)
        after = [
            (lost, id, row.loading_fraction * margin)
            for lost in (units if len(units) > 1 else ())
            for id, row in demand.table(peak, (*gone, lost)).items()
            if id in units
        ]
        yield Group(
            system,
            f"{system} group",
            len(units),
            sum(rows[id].demand_w for id in units) * margin / 1e3,
            min(rows[id].limit_w for id in units) / 1e3,
            "kVA" if in_va[units[0]] else "kW",
            (most, rows[most].loading_fraction * margin),
            max(after, key=lambda a: a[2], default=None),
            basis.peak_factor if peak else 1.0,
        )
    rows = demand.table(peak=True)
    for rack in demand.facility.racks:
        whips = rack_feeds(demand.facility.power, rack)
        total_w = sum(rows[id].demand_w for id in whips) * margin
        each_w = min(rows[id].limit_w for id in whips)
        yield Group(
            "whip", f"{rack} whips", len(whips), total_w / 1e3, each_w / 1e3, "kW", peak_factor=basis.peak_factor
        )
