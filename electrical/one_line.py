"""The one-line diagram: elements, the loads they feed, and the NetworkX graph that builds, explains and draws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx


@dataclass(frozen=True)
class Trip:
    """What opens an element under overload.

    kind: "electronic" (I2t above pickup), "thermal" (bimetal), "table" (overload times of the maker).
    setting_va: apparent power at a multiple of 1. delay_s: I2t delay at six times the setting, or the bimetal's
    time constant. level: bimetal trip level. reset_s: time in which a full travel resets.
    """

    kind: str
    setting_va: float
    pickup: float = 1.05
    delay_s: float = 12.0
    level: float = 1.44
    multiples: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    reset_s: float = 600.0
    instant_multiple: float = 1e9
    instant_s: float = 0.02


@dataclass(frozen=True)
class Element:
    """One element of the power path, with its incoming feeder cable.

    Loss [W] = no_load_w + linear x P + quadratic_per_w x P^2 + R S^2/U^2 (own resistance, at its output voltage).
    bypass_*: the same law in static bypass. tan_phi_in: reactive over active power at the input of a converter that
    decouples them, else None.
    """

    id: str
    cls: str
    sources: tuple[str, ...] = ()
    select: bool = False  # one source at a time (transfer switch); otherwise equal shares of the live ones
    room: str = ""
    voltage_v: float = 415.0
    limit_w: float = 0.0
    limit_is_va: bool = False
    no_load_w: float = 0.0
    linear: float = 0.0
    quadratic_per_w: float = 0.0
    resistance_ohm: float = 0.0
    reactance_ohm: float = 0.0
    cable_resistance_ohm: float = 0.0
    cable_reactance_ohm: float = 0.0
    tan_phi_in: float | None = None
    bypass_no_load_w: float = 0.0
    bypass_linear: float = 0.0
    battery_loss_share: float = 0.0  # share of the converter loss that remains on battery
    window_low: float = 0.0  # lowest input voltage accepted, as a fraction
    trip: Trip | None = None

    @property
    def loss_class(self) -> str:
        return "cable" if self.cls == "whip" else "switchgear" if self.cls == "transfer_switch" else self.cls


@dataclass(frozen=True)
class Battery:
    """Battery of one UPS: energy in the cells, efficiencies each way, charging power and the delays of its UPS."""

    ups: str
    energy_j: float
    discharge_efficiency: float
    charge_efficiency: float
    charge_w: float
    requalify_s: float
    walk_in_s: float
    restart_s: float


@dataclass(frozen=True)
class GeneratorSet:
    """Start, synchronising and fuel data of one generator element."""

    id: str
    start_median_s: float
    start_sigma: float
    attempts: int
    crank_s: float
    rest_s: float
    sync_s: float
    cooldown_s: float
    rated_w: float
    tank_l: float
    fuel_idle_l_s_w: float
    fuel_l_j: float


@dataclass(frozen=True)
class TransferSwitch:
    """Timing of one transfer switch: sources[0] is preferred."""

    id: str
    sense_s: float
    transfer_s: float
    start_delay_s: float
    retransfer_s: float
    closed_transition: bool
    window_low: float


@dataclass(frozen=True)
class LoadGroup:
    """Consumers of one axis: ids, the elements that feed each, and how long they hold without voltage.

    holdup_j: energy stored in its supplies (time = energy / load); holdup_s: longest time, whatever the load.
    """

    name: str
    ids: tuple[str, ...]
    feeds: tuple[tuple[str, ...], ...]
    tan_phi: float
    dropout: float
    holdup_s: float = 0.0
    holdup_j: float = 0.0


@dataclass(frozen=True)
class PowerModel:
    """Everything electrical of a facility, as plain frozen data."""

    elements: tuple[Element, ...]
    groups: tuple[LoadGroup, ...]
    batteries: tuple[Battery, ...] = ()
    generators: tuple[GeneratorSet, ...] = ()
    switches: tuple[TransferSwitch, ...] = ()
    rooms: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def one_line(model: PowerModel) -> nx.DiGraph:
    """Graph of the power path, edges from source to load; loads are nodes of class "load".

    Parameters
    ----------
    model : PowerModel

    Returns
    -------
    networkx.DiGraph
        Node attributes: cls, label, room, voltage_v, limit_w; edge attributes: order (0 = preferred source).

    Raises
    ------
    ValueError
        A source that does not exist, a load without a feed, or a cycle.
    """
    graph: nx.DiGraph = nx.DiGraph()
    problems = []
    for e in model.elements:
        graph.add_node(e.id, cls=e.cls, room=e.room, voltage_v=e.voltage_v, limit_w=e.limit_w, select=e.select)
    for e in model.elements:
        for order, source in enumerate(e.sources):
            if source not in graph:
                problems.append(f"{e.id} is fed by {source}, which does not exist")
            else:
                graph.add_edge(source, e.id, order=order)
    for group in model.groups:
        for id, feeds in zip(group.ids, group.feeds, strict=True):
            if not feeds:
                problems.append(f"{group.name} {id} has no feed")
            graph.add_node(id, cls="load", group=group.name)
            for order, feed in enumerate(feeds):
                if feed not in graph:
                    problems.append(f"{group.name} {id} is fed by {feed}, which does not exist")
                else:
                    graph.add_edge(feed, id, order=order)
    if problems:
        raise ValueError("; ".join(problems))
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(a for a, _ in nx.find_cycle(graph))
        raise ValueError(f"the one-line has a cycle: {cycle}")
    return graph


def topological_ids(sources_of: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Ids with every source before what it feeds; otherwise in the order given.

    Parameters
    ----------
    sources_of : iterable of (id, sources)

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> topological_ids([("BUS", ("GRID",)), ("GRID", ())])
    ('GRID', 'BUS')
    """
    items = list(sources_of)
    rank = {id: k for k, (id, _) in enumerate(items)}
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(rank)
    graph.add_edges_from((s, id) for id, sources in items for s in sources if s in rank)
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError("a cycle in fed_by: " + " -> ".join(a for a, _ in nx.find_cycle(graph)))
    return tuple(nx.lexicographical_topological_sort(graph, key=lambda id: f"{rank[id]:09d}"))


