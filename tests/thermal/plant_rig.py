"""The three plant components on the reference project's sections, without the rest of the factory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import twin
from twin.catalogue import read_catalogue
from twin.components.air import build_air
from twin.components.fws import build_fws
from twin.components.weather import build_weather
from twin.contract import SECOND, Component, Event, Inputs
from twin.spec.air import AirSection
from twin.spec.fws import FwsSection
from twin.spec.yaml_source import plain, read_yaml

FACILITY = Path(twin.__file__).parent / "projects" / "gb300-su" / "facility.yaml"


def make(
    solver: str = "fast",
    weather: str = "greensboro-tmy3",
    date: str = "hottest",
    hours: float = 24.0,
    patch: Callable[[Any, Any], None] = lambda fws, air: None,
) -> tuple[list[Component], Any]:
    """Weather, fws and air components of the reference sections after `patch(fws, air)`."""
    tree = plain(read_yaml(FACILITY))
    patch(tree["fws"], tree["air"])
    facility = SimpleNamespace(
        fws=FwsSection.model_validate(tree["fws"]),
        air=AirSection.model_validate(tree["air"]),
        site=SimpleNamespace(weather=weather, date=date),
        folder=FACILITY.parent,
    )
    plant = SimpleNamespace(
        facility=facility,
        catalogue=read_catalogue()[0],
        axes={
            "site": ("SITE",),
            "cdu": ("C1", "C2", "C3"),
            "rack": tuple(f"R{k}" for k in range(8)),
            "switch": ("S1",),
        },
    )
    scenario = SimpleNamespace(
        seed=1,
        solver=solver,
        weather=None,
        date=None,
        clock=SimpleNamespace(start=datetime(2026, 7, 10), duration_s=hours * 3600.0),
    )
    return [build_weather(plant, scenario), build_fws(plant, scenario), build_air(plant, scenario)], plant


class Rig:
    """Steps components with given surroundings, applies their events, adds up their joules."""

    def __init__(self, components: list[Component], plant: Any, t: int = 0, heat_w: float = 500e3):
        self.components, self.values, self.causes = components, {}, {}
        for component in components:
            for port in (*component.inputs, *component.outputs):
                if port.name not in self.values or port in component.outputs:
                    self.values[port.name] = np.full(len(plant.axes[port.axis]), port.neutral)
                if port.kind == "mode":
                    self.causes[port.name] = [""] * len(plant.axes[port.axis])
        self.inputs = Inputs(self.values, self.causes)
        self.values |= {
            "cdu_valve_position_fraction": np.array([0.85, 0.85, 0.0]),
            "cdu_primary_heat_w": np.array([heat_w, heat_w, 0.0]),
            "rack_room_heat_w": np.full(8, 15e3),
            "cdu_room_heat_w": np.full(3, 500.0),
            "switch_power_w": np.array([18e3]),
        }
        self.conversion_w = np.array([5e3, 50e3])
        self.joules: dict[str, float] = {}
        self.given_j = 0.0
        self.events: list[Event] = []
        for component in components:
            component.start(t, self.inputs)

    def set(self, port: str, index: int, value: float, cause: str = "") -> None:
        """Set one mode as an event would."""
        self.values[port] = self.values[port].copy()
        self.values[port][index] = value
        self.causes[port][index] = cause

    def step(self, t: int, t_end: int) -> None:
        self.values["conversion_heat_j"] = self.conversion_w * (t_end - t) / SECOND
        for component in self.components:
            self.apply(component.settle(t, 0, self.inputs))
            assert component.settle(t, 1, self.inputs) == ()
        events: list[Event] = []
        for component in self.components:
            done = component.advance(t, t_end, self.inputs)
            assert done.t == t_end
            self.values.update(done.outputs)
            events += done.events
            for name, amount in done.joules.items():
                self.joules[name] = self.joules.get(name, 0.0) + amount
        self.apply(tuple(events))
        v = self.values
        watts = sum(
            float(v[p].sum()) for p in ("cdu_primary_heat_w", "rack_room_heat_w", "cdu_room_heat_w", "switch_power_w")
        )
        self.given_j += watts * (t_end - t) / SECOND + float(v["conversion_heat_j"].sum())

    def run(self, start_s: float, end_s: float, step_s: float = 1.0) -> None:
        step, t = round(step_s * SECOND), round(start_s * SECOND)
        while t < round(end_s * SECOND):
            self.step(t, t + step)
            t += step

    def apply(self, events: tuple[Event, ...]) -> None:
        for event in events:
            for port, index, value in event.sets:
                self.set(port, index, value, f"{event.t}/{event.element}/{event.kind}")
        self.events += events

    def stored_j(self) -> float:
        return sum(sum(c.stored_j().values()) for c in self.components)

    def residual(self, stored_before_j: float) -> float:
        """Thermal ledger of the three components over their life, relative to what came in."""
        j = self.joules
        given = self.given_j + sum(
            j[k] for k in ("fws/pump_j", "fws/fan_j", "fws/chiller_j", "fws/controller_j", "air/ahu_j")
        )
        gone = sum(
            j[k]
            for k in (
                "fws/dry_cooler_rejected_j",
                "fws/tower_rejected_j",
                "fws/chiller_rejected_j",
                "fws/ambient_j",
                "fws/reused_j",
                "air/ahu_rejected_j",
                "air/ambient_j",
            )
        )
        return (given - gone - (self.stored_j() - stored_before_j)) / given
