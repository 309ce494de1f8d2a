"""The technology side of a plant: its parameters from spec and catalogue, and the component built of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thermal.cdu import design_ua_w_k
from thermal.coolant import Coolant
from thermal.hydraulics import branch_coefficients
from thermal.tcs_layout import CduRow, LoopRow, PumpRow, RackRow, TcsModel
from twin.components.tcs_component import Tcs
from twin.components.tcs_ports import TcsControl, TcsParams
from twin.contract import SECOND
from twin.spec.tcs import CduControl, TcsSection


def rack_rows(plates: Any) -> dict[RackRow, float]:
    """Parameters of one rack from its cold-plate item."""
    n, flow = float(plates["gpu_plates_count"]), float(plates["rack_flow_kg_s"])
    a, b = branch_coefficients(flow, float(plates["rack_dp_pa"]))
    return {
        RackRow.CHIP_J_K: n * plates["chip_j_k"],
        RackRow.PLATE_J_K: n * plates["plate_j_k"],
        RackRow.CPU_J_K: plates["cpu_j_k"],
        RackRow.SWITCH_J_K: plates["switch_j_k"],
        RackRow.TRAY_J_K: plates["tray_fluid_j_k"],
        RackRow.RETURN_J_K: plates["hose_j_k"],
        RackRow.SUPPLY_J_K: plates["hose_j_k"],
        RackRow.AIR_J_K: plates["air_j_k"],
        RackRow.CHIP_PLATE_W_K: n / plates["chip_to_plate_k_w"],
        RackRow.PLATES: n,
        RackRow.PLATE_FLOW_SHARE: plates["gpu_flow_fraction"],
        RackRow.R_INFINITE_K_W: plates["r_infinite_k_w"],
        RackRow.R_UNIT_K_W: plates["r_unit_k_w"],
        RackRow.R_EXPONENT: plates["flow_exponent"],
        RackRow.CPU_W_K: plates["cpu_w_k"],
        RackRow.SWITCH_W_K: plates["switch_w_k"],
        RackRow.FLOW_KG_S: flow,
        RackRow.AIR_ROOM_W_K: plates["air_room_w_k"],
        RackRow.AIR_TRAY_W_K: plates["air_liquid_w_k"],
        RackRow.BRANCH_A_PA_S_KG: a,
        RackRow.BRANCH_B_PA_S2_KG2: b,
    }


def loop_rows(item: Any, coolant: Coolant, flow_kg_s: float) -> dict[LoopRow, float]:
    """Parameters of one loop from its item and the flow it is laid out for."""
    j_k_m3 = coolant.cp_j_kg_k * coolant.density_kg_m3
    return {
        LoopRow.CP_J_KG_K: coolant.cp_j_kg_k,
        LoopRow.DENSITY_KG_M3: coolant.density_kg_m3,
        LoopRow.SUPPLY_J_K: item["supply_volume_m3"] * j_k_m3,
        LoopRow.RETURN_J_K: item["return_volume_m3"] * j_k_m3,
        LoopRow.VESSEL_LOW_KG: item["vessel_low_kg"],
        LoopRow.NATURAL_KG_S: item["natural_flow_fraction"] * flow_kg_s,
    }


def cdu_rows(item: Any, coolant: Coolant, primary: Coolant, flow_kg_s: float) -> dict[CduRow, float]:
    """Parameters of one CDU; its conductance follows from the rated point, its pressure loss from the loop's flow."""
    c_hot, c_cold = item["secondary_flow_kg_s"] * coolant.cp_j_kg_k, item["primary_flow_kg_s"] * primary.cp_j_kg_k
    a, b = branch_coefficients(flow_kg_s, float(item["internal_dp_pa"]))
    return {
        CduRow.UA_W_K: design_ua_w_k(item["rated_heat_w"], c_hot, c_cold, item["rated_approach_k"], 0.0),
        CduRow.FILM_RATIO: item["film_ratio"],
        CduRow.PRIMARY_KG_S: item["primary_flow_kg_s"],
        CduRow.SECONDARY_KG_S: item["secondary_flow_kg_s"],
        CduRow.SECONDARY_J_K: item["secondary_j_k"],
        CduRow.PRIMARY_J_K: item["primary_j_k"],
        CduRow.PRIMARY_CP_J_KG_K: primary.cp_j_kg_k,
        CduRow.COMMON_A_PA_S_KG: a,
        CduRow.COMMON_B_PA_S2_KG2: b,
        CduRow.VALVE_LAG_S: item["valve_lag_s"],
        CduRow.VALVE_STROKE_S: item["valve_stroke_s"],
    }


def pump_rows(item: Any) -> dict[PumpRow, float]:
    """Parameters of one pump."""
    return {
        PumpRow.HEAD_PA: item["shut_off_head_pa"],
        PumpRow.CURVE_PA_S2_KG2: (item["shut_off_head_pa"] - item["rated_head_pa"]) / item["rated_flow_kg_s"] ** 2,
        PumpRow.SHAFT_W: item["rated_shaft_w"],
        PumpRow.RATED_KG_S: item["rated_flow_kg_s"],
        PumpRow.SHUT_OFF_POWER_FRACTION: item["shut_off_power_fraction"],
        PumpRow.COAST_DOWN_S: item["coast_down_s"],
        PumpRow.RAMP_S: item["ramp_s"],
        PumpRow.DRIVE_LAG_S: item["drive_lag_s"],
        PumpRow.DRIVE_EFFICIENCY: item["drive_efficiency_fraction"],
    }


