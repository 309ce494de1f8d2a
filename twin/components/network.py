"""From a facility's `fabric:` section and a workload to the network component."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from twin.components.network_facility import facility_cables, facility_fabric, switch_axes
from twin.components.network_model import FabricUser, Network, NetworkParams
from twin.components.network_summary import summarise_fabric
from twin.contract import SECOND
from twin.errors import WiringError

__all__ = ["Network", "NetworkParams", "build_network", "summarise_fabric", "switch_axes"]


def _members(racks: Any, ids: Mapping[str, int]) -> tuple[int, ...]:
    wanted: Iterable[str] = (racks,) if isinstance(racks, str) else racks
    found = [i for rack, i in ids.items() if any(fnmatch.fnmatchcase(rack, w) for w in wanted)]
    return tuple(sorted(found))


def _users(plant: Any, scenario: Any) -> tuple[FabricUser, ...]:
    section = plant.facility.fabric
    ids = {rack: i for i, rack in enumerate(plant.axes["rack"])}
    users = []
    for axis, entries, traffic, on_loss in (
        ("job", getattr(scenario.workload, "jobs", {}), section.training, section.rail_loss),
        ("pool", getattr(scenario.workload, "pools", {}), section.serving, "reroute"),
    ):
        for index, name in enumerate(plant.axes.get(axis, ())):
            members = _members(entries[name].racks, ids)
            if not members:
                raise WiringError(f"{axis} {name}: racks {entries[name].racks!r} name no rack of the facility")
            users.append(FabricUser(name, f"{axis}_network_factor", index, members, traffic.pattern,
                                    traffic.usage_fraction, traffic.fabric_share_fraction, on_loss))
    return tuple(users)


def build_network(plant: Any, scenario: Any) -> Network:
    """The network component of a plant.

    Parameters
    ----------
    plant : facility, catalogue and axes
    scenario : its workload says which racks a job or pool uses
    """
    section, catalogue = plant.facility.fabric, plant.catalogue
    fabric, cables = facility_fabric(plant.facility, catalogue), facility_cables(plant.facility, catalogue)
    switches = [catalogue.item(s.type) for s in (*section.leaves.values(), *section.spines.values())]
    own = switch_axes(plant.facility)
    for name, ids in own.items():
        if tuple(plant.axes.get(name, ids)) != ids:
            raise WiringError(f"axis {name}: found {', '.join(plant.axes[name])}, wanted the fabric's {', '.join(ids)}")
    return Network(NetworkParams(
        fabric=fabric,
        axes=own,
        users=_users(plant, scenario),
        base_w=np.array([float(s["base_w"]) for s in switches]),
        maximum_w=np.array([float(s["maximum_w"]) for s in switches]),
        nic_end_w=np.repeat([[c.medium.end_w] for c in cables.nic], fabric.rails, axis=1),
        uplink_end_w=np.full((fabric.leaves, fabric.spines), cables.uplink.medium.end_w),
        boot_us=tuple(int(round(float(s["boot_s"]) * SECOND)) for s in switches),
        restart_us=int(round(section.restart_s * SECOND)),
    ))
