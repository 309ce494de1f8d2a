"""Telemetry points: which quantity of the results is shown under which building-management point name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Point:
    """value = scale x quantity + offset, in `unit`; stat: the statistic of the minute that is shown."""

    axis: str
    name: str
    quantity: str
    unit: str
    scale: float = 1.0
    offset: float = 0.0
    stat: str = "mean"


# Names follow the point types of the DSX Exchange building-management schema where it has one; the others are ours.
POINTS: tuple[Point, ...] = (
    Point("rack", "RackPower", "rack_power_w", "kW", 1e-3),
    Point("rack", "RackLiquidSupplyTemperature", "rack_supply_c", "degC"),
    Point("rack", "RackLiquidReturnTemperature", "rack_return_c", "degC"),
    Point("rack", "RackLiquidMassFlow", "rack_flow_kg_s", "kg/s"),
    Point("rack", "RackLiquidIsolationStatus", "rack_isolated", "1", stat="max"),
    Point("rack", "RackElectricalIsolationStatus", "rack_powered", "1", -1.0, 1.0, stat="min"),
    Point("rack", "ChipTemperature", "chip_hottest_c", "degC", stat="max"),
    Point("rack", "ClockFraction", "clock_fraction", "fraction", stat="min"),
    Point("loop", "LiquidSupplyTemperature", "tcs_supply_c", "degC"),
    Point("loop", "LiquidReturnTemperature", "tcs_return_c", "degC"),
    Point("loop", "LiquidMassFlow", "loop_flow_kg_s", "kg/s"),
    Point("cdu", "ValvePosition", "cdu_valve_position_fraction", "%", 100.0),
    Point("cdu", "LiquidTemperature", "fws_supply_c", "degC"),
    Point("cdu", "HeatFlow", "cdu_primary_heat_w", "kW", 1e-3),
    Point("cdu_pump", "ActivePower", "cdu_pump_power_w", "kW", 1e-3),
    Point("fws_pump", "ActivePower", "fws_pump_power_w", "kW", 1e-3),
    Point("dry_cooler", "ActivePower", "fan_power_w", "kW", 1e-3),
    Point("dry_cooler", "FanSpeedFraction", "fan_speed_fraction", "fraction"),
    Point("chiller", "ActivePower", "chiller_power_w", "kW", 1e-3),
    Point("chiller", "Loading", "chiller_load_fraction", "fraction"),
    Point("ahu", "ActivePower", "ahu_power_w", "kW", 1e-3),
    Point("room", "AirTemperature", "room_c", "degC"),
    Point("power_node", "ActivePower", "power_node_w", "kW", 1e-3),
    Point("power_node", "Loading", "power_node_loading_fraction", "fraction", stat="max"),
    Point("ups", "StateOfCharge", "battery_soc_fraction", "%", 100.0),
    Point("switch", "ActivePower", "switch_power_w", "kW", 1e-3),
    Point("site", "LiquidReturnTemperature", "fws_return_c", "degC"),
    Point("site", "LiquidSupplyTemperature", "dry_cooler_out_c", "degC"),
    Point("site", "OutdoorDryBulb", "outdoor_drybulb_c", "degC"),
    Point("site", "ActivePower", "utility_w", "kW", 1e-3),
)


def point_values(results: Any, point: Point) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A point over a run at the 60 s level: time [s], and values (time, element) in the point's unit."""
    time_s, raw = results.series(point.quantity, "60s", stat=point.stat)
    values = point.scale * np.asarray(raw, dtype=np.float64) + point.offset
    return np.asarray(time_s, dtype=np.float64), np.ascontiguousarray(values, dtype=np.float32)


def available(results: Any) -> tuple[Point, ...]:
    """The points whose quantity this run recorded on the expected axis."""
    found = results.quantities
    return tuple(p for p in POINTS if p.quantity in found and found[p.quantity]["axis"] == p.axis)
