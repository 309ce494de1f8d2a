"""Static studies of the reference power path: loading, single points of failure, N-1, the printed summary."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from electrical.compiled import compile_model
from electrical.one_line import draw, explain, layout, one_line
from electrical.studies import efficiency_fraction, loading_table, lose, n_minus_1, single_points
from tests.electrical.plant import RACKS, WATTS, Run, catalogue, facility
from twin.spec.power import check_power


@pytest.fixture(scope="module")
def compiled():
    return compile_model(Run().model)


def loads(c, rack_w):
    watts = {**WATTS, "rack": rack_w}
    return np.concatenate([np.full(len(g.ids), watts[g.name]) for g in c.model.groups])


def test_loading_table_balances(compiled):
    load_w = loads(compiled, 142e3)
    table = {r.id: r for r in loading_table(compiled, load_w)}
    assert table["BW_A"].loading_fraction == pytest.approx(284e3 / 500e3, rel=3e-3)
    lost = sum(r.loss_w for r in table.values())
    assert table["UTIL"].demand_w == pytest.approx(load_w.sum() + lost, rel=1e-9)
    assert efficiency_fraction(compiled, load_w) == pytest.approx(load_w.sum() / (load_w.sum() + lost), rel=1e-9)
    # UPS loss by hand at its load
    ups, item = table["UPS_A"], catalogue().item("double-conversion-500kw")
    x = ups.demand_w / item["rated_w"]
    law = item["rated_w"] * (
        item["loss_no_load_fraction"] + item["loss_linear_fraction"] * x + item["loss_quadratic_fraction"] * x * x
    )
    cable = catalogue().item("lv-copper-240mm2")["resistance_ohm_m"] * 25.0 / 3
    amps = (ups.demand_w + law) / item["input_power_factor_ratio"] / (np.sqrt(3) * 415.0)
    assert ups.loss_w == pytest.approx(law + 3 * amps * amps * cable, rel=2e-3)  # voltage a little below nominal


def test_loading_after_a_loss_is_before_any_trip(compiled):
    load_w = loads(compiled, 142e3)
    rows = {r.id: r for r in loading_table(compiled, load_w, ["BW_A", "BW_B"])}
    assert rows["BW_A"].demand_w == 0.0
    assert rows["BW_C"].loading_fraction == pytest.approx(568e3 / 500e3, rel=1e-2)  # overloaded, and still on
    assert sum(rows[b].demand_w for b in ("BW_C", "BW_D")) > 8 * 142e3
    dark = {r.id: r for r in loading_table(compiled, load_w, ["UTIL"])}
    lost = sum(r.loss_w for r in dark.values())
    assert dark["GEN1"].demand_w + dark["GEN2"].demand_w == pytest.approx(load_w.sum() + lost, rel=1e-9)


def test_single_points_by_dominators_and_by_removal(compiled):
    graph = one_line(compiled.model)
    points = single_points(graph)
    assert all(points[rack] == () for rack in RACKS)
    assert points["CH1"] == ("ATS1", "MSB1", "MDB1")
    # independent: remove each element and look for a path from any source
    roots = [n for n in graph if graph.in_degree(n) == 0]
    for load in ("CH1", "H1_LF01", "H1_CDU1_P1", RACKS[0]):
        by_removal = set()
        for node in graph:
            if node == load or graph.nodes[node]["cls"] == "load":
                continue
            rest = graph.copy()
            rest.remove_node(node)
            if not any(r in rest and nx.has_path(rest, r, load) for r in roots):
                by_removal.add(node)
        assert by_removal == set(points[load]), load


def test_n_minus_1_of_every_element(compiled):
    results = {r.lost[0]: r for r in n_minus_1(compiled, loads(compiled, 142e3))}
    assert len(results) == len(compiled.ids)
    assert all(not set(r.dark_loads) & set(RACKS) for r in results.values())
    for id in ("UTIL", "TX1", "GEN1", "MVSG"):
        assert results[id].dark_w == 0.0
    assert results["BW_A"].worst[1] == pytest.approx(4 / 3 * 284 / 500 + 0.02, abs=0.03)
    assert set(results["MDB1"].dark_loads) == {"FWS_P2", "DC2", "DC4", "CH1", "H1_AHU2"}


def test_connectivity_is_not_capacity(compiled):
    """Two busways lost: every rack still has a path, and yet all go dark above the pickup of the trips."""
    graph = one_line(compiled.model)
    rest = graph.copy()
    rest.remove_nodes_from(["BW_A", "BW_B"])
    assert all(nx.has_path(rest, "UTIL", rack) for rack in RACKS)
    heavy = lose(compiled, loads(compiled, 1.10e6 / 8), ["BW_A", "BW_B"])
    assert set(RACKS) <= set(heavy.dark_loads)
    assert [e for e, _, _ in heavy.trips if e.startswith("BW")] and heavy.dark_w >= 1.10e6
    light = lose(compiled, loads(compiled, 1.00e6 / 8), ["BW_A", "BW_B"])
    assert not set(RACKS) & set(light.dark_loads)
    assert {"BW_C", "BW_D"} <= set(light.overloaded)


def test_pictures(compiled):
    graph = one_line(compiled.model)
    text = draw(graph, {"BW_A": "284 kW"})
    assert "BW_A [busway]  284 kW" in text and "(see above)" in text
    places = layout(graph)
    assert set(places) == set(graph)
    assert all(places[a][1] > places[b][1] for a, b in graph.edges)
    assert len(set(places.values())) == len(places)
    paths = explain(graph, RACKS[0])
    assert len(paths) == 12  # four busways, each from the utility and from two generators


def test_summary_is_plain_data():
    import json

    from twin.components.electrical import summarise_power
    from twin.components.electrical_demand import power_groups
    from twin.spec.load import load_facility

    whole = load_facility("gb300-su")
    data = summarise_power(whole)
    json.dumps(data, allow_nan=False)
    assert data["rack_load_w"] == pytest.approx(8 * 142e3)
    assert 0.9 < data["efficiency_fraction"] < 1.0
    assert {r["lost"] for r in data["n_minus_1"]} >= {"UTIL", "UPS_A", "BW_A", "GEN1"}
    assert 0.999 < data["availability"]["rack_feed"] < 1.0
    assert not data["single_points_of_failure"]["rack"]
    # the same demand as the basis of design is checked with; apparent power is called so
    rows = {r["id"]: r for r in data["loading"]}
    groups = {g.system: g for g in power_groups(whole)}
    assert (rows["TX1"]["demand"] + rows["TX2"]["demand"]) / 1e3 == pytest.approx(groups["transformer"].demand)
    assert rows["TX1"]["unit"] == "VA" and rows["UPS_A"]["unit"] == "W"
    assert "TX1 [transformer]  813 kVA, 33 %" in data["one_line"] and "\n    TX1" in data["one_line"]
    # only duty pumps run: losing board 1 takes one pump of CDU1, none of the reserve CDU3
    dark = next(r["dark_loads"] for r in data["n_minus_1"] if r["lost"] == "UP1")
    assert "H1_CDU1_P1" in dark and "H1_CDU3_P1" not in dark and "FWS_CTL" in dark


def problems(**edit):
    return check_power(facility(edit), catalogue())


def test_reference_section_has_no_problem():
    assert problems() == []


def test_every_problem_is_found_at_its_place():
    found = problems(
        BW_A={"fed_by": ["UPS_X"]},
        UPS_B={"type": "no-such-thing"},
        UPS_C={"type": "osfp-800-2xdr4"},
        TX1={"fed_by": []},
        UPS_D={"cable": {"type": "rope", "length_m": 1.0}},
    )
    paths = {path: text for path, text, _, _ in found}
    assert paths[("power", "nodes", "BW_A", "fed_by", 0)] == "'UPS_X'"
    assert ("power", "nodes", "UPS_B", "type") in paths
    assert "optic" in paths[("power", "nodes", "UPS_C", "type")]
    assert paths[("power", "nodes", "TX1", "fed_by")] == "0 sources"
    assert ("power", "nodes", "UPS_D", "cable", "type") in paths


def test_rack_without_a_feed_and_loads_on_nothing():
    of = facility()
    nodes = {k: v for k, v in of.power.nodes.items() if k != f"{RACKS[0]}_WA"}
    of.power = of.power.model_copy(update={"nodes": nodes, "terminals": {"rack": "shelf-8x33kw", "boat": "drive"}})
    of.air.handlers["H1_AHU1"].feed = "MDB9"
    found = check_power(of, catalogue())
    texts = [" ".join((str(path), text, wanted)) for path, text, wanted, _ in found]
    assert any(f"no feed {RACKS[0]}_WA" in t for t in texts)
    assert any("MDB9" in t for t in texts)
    assert any("boat" in t for t in texts) and any("no terminal for ahu" in t for t in texts)


def test_a_loop_of_sources_is_found():
    found = problems(MVSG={"fed_by": ["MSB1"]})
    assert any("cycle" in text for _, text, _, _ in found)
