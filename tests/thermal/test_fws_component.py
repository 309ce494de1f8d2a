"""The weather, fws and air components: contract, ledger, events with causes, saved state."""

from __future__ import annotations

import numpy as np
import pytest
from plant_rig import Rig, make

from twin.contract import NEVER, SECOND, Component
from twin.errors import SpecError


def test_components_fulfil_the_protocol():
    components, _ = make()
    assert all(isinstance(c, Component) for c in components)


def test_ledger_over_hot_hours_and_every_exchange():
    rig = Rig(*make())
    stored = rig.stored_j()
    rig.run(0, 3600)
    rig.run(12 * 3600, 13 * 3600)
    assert abs(rig.residual(stored)) < 1e-9
    zero = [k for k, x in rig.joules.items() if x == 0.0]
    assert sorted(zero) == ["fws/reused_j", "fws/tower_rejected_j"]


def test_a_wet_variant_takes_water_and_books_it_apart():
    def wet(fws, air):
        for entry in fws["heat_rejection"].values():
            entry["type"] = "closed-wet-tower-290"

    rig = Rig(*make(patch=wet))
    stored = rig.stored_j()
    rig.run(13 * 3600, 14 * 3600)
    assert abs(rig.residual(stored)) < 1e-9
    assert rig.joules["fws/tower_rejected_j"] > 0.8 * 1000e3 * 3600 and rig.joules["fws/dry_cooler_rejected_j"] == 0.0
    assert rig.values["water_l_s"][0] > 0.1


def test_trip_has_its_cause_and_the_standby_names_it():
    rig = Rig(*make())
    rig.run(0, 60)
    rig.set("fws_pump_tripped", 0, 1.0, "FAULT")
    rig.run(60, 80, 0.1)
    kinds = [(e.element, e.kind, e.causes) for e in rig.events]
    assert ("FWS_P1", "pump-trip", ("FAULT",)) in kinds
    start = next(e for e in rig.events if e.element == "FWS_P3" and e.kind == "pump-start")
    assert any("FWS_P1/pump-trip" in c for c in start.causes)
    assert start.t - 60 * SECOND <= 4 * SECOND
    assert rig.values["fws_pump_power_w"][0] == 0.0 and rig.values["fws_pump_power_w"][2] > 500.0


def test_power_loss_and_return():
    rig = Rig(*make())
    rig.run(13 * 3600, 13.5 * 3600)
    for port in ("fws_pump_powered", "fan_powered", "chiller_powered", "ahu_powered"):
        for k in range(len(rig.values[port])):
            rig.set(port, k, 0.0, f"LOST-{port}")
    rig.run(13.5 * 3600, 13.5 * 3600 + 12, 0.1)
    for port in ("fws_pump_power_w", "fan_power_w", "chiller_power_w", "ahu_power_w"):
        assert np.all(rig.values[port] == 0.0)
    for port in ("fws_pump_powered", "fan_powered", "chiller_powered", "ahu_powered"):
        for k in range(len(rig.values[port])):
            rig.set(port, k, 1.0, f"BACK-{port}")
    rig.run(13.5 * 3600 + 12, 13.5 * 3600 + 60)
    assert rig.values["fws_flow_kg_s"][0] > 20.0 and np.all(rig.values["fan_power_w"] > 0.0)
    assert rig.values["chiller_power_w"][0] < 1000.0
    rig.run(13.5 * 3600 + 60, 14.2 * 3600)
    assert rig.values["chiller_power_w"][0] > 5000.0
    start = [e for e in rig.events if e.kind == "chiller-start"][-1]
    assert any(c.startswith("BACK") for c in start.causes) and start.t >= (13.5 * 3600 + 12 + 300) * SECOND


def test_it_asks_for_short_steps_only_while_pumps_move():
    components, plant = make()
    fws = components[1]
    rig = Rig(components, plant)
    rig.run(0, 300)
    assert fws.next_due() == NEVER
    rig.set("fws_pump_tripped", 1, 1.0)
    rig.step(300 * SECOND, 300 * SECOND + 100_000)
    assert fws.next_due() == 300 * SECOND + 200_000


