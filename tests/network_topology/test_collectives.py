"""Bus bandwidth against published measurements (tests/truth/network.json)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network_topology.collectives import (
    Domains,
    all_reduce_busbw_byte_s,
    bus_factor,
    busbw_from_curve_byte_s,
    collective_time_s,
    expected_all_reduce_busbw_byte_s,
    fit_start_and_bandwidth,
)
from network_topology.spec import FabricError

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "network.json").read_text())["busbw_gb_s"]
NODE_TOLERANCE = 0.10  # one and two nodes
RACK_TOLERANCE = 0.05  # the curve of one rack
NIC = 48.5e9  # 400 Gb/s at 97 %
H100, B200 = 480e9, 840e9  # NVLS bus bandwidth inside one domain
GIB = 2.0**30
SIZES = GIB * np.array([0.5, 1, 2, 4, 8])


@pytest.mark.parametrize("measured, job", [
    (TRUTH["h100_8_nvls"]["values"][-1], Domains(1, 8, NIC, H100)),
    (TRUTH["h200_8_nvls"]["values"][-1], Domains(1, 8, NIC, H100)),
    (TRUTH["h100_2_nodes_8gib"]["value"], Domains(2, 8, NIC, H100)),
    (TRUTH["b200_2_nodes_8gib"]["value"], Domains(2, 8, NIC, B200)),
])
def test_one_and_two_nodes(measured, job):
    assert expected_all_reduce_busbw_byte_s(job) / 1e9 == pytest.approx(measured, rel=NODE_TOLERANCE)


def test_four_nodes_stay_below_the_flat_ring():
    bound = expected_all_reduce_busbw_byte_s(Domains(4, 8, NIC, H100)) / 1e9
    assert bound == pytest.approx(388.0)
    assert 0.8 < TRUTH["h100_4_nodes_roce"]["value"] / bound < 1.0


def test_rack_curve_fitted_on_three_sizes_predicts_the_others():
    measured = np.array(TRUTH["gb200_1_rack"]["values"]) * 1e9
    factor = bus_factor("all-reduce", 72)
    alpha, busbw = fit_start_and_bandwidth(SIZES[[0, 2, 4]], measured[[0, 2, 4]], factor)
    for i in (1, 3):
        predicted = SIZES[i] * factor / collective_time_s(SIZES[i], factor, alpha, busbw)
        assert predicted == pytest.approx(measured[i], rel=RACK_TOLERANCE)


@pytest.mark.parametrize("name, ranks, alpha_us, busbw_gb_s, worst", [
    ("gb200_1_rack", 72, 606, 866, 0.028), ("gb200_20_racks", 1440, 4643, 423, 0.013),
])
def test_fits_of_whole_curves(name, ranks, alpha_us, busbw_gb_s, worst):
    measured = np.array(TRUTH[name]["values"]) * 1e9
    factor = bus_factor("all-reduce", ranks)
    alpha, busbw = fit_start_and_bandwidth(SIZES, measured, factor)
    assert alpha * 1e6 == pytest.approx(alpha_us, rel=0.02)
    assert busbw / 1e9 == pytest.approx(busbw_gb_s, rel=0.01)
    predicted = np.array([s * factor / collective_time_s(s, factor, alpha, busbw) for s in SIZES])
    assert np.max(np.abs(predicted / measured - 1.0)) <= worst + 0.0005


def test_twenty_racks_lie_far_below_the_bandwidth_bound():
    bound = all_reduce_busbw_byte_s(Domains(20, 72, NIC, B200), "nvls-tree") / 1e9
    assert bound / TRUTH["gb200_20_racks"]["values"][-1] == pytest.approx(2.2, abs=0.05)


def test_measured_curve_is_met_at_its_points():
    sizes = np.array([2.0**n for n in range(20, 34)])
    values = np.array(TRUTH["h100_8_nvls"]["values"])
    for size, value in zip(sizes, values, strict=True):
        assert busbw_from_curve_byte_s(size, sizes, values) == pytest.approx(value, rel=1e-12)
    assert values[0] < busbw_from_curve_byte_s(1.5 * sizes[0], sizes, values) < values[1]


@given(st.integers(2, 2000))
def test_all_reduce_is_reduce_scatter_and_all_gather(ranks):
    both = bus_factor("reduce-scatter", ranks) + bus_factor("all-gather", ranks)
    assert bus_factor("all-reduce", ranks) == pytest.approx(both, rel=1e-12)


@given(st.integers(2, 100), st.integers(1, 72))
def test_no_algorithm_beats_in_network_reduction(domains, nics):
    job = Domains(domains, nics, NIC, 1e15)
    best = all_reduce_busbw_byte_s(job, "in-network")
    for algorithm in ("hierarchical", "flat-ring", "tree", "nvls-tree"):
        assert all_reduce_busbw_byte_s(job, algorithm) <= best * (1 + 1e-12)


def test_unknown_names_are_refused():
    with pytest.raises(FabricError, match="all-reduce"):
        bus_factor("gossip", 8)
    with pytest.raises(FabricError, match="nvls-tree"):
        all_reduce_busbw_byte_s(Domains(2, 8, NIC, H100), "star")
