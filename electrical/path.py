"""The power path as the switching logic sees it: who feeds whom, what is live, and who is to blame."""

from __future__ import annotations

from typing import Any

import numpy as np

from electrical.balance import energise
from electrical.compiled import (
    O_U,
    OUT_ROWS,
    S_ENGINE,
    S_LIMITFACTOR,
    S_LIVECAP,
    S_ON,
    S_OVERLOADED,
    S_RFACTOR,
    S_SELECT,
    S_SOURCE_U,
    S_STUCK,
    S_TRIPFACTOR,
    S_UPS,
    UPS_BATTERY,
    UPS_NORMAL,
    Compiled,
    neutral_state,
)
from electrical.modes import CLASSES, DEAD_U, ENGINE_RUNS, GEN_LOCKED, GEN_ON_BUS, OFF_PORTS, Modes, Refs


class Path:
    """Structure of a compiled power path and its state rows as they follow from the modes.

    Parameters
    ----------
    compiled : Compiled
    """

    def __init__(self, compiled: Compiled):
        self.c = compiled
        model = compiled.model
        self.members = {cls: compiled.of_class(cls) for cls in CLASSES}
        self.place = {(cls, int(i)): k for cls in CLASSES for k, i in enumerate(self.members[cls])}
        self.cls_of = {i: cls for cls, i in self.place}
        by_ups = {b.ups: b for b in model.batteries}
        self.batteries = [by_ups[compiled.ids[i]] for i in self.members["ups"]]
        by_gen = {g.id: g for g in model.generators}
        self.generators = [by_gen[compiled.ids[i]] for i in self.members["generator"]]
        by_switch = {s.id: s for s in model.switches}
        self.switches = [by_switch[compiled.ids[i]] for i in self.members["transfer_switch"]]
        self.sources = [
            [int(s) for s in compiled.src[compiled.ptr[i] : compiled.ptr[i + 1]]] for i in range(len(compiled.ids))
        ]
        self.feeds = [
            [int(s) for s in compiled.lsrc[compiled.lptr[j] : compiled.lptr[j + 1]]]
            for j in range(len(compiled.load_ids))
        ]
        self.above = self._ancestors()
        self.serves = [
            [
                k
                for k, i in enumerate(self.members["transfer_switch"])
                if int(g) in self.above[self.sources[i][1]] | {self.sources[i][1]}
            ]
            for g in self.members["generator"]
        ]
        self.normal_live = self._normally_live()
        self.state = neutral_state(compiled)
        self.probe = np.zeros((OUT_ROWS, len(compiled.ids)))

    def _ancestors(self) -> list[set[int]]:
        above: list[set[int]] = []
        for sources in self.sources:
            above.append(set(sources).union(*(above[s] for s in sources)))
        return above

    def _normally_live(self) -> Any:
        probe = np.zeros((OUT_ROWS, len(self.c.ids)))
        energise(self.c.kind, self.c.ptr, self.c.src, self.c.const, neutral_state(self.c), probe)
        return probe[O_U] > DEAD_U

    def refresh(self, modes: Modes) -> None:
        """Write the state rows that follow from the modes."""
        state, members = self.state, self.members
        state[S_ON] = 1.0 - modes["power_node_tripped"]
        for cls, ports in OFF_PORTS.items():
            for port in ports:
                state[S_ON, members[cls]] *= modes[port] == 0.0
        state[S_SOURCE_U, members["utility"]] = modes["utility_voltage_fraction"]
        state[S_SOURCE_U, members["generator"]] = modes["generator_state"] == GEN_ON_BUS
        state[S_ENGINE, members["generator"]] = ENGINE_RUNS[modes["generator_state"].astype(np.int64)]
        state[S_OVERLOADED] = modes["power_node_overloaded"]
        state[S_SELECT, members["transfer_switch"]] = modes["transfer_position"]
        ups = members["ups"]
        state[S_UPS, ups] = modes["ups_state"]
        state[S_LIVECAP, ups] = modes["ups_battery_fraction"]
        state[S_STUCK, ups] = modes["ups_state"] > UPS_BATTERY
        busway = members["busway"]
        state[S_TRIPFACTOR, busway] = modes["busway_trip_fraction"]
        state[S_RFACTOR, busway] = modes["busway_resistance_factor"]
        state[S_STUCK, busway] = modes["busway_trip_blocked"]
        state[S_LIMITFACTOR, members["transformer"]] = modes["transformer_rating_fraction"]
        self.probe[:] = 0.0
        energise(self.c.kind, self.c.ptr, self.c.src, self.c.const, state, self.probe)

    def own_faults(self, i: int, modes: Modes) -> Refs:
        """Modes of an element that are not neutral, and that bear on its voltage."""
        refs: Refs = []
        cls = self.cls_of.get(i, "")
        k = self.place.get((cls, i), -1)
        for port in OFF_PORTS.get(cls, ()):
            if modes[port][k] != 0.0:
                refs.append((port, k))
        if modes["power_node_tripped"][i]:
            refs.append(("power_node_tripped", i))
        if cls == "utility" and modes["utility_voltage_fraction"][k] != 1.0:
            refs.append(("utility_voltage_fraction", k))
        if cls == "ups" and modes["ups_state"][k] != UPS_NORMAL:
            refs.append(("ups_state", k))
        if cls == "transfer_switch" and modes["transfer_position"][k] != 0.0:
            refs.append(("transfer_position", k))
        return refs

    def blame(self, i: int, modes: Modes) -> Refs:
        """What made the voltage at an element bad: its dead mode, its own faults, else those of its sources."""
        if modes["power_node_dead"][i]:
            return [("power_node_dead", i)]
        refs = self.own_faults(i, modes)
        if refs:
            return refs
        for s in self.live_sources(i):
            refs += self.blame(s, modes)
        return list(dict.fromkeys(refs))

    def live_sources(self, i: int) -> list[int]:
        """The sources that an element draws on, or would."""
        if self.cls_of.get(i) == "transfer_switch":
            pick = int(self.state[S_SELECT, i])
            return [self.sources[i][pick]] if pick >= 0 else []
        return self.sources[i]

    def history(self, i: int, modes: Modes) -> Refs:
        """Every mode that can have given an element its voltage back, its own first."""
        cls = self.cls_of.get(i, "")
        k = self.place.get((cls, i), -1)
        refs: Refs = [(port, k) for port in OFF_PORTS.get(cls, ())]
        refs.append(("power_node_tripped", i))
        own = {
            "utility": "utility_voltage_fraction",
            "ups": "ups_state",
            "generator": "generator_state",
            "transfer_switch": "transfer_position",
        }.get(cls)
        if own:
            refs.append((own, k))
        return refs

    def standing(self, i: int, modes: Modes) -> Refs:
        """Conditions that put more load on an element: dead feeds of its loads, transfers to it, other sets away."""
        refs: Refs = []
        below = {n for n in range(len(self.sources)) if i in self.above[n]} | {i}
        for feeds in self.feeds:
            if any(f in below for f in feeds):
                refs += [("power_node_dead", f) for f in feeds if f not in below and modes["power_node_dead"][f]]
        for n in sorted(below):
            if self.cls_of.get(n) == "transfer_switch":
                k = self.place["transfer_switch", n]
                if modes["transfer_position"][k] != 0.0:
                    refs.append(("transfer_position", k))
        for port in ("busway_trip_fraction", "transformer_rating_fraction"):
            cls = port.split("_")[0]
            k = self.place.get((cls, i), -1)
            if k >= 0 and modes[port][k] != 1.0:
                refs.append((port, k))
        if self.cls_of.get(i) == "generator":
            refs += [
                ("generator_state", k)
                for k, g in enumerate(self.members["generator"])
                if g != i and modes["generator_state"][k] == GEN_LOCKED
            ]
        return list(dict.fromkeys(refs))

    def changed(self, i: int, modes: Modes, before: Modes | None) -> Refs:
        """The modes whose change gave an element its voltage back; searched upwards until one is found."""
        refs = [(p, k) for p, k in self.history(i, modes) if before is not None and modes[p][k] != before[p][k]]
        if not refs:
            for s in self.live_sources(i):
                refs += self.changed(s, modes, before)
        return list(dict.fromkeys(refs))