def explain(graph: nx.DiGraph, load: str) -> list[list[str]]:
    """Every path from a source to one load, preferred sources first.

    Parameters
    ----------
    graph : networkx.DiGraph
        From :func:`one_line`.
    load : str
        Any node.

    Returns
    -------
    list of list of str
    """
    roots = [n for n in graph if graph.in_degree(n) == 0]
    return (
        [path for root in roots for path in nx.all_simple_paths(graph, root, load)] if load not in roots else [[load]]
    )


def draw(graph: nx.DiGraph, values: dict[str, str] | None = None) -> str:
    """The one-line as indented text; an element met again is only named.

    Parameters
    ----------
    graph : networkx.DiGraph
    values : dict, optional
        Text to print beside a node.

    Returns
    -------
    str
    """
    lines: list[str] = []
    seen: set[str] = set()

    def visit(node: str, depth: int) -> None:
        note = f"  {values[node]}" if values and node in values else ""
        again = node in seen and graph.out_degree(node) > 0
        lines.append("  " * depth + f"{node} [{graph.nodes[node]['cls']}]{note}" + (" (see above)" if again else ""))
        if again:
            return
        seen.add(node)
        for child in graph.successors(node):
            visit(child, depth + 1)

    for root in [n for n in graph if graph.in_degree(n) == 0]:
        visit(root, 0)
    return "\n".join(lines)


def layout(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Position of every element for a drawing: x from its parents, y minus its level.

    Parameters
    ----------
    graph : networkx.DiGraph

    Returns
    -------
    dict
        id -> (x, y), level by level.
    """
    place: dict[str, tuple[float, float]] = {}
    for level, nodes in enumerate(nx.topological_generations(graph)):

        def mean_x(n: str) -> float:
            above = [place[p][0] for p in graph.predecessors(n)]
            return sum(above) / len(above) if above else 0.0

        ordered = sorted(nodes, key=mean_x)
        for k, n in enumerate(ordered):
            place[n] = (k - (len(ordered) - 1) / 2.0, -float(level))
    return place
