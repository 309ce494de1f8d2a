"""The graph of causes as a forest: each event stands below what triggered it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CauseNode:
    """An event, the events it triggered, and the other conditions without which it would not be."""

    event: Mapping[str, Any]
    children: list[CauseNode] = field(default_factory=list)
    also: tuple[str, ...] = ()  # ids of its further causes

    def walk(self) -> Iterator[tuple[int, CauseNode]]:
        """Depth and node, parents first."""
        todo: list[tuple[int, CauseNode]] = [(0, self)]
        while todo:
            depth, node = todo.pop()
            yield depth, node
            todo += [(depth + 1, child) for child in reversed(node.children)]

    @property
    def size(self) -> int:
        return sum(1 for _ in self.walk())


def cause_tree(events: Sequence[Mapping[str, Any]], *, peers: Collection[str] = ()) -> tuple[CauseNode, ...]:
    """Trees of causes, one a root event, in order of time.

    Parameters
    ----------
    events : sequence of mappings
        id, t_s, causes (the trigger first, then standing conditions); further keys are kept.
    peers : collection of str
        Elements that reach each other only through what they share (racks on a loop): an event of one stands below
        a cause of its own or of what they share before it stands below a cause of another peer.

    Returns
    -------
    tuple of CauseNode
        Roots: events of which no cause is among the events. An event with several causes stands below the first
        that is known; the others are named in `also`.

    Raises
    ------
    ValueError : an id twice, or causes that go in a circle

    Examples
    --------
    >>> trip, hot = {"id": "a", "t_s": 1.0, "causes": []}, {"id": "b", "t_s": 2.0, "causes": ["a"]}
    >>> [(depth, node.event["id"]) for depth, node in cause_tree([trip, hot])[0].walk()]
    [(0, 'a'), (1, 'b')]
    """
    nodes: dict[str, CauseNode] = {}
    for event in events:
        if event["id"] in nodes:
            raise ValueError(f"events: found the id {event['id']!r} twice, wanted it once")
        nodes[event["id"]] = CauseNode(event)
    roots = []
    for node in sorted(nodes.values(), key=_when):
        known = [c for c in dict.fromkeys(node.event["causes"]) if c in nodes and c != node.event["id"]]
        if node.event.get("element") in peers:
            others = {c for c in known if nodes[c].event["element"] in peers} - {
                c for c in known if nodes[c].event["element"] == node.event["element"]}
            known = [c for c in known if c not in others] + [c for c in known if c in others]
        if known:
            nodes[known[0]].children.append(node)
            node.also = tuple(known[1:])
        else:
            roots.append(node)
    reached = {id(n) for root in roots for _, n in root.walk()}
    if len(reached) != len(nodes):
        lost = sorted(key for key, n in nodes.items() if id(n) not in reached)
        raise ValueError(f"events: found causes that go in a circle among {', '.join(lost[:5])}")
    return tuple(roots)


def _when(node: CauseNode) -> float:
    return float(node.event["t_s"])


def faults_first(roots: Sequence[CauseNode]) -> list[CauseNode]:
    """Trees in order of interest: those with consequences first, each group in order of time."""
    return sorted(roots, key=lambda n: (not n.children, _when(n)))
