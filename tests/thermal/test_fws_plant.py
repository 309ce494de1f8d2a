"""The facility loop as a whole: hand-checkable answers, ledger, reference integrator, controls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fws_case import WET, plant
from scipy.integrate import solve_ivp

from thermal import fws_layout as lay
from thermal.fws_plant import FwsPlant

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_plant.json").read_text())
S = 1_000_000


def run(p: FwsPlant, seconds: int, t: int = 0, every: int = 1) -> dict[str, float]:
    """Advance in steps and add up the energy terms."""
    sums = dict.fromkeys((*lay.ENERGY_TERMS, "pump_j", "fan_j", "chiller_j"), 0.0)
    for k in range(0, seconds, every):
        p.advance((t + k) * S, (t + k + every) * S)
        for i, name in enumerate(lay.ENERGY_TERMS):
            sums[name] += p.term(i)
        for name in ("pump_j", "fan_j", "chiller_j"):
            sums[name] += float(p.block(name).sum())
    return sums


def inputs(
    p: FwsPlant,
    *,
    valve: float = 0.85,
    heat_w: float = 575e3,
    drybulb_c: float = 35.6,
    wetbulb_c: float = 25.0,
    pressure_pa: float = 98600.0,
) -> FwsPlant:
    p.u_cdu[:] = valve, heat_w
    p.u_site[:3] = drybulb_c, wetbulb_c, pressure_pa
    return p


def closing(sums: dict[str, float], heat_j: float, stored_j: float) -> float:
    given = heat_j + sums["pump_j"] + sums["fan_j"] + sums["chiller_j"] + sums["controller_j"]
    gone = sums["dry_rejected_j"] + sums["tower_rejected_j"] + sums["chiller_rejected_j"] + sums["ambient_j"]
    return (given - gone - stored_j) / given


def test_index_constants_are_the_places_of_the_names():
    for names, prefix in ((lay.SITE_PARAMETERS, "G_"), (lay.BANK_PARAMETERS, "B_"), (lay.PUMP_PARAMETERS, "P_")):
        values = [v for k, v in vars(lay).items() if k.startswith(prefix) and isinstance(v, int)]
        assert sorted(values) == list(range(len(names)))
    assert (
        lay.SITE_PARAMETERS[lay.G_TSET] == "supply_set_c" and lay.SITE_PARAMETERS[lay.G_RHOAIR] == "held_density_kg_m3"
    )
    assert lay.SITE_PARAMETERS[lay.G_FREEZE] == "freeze_guard_c" and lay.SITE_PARAMETERS[lay.G_SUB] == "substep_s"
    assert (
        lay.BANK_PARAMETERS[lay.B_RESTART] == "restart_s" and lay.CHILLER_PARAMETERS[lay.H_AIR] == "condenser_air_kg_s"
    )
    assert lay.SITE_LOGIC[lay.S_SPEED] == "speed_set" and lay.SITE_LOGIC[lay.S_READY] == "control_ready_s"


@pytest.mark.parametrize("held", [0.0, 1.12])
def test_ten_kelvin_warmer_weather(held):
    """Fans saturated, no chiller: the supply follows the air, and a little more where the air gets thinner."""
    supply = []
    for drybulb_c in (30.0, 40.0):
        p = inputs(plant(chillers=0, held_density_kg_m3=held), drybulb_c=drybulb_c, wetbulb_c=22.0, valve=0.85)
        run(p, 4 * 3600, every=4)
        assert p.block("fan_speed_fraction") == pytest.approx(1.0, abs=1e-6)
        supply.append(p.out[lay.O_SUP])
    rise = supply[1] - supply[0]
    truth = TRUTH["dry_cooler_10k_shift_k"]
    if held:
        assert rise == pytest.approx(truth["held"], abs=truth["held_tolerance"])
    else:
        assert truth["low"] < rise < truth["high"]


@pytest.mark.parametrize(("bank", "drybulb_c"), [("dry", 35.6), ("dry", -8.0), ("wet", 35.6)])
def test_ledger_closes_through_trips_and_weather(bank, drybulb_c):
    p = inputs(plant(bank=WET) if bank == "wet" else plant(), drybulb_c=drybulb_c, wetbulb_c=min(25.0, drybulb_c - 1.0))
    before, heat, sums = p.stored_j(), 0.0, {}
    for k in range(12):
        p.u_cdu[0, 1], p.u_cdu[1, 0] = 575e3 * (1.0 + 0.4 * np.sin(k)), 0.5 + 0.4 * np.cos(k)
        p.u_pump[0, lay.UP_TRIP] = 1.0 if k in (3, 4) else 0.0
        p.u_bank[1, lay.UB_POWER] = 0.0 if k in (5, 6) else 1.0
        p.u_chiller[0, lay.UH_POWER] = 0.0 if k == 7 else 1.0
        part = run(p, 300, t=300 * k)
        sums = {name: sums.get(name, 0.0) + x for name, x in part.items()}
        heat += float(p.u_cdu[:, 1].sum()) * 300.0
    assert abs(closing(sums, heat, p.stored_j() - before)) < 1e-9
    assert sums["tower_rejected_j" if bank == "wet" else "dry_rejected_j"] > 0.3 * heat
    assert (sums["water_l"] > 0.0) == (bank == "wet")
    assert sums["pump_j"] > 0 and sums["fan_j"] >= 0 and sums["ambient_j"] != 0


def test_fast_steps_agree_with_solve_ivp():
    fast, slow = inputs(plant("fast")), inputs(plant("reference"))
    worst = 0.0
    for k in range(40):
        for p in (fast, slow):
            p.u_cdu[0, 1] = 575e3 * (1.0 + 0.5 * np.sin(k / 5.0))
            p.u_pump[1, lay.UP_TRIP] = 1.0 if 12 <= k < 20 else 0.0
            p.advance(k * 10 * S, (k + 1) * 10 * S)
        worst = max(worst, float(np.abs(fast.out[lay.O_MIX : lay.O_BYP] - slow.out[lay.O_MIX : lay.O_BYP]).max()))
        assert fast.out[lay.O_FLOW] == pytest.approx(slow.out[lay.O_FLOW], abs=0.02)
    assert worst < 2e-3


def test_halving_the_substep_brings_it_nearer():
    errors = []
    for substep in (1.0, 0.5, 0.25):
        p, q = (inputs(plant(substep_s=h, chillers=0)) for h in (substep, 0.03125))
        for k in range(60):
            for one in (p, q):
                one.advance(k * S, (k + 1) * S)
        errors.append(float(np.abs(p.block("supply_pipe_c") - q.block("supply_pipe_c")).max()))
    assert errors[0] > 4.0 * errors[1] > 16.0 * errors[2]


def test_steady_state_is_the_one_of_hand_calculation():
    """Without losses: return - supply = heat / (flow c_p)."""
    p = inputs(plant(supply_cell_w_k=0.0, return_cell_w_k=0.0))
    run(p, 3 * 3600, every=3)
    flow = p.out[lay.O_FLOW]
    assert p.out[lay.O_RET] - p.out[lay.O_SUP] == pytest.approx(1150e3 / (flow * 3950.0), rel=2e-3)
    assert p.out[lay.O_LVG] == pytest.approx(36.0, abs=0.1)
    assert p.out[lay.O_DP] == pytest.approx(100e3, rel=1e-3)


def test_cooling_energy_orders_with_dry_bulb():
    used = []
    for drybulb_c in (0.0, 10.0, 20.0, 26.0, 30.0, 34.0, 38.0):
        p = inputs(plant(), drybulb_c=drybulb_c, wetbulb_c=drybulb_c - 5.0)
        run(p, 2 * 3600, every=4)
        sums = run(p, 900, t=7200)
        used.append(sums["fan_j"] + sums["chiller_j"])
    assert np.all(np.diff(used) > 0)


def test_transport_delay():
    """A step of heat reaches the plant after the return pipe's mean delay."""
    p = inputs(plant(chillers=0), heat_w=400e3, drybulb_c=20.0, wetbulb_c=15.0)
    run(p, 3600)
    start, flow = p.out[lay.O_RET], p.out[lay.O_FLOW]
    p.u_cdu[:, 1] = 500e3
    final = start + 200e3 / (flow * 3950.0)
    area = 0.0
    for k in range(200):
        p.advance((3600 + k) * S, (3601 + k) * S)
        area += (final - p.out[lay.O_RET]) / (final - start)
    mean_delay = area
    pipe_s, node_s = 1500.0 / flow, 60.0 / (flow / 2.0)
    assert mean_delay == pytest.approx(pipe_s + node_s, rel=0.15)


