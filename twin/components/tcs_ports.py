"""Ports of the technology side, and the parameters it is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermal.tcs_layout import TcsModel
from twin.contract import Port

Ints = NDArray[np.int64]

HEATS = ("gpu_heat_w", "cpu_heat_w", "nvswitch_heat_w", "rack_air_heat_w")

# Fault modes that this component obeys: port, axis, neutral value.
FAULTS = (
    ("cdu_pump_tripped", "cdu_pump", 0.0),
    ("cdu_pump_speed_factor", "cdu_pump", 1.0),
    ("cdu_pump_start_blocked", "cdu_pump", 0.0),
    ("cdu_pump_check_valve_stuck", "cdu_pump", 0.0),
    ("cdu_failed", "cdu", 0.0),
    ("cdu_controller_failed", "cdu", 0.0),
    ("cdu_valve_stuck_at_fraction", "cdu", -1.0),
    ("cdu_supply_sensor_bias_k", "cdu", 0.0),
    ("cdu_fouling_k_w", "cdu", 0.0),
    ("cdu_strainer_factor", "cdu", 1.0),
    ("loop_head_factor", "loop", 1.0),
    ("loop_viscosity_factor", "loop", 1.0),
    ("rack_leak_kg_s", "rack", 0.0),
    ("rack_leak_detector_failed", "rack", 0.0),
    ("rack_valve_opening_fraction", "rack", 1.0),
    ("rack_plate_resistance_factor", "rack", 1.0),
)
# Modes that others own: supply of power, and a set-point shift.
SERVICES = (
    ("cdu_pump_powered", "cdu_pump", 1.0),
    ("cdu_controller_powered", "cdu", 1.0),
    ("tcs_setpoint_offset_k", "cdu", 0.0),
)
# Modes of its own; -1 says "none".
OWN = (
    ("cdu_of_loop", "loop", -1.0),
    ("cdu_next_of_loop", "loop", -1.0),
    ("loop_low_flow", "loop", 0.0),
    ("loop_without_reserve", "loop", 0.0),
    ("loop_supply_high", "loop", 0.0),
    ("loop_supply_condensing", "loop", 0.0),
    ("cdu_controller_alive", "cdu", 1.0),
    ("cdu_pump_running", "cdu_pump", 0.0),
    ("cdu_pump_start_failed", "cdu_pump", 0.0),
    ("rack_leak_seen", "rack", 0.0),
    ("rack_isolated", "rack", 0.0),
    ("rack_isolation_request", "rack", 0.0),
)

OUTPUTS = (
    *(Port(name, "rack", "end") for name in
      ("chip_c", "chip_hottest_c", "plate_c", "cpu_c", "nvswitch_c", "rack_supply_c", "rack_return_c", "rack_air_c",
       "rack_flow_kg_s")),
    *(Port(name, "loop", "end") for name in
      ("loop_flow_kg_s", "loop_dp_pa", "tcs_supply_c", "tcs_return_c", "loop_coolant_kg")),
    *(Port(name, "cdu", "end") for name in ("cdu_valve_position_fraction", "cdu_primary_return_c")),
    Port("cdu_pump_speed_fraction", "cdu_pump", "end"),
    Port("cdu_primary_heat_w", "cdu", "mean", needs=HEATS),
    Port("cdu_pump_power_w", "cdu_pump", "mean", needs=HEATS),
    Port("cdu_controller_power_w", "cdu", "mean"),
    Port("rack_room_heat_w", "rack", "mean", needs=HEATS),
    Port("cdu_room_heat_w", "cdu", "mean", needs=HEATS),
    *(Port(name, axis, "mode", neutral=neutral) for name, axis, neutral in OWN),
)
INPUTS = (
    *(Port(name, "rack", "mean") for name in HEATS),
    Port("fws_supply_c", "cdu", "end"),
    Port("cdu_primary_flow_kg_s", "cdu", "end"),
    Port("room_c", "room", "end"),
    *(Port(name, axis, "mode", neutral=neutral) for name, axis, neutral in (*SERVICES, *FAULTS, *OWN)),
)


@dataclass(frozen=True)
class TcsControl:
    """Set-points, gains and timers of the CDU controllers and of the group controller."""

    supply_c: float = 40.0
    supply_floor_c: float = 19.0  # room dew point plus margin
    dew_point_c: float = 17.0
    valve_gain_per_k: float = 0.06
    valve_integral_s: float = 40.0
    valve_standby_fraction: float = 0.1
    valve_opens_without_controller: bool = True
    controls_pressure: bool = True  # else flow
    pump_gain_fraction: float = 0.3
    low_flow_fraction: float = 0.7
    supply_high_k: float = 5.0
    pump_detect_us: int = 2_000_000
    low_flow_timer_us: int = 60_000_000
    changeover_us: int = 5_000_000
    leak_detect_us: int = 10_000_000
    leak_isolate_us: int = 20_000_000


@dataclass(frozen=True)
class TcsParams:
    """What the component is built from; arrays are indexed as the axes are."""

    model: TcsModel
    axes: Mapping[str, tuple[str, ...]]  # rack, loop, cdu, cdu_pump, room
    control: TcsControl
    loop_home: Ints  # the loop's own CDU
    cdu_reaches: tuple[tuple[int, ...], ...]  # loops that the valves of each CDU reach
    rack_room: Ints
    cdu_room: Ints
    flow_set_kg_s: NDArray[np.float64]  # per loop
    dp_set_pa: NDArray[np.float64]  # per loop
    vessel_kg: NDArray[np.float64]  # per loop, when full
    hottest_ratio: NDArray[np.float64]  # per rack
    speed_minimum_fraction: NDArray[np.float64]  # per CDU
    speed_design_fraction: NDArray[np.float64]  # per CDU
    controller_w: NDArray[np.float64]  # per CDU
    pump_restart_us: Ints
    controller_restart_us: Ints
    reference: bool = False
