"""The power path as a component: modes in, powered modes out, one compiled step, its ledger terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import is_
from typing import Any

import numpy as np

from electrical.balance import OVERLOAD_OFF, OVERLOAD_ON, step
from electrical.compiled import (
    C_CAP,
    K_GENERATOR,
    K_UTILITY,
    O_AMP,
    O_LOADING,
    O_MULT,
    O_P,
    O_VOLT,
    OUT_ROWS,
    X_DEAD,
    X_LIVE,
    Y_DEFICIT,
    compile_model,
    initial_x,
)
from electrical.modes import FAULT_PORTS, ISOLATE, OWN_PORTS, Change, powered_port
from electrical.one_line import PowerModel
from electrical.sequence import Sequence
from twin.components.electrical_model import load_axes, model_axes, power_axes, power_model, stagger_s
from twin.components.electrical_summary import summarise_power
from twin.contract import SECOND, Advanced, Event, Inputs, Port, State, Us
from twin.errors import WiringError
from twin.streams import stream

POWER_PORTS = {  # load axis -> the power it draws
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
NEEDS = tuple(POWER_PORTS.values())
TERMS = ("utility", "generator", "battery_discharge", "battery_charge", "holdup_discharge", "holdup_charge")
# outputs besides modes
MEASURED = (
    Port("power_node_w", "power_node", "mean"),
    Port("power_node_loading_fraction", "power_node", "mean"),
    Port("power_node_voltage_v", "power_node", "end", record="minute"),
    Port("power_node_current_a", "power_node", "mean", record="minute"),
    Port("battery_soc_fraction", "ups", "end"),
    Port("utility_w", "site", "mean"),
    Port("generator_w", "site", "mean"),
    Port("conversion_heat_j", "room", "joules", record="none"),
)


class ElectricalComponent:
    """One compiled power path in the coupling.

    Parameters
    ----------
    model : the frozen power model
    seed : seed of the run (start times of generators)
    stagger_s : delay between UPS units when they take up load again
    """

    name = "electrical"
    grid: Us = 0
    can_rewind = True

    def __init__(self, model: PowerModel, seed: int, stagger_s: float = 2.0):
        self.model = model
        self.axes = model_axes(model)
        self.compiled = c = compile_model(model)
        self.sequence = Sequence(
            c, lambda id, count: float(stream(seed, id, "start", count).standard_normal()), stagger_s
        )
        self.groups = [g for g in model.groups]
        axis_of = {port: (cls or "power_node") for port, (cls, _) in OWN_PORTS.items()}
        own = tuple(Port(p, axis_of[p], "mode", neutral=n) for p, (_, n) in OWN_PORTS.items())
        powered = tuple(Port(powered_port(g.name), g.name, "mode", neutral=1.0) for g in self.groups)
        faults = tuple(Port(p, cls, "mode", neutral=n) for p, (cls, n) in FAULT_PORTS.items())
        isolate = tuple(Port(p, axis, "mode") for axis, p in ISOLATE.items())
        loads = tuple(Port(POWER_PORTS[g.name], g.name, "mean") for g in self.groups)
        self.inputs: tuple[Port, ...] = loads + faults + isolate + own + powered
        needs = tuple(p.name for p in loads)
        self.outputs: tuple[Port, ...] = own + powered + tuple(replace(port, needs=needs) for port in MEASURED)
        self.mode_names = [p.name for p in self.inputs if p.kind == "mode"]
        self.load_names = needs
        n, m = len(c.ids), len(c.load_ids)
        # every float that steps lies in one buffer: a mark is one copy
        rows = initial_x(c).shape[0], 3, OUT_ROWS, self.sequence.state.shape[0]
        self.memory = np.zeros((rows[0] + rows[2] + rows[3] + 1) * n + (rows[1] + 2) * m)
        parts = iter(np.split(self.memory, np.cumsum([rows[0] * n, rows[1] * m, rows[2] * n, rows[3] * n, n, m])))
        self.x, self.y = next(parts).reshape(-1, n), next(parts).reshape(-1, m)
        self.out, state = next(parts).reshape(-1, n), next(parts).reshape(-1, n)
        self.reached, self.expired, self.load_w = parts
        self.x[:], state[:] = initial_x(c), self.sequence.state
        self.sequence.state = state
        self.served = np.ones(m)
        self.drawn_w = np.zeros(m)
        self.energy = np.zeros(11)
        self.loss_j = np.zeros(len(c.classes))
        self.room_j = np.zeros(len(model.rooms))
        self.modes: dict[str, Any] = {}
        self.powered = np.ones(m)
        self.flagged = False
        self.walking = False
        self.calm = False  # nothing has switched since a step that left every limit far
        self.ups = self.sequence.members["ups"]
        self.utility = np.flatnonzero(c.kind == K_UTILITY)
        self.generator = np.flatnonzero(c.kind == K_GENERATOR)
        self.loss_names = tuple(f"electrical/loss_{cls}_j" for cls in c.classes)
        self.term_names = tuple(f"electrical/{term}_j" for term in TERMS)
        self._per_j = 1.0 / c.const[C_CAP, self.ups]
        self._fixed = (c.kind, c.ptr, c.src, c.const, c.table, c.lptr, c.lsrc, c.load_const)
        self._results = (
            self.out,
            self.served,
            self.energy,
            c.loss_class,
            c.room,
            self.loss_j,
            self.room_j,
            self.drawn_w,
            self.reached,
            self.expired,
        )
        self._below = self._loads_below()

    # ------------------------------------------------------------------------------------------ contract

    def start(self, t: Us, inputs: Inputs) -> None:
        self.modes = {name: inputs.value[name] for name in self.mode_names}
        self.sequence.refresh(self.modes)
        self._set_powered()

    def next_due(self) -> Us:
        return self.sequence.due

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        value, modes = inputs.value, self.modes
        if t < self.sequence.due and not self.flagged:
            if all(map(is_, [value[name] for name in self.mode_names], modes.values())):
                return ()
        self.calm = False
        now = {name: value[name] for name in self.mode_names}
        if now["ups_battery_fraction"] is not modes.get("ups_battery_fraction"):
            self._strings(now["ups_battery_fraction"])
        changes = self.sequence.react(
            t, now, modes or None, self.reached, self.expired, self.x, self.out[O_MULT], self.out[O_P]
        )
        self.modes = now
        self._set_powered()
        self.flagged = False
        self.walking = self.sequence.in_walk_in(t)
        if changes:
            self.flagged = True  # look again when they are applied
        return tuple(self._event(t, change, inputs) for change in changes)

    def may_split(self, t: Us, t_end: Us) -> bool:
        """Unless nothing has switched and the last step left every store and every trip far from its limit."""
        return not self.calm

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        s, value = self.sequence, inputs.value
        np.concatenate([value[name] for name in self.load_names], out=self.load_w)
        if self.walking:
            s.walk_in(t, t_end)
        dt = (t_end - t) / SECOND
        done = step(dt, *self._fixed, self.load_w, self.powered, s.state, self.x, self.y, *self._results)
        if done < dt:
            split = t + max(1, int(done * SECOND + 1e-3))
            if split < t_end:
                return Advanced(split, {})
        energy = self.energy.tolist()
        self.flagged, self.calm = energy[9] > 0.0, energy[10] == 0.0
        events = self._overloads(t, inputs) if energy[8] else ()
        out, room_j = self.out.copy(), self.room_j.copy()
        outputs = {
            "power_node_w": out[O_P],
            "power_node_loading_fraction": out[O_LOADING],
            "power_node_voltage_v": out[O_VOLT],
            "power_node_current_a": out[O_AMP],
            "battery_soc_fraction": self.x[X_LIVE, self.ups] * self._per_j,
            "utility_w": np.array([energy[0] / dt]),
            "generator_w": np.array([energy[1] / dt]),
            "conversion_heat_j": room_j,
        }
        joules = dict(zip(self.term_names, energy, strict=False))
        joules.update(zip(self.loss_names, self.loss_j.tolist(), strict=True))
        joules["electrical/conversion_heat_j"] = sum(room_j.tolist()) + energy[7]
        joules["electrical/ambient_j"] = energy[7]
        return Advanced(t_end, outputs, joules, {"generator_fuel_l": energy[6]}, events)

    def stored_j(self) -> Mapping[str, float]:
        return {
            "battery": float(self.x[X_LIVE].sum() + self.x[X_DEAD].sum()),
            "holdup": -float(self.y[Y_DEFICIT].sum()),
        }

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        """Loads below an element and the state of everything that feeds them; a site total depends on all."""
        if port in ("power_node_w", "power_node_loading_fraction", "power_node_current_a", "power_node_voltage_v"):
            return self._below[index]
        if port == "battery_soc_fraction":
            return [("ups_state", index), *self._below[int(self.ups[index])]]
        sources = (
            self.utility
            if port == "utility_w"
            else self.generator
            if port == "generator_w"
            else np.append(self.utility, self.generator)
        )
        return list(dict.fromkeys(d for i in sources for d in self._below[int(i)]))

    def mark(self) -> object:
        s = self.sequence
        return self.memory.copy(), s.counts.copy(), self.flagged, self.walking, self.modes, dict(s.since), s.due

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        s = self.sequence
        memory, counts, self.flagged, self.walking, self.modes, since, s.due = mark
        self.memory[:], s.counts[:], s.since = memory, counts, dict(since)
        self._set_powered()

    def save(self) -> State:
        s = self.sequence
        return {
            "memory": self.memory.copy(),
            "counts": s.counts.copy(),
            "flagged": self.flagged,
            "walking": self.walking,
            "modes": {k: v.copy() for k, v in self.modes.items()},
            "since": dict(s.since),
            "due": s.due,
        }

    def load(self, state: State) -> None:
        s = self.sequence
        self.memory[:], s.counts[:] = state["memory"], state["counts"]
        self.flagged, self.walking = bool(state["flagged"]), bool(state["walking"])
        self.modes = {k: np.array(state["modes"][k], dtype=np.float64) for k in self.mode_names}
        s.since = {k: int(v) for k, v in state["since"].items()}
        s.due = int(state["due"])
        s.refresh(self.modes)
        self.calm = False
        self._set_powered()

    # ------------------------------------------------------------------------------------------ parts

    def _set_powered(self) -> None:
        self.powered = np.concatenate([self.modes[powered_port(g.name)] for g in self.groups])

    def _strings(self, fraction: Any) -> None:
        """Share the cells' energy anew between strings in service and strings out of service."""
        total = self.x[X_LIVE, self.ups] + self.x[X_DEAD, self.ups]
        self.x[X_LIVE, self.ups] = total * fraction
        self.x[X_DEAD, self.ups] = total * (1.0 - fraction)

    def _overloads(self, t: Us, inputs: Inputs) -> tuple[Event, ...]:
        """Limits crossed by the mean load of this step, which has stood since its start."""
        loading, known = self.out[O_LOADING], self.modes["power_node_overloaded"]
        now = np.where(known > 0.0, loading > OVERLOAD_OFF, loading > OVERLOAD_ON)
        if not (now != (known > 0.0)).any():
            return ()
        events = []
        for i in np.flatnonzero(now != (known > 0.0)).tolist():
            refs = self.sequence.standing(i, self.modes) if now[i] else [("power_node_overloaded", i)]
            change = Change(
                self.compiled.ids[i],
                "overload" if now[i] else "overload-ended",
                tuple(refs),
                via=(("power_node_w", i),),
                sets=(("power_node_overloaded", i, float(now[i])),),
                value=float(loading[i]),
                limit=1.0,
            )
            events.append(self._event(t, change, inputs))
        return tuple(events)

    def _event(self, t: Us, change: Change, inputs: Inputs) -> Event:
        causes = tuple(dict.fromkeys(inputs.cause[p][k] for p, k in change.blame if inputs.cause[p][k]))
        return Event(t, change.element, change.kind, causes, change.via, change.sets, change.value, change.limit)

    def _loads_below(self) -> list[list[tuple[str, int]]]:
        s, out = self.sequence, []
        for i in range(len(self.compiled.ids)):
            below = {n for n in range(len(s.sources)) if i in s.above[n]} | {i}
            refs: dict[tuple[str, int], None] = {}
            for group in self.groups:
                span = self.compiled.group_slices[group.name]
                for k in range(len(group.ids)):
                    feeds = s.feeds[span.start + k]
                    if below.intersection(feeds):
                        refs[(POWER_PORTS[group.name], k)] = None
                        for f in feeds:
                            refs[("power_node_dead", f)] = None
            for n in sorted(below):
                cls = s.cls_of.get(n)
                if cls == "transfer_switch":
                    refs[("transfer_position", s.place[cls, n])] = None
                elif cls == "ups":
                    refs[("ups_state", s.place[cls, n])] = None
                elif cls == "busway":
                    refs[("busway_resistance_factor", s.place[cls, n])] = None
            out.append(list(refs))
        return out


def build_electrical(plant: Any, scenario: Any) -> ElectricalComponent:
    """The electrical component of a plant."""
    try:
        model = power_model(plant.facility, plant.catalogue, {**load_axes(plant.facility), **plant.axes}, scenario.seed)
        return ElectricalComponent(model, scenario.seed, stagger_s(plant.facility, plant.catalogue))
    except ValueError as error:
        raise WiringError(f"power: {error}") from error


__all__ = ["ElectricalComponent", "build_electrical", "power_axes", "summarise_power"]
