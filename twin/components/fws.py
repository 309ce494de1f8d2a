"""The facility water loop as a component: thermal.fws_plant behind the coupling's ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_
from typing import Any

from thermal import fws_layout as lay
from thermal.fws_plant import FwsParameters, FwsPlant
from twin.components.fws_parameters import fws_parameters
from twin.contract import NEVER, SECOND, Advanced, Array, Event, Inputs, Port, State, Us
from twin.errors import SolverError

FAST_STEP: Us = 100_000  # exchange period while pumps run up or coast down
HOT_K, HOT_RELEASE_K = 5.0, 3.0  # supply above set-point that is reported

HEAT = Port("cdu_primary_heat_w", "cdu", "mean")
VALVE = Port("cdu_valve_position_fraction", "cdu", "end")
OUTDOOR = (
    Port("outdoor_drybulb_c", "site", "mean"),
    Port("outdoor_wetbulb_c", "site", "mean"),
    Port("outdoor_pressure_pa", "site", "mean"),
)
NEEDS = ("cdu_primary_heat_w", "cdu_valve_position_fraction", *(p.name for p in OUTDOOR))

POWERED = (
    Port("fws_pump_powered", "fws_pump", "mode", neutral=1.0),
    Port("fan_powered", "dry_cooler", "mode", neutral=1.0),
    Port("chiller_powered", "chiller", "mode", neutral=1.0),
    Port("fws_controller_powered", "fws_controller", "mode", neutral=1.0),
)
FAULTS = (
    Port("fws_pump_tripped", "fws_pump", "mode"),
    Port("fws_pump_start_blocked", "fws_pump", "mode"),
    Port("fws_pump_head_fraction", "fws_pump", "mode", neutral=1.0),
    Port("fws_controller_failed", "fws_controller", "mode"),
    Port("fws_supply_sensor_bias_k", "fws_controller", "mode"),
    Port("dry_cooler_fan_fraction", "dry_cooler", "mode", neutral=1.0),
    Port("dry_cooler_conductance_fraction", "dry_cooler", "mode", neutral=1.0),
    Port("dry_cooler_recirculation_k", "dry_cooler", "mode"),
    Port("chiller_tripped", "chiller", "mode"),
    Port("chiller_capacity_fraction", "chiller", "mode", neutral=1.0),
    Port("fws_bypass_stuck_fraction", "fws_bypass", "mode", neutral=-1.0),
)
INPUTS = (VALVE, HEAT, *OUTDOOR, *POWERED, *FAULTS)
OUTPUTS = (
    Port("fws_supply_c", "cdu", "end", NEEDS, neutral=36.0),
    Port("cdu_primary_flow_kg_s", "cdu", "end", NEEDS, neutral=10.0),
    Port("fws_return_c", "site", "end", NEEDS, neutral=46.0),
    Port("dry_cooler_out_c", "site", "end", NEEDS, neutral=36.0),
    Port("fws_flow_kg_s", "site", "end", NEEDS),
    Port("fws_header_dp_pa", "site", "end", NEEDS),
    Port("fws_bypass_fraction", "site", "end", NEEDS),
    Port("chiller_out_c", "site", "end", NEEDS, neutral=36.0),
    Port("fws_pump_power_w", "fws_pump", "mean", NEEDS),
    Port("fan_power_w", "dry_cooler", "mean", NEEDS),
    Port("chiller_power_w", "chiller", "mean", NEEDS),
    Port("fws_controller_power_w", "fws_controller", "mean", NEEDS),
    Port("fws_pump_speed_fraction", "fws_pump", "end", NEEDS),
    Port("fan_speed_fraction", "dry_cooler", "end", NEEDS),
    Port("chiller_load_fraction", "chiller", "end", NEEDS),
    Port("water_l_s", "site", "mean", NEEDS),
    Port("fws_pump_running", "fws_pump", "mode", neutral=1.0),
    Port("chiller_running", "chiller", "mode"),
    Port("dry_cooler_guarded", "dry_cooler", "mode"),
    Port("fws_supply_hot", "site", "mode"),
)
MODES = tuple(p.name for p in (*POWERED, *FAULTS))
RUNNING = ("fws_pump_running", "chiller_running", "dry_cooler_guarded")


class Fws:
    """The built-in facility plant.

    Parameters
    ----------
    parameters : numbers of the plant
    ids : axis -> ids, for fws_pump, dry_cooler and chiller (names in events)
    solver : "fast" or "reference"
    """

    name = "fws"
    inputs, outputs = INPUTS, OUTPUTS
    grid: Us = 0
    can_rewind = True

    def __init__(self, parameters: FwsParameters, ids: Mapping[str, Sequence[str]], solver: str = "fast"):
        self.plant = FwsPlant(parameters, solver)
        self._axes = (tuple(ids["fws_pump"]), tuple(ids["chiller"]), tuple(ids["dry_cooler"]))
        for axis, have, want in zip(
            ("fws_pump", "chiller", "dry_cooler"),
            self._axes,
            (len(parameters.pumps), len(parameters.chillers), len(parameters.banks)),
            strict=True,
        ):
            if len(have) != want:
                raise ValueError(f"{axis}: {len(have)} ids for {want} sets of parameters")
        self._hot = False
        self._due: Us = NEVER
        self._key: tuple[Array, ...] | None = None  # what settle has seen
        self._modes: list[Array | None] = [None] * len(MODES)
        s = parameters.sizes
        self._logic = (
            slice(0, 3 * s.pumps, 3),
            slice(3 * s.pumps, 3 * (s.pumps + s.chillers), 3),
            slice(3 * (s.pumps + s.chillers), 3 * (s.pumps + s.chillers + s.banks), 3),
        )
        self._flags = tuple(self.plant.d[part] for part in self._logic)
        self._limit_c = float(self.plant.site[lay.G_TSET]) + HOT_K
        self._parts = self._columns(s.cdus, s.pumps, s.banks, s.chillers)

    @staticmethod
    def _columns(cdus: int, pumps: int, banks: int, chillers: int) -> tuple[tuple[str, slice], ...]:
        """Places of the outputs in a row of results."""
        sizes = (
            ("fws_supply_c", cdus),
            ("cdu_primary_flow_kg_s", cdus),
            ("fws_flow_kg_s", 1),
            ("fws_header_dp_pa", 1),
            ("dry_cooler_out_c", 1),
            ("chiller_out_c", 1),
            ("fws_return_c", 1),
            ("", 1),
            ("fws_bypass_fraction", 1),
            ("fws_pump_power_w", pumps),
            ("fan_power_w", banks),
            ("chiller_power_w", chillers),
            ("fws_controller_power_w", 1),
            ("water_l_s", 1),
            ("fws_pump_speed_fraction", pumps),
            ("fan_speed_fraction", banks),
            ("chiller_load_fraction", chillers),
        )
        parts, place = [], 0
        for name, size in sizes:
            if name:
                parts.append((name, slice(place, place + size)))
            place += size
        return tuple(parts)

    # ------------------------------------------------------------------------------------------------ stepping

    def start(self, t: Us, inputs: Inputs) -> None:
        self.plant.rest(self.plant.site[lay.G_TSET])
        self._hot, self._due, self._key, self._modes = False, NEVER, None, [None] * len(MODES)

    def next_due(self) -> Us:
        return self._due

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        """Contactors drop out at the instant at which their power or their machine goes."""
        v = inputs.value
        key = v["fws_pump_powered"], v["fws_pump_tripped"], v["chiller_powered"], v["chiller_tripped"]
        if self._key is not None and all(map(is_, key, self._key)):  # a mode that changes comes as a new array
            return ()
        self._key = key
        before = self._on()
        self._read(inputs)
        self.plant.drop_out(t)
        self._due = t + FAST_STEP if self.plant.report(1.0)[-1] else NEVER
        return self._changes(t, before, inputs)

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        self._read(inputs)
        plant = self.plant
        before = self._on()
        try:
            plant.advance(t, t_end)
        except ArithmeticError as error:
            raise SolverError(str(error), t_s=t / SECOND) from error
        row = plant.report((t_end - t) / SECOND)
        pump, fan, chiller, dry, tower, condenser, ambient, controller, water_l, finite, moving = row[-11:].tolist()
        if not finite:
            raise SolverError("the facility loop is no longer finite", t_s=t_end / SECOND, state=plant.worst_state())
        self._due = t_end + FAST_STEP if moving else NEVER
        joules = {
            "fws/pump_j": pump,
            "fws/fan_j": fan,
            "fws/chiller_j": chiller,
            "fws/controller_j": controller,
            "fws/dry_cooler_rejected_j": dry,
            "fws/tower_rejected_j": tower,
            "fws/chiller_rejected_j": condenser,
            "fws/ambient_j": ambient,
            "fws/reused_j": 0.0,
        }
        events = self._changes(t, before, inputs) + self._alarm(t_end, row[0], inputs)
        return Advanced(
            t_end, {name: row[part] for name, part in self._parts}, joules, {"fws/water_l": water_l}, events
        )

    def _read(self, inputs: Inputs) -> None:
        v, p = inputs.value, self.plant
        p.u_cdu[:, 0], p.u_cdu[:, 1] = v["cdu_valve_position_fraction"], v["cdu_primary_heat_w"]
        p.u_site[:3] = (v["outdoor_drybulb_c"][0], v["outdoor_wetbulb_c"][0], v["outdoor_pressure_pa"][0])
        modes: list[Array | None] = [v[name] for name in MODES]
        if all(map(is_, modes, self._modes)):
            return
        self._modes = modes
        u = p.u_pump
        u[:, 0], u[:, 1] = v["fws_pump_powered"], v["fws_pump_tripped"]
        u[:, 2], u[:, 3] = v["fws_pump_start_blocked"], v["fws_pump_head_fraction"]
        u = p.u_bank
        u[:, 0], u[:, 1] = v["fan_powered"], v["dry_cooler_fan_fraction"]
        u[:, 2], u[:, 3] = v["dry_cooler_conductance_fraction"], v["dry_cooler_recirculation_k"]
        u = p.u_chiller
        if len(u):
            u[:, 0], u[:, 1] = v["chiller_powered"], v["chiller_tripped"]
            u[:, 2], u[:, 3] = 0.0, v["chiller_capacity_fraction"]
        p.u_site[3:] = (
            v["fws_controller_powered"][0],
            v["fws_controller_failed"][0],
            v["fws_supply_sensor_bias_k"][0],
            v["fws_bypass_stuck_fraction"][0],
        )

    # ------------------------------------------------------------------------------------------------ events

    def _on(self) -> tuple[list[float], ...]:
        return tuple([flags.tolist() for flags in self._flags])

    def _changes(self, t: Us, before: tuple[list[float], ...], inputs: Inputs) -> tuple[Event, ...]:
        after = self._on()
        if after == before:
            return ()
        events: list[Event] = []
        for port, ids, old, new, part in zip(RUNNING, self._axes, before, after, self._logic, strict=True):
            changed = self.plant.d[part.start + 2 : part.stop : 3]
            for i, (was, now) in enumerate(zip(old, new, strict=True)):
                if was != now:
                    kind, causes, via = self._why(port, i, now > 0.5, inputs)
                    events.append(Event(max(int(changed[i]), t), ids[i], kind, causes, via, ((port, i, now),)))
        return tuple(events)

    def _why(
        self, port: str, i: int, on: bool, inputs: Inputs
    ) -> tuple[str, tuple[str, ...], tuple[tuple[str, int], ...]]:
        v, cause = inputs.value, inputs.cause
        if port == "dry_cooler_guarded":
            return ("freeze-guard" if on else "freeze-guard-release"), (), (("dry_cooler_out_c", 0),)
        noun = "pump" if port == "fws_pump_running" else "chiller"
        prefix = "fws_pump" if noun == "pump" else "chiller"
        if on:
            others = (
                [cause[port][k] for k in range(len(cause[port])) if k != i and v[port][k] < 0.5]
                if noun == "pump"
                else []
            )
            before = cause[port][i]  # after a trip or a loss of power: what cleared it, then what it was
            if before.endswith(("-trip", "-power-loss", "-low-flow")):
                others += [cause[f"{prefix}_powered"][i], cause[f"{prefix}_tripped"][i], before]
            via = (("fws_supply_c", 0),) if noun == "chiller" else ()
            return f"{noun}-start", tuple(dict.fromkeys(c for c in others if c)), via
        for name, kind in ((f"{prefix}_tripped", "trip"), (f"{prefix}_powered", "power-loss")):
            bad = v[name][i] > 0.5 if kind == "trip" else v[name][i] < 0.5
            if bad:
                return f"{noun}-{kind}", (cause[name][i],), ()
        if noun == "chiller" and self.plant.out[lay.O_FLOW] < self.plant.site[lay.G_HFLOW]:
            return "chiller-low-flow", (), (("fws_flow_kg_s", 0),)
        return f"{noun}-stop", (), (("fws_supply_c", 0),)

    def _alarm(self, t: Us, supply: float, inputs: Inputs) -> tuple[Event, ...]:
        limit = self._limit_c
        if t % SECOND or (not self._hot and supply <= limit):  # scanned each second, whatever the step
            return ()
        supply = float(supply)
        if not self._hot and supply > limit:
            self._hot = True
            return (
                Event(
                    t,
                    "SITE",
                    "fws-supply-hot",
                    via=(("fws_supply_c", 0),),
                    sets=(("fws_supply_hot", 0, 1.0),),
                    value=supply,
                    limit=limit,
                ),
            )
        if self._hot and supply < limit - HOT_K + HOT_RELEASE_K:
            self._hot = False
            return (
                Event(
                    t,
                    "SITE",
                    "fws-supply-normal",
                    causes=(inputs.cause["fws_supply_hot"][0],),
                    sets=(("fws_supply_hot", 0, 0.0),),
                    value=supply,
                    limit=limit - HOT_K + HOT_RELEASE_K,
                ),
            )
        return ()

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        pumps, chillers, banks = (range(len(a)) for a in self._axes)
        cdus = range(self.plant.sizes.cdus)
        hydraulic = [(name, i) for name in ("fws_pump_running", "fws_pump_head_fraction") for i in pumps]
        hydraulic += [("cdu_valve_position_fraction", i) for i in cdus]
        hydraulic += [("fws_controller_failed", 0), ("fws_controller_powered", 0)]
        if port in ("cdu_primary_flow_kg_s", "fws_flow_kg_s", "fws_header_dp_pa"):
            return hydraulic
        if port in ("fws_pump_power_w", "fws_pump_speed_fraction"):
            return [*hydraulic, ("fws_pump_powered", index), ("fws_pump_tripped", index)]
        if port == "fws_controller_power_w":
            return [("fws_controller_powered", 0)]
        thermal = [*hydraulic, *(("cdu_primary_heat_w", i) for i in cdus)]
        thermal += [(p.name, 0) for p in OUTDOOR] + [("fws_supply_sensor_bias_k", 0), ("fws_bypass_stuck_fraction", 0)]
        for name in (
            "fan_powered",
            "dry_cooler_fan_fraction",
            "dry_cooler_conductance_fraction",
            "dry_cooler_recirculation_k",
            "dry_cooler_guarded",
        ):
            thermal += [(name, i) for i in banks]
        for name in ("chiller_powered", "chiller_tripped", "chiller_capacity_fraction", "chiller_running"):
            thermal += [(name, i) for i in chillers]
        return thermal

    # ------------------------------------------------------------------------------------------------ state

    def stored_j(self) -> Mapping[str, float]:
        return {"water": self.plant.stored_j()}

    def mark(self) -> object:
        p = self.plant
        return p.y.copy(), p.d.copy(), p.out.copy(), p.branch.copy(), self._hot, self._due, self._key

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        p = self.plant
        p.y[:], p.d[:], p.out[:], p.branch[:], self._hot, self._due, self._key = mark

    def save(self) -> State:
        p = self.plant
        return {
            "y": p.y.copy(),
            "d": p.d.copy(),
            "out": p.out.copy(),
            "branch": p.branch.copy(),
            "hot": self._hot,
            "due": self._due,
        }

    def load(self, state: State) -> None:
        p = self.plant
        p.y[:], p.d[:], p.out[:], p.branch[:] = state["y"], state["d"], state["out"], state["branch"]
        self._hot, self._due, self._key = bool(state["hot"]), int(state["due"]), None


def build_fws(plant: Any, scenario: Any) -> Any:
    """The facility plant of a spec: the built-in one, or the FMU that replaces it."""
    if plant.facility.fws.fmu is not None:
        from twin.components.fmu_plant import build_fmu_plant

        return build_fmu_plant(plant, scenario)
    return Fws(fws_parameters(plant), plant_ids(plant), scenario.solver)


def plant_ids(plant: Any) -> dict[str, tuple[str, ...]]:
    """Ids of the loop's axes in the order of the section; the axes of the plant are held to it."""
    section = plant.facility.fws
    ids = {
        "fws_pump": tuple(section.pumps),
        "dry_cooler": tuple(section.heat_rejection),
        "chiller": tuple(section.chillers),
        "fws_controller": tuple(section.controller),
        "fws_bypass": tuple(section.bypass),
    }
    for axis, wanted in ids.items():
        plant.axes.setdefault(axis, wanted)
        if tuple(plant.axes[axis]) != wanted:
            raise ValueError(f"axis {axis}: {plant.axes[axis]}, wanted the order of the fws section {wanted}")
    return ids
