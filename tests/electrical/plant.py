"""The reference power section with simple loads around it, coupled by the real coupling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace as Space
from typing import Any

import numpy as np

import twin
from twin.catalogue import read_catalogue
from twin.components.electrical import ElectricalComponent, power_axes
from twin.components.electrical_model import load_axes, power_model
from twin.contract import SECOND, Advanced, Event, Inputs, Port, State, Us
from twin.coupling import Coupling, StepRecord
from twin.faults import Action, Script
from twin.spec.power import PowerSection
from twin.spec.yaml_source import plain, read_yaml

RACKS = tuple(f"H1_R{r:02d}_RK{k:02d}" for r in (1, 2) for k in (1, 2, 3, 4))
CDUS = ("H1_CDU1", "H1_CDU2", "H1_CDU3")
# watts of every load: racks are given by the test
WATTS = {
    "switch": 3000.0,
    "cdu_pump": 4000.0,
    "cdu": 400.0,
    "fws_pump": 9000.0,
    "fws_controller": 300.0,
    "dry_cooler": 12000.0,
    "chiller": 60000.0,
    "ahu": 7000.0,
}
DRAWS = {
    "rack": "rack_power_w",
    "switch": "switch_power_w",
    "cdu_pump": "cdu_pump_power_w",
    "cdu": "cdu_controller_power_w",
    "fws_pump": "fws_pump_power_w",
    "fws_controller": "fws_controller_power_w",
    "dry_cooler": "fan_power_w",
    "chiller": "chiller_power_w",
    "ahu": "ahu_power_w",
}
POWERED = {
    axis: {"cdu": "cdu_controller_powered", "dry_cooler": "fan_powered"}.get(axis, f"{axis}_powered") for axis in DRAWS
}


@cache
def catalogue() -> Any:
    found, problems = read_catalogue()
    own = [
        p
        for p in problems
        if any(f"/{c}/" in p.file for c in ("ups", "busway", "generator", "transformer", "terminal"))
    ]
    assert not own, own
    return found


def facility(edit: Mapping[str, Mapping[str, Any]] | None = None) -> Any:
    """The reference power section (edit: node -> changed fields) with 8 racks, 12 switches, 3 CDUs, a small plant."""
    root = Path(twin.__file__).parent / "projects" / "gb300-su" / "facility.yaml"
    data = plain(read_yaml(root))["power"]
    for id, fields in (edit or {}).items():
        data["nodes"][id] = {**data["nodes"][id], **fields}
    section = PowerSection.model_validate(data, strict=False)
    ups = ("UPS_A", "UPS_B", "UPS_C", "UPS_D")
    cdus = {
        c: Space(feed=f"UP{1 + k % 2}", pumps={f"{c}_P1": Space(feed="UP1"), f"{c}_P2": Space(feed="UP2")})
        for k, c in enumerate(CDUS)
    }
    fws = Space(
        pumps={f"FWS_P{k}": Space(feed=f"MDB{1 + k % 2}") for k in (1, 2, 3)},
        controller={"FWS_CTL": Space(feed="UP1")},
        heat_rejection={f"DC{k}": Space(feed=f"MDB{1 + k % 2}") for k in (1, 2, 3, 4)},
        chillers={"CH1": Space(feed="MDB1")},
    )
    air = Space(
        rooms={"H1": None, "ER1": None}, handlers={f"H1_AHU{k}": Space(feed=f"MDB{1 + k % 2}") for k in (1, 2, 3)}
    )
    fabric = Space(
        leaves={f"H1_LF{k:02d}": Space(feed=ups[(k - 1) % 4]) for k in range(1, 9)},
        spines={f"SP{k:02d}": Space(feed=ups[k - 1]) for k in range(1, 5)},
    )
    return Space(power=section, racks=dict.fromkeys(RACKS), tcs=Space(cdus=cdus), fws=fws, air=air, fabric=fabric)


def axes(of: Any) -> dict[str, tuple[str, ...]]:
    return {"site": ("SITE",), **load_axes(of), **power_axes(of, catalogue())}


class Loads:
    """Every load of the plant: constant watts (racks in a fixed pattern that changes each second), 0 without power."""

    name = "loads"
    grid: Us = 0
    can_rewind = True

    def __init__(self, axes: Mapping[str, tuple[str, ...]], rack_w: float, ripple: float = 0.0):
        self.axes, self.rack_w, self.ripple = axes, rack_w, ripple
        self.inputs = tuple(Port(POWERED[a], a, "mode", neutral=1.0) for a in DRAWS)
        self.outputs = (*(Port(DRAWS[a], a, "mean") for a in DRAWS), Port("rack_isolation_request", "rack", "mode"))
        self.joules: dict[str, float] = {}

    def watts(self, axis: str, t: Us) -> Any:
        n = len(self.axes[axis])
        if axis != "rack":
            return np.full(n, WATTS[axis])
        second = t // SECOND
        phase = np.array([((second * 7919 + 104729 * k) % 101) / 50.0 - 1.0 for k in range(n)])
        return self.rack_w * (1.0 + self.ripple * phase)

    def start(self, t: Us, inputs: Inputs) -> None:
        pass

    def next_due(self) -> Us:
        return 1 << 62

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        return ()

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        out = {DRAWS[a]: self.watts(a, t) * inputs.value[POWERED[a]] for a in DRAWS}
        joules = {f"loads/{a}_j": float(out[DRAWS[a]].sum()) * (t_end - t) / SECOND for a in DRAWS}
        return Advanced(t_end, out, joules)

    def stored_j(self) -> Mapping[str, float]:
        return {}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        axis = next((a for a, p in DRAWS.items() if p == port), "")
        return [(POWERED[axis], index)] if axis else []

    def mark(self) -> object:
        return None

    def rewind(self, mark: object) -> None:
        pass

    def save(self) -> State:
        return {}

    def load(self, state: State) -> None:
        pass


class Run:
    """A coupled run of script, loads and the power path; faults: (seconds, element, port, value[, end in seconds])."""

    def __init__(
        self,
        faults: Iterable[tuple[Any, ...]] = (),
        rack_w: float = 125e3,
        step_s: float = 1.0,
        ripple: float = 0.0,
        seed: int = 1,
        edit: Mapping[str, Mapping[str, Any]] | None = None,
        model: Any = None,
    ):
        self.facility = facility(edit)
        self.axes = axes(self.facility)
        self.model = model or power_model(self.facility, catalogue(), self.axes, seed)
        self.electrical = ElectricalComponent(self.model, seed, 2.0)
        ports = [p for p in self.electrical.inputs if p.kind == "mode"]
        made = {p.name for p in self.electrical.outputs} | {"rack_isolation_request"}
        script_ports = [p for p in ports if p.name not in made]
        axis = {p.name: p.axis for p in script_ports}
        neutral = {p.name: p.neutral for p in script_ports}
        actions = []
        for at_s, element, port, value, *end in faults:
            index = self.axes[axis[port]].index(element)
            actions.append(Action(round(at_s * SECOND), element, port.replace("_", "-"), ((port, index, value),)))
            if end:
                actions.append(
                    Action(
                        round(end[0] * SECOND),
                        element,
                        port.replace("_", "-") + "-restored",
                        ((port, index, neutral[port]),),
                        ends=True,
                    )
                )
        self.loads = Loads(self.axes, rack_w, ripple)
        self.coupling = Coupling(
            [Script(actions, script_ports), self.electrical, self.loads], self.axes, step=round(step_s * SECOND)
        )
        self.coupling.start(0)
        self.records: list[StepRecord] = []
        self.residuals: list[float] = []
        self._last = (dict(self.coupling.counters), self.coupling.stored_j())

    def until(self, seconds: float, keep: bool = True) -> Run:
        def record(done: StepRecord) -> None:
            if keep:
                self.records.append(done)
            self.residuals.append(self._residual())

        self.coupling.run(round(seconds * SECOND), record)
        return self

    def _residual(self) -> float:
        """Relative energy residual of the last step: sources against loads, losses and stores."""
        counters, stored = dict(self.coupling.counters), self.coupling.stored_j()
        before, stored_before = self._last
        self._last = (counters, stored)
        d = {k: v - before.get(k, 0.0) for k, v in counters.items()}
        into = sum(
            d.get(f"electrical/{k}_j", 0.0) for k in ("utility", "generator", "battery_discharge", "holdup_discharge")
        )
        out = sum(v for k, v in d.items() if k.startswith(("loads/", "electrical/loss_")))
        out += d.get("electrical/battery_charge_j", 0.0) + d.get("electrical/holdup_charge_j", 0.0)
        scale = max(into, 1e3)  # J; counters are differences of large sums
        battery = stored["electrical/stored_battery_j"] - stored_before["electrical/stored_battery_j"]
        cells = d.get("electrical/battery_charge_j", 0.0) - d.get("electrical/battery_discharge_j", 0.0)
        holdup = stored["electrical/stored_holdup_j"] - stored_before["electrical/stored_holdup_j"]
        caps = d.get("electrical/holdup_charge_j", 0.0) - d.get("electrical/holdup_discharge_j", 0.0)
        heat = d.get("electrical/conversion_heat_j", 0.0) - sum(
            v for k, v in d.items() if k.startswith("electrical/loss_")
        )
        return max(abs(into - out), abs(battery - cells), abs(holdup - caps), abs(heat)) / scale

    @property
    def events(self) -> list[Event]:
        return [e for r in self.records for e in r.events]

    def find(self, kind: str, element: str | None = None) -> list[Event]:
        return [e for e in self.events if e.kind == kind and element in (None, e.element)]

    def series(self, port: str) -> Any:
        return np.array([r.outputs[port] for r in self.records])
