"""The static summary, the section's cross-references, cable lengths."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from network_topology.cables import Medium, choose_medium, route_length_m, stock_length_m
from network_topology.spec import FabricError
from twin.catalogue import read_catalogue
from twin.components.network import summarise_fabric
from twin.spec.fabric import Layout, check_fabric

from .plant import RACKS, reference_facility

CATALOGUE = read_catalogue()[0]


def test_reference_scalable_unit():
    data = summarise_fabric(reference_facility(), CATALOGUE)
    counts = data["counts"]
    assert (counts["gpus"], counts["leaf_switches"], counts["spine_switches"]) == (576, 8, 4)
    assert counts["leaf_spine_cables"] == counts["nic_cables"] == 576
    assert data["bisection"] == {"halves": "first half of the leaves to the others", "links": 288.0,
                                 "tbit_s": pytest.approx(230.4), "share_of_full_fraction": 1.0}
    assert data["oversubscription_ratio"] == 1.0
    number = {row["item"]: row["number"] for row in data["bill_of_materials"]}
    # 12 switches x 144 ports, two ports to an optic; one optic at each NIC; one fibre a cable
    assert number == {"q3400-ra": 12, "connectx-8": 576, "osfp-1600-2xdr4": 864, "osfp-800-dr4": 576,
                      "smf-mpo12": 1152}
    assert sum(row["number"] for row in data["cables"]) == 1152
    assert data["power"]["optics_w"] == pytest.approx(864 * 25.0)
    assert data["power"]["idle_w"] == pytest.approx(12 * 1400 + 864 * 25.0)
    rows = {row["element"]: row for row in data["single_losses"]}
    assert rows["spine"]["worst_cable_load_ratio"] == pytest.approx(4 / 3)
    assert rows["spine"]["training_bandwidth_fraction"] == pytest.approx(3 / 4)
    assert rows["leaf-spine"]["worst_cable_load_ratio"] == pytest.approx(18 / 17)
    assert (rows["leaf"]["gpus_without_link"], rows["leaf"]["stops_the_job"]) == (72, True)
    assert rows["leaf"]["training_bandwidth_fraction"] == 0.75
    assert rows["endpoint"]["training_bandwidth_fraction"] == pytest.approx(71 / 72)
    json.dumps(data, allow_nan=False)


def test_racks_beside_their_switches_take_copper():
    near = reference_facility(layout=Layout(rack_pitch_m=0.1, row_pitch_m=0.1, rise_and_drop_m=1.0))
    data = summarise_fabric(near, CATALOGUE)
    assert {row["medium"] for row in data["cables"]} == {"dac"}
    assert data["power"]["optics_w"] == 0.0
    assert "osfp-1600-2xdr4" not in {row["item"] for row in data["bill_of_materials"]}


def test_reference_section_has_no_finding():
    assert check_fabric(reference_facility(), CATALOGUE) == []


def test_every_wrong_reference_is_found():
    whole = reference_facility().fabric
    racks = dict.fromkeys(RACKS)

    def found(**changes):
        facility = SimpleNamespace(fabric=whole.model_copy(update=changes), racks=racks)
        return {".".join(map(str, path)): found for path, found, _, _ in check_fabric(facility, CATALOGUE)}

    groups = {"A": (*RACKS[:4], "RK99"), "B": (*RACKS[3:7],)}
    assert found(leaf_groups=groups) == {
        "fabric.leaf_groups.A.4": "RK99", "fabric.leaf_groups.B.0": RACKS[3],
        "fabric.leaf_groups": f"no group with rack {RACKS[7]}", "fabric.leaf_groups.A": "90 NICs on one rail",
    }
    assert found(rails=3) == {"fabric.leaves": "8 leaves", "fabric.spines": "4 spines"}
    assert found(nic="connectx-9", copper=("dac", "rope")) == {"fabric.nic": "'connectx-9'",
                                                                "fabric.copper.1": "'rope'"}
    three = dict(list(whole.spines.items())[:3])
    assert found(spines=three) == {"fabric.spines": "3 spines"}


def test_lengths_and_media():
    assert route_length_m(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([2.0, 0.0]), 4.0) == pytest.approx([6.6, 6.6])
    assert stock_length_m(np.array([0.2, 5.0, 6.6])).tolist() == [0.5, 5.0, 7.0]
    media = [Medium("fibre", 500, 12.5), Medium("dac", 2, 0.0), Medium("acc", 5, 1.5)]
    assert [choose_medium(x, media).name for x in (2.0, 2.1, 5.1)] == ["dac", "acc", "fibre"]
    with pytest.raises(FabricError, match="reach"):
        choose_medium(501.0, media)
    with pytest.raises(FabricError, match="stock"):
        stock_length_m(np.array([5000.0]))
