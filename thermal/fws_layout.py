"""Names and places of the facility water loop's numbers: states, inputs, parameters.

Everything that steps is a flat array of floats, so that the compiled plant here and a plant behind a foreign interface
can share one definition. Each tuple below names the columns of one block; the index constants follow the tuples.
"""

from __future__ import annotations

from dataclasses import dataclass

SITE_PARAMETERS = (
    "cp_j_kg_k", "density_kg_m3", "loop_pa_s2_kg2", "valve_rangeability", "valve_leak_fraction",
    "supply_cell_j_k", "return_cell_j_k", "supply_cell_w_k", "return_cell_w_k", "evaporator_j_k",
    "duty_pumps", "pump_detect_s", "pump_minimum_fraction", "dp_set_pa", "dp_gain", "dp_reset_s",
    "supply_set_c", "fan_gain_per_k", "fan_reset_s", "bypass_stroke_s",
    "chiller_gain_per_k", "chiller_reset_s", "chiller_on_k", "chiller_off_k", "chiller_on_s", "chiller_off_s",
    "chiller_minimum_flow_kg_s", "freeze_guard_c",
    "controller_w", "controller_restart_s", "held_density_kg_m3", "scan_s", "substep_s",
)
CDU_PARAMETERS = ("branch_pa_s2_kg2", "valve_pa_s2_kg2", "primary_j_k")
PUMP_PARAMETERS = (
    "shutoff_pa", "curve_pa_s2_kg2", "shaft_w", "rated_kg_s", "no_flow_share", "motor_efficiency_fraction",
    "coast_s", "ramp_s", "restart_s",
)
BANK_PARAMETERS = (
    "wet", "conductance_w_k", "resistance_ratio", "water_kg_s", "air_m3_s", "fan_w", "rated_density_kg_m3",
    "coil_j_k", "natural_fraction", "fan_lag_s", "nominal_ntu", "cycles", "drift_fraction", "spray_kg_s",
    "restart_s",
)
CHILLER_PARAMETERS = (
    "capacity_w", "rated_leaving_c", "rated_outdoor_c", "carnot_fraction", "evaporator_k", "condenser_k",
    "minimum_load_fraction", "load_lag_s", "auxiliary_w", "standby_w", "restart_s", "condenser_air_kg_s",
)

CDU_INPUTS = ("valve_fraction", "heat_w")
PUMP_INPUTS = ("powered", "tripped", "start_blocked", "head_fraction")
BANK_INPUTS = ("powered", "fan_fraction", "conductance_fraction", "recirculation_k")
CHILLER_INPUTS = ("powered", "tripped", "start_blocked", "capacity_fraction")
SITE_INPUTS = (
    "drybulb_c", "wetbulb_c", "pressure_pa", "controller_powered", "controller_failed", "supply_bias_k", "bypass_stuck",
)

PUMP_LOGIC = ("on", "ready_s", "changed_us")
CHILLER_LOGIC = ("on", "ready_s", "changed_us")
BANK_LOGIC = ("guarded", "ready_s", "changed_us")
SITE_LOGIC = ("fan_integral", "heat_signal", "dp_integral", "speed_set", "load_integral", "load_set", "missing_s",
              "warm_s", "cool_s", "control_ready_s")

SITE_OUTPUTS = ("flow_kg_s", "header_dp_pa", "mixed_c", "leaving_c", "return_c", "supply_c", "bypass_fraction")

# Indices, as literal constants for compiled code; a test holds them to the tuples above.
(G_CP, G_RHO, G_LOOP, G_RANGE, G_LEAK, G_CS, G_CR, G_US, G_UR, G_CE, G_DUTY, G_DETECT, G_SMIN, G_DPSET,
 G_DPGAIN, G_DPTI, G_TSET, G_FGAIN, G_FTI, G_STROKE, G_HGAIN, G_HTI, G_HON, G_HOFF, G_HONS, G_HOFFS, G_HFLOW,
 G_FREEZE, G_CTLW, G_CTLRESTART, G_RHOAIR, G_SCAN, G_SUB) = range(len(SITE_PARAMETERS))
C_BRANCH, C_VALVE, C_CAP = range(len(CDU_PARAMETERS))
P_H0, P_A, P_SHAFT, P_RATED, P_SHARE, P_MOTOR, P_COAST, P_RAMP, P_RESTART = range(len(PUMP_PARAMETERS))
(B_WET, B_UA, B_RATIO, B_WATER, B_AIR, B_FAN, B_RHO, B_CAP, B_NAT, B_LAG, B_NTU, B_CYCLES, B_DRIFT,
 B_SPRAY, B_RESTART) = range(len(BANK_PARAMETERS))
(H_CAP, H_LVG, H_AMB, H_ETA, H_DTE, H_DTC, H_MIN, H_LAG, H_AUX, H_IDLE, H_RESTART,
 H_AIR) = range(len(CHILLER_PARAMETERS))
UC_VALVE, UC_HEAT = range(len(CDU_INPUTS))
UP_POWER, UP_TRIP, UP_BLOCK, UP_HEAD = range(len(PUMP_INPUTS))
UB_POWER, UB_FAN, UB_UA, UB_RECIRC = range(len(BANK_INPUTS))
UH_POWER, UH_TRIP, UH_BLOCK, UH_CAP = range(len(CHILLER_INPUTS))
US_DB, US_WB, US_P, US_POWER, US_FAIL, US_BIAS, US_STUCK = range(len(SITE_INPUTS))
L_ON, L_READY, L_CHANGED = range(3)
LB_GUARD, LB_READY, LB_CHANGED = range(3)
S_FI, S_U, S_DI, S_SPEED, S_HI, S_LOAD, S_MISSING, S_WARM, S_COOL, S_READY = range(len(SITE_LOGIC))
O_FLOW, O_DP, O_MIX, O_LVG, O_RET, O_SUP, O_BYP = range(len(SITE_OUTPUTS))

ENERGY_TERMS = ("dry_rejected_j", "tower_rejected_j", "chiller_rejected_j", "ambient_j", "controller_j", "water_l")
E_DRY, E_TOWER, E_CHILLER, E_AMBIENT, E_CTL, E_WATER = range(len(ENERGY_TERMS))


@dataclass(frozen=True)
class FwsSizes:
    """How many of each; the places of the blocks in the state vector follow from it."""

    cdus: int
    pumps: int
    banks: int
    chillers: int
    cells: int

    def state_blocks(self) -> dict[str, slice]:
        """Blocks of the state vector, in order: what steps, then what accumulates energy."""
        sizes = {
            "pump_speed_fraction": self.pumps, "fan_speed_fraction": self.banks, "bypass_fraction": 1,
            "chiller_load_fraction": self.chillers, "supply_pipe_c": self.cells, "cdu_return_c": self.cdus,
            "return_pipe_c": self.cells, "bank_c": self.banks, "evaporator_c": 1,
            "pump_j": self.pumps, "fan_j": self.banks, "chiller_j": self.chillers, "terms": len(ENERGY_TERMS),
        }
        blocks, place = {}, 0
        for name, size in sizes.items():
            blocks[name] = slice(place, place + size)
            place += size
        return blocks

    @property
    def states(self) -> int:
        return self.state_blocks()["terms"].stop

    @property
    def first_energy(self) -> int:
        return self.state_blocks()["pump_j"].start

    @property
    def logic(self) -> int:
        """Length of the vector of controller states: pumps, chillers, banks, site."""
        return 3 * (self.pumps + self.chillers + self.banks) + len(SITE_LOGIC)
