"""The fabric of a facility as plain data: counts, bill of materials, cables, power, bisection, single losses."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil, isfinite
from typing import Any

import numpy as np

from network_topology.bisection import bisection_links, fabric_oversubscription
from network_topology.failures import SingleLoss, single_losses
from network_topology.rack_fabric import RackFabric, RackFaults, light_power_w, members_kappa
from twin.components.network_facility import Cables, facility_cables, facility_fabric


def summarise_fabric(facility: Any, catalogue: Any) -> dict[str, Any]:
    """Everything static about the fabric.

    Parameters
    ----------
    facility, catalogue : the facility and the catalogue laid over by it

    Returns
    -------
    plain data: counts, bill_of_materials, cables, power, bisection, oversubscription, single_losses
    """
    fabric = facility_fabric(facility, catalogue)
    cables = facility_cables(facility, catalogue)
    counts, rate = fabric.fabric.counts, fabric.fabric.link_bit_s
    nics = len(fabric.rack_group) * fabric.rails * fabric.nics_per_rail
    half = np.arange(fabric.leaves) < fabric.leaves / 2
    flow = bisection_links(fabric.fabric, fabric.whole, half)
    return {
        "counts": {
            "gpus": nics, "racks": len(fabric.rack_group), "rails": fabric.rails, "leaf_switches": fabric.leaves,
            "spine_switches": fabric.spines, "core_switches": counts.core_switches,
            "nic_cables": nics, "leaf_spine_cables": counts.leaf_spine_cables,
            "cables_per_leaf_spine_pair": counts.leaf_spine, "radix": fabric.fabric.spec.radix,
            "link_gbit_s": rate / 1e9,
        },
        "bill_of_materials": bill_of_materials(facility, catalogue, fabric, cables),
        "cables": cable_schedule(cables),
        "power": nominal_power(facility, catalogue, fabric, cables),
        "bisection": {
            "halves": "first half of the leaves to the others", "links": flow, "tbit_s": flow * rate / 1e12,
            "share_of_full_fraction": flow / (fabric.whole.endpoints[half].sum()),
        },
        "oversubscription_ratio": fabric_oversubscription(fabric.fabric, fabric.whole),
        "single_losses": [loss_row(facility, fabric, row) for row in single_losses(fabric.fabric, fabric.whole)],
    }


def bill_of_materials(facility: Any, catalogue: Any, fabric: RackFabric, cables: Cables) -> list[dict[str, Any]]:
    """Items with their number and, where the catalogue has one, capital cost.

    Notes
    -----
    A twin-port optic serves two link ends of one switch; copper needs no optic.
    """
    section = facility.fabric
    number: Counter[str] = Counter(s.type for s in (*section.leaves.values(), *section.spines.values()))
    optic_links = int(catalogue.item(section.optic)["links_count"])
    nics_per_rack = fabric.rails * fabric.nics_per_rail
    number[section.nic] += nics_per_rack * len(fabric.rack_group)
    metres: dict[str, float] = defaultdict(float)
    optical_down = np.zeros(fabric.leaves)
    for rack, run in enumerate(cables.nic):
        number[run.medium.name] += run.count
        metres[run.medium.name] += run.count * run.stock_m
        if run.medium.name == section.cable:
            optical_down[fabric.rack_leaf()[rack]] += fabric.nics_per_rail
            number[section.nic_optic] += run.count
    number[cables.uplink.medium.name] += cables.uplink.count
    metres[cables.uplink.medium.name] += cables.uplink.count * cables.uplink.stock_m
    optical_up = fabric.whole.low[0] * (cables.uplink.medium.name == section.cable)
    ends = np.concatenate([optical_down + optical_up.sum(axis=1), optical_up.sum(axis=0)])
    number[section.optic] += sum(ceil(n / optic_links) for n in ends)
    out = []
    for name, n in sorted((k, v) for k, v in number.items() if v):
        item = catalogue.item(name)
        cost = n * float(item.get("capex_usd", float("nan"))) + metres[name] * float(item.get("capex_usd_m", 0.0))
        out.append({"item": name, "class": item.cls, "label": item.label, "number": int(n),
                    "length_m": float(metres[name]), "capex_usd": cost if isfinite(cost) else None})
    return out


def cable_schedule(cables: Cables) -> list[dict[str, Any]]:
    """Cables by tier, medium and stock length."""
    number: Counter[tuple[str, str, float]] = Counter()
    for run in cables.nic:
        number["nic-leaf", run.medium.name, run.stock_m] += run.count
    number["leaf-spine", cables.uplink.medium.name, cables.uplink.stock_m] += cables.uplink.count
    return [{"tier": tier, "medium": medium, "stock_m": stock, "number": n}
            for (tier, medium, stock), n in sorted(number.items())]


def nominal_power(facility: Any, catalogue: Any, fabric: RackFabric, cables: Cables) -> dict[str, float]:
    """Power of switches and of their optics with everything lit [W]."""
    switches = [catalogue.item(s.type) for s in (*facility.fabric.leaves.values(), *facility.fabric.spines.values())]
    nic_end = np.repeat([[run.medium.end_w] for run in cables.nic], fabric.rails, axis=1)
    light = light_power_w(fabric, no_faults(fabric), np.ones(len(fabric.rack_group)), nic_end,
                          np.full((fabric.leaves, fabric.spines), cables.uplink.medium.end_w))
    base, full = (sum(float(s[key]) for s in switches) for key in ("base_w", "maximum_w"))
    optics = float(light.sum())
    return {"switches_idle_w": base, "switches_full_w": full, "optics_w": optics, "idle_w": base + optics,
            "full_w": full + optics}


def no_faults(fabric: RackFabric, **changes: Any) -> RackFaults:
    """Faults with everything whole, apart from `changes`."""
    links, rails = (fabric.leaves, fabric.spines), (len(fabric.rack_group), fabric.rails)
    neutral = {
        "switch_up": np.ones(fabric.leaves + fabric.spines), "cables_lost": np.zeros(links),
        "rate_lost": np.zeros(links), "flap_down": np.zeros(links),
        "trunk_cut": np.zeros((fabric.leaves // fabric.rails, fabric.spines)),
        "nics_lost": np.zeros(rails), "nic_cables_lost": np.zeros(rails),
    }
    return RackFaults(**{**neutral, **changes})


def loss_row(facility: Any, fabric: RackFabric, row: SingleLoss) -> dict[str, Any]:
    """One class of single loss: its cable load under all-to-all, and what a training job on all racks keeps."""
    up = np.ones(fabric.leaves + fabric.spines)
    changes: dict[str, Any] = {}
    if row.tier == "endpoint":
        nics = np.zeros((len(fabric.rack_group), fabric.rails))
        nics[0, 0] = 1.0
        changes["nics_lost"] = nics
    elif row.tier == "leaf-spine":
        cables = np.zeros((fabric.leaves, fabric.spines))
        cables[0, 0] = 1.0
        changes["cables_lost"] = cables
    else:
        up[0 if row.tier == "leaf" else fabric.leaves] = 0.0
        changes["switch_up"] = up
    training = facility.fabric.training
    kappa = members_kappa(fabric, no_faults(fabric, **changes), np.arange(len(fabric.rack_group)), training.pattern,
                          training.usage_fraction)
    return {
        "element": row.tier, "number": row.elements, "gpus_without_link": row.gpus_cut,
        "worst_cable_load_ratio": row.load_factor if isfinite(row.load_factor) else None,
        "training_bandwidth_fraction": kappa,
        "stops_the_job": row.gpus_cut > 0 and facility.fabric.rail_loss != "reroute",
    }
