"""The technology side as a component: working point, faults and their causes, books, snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from tests.thermal.tcs_rig import Rig, control, section
from twin.contract import SECOND, Component, Event
from twin.errors import SolverError

LEDGER = 1e-9


def _rig(seconds: float = 300.0, **options: object) -> Rig:
    rig = Rig(**options)  # type: ignore[arg-type]
    rig.run(seconds)
    return rig


def _balanced(rig: Rig, stored_before: float, into_before: float, out_before: float) -> float:
    """Residual of the component's heat books since then, over what came in."""
    into, out = rig.into_j - into_before, rig.out_j - out_before
    return abs(into - out - (rig.stored() - stored_before)) / into


def test_obeys_the_contract() -> None:
    assert isinstance(Rig().tcs, Component)


def test_working_point_of_full_training() -> None:
    rig = _rig(900.0)
    v = rig.values
    assert np.allclose(v["tcs_supply_c"], 40.0, atol=0.02)
    assert np.allclose(v["loop_flow_kg_s"], 10.8, rtol=1e-3)
    assert np.all((v["chip_c"] > 66.0) & (v["chip_c"] < 76.0))
    spread = v["chip_hottest_c"] - v["chip_c"]
    assert np.all((spread > 3.0) & (spread < 5.0))
    litres_per_min_per_kw = v["rack_flow_kg_s"] / 1014.3 * 60_000.0 / (100.0 + 0.7)  # liquid heat of a rack in kW
    assert np.all((litres_per_min_per_kw > 1.3) & (litres_per_min_per_kw < 1.65))
    assert rig.kinds() == ["H1_TCS1/line-up", "H1_TCS2/line-up"]


def test_halved_flow_at_fixed_heat_doubles_the_rise() -> None:
    """Every rack valve closed until half the flow runs at the same pressure; the liquid heat is the same."""
    full, half = _rig(900.0), Rig(tcs=control(low_flow_fraction=0.2))
    for i in range(8):
        half.set("rack_valve_opening_fraction", i, (0.15 * 0.5 + 0.85 * 0.25) ** 0.5)
    half.run(900.0)
    assert np.allclose(half.values["rack_flow_kg_s"], 0.5 * full.values["rack_flow_kg_s"], rtol=1e-3)
    rise, doubled = (r.values["rack_return_c"] - r.values["rack_supply_c"] for r in (full, half))
    assert np.allclose(doubled / rise, 2.0, rtol=0.02)
    assert half.values["chip_c"].max() < 87.0


def test_pump_trip_is_a_dip() -> None:
    rig = _rig()
    rig.set("cdu_pump_tripped", 0, 1.0, "root/trip")
    seen: list[tuple[float, float]] = []
    rig.run(60.0, lambda r: seen.append((r.values["loop_flow_kg_s"][0], r.values["chip_hottest_c"].max())))
    lowest, hottest = zip(*seen, strict=True)
    assert min(lowest) < 0.7 * 10.8 and lowest[-1] == pytest.approx(10.8, rel=1e-3)
    assert 0.3 < max(hottest) - hottest[-1] < 6.0
    kinds = rig.kinds(299 * SECOND)
    assert kinds[0] == "H1_CDU1_P1/pump-lost" and "H1_CDU1_P2/standby-start" in kinds
    assert "H1_TCS1/changeover-start" not in kinds


def test_causes_run_back_to_the_root() -> None:
    """Standby fails as well: every event of the chain has causes or a signal whose drivers lead back."""
    rig = _rig()
    known = {f"{e.t / SECOND:.6f}/{e.element}/{e.kind}": e for e in rig.events}
    rig.set("cdu_pump_tripped", 0, 1.0, "root/trip")
    rig.set("cdu_pump_start_blocked", 1, 1.0, "root/blocked")
    rig.run(180.0)
    new = {f"{e.t / SECOND:.6f}/{e.element}/{e.kind}": e for e in rig.events if e.t >= 300 * SECOND}
    kinds = [e.kind for e in new.values()]
    assert [k for k in kinds if k in ("pump-lost", "standby-failed-to-start", "changeover-start", "changeover")] == [
        "pump-lost", "standby-failed-to-start", "changeover-start", "changeover"]  # fmt: skip
    assert {"low-flow", "flow-restored", "supply-temperature-high"} <= set(kinds)
    start = next(e for e in new.values() if e.kind == "low-flow")
    change = next(e for e in new.values() if e.kind == "changeover-start")
    assert change.t - start.t == 60 * SECOND
    assert rig.values["cdu_of_loop"].tolist() == [2.0, 1.0]
    assert rig.values["tcs_supply_c"][0] == pytest.approx(40.0, abs=0.5)
    for event in new.values():
        assert _roots(event, {**known, **new}, rig) >= {"root/trip"}, event.kind


