"""What the technology side's controllers remember and decide: pumps, valves, changeover, leaks.

The CDU controller starts a standby pump, holds pressure (or flow) and supply temperature. The group controller
lives on the hall's own supply: it sees a failed CDU at once and low flow after a timer, and moves the loop to a CDU
that reaches it and is free. Everything here acts at instants; nothing is inside the derivative.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from twin.components.tcs_ports import TcsParams
from twin.contract import NEVER, SECOND, Event, Inputs, Us

SCAN_US: Us = 100_000  # flow supervision; temperatures and PI act on whole seconds
LOW_FLOW_CLEAR = 1.1  # over the limit at which low flow was seen


class Memory:
    """Everything the controllers remember: named arrays in two blocks that are copied at a mark."""

    INTS = ("cdu_of_loop", "cdu_next_of_loop", "loop_low_flow", "loop_without_reserve", "loop_supply_high",
            "loop_supply_condensing", "low_at", "change_at", "tried", "assisted")
    CDU_INTS = ("cdu_controller_alive", "controller_ready_at", "start_at")
    PUMP_INTS = ("cdu_pump_running", "cdu_pump_start_failed", "pump_ready_at")
    RACK_INTS = ("rack_leak_seen", "rack_isolated", "rack_isolation_request", "leak_at", "isolate_at")
    CDU_FLOATS = ("valve_command", "valve_integral", "speed_wish")

    def __init__(self, loops: int, cdus: int, pumps: int, racks: int):
        sizes = dict.fromkeys(self.INTS, loops) | dict.fromkeys(self.CDU_INTS, cdus)
        sizes |= dict.fromkeys(self.PUMP_INTS, pumps) | dict.fromkeys(self.RACK_INTS, racks)
        self.ints = np.zeros(sum(sizes.values()) + 2, dtype=np.int64)
        self.floats = np.zeros(3 * cdus)
        at = 0
        for name, size in sizes.items():
            setattr(self, name, self.ints[at:at + size])
            at += size
        self.general = self.ints[at:]  # lined up, restless until (exchange at every scan)
        for i, name in enumerate(self.CDU_FLOATS):
            setattr(self, name, self.floats[i * cdus:(i + 1) * cdus])

    cdu_of_loop: np.ndarray
    cdu_next_of_loop: np.ndarray
    loop_low_flow: np.ndarray
    loop_without_reserve: np.ndarray
    loop_supply_high: np.ndarray
    loop_supply_condensing: np.ndarray
    low_at: np.ndarray
    change_at: np.ndarray
    tried: np.ndarray
    assisted: np.ndarray
    cdu_controller_alive: np.ndarray
    controller_ready_at: np.ndarray
    start_at: np.ndarray
    cdu_pump_running: np.ndarray
    cdu_pump_start_failed: np.ndarray
    pump_ready_at: np.ndarray
    rack_leak_seen: np.ndarray
    rack_isolated: np.ndarray
    rack_isolation_request: np.ndarray
    leak_at: np.ndarray
    isolate_at: np.ndarray
    valve_command: np.ndarray
    valve_integral: np.ndarray
    speed_wish: np.ndarray

    def reset(self) -> None:
        """Nothing lined up, every timer off."""
        self.ints[:] = 0
        self.floats[:] = 0.0
        self.cdu_of_loop[:] = -1
        self.cdu_next_of_loop[:] = -1
        self.cdu_controller_alive[:] = 1
        self.controller_ready_at[:] = self.pump_ready_at[:] = -NEVER  # a warm-up begins before zero
        self.general[1] = -NEVER
        for timer in (self.low_at, self.change_at, self.start_at, self.leak_at, self.isolate_at):
            timer[:] = NEVER

    def deadlines(self, t: Us, waits: tuple[Us, ...]) -> Us:
        """Nearest instant after t at which one of the timers runs out (waits: after low flow was seen)."""
        best = NEVER
        for timer in (self.change_at, self.start_at, self.leak_at, self.isolate_at, self.pump_ready_at,
                      self.controller_ready_at):
            for at in timer.tolist():
                if t < at < best:
                    best = at
        for low in self.low_at.tolist():
            for after in waits:
                if t < low + after < best:
                    best = low + after
        return best


class Controllers:
    """Decides at one instant what changes; each decision is an event that says what caused it."""

    def __init__(self, params: TcsParams):
        self.p = params
        self.loops, self.cdus = params.axes["loop"], params.axes["cdu"]
        self.pumps, self.racks = params.axes["cdu_pump"], params.axes["rack"]
        self.pumps_of = [np.flatnonzero(params.model.pump_cdu == k).tolist() for k in range(len(self.cdus))]
        self.racks_of = [np.flatnonzero(params.model.rack_loop == n).tolist() for n in range(len(self.loops))]
        self.memory = Memory(len(self.loops), len(self.cdus), len(self.pumps), len(self.racks))

    # ------------------------------------------------------------------------------------------------ rounds

    def decide(self, t: Us, inputs: Inputs, watch: Watch) -> list[Event]:
        """The next events of one instant: what came from outside, then changeovers, then starts of pumps.

        A later stage waits for the round after an earlier one has spoken, so that it can name its causes.
        """
        m = self.memory
        if not m.general[0]:
            m.general[0] = 1
            return list(self._line_up(t))
        events = [*self._power(t, inputs), *self._leaks(t, inputs)]
        if t % SCAN_US == 0:
            events += self._flow(t, inputs, watch)
        if t % SECOND == 0:
            events += self._temperatures(t, watch)
        return events or list(self._changeover(t, inputs)) or list(self._starts(t, inputs))

    def _line_up(self, t: Us) -> Iterator[Event]:
        m = self.memory
        for n, k in enumerate(self.p.loop_home.tolist()):
            duty = self.pumps_of[k][0]
            m.cdu_of_loop[n], m.cdu_pump_running[duty] = k, 1
            yield Event(t, self.loops[n], "line-up", value=float(k),
                        sets=(("cdu_of_loop", n, float(k)), ("cdu_pump_running", duty, 1.0)),
                        message=f"served by {self.cdus[k]}, pump {self.pumps[duty]}")

    def _power(self, t: Us, inputs: Inputs) -> Iterator[Event]:
        """Controllers and pumps that lost or regained what they need."""
        m, v, cause = self.memory, inputs.value, inputs.cause
        for k in range(len(self.cdus)):
            off = [port for port, bad in (("cdu_failed", v["cdu_failed"][k] > 0.0),
                                          ("cdu_controller_powered", v["cdu_controller_powered"][k] <= 0.0),
                                          ("cdu_controller_failed", v["cdu_controller_failed"][k] > 0.0)) if bad]
            if off:
                m.controller_ready_at[k] = NEVER
            elif m.controller_ready_at[k] == NEVER:
                m.controller_ready_at[k] = t + int(self.p.controller_restart_us[k])
            alive = t >= m.controller_ready_at[k]
            if alive != bool(m.cdu_controller_alive[k]):
                m.cdu_controller_alive[k] = alive
                ports = off or ("cdu_failed", "cdu_controller_powered", "cdu_controller_failed")
                yield Event(t, self.cdus[k], "controller-back" if alive else "controller-lost",
                            causes=tuple(cause[port][k] for port in ports),
                            sets=(("cdu_controller_alive", k, float(alive)),))
            for j in self.pumps_of[k]:
                why = [(port, i) for port, i, bad in (("cdu_pump_powered", j, v["cdu_pump_powered"][j] <= 0.0),
                                                      ("cdu_pump_tripped", j, v["cdu_pump_tripped"][j] > 0.0),
                                                      ("cdu_failed", k, v["cdu_failed"][k] > 0.0)) if bad]
                if why:
                    m.pump_ready_at[j] = NEVER
                elif m.pump_ready_at[j] == NEVER:
                    m.pump_ready_at[j] = t + int(self.p.pump_restart_us[j])
                if why and m.cdu_pump_running[j]:
                    m.cdu_pump_running[j] = 0
                    m.start_at[k] = t + self.p.control.pump_detect_us
                    yield Event(t, self.pumps[j], "pump-lost", causes=tuple(cause[port][i] for port, i in why),
                                sets=(("cdu_pump_running", j, 0.0),))
                if m.cdu_pump_start_failed[j] and v["cdu_pump_start_blocked"][j] <= 0.0:
                    m.cdu_pump_start_failed[j] = 0
                    yield Event(t, self.pumps[j], "start-possible-again", causes=(cause["cdu_pump_start_blocked"][j],),
                                sets=(("cdu_pump_start_failed", j, 0.0),))

    def serves(self, k: int) -> int:
        """Loop that a CDU serves or is about to serve, or -1."""
        m = self.memory
        for n in range(len(self.loops)):
            if m.cdu_next_of_loop[n] == k or (m.cdu_of_loop[n] == k and m.cdu_next_of_loop[n] < 0):
                return n
        return -1

    def _starts(self, t: Us, inputs: Inputs) -> Iterator[Event]:
        """Start a pump where one is needed and none runs, or where the running one gives too little."""
        m, v, cause = self.memory, inputs.value, inputs.cause
        for k in range(len(self.cdus)):
            n = self.serves(k)
            if n < 0 or not m.cdu_controller_alive[k]:
                continue
            mine = self.pumps_of[k]
            running = [j for j in mine if m.cdu_pump_running[j]]
            weak = bool(running and m.loop_low_flow[n] and m.cdu_of_loop[n] == k and not m.assisted[n]
                        and t >= m.low_at[n] + self.p.control.pump_detect_us)
            if not weak and (running or (m.start_at[k] != NEVER and t < m.start_at[k])):
                continue
            why = tuple(cause["cdu_pump_running"][j] for j in mine if not m.cdu_pump_running[j])
            if m.cdu_next_of_loop[n] == k:
                why = (cause["cdu_next_of_loop"][n], *why)
            elif weak:
                why = (cause["loop_low_flow"][n],)
                m.assisted[n] = 1
            why = (*why, cause["cdu_controller_alive"][k])
            for j in mine:
                if m.cdu_pump_running[j] or m.cdu_pump_start_failed[j] or t < m.pump_ready_at[j]:
                    continue
                if v["cdu_pump_start_blocked"][j] > 0.0:
                    m.cdu_pump_start_failed[j] = 1
                    yield Event(t, self.pumps[j], "standby-failed-to-start",
                                causes=(*why, cause["cdu_pump_start_blocked"][j]),
                                sets=(("cdu_pump_start_failed", j, 1.0),))
                    continue
                m.cdu_pump_running[j] = 1
                m.start_at[k] = NEVER
                again = ("cdu_pump_powered", "cdu_pump_tripped", "cdu_pump_start_failed")
                back = tuple(cause[port][j] for port in again)
                kind = "pump-restart" if j == mine[0] else "standby-start"
                yield Event(t, self.pumps[j], "reserve-pump-start" if m.cdu_next_of_loop[n] == k else kind,
                            causes=(*why, *back), sets=(("cdu_pump_running", j, 1.0),))
                break

    # ------------------------------------------------------------------------------------------------ group

    def _reserve(self, t: Us, n: int) -> int:
        """A CDU that reaches the loop, is sound, free and has a pump that can start; or -1."""
        m = self.memory
        for k in range(len(self.cdus)):
            if k == m.cdu_of_loop[n] or n not in self.p.cdu_reaches[k] or self.serves(k) >= 0:
                continue
            if k in m.cdu_of_loop.tolist() or not m.cdu_controller_alive[k]:
                continue
            if any(t >= m.pump_ready_at[j] and not m.cdu_pump_start_failed[j] for j in self.pumps_of[k]):
                return k
        return -1

    def _changeover(self, t: Us, inputs: Inputs) -> Iterator[Event]:
        m, v, cause = self.memory, inputs.value, inputs.cause
        for n in range(len(self.loops)):
            k, to = int(m.cdu_of_loop[n]), int(m.cdu_next_of_loop[n])
            if to >= 0:
                if v["cdu_failed"][to] > 0.0:  # the reserve fails while its valves are still moving
                    m.cdu_next_of_loop[n], m.change_at[n] = -1, NEVER
                    yield Event(t, self.loops[n], "changeover-abandoned", causes=(cause["cdu_failed"][to],),
                                sets=(("cdu_next_of_loop", n, -1.0),))
                elif t >= m.change_at[n]:
                    stopped = [j for j in self.pumps_of[k] if m.cdu_pump_running[j]] if k >= 0 else []
                    m.cdu_of_loop[n], m.cdu_next_of_loop[n], m.change_at[n] = to, -1, NEVER
                    if m.loop_low_flow[n]:  # the new CDU gets its own chance
                        m.low_at[n], m.assisted[n] = t, 0
                    for j in stopped:
                        m.cdu_pump_running[j] = 0
                    yield Event(t, self.loops[n], "changeover", causes=(cause["cdu_next_of_loop"][n],), value=float(to),
                                sets=(("cdu_of_loop", n, float(to)), ("cdu_next_of_loop", n, -1.0),
                                      *(("cdu_pump_running", j, 0.0) for j in stopped)),
                                message=f"{self.cdus[to]} serves the loop")
                continue
            failed = v["cdu_failed"][k] > 0.0
            slow = bool(m.loop_low_flow[n] and not m.tried[n] and t >= m.low_at[n] + self.p.control.low_flow_timer_us)
            if not (failed or slow):
                if m.loop_without_reserve[n] and not m.loop_low_flow[n]:
                    m.loop_without_reserve[n] = 0
                    yield Event(t, self.loops[n], "reserve-not-needed", causes=(cause["cdu_failed"][k],),
                                via=(("loop_flow_kg_s", n),), sets=(("loop_without_reserve", n, 0.0),))
                continue
            why = cause["cdu_failed"][k] if failed else cause["loop_low_flow"][n]
            spare = self._reserve(t, n)
            if spare >= 0:
                m.cdu_next_of_loop[n], m.tried[n] = spare, 1
                m.change_at[n] = t + self.p.control.changeover_us
                m.start_at[spare] = NEVER
                m.valve_integral[spare] = m.valve_integral[k]
                clear = (("loop_without_reserve", n, 0.0),) if m.loop_without_reserve[n] else ()
                m.loop_without_reserve[n] = 0
                yield Event(t, self.loops[n], "changeover-start", causes=(why,), value=float(spare),
                            sets=(("cdu_next_of_loop", n, float(spare)), *clear),
                            message=f"valves move from {self.cdus[k]} to {self.cdus[spare]}")
            elif not m.loop_without_reserve[n]:
                m.loop_without_reserve[n] = 1
                yield Event(t, self.loops[n], "no-reserve-cdu", causes=(why,), sets=(("loop_without_reserve", n, 1.0),))

    # ------------------------------------------------------------------------------------------------ supervision

    def _flow(self, t: Us, inputs: Inputs, watch: Watch) -> Iterator[Event]:
        m = self.memory
        for n in range(len(self.loops)):
            limit, flow = float(watch.low_kg_s[n]), watch.loop_kg_s[n]
            if limit <= 0.0:
                continue
            if not m.loop_low_flow[n] and flow < limit:
                m.loop_low_flow[n], m.low_at[n], m.assisted[n] = 1, t, 0
                yield Event(t, self.loops[n], "low-flow", via=(("loop_flow_kg_s", n),), value=float(flow), limit=limit,
                            sets=(("loop_low_flow", n, 1.0),))
            elif m.loop_low_flow[n] and flow > limit * LOW_FLOW_CLEAR:
                m.loop_low_flow[n], m.low_at[n], m.tried[n] = 0, NEVER, 0
                yield Event(t, self.loops[n], "flow-restored", causes=(inputs.cause["loop_low_flow"][n],),
                            via=(("loop_flow_kg_s", n),), value=float(flow), limit=limit * LOW_FLOW_CLEAR,
                            sets=(("loop_low_flow", n, 0.0),))

    def open_share(self, n: int) -> float:
        mine = self.racks_of[n]
        return sum(1 for i in mine if not self.memory.rack_isolated[i]) / len(mine) if mine else 0.0

    def _temperatures(self, t: Us, watch: Watch) -> Iterator[Event]:
        m, c = self.memory, self.p.control
        for n in range(len(self.loops)):
            supply = float(watch.tcs_supply_c[n])
            high = float(watch.high_c[n])
            for mode, kind, on, off, limit in (
                (m.loop_supply_high, "supply-temperature-high", supply > high, supply < high - 2.0, high),
                (m.loop_supply_condensing, "supply-below-dew-point", supply < c.dew_point_c,
                 supply > c.dew_point_c + 1.0, c.dew_point_c),
            ):
                if on if not mode[n] else off:
                    mode[n] = 0 if mode[n] else 1
                    port = "loop_supply_high" if mode is m.loop_supply_high else "loop_supply_condensing"
                    yield Event(t, self.loops[n], kind if mode[n] else f"{kind}-over", via=(("tcs_supply_c", n),),
                                value=supply, limit=float(limit), sets=((port, n, float(mode[n])),))

    def _leaks(self, t: Us, inputs: Inputs) -> Iterator[Event]:
        m, v, cause, c = self.memory, inputs.value, inputs.cause, self.p.control
        leaks, blind = v["rack_leak_kg_s"], v["rack_leak_detector_failed"]
        if not leaks.any() and not m.rack_leak_seen.any():
            m.leak_at[:] = NEVER
            return
        for i in range(len(self.racks)):
            if leaks[i] > 0.0 and not m.rack_leak_seen[i]:
                if blind[i] > 0.0:
                    m.leak_at[i] = NEVER
                elif m.leak_at[i] == NEVER:
                    m.leak_at[i] = t + c.leak_detect_us
                elif t >= m.leak_at[i]:
                    m.rack_leak_seen[i], m.leak_at[i], m.isolate_at[i] = 1, NEVER, t + c.leak_isolate_us
                    yield Event(t, self.racks[i], "leak-detected", value=float(leaks[i]),
                                sets=(("rack_leak_seen", i, 1.0),),
                                causes=(cause["rack_leak_kg_s"][i], cause["rack_leak_detector_failed"][i]))
            elif m.rack_leak_seen[i] and leaks[i] <= 0.0:
                m.rack_leak_seen[i] = m.rack_isolated[i] = m.rack_isolation_request[i] = 0
                m.isolate_at[i] = NEVER
                yield Event(t, self.racks[i], "leak-repaired", causes=(cause["rack_leak_kg_s"][i],),
                            sets=(("rack_leak_seen", i, 0.0), ("rack_isolated", i, 0.0),
                                  ("rack_isolation_request", i, 0.0)))
            elif t >= m.isolate_at[i]:
                m.rack_isolated[i] = m.rack_isolation_request[i] = 1
                m.isolate_at[i] = NEVER
                yield Event(t, self.racks[i], "leak-isolation", causes=(cause["rack_leak_seen"][i],),
                            sets=(("rack_isolated", i, 1.0), ("rack_isolation_request", i, 1.0)))
        for i in range(len(self.racks)):
            if leaks[i] <= 0.0 and not m.rack_leak_seen[i]:
                m.leak_at[i] = NEVER


class Watch:
    """What the supervisors see of the model."""

    def __init__(self, loops: int):
        self.loop_kg_s = np.zeros(loops)
        self.low_kg_s = np.zeros(loops)  # flow below which it is too low, with the open racks; 0 with none open
        self.tcs_supply_c = np.zeros(loops)
        self.high_c = np.zeros(loops)  # supply temperature that is too high
