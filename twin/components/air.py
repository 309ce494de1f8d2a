"""Rooms and air handlers as a component: thermal.room behind the coupling's ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from operator import is_
from typing import Any

from numba import njit

from thermal.psychrometrics import CP_DRY_AIR_J_KG_K, R_DRY_AIR_J_KG_K
from thermal.room import RoomAir
from twin.contract import NEVER, SECOND, Advanced, Array, Event, Inputs, Port, State, Us
from twin.errors import SolverError

HOT_LIMIT_C, HOT_RELEASE_C = 35.0, 33.0  # room air; above it equipment is outside its allowable range
MODES = ("ahu_powered", "ahu_failed", "ahu_fan_fraction", "ahu_capacity_fraction")  # in the order of the columns of v
NEEDS = ("rack_room_heat_w", "cdu_room_heat_w", "switch_power_w", "outdoor_drybulb_c")


@njit(cache=True)
def room_heat_w(conversion_j, seconds, hall, rack_w, cdu_w, switch_w, heat_w):
    """Fill heat_w: what conversion, and in the hall racks, CDUs and switches, release to each room [W]."""
    for r in range(heat_w.size):
        heat_w[r] = conversion_j[r] / seconds
    heat_w[hall] += rack_w.sum() + cdu_w.sum() + switch_w.sum()


class Air:
    """Rooms with their contents and air handlers.

    Parameters
    ----------
    air : the model
    ids : axis -> ids for "room" and "ahu"
    hall : index of the room in which racks, CDUs and switches stand
    """

    name = "air"
    inputs = (
        Port("rack_room_heat_w", "rack", "mean"),
        Port("cdu_room_heat_w", "cdu", "mean"),
        Port("switch_power_w", "switch", "mean"),
        Port("conversion_heat_j", "room", "joules"),
        Port("outdoor_drybulb_c", "site", "mean"),
        Port("ahu_powered", "ahu", "mode", neutral=1.0),
        Port("ahu_failed", "ahu", "mode"),
        Port("ahu_fan_fraction", "ahu", "mode", neutral=1.0),
        Port("ahu_capacity_fraction", "ahu", "mode", neutral=1.0),
    )
    outputs = (
        Port("room_c", "room", "end", NEEDS, neutral=27.0),
        Port("ahu_power_w", "ahu", "mean", NEEDS),
        Port("ahu_load_fraction", "ahu", "end", NEEDS),
        Port("ahu_running", "ahu", "mode", neutral=1.0),
        Port("room_hot", "room", "mode"),
    )
    grid: Us = 0
    can_rewind = True

    def __init__(self, air: RoomAir, ids: Mapping[str, Sequence[str]], hall: int = 0):
        self.air = air
        self.rooms, self.handlers = tuple(ids["room"]), tuple(ids["ahu"])
        if (len(self.rooms), len(self.handlers)) != (len(air.rooms), len(air.handlers)):
            raise ValueError("as many ids as rooms and handlers")
        self.hall = hall
        self._hot = [False] * len(self.rooms)
        self._key: tuple[Array, Array] | None = None  # what settle has seen
        self._modes: list[Array] = []  # as last read: one that changes comes as a new array
        self._on = air.d_ahu[:, 0]

    def start(self, t: Us, inputs: Inputs) -> None:
        self.air.rest()
        self._hot, self._key, self._modes = [False] * len(self.rooms), None, []

    def next_due(self) -> Us:
        return NEVER

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        key = (inputs.value["ahu_powered"], inputs.value["ahu_failed"])
        if self._key is not None and all(map(is_, key, self._key)):
            return ()
        self._key = key
        self._read(inputs)
        before = self._on.tolist()
        for j in range(len(self.handlers)):
            if self.air.v[j, 0] < 0.5 or self.air.v[j, 1] > 0.5:
                self.air.d_ahu[j, :2] = 0.0
                self.air.d_ahu[j, 2] = t
        return self._changes(t, before, inputs)

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        self._read(inputs)
        value, air = inputs.value, self.air
        seconds = (t_end - t) / SECOND
        room_heat_w(
            value["conversion_heat_j"],
            seconds,
            self.hall,
            value["rack_room_heat_w"],
            value["cdu_room_heat_w"],
            value["switch_power_w"],
            air.heat_w,
        )
        air.outdoor_c = float(value["outdoor_drybulb_c"][0])
        before = self._on.tolist()
        try:
            air.advance(t, t_end)
        except ArithmeticError as error:
            raise SolverError(str(error), t_s=t / SECOND) from error
        room_c = air.air_c.copy()
        temperatures = room_c.tolist()
        if not all(map(isfinite, temperatures)):
            raise SolverError("room air is no longer finite", t_s=t_end / SECOND, state="room_c")
        na, nr = len(self.handlers), len(self.rooms)
        handler_j = air.handler_j
        outputs = {
            "room_c": room_c,
            "ahu_power_w": handler_j / seconds,
            "ahu_load_fraction": air.y[2 * nr : 2 * nr + na].copy(),
        }
        joules = {
            "air/ahu_j": sum(handler_j.tolist()),
            "air/ahu_rejected_j": air.rejected_j,
            "air/ambient_j": air.outdoors_j,
        }
        return Advanced(
            t_end, outputs, joules, {}, self._changes(t, before, inputs) + self._alarms(t_end, temperatures, inputs)
        )

    def _read(self, inputs: Inputs) -> None:
        modes = [inputs.value[name] for name in MODES]
        if self._modes and all(map(is_, modes, self._modes)):
            return
        self._modes = modes
        for column, mode in enumerate(modes):
            self.air.v[:, column] = mode

    def _changes(self, t: Us, before: list[float], inputs: Inputs) -> tuple[Event, ...]:
        after = self._on.tolist()
        if after == before:
            return ()
        events = []
        value, cause = inputs.value, inputs.cause
        for j, (was, now) in enumerate(zip(before, after, strict=True)):
            if was == now:
                continue
            room = int(self.air.ahu[j, 0])
            via: tuple[tuple[str, int], ...] = ()
            if now > 0.5:
                kind = "ahu-start"
                peers = [k for k in range(len(before)) if k != j and int(self.air.ahu[k, 0]) == room]
                causes = [cause["ahu_running"][k] for k in peers if value["ahu_running"][k] < 0.5]
                causes += [cause["ahu_powered"][j]]
                if not any(causes):
                    via = (("room_c", room),)
            elif value["ahu_failed"][j] > 0.5:
                kind, causes = "ahu-failed", [cause["ahu_failed"][j]]
            elif value["ahu_powered"][j] < 0.5:
                kind, causes = "ahu-power-loss", [cause["ahu_powered"][j]]
            else:
                kind, causes, via = "ahu-stop", [], (("room_c", room),)
            at = max(int(self.air.d_ahu[j, 2]), t)
            events.append(
                Event(at, self.handlers[j], kind, tuple(c for c in causes if c), via, (("ahu_running", j, now),))
            )
        return tuple(events)

    def _alarms(self, t: Us, room_c: list[float], inputs: Inputs) -> tuple[Event, ...]:
        events: list[Event] = []
        if t % SECOND:  # scanned each second, whatever the step
            return ()
        for r, temperature in enumerate(room_c):
            if not self._hot[r] and temperature > HOT_LIMIT_C:
                self._hot[r] = True
                events.append(
                    Event(
                        t,
                        self.rooms[r],
                        "room-hot",
                        via=(("room_c", r),),
                        sets=(("room_hot", r, 1.0),),
                        value=temperature,
                        limit=HOT_LIMIT_C,
                    )
                )
            elif self._hot[r] and temperature < HOT_RELEASE_C:
                self._hot[r] = False
                events.append(
                    Event(
                        t,
                        self.rooms[r],
                        "room-normal",
                        (inputs.cause["room_hot"][r],),
                        sets=(("room_hot", r, 0.0),),
                        value=temperature,
                        limit=HOT_RELEASE_C,
                    )
                )
        return tuple(events)

    def stored_j(self) -> Mapping[str, float]:
        return {"rooms": self.air.stored_j()}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        room = index if port.startswith("room") else int(self.air.ahu[index, 0])
        found: list[tuple[str, int]] = [("conversion_heat_j", room), ("outdoor_drybulb_c", 0)]
        for j in range(len(self.handlers)):
            if int(self.air.ahu[j, 0]) == room:
                found += [
                    (name, j)
                    for name in (
                        "ahu_running",
                        "ahu_powered",
                        "ahu_failed",
                        "ahu_fan_fraction",
                        "ahu_capacity_fraction",
                    )
                ]
        if room == self.hall:
            found += [(name, i) for name, n in self._hall_sources for i in range(n)]
        return found

    _hall_sources: tuple[tuple[str, int], ...] = ()

    def with_hall_sources(self, racks: int, cdus: int, switches: int) -> Air:
        """Tell how many racks, CDUs and switches heat the hall (for the graph of causes)."""
        self._hall_sources = (("rack_room_heat_w", racks), ("cdu_room_heat_w", cdus), ("switch_power_w", switches))
        return self

    def mark(self) -> object:
        a = self.air
        return a.y.copy(), a.d_ahu.copy(), a.d_room.copy(), list(self._hot), self._key

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        a = self.air
        a.y[:], a.d_ahu[:], a.d_room[:], hot, self._key = mark
        self._hot = list(hot)

    def save(self) -> State:
        a = self.air
        return {"y": a.y.copy(), "d_ahu": a.d_ahu.copy(), "d_room": a.d_room.copy(), "hot": list(self._hot)}

    def load(self, state: State) -> None:
        a = self.air
        a.y[:], a.d_ahu[:], a.d_room[:] = state["y"], state["d_ahu"], state["d_room"]
        self._hot, self._key, self._modes = [bool(h) for h in state["hot"]], None, []


def build_air(plant: Any, scenario: Any) -> Air:
    """Rooms and air handlers of a plant's `air:` section."""
    section, item = plant.facility.air, plant.catalogue.item
    ids = {"room": tuple(section.rooms), "ahu": tuple(section.handlers)}
    for axis, wanted in ids.items():
        plant.axes.setdefault(axis, wanted)
        if tuple(plant.axes[axis]) != wanted:
            raise ValueError(f"axis {axis}: {plant.axes[axis]}, wanted the order of the air section {wanted}")
    handlers = []
    for entry in section.handlers.values():
        unit = item(entry.type)
        handlers.append(
            {
                "room": float(ids["room"].index(entry.room)),
                "capacity_w": float(unit["capacity_w"]),
                "rated_return_c": float(unit["rated_return_c"]),
                "rated_outdoor_c": float(unit["rated_outdoor_c"]),
                "carnot_fraction": float(unit["carnot_ratio"]),
                "evaporator_k": float(unit["evaporator_k"]),
                "condenser_k": float(unit["condenser_k"]),
                "fan_w": float(unit["fan_w"]),
                "fan_minimum_fraction": float(unit["fan_minimum_fraction"]),
                "minimum_load_fraction": float(unit["minimum_load_fraction"]),
                "condenser_air_kg_s": float(unit["condenser_air_kg_s"]),
                "restart_s": entry.restart_s,
            }
        )
    rooms = []
    for name, room in section.rooms.items():
        place = item(room.type)
        units = [item(h.type) for h in section.handlers.values() if h.room == name]
        control = units[0] if units else {"gain_per_k": 0.0, "reset_s": 300.0, "detect_s": 30.0, "scan_s": 5.0}
        density = float(place["pressure_pa"]) / (R_DRY_AIR_J_KG_K * (room.setpoint_c + 273.15))
        rooms.append(
            {
                "air_j_k": float(place["volume_m3"]) * density * CP_DRY_AIR_J_KG_K,
                "contents_j_k": float(place["contents_j_k"]),
                "contents_w_k": float(place["contents_exchange_w_k"]),
                "outdoor_w_k": float(place["envelope_w_k"]) + float(place["outdoor_air_kg_s"]) * CP_DRY_AIR_J_KG_K,
                "set_c": room.setpoint_c,
                "duty_units": float(room.duty_units),
                "gain_per_k": float(control["gain_per_k"]),
                "reset_s": float(control["reset_s"]),
                "detect_s": float(control["detect_s"]),
                "scan_s": float(control["scan_s"]),
            }
        )
    air = Air(RoomAir(rooms, handlers, scenario.solver), ids, ids["room"].index(section.racks_in))
    return air.with_hall_sources(*(len(plant.axes.get(axis, ())) for axis in ("rack", "cdu", "switch")))
