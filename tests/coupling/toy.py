"""Small components with closed-form answers, to test the coupling alone."""

from __future__ import annotations

import numpy as np

from twin.contract import NEVER, SECOND, Advanced, Event, Inputs, Port, State, Us


class Toy:
    """Defaults every toy shares."""

    grid: Us = 0
    can_rewind = True
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    def start(self, t, inputs): ...
    def next_due(self):
        return NEVER
    def settle(self, t, round, inputs):
        return ()
    def stored_j(self):
        return {}
    def drivers(self, port, index):
        return [(p.name, index) for p in self.inputs]
    def may_split(self, t, t_end):
        return False
    def mark(self):
        return dict(self.__dict__)
    def rewind(self, mark):
        self.__dict__.clear()
        self.__dict__.update(mark)
    def save(self) -> State:
        return dict(self.__dict__)
    def load(self, state):
        self.__dict__.update(state)


class Load(Toy):
    """Draws 1 kW while its feed is alive."""

    name = "load"
    inputs = (Port("feed_alive", "site", "mode", neutral=1.0),)
    outputs = (Port("load_power_w", "site", "mean"),)

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        w = 1000.0 * inputs.value["feed_alive"]
        return Advanced(t_end, {"load_power_w": w}, {"load/rack_j": float(w[0]) * (t_end - t) / SECOND})


class Battery(Toy):
    """Carries the load from a store until it is empty: its own splitting event, at the exact instant."""

    name = "battery"
    inputs = (Port("load_power_w", "site", "mean"), Port("mains_failed", "site", "mode"))
    outputs = (
        Port("feed_alive", "site", "mode", neutral=1.0),
        Port("stored_fraction", "site", "end", needs=("load_power_w",)),
        Port("heat_j", "site", "joules", needs=("load_power_w",)),
    )

    def __init__(self, stored_j: float = 12_345.678):
        self.left_j = self.full_j = stored_j
        self.alive = True
        self.calls = 0

    def may_split(self, t, t_end):
        return self.alive

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        self.calls += 1
        power = float(inputs.value["load_power_w"][0])
        seconds = (t_end - t) / SECOND
        on_battery = inputs.value["mains_failed"][0] > 0 and self.alive
        events: tuple[Event, ...] = ()
        if on_battery and power > 0:
            ends = t + round(self.left_j / power * SECOND)
            if ends < t_end and ends > t:
                return Advanced(ends, {})
            self.left_j -= power * seconds
            if abs(self.left_j) < power * 1e-6:
                self.alive = False
                events = (Event(t_end, "SITE", "battery-empty", causes=(inputs.cause["mains_failed"][0],),
                                sets=(("feed_alive", 0, 0.0),)),)
        out = {"stored_fraction": np.array([self.left_j / self.full_j]), "heat_j": np.array([0.02 * power * seconds])}
        return Advanced(t_end, out, {"battery/mains_j": 0.0 if on_battery else power * seconds,
                                     "battery/heat_out_j": 0.02 * power * seconds}, events=events)


class Room(Toy):
    """Takes the battery's heat one step late, in joules."""

    name = "room"
    inputs = (Port("heat_j", "site", "joules"),)
    outputs = (Port("room_c", "site", "end", neutral=20.0),)

    def __init__(self):
        self.stored = 0.0

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        heat = float(inputs.value["heat_j"][0])
        self.stored += heat
        return Advanced(t_end, {"room_c": np.array([20.0 + self.stored / 1e4])}, {"room/heat_in_j": heat})

    def stored_j(self):
        return {"air": self.stored}
