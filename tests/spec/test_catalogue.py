"""The catalogue: every number has a unit, a source and a tag; modes are declared whole; submittals are recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.catalogue import ROOT, Catalogue, load_catalogue, read_catalogue
from twin.catalogue.item import Value, has_unit, implausible
from twin.catalogue.modes import load_modes, read_modes

GOOD = """name: pump-a
class: pump
label: A pump
values:
  flow_l_min: {value: 100.0, source: "data sheet", tag: primary}
  curve_flow_head_m: {value: [[0, 10.0], [100, 7.5]], source: "data sheet", tag: primary}
  fluid: {value: water, source: "data sheet", tag: primary}
"""


MODES = """class: pump
modes:
  trip:
    port: pump_tripped
    value: 1.0
    description: stops
    rate_per_year: {value: 0.1, source: none found, tag: estimate}
    repair_h: {value: 8.0, source: none found, tag: estimate}
  stuck:
    port: x
    description: stuck
    demand: {mode: pump/tripp, element: the other, example: {element: P1, mode: trip}}
    rate_per_year: {value: 0.1, source: none found, tag: estimate}
    repair_h: {value: 8.0, source: none found}
"""


def write(root: Path, text: str, name: str = "pump/pump-a.yaml") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def found(root: Path) -> list[str]:
    return [str(p) for p in read_catalogue(root)[1]]


def test_every_packaged_number_has_a_source_a_tag_and_a_unit() -> None:
    catalogue, problems = read_catalogue()
    assert problems == []
    assert len(list(ROOT.glob("*/*.yaml"))) > 0
    numbers = [(name, key, v) for name, i in catalogue.items.items() for key, v in i.values.items() if v.is_number]
    assert len(numbers) > 20
    for name, key, value in numbers:
        assert has_unit(key), (name, key)
        assert len(value.source) >= 3 and value.tag, (name, key)


def test_every_packaged_mode_is_whole() -> None:
    modes, problems = read_modes()
    assert problems == []
    for cls, group in modes.items():
        for name, mode in group.items():
            assert mode.written() != (mode.neutral or 0.0), f"{cls}/{name} writes its neutral value: it does nothing"
            assert mode.rate_per_year.value >= 0 and mode.repair_h.value >= 0


def test_a_good_item(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    catalogue, problems = read_catalogue(tmp_path)
    assert problems == []
    item = catalogue.item("pump-a")
    assert item["flow_l_min"] == 100.0 and item.cls == "pump" and item["curve_flow_head_m"][1] == [100, 7.5]
    assert catalogue.of_class("pump") == (item,) and catalogue.of_class("fan") == ()
    with pytest.raises(KeyError, match="did you mean flow_l_min"):
        item["flow_lmin"]
    with pytest.raises(KeyError, match="did you mean pump-a"):
        catalogue.item("pump-b")


@pytest.mark.parametrize(
    ("old", "new", "line", "where"),
    [
        ('source: "data sheet", tag: primary}\n  curve', "tag: primary}\n  curve", 5, "values.flow_l_min.source"),
        ("tag: primary}\n  fluid", "tag: maybe}\n  fluid", 6, "values.curve_flow_head_m.tag"),
        ("flow_l_min:", "flow:", 5, "values.flow"),
        ("flow_l_min: {value: 100.0", "efficiency_fraction: {value: 85.0", 5, "values.efficiency_fraction"),
        ("flow_l_min: {value: 100.0", "supply_c: {value: -400", 5, "values.supply_c"),
        ("name: pump-a", "name: pump-b", 1, "name"),
        ("class: pump", "class: fan", 1, "class"),
        ("label: A pump\n", "", 1, "label"),
    ],
)
def test_a_bad_item_is_named(tmp_path: Path, old: str, new: str, line: int, where: str) -> None:
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new))
    (problem,) = found(tmp_path)
    assert problem.startswith(f"catalogue/pump/pump-a.yaml:{line}: {where}: found "), problem


def test_two_items_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("class: pump", "class: fan"), "fan/pump-a.yaml")
    assert any("'pump-a' again" in p for p in found(tmp_path))


def test_units() -> None:
    for key in ("power_w", "ua_w_k", "cp_j_kg_k", "head_k_w2", "failures_per_year", "a_pa_s2_kg2", "loading_fraction"):
        assert has_unit(key), key
    for key in ("power", "w", "flow_lpm", "efficiency", "power_watts"):
        assert not has_unit(key), key
    assert implausible("cop_ratio", 4.5) == "" and implausible("resistance_k_w", 1e-5) == ""
    assert implausible("temperature_c", 5000.0) != ""


def test_a_replaced_value_keeps_what_it_replaced() -> None:
    catalogue: Catalogue = load_catalogue()
    name = next(iter(catalogue))
    key = next(k for k, v in catalogue.item(name).values.items() if v.is_number)
    old = catalogue.item(name).values[key]
    new = catalogue.with_value(name, key, Value(value=1.0, source="Submittal 12", tag="submittal", revision="B"))
    assert new.item(name)[key] == 1.0 and new.item(name).values[key].replaces == old.value
    assert load_catalogue().item(name).values[key] == old


def test_modes_are_read_by_class(tmp_path: Path) -> None:
    (tmp_path / "pump.yaml").write_text(MODES)
    modes, problems = read_modes(tmp_path)
    assert modes == {} and [(p.line, p.where) for p in problems] == [(14, "modes.stuck.repair_h.tag")]
    text = (tmp_path / "pump.yaml").read_text().replace("found}\n", "found, tag: estimate}\n")
    (tmp_path / "pump.yaml").write_text(text)
    modes, problems = read_modes(tmp_path)
    assert modes["pump"]["trip"].port == "pump_tripped" and modes["pump"]["trip"].written() == 1.0
    assert {(p.where, p.found) for p in problems} == {
        ("modes.stuck", "neither a value nor a parameter"),
        ("modes.stuck.demand.mode", "'pump/tripp'"),
    }


def test_load_modes_is_whole() -> None:
    assert load_modes() == read_modes()[0]
