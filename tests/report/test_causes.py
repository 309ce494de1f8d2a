"""The tree of causes: order, several causes, long chains, circles."""

from __future__ import annotations

import pytest

from tests.usd_export.synthetic import EVENTS
from twin.report import cause_tree


def event(name: str, t_s: float, *causes: str) -> dict[str, object]:
    return {"id": name, "t_s": t_s, "element": name, "kind": "k", "causes": list(causes)}


def shape(roots) -> list[tuple[int, str]]:
    return [(depth, node.event["id"]) for root in roots for depth, node in root.walk()]


def test_the_pump_story() -> None:
    roots = cause_tree(EVENTS)
    told = [(d, n.event["element"], n.event["kind"]) for root in roots for d, n in root.walk()]
    assert told == [
        (0, "H1_CDU1_P2", "fail-to-start"),
        (0, "H1_CDU1_P1", "pump-trip"),
        (1, "H1_CDU1_P2", "start-failed"),
        (2, "H1_R01_RK02", "throttle"),
        (2, "H1_CDU1", "changeover"),
    ]
    assert roots[1].children[0].also == ("0.0/H1_CDU1_P2/fail-to-start",)
    assert roots[1].size == 4


def test_two_busways_are_both_causes_of_the_overload() -> None:
    roots = cause_tree([event("a", 1), event("b", 2), event("overload", 3, "b", "a"), event("dark", 4, "overload")])
    assert shape(roots) == [(0, "a"), (0, "b"), (1, "overload"), (2, "dark")]
    assert roots[1].children[0].also == ("a",)


def test_every_event_once_whatever_the_order() -> None:
    events = [event("c", 3, "b"), event("a", 1), event("b", 2, "a", "a"), event("d", 3, "unknown", "b")]
    assert shape(cause_tree(events)) == [(0, "a"), (1, "b"), (2, "c"), (2, "d")]
    assert sorted(i for _, i in shape(cause_tree(events))) == ["a", "b", "c", "d"]


def test_an_event_of_the_same_instant_can_be_listed_before_its_cause() -> None:
    assert shape(cause_tree([event("effect", 5, "cause"), event("cause", 5)])) == [(0, "cause"), (1, "effect")]


def test_causes_outside_the_list_make_a_root() -> None:
    assert shape(cause_tree([event("x", 1, "before-the-window")])) == [(0, "x")]


def test_long_chain_needs_no_deep_stack() -> None:
    chain = [event("0", 0), *(event(str(k), k, str(k - 1)) for k in range(1, 5000))]
    assert max(depth for depth, _ in shape(cause_tree(chain))) == 4999


def test_circle_and_double_id_are_refused() -> None:
    with pytest.raises(ValueError, match="go in a circle among a, b"):
        cause_tree([event("a", 1, "b"), event("b", 1, "a")])
    with pytest.raises(ValueError, match="'a' twice"):
        cause_tree([event("a", 1), event("a", 2)])


def test_racks_that_share_a_loop_are_siblings_and_not_causes_of_each_other() -> None:
    """Each rack's trip below its own throttling, each throttling below the pump, the other racks' named beside it."""
    rows = [
        ("pump", "CDU1_P1", 0.0, []), ("slow1", "RK1", 19.0, ["pump"]), ("slow2", "RK2", 20.0, ["slow1", "pump"]),
        ("trip1", "RK1", 28.0, ["slow2", "slow1", "pump"]), ("trip2", "RK2", 29.0, ["trip1", "slow2", "slow1", "pump"]),
    ]  # fmt: skip
    events = [{"id": i, "element": e, "t_s": t, "causes": c} for i, e, t, c in rows]
    (tree,) = cause_tree(events, peers=("RK1", "RK2"))
    assert [(d, n.event["id"]) for d, n in tree.walk()] == [
        (0, "pump"), (1, "slow1"), (2, "trip1"), (1, "slow2"), (2, "trip2")]  # fmt: skip
    assert {n.event["id"]: n.also for _, n in tree.walk()}["trip2"] == ("pump", "trip1", "slow1")
    (chain,) = cause_tree(events)
    assert max(d for d, _ in chain.walk()) == 4