def test_pump_trip_standby_start_and_coast_down():
    p = inputs(plant())
    run(p, 600)
    before, speed = p.out[lay.O_FLOW], p.block("pump_speed_fraction")[0]
    p.u_pump[0, lay.UP_TRIP] = 1.0
    flow = []
    for k in range(60):
        p.advance((600 + k) * S, (601 + k) * S)
        flow.append(p.out[lay.O_FLOW])
        if k == 2:
            coasted = p.block("pump_speed_fraction")[0]
    assert min(flow) > 0.45 * before and min(flow) < 0.9 * before
    assert flow[-1] == pytest.approx(before, rel=0.03)
    # n' = -(n^2 + c)/tau has the closed form n = sqrt(c) tan(atan(n0/sqrt(c)) - sqrt(c) t / tau)
    c, tau = 4e-3, 3.0
    assert coasted == pytest.approx(
        np.sqrt(c) * np.tan(np.arctan(speed / np.sqrt(c)) - np.sqrt(c) * 3.0 / tau), rel=1e-4
    )
    assert p.d[6] == 1.0 and p.d[0] == 0.0


def test_all_pumps_lost_heat_stays_in_the_cdu_and_comes_back():
    p = inputs(plant())
    run(p, 600)
    p.u_pump[:, lay.UP_POWER] = 0.0
    p.u_cdu[:, 1] = 1000.0
    run(p, 120, t=600)
    assert p.out[lay.O_FLOW] == 0.0 and p.block("chiller_load_fraction")[0] == 0.0
    p.u_pump[:, lay.UP_POWER] = 1.0
    run(p, 8, t=720)
    assert p.out[lay.O_FLOW] == 0.0  # restart time of 10 s is not over
    run(p, 40, t=728)
    assert p.out[lay.O_FLOW] > 15.0


