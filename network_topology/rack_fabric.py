"""A two-tier fabric of racks: each leaf serves one rail of one group of racks. Faults in, kappa and light out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fabric import Fabric, FabricState, build_fabric, whole_state
from .slowdown import endpoint_kappa, fabric_kappa
from .spec import FabricError, FabricSpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RackFabric:
    """Racks on leaves: leaf (group, rail) is flat leaf group*rails + rail.

    rack_group : (rack,) group of each rack; nics_per_rail : NICs of one rack on one rail
    """

    fabric: Fabric
    whole: FabricState
    rack_group: NDArray[np.int64]
    rails: int
    nics_per_rail: int

    @property
    def leaves(self) -> int:
        return self.fabric.counts.leaves

    @property
    def spines(self) -> int:
        return self.fabric.counts.spines

    def rack_leaf(self) -> NDArray[np.int64]:
        """(rack, rail) flat leaf that serves it."""
        return self.rack_group[:, None] * self.rails + np.arange(self.rails)


@dataclass(frozen=True)
class RackFaults:
    """What is wrong, in physical quantities.

    switch_up : (leaf then spine,) 1 forwarding, 0 not; cables_lost : (leaf, spine) dark cables [1];
    rate_lost : (leaf, spine) share of its rate that one cable of the bundle has lost [fraction];
    flap_down : (leaf, spine) cables down because they retrain [1]; trunk_cut : (group, spine) share of the cables cut;
    nics_lost, nic_cables_lost : (rack, rail) [1]
    """

    switch_up: Array
    cables_lost: Array
    rate_lost: Array
    flap_down: Array
    trunk_cut: Array
    nics_lost: Array
    nic_cables_lost: Array


def build_rack_fabric(radix: int, rails: int, nics_per_rail: int, rack_group: Sequence[int],
                      link_bit_s: float) -> RackFabric:
    """Fabric of racks in leaf groups by the divisor rule.

    Parameters
    ----------
    radix : ports of one switch after breakout [1]
    rails, nics_per_rail : rails, and NICs of one rack on each [1]
    rack_group : group of each rack, from 0 without gaps
    link_bit_s : rate of one link [bit/s]

    Examples
    --------
    >>> f = build_rack_fabric(144, 4, 18, [0, 0, 0, 0, 1, 1, 1, 1], 800e9)
    >>> f.leaves, f.spines, f.fabric.counts.leaf_spine
    (8, 4, 18)
    """
    group = np.asarray(rack_group, dtype=np.int64)
    sizes = np.bincount(group)
    if np.any(sizes == 0):
        raise FabricError(f"rack_group: found groups {sorted(set(rack_group))}, wanted numbers without gaps")
    most = int(sizes.max()) * nics_per_rail
    if most > radix // 2:
        raise FabricError(f"leaf group: found {most} NICs on one rail, wanted at most {radix // 2} (half the radix)")
    fabric = build_fabric(FabricSpec(radix, rails, len(sizes), most, link_bit_s))
    if fabric.counts.tiers != 2:
        raise FabricError(f"racks: found {len(sizes)} leaf groups x {rails} rails, wanted at most {radix} leaves")
    whole = whole_state(fabric)
    ends = np.repeat(sizes * nics_per_rail, rails).astype(np.float64)
    whole = FabricState(whole.low, whole.high, ends, whole.leaf_up, whole.spine_up, whole.core_up, whole.low_rate)
    return RackFabric(fabric, whole, group, rails, nics_per_rail)


def rack_state(racks: RackFabric, faults: RackFaults) -> FabricState:
    """State of the fabric under faults."""
    n = racks.leaves
    cut = np.repeat(faults.trunk_cut, racks.rails, axis=0)
    low = racks.whole.low[0] * (1.0 - cut) - faults.cables_lost - faults.flap_down
    return FabricState(
        low=np.maximum(low, 0.0)[None],
        high=racks.whole.high,
        endpoints=racks.whole.endpoints,
        leaf_up=(faults.switch_up[:n] > 0.5)[None],
        spine_up=(faults.switch_up[n:] > 0.5)[None],
        core_up=racks.whole.core_up,
        low_rate=np.clip(1.0 - faults.rate_lost, 0.0, 1.0)[None],
    )


def live_nics(racks: RackFabric, faults: RackFaults) -> Array:
    """(rack, rail) NICs with a live cable to a live leaf."""
    nics = np.maximum(racks.nics_per_rail - faults.nics_lost - faults.nic_cables_lost, 0.0)
    return nics * (faults.switch_up[racks.rack_leaf()] > 0.5)


def members_kappa(racks: RackFabric, faults: RackFaults, members: NDArray[np.int64], pattern: str,
                  usage_fraction: float) -> float:
    """Share of nominal scale-out bandwidth left to a job on some racks; 0 if a part of it is cut off.

    Parameters
    ----------
    racks, faults : the fabric and what is wrong
    members : racks of the job
    pattern, usage_fraction : see `slowdown.fabric_kappa`

    Notes
    -----
    The product of what the worst rack's NICs and the worst cable leave: traffic of dead NICs is carried by the
    rack's live ones over NVLink.
    """
    if len(members) < 2:
        return 1.0  # inside one NVLink domain
    live = live_nics(racks, faults)[members].sum(axis=1)
    nics = endpoint_kappa(live, float(racks.rails * racks.nics_per_rail))
    if nics == 0.0:
        return 0.0
    endpoints = np.zeros(racks.leaves)
    np.add.at(endpoints, racks.rack_leaf()[members].ravel(), float(racks.nics_per_rail))
    state = rack_state(racks, faults)
    return nics * fabric_kappa(racks.fabric, racks.whole, state, endpoints, pattern, usage_fraction)


def crossing_fraction(racks: RackFabric, members: NDArray[np.int64], pattern: str) -> Array:
    """Share of each member rack's scale-out traffic that leaves its leaf for a spine.

    Notes
    -----
    N endpoints in the exchange, n of them on the sender's leaf: (N - n)/(N - 1). For "rail" the exchange is one
    rail of all members, else all rails.
    """
    group = racks.rack_group[members]
    total = len(members) * racks.nics_per_rail * (1 if pattern == "rail" else racks.rails)
    same = np.array([np.sum(group == g) for g in group]) * racks.nics_per_rail
    return (total - same) / max(1, total - 1)


def utilization_per_bit_s(racks: RackFabric, faults: RackFaults, crossing: Array) -> Array:
    """(switch, rack) port utilisation that one bit/s of a rack's scale-out demand causes in each switch.

    Parameters
    ----------
    crossing : (rack,) share of the traffic that crosses the spines [fraction]

    Notes
    -----
    A rack sends over its live NICs equally and receives as much as it sends. A leaf puts out the demand towards its
    NICs and the crossing share towards the spines, over all its ports; a leaf spreads what crosses over its live
    uplinks.
    """
    live = live_nics(racks, faults)
    total = live.sum(axis=1, keepdims=True)
    share = np.divide(live, total, out=np.zeros_like(live), where=total > 0.0)
    on_leaf = np.zeros((racks.leaves, len(racks.rack_group)))
    for rail in range(racks.rails):
        on_leaf[racks.rack_group * racks.rails + rail, np.arange(len(racks.rack_group))] = share[:, rail]
    up = rack_state(racks, faults).live_low()[0]
    ways = up.sum(axis=1, keepdims=True)
    spread = np.divide(up, ways, out=np.zeros_like(up), where=ways > 0.0)
    rate = racks.fabric.link_bit_s
    leaf = on_leaf * (1.0 + crossing) / (racks.fabric.spec.radix * rate)
    spine_ports = racks.leaves * racks.fabric.counts.leaf_spine
    spine = spread.T @ (on_leaf * crossing) / (spine_ports * rate)
    return np.vstack([leaf, spine])


def light_power_w(racks: RackFabric, faults: RackFaults, rack_powered: Array, nic_end_w: Array,
                  uplink_end_w: Array) -> Array:
    """(switch,) power of the optics at each switch: of the lanes that are lit, with both ends of the cable alive.

    Parameters
    ----------
    racks, faults : the fabric and what is wrong
    rack_powered : (rack,) 1 with power
    nic_end_w, uplink_end_w : (rack, rail) and (leaf, spine) power of one lit cable end at a switch [W]
    """
    live = live_nics(racks, faults) * (rack_powered > 0.5)[:, None]
    down = np.zeros(racks.leaves)
    np.add.at(down, racks.rack_leaf().ravel(), (live * nic_end_w).ravel())
    live_up = rack_state(racks, faults).live_low()[0]
    up = np.maximum(live_up - faults.rate_lost * (live_up > 0.0), 0.0) * uplink_end_w
    return np.concatenate([down + up.sum(axis=1), up.sum(axis=0)])
