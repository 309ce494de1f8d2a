"""From the `fws:` section and the catalogue to the numbers of the facility plant."""

from __future__ import annotations

from math import pi
from typing import Any

from thermal.fws_plant import FwsParameters


def fws_parameters(plant: Any) -> FwsParameters:
    """Numbers of the plant that the facility's section describes."""
    section, item = plant.facility.fws, plant.catalogue.item
    fluid, branch = item(section.fluid), item(section.cdu_branch)
    (controller_entry,) = section.controller.values()
    (bypass_entry,) = section.bypass.values()
    controller = item(controller_entry.type)
    cp, density = float(fluid["specific_heat_j_kg_k"]), float(fluid["density_kg_m3"])
    supply, back = (item(p.type) for p in (section.supply_pipe, section.return_pipe))
    cells = section.pipe_cells

    def cell_j_k(pipe: Any, length_m: float) -> float:
        return pi / 4.0 * float(pipe["inner_diameter_m"]) ** 2 * length_m * density * cp / cells

    chillers = [item(c.type) for c in section.chillers.values()]
    site = {
        "cp_j_kg_k": cp,
        "density_kg_m3": density,
        "loop_pa_s2_kg2": float(supply["loop_dp_pa"]) / float(supply["loop_flow_kg_s"]) ** 2,
        "valve_rangeability": float(branch["valve_rangeability_ratio"]),
        "valve_leak_fraction": float(branch["valve_leak_fraction"]),
        "supply_cell_j_k": cell_j_k(supply, section.supply_pipe.length_m),
        "return_cell_j_k": cell_j_k(back, section.return_pipe.length_m),
        "supply_cell_w_k": float(supply["loss_w_m_k"]) * section.supply_pipe.length_m / cells,
        "return_cell_w_k": float(back["loss_w_m_k"]) * section.return_pipe.length_m / cells,
        "evaporator_j_k": max([sum(float(c["evaporator_liquid_kg"]) for c in chillers), 50.0]) * cp,
        "duty_pumps": float(section.duty_pumps),
        "pump_detect_s": float(controller["pump_detect_s"]),
        "pump_minimum_fraction": float(controller["pump_minimum_fraction"]),
        "dp_set_pa": section.header_dp_pa,
        "dp_gain": float(controller["dp_gain_ratio"]),
        "dp_reset_s": float(controller["dp_reset_s"]),
        "supply_set_c": section.supply_setpoint_c,
        "fan_gain_per_k": float(controller["fan_gain_per_k"]),
        "fan_reset_s": float(controller["fan_reset_s"]),
        "bypass_stroke_s": float(item(bypass_entry.type)["stroke_s"]),
        **{
            key: float(controller[key])
            for key in (
                "chiller_gain_per_k",
                "chiller_reset_s",
                "chiller_on_k",
                "chiller_off_k",
                "chiller_on_s",
                "chiller_off_s",
                "chiller_minimum_flow_kg_s",
                "freeze_guard_c",
                "scan_s",
            )
        },
        "controller_w": float(controller["power_w"]),
        "controller_restart_s": controller_entry.restart_s,
        "held_density_kg_m3": section.held_air_density_kg_m3 or 0.0,
        "substep_s": 0.5,
    }
    rated = float(branch["rated_flow_kg_s"])
    cdu = {
        "branch_pa_s2_kg2": float(branch["exchanger_dp_pa"]) / rated**2,
        "valve_pa_s2_kg2": float(branch["valve_dp_pa"]) / rated**2,
        "primary_j_k": float(branch["liquid_kg"]) * cp,
    }
    return FwsParameters(
        site,
        [cdu] * len(plant.axes["cdu"]),
        [_pump(item(p.type), p.restart_s) for p in section.pumps.values()],
        [_bank(item(b.type), b.restart_s, cp) for b in section.heat_rejection.values()],
        [_chiller(c, entry.restart_s) for c, entry in zip(chillers, section.chillers.values(), strict=True)],
        cells,
    )


def _pump(item: Any, restart_s: float) -> dict[str, float]:
    rated = float(item["rated_flow_kg_s"])
    return {
        "shutoff_pa": float(item["shutoff_pa"]),
        "curve_pa_s2_kg2": (float(item["shutoff_pa"]) - float(item["rated_head_pa"])) / rated**2,
        "shaft_w": float(item["shaft_w"]),
        "rated_kg_s": rated,
        "no_flow_share": float(item["no_flow_power_fraction"]),
        "motor_efficiency_fraction": float(item["motor_efficiency_fraction"]),
        "coast_s": float(item["coast_s"]),
        "ramp_s": float(item["ramp_s"]),
        "restart_s": restart_s,
    }


def _bank(item: Any, restart_s: float, cp: float) -> dict[str, float]:
    return {
        "wet": float(item["wet_count"]),
        "conductance_w_k": float(item["conductance_w_k"]),
        "resistance_ratio": float(item["air_over_liquid_resistance_ratio"]),
        "water_kg_s": float(item["water_flow_kg_s"]),
        "air_m3_s": float(item["air_flow_m3_s"]),
        "fan_w": float(item["fan_w"]),
        "rated_density_kg_m3": float(item["rated_air_density_kg_m3"]),
        "coil_j_k": float(item["coil_liquid_kg"]) * cp,
        "natural_fraction": float(item["natural_draught_fraction"]),
        "fan_lag_s": float(item["fan_lag_s"]),
        "nominal_ntu": float(item.get("nominal_ntu_ratio", 1.0)),
        "cycles": float(item.get("cycles_of_concentration_count", 4.0)),
        "drift_fraction": float(item.get("drift_fraction", 0.0)),
        "spray_kg_s": float(item.get("spray_kg_s", 0.0)),
        "restart_s": restart_s,
    }


def _chiller(item: Any, restart_s: float) -> dict[str, float]:
    return {
        "capacity_w": float(item["capacity_w"]),
        "rated_leaving_c": float(item["rated_leaving_c"]),
        "rated_outdoor_c": float(item["rated_outdoor_c"]),
        "carnot_fraction": float(item["carnot_ratio"]),
        "evaporator_k": float(item["evaporator_k"]),
        "condenser_k": float(item["condenser_k"]),
        "minimum_load_fraction": float(item["minimum_load_fraction"]),
        "load_lag_s": float(item["load_lag_s"]),
        "auxiliary_w": float(item["auxiliary_w"]),
        "standby_w": float(item["standby_w"]),
        "restart_s": restart_s,
        "condenser_air_kg_s": float(item["condenser_air_kg_s"]),
    }