def test_chiller_restarts_only_after_its_delay():
    p = inputs(plant())
    run(p, 1800)
    assert p.block("chiller_load_fraction")[0] > 0.3
    p.u_chiller[0, lay.UH_POWER] = 0.0
    run(p, 5, t=1800)
    assert p.block("chiller_load_fraction")[0] == 0.0 and p.block("chiller_j")[0] == 0.0
    p.u_chiller[0, lay.UH_POWER] = 1.0
    started = next(k for k in range(900) if _on_after_second(p, 1805 + k))
    assert 298 <= started <= 302


def _on_after_second(p: FwsPlant, t: int) -> bool:
    p.advance(t * S, (t + 1) * S)
    return bool(p.d[3 * p.sizes.pumps] > 0.5)


def test_controller_loss_freezes_commands_and_restarts_late():
    p = inputs(plant(chillers=0), drybulb_c=25.0, wetbulb_c=18.0)
    run(p, 3600, every=4)
    signal = p.d[-len(lay.SITE_LOGIC) :][0:2].copy()
    p.u_site[lay.US_POWER] = 0.0
    p.u_site[lay.US_DB] = 30.0
    run(p, 300, t=3600)
    frozen = p.block("fan_speed_fraction").copy()
    p.u_site[lay.US_POWER] = 1.0
    run(p, 55, t=3900)
    assert p.block("fan_speed_fraction") == pytest.approx(frozen, abs=1e-9) and signal[1] == pytest.approx(
        frozen[0], abs=0.01
    )
    run(p, 120, t=3955)
    assert p.block("fan_speed_fraction")[0] > frozen[0] + 0.02


