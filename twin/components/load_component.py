"""The load component: pools and jobs on racks, their power, throttle and trips, behind the coupling contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from twin.contract import SECOND, Advanced, Array, Event, Inputs, Port, State, Us
from twin.load.fleet import FLOWS, HOST_GPUS, Demand, Fleet, Second
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.throttle import RESTART, THROTTLE_END, THROTTLE_START, TRIP, ThrottleSettings, scan_racks, scan_vector
from twin.load.training import STOPPED

THERMAL = ("chip_c", "chip_hottest_c")
OWN = (
    Port("gpu_tripped", "rack", "mode"),
    Port("throttled", "rack", "mode"),
    Port("rack_up", "rack", "mode", neutral=1.0),
    Port("job_running", "job", "mode", neutral=1.0),
)
FAULTS = (
    Port("gpus_lost", "rack", "mode"),
    Port("hosts_lost", "rack", "mode"),
    Port("nvlink_trays_lost", "rack", "mode"),
    Port("power_shelves_lost", "rack", "mode"),
    Port("power_cap_stuck_fraction", "rack", "mode", neutral=1.0),
    Port("hbm_bandwidth_fraction", "rack", "mode", neutral=1.0),
    Port("gpu_sensor_offset_k", "rack", "mode"),
    Port("pool_workers_lost_fraction", "pool", "mode"),
    Port("job_halted", "job", "mode"),
)
INPUTS = (
    Port("chip_c", "rack", "end", neutral=45.0),
    Port("chip_hottest_c", "rack", "end", neutral=50.0),
    Port("rack_powered", "rack", "mode", neutral=1.0),
    Port("power_cap_fraction", "rack", "mode", neutral=1.0),
    Port("job_network_factor", "job", "mode", neutral=1.0),
    Port("pool_network_factor", "pool", "mode", neutral=1.0),
    *FAULTS,
    *OWN,
)
OUTPUTS = (
    Port("gpu_heat_w", "rack", "mean"),
    Port("cpu_heat_w", "rack", "mean"),
    Port("nvswitch_heat_w", "rack", "mean"),
    Port("rack_air_heat_w", "rack", "mean"),
    Port("rack_power_w", "rack", "mean"),
    Port("clock_fraction", "rack", "end", neutral=1.0),
    Port("gpu_utilization_fraction", "rack", "mean"),
    Port("cpu_utilization_fraction", "rack", "mean"),
    Port("memory_utilization_fraction", "rack", "mean"),
    Port("fabric_demand_bit_s", "rack", "mean"),
    Port("tokens_per_s", "pool", "mean"),
    Port("tokens_in_sla_per_s", "pool", "mean"),
    Port("requests_arrived_per_s", "pool", "mean"),
    Port("requests_completed_per_s", "pool", "mean"),
    Port("requests_rejected_per_s", "pool", "mean"),
    Port("requests_running", "pool", "end"),
    Port("requests_queued", "pool", "end"),
    Port("training_tokens_per_s", "job", "mean"),
    Port("ttft_count_per_s", "ttft_bin", "mean", record="minute"),
    Port("itl_count_per_s", "itl_bin", "mean", record="minute"),
    *OWN,
)
MEANS = frozenset(p.name for p in OUTPUTS if p.kind == "mean")


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
        self._clock, self._before_c = np.ones(n), np.full(n, np.nan)
        self._cap_clock = np.ones(n)
        self._engaged, self._tripped, self._tripped_at = np.zeros(n), np.zeros(n), np.zeros(n)
        self._powered, self._up = np.ones(n), np.ones(n)
        self._ready_s = np.full(n, np.inf)  # when a rack that got power back has booted
        self._job_ready_s = np.full(len(fleet.jobs), np.inf)
        self._code = np.zeros(n, np.int64)
        self._scanned: int | None = None  # latest scan, s
        self._second: int | None = None  # the second that is computed and held
        self._now: Second | None = None
        self._stop = np.ones(n)
        self._flow = np.zeros((len(fleet.pools), fleet.width))  # per second, held
        self._given = np.zeros_like(self._flow)  # already handed out in this second, before the flow last changed
        self._given_to_s = 0.0
        self._t: Us = 0
        busy = fleet.serves | fleet.trains
        self._scheduled = float(busy.sum() * fleet.hardware.gpus)
        self._assigned = busy.astype(float)
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
        self._up = self._powered.copy()
        self._before_c = inputs.value["chip_hottest_c"].copy()

    def next_due(self) -> Us:
        return (self._t // SECOND + 1) * SECOND

    def settle(self, t: Us, round: int, inputs: Inputs) -> tuple[Event, ...]:
        self._t = t
        events: list[Event] = []
        self._watch_power(t, inputs, events)
        if t % SECOND == 0 and self._scanned != t // SECOND:
            self._scanned = t // SECOND
            self._scan(t, inputs, events)
        self._watch_jobs(t, inputs, events)
        return tuple(events)

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
            parts.append((dt, self._outputs()))
            self._book(dt, joules, counts)
            at = to
        self._t = t_end
        outputs = parts[0][1] if len(parts) == 1 else _average(parts)
        return Advanced(t_end, outputs, joules, counts)

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
        return self._small(), self._second, [j.save() for j in self.fleet.jobs]

    def rewind(self, mark: object) -> None:
        small, second, jobs = mark  # type: ignore[misc]
        if second != self._second:
            self.fleet.take_back()
        self._put_small(small)
        self._second = second
        for job, saved in zip(self.fleet.jobs, jobs, strict=True):
            job.load(saved)

    def save(self) -> State:
        now = None if self._now is None else dict(vars(self._now))
        return {
            "t": self._t, "scanned": self._scanned, "second": self._second, "given_to_s": self._given_to_s,
            "arrays": {k: np.array(getattr(self, k)) for k in _ARRAYS}, "now": now, "fleet": self.fleet.save(),
        }  # fmt: skip

    def load(self, state: State) -> None:
        self._t, self._scanned, self._second = state["t"], state["scanned"], state["second"]
        self._given_to_s = state["given_to_s"]
        for k in _ARRAYS:
            setattr(self, k, np.array(state["arrays"][k]))
        self._now = None if state["now"] is None else Second(**state["now"])
        self.fleet.restore(state["fleet"])

    # -- reactions in zero time ----------------------------------------------------------------------------------

    def _watch_power(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        powered = np.where(inputs.value["rack_powered"] > 0.5, 1.0, 0.0)
        changed = np.flatnonzero(powered != self._powered)
        for r in changed:
            cause = _causes(inputs, ("rack_powered", r))
            if powered[r] > 0.0:
                self._ready_s[r] = t * 1e-6 + self.throttle.boot_s
            else:
                self._ready_s[r] = np.inf
                if self._up[r] > 0.0:
                    self._up[r] = 0.0
                    self._lose(r, t)
                    events.append(Event(t, self.fleet.rack_ids[r], "rack-dark", cause, sets=(("rack_up", int(r), 0.0),)))
        if changed.size:
            self._powered = powered
            self._again(t, inputs)

    def _scan(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        now, ids = t * 1e-6, self.fleet.rack_ids
        if self._up.min() <= 0.0:
            for r in np.flatnonzero(self._ready_s <= now + 1e-9):
                self._up[r], self._ready_s[r] = 1.0, np.inf
                causes = _causes(inputs, ("rack_powered", r), ("rack_up", r))
                events.append(Event(t, ids[r], "rack-up", causes, sets=(("rack_up", int(r), 1.0),)))
        hottest = inputs.value["chip_hottest_c"] + inputs.value["gpu_sensor_offset_k"]
        found = scan_racks(
            now, hottest, self._before_c, self._clock, self._engaged, self._tripped, self._tripped_at, self._up,
            self._v, self._code,
        )  # fmt: skip
        if found:
            for r in np.flatnonzero(self._code):
                events.append(self._thermal_event(t, int(r), float(hottest[r]), inputs))
        v = inputs.value
        budget = np.minimum(v["power_cap_fraction"], v["power_cap_stuck_fraction"])
        self._cap_clock = self.fleet.capped_clock(
            self._now, budget, self._lost(inputs), v["power_shelves_lost"], self.throttle.lowest_clock
        )

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

    def _watch_jobs(self, t: Us, inputs: Inputs, events: list[Event]) -> None:
        v, now = inputs.value, t * 1e-6
        for j, (job, own) in enumerate(zip(self.fleet.jobs, self.fleet.job_racks, strict=True)):
            up, tripped = v["rack_up"][own] > 0.5, v["gpu_tripped"][own] > 0.5
            lost = self._lost(inputs)[own]
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

    def _lost(self, inputs: Inputs) -> Array:
        v = inputs.value
        return np.minimum(self.fleet.hardware.gpus, v["gpus_lost"] + HOST_GPUS * v["hosts_lost"])

    def _demand(self, inputs: Inputs) -> Demand:
        v = inputs.value
        on = self._up * (1.0 - self._tripped)
        return Demand(
            on, self._powered, self._stop, np.minimum(self._clock, self._cap_clock), v["chip_c"], self._lost(inputs),
            v["nvlink_trays_lost"], v["power_shelves_lost"], v["hbm_bandwidth_fraction"], v["pool_network_factor"],
            v["pool_workers_lost_fraction"], v["job_network_factor"],
        )  # fmt: skip

    def _begin(self, second: int, inputs: Inputs) -> None:
        d = self._demand(inputs)
        self._stop = d.stop = d.on.copy()
        for j, (job, own) in enumerate(zip(self.fleet.jobs, self.fleet.job_racks, strict=True)):
            job.begin_second(float(d.clock[own].min()), float(d.job_network[j]))
        self._now = self.fleet.second(second, d)
        self._second = second
        self._flow = self._now.flows
        self._given = np.zeros_like(self._flow)
        self._given_to_s = 0.0

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

    def _outputs(self) -> dict[str, Array]:
        now, fleet, flow, k = self._now, self.fleet, self._flow, len(FLOWS)
        assert now is not None
        return {
            "gpu_heat_w": now.gpu_heat_w, "cpu_heat_w": now.cpu_heat_w, "nvswitch_heat_w": now.nvswitch_heat_w,
            "rack_air_heat_w": now.air_heat_w, "rack_power_w": now.rack_power_w,
            "clock_fraction": np.minimum(self._clock, self._cap_clock), "gpu_utilization_fraction": now.gpu_use,
            "cpu_utilization_fraction": now.cpu_use, "memory_utilization_fraction": now.memory_use,
            "fabric_demand_bit_s": now.fabric_bit_s, "tokens_per_s": flow[:, 0], "tokens_in_sla_per_s": flow[:, 1],
            "requests_arrived_per_s": flow[:, 3], "requests_completed_per_s": flow[:, 4],
            "requests_rejected_per_s": flow[:, 5], "requests_running": now.running, "requests_queued": now.queued,
            "training_tokens_per_s": np.array([j.tokens_per_s for j in fleet.jobs]),
            "ttft_count_per_s": flow[:, k : k + TTFT_BINS.count].ravel(),
            "itl_count_per_s": flow[:, k + TTFT_BINS.count :].ravel(),
        }  # fmt: skip

    def _book(self, dt: float, joules: dict[str, float], counts: dict[str, float]) -> None:
        now, fleet = self._now, self.fleet
        assert now is not None
        on = self._up * (1.0 - self._tripped)
        gpus, watts = fleet.hardware.gpus, now.rack_power_w
        heat = float(now.gpu_heat_w.sum() + now.cpu_heat_w.sum() + now.nvswitch_heat_w.sum() + now.air_heat_w.sum())
        trained = lost = 0.0
        for job in fleet.jobs:
            trained += job.pass_time(dt)
            lost += job.lost_tokens
            job.lost_tokens = 0.0
        total = self._flow[:, : len(FLOWS)].sum(axis=0) * dt
        serving, training = float(watts[fleet.serves].sum()) * dt, float(watts[fleet.trains].sum()) * dt
        slow = np.minimum(self._clock, self._cap_clock) < 0.999
        amounts = {
            "tokens_delivered": total[0], "tokens_in_sla": total[1], "prompt_tokens": total[2],
            "requests_arrived": total[3], "requests_completed": total[4], "requests_rejected": total[5],
            "prefill_tokens": total[6], "training_tokens": trained, "training_tokens_lost": lost,
            "gpu_s_scheduled": self._scheduled * dt, "gpu_s_able": float((on * self._assigned).sum()) * gpus * dt,
            "gpu_s_busy": float(now.gpu_use.sum()) * gpus * dt, "cpu_s_busy": float(now.cpu_use.sum()) * dt,
            "memory_s_used": float(now.memory_use.sum()) * dt, "rack_s": dt * on.size,
            "serving_gpu_s": float(fleet.serves.sum()) * gpus * dt,
            "serving_gpu_busy_s": float(now.gpu_use[fleet.serves].sum()) * gpus * dt,
            "throttled_gpu_s": float((slow * on).sum()) * gpus * dt, "serving_rack_j": serving,
            "training_rack_j": training, "idle_rack_j": float(watts.sum()) * dt - serving - training,
        }  # fmt: skip
        for name, value in amounts.items():
            counts[name] = counts.get(name, 0.0) + float(value)
        joules["load/rack_j"] = joules.get("load/rack_j", 0.0) + now.input_power_w * dt
        joules["load/heat_j"] = joules.get("load/heat_j", 0.0) + heat * dt

    def _small(self) -> dict[str, Any]:
        return {k: getattr(self, k) for k in (*_HELD, "_given_to_s", "_t", "_now", "_scanned")} | {
            k: getattr(self, k).copy() for k in _MOVED
        }

    def _put_small(self, small: dict[str, Any]) -> None:
        for k, value in small.items():
            setattr(self, k, value.copy() if k in _MOVED else value)


_MOVED = ("_clock", "_before_c", "_engaged", "_tripped", "_tripped_at", "_up", "_ready_s", "_job_ready_s")
_HELD = ("_cap_clock", "_powered", "_stop", "_flow", "_given")  # replaced, never changed in place
_ARRAYS = (*_MOVED, *_HELD)


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