def _roots(event: Event, events: dict[str, Event], rig: Rig) -> set[str]:
    """Root causes of an event through its causes and through the drivers of its signals (as modes stood then)."""
    found, todo, seen = set(), [event], set()
    while todo:
        one = todo.pop()
        causes = [c for c in one.causes if c]
        if not causes and one.via:
            causes = [id for id, e in events.items() if e.t <= one.t and e is not one
                      and any(_reaches(rig, via, s[:2]) for via in one.via for s in e.sets)]  # fmt: skip
        for cause in causes:
            if cause.startswith("root"):
                found.add(cause)
            elif cause not in seen and cause in events:
                seen.add(cause)
                todo.append(events[cause])
    return found


def _reaches(rig: Rig, via: tuple[str, int], mode: tuple[str, int]) -> bool:
    was = rig.tcs.memory.cdu_of_loop.copy()
    rig.tcs.memory.cdu_of_loop[:] = [0, 1]  # the lines as they stood before the changeover
    hit = mode in set(rig.tcs.drivers(*via))
    rig.tcs.memory.cdu_of_loop[:] = was
    return hit


def test_cdu_loss_is_taken_by_the_reserve_at_once() -> None:
    rig = _rig()
    rig.set("cdu_failed", 0, 1.0, "root/cdu")
    hottest: list[float] = []
    rig.run(120.0, lambda r: hottest.append(float(r.values["chip_hottest_c"].max())))
    assert rig.values["cdu_of_loop"].tolist() == [2.0, 1.0]
    assert max(hottest) < 80.0 and hottest[-1] == pytest.approx(hottest[0], abs=1.0)
    change = next(e for e in rig.events if e.kind == "changeover")
    assert change.t == 305 * SECOND


def test_without_a_reserve_the_loop_runs_hot() -> None:
    bare = section().model_dump()
    bare["cdus"].pop("H1_CDU3")
    rig = _rig(tcs=type(section()).model_validate(bare))
    rig.set("cdu_failed", 0, 1.0, "root/cdu")
    rig.run(60.0)
    assert rig.kinds(299 * SECOND).count("H1_TCS1/no-reserve-cdu") == 1
    assert rig.values["chip_c"][:4].min() > 95.0 and rig.values["chip_c"][4:].max() < 76.0
    rig.set("cdu_failed", 0, 0.0, "root/repair")
    rig.heat(20e3, 4e3, 3e3, 8e3)
    rig.run(240.0)
    assert "H1_CDU1_P1/pump-restart" in rig.kinds(360 * SECOND - 1)
    assert rig.values["loop_flow_kg_s"][0] == pytest.approx(10.8, rel=1e-2)


def test_second_cdu_loss_finds_no_reserve() -> None:
    rig = _rig()
    rig.set("cdu_failed", 0, 1.0)
    rig.run(30.0)
    rig.set("cdu_failed", 1, 1.0)
    rig.run(30.0)
    assert rig.values["cdu_of_loop"].tolist() == [2.0, 1.0]
    assert "H1_TCS2/no-reserve-cdu" in rig.kinds()


