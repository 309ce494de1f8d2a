"""The scenario: a facility, a load, a clock, and what goes wrong when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from twin.catalogue.item import KeyName
from twin.catalogue.modes import ModeName
from twin.spec.clock import Clock, ClockSpec, DurationText, InstantText
from twin.spec.facility import Facility, Name
from twin.spec.model import Id, Spec
from twin.spec.site import DateText, WeatherName
from twin.spec.workload import Workload
from twin.spec.yaml_source import Node

Solver = Literal["fast", "reference"]
Quantity = Literal["outdoor_offset_k", "power_cap_fraction", "tcs_setpoint_offset_k"]
CONDITIONS: dict[str, tuple[str, float, float, float]] = {  # quantity -> class, neutral, lowest, highest
    "outdoor_offset_k": ("site", 0.0, -40.0, 40.0),
    "power_cap_fraction": ("rack", 1.0, 0.0, 1.0),
    "tcs_setpoint_offset_k": ("cdu", 0.0, -20.0, 40.0),
}
Selection = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_*?\[\]-]*$", max_length=64)]


class FaultSpec(Spec):
    """One fault as written. element: an id, a glob over ids, or a class. Without duration it stays."""

    at: InstantText
    element: Selection
    mode: ModeName
    value: float | None = None
    parameters: dict[KeyName, float] = {}
    duration: DurationText | None = None
    note: str = ""


class ConditionSpec(Spec):
    """A condition that is no fault: warmer weather, a power cap, another set-point."""

    at: InstantText = 0.0
    quantity: Quantity
    value: float
    element: Selection | None = None  # all of the quantity's class
    duration: DurationText | None = None
    note: str = ""


class OutSpec(Spec):
    """An element that is out of service from before the start. mode: how it is away, by default its class's own."""

    element: Selection
    mode: ModeName | None = None
    note: str = ""


class ScenarioSpec(Spec):
    """Top level of a scenario file (`workload` apart: a file or an inline map, checked by its own model)."""

    name: Name
    label: str = ""
    question: str = ""
    hypothesis: str = ""
    note: str = ""
    clock: ClockSpec = ClockSpec()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    solver: Solver = "fast"
    weather: WeatherName | None = None
    date: DateText | None = None
    faults: list[FaultSpec] = []
    conditions: list[ConditionSpec] = []
    out_of_service: list[OutSpec | Id] = []


@dataclass(frozen=True)
class Fault:
    """One injection, resolved: `value` is written to `port` of `element` at `t_us`, `neutral` again at `end_us`."""

    t_us: int
    element: str
    cls: str
    mode: str
    port: str
    value: float
    neutral: float
    end_us: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Condition:
    """One condition, resolved for one element."""

    t_us: int
    element: str
    cls: str
    port: str
    value: float
    neutral: float
    end_us: int | None = None


@dataclass(frozen=True)
class Scenario:
    """Everything a run needs, resolved. Instants are integer microseconds since clock.start."""

    name: str
    label: str
    question: str
    hypothesis: str
    facility: Facility
    workload: Workload
    clock: Clock
    seed: int
    solver: Solver
    weather: str  # a known year's name or an absolute file
    date: str  # "hottest" as written, else the ISO date; clock.start holds the date itself
    faults: tuple[Fault, ...]
    conditions: tuple[Condition, ...]
    out_of_service: tuple[Fault, ...]
    spec: ScenarioSpec
    tree: Node
    note: str = ""