def test_cold_weather_opens_the_bypass_and_keeps_the_supply():
    p = inputs(plant(), heat_w=60e3, drybulb_c=-15.0, wetbulb_c=-16.0, valve=0.6)
    run(p, 3 * 3600, every=3)
    assert p.out[lay.O_BYP] > 0.05 and p.out[lay.O_SUP] == pytest.approx(36.0, abs=0.5)
    assert p.block("fan_speed_fraction") == pytest.approx(0.0, abs=1e-3)


def test_freeze_guard_locks_the_fans():
    p = inputs(plant(), heat_w=0.0, drybulb_c=-15.0, wetbulb_c=-16.0, valve=0.3)
    p.y[p.blocks["bank_c"]] = 3.0
    p.d[-len(lay.SITE_LOGIC) :][1] = 1.0
    p.advance(0, S)
    d_bank = p.d[3 * (p.sizes.pumps + p.sizes.chillers) :][: 3 * p.sizes.banks].reshape(-1, 3)
    assert np.all(d_bank[:, lay.LB_GUARD] == 1.0)


def test_each_off_normal_input_changes_the_supply():
    def supply(change) -> float:
        p = inputs(plant())
        run(p, 1200, every=2)
        change(p)
        run(p, 900, t=1200, every=2)
        return float(p.out[lay.O_SUP]) + float(p.block("chiller_j")[0]) * 1e-6 + float(p.block("fan_j").sum()) * 1e-6

    normal = supply(lambda p: None)
    changes = {
        "fan": lambda p: p.u_bank[0].__setitem__(lay.UB_FAN, 0.0),
        "fouling": lambda p: p.u_bank[0].__setitem__(lay.UB_UA, 0.7),
        "recirculation": lambda p: p.u_bank[0].__setitem__(lay.UB_RECIRC, 3.0),
        "chiller": lambda p: p.u_chiller[0].__setitem__(lay.UH_TRIP, 1.0),
        "capacity": lambda p: p.u_chiller[0].__setitem__(lay.UH_CAP, 0.5),
        "bias": lambda p: p.u_site.__setitem__(lay.US_BIAS, -2.0),
        "bypass": lambda p: p.u_site.__setitem__(lay.US_STUCK, 0.5),
        "head": lambda p: p.u_pump[0].__setitem__(lay.UP_HEAD, 0.5),
    }
    for name, change in changes.items():
        assert abs(supply(change) - normal) > 1e-3, name


def test_whole_ode_system_against_exchanged_steps():
    """Inputs as functions of time inside one ODE, against means and end values handed over each second."""

    def heat(t: float) -> float:
        return 450e3 + 120e3 * np.sin(t / 97.0)

    def valve(t: float) -> float:
        return 0.7 + 0.2 * np.sin(t / 300.0)

    p, q = inputs(plant(chillers=0)), inputs(plant(chillers=0))
    nodes, weights = np.polynomial.legendre.leggauss(3)
    worst = 0.0
    for k in range(900):
        mean = float(sum(w * heat(k + 0.5 + 0.5 * x) for x, w in zip(nodes, weights, strict=True)) / 2.0)
        p.u_cdu[:, 0], p.u_cdu[:, 1] = valve(k + 1.0), mean
        p.advance(k * S, (k + 1) * S)

        q.u_cdu[:] = valve(float(k)), heat(float(k))
        q.control(k * S)

        def whole(t: float, y: np.ndarray) -> np.ndarray:
            q.u_cdu[:] = valve(t), heat(t)
            return q.derivative(y)

        q.y[:] = solve_ivp(whole, (float(k), k + 1.0), q.y, method="RK45", rtol=1e-7, atol=1e-6).y[:, -1]
        q.u_cdu[:] = valve(k + 1.0), heat(k + 1.0)
        q.look()
        worst = max(worst, abs(p.out[lay.O_SUP] - q.out[lay.O_SUP]), abs(p.out[lay.O_RET] - q.out[lay.O_RET]))
    assert worst < 0.1
