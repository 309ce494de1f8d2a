"""Array routing against hop-by-hop enumeration on NetworkX; conservation; single losses by brute force."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network_topology.bisection import bisection_links, fabric_oversubscription
from network_topology.ecmp import all_to_all, ecmp_loads, rail_all_to_all, worst_cable_load
from network_topology.fabric import FabricState, build_fabric, lose, whole_state
from network_topology.failures import (
    load_factor,
    lost_core_factor,
    lost_leaf_spine_factor,
    lost_spine_core_factor,
    lost_spine_factor,
    lost_trunk_factor,
    single_losses,
)
from network_topology.graph import core_name, fabric_graph, leaf_name, spine_name
from network_topology.spec import FabricSpec

TWO = build_fabric(FabricSpec(16, 2, 3, 8, 1.0))  # 6 leaves, 4 spines, 2 cables a pair
TWO_SINGLE = build_fabric(FabricSpec(8, 2, 4, 4, 1.0))  # 8 leaves, 4 spines, 1 cable a pair
THREE = build_fabric(FabricSpec(8, 1, 12, 4, 1.0))  # 3 pods of 4 leaves and 4 spines, 2 cores a position, 2 cables
THREE_SINGLE = build_fabric(FabricSpec(8, 1, 20, 4, 1.0))  # 5 pods, 4 cores a position, 1 cable
FABRICS = {"two tiers": TWO, "two tiers, m'=1": TWO_SINGLE, "three tiers": THREE, "three tiers, m=1": THREE_SINGLE}


def random_state(fabric, seed: int, share: float) -> FabricState:
    rng = np.random.default_rng(seed)
    whole = whole_state(fabric)
    alive = {name: rng.random(getattr(whole, name).shape) > share / 3 for name in ("leaf_up", "spine_up", "core_up")}
    low = rng.binomial(whole.low.astype(int), 1 - share).astype(float)
    high = rng.binomial(whole.high.astype(int), 1 - share).astype(float)
    return FabricState(low, high, whole.endpoints, low_rate=whole.low_rate, **alive)


def hop_by_hop(fabric, state, traffic):
    """Each node shares what it has for a destination equally over the live cables that lead one hop nearer."""
    graph = fabric_graph(fabric, state)
    per = fabric.counts.leaves
    load: dict[tuple[str, str], float] = {}
    lost = 0.0
    for d in range(traffic.shape[1]):
        target = leaf_name(*divmod(d, per))
        far = nx.single_source_shortest_path_length(graph, target) if target in graph else {}
        at: dict[str, float] = {}
        for s in range(traffic.shape[0]):
            name, limit = leaf_name(*divmod(s, per)), 2 if s // per == d // per else 4
            if traffic[s, d] == 0.0:
                continue
            if far.get(name, 99) > limit:  # no path, or only one through a valley
                lost += traffic[s, d]
            else:
                at[name] = at.get(name, 0.0) + traffic[s, d]
        for hops in (4, 3, 2, 1):
            for name in [n for n in at if far[n] == hops]:
                amount = at.pop(name)
                ways = {n: graph.edges[name, n]["cables"] for n in graph[name] if far.get(n, 99) == hops - 1}
                for n, cables in ways.items():
                    part = amount * cables / sum(ways.values())
                    load[name, n] = load.get((name, n), 0.0) + part
                    if n != target:
                        at[n] = at.get(n, 0.0) + part
    return load, lost


def as_edges(fabric, loads):
    out = {}
    for (p, leaf, j), up in np.ndenumerate(loads.leaf_up):
        out[leaf_name(p, leaf), spine_name(p, j)] = up
        out[spine_name(p, j), leaf_name(p, leaf)] = loads.leaf_down[p, leaf, j]
    for (p, j, k), up in np.ndenumerate(loads.core_up):
        out[spine_name(p, j), core_name(j, k)] = up
        out[core_name(j, k), spine_name(p, j)] = loads.core_down[p, j, k]
    return out


@pytest.mark.parametrize("fabric", FABRICS.values(), ids=FABRICS.keys())
@pytest.mark.parametrize("share", [0.0, 0.1, 0.35])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_arrays_equal_hop_by_hop(fabric, share, seed):
    state = random_state(fabric, seed, share)
    rng = np.random.default_rng(seed + 100)
    traffic = rng.random((fabric.counts.pods * fabric.counts.leaves,) * 2)
    np.fill_diagonal(traffic, 0.0)
    loads = ecmp_loads(fabric, state, traffic)
    wanted, lost = hop_by_hop(fabric, state, traffic)
    found = as_edges(fabric, loads)
    assert loads.unreachable == pytest.approx(lost, abs=1e-9)
    for edge, value in found.items():
        assert value == pytest.approx(wanted.get(edge, 0.0), abs=1e-9), edge
    assert share == 0.0 or sum(v for v in wanted.values()) > 0.0


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(FABRICS)), st.integers(0, 10_000), st.floats(0.0, 0.5))
def test_traffic_is_conserved_at_every_switch(name, seed, share):
    fabric = FABRICS[name]
    state = random_state(fabric, seed, share)
    traffic = all_to_all(state.live_endpoints())
    loads = ecmp_loads(fabric, state, traffic)
    into_spines, out_of_spines = loads.leaf_up.sum(axis=1), loads.leaf_down.sum(axis=1)
    np.testing.assert_allclose(into_spines + loads.core_down.sum(axis=2), out_of_spines + loads.core_up.sum(axis=2),
                               atol=1e-9)
    np.testing.assert_allclose(loads.core_up.sum(axis=0), loads.core_down.sum(axis=0), atol=1e-9)
    assert loads.leaf_up.sum() + loads.unreachable == pytest.approx(traffic.sum(), abs=1e-8)
    assert loads.leaf_down.sum() + loads.unreachable == pytest.approx(traffic.sum(), abs=1e-8)


def test_nominal_loads_follow_closed_forms():
    for fabric in FABRICS.values():
        c = fabric.counts
        state = whole_state(fabric)
        loads = ecmp_loads(fabric, state, all_to_all(state.live_endpoints()))
        n, h = c.endpoints, fabric.spec.radix // 2
        assert (loads.leaf_up / state.low) == pytest.approx(np.full(fabric.shape_low, (n - h) / (n - 1)), rel=1e-12)
        if c.tiers == 3:
            core = np.full(fabric.shape_high, (n - h * h) / (n - 1))
            assert (loads.core_up / state.high) == pytest.approx(core, rel=1e-12)


@pytest.mark.parametrize("fabric", FABRICS.values(), ids=FABRICS.keys())
def test_every_single_loss_matches_its_class_and_closed_form(fabric):
    c, whole = fabric.counts, whole_state(fabric)
    table = {row.tier: row for row in single_losses(fabric, whole)}
    closed = {"spine": lost_spine_factor(c), "leaf-spine": lost_leaf_spine_factor(c)}
    if c.tiers == 3:
        closed |= {"core": lost_core_factor(c), "spine-core": lost_spine_core_factor(c)}
    for tier, factor in closed.items():
        assert table[tier].load_factor == pytest.approx(factor, rel=1e-12), tier
    shapes = {"leaf": (c.pods, c.leaves), "spine": (c.pods, c.spines), "core": (c.spines, c.cores),
              "leaf-spine": fabric.shape_low, "spine-core": fabric.shape_high}
    for tier, row in table.items():
        if tier == "endpoint":
            continue
        for index in np.ndindex(*shapes[tier]):
            assert load_factor(fabric, whole, lose(whole, tier, index)) == pytest.approx(row.load_factor, rel=1e-12)
    assert table["leaf"].gpus_cut == fabric.spec.radix // 2
    assert table["spine"].gpus_cut == 0


def test_trunk_loss_follows_its_closed_form():
    whole = whole_state(THREE_SINGLE)
    for positions in (1, 2, 3):
        factor = load_factor(THREE_SINGLE, whole, lose(whole, "trunk", (0, 0), positions))
        assert factor == pytest.approx(lost_trunk_factor(THREE_SINGLE.counts, positions), rel=1e-12)


def test_published_two_tier_example_doubles():
    h100 = build_fabric(FabricSpec(64, 8, 4, 32, 400e9))
    assert h100.counts.leaf_spine == 2
    table = {row.tier: row for row in single_losses(h100, whole_state(h100))}
    assert table["leaf-spine"].load_factor == pytest.approx(2.0, rel=1e-12)
    assert table["spine"].load_factor == pytest.approx(16 / 15, rel=1e-12)
    assert table["leaf"].gpus_cut == 32 and table["leaf"].elements == 32


def test_rail_traffic_stays_on_its_rail():
    state = whole_state(TWO)
    traffic = rail_all_to_all(state.live_endpoints(), TWO.leaf_rail)
    assert np.all(traffic[TWO.leaf_rail[:, None] != TWO.leaf_rail[None, :]] == 0.0)
    n = 3 * 8  # endpoints of a rail
    assert traffic.sum(axis=1) == pytest.approx(np.full(6, 8 * (n - 8) / (n - 1)), rel=1e-12)


def test_a_slow_cable_binds_like_its_rate():
    whole = whole_state(TWO_SINGLE)
    traffic = all_to_all(whole.live_endpoints())
    rate = whole.low_rate.copy()
    rate[0, 3, 1] = 0.25
    slow = FabricState(whole.low, whole.high, whole.endpoints, whole.leaf_up, whole.spine_up, whole.core_up, rate)
    loads = ecmp_loads(TWO_SINGLE, slow, traffic)
    assert worst_cable_load(TWO_SINGLE, slow, loads) == pytest.approx(
        4.0 * worst_cable_load(TWO_SINGLE, whole, loads), rel=1e-12)


@pytest.mark.parametrize("fabric", FABRICS.values(), ids=FABRICS.keys())
def test_bisection_of_a_non_blocking_fabric_is_half_its_endpoints(fabric):
    whole = whole_state(fabric)
    leaves = fabric.counts.pods * fabric.counts.leaves
    first = np.arange(leaves) < leaves // 2
    ends = whole.live_endpoints()
    assert bisection_links(fabric, whole, first) == min(ends[first].sum(), ends[~first].sum())
    assert fabric_oversubscription(fabric, whole) == 1.0


def test_bisection_after_losses_is_the_smallest_cut():
    whole = whole_state(TWO)
    one = lose(whole, "spine", (0, 0))
    first = np.arange(6) < 3
    assert bisection_links(TWO, one, first) == 3 * 6.0  # three leaves with 6 of 8 uplinks
    assert fabric_oversubscription(TWO, one) == pytest.approx(8 / 6)
    assert bisection_links(TWO, lose(whole, "leaf", (0, 0)), first) == 16.0
    half = lose(whole, "endpoint", (4,), 3.0)
    assert bisection_links(TWO, half, first) == 21.0
