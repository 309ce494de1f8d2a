"""A small facility plant for the tests: two CDUs, three pumps, four banks, one chiller."""

from __future__ import annotations

from thermal.fws_plant import FwsParameters, FwsPlant

SITE = {
    "cp_j_kg_k": 3950.0, "density_kg_m3": 1015.0, "loop_pa_s2_kg2": 170.0, "valve_rangeability": 50.0,
    "valve_leak_fraction": 1e-3, "supply_cell_j_k": 1500.0 * 3950.0 / 20, "return_cell_j_k": 1500.0 * 3950.0 / 20,
    "supply_cell_w_k": 2.0, "return_cell_w_k": 2.0, "evaporator_j_k": 300.0 * 3950.0, "duty_pumps": 2.0,
    "pump_detect_s": 2.0, "pump_minimum_fraction": 0.3, "dp_set_pa": 100e3, "dp_gain": 0.2, "dp_reset_s": 5.0,
    "supply_set_c": 36.0, "fan_gain_per_k": 0.05, "fan_reset_s": 120.0, "bypass_stroke_s": 60.0,
    "chiller_gain_per_k": 0.08, "chiller_reset_s": 90.0, "chiller_on_k": 1.0, "chiller_off_k": 0.2,
    "chiller_on_s": 120.0, "chiller_off_s": 300.0, "chiller_minimum_flow_kg_s": 8.0, "freeze_guard_c": 4.0,
    "controller_w": 250.0, "controller_restart_s": 60.0, "held_density_kg_m3": 0.0, "scan_s": 1.0, "substep_s": 0.5,
}
CDU = {"branch_pa_s2_kg2": 222.0, "valve_pa_s2_kg2": 133.0, "primary_j_k": 60.0 * 3950.0}
PUMP = {
    "shutoff_pa": 330e3, "curve_pa_s2_kg2": 320.0, "shaft_w": 5000.0, "rated_kg_s": 15.0, "no_flow_share": 0.45,
    "motor_efficiency_fraction": 0.93, "coast_s": 3.0, "ramp_s": 10.0, "restart_s": 10.0,
}
DRY = {
    "wet": 0.0, "conductance_w_k": 36e3, "resistance_ratio": 4.0, "water_kg_s": 6.6, "air_m3_s": 28.0, "fan_w": 3800.0,
    "rated_density_kg_m3": 1.13, "coil_j_k": 250.0 * 3950.0, "natural_fraction": 0.03, "fan_lag_s": 6.0,
    "restart_s": 5.0, "nominal_ntu": 0.0, "cycles": 4.0, "drift_fraction": 0.0, "spray_kg_s": 0.0,
}
WET = {**DRY, "wet": 1.0, "nominal_ntu": 1.6, "air_m3_s": 8.0, "drift_fraction": 2e-5, "spray_kg_s": 8.0}
CHILLER = {
    "capacity_w": 600e3, "rated_leaving_c": 36.0, "rated_outdoor_c": 35.0, "carnot_fraction": 0.38, "evaporator_k": 6.0,
    "condenser_k": 15.0, "minimum_load_fraction": 0.1, "load_lag_s": 20.0, "auxiliary_w": 3000.0, "standby_w": 300.0,
    "restart_s": 300.0, "condenser_air_kg_s": 40.0,
}


def parameters(*, bank: dict[str, float] = DRY, chillers: int = 1, **site: float) -> FwsParameters:
    return FwsParameters({**SITE, **site}, [CDU, CDU], [PUMP] * 3, [bank] * 4, [CHILLER] * chillers)


def plant(integrator: str = "fast", **changes: object) -> FwsPlant:
    return FwsPlant(parameters(**changes), integrator)  # type: ignore[arg-type]
