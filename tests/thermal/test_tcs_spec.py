"""Cross-references of the `tcs` section, and what the builder makes of the catalogue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from tests.thermal.tcs_rig import items, plant, section
from thermal.tcs_layout import CduRow, PumpRow
from twin.components.tcs import tcs_params
from twin.spec.tcs import TcsSection, check_tcs


def _facility(change: Any = None, racks: dict[str, str] | None = None) -> Any:
    raw = section().model_dump()
    if change is not None:
        change(raw)
    loops = racks if racks is not None else {"RK01": "H1_TCS1"}
    return SimpleNamespace(tcs=TcsSection.model_validate(raw), air=SimpleNamespace(rooms={"H1": 1}),
                           racks={name: SimpleNamespace(loop=loop) for name, loop in loops.items()})  # fmt: skip


def _paths(facility: Any) -> list[tuple[str | int, ...]]:
    return [path for path, *_ in check_tcs(facility)]


def test_reference_project_is_sound() -> None:
    assert check_tcs(_facility()) == []


def test_every_broken_reference_is_listed() -> None:
    def break_it(raw: dict[str, Any]) -> None:
        raw["loops"]["H1_TCS1"]["cdu"] = "H1_CDU9"
        raw["loops"]["H1_TCS2"]["room"] = "H7"
        raw["cdus"]["H1_CDU3"]["serves"] = ["H1_TCS8"]
        raw["cdus"]["H1_CDU3"]["pumps"] = {}

    assert set(_paths(_facility(break_it, {"RK01": "H1_TCS1", "RK02": "H1_TCS5"}))) == {
        ("racks", "RK02", "loop"), ("tcs", "loops", "H1_TCS1", "cdu"), ("tcs", "loops", "H1_TCS2", "room"),
        ("tcs", "cdus", "H1_CDU3", "serves", 0), ("tcs", "cdus", "H1_CDU3", "pumps"),
    }  # fmt: skip


def test_two_loops_cannot_share_their_own_cdu() -> None:
    def share(raw: dict[str, Any]) -> None:
        raw["loops"]["H1_TCS2"]["cdu"] = "H1_CDU1"
        raw["cdus"]["H1_CDU1"]["serves"] = ["H1_TCS1", "H1_TCS2"]

    assert _paths(_facility(share)) == [("tcs", "loops", "H1_TCS2", "cdu")]


def test_racks_without_a_technology_side() -> None:
    assert _paths(SimpleNamespace(tcs=None, air=None, racks={"RK01": SimpleNamespace(loop="X")})) == [("tcs",)]


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="suply_c"):
        TcsSection.model_validate({**section().model_dump(), "control": {"suply_c": 40.0}})


def test_every_item_of_the_section_is_in_the_catalogue_with_its_sources() -> None:
    used = {section().coolant, section().primary_coolant, section().cold_plates}
    used |= {c.type for c in section().cdus.values()} | {n.type for n in section().loops.values()}
    used |= {p.type for c in section().cdus.values() for p in c.pumps.values()}
    for name in (*used, "deschutes-gen5", "cdu-pump-30kw", "oam-1kw", "water"):
        assert all(v.source and v.tag for v in items().item(name).values.values()), name


def test_builder_sizes_pumps_and_exchangers() -> None:
    params = tcs_params(plant())
    model = params.model
    assert 1.0e5 < model.cdu[CduRow.UA_W_K, 0] < 3.0e5
    rated_pa = model.pump[PumpRow.HEAD_PA] - model.pump[PumpRow.CURVE_PA_S2_KG2] * model.pump[PumpRow.RATED_KG_S] ** 2
    assert rated_pa == pytest.approx([250e3] * 6)
    assert ((params.speed_design_fraction > 0.8) & (params.speed_design_fraction < 0.95)).all()
    # shaft power holds the hydraulic power of the rated point at an efficiency a pump can have
    efficiency = rated_pa * model.pump[PumpRow.RATED_KG_S] / 1014.3 / model.pump[PumpRow.SHAFT_W]
    assert ((efficiency > 0.5) & (efficiency < 0.8)).all()
