"""Cold plate against the published points, alone and inside the steady rack model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thermal.tcs_rig import plant
from thermal.cold_plate import mean_fluid_resistance_k_w, plate_mean_resistance_k_w, resistance_k_w
from thermal.coolant import pg25_cp_j_kg_k, pg25_density_kg_m3
from thermal.tcs_integrate import Flows, observe, step_fast
from thermal.tcs_layout import HeldCdu, HeldPump, HeldRack, LoopRow, RackRow, TcsHeld, TcsModel
from twin.components.tcs import tcs_params

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_tcs.json").read_text())
POINTS = list(zip(TRUTH["ocp_plate_pg25"]["flow_l_min"], TRUTH["ocp_plate_pg25"]["resistance_k_w"], strict=True))


@pytest.mark.parametrize("flow_l_min, published", POINTS)
def test_fit_meets_published_points(flow_l_min: float, published: float) -> None:
    tolerance = TRUTH["ocp_plate_pg25"]["tolerance_fraction"]
    assert float(resistance_k_w(flow_l_min)) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize("flow_l_min, published", POINTS)
def test_steady_rack_of_plates_only_meets_published_points(flow_l_min: float, published: float) -> None:
    """The dynamic model run to rest with nothing but 72 OCP plates of 1 kW on a loop that delivers the flow asked."""
    base = tcs_params(plant()).model
    rack, loop, pump = base.rack.copy(), base.loop.copy(), base.pump.copy()
    rack[RackRow.R_INFINITE_K_W], rack[RackRow.R_UNIT_K_W], rack[RackRow.R_EXPONENT] = 0.0160, 0.00848, -0.962
    rack[RackRow.PLATE_FLOW_SHARE] = 1.0
    rack[RackRow.AIR_ROOM_W_K] = rack[RackRow.AIR_TRAY_W_K] = 0.0
    model = TcsModel(base.rack_loop, base.pump_cdu, rack, loop, base.cdu, pump)
    held, flows = TcsHeld.neutral(model), Flows(model)
    held.loop_cdu[:] = [0, 1]
    held.rack[HeldRack.GPU_W] = 72e3
    held.pump[HeldPump.DRIVEN] = [1, 0, 1, 0, 0, 0]
    y = np.full(model.layout.size, 40.0)
    v = model.layout.views(y)
    v.vessel_kg[:] = 60.0
    v.pump_speed_fraction[:] = 0.0
    wanted_kg_s = flow_l_min / 60_000.0 * loop[LoopRow.DENSITY_KG_M3, 0] * 72.0
    low, high = 0.0, 3.0  # pump speed that delivers the flow
    for _ in range(60):
        speed = 0.5 * (low + high)
        v.pump_speed_fraction[[0, 2]] = speed
        flows_at = _rack_flow(model, held, y, flows)
        low, high = (speed, high) if flows_at < wanted_kg_s else (low, speed)
    held.pump[HeldPump.TARGET_FRACTION, [0, 2]] = speed
    held.cdu[HeldCdu.FWS_SUPPLY_C], held.cdu[HeldCdu.PRIMARY_KG_S] = 36.0, 18.0
    for t in range(300):
        step_fast(model, held, y, t * 1_000_000, (t + 1) * 1_000_000, 250_000, flows)
    found = (v.plate_c[0] - v.supply_c[0]) / 1000.0
    assert flows.rack_kg_s[0] == pytest.approx(wanted_kg_s, rel=1e-6)
    assert found == pytest.approx(published, rel=TRUTH["ocp_plate_pg25"]["tolerance_fraction"])


def _rack_flow(model: TcsModel, held: TcsHeld, y: np.ndarray, flows: Flows) -> float:
    observe(model, held, y, flows)
    return float(flows.rack_kg_s[0])


@given(st.floats(0.0, 5.0))
def test_compiled_and_vectorised_forms_agree(flow_l_min: float) -> None:
    one = plate_mean_resistance_k_w(flow_l_min, 0.016, 0.00848, -0.962, 4.0e6)
    assert one == pytest.approx(float(mean_fluid_resistance_k_w(flow_l_min, 4.0e6)), rel=1e-14)
    assert one > 0.0


def test_mean_fluid_form_takes_half_the_rise_out() -> None:
    rho_cp = 1014.3 * 3960.0
    v = np.array([0.5, 1.0, 2.0])
    rise_k_w = 60_000.0 / (rho_cp * v)
    assert np.allclose(mean_fluid_resistance_k_w(v, rho_cp) + 0.5 * rise_k_w, resistance_k_w(v), rtol=1e-14)


def test_pg25_meets_the_published_table() -> None:
    truth = TRUTH["pg25"]
    at, rtol = truth["temperature_c"], truth["tolerance_fraction"]
    assert np.allclose(pg25_cp_j_kg_k(at), truth["cp_j_kg_k"], rtol=rtol)
    assert np.allclose(pg25_density_kg_m3(at), truth["density_kg_m3"], rtol=rtol)
