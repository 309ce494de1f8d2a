"""Places of a hall: nothing overlaps, rows face each other, sizes come from the catalogue."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tests.usd_export.synthetic import AXES, CATALOGUE, FACILITY
from usd_export.inventory import Inventory, read_inventory
from usd_export.layout import build_layout
from usd_export.legend import LEGENDS, colors_rgb
from usd_export.mesh import box, cylinder, join
from usd_export.places import Unit
from usd_export.results_layer import frames


def footprint(unit: Unit) -> tuple[float, float, float, float, float, float]:
    w, d, h = unit.size
    if unit.yaw_deg in (90.0, 270.0):
        w, d = d, w
    x, y, z = unit.position
    return x - w / 2, x + w / 2, y - d / 2, y + d / 2, z, z + h


def overlap(a: Unit, b: Unit) -> bool:
    fa, fb = footprint(a), footprint(b)
    return all(fa[k] < fb[k + 1] - 1e-9 and fb[k] < fa[k + 1] - 1e-9 for k in (0, 2, 4))


def big() -> Inventory:
    racks = [f"H1_R{r:02d}_RK{k:02d}" for r in range(1, 9) for k in range(1, 17)]
    axes = {a: tuple(m) for a, m in AXES.items()} | {
        "rack": tuple(racks),
        "cdu": tuple(f"H1_CDU{k:02d}" for k in range(1, 11)),
        "cdu_pump": tuple(f"H1_CDU{k:02d}_P{p}" for k in range(1, 11) for p in (1, 2)),
        "dry_cooler": tuple(f"DC{k}" for k in range(1, 25)),
        "ahu": tuple(f"H1_AHU{k}" for k in range(1, 13)),
        "switch": tuple(f"H1_LF{k:03d}" for k in range(1, 101)),
    }
    return Inventory(axes)


@pytest.mark.parametrize("inventory", [read_inventory(FACILITY, CATALOGUE, AXES), big()], ids=["small", "big"])
def test_nothing_stands_in_anything_else(inventory: Inventory) -> None:
    units = [u for u in build_layout(inventory).units if u.axis != "switch"]  # switches stand inside their cabinets
    assert [(a.id, b.id) for a, b in combinations(units, 2) if overlap(a, b)] == []


def test_rows_face_each_other_and_sizes_are_the_catalogues() -> None:
    units = {u.id: u for u in build_layout(read_inventory(FACILITY, CATALOGUE, AXES)).units}
    one, two = units["H1_R01_RK01"], units["H1_R02_RK01"]
    assert one.size == (0.6, 1.068, 2.236)
    front = {0.0: -1.0, 180.0: 1.0}
    assert front[one.yaw_deg] == np.sign(two.position[1] - one.position[1]) == -front[two.yaw_deg]


def test_each_loop_pipes_its_own_racks() -> None:
    lines = {ln.name: ln for ln in build_layout(read_inventory(FACILITY, CATALOGUE, AXES)).lines}
    for loop in AXES["loop"]:
        for side in ("Supply", "Return"):
            assert len(lines[f"{loop}_{side}"].polylines) == 5  # a main and four drops
    assert {f"BW_{x}_Busway" for x in "ABCD"} <= set(lines)
    assert all(len(lines[f"BW_{x}_Whips"].polylines) == 8 for x in "ABCD")


def test_whips_of_their_own_where_the_facility_names_them() -> None:
    whips = [f"{rack}_{x}" for rack in AXES["rack"] for x in "ABCD"]
    axes = AXES | {"power_node": [*AXES["power_node"], *whips]}
    facility = {**FACILITY, "whips": {w: {"type": "whip-63a", "fed_by": [f"BW_{w[-1]}"]} for w in whips}}
    inventory = read_inventory(facility, CATALOGUE, axes)
    layout = build_layout(inventory)
    drops = {ln.name: ln for ln in layout.lines if ln.group == "interactive_whips"}
    assert sorted(drops) == sorted(f"{w}_Whip" for w in whips)
    assert all(ln.element == name.removesuffix("_Whip") for name, ln in drops.items())
    assert not {u.id for u in layout.units} & set(whips)


def test_equipment_stands_in_its_own_room() -> None:
    handlers = {"ER1_AHU1": {"room": "ER1"}, "ER1_AHU2": {"room": "ER1"}, "H1_AHU1": {"room": "H1"}}
    axes = AXES | {"ahu": list(handlers)}
    layout = build_layout(read_inventory({**FACILITY, "air": {"handlers": handlers}}, CATALOGUE, axes))
    floors = {s.element: s for s in layout.slabs if s.element}
    for unit in (u for u in layout.units if u.axis == "ahu"):
        floor = floors[handlers[unit.id]["room"]]
        for k in (0, 1):
            assert abs(unit.position[k] - floor.base[k]) < floor.size[k] / 2


def test_feeds_become_cables() -> None:
    inventory = read_inventory(FACILITY, CATALOGUE, AXES)
    assert ("UPS_A", "BW_A") in inventory.feeds
    names = {ln.name for ln in build_layout(inventory).lines}
    assert {"Cable_TX1_MSB1", "Cable_MSB1_UPS_C", "Cable_UPS_D_BW_D"} <= names


def test_legend_stops_clamp_and_special_colours() -> None:
    legend = {ln.name: ln for ln in LEGENDS}
    power = legend["Legend_RackPower"]
    np.testing.assert_allclose(
        colors_rgb([0.0, 75.0, 150.0, 150.1], power),
        [(0.337, 0.337, 0.337), (1.0, 0.5, 0.5), (1.0, 0.0, 0.0), (0.50, 0.28, 0.61)],
        atol=1e-7,
    )
    chip = legend["Legend_ChipTemperature"]
    np.testing.assert_allclose(colors_rgb([-40.0], chip)[0], chip.colors[0], atol=1e-7)
    np.testing.assert_allclose(colors_rgb([200.0], chip)[0], chip.colors[-1], atol=1e-7)
    middle = (np.array(chip.colors[1]) + np.array(chip.colors[2])) / 2
    np.testing.assert_allclose(colors_rgb([60.0], chip)[0], middle, atol=1e-7)


def test_meshes_are_closed_and_face_outwards() -> None:
    """The divergence theorem gives the volume only when every face is wound outwards."""
    for solid, volume in ((box((1.0, 2.0, 3.0)), 6.0), (cylinder(1.0, 2.0, sides=400), 2 * np.pi)):
        total, at = 0.0, 0
        for count in solid.counts:
            p = solid.points[solid.indices[at : at + count]].astype(float)
            for k in range(1, count - 1):
                total += np.dot(p[0], np.cross(p[k], p[k + 1])) / 6
                cross = np.cross(p[k] - p[0], p[k + 1] - p[0])
                assert np.dot(cross, solid.normals[at]) > 0
            at += count
        assert total == pytest.approx(volume, rel=1e-3)
    both = join([box((1, 1, 1)), box((1, 1, 1), (5.0, 0.0, 0.0))])
    assert len(both.points) == 16 and both.indices.max() == 15


def test_frames_keep_the_ends() -> None:
    kept = frames(1440, important=[777, 778])
    assert len(kept) <= 96 and kept[0] == 0 and kept[-1] == 1439 and {777, 778} <= set(kept.tolist())


def test_axes_are_needed() -> None:
    with pytest.raises(ValueError, match="axes: found none"):
        read_inventory(FACILITY, CATALOGUE)
