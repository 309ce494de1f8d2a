"""What failures leave to a job on racks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network_topology.rack_fabric import (
    RackFaults,
    build_rack_fabric,
    crossing_fraction,
    light_power_w,
    members_kappa,
    utilization_per_bit_s,
)
from network_topology.slowdown import exchange_factor
from network_topology.spec import FabricError

UNIT = build_rack_fabric(144, 4, 18, [0, 0, 0, 0, 1, 1, 1, 1], 800e9)
ALL, ROW = np.arange(8), np.arange(4)


def faults(**changes: Any) -> RackFaults:
    neutral = {"switch_up": np.ones(12), "cables_lost": np.zeros((8, 4)), "rate_lost": np.zeros((8, 4)),
               "flap_down": np.zeros((8, 4)), "trunk_cut": np.zeros((2, 4)), "nics_lost": np.zeros((8, 4)),
               "nic_cables_lost": np.zeros((8, 4))}
    return RackFaults(**{**neutral, **changes})


def one(shape: tuple[int, ...], index: Any, value: float = 1.0, fill: float = 0.0) -> np.ndarray:
    array = np.full(shape, fill)
    array[index] = value
    return array


@given(st.integers(0, 3), st.integers(0, 7))
def test_losses_of_equal_elements_weigh_equally(spine, leaf):
    for switch in (8 + spine, leaf):
        down = faults(switch_up=one((12,), switch, 0.0, 1.0))
        assert members_kappa(UNIT, down, ALL, "rail", 1.0) == pytest.approx(3 / 4)
    lost = faults(cables_lost=one((8, 4), (leaf, spine), 3.0))
    assert members_kappa(UNIT, lost, ALL, "rail", 1.0) == pytest.approx(15 / 18)
    assert members_kappa(UNIT, lost, ALL, "all-to-all", 1.0) == pytest.approx(15 / 18)


def test_headroom_hides_a_spine_until_usage_fills_what_is_left():
    down = faults(switch_up=one((12,), 8, 0.0, 1.0))
    assert members_kappa(UNIT, down, ALL, "rail", 0.7) == 1.0
    assert members_kappa(UNIT, down, ALL, "rail", 0.9) == pytest.approx(0.75 / 0.9)


def test_a_job_inside_one_leaf_per_rail_is_immune_unless_its_traffic_leaves_the_rail():
    down = faults(switch_up=one((12,), 8, 0.0, 1.0))
    assert members_kappa(UNIT, down, ROW, "rail", 1.0) == 1.0
    assert members_kappa(UNIT, down, ROW, "all-to-all", 1.0) == pytest.approx(3 / 4)
    assert members_kappa(UNIT, down, ROW[:1], "all-to-all", 1.0) == 1.0  # inside NVLink


def test_leaf_and_spine_together():
    both = faults(switch_up=one((12,), [0, 8], 0.0, 1.0))
    assert members_kappa(UNIT, both, ALL, "rail", 1.0) == pytest.approx(3 / 4 * 3 / 4)


def test_all_leaves_of_a_row_or_all_spines_cut_the_job_off():
    assert members_kappa(UNIT, faults(switch_up=one((12,), slice(0, 4), 0.0, 1.0)), ALL, "rail", 1.0) == 0.0
    assert members_kappa(UNIT, faults(trunk_cut=one((2, 4), 0)), ALL, "rail", 1.0) == 0.0


def test_slow_cable_under_equal_cost_routing():
    slow = faults(rate_lost=one((8, 4), (2, 1), 0.25))
    assert members_kappa(UNIT, slow, ALL, "rail", 1.0) == pytest.approx(0.75)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_exchange_factor_lies_between_kappa_and_one(kappa, share):
    factor = exchange_factor(kappa, share)
    assert min(kappa, 1.0) - 1e-12 <= factor <= 1.0
    assert exchange_factor(kappa, 1.0) == pytest.approx(kappa)


def test_crossing_and_utilisation_add_up():
    """What crosses leaves through leaves' uplinks and enters spines: port counts times utilisation agree."""
    crossing = np.zeros(8)
    crossing[ALL] = crossing_fraction(UNIT, ALL, "rail")
    assert crossing == pytest.approx(np.full(8, (144 - 72) / 143))
    demand = np.linspace(1e12, 8e12, 8)
    down = faults(switch_up=one((12,), 9, 0.0, 1.0), nics_lost=one((8, 4), (3, 2), 5.0))
    used = utilization_per_bit_s(UNIT, down, crossing) @ demand
    leaf_bit_s = used[:8].sum() * 144 * 800e9
    spine_bit_s = used[8:].sum() * 144 * 800e9
    assert leaf_bit_s == pytest.approx(float((demand * (1 + crossing)).sum()), rel=1e-12)
    assert spine_bit_s == pytest.approx(float((demand * crossing).sum()), rel=1e-12)
    assert used[9] == 0.0


def test_light_follows_what_is_up():
    nic, up = np.full((8, 4), 10.0), np.full((8, 4), 12.0)
    whole = light_power_w(UNIT, faults(), np.ones(8), nic, up)
    assert whole == pytest.approx(np.concatenate([np.full(8, 72 * 10 + 72 * 12), np.full(4, 144 * 12)]))
    dark = light_power_w(UNIT, faults(), one((8,), 0, 0.0, 1.0), nic, up)  # a rack without power
    assert (whole - dark) == pytest.approx(np.concatenate([np.full(4, 180.0), np.zeros(8)]))


@pytest.mark.parametrize("wrong, says", [
    (dict(rack_group=[0, 2]), "gaps"), (dict(rack_group=[0] * 5), "half the radix"), (dict(rails=200), "leaves"),
])
def test_racks_that_do_not_fit_are_refused(wrong, says):
    given_ = dict(radix=144, rails=4, nics_per_rail=18, rack_group=[0, 1], link_bit_s=800e9)
    with pytest.raises(FabricError, match=says):
        build_rack_fabric(**{**given_, **wrong})
