"""A rig for the technology side alone: the reference project's section, a simple facility loop, books of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

import twin.catalogue
from twin.components.tcs import build_tcs
from twin.components.tcs_ports import HEATS
from twin.contract import SECOND, Advanced, Event, Inputs
from twin.spec.tcs import TcsSection

RACKS = tuple(f"H1_R0{row}_RK0{n}" for row in (1, 2) for n in (1, 2, 3, 4))


@cache
def section() -> TcsSection:
    """The `tcs` section of the reference project."""
    path = twin.catalogue.ROOT.parent / "projects" / "gb300-su" / "facility.yaml"
    return TcsSection.model_validate(yaml.safe_load(path.read_text())["tcs"])


@cache
def items() -> twin.catalogue.Catalogue:
    """The packaged catalogue."""
    return twin.catalogue.load_catalogue()


def control(**changes: float) -> TcsSection:
    """The section with other set-points or timers."""
    return section().model_copy(update={"control": section().control.model_copy(update=changes)})


def plant(tcs: TcsSection | None = None) -> Any:
    """As much of a plant as the builder needs."""
    racks = {name: SimpleNamespace(loop=f"H1_TCS{name[5]}") for name in RACKS}
    facility = SimpleNamespace(tcs=tcs or section(), racks=racks)
    return SimpleNamespace(facility=facility, catalogue=items(), axes={"rack": RACKS, "room": ("H1", "ER1")})


class Rig:
    """Steps the component as the coupling does, with a facility loop that gives flow in proportion to the valve."""

    def __init__(self, *, solver: str = "fast", step_us: int = SECOND, tcs: TcsSection | None = None):
        self.tcs = build_tcs(plant(tcs), SimpleNamespace(solver=solver))
        self.step_us, self.t = step_us, 0
        self.fws_supply_c, self.fws_full_kg_s = 36.0, 18.0
        self.axes = dict(self.tcs.p.axes)
        self.values: dict[str, np.ndarray] = {}
        self.causes: dict[str, list[str]] = {}
        self.events: list[Event] = []
        self.into_j = self.out_j = self.carried_j = 0.0
        self.steps = 0
        self.last: Advanced | None = None
        for port in (*self.tcs.inputs, *self.tcs.outputs):
            self.values[port.name] = np.full(len(self.axes[port.axis]), port.neutral)
            if port.kind == "mode":
                self.causes[port.name] = [""] * len(self.axes[port.axis])
        self.heat()
        self.values["room_c"] = np.array([27.0, 27.0])
        self._facility()
        self.tcs.start(self.t, self.inputs)

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.values, self.causes)

    def heat(self, gpu_w: float = 82e3, cpu_w: float = 11e3, switch_w: float = 7e3, air_w: float = 17e3) -> None:
        """The same heat in every rack."""
        for port, watts in zip(HEATS, (gpu_w, cpu_w, switch_w, air_w), strict=True):
            self.values[port] = np.full(len(RACKS), watts)

    def set(self, port: str, index: int, value: float, cause: str = "root") -> None:
        """Write one element of a mode, as the script or another component would."""
        array, causes = self.values[port].copy(), list(self.causes[port])
        array[index], causes[index] = value, cause
        self.values[port], self.causes[port] = array, causes

    def stored(self) -> float:
        return sum(self.tcs.stored_j().values())

    def kinds(self, after_us: int = -1) -> list[str]:
        return [f"{e.element}/{e.kind}" for e in self.events if e.t > after_us]

    def settle(self) -> None:
        for round in range(64):
            said = self.tcs.settle(self.t, round, self.inputs)
            if not said:
                return
            for event in said:
                self.events.append(event)
                for port, index, value in event.sets:
                    self.set(port, index, value, f"{event.t / SECOND:.6f}/{event.element}/{event.kind}")
        raise AssertionError("never quiet")

    def run(self, seconds: float, each: Callable[[Rig], None] | None = None) -> None:
        """Step for so long, keeping the books."""
        until = self.t + round(seconds * SECOND)
        while self.t < until:
            self.settle()
            end = min((self.t // self.step_us + 1) * self.step_us, until)
            due = self.tcs.next_due()
            end = due if self.t < due < end else end
            self._facility()
            done = self.tcs.advance(self.t, end, self.inputs)
            dt_s = (end - self.t) / SECOND
            self.into_j += sum(float(self.values[p].sum()) for p in HEATS) * dt_s + sum(done.joules.values())
            handed = ("cdu_primary_heat_w", "rack_room_heat_w", "cdu_room_heat_w")
            self.out_j += sum(float(done.outputs[p].sum()) for p in handed) * dt_s
            self.values.update(done.outputs)
            self.t, self.last = end, done
            self.steps += 1
            if each is not None:
                each(self)

    def _facility(self) -> None:
        cdus = len(self.axes["cdu"])
        self.values["fws_supply_c"] = np.full(cdus, self.fws_supply_c)
        self.values["cdu_primary_flow_kg_s"] = self.fws_full_kg_s * self.values["cdu_valve_position_fraction"]
