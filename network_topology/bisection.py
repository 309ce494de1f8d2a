"""Bisection and oversubscription: what the fabric can carry between two halves."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from .fabric import Fabric, FabricState
from .graph import fabric_graph, leaf_name
from .spec import FabricError


def oversubscription_ratio(down_ports: float, up_ports: float) -> float:
    """Bandwidth down over bandwidth up of a switch.

    Parameters
    ----------
    down_ports, up_ports : ports of one speed [1]

    Returns
    -------
    ratio; 1 is non-blocking [1]

    Examples
    --------
    >>> round(oversubscription_ratio(128, 120), 4)
    1.0667
    """
    if up_ports <= 0:
        raise FabricError(f"up_ports: found {up_ports}, wanted more than 0")
    return down_ports / up_ports


def fabric_oversubscription(fabric: Fabric, state: FabricState) -> float:
    """Worst leaf's live endpoints over its live uplinks [1]; infinite for a live leaf without uplinks."""
    up = state.live_low().sum(axis=2).ravel()
    down = state.live_endpoints()
    ratio = np.divide(down, up, out=np.where(down > 0.0, np.inf, 0.0), where=up > 0.0)
    return float(ratio.max())


def bisection_links(fabric: Fabric, state: FabricState, half: NDArray[np.bool_]) -> float:
    """Links' worth of traffic that one set of leaves can send to the others at once, by max-flow.

    Parameters
    ----------
    fabric, state : the fabric and what is alive
    half : (leaf,) True for the sending half

    Returns
    -------
    flow [links]

    Notes
    -----
    Sources inject at most their live endpoints, sinks take at most theirs; cables carry one link each, so a
    non-blocking fabric gives half of its endpoints.

    Examples
    --------
    >>> from network_topology.fabric import build_fabric, whole_state
    >>> from network_topology.spec import FabricSpec
    >>> f = build_fabric(FabricSpec(radix=144, rails=4, units=1, endpoints_per_rail=144, link_bit_s=800e9))
    >>> bisection_links(f, whole_state(f), np.arange(8) < 4)
    288.0
    """
    if half.shape != state.live_endpoints().shape:
        raise FabricError(f"half: found {half.shape}, wanted one flag per leaf {state.live_endpoints().shape}")
    graph: nx.DiGraph[str] = nx.DiGraph()
    whole = fabric_graph(fabric, state)
    for a, b in whole.edges:
        graph.add_edge(a, b, capacity=whole.edges[a, b]["cables"])
        graph.add_edge(b, a, capacity=whole.edges[a, b]["cables"])
    graph.add_nodes_from(("from", "to"))
    for flat, ends in enumerate(state.live_endpoints()):
        leaf = leaf_name(*divmod(flat, fabric.counts.leaves))
        if half[flat]:
            graph.add_edge("from", leaf, capacity=float(ends))
        else:
            graph.add_edge(leaf, "to", capacity=float(ends))
    return float(nx.maximum_flow_value(graph, "from", "to"))
