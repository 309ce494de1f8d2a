"""NetworkX views of a fabric, built on demand: to explain, to draw, to export, to check the arrays against."""

from __future__ import annotations

from typing import Literal

import networkx as nx
import numpy as np

from .fabric import Fabric, FabricState
from .spec import FabricError

Level = Literal["pod", "switch", "full"]


def leaf_name(pod: int, leaf: int) -> str:
    return f"P{pod}_L{leaf}"


def spine_name(pod: int, spine: int) -> str:
    return f"P{pod}_S{spine}"


def core_name(spine: int, core: int) -> str:
    return f"C{spine}_{core}"


def fabric_graph(fabric: Fabric, state: FabricState, level: Level = "switch") -> nx.Graph[str]:
    """Graph of what is alive in one plane.

    Parameters
    ----------
    fabric, state : the fabric and what is alive
    level : "pod" (pods and core switches), "switch" (leaves, spines, cores) or "full" (with endpoints)

    Returns
    -------
    graph; nodes carry `tier`, edges `cables` (live, parallel) and `bit_s` (their rate together)

    Examples
    --------
    >>> from network_topology.fabric import whole_state
    >>> from network_topology.spec import FabricSpec
    >>> from network_topology.fabric import build_fabric
    >>> f = build_fabric(FabricSpec(radix=144, rails=4, units=1, endpoints_per_rail=144, link_bit_s=800e9))
    >>> g = fabric_graph(f, whole_state(f))
    >>> g.number_of_nodes(), g.number_of_edges(), g.edges["P0_L0", "P0_S0"]["cables"]
    (12, 32, 18.0)
    """
    if level not in ("pod", "switch", "full"):
        raise FabricError(f"level: found {level!r}, wanted pod, switch or full")
    graph: nx.Graph[str] = nx.Graph()
    low, high = state.live_low(), state.live_high()
    rate = fabric.link_bit_s

    def join(a: str, b: str, cables: float) -> None:
        graph.add_edge(a, b, cables=float(cables), bit_s=float(cables) * rate)

    if level == "pod":
        graph.add_nodes_from((f"P{p}" for p in range(fabric.counts.pods)), tier="pod")
        for p, j, k in np.argwhere(high > 0.0):
            name = core_name(int(j), int(k))
            if name not in graph:
                graph.add_node(name, tier="core")
            join(f"P{p}", name, high[p, j, k])
        return graph
    for p, leaf in np.argwhere(state.leaf_up):
        graph.add_node(leaf_name(p, leaf), tier="leaf", pod=int(p))
    for p, spine in np.argwhere(state.spine_up):
        graph.add_node(spine_name(p, spine), tier="spine", pod=int(p))
    for spine, core in np.argwhere(state.core_up):
        graph.add_node(core_name(spine, core), tier="core")
    for p, leaf, j in np.argwhere(low > 0.0):
        join(leaf_name(p, leaf), spine_name(p, j), low[p, leaf, j])
    for p, j, k in np.argwhere(high > 0.0):
        join(spine_name(p, j), core_name(j, k), high[p, j, k])
    if level == "full":
        for flat, ends in enumerate(state.live_endpoints()):
            leaf = leaf_name(*divmod(flat, fabric.counts.leaves))
            for e in range(int(ends)):
                graph.add_node(f"{leaf}_E{e}", tier="endpoint")
                join(leaf, f"{leaf}_E{e}", 1.0)
    return graph