def test_leak_is_seen_and_the_rack_isolated() -> None:
    rig = _rig()
    rig.set("rack_leak_kg_s", 2, 0.2, "root/leak")
    rig.run(25.0)
    assert rig.values["loop_coolant_kg"][0] == pytest.approx(60.0 - 0.2 * 25.0, abs=0.01)
    rig.run(15.0)
    assert rig.values["rack_isolated"][2] == 1.0 and rig.values["rack_isolation_request"][2] == 1.0
    assert rig.values["rack_flow_kg_s"][2] == 0.0 and rig.values["rack_flow_kg_s"][1] == pytest.approx(2.7, rel=0.01)
    event = next(e for e in rig.events if e.kind == "leak-isolation")
    assert event.t == 330 * SECOND and event.causes == ("310.000000/H1_R01_RK03/leak-detected",)
    rig.set("rack_leak_kg_s", 2, 0.0, "root/repair")
    rig.run(30.0)
    assert rig.values["rack_isolation_request"][2] == 0.0
    assert rig.values["rack_flow_kg_s"][2] == pytest.approx(2.7, rel=0.01)


def test_leak_nobody_sees_draws_gas() -> None:
    rig = _rig()
    rig.set("rack_leak_kg_s", 2, 0.4)
    rig.set("rack_leak_detector_failed", 2, 1.0)
    rig.run(160.0)
    assert rig.values["rack_isolated"][2] == 0.0 and "H1_TCS1/low-flow" in rig.kinds()


@pytest.mark.parametrize("fault", [
    [("cdu_pump_tripped", 0, 1.0)],
    [("cdu_pump_tripped", 0, 1.0), ("cdu_pump_start_blocked", 1, 1.0)],
    [("cdu_failed", 1, 1.0)],
    [("rack_leak_kg_s", 0, 0.3)],
    [("rack_leak_kg_s", 5, 0.5), ("rack_leak_detector_failed", 5, 1.0)],
])  # fmt: skip
def test_books_close_through_faults(fault: list[tuple[str, int, float]]) -> None:
    rig = _rig(120.0)
    before = (rig.stored(), rig.into_j, rig.out_j)
    for port, index, value in fault:
        rig.set(port, index, value)
    rig.run(90.0, lambda r: r.heat(60e3 + 1e3 * (r.steps % 20)))
    assert _balanced(rig, *before) <= LEDGER
    assert rig.last is not None
    assert rig.last.joules["tcs/cdu_pump_j"] > 0.0 and rig.last.counts["tcs/primary_heat_j"] > 0.0


def test_books_close_in_the_reference_too() -> None:
    rig = _rig(30.0, solver="reference")
    before = (rig.stored(), rig.into_j, rig.out_j)
    rig.set("cdu_pump_tripped", 0, 1.0)
    rig.run(12.0)
    assert _balanced(rig, *before) <= LEDGER


def test_reference_run_agrees_with_the_fast_one() -> None:
    fast, reference = Rig(), Rig(solver="reference")
    for rig in (fast, reference):
        rig.run(20.0)
        rig.set("cdu_pump_tripped", 0, 1.0)
        rig.run(20.0)
    assert fast.kinds() == reference.kinds()
    assert np.abs(fast.values["chip_c"] - reference.values["chip_c"]).max() <= 0.05
    for port in ("tcs_supply_c", "tcs_return_c", "rack_return_c", "cdu_primary_return_c"):
        assert np.abs(fast.values[port] - reference.values[port]).max() <= 0.01


def test_same_events_at_ten_milliseconds_exchange() -> None:
    tcs = control(low_flow_timer_s=8.0)
    coarse, fine = _rig(10.0, tcs=tcs), _rig(10.0, step_us=10_000, tcs=tcs)
    for rig in (coarse, fine):
        rig.set("cdu_pump_tripped", 0, 1.0)
        rig.set("cdu_pump_start_blocked", 1, 1.0)
        rig.run(20.0)
    assert "H1_TCS1/changeover" in coarse.kinds()
    assert coarse.kinds() == fine.kinds()
    for a, b in zip(coarse.events, fine.events, strict=True):
        assert abs(a.t - b.t) <= 10_000
    assert np.abs(coarse.values["chip_c"] - fine.values["chip_c"]).max() < 0.2


def test_unpowered_pumps_stop_and_restart_after_their_delay() -> None:
    rig = _rig()
    for j in (0, 1):
        rig.set("cdu_pump_powered", j, 0.0, "root/dark")
    rig.run(10.0)
    assert rig.values["cdu_pump_power_w"][:2].tolist() == [0.0, 0.0]
    dark, lit = rig.values["loop_flow_kg_s"]
    assert dark < 0.35 * 10.8 and lit == pytest.approx(10.8, rel=1e-3)
    for j in (0, 1):
        rig.set("cdu_pump_powered", j, 1.0, "root/light")
    rig.run(20.0)
    event = next(e for e in rig.events if e.kind == "pump-restart")
    assert event.t == 313 * SECOND and "root/light" in event.causes
    assert rig.values["loop_flow_kg_s"][0] == pytest.approx(10.8, rel=0.01)


