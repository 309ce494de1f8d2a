"""A facility plant that is an FMU: the ports of `fws`, computed in a child process.

The unit steps on its own grid. Between two grid instants its outputs hold; heat given and power drawn meanwhile wait in
the store "transit" until the unit has taken them, so that no joule is lost. The thermal ledger closes if the mapping
gives the rejected heats and the stored energy; terms it does not give are named in `open_terms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twin.components.fws import HOT_K, HOT_RELEASE_K, INPUTS, NEEDS, OUTPUTS, plant_ids
from twin.contract import NEVER, SECOND, Advanced, Array, Event, Inputs, Port, State, Us
from twin.errors import FmuError
from twin.fmu.description import inspect_fmu
from twin.fmu.host import FmuHost
from twin.fmu.mapping import Energy, PlantMapping, Row, read_mapping

MODES_OUT = ("fws_pump_running", "chiller_running", "dry_cooler_guarded", "fws_supply_hot")
ELECTRIC = {
    "fws/pump_j": "fws_pump_power_w",
    "fws/fan_j": "fan_power_w",
    "fws/chiller_j": "chiller_power_w",
    "fws/controller_j": "fws_controller_power_w",
}
HEAT_TERMS = (
    "fws/dry_cooler_rejected_j",
    "fws/tower_rejected_j",
    "fws/chiller_rejected_j",
    "fws/ambient_j",
    "fws/reused_j",
)
REQUIRED = ("fws_supply_c", "cdu_primary_flow_kg_s", *ELECTRIC.values())


class FmuPlant:
    """The plant behind the coupling's ports.

    Parameters
    ----------
    host : the FMU, not yet open; its inputs and outputs are those of `mapping` (see `build_fmu_plant`)
    mapping : rows between ports and variables
    sizes : axis -> number of elements
    step : communication step [µs]
    supply_set_c : set-point above which the supply is reported as hot
    """

    name = "fws"
    inputs: tuple[Port, ...] = INPUTS
    outputs: tuple[Port, ...] = OUTPUTS

    def __init__(self, host: FmuHost, mapping: PlantMapping, sizes: Mapping[str, int], step: Us, supply_set_c: float):
        self.host, self.mapping = host, mapping
        self.grid = step
        self.can_rewind = host.info.can_get_state
        self._sizes = dict(sizes)
        self._limit_c = supply_set_c + HOT_K
        where = {name: k for k, name in enumerate(host.outputs)}
        self._given = [(r, k) for k, r in enumerate(mapping.inputs)]
        self._taken = [(r, where[r.variable]) for r in mapping.outputs]
        self._energy = [(e, [(r, where[r.variable]) for r in e.rows]) for e in mapping.energy]
        self._stored_rows = [(r, where[r.variable]) for r in mapping.stored]
        given = {e.term for e in mapping.energy}
        self.open_terms = tuple(t for t in HEAT_TERMS if t not in given) + (() if mapping.stored else ("stored",))
        self._values = {p.name: np.full(self._sizes[p.axis], p.neutral) for p in OUTPUTS if p.kind != "mode"}
        self._from: Us = 0
        self._heat_j = np.zeros(self._sizes["cdu"])  # given since the unit's last step
        self._drawn_j = dict.fromkeys(ELECTRIC, 0.0)  # booked since then at the powers shown
        self._late_j = 0.0  # drawn, minus what the unit then said it took
        self._raw = [0.0] * len(host.outputs)
        self._totals: dict[str, float] = {}
        self._hot = False
        self._history: list[tuple[float, float, tuple[float, ...]]] = []
        self._opened: Us = 0

    # ------------------------------------------------------------------------------------------------ stepping

    def start(self, t: Us, inputs: Inputs) -> None:
        self._opened = self._from = t - t % self.grid
        self._raw = self.host.open(self._opened / SECOND)
        self._heat_j[:] = 0.0
        self._late_j, self._hot = 0.0, False
        self._history.clear()
        self._show(self._raw, powers=False)
        self._totals = {e.term: self._sum(rows, self._raw) for e, rows in self._energy if e.kind == "total"}

    def next_due(self) -> Us:
        return NEVER

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        return ()

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        seconds = (t_end - t) / SECOND
        self._heat_j += inputs.value["cdu_primary_heat_w"] * seconds
        joules = dict.fromkeys((*ELECTRIC, *HEAT_TERMS), 0.0)
        if t_end % self.grid == 0:
            self._step(t_end, inputs, joules)
        # What is booked is what others see: the powers shown for this step.
        for term, port in ELECTRIC.items():
            drawn = float(self._values[port].sum()) * seconds
            joules[term] = drawn
            if t_end % self.grid == 0:
                taken = float(self._values[port].sum()) * (t_end - self._before) / SECOND
                self._late_j += self._drawn_j[term] + drawn - taken
                self._drawn_j[term] = 0.0
            else:
                self._drawn_j[term] += drawn
        water_l = float(self._values["water_l_s"][0]) * seconds
        events = self._alarm(t_end, inputs)
        return Advanced(
            t_end,
            {name: value.copy() for name, value in self._values.items()},
            joules,
            {"fws/water_l": water_l},
            events,
        )

    def _step(self, t_end: Us, inputs: Inputs, joules: dict[str, float]) -> None:
        length_s = (t_end - self._from) / SECOND
        held = {**inputs.value, "cdu_primary_heat_w": self._heat_j / length_s}
        values = tuple(r.theirs(float(held[r.port][r.index])) for r, _ in self._given)
        raw = self.host.step(self._from / SECOND, length_s, values)
        if not self.host.info.can_serialize:
            self._history.append((self._from / SECOND, length_s, values))
        for energy, rows in self._energy:
            joules[energy.term] = self._joules(energy, rows, raw, length_s)
        self._show(raw, powers=True)
        self._raw, self._before, self._from = raw, self._from, t_end
        self._heat_j[:] = 0.0

    def _joules(self, energy: Energy, rows: Sequence[tuple[Row, int]], raw: Sequence[float], length_s: float) -> float:
        now = self._sum(rows, raw)
        if energy.kind == "step":
            return now
        if energy.kind == "power":
            return now * length_s
        before, self._totals[energy.term] = self._totals[energy.term], now
        return now - before

    @staticmethod
    def _sum(rows: Sequence[tuple[Row, int]], raw: Sequence[float]) -> float:
        return sum(r.ours(raw[k]) for r, k in rows)

    def _show(self, raw: Sequence[float], powers: bool) -> None:
        for row, k in self._taken:
            if powers or not row.port.endswith(("_power_w", "_l_s")):
                self._values[row.port][row.index] = row.ours(raw[k])

    _before: Us = 0

    def _alarm(self, t: Us, inputs: Inputs) -> tuple[Event, ...]:
        supply = float(self._values["fws_supply_c"][0])
        if not self._hot and supply > self._limit_c:
            self._hot = True
            return (
                Event(
                    t,
                    "SITE",
                    "fws-supply-hot",
                    via=(("fws_supply_c", 0),),
                    sets=(("fws_supply_hot", 0, 1.0),),
                    value=supply,
                    limit=self._limit_c,
                ),
            )
        low = self._limit_c - HOT_K + HOT_RELEASE_K
        if self._hot and supply < low:
            self._hot = False
            return (
                Event(
                    t,
                    "SITE",
                    "fws-supply-normal",
                    causes=(inputs.cause["fws_supply_hot"][0],),
                    sets=(("fws_supply_hot", 0, 0.0),),
                    value=supply,
                    limit=low,
                ),
            )
        return ()

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        """Every mapped input: what is inside the unit is not known."""
        return tuple((r.port, r.index) for r, _ in self._given) if port not in MODES_OUT else ()

    # ------------------------------------------------------------------------------------------------ state

    def stored_j(self) -> Mapping[str, float]:
        return {
            "water": self._sum(self._stored_rows, self._raw),
            "transit": float(self._heat_j.sum()) + self._late_j + sum(self._drawn_j.values()),
        }

    def _memory(self) -> tuple[Any, ...]:
        return (
            {k: v.copy() for k, v in self._values.items()},
            self._from,
            self._before,
            self._heat_j.copy(),
            dict(self._drawn_j),
            self._late_j,
            list(self._raw),
            dict(self._totals),
            self._hot,
            len(self._history),
        )

    def mark(self) -> object:
        self.host.keep()
        return self._memory()

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        self.host.restore()
        self._recall(mark)

    def _recall(self, memory: tuple[Any, ...]) -> None:
        values, self._from, self._before, heat, drawn, self._late_j, raw, totals, self._hot, length = memory
        self._values = {k: v.copy() for k, v in values.items()}
        self._heat_j[:], self._drawn_j, self._raw, self._totals = heat, dict(drawn), list(raw), dict(totals)
        del self._history[length:]

    def save(self) -> State:
        state: State = {
            "values": {k: v.copy() for k, v in self._values.items()},
            "from": self._from,
            "before": self._before,
            "heat_j": self._heat_j.copy(),
            "drawn_j": dict(self._drawn_j),
            "late_j": self._late_j,
            "raw": np.array(self._raw),
            "totals": dict(self._totals),
            "hot": self._hot,
            "opened": self._opened,
            "sha256": self.host.info.sha256,
        }
        if self.host.info.can_serialize:
            state["unit"] = np.frombuffer(self.host.dump(), dtype=np.uint8).copy()
        else:
            state["history"] = np.array([[a, b, *v] for a, b, v in self._history], dtype=np.float64)
        return state

    def load(self, state: State) -> None:
        """Continue from a saved state: restored, or for a unit that cannot serialise, replayed from its start."""
        if state["sha256"] != self.host.info.sha256:
            raise FmuError(f"{self.host.path.name}: the snapshot stems from another file")
        self._opened = int(state["opened"])
        self.host.open(self._opened / SECOND)
        self._history.clear()
        if "unit" in state:
            self.host.undump(np.asarray(state["unit"], dtype=np.uint8).tobytes())
        else:
            for row in np.asarray(state["history"], dtype=np.float64).tolist():
                self._history.append((row[0], row[1], tuple(row[2:])))
                self.host.step(row[0], row[1], row[2:])
        self._recall(
            (
                state["values"],
                int(state["from"]),
                int(state["before"]),
                state["heat_j"],
                state["drawn_j"],
                float(state["late_j"]),
                [float(x) for x in state["raw"]],
                state["totals"],
                bool(state["hot"]),
                len(self._history),
            )
        )

    def close(self) -> None:
        """End the child process."""
        self.host.close()

    def record(self) -> dict[str, Any]:
        """What the run record says of the unit: file, digest, start values, units, factors, timing."""
        info = self.host.info
        rows = [
            {"port": r.port, "index": r.index, "variable": r.variable, "unit": r.unit, "scale": r.scale}
            for r in (*self.mapping.inputs, *self.mapping.outputs)
        ]
        return {
            "file": info.file,
            "sha256": info.sha256,
            "fmi_version": info.fmi_version,
            "tool": info.tool,
            "step_s": self.grid / SECOND,
            "input_timing": "held over the step, as at its start; heat as its mean",
            "start": dict(self.mapping.start),
            "rows": rows,
            "unmapped": list(self.mapping.unmapped),
            "unused_inputs": list(self.mapping.unused),
            "open_ledger_terms": list(self.open_terms),
            "slowest_step_s": self.host.slowest_s,
        }


def make_fmu_plant(
    file: Path,
    mapping_file: Path,
    ids: Mapping[str, Sequence[str]],
    *,
    step: Us,
    supply_set_c: float,
    start: Mapping[str, float] | None = None,
    step_limit_s: float = 30.0,
) -> FmuPlant:
    """The component of one FMU and its mapping file; ids: axis -> ids for every axis of the ports."""
    info = inspect_fmu(file)
    if info.refusals:
        raise FmuError(f"{info.file}: cannot be run here: " + "; ".join(info.refusals))
    outputs = {p.name: ids[p.axis] for p in OUTPUTS if p.kind != "mode"}
    mapping = read_mapping(mapping_file, info, {p.name: ids[p.axis] for p in INPUTS}, outputs, HEAT_TERMS, REQUIRED)
    read: dict[str, None] = {}
    for row in (*mapping.outputs, *(r for e in mapping.energy for r in e.rows), *mapping.stored):
        read.setdefault(row.variable)
    values = {**mapping.start, **(start or {})}
    host = FmuHost(file, [r.variable for r in mapping.inputs], list(read), values, step_limit_s=step_limit_s)
    mapping = PlantMapping(
        mapping.inputs, mapping.outputs, mapping.energy, mapping.stored, values, mapping.unmapped, mapping.unused
    )
    return FmuPlant(host, mapping, {axis: len(i) for axis, i in ids.items()}, step, supply_set_c)


def build_fmu_plant(plant: Any, scenario: Any) -> FmuPlant:
    """The FMU that the facility's `fws.fmu` names."""
    section = plant.facility.fws
    own = plant_ids(plant)
    ids = {"site": ("SITE",), "cdu": tuple(plant.axes["cdu"]), **own}
    folder = Path(getattr(plant.facility, "folder", "."))
    unit = section.fmu
    return make_fmu_plant(
        _file(folder, unit.file),
        _file(folder, unit.mapping),
        ids,
        step=round(unit.step_s * SECOND),
        supply_set_c=section.supply_setpoint_c,
        start=unit.start,
        step_limit_s=unit.step_limit_s,
    )


def _file(folder: Path, name: str) -> Path:
    path = Path(name)
    return path if path.is_absolute() else folder / path


__all__ = ["NEEDS", "Array", "FmuPlant", "build_fmu_plant", "make_fmu_plant"]
