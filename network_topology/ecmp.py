"""Cable loads of leaf-to-leaf traffic under equal-cost multi-path routing, with any failures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fabric import Fabric, FabricState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Loads:
    """Traffic carried by each bundle of parallel cables, in the unit of the traffic given.

    leaf_up, leaf_down : (pod, leaf, spine); core_up, core_down : (pod, spine, core)
    unreachable : traffic of leaf pairs without a path
    """

    leaf_up: Array
    leaf_down: Array
    core_up: Array
    core_down: Array
    unreachable: float


def all_to_all(endpoints: Array, rate: float = 1.0) -> Array:
    """Traffic between leaves when every endpoint sends to every other one equally.

    Parameters
    ----------
    endpoints : (leaf,) sending endpoints of each leaf [1]
    rate : what each endpoint sends in all [any unit]

    Returns
    -------
    (leaf, leaf) traffic, zero inside a leaf

    Examples
    --------
    Two leaves of two: each endpoint has 3 peers, 2 of them behind the other leaf, so a leaf sends 2 x 2/3.

    >>> all_to_all(np.array([2.0, 2.0])).round(3).tolist()
    [[0.0, 1.333], [1.333, 0.0]]
    """
    total = float(endpoints.sum())
    if total <= 1.0:
        return np.zeros((len(endpoints), len(endpoints)))
    traffic = np.outer(endpoints, endpoints) * (rate / (total - 1.0))
    np.fill_diagonal(traffic, 0.0)
    return traffic


def rail_all_to_all(endpoints: Array, rail: NDArray[np.int64], rate: float = 1.0) -> Array:
    """Traffic when each endpoint exchanges with every endpoint of its own rail (NVLink carries the rest).

    Parameters
    ----------
    endpoints : (leaf,) sending endpoints of each leaf [1]
    rail : (leaf,) rail of the leaf
    rate : what each endpoint sends in all [any unit]

    Returns
    -------
    (leaf, leaf) traffic, zero inside a leaf and between rails

    Examples
    --------
    >>> rail_all_to_all(np.array([2.0, 2.0, 2.0]), np.array([0, 0, 1])).round(3).tolist()
    [[0.0, 1.333, 0.0], [1.333, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    traffic = np.zeros((len(endpoints), len(endpoints)))
    for r in np.unique(rail):
        on = np.flatnonzero(rail == r)
        traffic[np.ix_(on, on)] = all_to_all(endpoints[on], rate)
    return traffic


def ecmp_two_tier(live: Array, traffic: Array) -> tuple[Array, Array, float]:
    """Loads of leaf-spine bundles in two tiers.

    Parameters
    ----------
    live : (leaf, spine) live parallel cables [1]
    traffic : (leaf, leaf) traffic, zero on the diagonal

    Returns
    -------
    (leaf, spine) load up, (leaf, spine) load down, unreachable traffic

    Notes
    -----
    The sending leaf shares a flow equally over its live cables to spines from which the receiving leaf can be
    reached: D[s,d] = sum_j U[s,j] [U[d,j] > 0]. Up load = U[s,j] sum_d T/D [U[d,j] > 0]; down load =
    [U[d,j] > 0] sum_s T/D U[s,j]. The remote side does not re-weight.

    Examples
    --------
    One cable lost of two per pair: leaf 0 then has 3 cables, so 1/3 goes up through spine 0.

    >>> up, down, lost = ecmp_two_tier(np.array([[1.0, 2.0], [2.0, 2.0]]), np.array([[0.0, 3.0], [0.0, 0.0]]))
    >>> up.tolist(), down.tolist(), lost
    ([[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]], 0.0)
    """
    reach = (live > 0.0).astype(np.float64)
    ways = live @ reach.T
    per_cable = np.divide(traffic, ways, out=np.zeros_like(traffic), where=ways > 0.0)
    up = live * (per_cable @ reach)
    down = reach * (per_cable.T @ live)
    return up, down, float(traffic[ways <= 0.0].sum())


def ecmp_loads(fabric: Fabric, state: FabricState, traffic: Array) -> Loads:
    """Loads of every bundle of a two- or three-tier fabric.

    Parameters
    ----------
    fabric, state : the fabric and what is alive in it
    traffic : (leaf, leaf) traffic over flat leaves, zero on the diagonal

    Returns
    -------
    loads per bundle

    Notes
    -----
    Three tiers: W[j,p,q] = sum_k C[p,j,k] [C[q,j,k] > 0] cables lead from spine j of pod p to pod q;
    D[s,d] = sum_j U[p,s,j] [W > 0] [U[q,d,j] > 0]. Only up-down paths count (no valleys).
    """
    c = fabric.counts
    low = state.live_low()
    if c.tiers == 2:
        up, down, lost = ecmp_two_tier(low[0], traffic)
        none = np.zeros(fabric.shape_high)
        return Loads(up[None], down[None], none, none.copy(), lost)
    high = state.live_high()
    reach = (low > 0.0).astype(np.float64)
    has = (high > 0.0).astype(np.float64)
    ways_core = np.einsum("pjk,qjk->jpq", high, has)
    blocks = traffic.reshape(c.pods, c.leaves, c.pods, c.leaves)
    leaf_up, leaf_down = np.zeros_like(low), np.zeros_like(low)
    core_up, core_down = np.zeros_like(high), np.zeros_like(high)
    lost = 0.0
    for p in range(c.pods):
        for q in range(c.pods):
            t = blocks[p, :, q, :]
            via = np.ones(c.spines) if p == q else (ways_core[:, p, q] > 0.0).astype(np.float64)
            ways = (low[p] * via) @ reach[q].T
            x = np.divide(t, ways, out=np.zeros_like(t), where=ways > 0.0)
            lost += float(t[ways <= 0.0].sum())
            up = low[p] * via * (x @ reach[q])
            leaf_up[p] += up
            leaf_down[q] += reach[q] * via * (x.T @ low[p])
            if p != q:
                through = up.sum(axis=0)
                w = ways_core[:, p, q]
                g = np.divide(through, w, out=np.zeros_like(through), where=w > 0.0)
                cables = high[p] * has[q] * g[:, None]
                core_up[p] += cables
                core_down[q] += cables
    return Loads(leaf_up, leaf_down, core_up, core_down, lost)


def cable_loads(fabric: Fabric, state: FabricState, loads: Loads) -> tuple[Array, Array]:
    """Load of one cable of each bundle, the larger of its two directions: (pod, leaf, spine), (pod, spine, core).

    Notes
    -----
    A bundle's load divided by its live cables; where a cable of the bundle is slow, divided by its rate too, because
    equal-cost routing gives it as much as the others.
    """
    low, high = state.live_low() * state.low_rate, state.live_high()
    on_low, on_high = np.maximum(loads.leaf_up, loads.leaf_down), np.maximum(loads.core_up, loads.core_down)
    return (np.divide(on_low, low, out=np.zeros_like(on_low), where=low > 0.0),
            np.divide(on_high, high, out=np.zeros_like(on_high), where=high > 0.0))


def worst_cable_load(fabric: Fabric, state: FabricState, loads: Loads) -> float:
    """Largest load of one cable, in the unit of the traffic; infinite where traffic has no path."""
    if loads.unreachable > 0.0:
        return float("inf")
    return max(float(each.max()) for each in cable_loads(fabric, state, loads) if each.size)


def worst_cable_ratio(fabric: Fabric, now: tuple[FabricState, Loads], nominal: tuple[FabricState, Loads]) -> float:
    """Largest load of one cable against what this very cable carries nominally; infinite without a path [1]."""
    if now[1].unreachable > 0.0:
        return float("inf")
    worst = 0.0
    for after, before in zip(cable_loads(fabric, *now), cable_loads(fabric, *nominal), strict=True):
        ratio = np.divide(after, before, out=np.zeros_like(after), where=before > 0.0)
        worst = max(worst, float(ratio.max(initial=0.0)))
    return worst
