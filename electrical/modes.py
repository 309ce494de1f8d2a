"""Modes of the power path: what is a fault, what the path keeps itself, and a change as the room says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

NEVER = 1 << 62
SECOND = 1_000_000
DEAD_U = 0.1
GEN_STANDBY, GEN_CRANKING, GEN_RUNNING, GEN_ON_BUS, GEN_COOLING, GEN_LOCKED = range(6)
ENGINE_RUNS = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0])  # by generator state
BYPASS_RETURN_S = 60.0  # load back below rating for this long before an overloaded UPS leaves bypass
ISOLATE = {"rack": "rack_isolation_request"}  # group -> mode that cuts a load off
CLASSES = ("utility", "transformer", "generator", "ups", "switchgear", "transfer_switch", "busway", "whip")
# faults that take an element out of service: class -> mode ports
OFF_PORTS = {
    "transformer": ("transformer_failed",),
    "ups": ("ups_failed", "ups_output_opened"),
    "switchgear": ("switchgear_opened", "switchgear_faulted"),
    "transfer_switch": ("transfer_switch_failed",),
    "busway": ("busway_opened", "busway_lost"),
    "whip": ("whip_opened",),
}
# every fault mode that the power path obeys: port -> (class, neutral)
FAULT_PORTS = {
    "utility_voltage_fraction": ("utility", 1.0),
    "transformer_failed": ("transformer", 0.0),
    "transformer_rating_fraction": ("transformer", 1.0),
    "generator_start_blocked": ("generator", 0.0),
    "generator_failed": ("generator", 0.0),
    "generator_fuel_blocked": ("generator", 0.0),
    "ups_inverter_failed": ("ups", 0.0),
    "ups_bypass_blocked": ("ups", 0.0),
    "ups_failed": ("ups", 0.0),
    "ups_output_opened": ("ups", 0.0),
    "ups_battery_fraction": ("ups", 1.0),
    "ups_battery_disconnected": ("ups", 0.0),
    "ups_retransfer_blocked": ("ups", 0.0),
    "switchgear_opened": ("switchgear", 0.0),
    "switchgear_faulted": ("switchgear", 0.0),
    "transfer_switch_stuck": ("transfer_switch", 0.0),
    "transfer_switch_failed": ("transfer_switch", 0.0),
    "transfer_switch_misplaced": ("transfer_switch", 0.0),
    "busway_opened": ("busway", 0.0),
    "busway_lost": ("busway", 0.0),
    "busway_trip_fraction": ("busway", 1.0),
    "busway_trip_blocked": ("busway", 0.0),
    "busway_resistance_factor": ("busway", 1.0),
    "whip_opened": ("whip", 0.0),
}
OWN_PORTS = {  # state kept by the sequence itself: port -> (class, or "" for every element; neutral)
    "power_node_dead": ("", 0.0),
    "power_node_tripped": ("", 0.0),
    "power_node_overloaded": ("", 0.0),
    "ups_state": ("ups", 0.0),
    "generator_state": ("generator", 0.0),
    "transfer_position": ("transfer_switch", 0.0),
}


@dataclass(frozen=True)
class Change:
    """A reaction: blame names the modes (port, index) whose setting events caused it."""

    element: str
    kind: str
    blame: tuple[tuple[str, int], ...] = ()
    via: tuple[tuple[str, int], ...] = ()
    sets: tuple[tuple[str, int, float], ...] = ()
    value: float = nan
    limit: float = nan


Modes = Mapping[str, Any]
Refs = list[tuple[str, int]]


POWERED = {"cdu": "cdu_controller_powered", "dry_cooler": "fan_powered"}


def powered_port(group: str) -> str:
    """Mode port that tells a group of loads whether it has power.

    Examples
    --------
    >>> powered_port("rack"), powered_port("dry_cooler")
    ('rack_powered', 'fan_powered')
    """
    return POWERED.get(group, f"{group}_powered")