def table(rows: Sequence[dict[Any, float]], names: Any) -> np.ndarray:
    """Rows of every element as one array : (row, element)."""
    return np.array([[float(one[row]) for one in rows] for row in names]).reshape(len(names), len(rows))


def control_of(c: CduControl) -> TcsControl:
    """Set-points and timers in the units of the component."""
    return TcsControl(
        supply_c=c.supply_c, supply_floor_c=c.room_dew_point_c + c.dew_point_margin_k, dew_point_c=c.room_dew_point_c,
        valve_gain_per_k=c.valve_gain_per_k, valve_integral_s=c.valve_integral_s,
        valve_standby_fraction=c.valve_standby_fraction,
        valve_opens_without_controller=c.valve_on_lost_controller == "open",
        controls_pressure=c.pump_control == "differential-pressure", pump_gain_fraction=c.pump_gain_fraction,
        low_flow_fraction=c.low_flow_fraction, supply_high_k=c.supply_high_k, pump_detect_us=_us(c.pump_detect_s),
        low_flow_timer_us=_us(c.low_flow_timer_s), changeover_us=_us(c.changeover_s),
        leak_detect_us=_us(c.leak_detect_s), leak_isolate_us=_us(c.leak_isolate_s),
    )  # fmt: skip


def tcs_params(plant: Any, *, reference: bool = False) -> TcsParams:
    """Parameters of the technology side of a plant.

    Parameters
    ----------
    plant : facility, catalogue and axes
    reference : integrate with scipy's solve_ivp instead of the compiled steps
    """
    section: TcsSection = plant.facility.tcs
    item = plant.catalogue.item
    racks = plant.axes["rack"]
    rooms = plant.axes.get("room") or tuple(plant.facility.air.rooms)
    loops, cdus = tuple(section.loops), tuple(section.cdus)
    pumps = tuple(p for k in cdus for p in section.cdus[k].pumps)
    plates = item(section.cold_plates)
    coolant = Coolant(item(section.coolant)["cp_j_kg_k"], item(section.coolant)["density_kg_m3"])
    primary = Coolant(item(section.primary_coolant)["cp_j_kg_k"], item(section.primary_coolant)["density_kg_m3"])
    rack_loop = np.array([loops.index(plant.facility.racks[r].loop) for r in racks], dtype=np.int64)
    flow = np.bincount(rack_loop, minlength=len(loops)) * float(plates["rack_flow_kg_s"])
    reaches = tuple(tuple(loops.index(n) for n in section.cdus[k].serves) for k in cdus)
    laid_out = [max(flow[n] for n in reach) for reach in reaches]
    specs = [section.cdus[k].pumps[p] for k in cdus for p in section.cdus[k].pumps]
    pump_items = [item(s.type) for s in specs]
    pump_cdu = np.array([at for at, k in enumerate(cdus) for _ in section.cdus[k].pumps], dtype=np.int64)
    cdu_items = [item(section.cdus[k].type) for k in cdus]
    loop_items = [item(section.loops[n].type) for n in loops]
    model = TcsModel(
        rack_loop,
        pump_cdu,
        table([rack_rows(plates)] * len(racks), RackRow),
        table([loop_rows(i, coolant, f) for i, f in zip(loop_items, flow.tolist(), strict=True)], LoopRow),
        table([cdu_rows(i, coolant, primary, f) for i, f in zip(cdu_items, laid_out, strict=True)], CduRow),
        table([pump_rows(i) for i in pump_items], PumpRow),
    )
    first = np.array([np.flatnonzero(pump_cdu == k)[0] for k in range(len(cdus))])
    dp = float(plates["rack_dp_pa"])
    total = dp + np.array([i["internal_dp_pa"] for i in cdu_items])
    design = np.sqrt((total + model.pump[PumpRow.CURVE_PA_S2_KG2][first] * np.array(laid_out) ** 2)
                     / model.pump[PumpRow.HEAD_PA][first])
    return TcsParams(
        model=model,
        axes={"rack": racks, "loop": loops, "cdu": cdus, "cdu_pump": pumps, "room": rooms},
        control=control_of(section.control),
        loop_home=np.array([cdus.index(section.loops[n].cdu) for n in loops], dtype=np.int64),
        cdu_reaches=reaches,
        rack_room=np.array([rooms.index(section.loops[loops[n]].room) for n in rack_loop], dtype=np.int64),
        cdu_room=np.array([rooms.index(section.cdus[k].room) for k in cdus], dtype=np.int64),
        flow_set_kg_s=flow.astype(float),
        dp_set_pa=np.full(len(loops), dp),
        vessel_kg=np.array([float(i["vessel_kg"]) for i in loop_items]),
        hottest_ratio=np.full(len(racks), float(plates["hottest_gpu_ratio"])),
        speed_minimum_fraction=np.array([float(pump_items[j]["speed_minimum_fraction"]) for j in first]),
        speed_design_fraction=np.minimum(design, 1.0),
        controller_w=np.array([float(i["controller_w"]) for i in cdu_items]),
        pump_restart_us=np.array([_us(s.restart_s) for s in specs], dtype=np.int64),
        controller_restart_us=np.array([_us(section.cdus[k].restart_s) for k in cdus], dtype=np.int64),
        reference=reference,
    )


def build_tcs(plant: Any, scenario: Any) -> Tcs:
    """Component `tcs` of a plant under a scenario."""
    return Tcs(tcs_params(plant, reference=scenario.solver == "reference"))


def _us(seconds: float) -> int:
    return round(seconds * SECOND)
