"""What switches by itself in the power path: protection, UPS, transfer switches, generators, loads losing voltage.

The state lies in *modes* (arrays by name) that the caller keeps; :meth:`Sequence.react` reads them, and answers with
changes that the caller applies. It holds only clocks: since when a condition has stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from electrical.balance import energise
from electrical.compiled import (
    C_SET, C_WINDOW, K_GENERATOR, K_UPS, K_UTILITY, L_DROPOUT, O_U, O_UIN, S_ENGINE, S_GRID_SHARE, S_LIMITFACTOR, S_LIVECAP, S_ON,
    S_OVERLOADED, S_RFACTOR, S_SELECT, S_SOURCE_U, S_STUCK, S_TRIPFACTOR, S_UPS, UPS_BATTERY, UPS_BYPASS, UPS_NORMAL, UPS_OFF, X_FUEL, X_LIVE,
    Compiled, neutral_state,
)
from electrical.generator import start_after_failed_cranks_s

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


class Sequence:
    """Switching logic of one compiled power path.

    Parameters
    ----------
    compiled : Compiled
    deviate : (element, count) -> standard normal deviate, for the start times of generators
    stagger_s : delay between the units when several UPS take up load again
    """

    def __init__(self, compiled: Compiled, deviate: Callable[[str, int], float], stagger_s: float = 2.0):
        self.c = compiled
        self.deviate = deviate
        self.stagger_s = stagger_s
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
        self.sources = [[int(s) for s in compiled.src[compiled.ptr[i]: compiled.ptr[i + 1]]] for i in range(len(compiled.ids))]
        self.feeds = [[int(s) for s in compiled.lsrc[compiled.lptr[j]: compiled.lptr[j + 1]]]
                      for j in range(len(compiled.load_ids))]
        self.above = self._ancestors()
        self.serves = [[k for k, i in enumerate(self.members["transfer_switch"])
                        if int(g) in self.above[self.sources[i][1]] | {self.sources[i][1]}]
                       for g in self.members["generator"]]
        self.normal_live = self._normally_live()
        self.state = neutral_state(compiled)
        self.probe = np.zeros((14, len(compiled.ids)))
        self.since: dict[str, int] = {}
        self.due = NEVER
        self.walk_from = np.full(len(self.batteries), -NEVER, dtype=np.int64)  # start of the walk-in of each UPS
        self.starts = np.zeros(len(self.generators), dtype=np.int64)  # starts so far of each generator
        self.ready_at = np.full(len(self.generators), NEVER, dtype=np.int64)

    # ------------------------------------------------------------------------------------------ structure

    def _ancestors(self) -> list[set[int]]:
        above: list[set[int]] = []
        for sources in self.sources:
            above.append(set(sources).union(*(above[s] for s in sources)))
        return above

    def _normally_live(self) -> Any:
        probe = np.zeros((14, len(self.c.ids)))
        energise(self.c.kind, self.c.ptr, self.c.src, self.c.const, neutral_state(self.c), probe)
        return probe[O_U] > DEAD_U

    # ------------------------------------------------------------------------------------------ from modes to state

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

    def walk_in(self, t: int, t_end: int) -> None:
        """Grid share of every UPS between t and t_end: the mean of its walk-in ramp."""
        for k, i in enumerate(self.members["ups"]):
            share = 1.0
            if t < self.walk_from[k] + self.batteries[k].walk_in_s * SECOND:
                share = ((t + t_end) / 2 - self.walk_from[k]) / (self.batteries[k].walk_in_s * SECOND)
            self.state[S_GRID_SHARE, i] = min(max(share, 0.0), 1.0)

    # ------------------------------------------------------------------------------------------ clocks

    def held(self, key: str, condition: bool, delay_s: float, t: int) -> bool:
        """Whether a condition has stood for a delay; else notes when it will have."""
        if not condition:
            self.since.pop(key, None)
            return False
        due = self.since.setdefault(key, t) + round(delay_s * SECOND)
        if t >= due:
            return True
        self.due = min(self.due, due)
        return False

    # ------------------------------------------------------------------------------------------ blame

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
        own = {"utility": "utility_voltage_fraction", "ups": "ups_state", "generator": "generator_state",
               "transfer_switch": "transfer_position"}.get(cls)
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
            refs += [("generator_state", k) for k, g in enumerate(self.members["generator"])
                     if g != i and modes["generator_state"][k] == GEN_LOCKED]
        return list(dict.fromkeys(refs))

    # ------------------------------------------------------------------------------------------ reactions

    def react(self, t: int, modes: Modes, before: Modes | None, reached: Any, expired: Any, x: Any, mult: Any,
              node_w: Any) -> list[Change]:
        """Changes that follow at t from the modes, the limits reached and the clocks; one layer of causes a call.

        before: the modes at the last call, to know what changed. reached, expired: per element and load, from the
        step. x: integrated states. mult: current over the trip setting; node_w: load of every element [W].
        """
        self.refresh(modes)
        self.due = NEVER
        out = self._voltage(modes, before)
        if out:
            return out
        out = self._trips(modes, reached, mult, node_w)
        out += self._ups(t, modes, reached, x[X_LIVE], mult, node_w)
        out += self._generators(t, modes, reached, x[X_FUEL])
        out += self._transfers(t, modes)
        out += self._loads(modes, expired)
        return out

    def _voltage(self, modes: Modes, before: Modes | None) -> list[Change]:
        """Elements that lost or regained voltage, one change per cause, at the topmost element."""
        live = self.probe[O_U] > DEAD_U
        was = modes["power_node_dead"] == 0.0
        groups: dict[int, list[int]] = {}
        top: dict[int, int] = {}
        for i in np.flatnonzero((live != was) & self.normal_live):
            i = int(i)
            parents = [s for s in self.live_sources(i) if s in top and bool(live[s]) == bool(live[i])]
            own = self.own_faults(i, modes) if not live[i] else []
            top[i] = top[parents[0]] if parents and not own else i
            groups.setdefault(top[i], []).append(i)
        out = []
        for head, ids in groups.items():
            back = bool(live[head])
            if back:
                refs = self._changed(head, modes, before)
            else:
                refs = self.own_faults(head, modes)
                for s in [] if refs else self.live_sources(head):
                    refs += self.blame(s, modes)
            out.append(Change(self.c.ids[head], "power-returned" if back else "power-lost", tuple(dict.fromkeys(refs)),
                              sets=tuple(("power_node_dead", i, 0.0 if back else 1.0) for i in ids)))
        return out

    def _changed(self, i: int, modes: Modes, before: Modes | None) -> Refs:
        """The modes whose change gave an element its voltage back; searched upwards until one is found."""
        refs = [(p, k) for p, k in self.history(i, modes) if before is not None and modes[p][k] != before[p][k]]
        if not refs:
            for s in self.live_sources(i):
                refs += self._changed(s, modes, before)
        return list(dict.fromkeys(refs))

    def _trips(self, modes: Modes, reached: Any, mult: Any, node_w: Any) -> list[Change]:
        out = []
        for i in np.flatnonzero(reached == 3.0):
            i = int(i)
            if modes["power_node_tripped"][i] or self.c.kind[i] == K_UPS or self.probe[O_U, i] <= DEAD_U:
                continue
            refs = [("power_node_overloaded", i)] if modes["power_node_overloaded"][i] else []
            sets: tuple[tuple[str, int, float], ...] = (("power_node_tripped", i, 1.0),)
            if self.c.kind[i] == K_GENERATOR:
                sets += (("generator_state", self.place["generator", i], float(GEN_LOCKED)),)
            out.append(Change(self.c.ids[i], "overload-trip", tuple(refs + self.standing(i, modes)),
                              via=(("power_node_w", i),), sets=sets, value=float(node_w[i]),
                              limit=float(self.c.const[C_SET, i] * self.state[S_TRIPFACTOR, i])))
        return out

    def _ups(self, t: int, modes: Modes, reached: Any, x_live: Any, mult: Any, node_w: Any) -> list[Change]:
        out = []
        for k, i in enumerate(self.members["ups"]):
            i, battery, now = int(i), self.batteries[k], int(modes["ups_state"][k])
            u_in = self.probe[O_UIN, i]
            input_ok = u_in >= self.c.const[C_WINDOW, i]
            bypass_ok = input_ok and not modes["ups_bypass_blocked"][k]
            cells_ok = (not modes["ups_battery_disconnected"][k] and modes["ups_battery_fraction"][k] > 0.0
                        and reached[i] != 1.0 and x_live[i] > 1.0)
            broken = bool(modes["ups_inverter_failed"][k])
            away = bool(modes["ups_failed"][k])
            overload = reached[i] == 3.0 and now in (UPS_NORMAL, UPS_BATTERY)
            src = self.sources[i][0]
            up: Refs = self.blame(src, modes)
            if now == UPS_NORMAL and reached[i] == 1.0:  # cells empty in the walk-in: the grid takes all
                self.walk_from[k] = -NEVER
            want, kind, refs = now, "", list[tuple[str, int]]()
            extra: dict[str, Any] = {}
            if away:
                want, kind, refs = UPS_OFF, "ups-failed", [("ups_failed", k)]
            elif broken and now != UPS_OFF:
                want = UPS_BYPASS if bypass_ok else UPS_OFF
                refs = [("ups_inverter_failed", k)] + ([] if bypass_ok else
                                                       [("ups_bypass_blocked", k)] if input_ok else up)
                kind = "ups-to-bypass" if bypass_ok else "ups-off"
            elif overload:
                want = UPS_BYPASS if bypass_ok else UPS_OFF
                refs = [("power_node_overloaded", i), *self.standing(i, modes)]
                refs += [] if bypass_ok else [("ups_bypass_blocked", k)] if input_ok else up
                kind = "ups-overload-to-bypass" if bypass_ok else "ups-overload-off"
                extra = {"via": (("power_node_w", i),), "value": float(node_w[i]),
                         "limit": float(self.c.const[C_SET, i])}
            elif now == UPS_NORMAL and not input_ok:
                want = UPS_BATTERY if cells_ok else UPS_OFF
                kind = "ups-on-battery" if cells_ok else "ups-off"
                refs = up + ([] if cells_ok else [("ups_battery_disconnected", k), ("ups_battery_fraction", k)])
            elif now == UPS_BATTERY and not cells_ok and not input_ok:
                want, kind, refs = UPS_OFF, "battery-exhausted", [("ups_state", k), *up]
                if modes["ups_battery_disconnected"][k]:
                    kind, refs = "battery-disconnected", [("ups_battery_disconnected", k), ("ups_state", k)]
                extra = {"via": (("power_node_w", i),), "value": float(x_live[i]), "limit": 0.0}
            elif now == UPS_BYPASS and not input_ok:
                want = UPS_BATTERY if cells_ok and not broken else UPS_OFF
                kind, refs = ("ups-on-battery" if want == UPS_BATTERY else "ups-off"), up + [("ups_state", k)]
            clear = input_ok and not broken and not away and want == now
            delay = battery.requalify_s + self.stagger_s * k
            if self.held(f"ups-back/{k}", clear and now == UPS_BATTERY and not modes["ups_retransfer_blocked"][k],
                         delay if cells_ok else 0.0, t):
                want, kind, refs = UPS_NORMAL, "ups-walk-in", [("ups_state", k), *self._restored(src)]
                self.walk_from[k] = t
            if self.held(f"ups-restart/{k}", clear and now == UPS_OFF, battery.restart_s, t):
                want, kind, refs = UPS_NORMAL, "ups-restart", [("ups_state", k), *self._restored(src)]
                refs += [("ups_failed", k), ("ups_inverter_failed", k)]
                self.walk_from[k] = -NEVER
            calm = clear and now == UPS_BYPASS
            if calm:  # the load is not known ahead: look again every second
                self.due = min(self.due, (t // SECOND + 1) * SECOND)
            if self.held(f"ups-inverter/{k}", calm and mult[i] < 1.0, BYPASS_RETURN_S, t):
                want, kind, refs = UPS_NORMAL, "ups-to-inverter", [("ups_state", k), ("ups_inverter_failed", k)]
                self.walk_from[k] = -NEVER
            end = int(self.walk_from[k]) + round(battery.walk_in_s * SECOND)
            if t < end:
                self.due = min(self.due, end)
            if want != now:
                out.append(Change(self.c.ids[i], kind, tuple(dict.fromkeys(refs)), sets=(("ups_state", k, float(want)),),
                                  **extra))
        return out

    def _restored(self, i: int) -> Refs:
        """Modes behind a voltage that is back: the dead mode of an element and of what is above it."""
        return [("power_node_dead", i)]

    def _generators(self, t: int, modes: Modes, reached: Any, fuel_l: Any) -> list[Change]:
        out: list[Change] = []
        wants, reasons = self._requests(t, modes)
        bus_up = {int(s): self.probe[O_U, s] > DEAD_U for g in self.members["generator"] for s in self._bus(int(g))}
        taken: set[int] = set()
        for k, i in enumerate(self.members["generator"]):
            i, data, now = int(i), self.generators[k], int(modes["generator_state"][k])
            wanted = wants[k]
            blocked, failed = modes["generator_start_blocked"][k], modes["generator_failed"][k]
            dry = modes["generator_fuel_blocked"][k] or reached[i] == 2.0 or fuel_l[i] < 1.0
            want, kind, refs = now, "", list[tuple[str, int]]()
            if now in (GEN_CRANKING, GEN_RUNNING, GEN_ON_BUS, GEN_COOLING) and (failed or (dry and now != GEN_CRANKING)):
                want, kind = GEN_LOCKED, "generator-failed" if failed else "generator-out-of-fuel"
                refs = [("generator_failed", k)] if failed else [("generator_fuel_blocked", k), ("generator_state", k)]
            elif now == GEN_STANDBY and wanted and not failed:
                want, kind, refs = GEN_CRANKING, "generator-cranking", reasons[k]
                data_s = data.start_median_s * float(np.exp(data.start_sigma * self.deviate(data.id, int(self.starts[k]))))
                if blocked or dry:
                    data_s = start_after_failed_cranks_s(data.attempts, data.crank_s, data.rest_s)
                self.starts[k] += 1
                self.ready_at[k] = t + round(data_s * SECOND)
            elif now == GEN_CRANKING:
                if t < self.ready_at[k]:
                    self.due = min(self.due, int(self.ready_at[k]))
                elif blocked or dry:
                    want, kind = GEN_LOCKED, "generator-start-failed"
                    refs = [("generator_start_blocked" if blocked else "generator_fuel_blocked", k), ("generator_state", k)]
                else:
                    want, kind, refs = GEN_RUNNING, "generator-running", [("generator_state", k)]
            elif now == GEN_RUNNING:
                buses = self._bus(i)
                free = all(not bus_up[b] and b not in taken for b in buses)
                if not wanted:
                    want, kind, refs = GEN_COOLING, "generator-cool-down", [("generator_state", k)]
                elif self.held(f"gen-sync/{k}", True, 0.0 if free else data.sync_s, t) or free:
                    want, kind, refs = GEN_ON_BUS, "generator-on-bus", [("generator_state", k)]
                    taken.update(buses)
            elif now == GEN_ON_BUS and not wanted:
                want, kind, refs = GEN_COOLING, "generator-cool-down", [("generator_state", k), *self._released(k)]
            elif now == GEN_COOLING:
                if wanted:
                    want, kind, refs = GEN_RUNNING, "generator-recalled", reasons[k]
                elif self.held(f"gen-cool/{k}", True, data.cooldown_s, t):
                    want, kind, refs = GEN_STANDBY, "generator-stopped", [("generator_state", k)]
            elif now == GEN_LOCKED and not (failed or blocked or dry or modes["power_node_tripped"][i]):
                if self.held(f"gen-reset/{k}", True, 0.0, t):
                    want, kind = GEN_STANDBY, "generator-reset"
                    refs = [("generator_failed", k), ("generator_start_blocked", k), ("generator_fuel_blocked", k)]
            if want != now:
                for name in ("gen-sync", "gen-cool"):
                    self.since.pop(f"{name}/{k}", None)
                out.append(Change(self.c.ids[i], kind, tuple(dict.fromkeys(refs)),
                                  sets=(("generator_state", k, float(want)),)))
        return out

    def _bus(self, generator: int) -> list[int]:
        return [n for n, sources in enumerate(self.sources) if generator in sources]

    def _released(self, k: int) -> Refs:
        return [("transfer_position", s) for s in self.serves[k]]

    def _requests(self, t: int, modes: Modes) -> tuple[list[bool], list[Refs]]:
        """Whether each generator is wanted, and what asks for it."""
        asks: list[Refs] = []
        for k, i in enumerate(self.members["transfer_switch"]):
            data, (preferred, alternate) = self.switches[k], self.sources[i][:2]
            bad = self.probe[O_U, preferred] < data.window_low
            backed = any(k in served for served in self.serves)
            if backed and self.held(f"gen-start/{k}", bool(bad), data.start_delay_s, t):
                asks.append(self.blame(preferred, modes))
            elif backed and modes["transfer_position"][k] != 0.0:
                asks.append([("transfer_position", k)])
            else:
                asks.append([])
        reasons = [list(dict.fromkeys(r for s in served for r in asks[s])) for served in self.serves]
        return [any(asks[s] for s in served) for served in self.serves], reasons

    def _transfers(self, t: int, modes: Modes) -> list[Change]:
        out = []
        for k, i in enumerate(self.members["transfer_switch"]):
            data, (preferred, alternate) = self.switches[k], self.sources[i][:2]
            now, stuck = int(modes["transfer_position"][k]), bool(modes["transfer_switch_stuck"][k])
            first, second = (self.probe[O_U, s] >= data.window_low for s in (preferred, alternate))
            wrong = bool(modes["transfer_switch_misplaced"][k])
            want, kind, refs = now, "", list[tuple[str, int]]()
            if wrong and now == 0:
                want, kind, refs = 1, "transfer-misplaced", [("transfer_switch_misplaced", k)]
            elif self.held(f"to-alternate/{k}", now == 0 and not first and second and not stuck,
                           data.sense_s + data.transfer_s, t):
                want, kind = 1, "transfer-to-alternate"
                refs = self.blame(preferred, modes) + self._changed_source(alternate)
            elif self.held(f"lost-alternate/{k}", now == 1 and first and not second and not stuck and not wrong,
                           data.sense_s + data.transfer_s, t):
                want, kind, refs = 0, "transfer-to-preferred", self.blame(alternate, modes) + [("transfer_position", k)]
            elif self.held(f"retransfer/{k}", now == 1 and bool(first) and not stuck and not wrong, data.retransfer_s, t):
                want = 0 if data.closed_transition else -1
                kind = "retransfer" if data.closed_transition else "transfer-open"
                refs = [("transfer_position", k), ("power_node_dead", preferred), ("transfer_switch_misplaced", k)]
            elif self.held(f"open/{k}", now == -1, data.transfer_s, t):
                want, kind, refs = 0, "retransfer", [("transfer_position", k)]
            if want != now:
                out.append(Change(self.c.ids[i], kind, tuple(dict.fromkeys(refs)),
                                  sets=(("transfer_position", k, float(want)),)))
        return out

    def _changed_source(self, i: int) -> Refs:
        """What gave an alternate source its voltage: generators that feed it."""
        return [("generator_state", k) for k, g in enumerate(self.members["generator"])
                if (int(g) in self.above[i] or int(g) == i) and self.state[S_SOURCE_U, g] > 0.0]

    def _loads(self, modes: Modes, expired: Any) -> list[Change]:
        """Loads whose hold-up is over, that are isolated, or that have voltage again."""
        out: list[Change] = []
        for group in self.c.model.groups:
            span = self.c.group_slices[group.name]
            on, isolated = modes[powered_port(group.name)], modes.get(ISOLATE.get(group.name, ""))
            gone: dict[tuple[str, str], list[int]] = {}
            why: dict[tuple[str, str], Refs] = {}
            for k in range(len(group.ids)):
                j = span.start + k
                dropout = self.c.load_const[L_DROPOUT, j]
                live = [f for f in self.feeds[j] if self.probe[O_U, f] >= dropout]
                cut = isolated is not None and isolated[k] > 0.0
                if on[k] and (cut or (not live and expired[j])):
                    refs = [(ISOLATE[group.name], k)] if cut else [r for f in self.feeds[j] for r in self.blame(f, modes)]
                    kind = "isolated" if cut else "power-lost"
                elif not on[k] and live and not cut:
                    refs = [("power_node_dead", f) for f in live] + ([(ISOLATE[group.name], k)] if isolated is not None else [])
                    kind = "power-returned"
                else:
                    continue
                head = group.ids[k] if len(self.feeds[j]) > 1 or cut else self.c.ids[self.feeds[j][0]]
                key = (head, kind if head == group.ids[k] else f"{group.name.replace('_', '-')}-{kind}")
                gone.setdefault(key, []).append(k)
                why.setdefault(key, []).extend(refs)
            for (head, kind), ks in gone.items():
                value = 1.0 if kind.endswith("returned") else 0.0
                out.append(Change(head, kind, tuple(dict.fromkeys(why[head, kind])),
                                  sets=tuple((powered_port(group.name), k, value) for k in ks)))
        return out


POWERED = {"cdu": "cdu_controller_powered", "dry_cooler": "fan_powered"}


def powered_port(group: str) -> str:
    """Mode port that tells a group of loads whether it has power.

    Examples
    --------
    >>> powered_port("rack"), powered_port("dry_cooler")
    ('rack_powered', 'fan_powered')
    """
    return POWERED.get(group, f"{group}_powered")


__all__ = ["Change", "Sequence", "FAULT_PORTS", "OWN_PORTS", "OFF_PORTS", "CLASSES", "powered_port", "K_UTILITY"]
