"""Published tables, exactly; k-ary formulas for any radix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network_topology.fabric import build_fabric
from network_topology.generator import count_fabric, three_tier_cores, two_tier_spines
from network_topology.power import optics_power_w
from network_topology.spec import FabricError, FabricSpec, UnderFill

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "network.json").read_text())


@pytest.mark.parametrize("row", TRUTH["fabrics"], ids=lambda r: r["name"])
def test_published_row(row):
    keys = ("radix", "rails", "units", "endpoints_per_rail", "planes", "links_per_cable", "removed_nodes",
            "manager_cables")
    fill = UnderFill(*row["under_fill"]) if "under_fill" in row else None
    spec = FabricSpec(link_bit_s=400e9, under_fill=fill, **{k: row[k] for k in keys if k in row})
    c = count_fabric(spec)
    assert (c.endpoints, c.leaf_switches, c.spine_switches, c.core_switches) == (
        row["gpus"], row["leaf"], row["spine"], row["core"])
    cables = [c.endpoint_cables, c.leaf_spine_cables, c.spine_core_cables][: len(row["cables"])]
    assert cables == row["cables"]


@given(st.integers(2, 80).map(lambda n: 2 * n))
def test_full_two_tiers_hold_half_the_square_of_the_radix(radix):
    c = count_fabric(FabricSpec(radix, 1, radix, radix // 2, 1.0))
    assert c.tiers == 2 and c.endpoints == radix**2 // 2
    assert (c.leaf_switches, c.spine_switches, c.leaf_spine) == (radix, radix // 2, 1)
    assert c.leaf_spine_cables == c.endpoints


@given(st.integers(2, 40).map(lambda n: 2 * n))
def test_full_three_tiers_hold_a_quarter_of_the_cube_of_the_radix(radix):
    half = radix // 2
    c = count_fabric(FabricSpec(radix, 1, radix * half, half, 1.0))
    assert c.tiers == 3 and c.endpoints == radix**3 // 4
    assert (c.leaf_switches, c.spine_switches, c.core_switches) == (2 * half**2, 2 * half**2, half**2)
    assert c.switches == 5 * half**2


@given(st.integers(2, 80).map(lambda n: 2 * n), st.data())
def test_no_switch_has_more_cables_than_ports(radix, data):
    leaves = data.draw(st.integers(1, radix))
    spines = two_tier_spines(radix, leaves)
    assert radix // 2 % spines == 0
    assert leaves * (radix // 2) // spines <= radix
    pods = data.draw(st.integers(1, radix))
    cores = three_tier_cores(radix, pods)
    assert pods * (radix // 2 // cores) <= radix


@pytest.mark.parametrize("radix, pods, cores", [(64, 16, 256), (144, 20, 864), (144, 78, 5184)])
def test_core_counts_of_large_fabrics(radix, pods, cores):
    half = radix // 2
    c = count_fabric(FabricSpec(radix, 1, pods * half, half, 1.0))
    assert (c.pods, c.core_switches) == (pods, cores)


def test_leaves_know_their_rail_and_endpoints():
    f = build_fabric(FabricSpec(144, 4, 1, 144, 800e9))
    assert f.leaf_rail.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert f.leaf_endpoints.tolist() == [72] * 8
    partly = build_fabric(FabricSpec(144, 2, 1, 100, 800e9))
    assert partly.leaf_endpoints.tolist() == [72, 72, 28, 28]
    assert int(np.sum(partly.leaf_endpoints)) == partly.counts.endpoints


def test_optics_power_as_published():
    t = TRUTH["optics_mw"]
    assert optics_power_w(t["gpus"], t["ends"], t["pluggable_w"]) / 1e6 == pytest.approx(t["pluggable_mw"], rel=1e-12)
    assert optics_power_w(t["gpus"], t["ends"], t["copackaged_w"]) / 1e6 == pytest.approx(t["copackaged_mw"], rel=1e-12)


@pytest.mark.parametrize("wrong, says", [
    (dict(radix=63), "even"), (dict(rails=0), "rails"), (dict(link_bit_s=0.0), "link_bit_s"),
    (dict(radix=8, units=9, endpoints_per_rail=4), "whole pods"),
])
def test_impossible_fabrics_are_refused(wrong, says):
    with pytest.raises(FabricError, match=says):
        count_fabric(FabricSpec(**{**dict(radix=64, rails=1, units=1, endpoints_per_rail=4, link_bit_s=1.0), **wrong}))
