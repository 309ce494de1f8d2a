"""The technology side in the coupling: chips, cold plates, rack loops, CDUs and their controllers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from operator import is_

import numpy as np

from thermal.tcs_integrate import Flows, observe, sparsity, stable_step_us, step_fast, step_reference
from thermal.tcs_layout import HeldCdu, HeldLoop, HeldPump, HeldRack, PumpRow, TcsHeld, stored_j
from twin.components.tcs_control import LOW_FLOW_CLEAR, SCAN_US, Controllers, Watch
from twin.components.tcs_drivers import Drivers
from twin.components.tcs_laws import attention, commands, facility_line, meter, moving, sample
from twin.components.tcs_ports import FAULTS, HEATS, INPUTS, OUTPUTS, SERVICES, TcsParams
from twin.contract import SECOND, Advanced, Array, Event, Inputs, State, Us
from twin.errors import SolverError

RESTLESS_STEP_US: Us = 50_000  # while pumps run up or coast
RESTLESS_FOR_US: Us = 2_000_000  # exchange every scan for so long after something changed
SETTLED_SPEED = 0.005  # a driven pump this near its target has arrived
COASTING_SPEED = 0.15  # a coasting pump below this moves little coolant and changes slowly
_MODES = tuple(name for name, _, _ in (*SERVICES, *FAULTS))


class Tcs:
    """Technology cooling system.

    Fail-safe: a pump whose controller is dead keeps its last speed, a stopped one cannot be started; the valve opens
    (or holds, by the facility's choice). A failed CDU is shut off on both sides once its loop has moved on.
    """

    name = "tcs"
    grid: Us = 0
    can_rewind = True
    inputs = INPUTS
    outputs = OUTPUTS

    def __init__(self, params: TcsParams):
        self.p = params
        self.axes = {"loop": params.axes["loop"]}
        self.model = params.model
        self.control = Controllers(params)
        self.memory = self.control.memory
        self.held = TcsHeld.neutral(self.model)
        self.flows = Flows(self.model)
        self.watch = Watch(len(params.axes["loop"]))
        self.y = np.zeros(self.model.layout.size)
        self.view = self.model.layout.views(self.y)
        cdus, pumps = len(params.axes["cdu"]), len(params.axes["cdu_pump"])
        self._fws = np.zeros((2, cdus))  # facility supply and primary flow of the last step
        self._last_s = np.zeros(1)  # its length; 0 before the first
        self._blocks = b = self.model.layout.slices
        self._meters = slice(b["primary_j"].start, self.model.layout.size)
        shown = ("chip_c", "plate_c", "cpu_c", "switch_c", "return_c", "supply_c", "air_c", "tcs_supply_c",
                 "tcs_return_c", "vessel_kg", "cdu_primary_out_c", "valve_fraction", "pump_speed_fraction",
                 "primary_j", "pump_j", "rack_room_j")  # fmt: skip
        self._shown = [b[name] for name in shown]
        racks = len(params.axes["rack"])
        ends = np.cumsum([racks, racks, cdus, cdus, cdus, pumps, 6]).tolist()
        self._made, self._made_size = [slice(a, z) for a, z in zip([0, *ends], ends, strict=False)], ends[-1]
        self._pump_loss = 1.0 - self.model.pump[PumpRow.DRIVE_EFFICIENCY]
        self._valve_row = self.held.cdu[HeldCdu.VALVE_COMMAND]
        self._target_row = self.held.pump[HeldPump.TARGET_FRACTION]
        self._driven_row = self.held.pump[HeldPump.DRIVEN]
        self._step_us = stable_step_us(self.model)
        self._structure = sparsity(self.model) if params.reference else None
        self._drivers = Drivers(params)
        self._waits = (params.control.pump_detect_us, params.control.low_flow_timer_us)
        self._t: Us = 0
        self._deadline: Us = 0  # nearest timer; 0 asks the controllers to look at once
        self._stale = True  # the held tables are to be filled from the modes
        self._said: tuple[tuple[str, int, float], ...] = ()  # what the last events set
        self._seen: dict[str, Array] = {}

    # ------------------------------------------------------------------------------------------------ life

    def start(self, t: Us, inputs: Inputs) -> None:
        """Begin near a working state: supply at its set-point, duty pumps at design speed, vessels full."""
        p, v = self.p, self.view
        supply = max(p.control.supply_c, p.control.supply_floor_c)
        self.memory.reset()
        self.y[:] = 0.0
        for block in ("supply_c", "tcs_supply_c", "cdu_secondary_c", "cdu_primary_out_c"):
            getattr(v, block)[:] = supply
        for block, rise_k in (("chip_c", 12.0), ("plate_c", 10.0), ("cpu_c", 10.0), ("switch_c", 10.0),
                              ("tray_fluid_c", 5.0), ("return_c", 5.0), ("tcs_return_c", 5.0), ("air_c", 0.0)):
            getattr(v, block)[:] = supply + rise_k
        v.vessel_kg[:] = p.vessel_kg
        v.valve_fraction[:] = p.control.valve_standby_fraction
        v.valve_fraction[p.loop_home] = 0.5
        self.memory.valve_integral[:] = v.valve_fraction
        self.memory.valve_command[:] = v.valve_fraction
        self.memory.speed_wish[:] = p.speed_design_fraction
        duty = [self.control.pumps_of[k][0] for k in p.loop_home.tolist()]
        v.pump_speed_fraction[duty] = p.speed_design_fraction[self.model.pump_cdu[duty]]
        v.pump_rotor_j[:] = (0.5 * self.model.pump[PumpRow.COAST_DOWN_S] * self.model.pump[PumpRow.SHAFT_W]
                             * v.pump_speed_fraction**2)
        self._fws[:] = 0.0
        self._last_s[:] = 0.0
        self._forget()
        self._seen = {name: inputs.value[name] for name in _MODES}
        self._t = t

    def _forget(self) -> None:
        """What is derived from states and modes is to be found anew."""
        self._deadline, self._stale, self._said = 0, True, ()

    def next_due(self) -> Us:
        due = self._deadline
        if self._t < self.memory.general[1]:
            due = min(due, (self._t // SCAN_US + 1) * SCAN_US)
        return due

    # ------------------------------------------------------------------------------------------------ zero time

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        self._t = t
        v, w, m = inputs.value, self.watch, self.memory
        if any(v[port][i] != value for port, i, value in self._said):
            return ()  # what was said last is not applied yet: nothing new to say
        self._said = ()
        changed = self._modes_changed(v)
        if changed or self._stale:
            self._hold_modes(v)
        on_scan, on_second = t % SCAN_US == 0, t % SECOND == 0
        if not (changed or t >= self._deadline or attention(
                on_scan, on_second, self.flows.loop_kg_s, w.low_kg_s, LOW_FLOW_CLEAR, m.loop_low_flow,
                self.view.tcs_supply_c, w.high_c, m.loop_supply_high, self.p.control.dew_point_c,
                m.loop_supply_condensing)):  # fmt: skip
            return ()
        w.loop_kg_s, w.tcs_supply_c = self.flows.loop_kg_s, self.view.tcs_supply_c
        events = self.control.decide(t, inputs, w)
        self._deadline = t if events else m.deadlines(t, self._waits)  # after words, look again in the next round
        self._said = tuple(one for event in events for one in event.sets)
        if changed or events:
            m.general[1] = max(m.general[1], t + RESTLESS_FOR_US)
            self._hold_modes(v)
        return tuple(events)

    def _modes_changed(self, v: Mapping[str, Array]) -> bool:
        """Whether a mode of another component has changed since the last look (kept arrays are never written to)."""
        if all(map(is_, [v[name] for name in self._seen], self._seen.values())):
            return False
        changed = False
        for name, before in self._seen.items():
            now = v[name]
            if now is not before:
                changed = changed or not np.array_equal(now, before)
                self._seen[name] = now
        return changed

    def _hold_modes(self, v: Mapping[str, Array]) -> None:
        """Modes into the tables that the model, the laws and the supervisors read."""
        m, h, c, p = self.memory, self.held, self.control, self.p
        h.loop_cdu[:] = m.cdu_of_loop
        h.rack[HeldRack.OPENING] = np.where(m.rack_isolated > 0, 0.0, v["rack_valve_opening_fraction"])
        h.rack[HeldRack.PLATE_FACTOR] = v["rack_plate_resistance_factor"]
        h.rack[HeldRack.LEAK_KG_S] = v["rack_leak_kg_s"]
        h.loop[HeldLoop.HEAD_FACTOR] = v["loop_head_factor"]
        h.loop[HeldLoop.VISCOSITY_FACTOR] = v["loop_viscosity_factor"]
        h.cdu[HeldCdu.FOULING_K_W] = v["cdu_fouling_k_w"]
        h.cdu[HeldCdu.STRAINER_FACTOR] = v["cdu_strainer_factor"]
        h.pump[HeldPump.DRIVEN] = m.cdu_pump_running
        h.pump[HeldPump.CHECK_VALVE_STUCK] = v["cdu_pump_check_valve_stuck"]
        self._set_point_c = np.maximum(p.control.supply_c + v["tcs_setpoint_offset_k"], p.control.supply_floor_c)
        self._serving = np.array([c.serves(k) for k in range(len(c.cdus))], dtype=np.int64)
        self._active = np.array([int(n >= 0 and m.cdu_of_loop[n] == k) for k, n in enumerate(self._serving)])
        self._flow_set = p.flow_set_kg_s * np.array([c.open_share(n) for n in range(len(c.loops))])
        self.watch.low_kg_s = p.control.low_flow_fraction * self._flow_set
        self.watch.high_c = self._set_point_c[np.maximum(m.cdu_of_loop, 0)] + p.control.supply_high_k
        self._leaking = bool(v["rack_leak_kg_s"].any())
        observe(self.model, h, self.y, self.flows)
        self._stale = False

    # ------------------------------------------------------------------------------------------------ one step

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        v, h, y, m, p = inputs.value, self.held, self.y, self.memory, self.p
        dt_s = (t_end - t) / SECOND
        if self._stale:
            self._hold_modes(v)
        if t % SECOND == 0:
            c = p.control
            sample(v["cdu_failed"], m.cdu_controller_alive, self._serving, self._active, self.view.cdu_secondary_c,
                   v["cdu_supply_sensor_bias_k"], self._set_point_c, self.model.pump_cdu, m.cdu_pump_running,
                   v["cdu_pump_speed_factor"], self.view.pump_speed_fraction, self.flows.loop_dp_pa, p.dp_set_pa,
                   self.flows.loop_kg_s, self._flow_set, p.speed_minimum_fraction, p.speed_design_fraction,
                   c.valve_gain_per_k, c.valve_integral_s, c.valve_standby_fraction,
                   c.valve_opens_without_controller, c.controls_pressure, c.pump_gain_fraction, m.valve_command,
                   m.valve_integral, m.speed_wish)  # fmt: skip
        commands(m.valve_command, v["cdu_valve_stuck_at_fraction"], m.speed_wish, self.model.pump_cdu,
                 v["cdu_pump_speed_factor"], self._valve_row, self._target_row)  # fmt: skip
        for row, port in enumerate(HEATS):
            h.rack[row] = v[port]
        h.rack[HeldRack.ROOM_C] = v["room_c"][p.rack_room]
        facility_line(v["fws_supply_c"], v["cdu_primary_flow_kg_s"], self._fws[0], self._fws[1], self._last_s, dt_s,
                      h.cdu)  # fmt: skip
        y[self._meters] = 0.0
        if not self._leaking:
            self.view.vessel_kg[:] = p.vessel_kg  # made up after a leak, at the temperature that stores nothing
        if p.reference:
            try:
                step_reference(self.model, h, y, t, t_end, self.flows, structure=self._structure)
            except ArithmeticError as error:
                raise SolverError(str(error), t_s=t / SECOND, state="tcs") from error
        else:
            step_us = min(RESTLESS_STEP_US, self._step_us) if t < m.general[1] else self._step_us
            step_fast(self.model, h, y, t, t_end, step_us, self.flows)
        if moving(self._driven_row, self._target_row, self.view.pump_speed_fraction, SETTLED_SPEED, COASTING_SPEED):
            m.general[1] = max(m.general[1], t_end + SCAN_US)
        self._t = t_end
        return self._report(v, t_end, dt_s)

    def _report(self, v: Mapping[str, Array], t_end: Us, dt_s: float) -> Advanced:
        y, f, model = self.y.copy(), self.flows, self.model
        (chip, plate, cpu, switch, rack_return, supply, air, loop_supply, loop_return, vessel, primary_out, valve,
         speed, primary_j, pump_j, room_j) = [y[s] for s in self._shown]  # fmt: skip
        made = np.empty(self._made_size)
        hottest, room_w, primary_w, controller_w, cdu_room_w, pump_w, totals = [made[s] for s in self._made]
        meter(y, chip, supply, primary_j, pump_j, room_j, self.p.hottest_ratio, model.pump_cdu, self._pump_loss,
              self.p.controller_w, v["cdu_controller_powered"], dt_s, hottest, primary_w, pump_w, room_w, controller_w,
              cdu_room_w, totals)  # fmt: skip
        pump_total, controller_total, primary_total, room_total, cdu_room_total, checksum = totals.tolist()
        if not isfinite(checksum):
            worst = int(np.flatnonzero(~np.isfinite(y))[0])
            raise SolverError("the state is no finite number", t_s=t_end / SECOND, state=model.layout.name(worst))
        outputs = {
            "chip_c": chip,
            "chip_hottest_c": hottest,
            "plate_c": plate,
            "cpu_c": cpu,
            "nvswitch_c": switch,
            "rack_supply_c": supply,
            "rack_return_c": rack_return,
            "rack_air_c": air,
            "rack_flow_kg_s": f.rack_kg_s.copy(),
            "loop_flow_kg_s": f.loop_kg_s.copy(),
            "loop_dp_pa": f.loop_dp_pa.copy(),
            "tcs_supply_c": loop_supply,
            "tcs_return_c": loop_return,
            "loop_coolant_kg": vessel,
            "cdu_valve_position_fraction": valve,
            "cdu_primary_return_c": primary_out,
            "cdu_pump_speed_fraction": speed,
            "cdu_primary_heat_w": primary_w,
            "cdu_pump_power_w": pump_w,
            "cdu_controller_power_w": controller_w,
            "rack_room_heat_w": room_w,
            "cdu_room_heat_w": cdu_room_w,
        }
        joules = {"tcs/cdu_pump_j": pump_total, "tcs/cdu_controller_j": controller_total}
        counts = {"tcs/primary_heat_j": primary_total, "tcs/rack_room_heat_j": room_total,
                  "tcs/cdu_room_heat_j": cdu_room_total}  # fmt: skip
        return Advanced(t_end, outputs, joules, counts)

    # ------------------------------------------------------------------------------------------------ books and state

    def stored_j(self) -> Mapping[str, float]:
        return stored_j(self.model, self.y)

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        return self._drivers.of(port, index, self.memory)

    def mark(self) -> object:
        m, f = self.memory, self.flows
        return (self.y.copy(), m.ints.copy(), m.floats.copy(), self._fws.copy(), float(self._last_s[0]), self._t,
                self._deadline, f.rack_kg_s.copy(), f.loop_kg_s.copy(), f.loop_dp_pa.copy())  # fmt: skip

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, tuple)
        m, f = self.memory, self.flows
        self.y[:], m.ints[:], m.floats[:], self._fws[:], self._last_s[0], self._t, self._deadline = mark[:7]
        f.rack_kg_s[:], f.loop_kg_s[:], f.loop_dp_pa[:] = mark[7:]
        self._stale = True

    def save(self) -> State:
        m = self.memory
        return {"y": self.y.copy(), "ints": m.ints.copy(), "floats": m.floats.copy(), "fws": self._fws.copy(),
                "last_s": float(self._last_s[0]), "t": self._t, "seen": dict(self._seen)}  # fmt: skip

    def load(self, state: State) -> None:
        m = self.memory
        self.y[:], m.ints[:], m.floats[:] = state["y"], state["ints"], state["floats"]
        self._fws[:], self._last_s[0] = state["fws"], state["last_s"]
        self._t = int(state["t"])
        self._seen = {name: np.array(a) for name, a in state["seen"].items()}
        self._forget()
