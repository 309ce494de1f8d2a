"""Holds when, 4: numbers a person checks by hand, on the coupled factory."""

from __future__ import annotations

import numpy as np
import pytest

from tests.whole.factory import fork, run, scenario, warm
from twin.contract import SECOND
from twin.coupling import Hold
from twin.kpi import compute_kpis, pue_items_j
from twin.simulate import Experiment, simulate

HEAT = ("gpu_heat_w", "cpu_heat_w", "nvswitch_heat_w", "rack_air_heat_w", "rack_power_w")


def last(done, name):
    return done.results.series(name, "1s")[1][-1]


def test_rack_power_is_in_the_bands_of_its_work():
    busy = run("day", "clock.start=14:00", "clock.duration=15min")
    power_kw = busy.results.series("rack_power_w", "900s")[1][-1] / 1e3
    assert np.all((power_kw[:4] >= 85.0) & (power_kw[:4] <= 125.0)), power_kw  # serving
    assert np.all((power_kw[4:] >= 130.0) & (power_kw[4:] <= 150.0)), power_kw  # sustained training
    idle = run("day", "workload.pools.SERVE1.racks=[H1_R01_RK01]", "clock.duration=5min")
    power_kw = idle.results.series("rack_power_w", "60s")[1][-1] / 1e3
    assert np.all((power_kw[1:4] >= 20.0) & (power_kw[1:4] <= 40.0)), power_kw


def test_pue_is_itemised_and_in_its_band():
    done = run("day", "clock.start=15:00", "clock.duration=15min")
    kpis = compute_kpis(done.results, done.plant, scenario("day", "clock.start=15:00", "clock.duration=15min"))
    over = kpis["pue"]["value"] - 1.0
    assert 0.05 <= over <= 0.20
    assert sum(kpis["pue"]["minus_one_items"].values()) == pytest.approx(over, rel=1e-9)
    assert pue_items_j(done.results)["ups"] > 0


def test_halved_flow_at_fixed_heat_doubles_the_coolant_rise():
    """One rack's plates half shut by its valve; heat held, below throttle."""
    start = warm("window", at_s=120.0)
    hold = Experiment(hold=Hold(120 * SECOND, HEAT))
    calm = fork(start, "window", until_s=420.0, experiment=hold)
    flow = last(calm, "loop_flow_kg_s")[0]
    faults = "[{at: 120s, element: H1_R01_RK01, mode: %s, value: %r}]"
    low, high = 0.05, 1.0
    halved = calm
    for _ in range(12):  # the opening at which the rack gets half its flow
        opening = 0.5 * (low + high)
        halved = fork(
            start, "window", "faults=" + faults % ("liquid-valve-stuck", opening), until_s=420.0, experiment=hold
        )
        ratio = last(halved, "rack_flow_kg_s")[0] / last(calm, "rack_flow_kg_s")[0]
        if abs(ratio - 0.5) < 0.002:
            break
        low, high = (opening, high) if ratio < 0.5 else (low, opening)
    rise = [last(r, "rack_return_c")[0] - last(r, "rack_supply_c")[0] for r in (calm, halved)]
    assert last(halved, "chip_hottest_c")[0] < 89.0 and flow > 0
    assert rise[1] / rise[0] == pytest.approx(
        last(calm, "rack_flow_kg_s")[0] / last(halved, "rack_flow_kg_s")[0], rel=0.02
    )
    assert rise[1] / rise[0] == pytest.approx(2.0, rel=0.02)


def test_ups_backed_and_unbacked_cdu_pumps_give_opposite_verdicts():
    backed = run("utility-loss", "clock.duration=10min")
    boards = [f"tcs.cdus.H1_CDU{c}.pumps.H1_CDU{c}_P{p}.feed=MDB{1 + (c + p) % 2}" for c in (1, 2, 3) for p in (1, 2)]
    unbacked = run("utility-loss", "clock.duration=10min", *boards)
    throttled = [r.results.total("throttled_gpu_s") for r in (backed, unbacked)]
    assert throttled[0] == 0.0
    assert throttled[1] > 0.0
    assert any(e["kind"] == "throttle-start" for e in unbacked.results.events)


def test_the_reference_solver_agrees_with_the_fast_one():
    fast = run("cdu-pump-trip", "clock.duration=330s", "clock.warmup=2min")
    reference = run("cdu-pump-trip", "clock.duration=330s", "clock.warmup=2min", "solver=reference")
    for name, limit_k in (("chip_c", 0.05), ("tcs_supply_c", 0.01), ("fws_supply_c", 0.01), ("rack_return_c", 0.05)):
        a, b = (r.results.series(name, "1s")[1] for r in (fast, reference))
        assert np.max(np.abs(a - b)) <= limit_k, name
    assert [e["kind"] for e in fast.results.events] == [e["kind"] for e in reference.results.events]


def test_a_run_is_reproduced_by_simulate_alone():
    again = simulate(scenario("cdu-pump-trip", "clock.duration=330s", "clock.warmup=2min"))
    first = run("cdu-pump-trip", "clock.duration=330s", "clock.warmup=2min")
    assert again.results.counters.equals(first.results.counters)
