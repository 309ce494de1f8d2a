"""A load component of its own: the catalogue's hardware, a small facility without the rest of the plant."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

from twin.catalogue import load_catalogue
from twin.components.load import build_load
from twin.components.load_component import LoadComponent
from twin.components.load_ports import INPUTS
from twin.contract import SECOND, Inputs
from twin.spec.racks import Rack
from twin.spec.workload import Workload

PROJECT = Path(__file__).parents[2] / "twin" / "projects" / "gb300-su"
RACKS = tuple(f"H1_R{row:02d}_RK{i:02d}" for row in (1, 2) for i in range(1, 5))


def workload_of(name: str = "workload.yaml", **changes: Any) -> Workload:
    tree = yaml.safe_load((PROJECT / name).read_text())
    for path, value in changes.items():
        *steps, last = path.split("__")
        part = tree
        for step in steps:
            part = part[step]
        part[last] = value
    return Workload.model_validate_json(json.dumps(tree))


def build(workload: Workload, seed: int = 1, racks: tuple[str, ...] = RACKS, hour: int = 15) -> LoadComponent:
    axes = {"rack": racks, "job": tuple(workload.jobs), "pool": tuple(workload.pools)}
    plant = SimpleNamespace(
        facility=SimpleNamespace(racks={r: Rack(type="gb300-nvl72", loop="L") for r in racks}),
        catalogue=load_catalogue(), axes=axes,
    )
    clock = SimpleNamespace(start=datetime(2026, 7, 1, hour), duration_s=600.0)
    return build_load(plant, SimpleNamespace(workload=workload, seed=seed, clock=clock, solver="fast"))


class Bench:
    """Drives one component as the coupling does: settle to rest, mark, advance, apply events."""

    def __init__(self, component: LoadComponent, t: int = 0) -> None:
        self.c, self.t, self.events, self.counts, self.joules = component, t, [], {}, {}
        self.value = {p.name: np.full(len(component.axes[p.axis]), p.neutral) for p in INPUTS}
        self.cause = {p.name: [""] * len(component.axes[p.axis]) for p in INPUTS if p.kind == "mode"}
        self.out: dict[str, np.ndarray] = {}
        self.thermal: Callable[[Bench], None] = lambda bench: None
        component.start(t, self.inputs())

    def inputs(self) -> Inputs:
        return Inputs(self.value, self.cause)

    def set(self, port: str, index: int, value: float) -> None:
        self.value[port] = self.value[port].copy()
        self.value[port][index] = value
        self.cause[port][index] = f"{self.t}/{port}/{index}"

    def settle(self) -> None:
        for round in range(20):
            events = self.c.settle(self.t, round, self.inputs())
            if not events:
                return
            for e in events:
                self.events.append(e)
                for port, index, value in e.sets:
                    self.value[port] = self.value[port].copy()
                    self.value[port][index] = value
                    self.cause[port][index] = f"{self.t}.{round}/{e.element}/{e.kind}"
        raise AssertionError("does not settle")

    def step(self, dt_us: int = SECOND) -> None:
        self.settle()
        end = min((self.t // dt_us + 1) * dt_us, self.c.next_due())
        a = self.c.advance(self.t, end, self.inputs())
        self.out = dict(a.outputs)
        for name, v in a.counts.items():
            self.counts[name] = self.counts.get(name, 0.0) + v
        for name, v in a.joules.items():
            self.joules[name] = self.joules.get(name, 0.0) + v
        self.t = end
        self.thermal(self)

    def run(self, seconds: float, dt_us: int = SECOND) -> None:
        end = self.t + round(seconds * SECOND)
        while self.t < end:
            self.step(dt_us)

    def kinds(self) -> list[str]:
        return [e.kind for e in self.events]


