"""Rooms and air handlers: balance, closed forms, reference integrator, staging."""

from __future__ import annotations

import numpy as np
import pytest

from thermal.air_handler import coil_capacity_w, supply_air_c
from thermal.room import RoomAir

S = 1_000_000
ROOM = {"air_j_k": 1.4e6, "contents_j_k": 6e6, "contents_w_k": 6000.0, "outdoor_w_k": 700.0, "set_c": 27.0,
        "duty_units": 2.0, "gain_per_k": 0.15, "reset_s": 300.0, "detect_s": 30.0, "scan_s": 5.0}
UNIT = {"room": 0.0, "capacity_w": 100e3, "rated_return_c": 32.0, "rated_outdoor_c": 35.0, "carnot_fraction": 0.36,
        "evaporator_k": 14.0, "condenser_k": 12.0, "fan_w": 4500.0, "fan_minimum_fraction": 0.35,
        "minimum_load_fraction": 0.1, "condenser_air_kg_s": 10.0, "restart_s": 60.0}


def room(integrator: str = "fast", units: int = 3) -> RoomAir:
    air = RoomAir([ROOM], [UNIT] * units, integrator)
    air.outdoor_c = 35.0
    return air


def run(air: RoomAir, seconds: int, t: int = 0) -> tuple[float, float, float]:
    used = rejected = outdoors = 0.0
    for k in range(seconds):
        air.advance((t + k) * S, (t + k + 1) * S)
        used, rejected = used + float(air.handler_j.sum()), rejected + air.rejected_j
        outdoors += air.outdoors_j
    return used, rejected, outdoors


def test_set_point_is_held_and_the_ledger_closes():
    air = room()
    air.heat_w[0] = 130e3
    before = air.stored_j()
    used, rejected, outdoors = run(air, 7200)
    assert air.air_c[0] == pytest.approx(27.0, abs=0.05)
    given = 130e3 * 7200 + used
    assert abs(given - rejected - outdoors - (air.stored_j() - before)) / given < 1e-12
    assert outdoors < 0.0  # a cool room in hot weather


def test_without_units_it_warms_as_two_capacities_do():
    """Closed form of two coupled capacities with a constant heat: the slow slope is q / (C_a + C_c)."""
    air = RoomAir([{**ROOM, "outdoor_w_k": 0.0}], [])
    air.heat_w[0] = 100e3
    run(air, 3600)
    first = air.air_c[0]
    run(air, 600, t=3600)
    assert (air.air_c[0] - first) / 600.0 == pytest.approx(100e3 / (1.4e6 + 6e6), rel=1e-6)
    gap = air.y[0] - air.y[1]
    assert gap == pytest.approx(100e3 * 6e6 / (7.4e6 * 6000.0), rel=1e-6)


def test_fast_steps_agree_with_solve_ivp():
    fast, slow = room(), room("reference")
    for k in range(120):
        for air in (fast, slow):
            air.heat_w[0] = 130e3 + 60e3 * np.sin(k / 7.0)
            air.v[0, 1] = 1.0 if 40 <= k < 60 else 0.0
            air.advance(k * S, (k + 1) * S)
    assert fast.air_c[0] == pytest.approx(slow.air_c[0], abs=1e-4)
    assert fast.rejected_j == pytest.approx(slow.rejected_j, rel=1e-4)


def test_standby_replaces_a_failed_unit_and_restart_waits():
    air = room()
    air.heat_w[0] = 130e3
    run(air, 1800)
    air.v[0, 1] = 1.0
    run(air, 120, t=1800)
    assert air.d_ahu[:, 0].tolist() == [0.0, 1.0, 1.0]
    air.v[:, 0] = 0.0
    run(air, 2, t=1920)
    assert float(air.handler_j.sum()) == 0.0
    air.v[:, 0] = 1.0
    started = next(k for k in range(600) if _running(air, 1922 + k))
    assert 55 <= started <= 70


def _running(air: RoomAir, t: int) -> bool:
    air.advance(t * S, (t + 1) * S)
    return bool(air.d_ahu[:, 0].any())


def test_warmer_outdoors_costs_more():
    used = []
    for outdoor_c in (10.0, 20.0, 30.0, 40.0):
        air = room()
        air.heat_w[0], air.outdoor_c = 130e3, outdoor_c
        run(air, 3600)
        used.append(run(air, 600, t=3600)[0])
    assert np.all(np.diff(used) > 0)


@pytest.mark.parametrize(("column", "value"), [(1, 1.0), (2, 0.5), (3, 0.5)])
def test_each_off_normal_input_changes_the_room(column, value):
    rooms = []
    for bad in (False, True):
        air = room(units=2)
        air.heat_w[0] = 150e3
        run(air, 900)
        if bad:
            air.v[0, column] = value
        run(air, 300, t=900)
        rooms.append(float(air.air_c[0]) + float(air.handler_j.sum()) * 1e-6)
    assert abs(rooms[1] - rooms[0]) > 1e-3


def test_equations():
    assert coil_capacity_w(1.0, 32.0, 32.0, 35.0, 35.0, 0.5) == pytest.approx(0.5**0.6)
    assert supply_air_c(27.0, 8.0 * 1006.0 * 12.0, 0.0, 8.0) == pytest.approx(15.0)
