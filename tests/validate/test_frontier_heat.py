"""A measured day of 25 CDUs (Frontier, 7 April 2024) through the CDU model sized for it.

The measured heat of each CDU becomes the heat of one loop; the facility water comes from an open tower at an approach
of 5 K to the measured wet bulb, never below 20 degC, with the flow that the valve asks for.
"""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from thermal.cdu import design_ua_w_k
from thermal.hydraulics import branch_coefficients
from thermal.tcs_layout import CduRow, LoopRow, PumpRow, RackRow, TcsModel
from twin.components.tcs_component import Tcs
from twin.components.tcs_ports import HEATS, TcsControl, TcsParams
from twin.contract import SECOND, Inputs

pytestmark = pytest.mark.validate

FILE = "frontier_cdu_heat_2024-04-07.csv"
CDUS = 25
ENERGY_MWH, ENERGY_TOLERANCE = 386.965, 1e-4
MEAN_MW, MIN_MW, MAX_MW, POWER_TOLERANCE = 16.125, 5.204, 26.606, 1e-3
SUPPLY_C, SUPPLY_RMSE_K, SUPPLY_BIAS_K, RETURN_LIMIT_C = 32.0, 0.5, 0.1, 50.0
CP_J_KG_K, FLOW_KG_S, PRIMARY_KG_S = 4180.0, 25.0, 28.0  # 1.29 MW at 12 K


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time [s], heat [W] : (time, cdu), wet bulb [degC]."""
    path = next(folder.rglob(FILE))
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        names = ["time", *(f"power[{k}]" for k in range(1, CDUS + 1)), "OA Wetbulb Temp"]
        table = np.array([[float(row[name]) for name in names] for row in rows])
    return table[:, 0], table[:, 1:-1], table[:, -1]


def _params() -> TcsParams:
    """25 loops of one lumped rack each, 25 CDUs with two pumps; conductance from 1.29 MW at 3 K approach."""
    one = np.ones(CDUS)
    a, b = branch_coefficients(FLOW_KG_S, 150e3)
    com_a, com_b = branch_coefficients(FLOW_KG_S, 60e3)
    rack = np.zeros((len(RackRow), CDUS))
    numbers = {
        RackRow.CHIP_J_K: 4e4, RackRow.PLATE_J_K: 1.6e5, RackRow.CPU_J_K: 4e4, RackRow.SWITCH_J_K: 2e4,
        RackRow.TRAY_J_K: 3e5, RackRow.RETURN_J_K: 1e5, RackRow.SUPPLY_J_K: 1e5, RackRow.AIR_J_K: 1e5,
        RackRow.CHIP_PLATE_W_K: 1e5, RackRow.PLATES: 1000.0, RackRow.PLATE_FLOW_SHARE: 1.0,
        RackRow.R_INFINITE_K_W: 0.016, RackRow.R_UNIT_K_W: 0.00848, RackRow.R_EXPONENT: -0.962,
        RackRow.CPU_W_K: 1e4, RackRow.SWITCH_W_K: 5e3,
        RackRow.FLOW_KG_S: FLOW_KG_S, RackRow.AIR_ROOM_W_K: 0.0, RackRow.AIR_TRAY_W_K: 1e3,
        RackRow.BRANCH_A_PA_S_KG: a, RackRow.BRANCH_B_PA_S2_KG2: b,
    }  # fmt: skip
    for row, value in numbers.items():
        rack[row] = value
    loop = np.outer([CP_J_KG_K, 992.2, 4e5, 4e5, 20.0, 0.1], one)
    ua = design_ua_w_k(1.29e6, FLOW_KG_S * CP_J_KG_K, PRIMARY_KG_S * CP_J_KG_K, 3.0, 0.0)
    cdu = np.outer([ua, 1.0, PRIMARY_KG_S, FLOW_KG_S, 4e5, 3e5, CP_J_KG_K, com_a, com_b, 8.0, 60.0], one)
    head, rated = 330e3, 30.0
    pump = np.outer([head, (head - 250e3) / rated**2, 12e3, rated, 0.4, 3.0, 3.0, 0.3, 0.9], np.ones(2 * CDUS))
    assert len(cdu) == len(CduRow) and len(loop) == len(LoopRow) and len(pump) == len(PumpRow)
    each = np.arange(CDUS)
    model = TcsModel(each, np.repeat(each, 2), rack, loop, cdu, pump)
    counts = {"rack": CDUS, "loop": CDUS, "cdu": CDUS, "cdu_pump": 2 * CDUS, "room": 1}
    names = {axis: tuple(f"{axis.upper()}{n}" for n in range(count)) for axis, count in counts.items()}
    return TcsParams(
        model=model, axes=names, control=TcsControl(supply_c=SUPPLY_C), loop_home=each,
        cdu_reaches=tuple((int(k),) for k in each), rack_room=np.zeros(CDUS, dtype=np.int64),
        cdu_room=np.zeros(CDUS, dtype=np.int64), flow_set_kg_s=FLOW_KG_S * one, dp_set_pa=150e3 * one,
        vessel_kg=100.0 * one, hottest_ratio=0.0 * one, speed_minimum_fraction=0.3 * one,
        speed_design_fraction=0.9 * one, controller_w=200.0 * one, pump_restart_us=np.full(2 * CDUS, 3 * SECOND),
        controller_restart_us=np.full(CDUS, 20 * SECOND),
    )  # fmt: skip


@pytest.fixture(scope="module")
def day(data: Path) -> SimpleNamespace:
    """The day at 5 s steps: heat given as the mean of the measured straight line over each step."""
    time_s, heat_w, wetbulb_c = _read(data)
    tcs = Tcs(_params())
    values: dict[str, np.ndarray] = {}
    causes: dict[str, list[str]] = {}
    for port in (*tcs.inputs, *tcs.outputs):
        size = len(tcs.p.axes[port.axis])
        values[port.name] = np.full(size, port.neutral)
        if port.kind == "mode":
            causes[port.name] = [""] * size
    values["room_c"] = np.array([25.0])
    inputs, step, end = Inputs(values, causes), 5, int(time_s[-1])
    middle = np.arange(step / 2, end, step)
    heat = np.column_stack([np.interp(middle, time_s, column) for column in heat_w.T])
    fws = np.maximum(np.interp(middle, time_s, wetbulb_c) + 5.0, 20.0)
    values[HEATS[0]] = heat[0]
    tcs.start(0, inputs)
    out = {"heat_j": 0.0, "pump_j": 0.0, "primary_j": 0.0, "room_j": 0.0}
    supply: list[np.ndarray] = []
    back: list[np.ndarray] = []
    kinds: list[str] = []
    total_w: list[float] = []

    def advance(t: int, index: int) -> None:
        for round in range(8):
            said = tcs.settle(t, round, inputs)
            kinds.extend(e.kind for e in said)
            for event in said:
                for port, i, value in event.sets:
                    values[port] = values[port].copy()
                    values[port][i] = value
            if not said:
                break
        values[HEATS[0]] = heat[index]
        values["fws_supply_c"] = np.full(CDUS, fws[index])
        values["cdu_primary_flow_kg_s"] = PRIMARY_KG_S * values["cdu_valve_position_fraction"]
        values.update(tcs.advance(t, t + step * SECOND, inputs).outputs)

    for n in range(120):  # ten minutes at the first heat, discarded
        advance((n - 120) * step * SECOND, 0)
    stored = sum(tcs.stored_j().values())
    kinds.clear()
    for n in range(len(middle)):
        advance(n * step * SECOND, n)
        out["heat_j"] += float(heat[n].sum()) * step
        out["pump_j"] += float(values["cdu_pump_power_w"].sum()) * step
        out["primary_j"] += float(values["cdu_primary_heat_w"].sum()) * step
        out["room_j"] += float((values["cdu_room_heat_w"] - values["cdu_controller_power_w"]).sum()) * step
        total_w.append(float(values["cdu_primary_heat_w"].sum()))
        supply.append(values["tcs_supply_c"])
        back.append(values["tcs_return_c"])
    return SimpleNamespace(
        **out, stored_j=sum(tcs.stored_j().values()) - stored, measured_w=heat_w.sum(axis=1), time_s=time_s,
        supply_c=np.array(supply), return_c=np.array(back), kinds=kinds, primary_w=np.array(total_w),
    )  # fmt: skip


def test_energy_of_the_day(day: SimpleNamespace) -> None:
    trapezoid = float(np.sum(np.diff(day.time_s) * 0.5 * (day.measured_w[1:] + day.measured_w[:-1])))
    assert trapezoid / 3.6e9 == pytest.approx(ENERGY_MWH, rel=ENERGY_TOLERANCE)
    assert day.heat_j == pytest.approx(trapezoid, rel=ENERGY_TOLERANCE)


def test_measured_range(day: SimpleNamespace) -> None:
    assert day.measured_w.min() / 1e6 == pytest.approx(MIN_MW, rel=POWER_TOLERANCE)
    assert day.measured_w.mean() / 1e6 == pytest.approx(MEAN_MW, rel=POWER_TOLERANCE)
    assert day.measured_w.max() / 1e6 == pytest.approx(MAX_MW, rel=POWER_TOLERANCE)


def test_energy_balance_closes(day: SimpleNamespace) -> None:
    residual = day.heat_j + day.pump_j - day.primary_j - day.room_j - day.stored_j
    assert abs(residual) <= 1e-9 * day.heat_j
    assert day.primary_j == pytest.approx(day.heat_j, rel=0.03)


def test_supply_temperature_is_held(day: SimpleNamespace) -> None:
    error = day.supply_c - SUPPLY_C
    rmse, bias = float(np.sqrt(np.mean(error**2))), float(error.mean())
    print(f"supply RMSE {rmse:.3f} K, bias {bias:+.4f} K, return max {day.return_c.max():.1f} degC")
    assert rmse <= SUPPLY_RMSE_K and abs(bias) <= SUPPLY_BIAS_K
    assert day.return_c.max() <= RETURN_LIMIT_C
    assert day.kinds == []


def test_heat_to_the_facility_follows_the_load(day: SimpleNamespace) -> None:
    """Fifteen-minute means: the loop stores little, so CV-RMSE and bias against the measured heat are small."""
    n = 180
    middle = np.arange(2.5, day.time_s[-1], 5.0)
    given = np.interp(middle, day.time_s, day.measured_w).reshape(-1, n).mean(axis=1)
    found = day.primary_w.reshape(-1, n).mean(axis=1)
    cv_rmse = float(np.sqrt(np.mean((found - given) ** 2)) / given.mean())
    nmbe = float((found - given).mean() / given.mean())
    print(f"heat to facility water: CV-RMSE {100 * cv_rmse:.2f} %, NMBE {100 * nmbe:.2f} % (pump heat included)")
    assert cv_rmse <= 0.05 and abs(nmbe) <= 0.03