def test_dead_controller_keeps_the_pump_and_opens_the_valve() -> None:
    rig = _rig()
    rig.set("cdu_controller_powered", 0, 0.0)
    rig.run(150.0)
    assert rig.values["cdu_valve_position_fraction"][0] > 0.99
    assert rig.values["loop_flow_kg_s"][0] == pytest.approx(10.8, rel=1e-3)
    assert rig.values["tcs_supply_c"][0] < 39.0 and rig.values["cdu_controller_power_w"][0] == 0.0
    rig.set("cdu_pump_tripped", 0, 1.0)
    rig.run(30.0)
    assert "H1_CDU1_P2/standby-start" not in rig.kinds()


def test_set_point_moves_and_respects_the_dew_point() -> None:
    rig = _rig()
    rig.fws_supply_c = 10.0
    for k in range(3):
        rig.set("tcs_setpoint_offset_k", k, -30.0)
    rig.run(900.0)
    assert np.allclose(rig.values["tcs_supply_c"], 19.0, atol=0.1)


@pytest.mark.parametrize("way", ["mark", "save"])
def test_continues_bit_for_bit(way: str) -> None:
    rig = _rig(60.0)
    rig.set("cdu_pump_tripped", 0, 1.0)
    rig.run(3.25)
    values, causes, t = dict(rig.values), {k: list(c) for k, c in rig.causes.items()}, rig.t
    kept = rig.tcs.mark() if way == "mark" else rig.tcs.save()
    rig.run(30.0)
    wanted, events = {k: a.copy() for k, a in rig.values.items()}, rig.kinds()
    if way == "mark":
        rig.tcs.rewind(kept)
        again = rig
    else:
        again = Rig()
        again.tcs.load(kept)  # type: ignore[arg-type]
    again.values, again.causes, again.t = values, causes, t
    again.events = [e for e in rig.events if e.t < t]
    again.run(30.0)
    assert again.kinds() == events
    for port, array in wanted.items():
        assert np.array_equal(again.values[port], array), port


def test_warm_up_may_start_before_zero() -> None:
    rig = Rig()
    rig.t = -120 * SECOND
    rig.tcs.start(rig.t, rig.inputs)
    rig.run(180.0)
    assert rig.t == 60 * SECOND and rig.kinds(-121 * SECOND) == ["H1_TCS1/line-up", "H1_TCS2/line-up"]
    assert np.allclose(rig.values["tcs_supply_c"], 40.0, atol=0.5)


def test_settle_says_a_thing_once() -> None:
    rig = _rig(60.0)
    rig.set("cdu_failed", 0, 1.0)
    first = rig.tcs.settle(rig.t, 0, rig.inputs)
    assert first and rig.tcs.settle(rig.t, 1, rig.inputs) == ()


def test_non_finite_heat_names_the_state() -> None:
    rig = _rig(5.0)
    rig.heat(gpu_w=float("nan"))
    with pytest.raises(SolverError, match="chip_c"):
        rig.run(1.0)


def test_drivers_are_of_the_right_loop() -> None:
    rig = _rig(5.0)
    behind = set(rig.tcs.drivers("chip_c", 0))
    assert {("gpu_heat_w", 0), ("cdu_pump_running", 0), ("fws_supply_c", 0), ("rack_leak_kg_s", 3)} <= behind
    assert not {("gpu_heat_w", 4), ("cdu_pump_running", 2), ("fws_supply_c", 1), ("cdu_strainer_factor", 2)} & behind
    known = {p.name for p in (*rig.tcs.inputs, *rig.tcs.outputs)}
    for port in rig.tcs.outputs:
        if port.kind != "mode":
            for index in range(len(rig.axes[port.axis])):
                for name, at in rig.tcs.drivers(port.name, index):
                    assert name in known and 0 <= at