def test_saved_state_continues_bit_for_bit():
    first = Rig(*make())
    first.run(12 * 3600, 12 * 3600 + 900)
    second = Rig(*make())
    for a, b in zip(first.components, second.components, strict=True):
        b.load(a.save())
    second.values.update({k: v.copy() for k, v in first.values.items()})
    for rig in (first, second):
        rig.joules.clear()
        rig.set("dry_cooler_fan_fraction", 1, 0.0)
        rig.run(12 * 3600 + 900, 12 * 3600 + 1200)
    assert first.joules == second.joules
    for name, value in first.values.items():
        assert np.array_equal(value, second.values[name]), name


def test_rewind_is_exact():
    components, plant = make()
    rig = Rig(components, plant)
    rig.run(12 * 3600, 12 * 3600 + 60)
    t = (12 * 3600 + 60) * SECOND
    marks = [c.mark() for c in components]
    values = dict(rig.values)
    once = [components[k].advance(t, t + SECOND, rig.inputs).outputs for k in range(3)]
    for c, m in zip(components, marks, strict=True):
        c.rewind(m)
    rig.values.update(values)
    again = [components[k].advance(t, t + SECOND, rig.inputs).outputs for k in range(3)]
    for a, b in zip(once, again, strict=True):
        assert all(np.array_equal(a[k], b[k]) for k in a)


def test_reference_solver_gives_the_same_hour():
    fast, slow = Rig(*make("fast")), Rig(*make("reference"))
    for rig in (fast, slow):
        rig.run(14 * 3600, 14 * 3600 + 300)
    for port in ("fws_supply_c", "fws_return_c", "room_c"):
        assert np.abs(fast.values[port] - slow.values[port]).max() < 1e-3
    assert slow.joules["fws/dry_cooler_rejected_j"] == pytest.approx(fast.joules["fws/dry_cooler_rejected_j"], rel=1e-5)


def test_exchange_of_10_ms_changes_little():
    coarse, fine = Rig(*make()), Rig(*make())
    coarse.run(13 * 3600, 13 * 3600 + 60)
    fine.run(13 * 3600, 13 * 3600 + 60, 0.01)
    assert fine.values["fws_supply_c"][0] == pytest.approx(coarse.values["fws_supply_c"][0], abs=1e-3)
    assert fine.joules["fws/fan_j"] == pytest.approx(coarse.joules["fws/fan_j"], rel=1e-4)


def test_weather_interpolates_and_follows_a_condition():
    components, plant = make()
    weather = components[0]
    rig = Rig([weather], plant)
    rig.values["cdu_primary_heat_w"] = np.zeros(3)
    out = weather.advance(14 * 3600 * SECOND, 14 * 3600 * SECOND + 1, rig.inputs).outputs
    assert out["outdoor_drybulb_c"][0] == pytest.approx(35.6, abs=1e-6)
    half = weather.advance(round(7.5 * 3600) * SECOND, round(7.5 * 3600) * SECOND + 1, rig.inputs).outputs
    table = weather.table.drybulb_c
    assert half["outdoor_drybulb_c"][0] == pytest.approx(0.5 * (table[7] + table[8]), abs=1e-6)
    early = weather.advance(-3600 * SECOND, -3599 * SECOND, rig.inputs).outputs
    assert early["outdoor_drybulb_c"][0] == table[0]
    rig.set("outdoor_offset_k", 0, 10.0)
    warm = weather.advance(14 * 3600 * SECOND, 14 * 3600 * SECOND + 1, rig.inputs).outputs
    assert warm["outdoor_drybulb_c"][0] == pytest.approx(45.6, abs=1e-6)
    assert out["outdoor_wetbulb_c"][0] < warm["outdoor_wetbulb_c"][0] < out["outdoor_wetbulb_c"][0] + 10.0


def test_missing_weather_is_a_spec_error(tmp_path):
    with pytest.raises(SpecError, match="does not exist"):
        make(weather=str(tmp_path / "none.epw"))


def test_drivers_name_known_ports():
    components, plant = make()
    known = {p.name: len(plant.axes[p.axis]) for c in components for p in (*c.inputs, *c.outputs)}
    for component in components:
        for port in component.outputs:
            if port.kind != "mode":
                for name, index in component.drivers(port.name, 0):
                    assert index < known[name], (port.name, name)
