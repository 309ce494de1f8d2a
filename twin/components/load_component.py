"""The load component: pools and jobs on racks, their power, throttle and trips, behind the coupling contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from twin.components.load_ports import INPUTS, MEANS, OUTPUTS, RATES
from twin.contract import SECOND, Advanced, Array, Event, Inputs, State, Us
from twin.load.fleet import CPU_USE, FABRIC, FLOWS, GPU_USE, HOST_GPUS, MEMORY_USE, Demand, Fleet, Second
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.power import ITEMS
from twin.load.rates import lowest, rates, work_and_clock
from twin.load.throttle import RESTART, THROTTLE_END, THROTTLE_START, TRIP, ThrottleSettings, scan_racks, scan_vector
from twin.load.training import STOPPED

CLOCK, BEFORE_C, ENGAGED, TRIPPED, TRIPPED_AT, UP, READY_S = range(7)
ROWS = 7


class Mark(NamedTuple):
    """What a step may change; the pools are undone by their journal."""

    moved: Array
    ready_s: Array
    held: list[Any]
    jobs: list[tuple[float | int, ...]]


class LoadComponent:
    """Serving and training on racks.

    The load moves in whole seconds: at the first step inside a second the second is computed, then held, so that
    every exchange period gives the same load. When a rack is lost inside the second, the second is taken back and
    run again with that rack stopping at the instant.
    """

    name = "load"
    inputs = INPUTS
    outputs = OUTPUTS
    grid: Us = 0
    can_rewind = True

    def __init__(self, fleet: Fleet, throttle: ThrottleSettings) -> None:
        self.fleet, self.throttle = fleet, throttle
        n = len(fleet.rack_ids)
        self._v = scan_vector(throttle)
        self._r = np.zeros((ROWS, n))  # what scans and power changes move, one row each
        self._r[CLOCK], self._r[UP] = 1.0, 1.0
        self._r[READY_S] = np.inf  # when a rack that got power back has booted
        self._rows = tuple(self._r)
        self._job_ready_s = np.full(len(fleet.jobs), np.inf)
        self._free_clock, self._powered = np.ones(n), np.ones(n)
        self._cap_clock = self._free_clock
        self._code = np.zeros(n, np.int64)
        self._modes: list[Array] = []  # mode inputs at the latest look: one that changes comes as a new array
        self._jobs_looked: list[Array] = []
        self._lost, self._capped = np.zeros(n), False
        self._scanned: int | None = None  # latest scan, s
        self._second: int | None = None  # the second that is computed and held
        self._now: Second | None = None
        self._stop = np.ones(n)
        self._flow = np.zeros((len(fleet.pools), fleet.width))  # per second, held
        self._none_given = np.zeros_like(self._flow)
        self._given = self._none_given  # already handed out in this second, before the flow last changed
        self._given_to_s = 0.0
        self._out: dict[str, Array] = {}
        self._rates: list[float] = []
        self._t: Us = 0
        self.axes = {
            "rack": fleet.rack_ids, "pool": tuple(p.settings.name for p in fleet.pools),
            "job": tuple(j.settings.name for j in fleet.jobs),
            "ttft_bin": tuple(f"{p.settings.name}_T{i:03d}" for p in fleet.pools for i in range(TTFT_BINS.count)),
            "itl_bin": tuple(f"{p.settings.name}_I{i:03d}" for p in fleet.pools for i in range(ITL_BINS.count)),
        }  # fmt: skip

    # -- contract ------------------------------------------------------------------------------------------------

    def start(self, t: Us, inputs: Inputs) -> None:
        self._t = t
        self._powered = np.where(inputs.value["rack_powered"] > 0.5, 1.0, 0.0)
        self._r[UP] = self._powered
        self._r[BEFORE_C] = inputs.value["chip_hottest_c"]

    def next_due(self) -> Us:
        return (self._t // SECOND + 1) * SECOND

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        self._t = t
        value = inputs.value
        modes = [value[name] for name in _MODES]
        changed = not self._modes or not all(map(is_, modes, self._modes))
        scan = t % SECOND == 0 and self._scanned != t // SECOND
        if not scan and not changed:
            return ()
        events: list[Event] = []
        if changed:
            self._modes = modes
            self._look(inputs)
            self._watch_power(t, inputs, events)
        if scan:
            self._scanned = t // SECOND
            self._scan(t, inputs, events)
        self._watch_jobs(t, inputs, events)
        return tuple(events)

    def may_split(self, t: Us, t_end: Us) -> bool:
        return False

    def advance(self, t: Us, t_end: Us, inputs: Inputs) -> Advanced:
        parts: list[tuple[float, dict[str, Array]]] = []
        joules: dict[str, float] = {}
        counts: dict[str, float] = {}
        at = t
        while at < t_end:
            second = at // SECOND
            to = min(t_end, (second + 1) * SECOND)
            if second != self._second:
                self._begin(second, inputs)
            dt = (to - at) * 1e-6
            parts.append((dt, self._out))
            self._book(dt, joules, counts)
            at = to
        self._t = t_end
        outputs = parts[0][1] if len(parts) == 1 else _average(parts)
        return Advanced(t_end, outputs, joules, counts)

    def fleet_items(self) -> dict[str, Array]:
        """Itemised rack power of the held second: item -> W per rack (see twin.load.power.ITEMS)."""
        if self._now is None:
            return {}
        return {name: self._now.items[:, k].copy() for k, name in enumerate(ITEMS)}

    def stored_j(self) -> Mapping[str, float]:
        return {}

    def drivers(self, port: str, index: int) -> Iterable[tuple[str, int]]:
        fleet = self.fleet
        if port in ("gpu_tripped", "throttled"):
            return [("chip_hottest_c", index), ("gpu_sensor_offset_k", index)]
        axis = next(p.axis for p in OUTPUTS if p.name == port)
        racks: list[int] = []
        found: list[tuple[str, int]] = []
        if axis == "rack":
            racks = [index]
        elif axis == "job":
            racks = [int(r) for r in fleet.job_racks[index]]
        else:
            bins = {"ttft_bin": TTFT_BINS.count, "itl_bin": ITL_BINS.count, "pool": 1}[axis]
            racks = [int(r) for r in fleet.pool_racks[index // bins]]
        for i, own in enumerate(fleet.pool_racks):
            if set(racks) & set(own.tolist()):
                racks = sorted({*racks, *own.tolist()})  # the router moves requests between the racks of a pool
                found += [("pool_network_factor", i), ("pool_workers_lost_fraction", i)]
        for j, own in enumerate(fleet.job_racks):
            if set(racks) & set(own.tolist()):
                racks = sorted({*racks, *own.tolist()})
                found += [("job_network_factor", j), ("job_halted", j), ("job_running", j)]
        per_rack = [p.name for p in INPUTS if p.axis == "rack"]
        return found + [(name, r) for r in racks for name in per_rack]

    def mark(self) -> object:
        held = [getattr(self, name) for name in _HELD]
        return Mark(self._r.copy(), self._job_ready_s.copy(), held, [j.mark() for j in self.fleet.jobs])

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, Mark)
        second = self._second
        self._r[:], self._job_ready_s[:] = mark.moved, mark.ready_s
        for name, value in zip(_HELD, mark.held, strict=True):
            setattr(self, name, value)
        if second != self._second:
            self.fleet.take_back()
        for job, saved in zip(self.fleet.jobs, mark.jobs, strict=True):
            job.rewind(saved)

    def save(self) -> State:
        return {
            "t": self._t, "scanned": self._scanned, "second": self._second, "given_to_s": self._given_to_s,
            "arrays": {k: np.array(getattr(self, k)) for k in _ARRAYS},
            "now": None if self._now is None else self._now._asdict(), "fleet": self.fleet.save(),
        }  # fmt: skip

    def load(self, state: State) -> None:
        self._t, self._scanned, self._second = state["t"], state["scanned"], state["second"]
        self._given_to_s = state["given_to_s"]
        for k in _ARRAYS:
            setattr(self, k, np.array(state["arrays"][k]))
        self._rows = tuple(self._r)
        self._now = None if state["now"] is None else Second(**state["now"])
        self.fleet.restore(state["fleet"])
        self._modes, self._jobs_looked = [], []
        if self._now is not None:
            self._publish(*self._able())

    # -- reactions in zero time ----------------------------------------------------------------------------------

    def _look(self, inputs: Inputs) -> None:
        """Derived from the mode inputs, each time they change."""
        v = inputs.value
        self._lost = np.minimum(self.fleet.hardware.gpus, v["gpus_lost"] + HOST_GPUS * v["hosts_lost"])
        budget = np.minimum(v["power_cap_fraction"], v["power_cap_stuck_fraction"])
        self._capped = bool((budget < 1.0).any() or (v["power_shelves_lost"] > 0.0).any())

    def _watch_power(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        powered = np.where(inputs.value["rack_powered"] > 0.5, 1.0, 0.0)
        changed = np.flatnonzero(powered != self._powered)
        for r in changed:
            cause = _causes(inputs, ("rack_powered", r))
            if powered[r] > 0.0:
                self._r[READY_S, r] = t * 1e-6 + self.throttle.boot_s
            else:
                self._r[READY_S, r] = np.inf
                if self._r[UP, r] > 0.0:
                    self._r[UP, r] = 0.0
                    self._lose(int(r), t)
                    sets = (("rack_up", int(r), 0.0),)
                    events.append(Event(t, self.fleet.rack_ids[r], "rack-dark", cause, sets=sets))
        if changed.size:
            self._powered = powered
            self._again(t, inputs)

    def _scan(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        now, ids, m, v = t * 1e-6, self.fleet.rack_ids, self._r, inputs.value
        if lowest(self._rows[UP]) <= 0.0:
            for r in np.flatnonzero(m[READY_S] <= now + 1e-9):
                m[UP, r], m[READY_S, r] = 1.0, np.inf
                causes = _causes(inputs, ("rack_powered", r), ("rack_up", r))
                events.append(Event(t, ids[r], "rack-up", causes, sets=(("rack_up", int(r), 1.0),)))
        hottest = v["chip_hottest_c"] + v["gpu_sensor_offset_k"]
        clock, before_c, engaged, tripped, tripped_at_s, up, _ = self._rows
        found = scan_racks(now, hottest, before_c, clock, engaged, tripped, tripped_at_s, up, self._v, self._code)
        if found:
            for r in np.flatnonzero(self._code):
                events.append(self._thermal_event(t, int(r), float(hottest[r]), inputs))
        if self._capped:
            budget = np.minimum(v["power_cap_fraction"], v["power_cap_stuck_fraction"])
            self._cap_clock = self.fleet.capped_clock(
                self._now, budget, self._lost, v["power_shelves_lost"], self.throttle.lowest_clock
            )
        else:
            self._cap_clock = self._free_clock

    def _thermal_event(self, t: Us, r: int, hottest_c: float, inputs: Inputs) -> Event:
        s, rack, via = self.throttle, self.fleet.rack_ids[r], (("chip_hottest_c", r),)
        sensor = _causes(inputs, ("gpu_sensor_offset_k", r))
        code = self._code[r]
        if code == THROTTLE_START:
            return Event(t, rack, "throttle-start", sensor, via, (("throttled", r, 1.0),), hottest_c, s.slowdown_c)
        if code == THROTTLE_END:
            causes = _causes(inputs, ("throttled", r), ("rack_up", r))
            return Event(t, rack, "throttle-end", causes, via, (("throttled", r, 0.0),), hottest_c, s.slowdown_c)
        if code == TRIP:
            sets = (("gpu_tripped", r, 1.0), ("throttled", r, 0.0))
            causes = sensor + _causes(inputs, ("throttled", r))
            return Event(t, rack, "gpu-trip", causes, via, sets, hottest_c, s.shutdown_c)
        assert code == RESTART
        causes = _causes(inputs, ("gpu_tripped", r))
        return Event(t, rack, "gpu-restart", causes, via, (("gpu_tripped", r, 0.0),), hottest_c, s.restart_below_c)

    def _steady(self) -> bool:
        """Nothing changed since the jobs were last looked at, and none is stopped."""
        looked = self._modes is self._jobs_looked
        self._jobs_looked = self._modes
        return looked and all(job.phase != STOPPED for job in self.fleet.jobs)

    def _watch_jobs(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        v, now = inputs.value, t * 1e-6
        if self._steady():
            return
        for j, (job, own) in enumerate(zip(self.fleet.jobs, self.fleet.job_racks, strict=True)):
            up, tripped = v["rack_up"][own] > 0.5, v["gpu_tripped"][own] > 0.5
            lost = self._lost[own]
            spared = lost.sum() <= job.settings.spare_gpus
            linked, halted = v["job_network_factor"][j] > 0.0, v["job_halted"][j] > 0.5
            able = bool(up.all() and not tripped.any() and spared and linked and not halted)
            if job.phase != STOPPED:
                if able:
                    continue
                causes = _causes(
                    inputs,
                    *[("rack_up", r) for r in own[~up]], *[("gpu_tripped", r) for r in own[tripped]],
                    *([] if linked else [("job_network_factor", j)]), *([("job_halted", j)] if halted else []),
                    *([] if spared else [(p, r) for r in own[lost > 0] for p in ("gpus_lost", "hosts_lost")]),
                )  # fmt: skip
                tokens = job.abort()
                self._job_ready_s[j] = np.inf
                sets = (("job_running", j, 0.0),)
                events.append(Event(t, job.settings.name, "job-abort", causes, sets=sets, value=tokens,
                                    message="tokens since the last checkpoint are lost"))  # fmt: skip
                self._again(t, inputs)
            elif not able:
                self._job_ready_s[j] = np.inf
            elif self._job_ready_s[j] == np.inf:
                self._job_ready_s[j] = now + job.settings.restart_s
            elif t % SECOND == 0 and now >= self._job_ready_s[j] - 1e-9:
                job.restart()
                self._job_ready_s[j] = np.inf
                causes = _causes(inputs, ("job_running", j), *[("rack_up", r) for r in own],
                                 *[("gpu_tripped", r) for r in own], ("job_network_factor", j), ("job_halted", j))
                events.append(Event(t, job.settings.name, "job-restart", causes, sets=(("job_running", j, 1.0),)))

    # -- the held second -----------------------------------------------------------------------------------------

    def _demand(self, inputs: Inputs) -> Demand:
        v, (on, clock) = inputs.value, self._able()
        return Demand(
            on, self._powered, self._stop, clock, v["chip_c"], self._lost, v["nvlink_trays_lost"],
            v["power_shelves_lost"], v["hbm_bandwidth_fraction"], v["pool_network_factor"],
            v["pool_workers_lost_fraction"],
        )  # fmt: skip

    def _able(self) -> tuple[Array, Array]:
        """Racks that work, and their clocks."""
        return work_and_clock(self._rows[UP], self._rows[TRIPPED], self._rows[CLOCK], self._cap_clock)

    def _begin(self, second: int, inputs: Inputs) -> None:
        d = self._demand(inputs)
        self._stop = d.on
        d = d._replace(stop=d.on)
        for j, (job, own) in enumerate(zip(self.fleet.jobs, self.fleet.job_racks, strict=True)):
            job.begin_second(lowest(d.clock, own), float(inputs.value["job_network_factor"][j]))
        self._now = self.fleet.second(second, d)
        self._second = second
        self._flow = self._now.flows
        self._given = self._none_given
        self._given_to_s = 0.0
        self._publish(d.on, d.clock)

    def _lose(self, r: int, t: Us) -> None:
        """A rack stops at t: in the second that is already computed it works until then."""
        if self._second is not None and t > self._second * SECOND:
            self._stop = self._stop.copy()
            self._stop[r] = min(self._stop[r], (t - self._second * SECOND) * 1e-6)

    def _again(self, t: Us, inputs: Inputs) -> None:
        """Compute the held second once more after a change inside it; what is handed out already stays so."""
        if self._second is None or not self._second * SECOND < t < (self._second + 1) * SECOND:
            return
        at = (t - self._second * SECOND) * 1e-6
        given = self._given + self._flow * (at - self._given_to_s)
        self.fleet.take_back()
        self._now = self.fleet.second(self._second, self._demand(inputs), again=True)
        self._flow = (self._now.flows - given) / (1.0 - at)
        self._given, self._given_to_s = given, at
        self._publish(*self._able())

    def _publish(self, on: Array, clock: Array) -> None:
        """Outputs and rates of the held second."""
        now, fleet, flow, k = self._now, self.fleet, self._flow, len(FLOWS)
        assert now is not None
        heat, use = now.heats_w, now.use
        self._out = {
            "gpu_heat_w": heat[0], "cpu_heat_w": heat[1], "nvswitch_heat_w": heat[2], "rack_air_heat_w": heat[3],
            "rack_power_w": heat[4], "clock_fraction": clock, "gpu_utilization_fraction": use[GPU_USE],
            "cpu_utilization_fraction": use[CPU_USE], "memory_utilization_fraction": use[MEMORY_USE],
            "fabric_demand_bit_s": use[FABRIC], "tokens_per_s": flow[:, 0], "tokens_in_sla_per_s": flow[:, 1],
            "requests_arrived_per_s": flow[:, 3], "requests_completed_per_s": flow[:, 4],
            "requests_rejected_per_s": flow[:, 5], "requests_running": now.waiting[0],
            "requests_queued": now.waiting[1],
            "training_tokens_per_s": np.array([j.tokens_per_s for j in fleet.jobs]),
            "ttft_count_per_s": flow[:, k : k + TTFT_BINS.count].ravel(),
            "itl_count_per_s": flow[:, k + TTFT_BINS.count :].ravel(),
        }  # fmt: skip
        self._rates = rates(
            heat, use, flow, on, clock, fleet.serves, fleet.trains, float(fleet.hardware.gpus)
        ).tolist()

    def _book(self, dt: float, joules: dict[str, float], counts: dict[str, float]) -> None:
        now, trained, lost = self._now, 0.0, 0.0
        assert now is not None
        for job in self.fleet.jobs:
            trained += job.pass_time(dt)
            lost += job.lost_tokens
            job.lost_tokens = 0.0
        amounts = [rate * dt for rate in self._rates]
        if counts:  # a step that reaches into a second second
            amounts = [counts.get(name, 0.0) + amount for name, amount in zip(RATES, amounts, strict=True)]
        counts.update(zip(RATES, amounts, strict=True))
        counts["training_tokens"] = counts.get("training_tokens", 0.0) + trained
        counts["training_tokens_lost"] = counts.get("training_tokens_lost", 0.0) + lost
        joules["load/rack_j"] = joules.get("load/rack_j", 0.0) + now.input_power_w * dt
        joules["load/heat_j"] = joules.get("load/heat_j", 0.0) + counts.pop("heat_j")


_MODES = tuple(p.name for p in INPUTS if p.kind == "mode")
_HELD = (  # replaced, never changed in place
    "_second", "_cap_clock", "_powered", "_stop", "_flow", "_given", "_given_to_s", "_t", "_now", "_scanned", "_out",
    "_rates", "_modes", "_jobs_looked", "_lost", "_capped",
)  # fmt: skip
_ARRAYS = ("_r", "_job_ready_s", "_cap_clock", "_powered", "_stop", "_flow", "_given", "_lost")


def _causes(inputs: Inputs, *elements: tuple[str, Any]) -> tuple[str, ...]:
    """Ids of the events that set these mode elements, each once, in the order given."""
    found: dict[str, None] = {}
    for port, index in elements:
        causes = inputs.cause.get(port)
        if causes is not None and causes[int(index)]:
            found[causes[int(index)]] = None
    return tuple(found)


def _average(parts: list[tuple[float, dict[str, Array]]]) -> dict[str, Array]:
    total = sum(dt for dt, _ in parts)
    last = parts[-1][1]
    return {
        k: sum((dt / total * p[k] for dt, p in parts), np.zeros_like(last[k])) if k in MEANS else last[k] for k in last
    }
