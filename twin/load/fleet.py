"""All racks for one second: what pools and jobs do becomes phase power, heat, use and counts (no contract here)."""

from __future__ import annotations

from dataclasses import dataclass
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.load import power
from twin.load import serving_tick as tick
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.power import RackHardware, clock_within
from twin.load.serving import ServingPool
from twin.load.superpose import diurnal_fraction
from twin.load.training import RUN, STOPPED, TrainingJob

FloatArray = NDArray[np.float64]
_FLOW_COLUMNS = (
    tick.R_TOKENS, tick.R_TOKENS_OK, tick.R_PROMPT, tick.R_ARRIVED, tick.R_COMPLETED, tick.R_REJECTED,
    tick.R_PREFILL_TOKENS,
)  # fmt: skip
FLOWS = ("tokens", "tokens_in_sla", "prompt_tokens", "arrived", "completed", "rejected", "prefill_tokens")
HOST_GPUS = 4


@dataclass(frozen=True)
class ServingPower:
    """Phase power of serving as a share of TDP: base + a_m·u_m^q + a_c·u_c^p of achieved use, limited."""

    base_fraction: float
    memory_factor: float
    memory_exponent: float
    compute_factor: float
    compute_exponent: float
    limit_fraction: float
    loaded_idle_fraction: float  # model in memory, nothing to do
    idle_fraction: float  # of a rack that nobody uses
    cpu_idle_use: float
    cpu_serving_use: float  # at full prefill and decode
    cpu_training_use: float
    link_serving_use: float
    link_training_use: float
    nic_training_use: float


@njit(cache=True)
def serving_power_fraction(base, memory_factor, memory_exponent, compute_factor, compute_exponent, limit, memory_use,
                           compute_use):
    """Power of a GPU that prefills or decodes, as a share of TDP.

    Parameters
    ----------
    memory_use : bytes moved per second over peak bandwidth [1]
    compute_use : computed FLOP/s over dense peak [1]

    Notes
    -----
    min(limit, base + a_m·u_m^q + a_c·u_c^p): the base is an intercept valid under load, not idle power.

    Examples
    --------
    >>> round(serving_power_fraction(0.1, 0.5, 0.5, 1.0, 1.0, 1.0, 0.25, 0.1), 3)  # 0.1 + 0.25 + 0.1
    0.45
    """
    watts = base
    if memory_use > 0.0:
        watts += memory_factor * memory_use**memory_exponent
    if compute_use > 0.0:
        watts += compute_factor * compute_use**compute_exponent
    return min(limit, watts)


class Demand(NamedTuple):
    """What the plant allows the racks in a second (arrays per rack, pool or job)."""

    on: FloatArray  # 1 when the rack is up and its GPUs are not tripped
    powered: FloatArray  # 1 when the rack has power
    stop: FloatArray  # part of the second that each rack works
    clock: FloatArray
    chip_c: FloatArray
    gpus_lost: FloatArray
    nvlink_trays_lost: FloatArray
    shelves_lost: FloatArray
    hbm: FloatArray
    pool_network: FloatArray
    pool_workers_lost: FloatArray


class Second(NamedTuple):
    """Results of a second; arrays are fresh in each second and never changed afterwards."""

    use: FloatArray  # (USES, rack)
    items: FloatArray  # (rack, ITEMS)
    heats_w: FloatArray  # (HEATS, rack): GPU, CPU, NVLink switch, air, and their sum in this order
    input_power_w: float  # electrical side: load behind the shelves plus their loss
    flows: FloatArray  # (pool, FLOWS + TTFT bins + ITL bins), totals of the second
    waiting: FloatArray  # (2, pool): running, queued


USES = ("phase", "gpu", "cpu", "memory", "link", "nic", "fabric_bit_s")
PHASE, GPU_USE, CPU_USE, MEMORY_USE, LINK_USE, NIC_USE, FABRIC = range(7)


class Fleet:
    """Racks, pools and jobs; `second` computes one second and remembers how to undo it."""

    def __init__(
        self, rack_ids: tuple[str, ...], hardware: RackHardware, serving_power: ServingPower,
        pools: list[ServingPool], jobs: list[TrainingJob], spread: FloatArray, *, start_hour: float,
        low_fraction: float, peak_hour: float,
    ) -> None:  # fmt: skip
        self.rack_ids, self.hardware, self.serving_power = rack_ids, hardware, serving_power
        self.pools, self.jobs, self.spread = pools, jobs, spread
        self.start_hour, self.low_fraction, self.peak_hour = start_hour, low_fraction, peak_hour
        self.h = hardware.vector()
        self.pool_racks = [np.array(p.settings.racks, dtype=np.int64) for p in pools]
        self.job_racks = [np.array(j.settings.racks, dtype=np.int64) for j in jobs]
        n = len(rack_ids)
        self.serves, self.trains = np.zeros(n, bool), np.zeros(n, bool)
        for own in self.pool_racks:
            self.serves[own] = True
        for own in self.job_racks:
            self.trains[own] = True
        self.width = len(FLOWS) + TTFT_BINS.count + ITL_BINS.count
        self.taken = self.serves | self.trains
        self._held: list[Any] = [None] * len(pools)
        self._limits: tuple[FloatArray, ...] = ()  # what the pools' means were found from
        self._means: list[tuple[FloatArray, ...]] = []
        self._p = _power_vector(serving_power)

    def active_copies(self, second: int, pool: ServingPool) -> float:
        hour = self.start_hour + max(second, 0) / 3600.0
        return pool.load.copies * diurnal_fraction(hour, self.low_fraction, self.peak_hour)

    def take_back(self) -> None:
        for pool in self.pools:
            pool.take_back()

    def second(self, second: int, d: Demand, again: bool = False) -> Second:
        """Advance the pools by one second and compute the power of every rack.

        again: the second was taken back and is run once more with other stops; clocks and routing stay as they were.
        """
        n, hw = len(self.rack_ids), self.hardware
        if not again:
            self._find_means(d)
        flows = np.empty((len(self.pools), self.width))
        waiting = np.empty((2, len(self.pools)))
        use = np.zeros((len(USES), n))
        for i, (pool, own) in enumerate(zip(self.pools, self.pool_racks, strict=True)):
            s = pool.settings
            if not again:
                decode, workers, link, hbm = self._means[i]
                clock, weight = _routing(own, d.on, d.clock, decode)
                self._held[i] = (self.active_copies(second, pool), decode, workers, clock, link, hbm, weight)
            active, decode, workers, clock, link, hbm, weight = self._held[i]
            results, ttft, itl = pool.advance(second, active, decode, workers, clock, link, hbm, d.stop[own], weight)
            _pool_use(
                own, results, pool.state, decode, float(s.workers), float(s.prefill_gpus), s.shared, self._p,
                pool.model.kv_byte_per_token, pool.gpu.memory_bytes, pool.weight_bytes,
                pool.gpu.nic_bandwidth_byte_s * 8.0 * hw.nics, use, flows[i], waiting[:, i], ttft, itl,
            )  # fmt: skip
        for job, own in zip(self.jobs, self.job_racks, strict=True):
            _fill(use, own, self._job_use(job))
        items, heats = np.empty((n, len(power.ITEMS))), np.empty((5, n))
        total = _rack_second(
            self.h, self._p, self.taken, use, d.clock, d.chip_c, d.gpus_lost, d.on, d.powered,
            self.spread, d.shelves_lost, d.nvlink_trays_lost, items, heats,
        )  # fmt: skip
        return Second(use, items, heats, total, flows, waiting)

    def _find_means(self, d: Demand) -> None:
        """What the pools have to work with, anew when a limit comes as a new array."""
        limits = d.gpus_lost, d.nvlink_trays_lost, d.hbm, d.pool_network, d.pool_workers_lost
        if self._limits and all(map(is_, limits, self._limits)):
            return
        self._limits = limits
        self._means = [
            _pool_means(
                own, pool.settings.decode_gpus, pool.settings.workers, d.gpus_lost, d.pool_workers_lost[i],
                d.pool_network[i], d.nvlink_trays_lost, self.hardware.nvswitch_trays, d.hbm,
            )
            for i, (pool, own) in enumerate(zip(self.pools, self.pool_racks, strict=True))
        ]  # fmt: skip

    def _job_use(self, job: TrainingJob) -> tuple[float, ...]:
        p, there, busy = self.serving_power, job.phase != STOPPED, 1.0 if job.phase == RUN else 0.0
        sent = 8.0 * job.settings.parameters * job.settings.gradient_byte_per_parameter
        return (
            job.power_fraction, busy, p.cpu_training_use if there else p.cpu_idle_use,
            job.settings.memory_fraction if there else 0.0, busy * p.link_training_use, busy * p.nic_training_use,
            sent / job.iteration_s if job.iteration_s > 0.0 else 0.0,
        )  # fmt: skip

    def capped_clock(self, last: Second | None, budget_fraction: FloatArray, gpus_lost: FloatArray,
                     shelves_lost: FloatArray, lowest: float) -> FloatArray:  # fmt: skip
        """Highest clock within the power cap and within what the remaining power shelves can give."""
        n, hw = len(self.rack_ids), self.hardware
        clock = np.ones(n)
        if last is None:
            return clock
        for r in np.flatnonzero((budget_fraction < 1.0) | (shelves_lost > 0.0)):
            rest = last.items[r, 1:7].sum()
            room = (hw.shelves - shelves_lost[r]) * hw.shelf_capacity_w - rest
            live = max(1.0, hw.gpus - gpus_lost[r])
            budget = min(budget_fraction[r] * hw.gpu_tdp_w, room / live)
            clock[r] = clock_within(self.h, last.use[PHASE, r], budget, lowest)
        return clock

    def save(self) -> dict[str, Any]:
        return {
            "pools": [p.save() for p in self.pools], "jobs": [j.save() for j in self.jobs],
            "held": [None if h is None else list(h) for h in self._held],
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        for pool, part in zip(self.pools, saved["pools"], strict=True):
            pool.restore(part)
        for job, part in zip(self.jobs, saved["jobs"], strict=True):
            job.load(part)
        self._held = [None if h is None else tuple(h) for h in saved["held"]]


@njit(cache=True)
def _fill(use, own, values):
    for k in range(len(values)):
        for r in own:
            use[k, r] = values[k]


@njit(cache=True)
def _pool_means(own, decode_gpus, workers, gpus_lost, workers_lost, network, trays_lost, trays, hbm):
    """What a pool's racks have to work with: decode GPUs, prefill workers, exchange and memory bandwidth factors."""
    n = own.size
    decode, slots, link, memory = np.empty(n), np.empty(n, np.int64), np.empty(n), np.empty(n)
    for i in range(n):
        r = own[i]
        decode[i] = max(0.0, decode_gpus - gpus_lost[r])
        slots[i] = int(np.floor(workers * (1.0 - workers_lost) + 1e-9))
        link[i] = max(0.01, network * (1.0 - trays_lost[r] / trays))
        memory[i] = max(0.01, hbm[r])
    return decode, slots, link, memory


@njit(cache=True)
def _routing(own, on, clock, decode):
    """Clock of a pool's racks, and the share of requests each gets."""
    own_clock, weight = np.empty(own.size), np.empty(own.size)
    for i in range(own.size):
        own_clock[i] = clock[own[i]]
        weight[i] = on[own[i]] * own_clock[i] * decode[i]
    return own_clock, weight


@njit(cache=True)
def _rack_second(h, p, assigned, use, clock, chip_c, gpus_lost, on, powered, spread, shelves_lost, trays_lost, items,
                 heats):
    n = clock.size
    live, shelves, trays = np.empty(n), np.empty(n), np.empty(n)
    for r in range(n):
        live[r], shelves[r], trays[r] = h[0] - gpus_lost[r], h[23] - shelves_lost[r], h[11] - trays_lost[r]
        if on[r] <= 0.0 or not assigned[r]:
            for k in range(use.shape[0]):
                use[k, r] = 0.0
            use[0, r] = p[6] if assigned[r] else p[10]
            use[2, r] = p[7] if powered[r] > 0.0 else 0.0
    power.rack_items_w(
        h, use[0], clock, chip_c, live, on, powered, spread, use[2], use[4], use[5], shelves, trays, items
    )
    power.heats_w(h, items, heats[0], heats[1], heats[2], heats[3], heats[4])
    return power.input_power_w(h, items, shelves)


def _power_vector(p: ServingPower) -> FloatArray:
    return np.array([
        p.base_fraction, p.memory_factor, p.memory_exponent, p.compute_factor, p.compute_exponent, p.limit_fraction,
        p.loaded_idle_fraction, p.cpu_idle_use, p.cpu_serving_use, p.link_serving_use, p.idle_fraction,
    ])  # fmt: skip


@njit(cache=True)
def _watts(p, seconds, memory_s, compute_s):
    """Power of a phase of so many seconds from the seconds at peak bandwidth and peak compute; never below idle."""
    if seconds <= 0.0:
        return p[6]
    use = serving_power_fraction(p[0], p[1], p[2], p[3], p[4], p[5], memory_s / seconds, compute_s / seconds)
    return max(use, p[6])


@njit(cache=True)
def _pool_use(own, results, state, decode, workers, prefill_gpus, shared, p, kv_byte, memory_byte, weight_byte,
              nics_bit_s, use, flows, waiting, ttft, itl):
    phase, gpu_use, cpu_use, memory_use = use[0], use[1], use[2], use[3]
    link_use, nic_use, fabric = use[4], use[5], use[6]
    flows[:] = 0.0
    waiting[:] = 0.0
    flows[7 : 7 + ttft.size] = ttft
    flows[7 + ttft.size :] = itl
    for i in range(own.size):
        r = own[i]
        row = results[i]
        fed = min(1.0, row[tick.R_PREFILL_S] / max(1.0, workers))
        made = min(1.0, row[tick.R_DECODE_S])
        feeding = _watts(p, row[tick.R_PREFILL_RUN_S], row[tick.R_PREFILL_BYTES], row[tick.R_PREFILL_FLOPS])
        decoding = made * _watts(p, row[tick.R_DECODE_S], row[tick.R_BYTES], row[tick.R_FLOPS]) + (1.0 - made) * p[6]
        if shared:
            phase[r] = fed * feeding + (1.0 - fed) * decoding
            gpu_use[r] = max(fed, made)
        else:
            gpus = max(1.0, prefill_gpus + decode[i])
            phase[r] = (prefill_gpus * (fed * feeding + (1.0 - fed) * p[6]) + decode[i] * decoding) / gpus
            gpu_use[r] = (prefill_gpus * fed + decode[i] * made) / gpus
        held = weight_byte + state[i, tick.RESERVED] * kv_byte / max(1.0, decode[i])
        memory_use[r] = min(1.0, held / memory_byte)
        cpu_use[r] = p[7] + (p[8] - p[7]) * gpu_use[r]
        link_use[r] = p[9] * gpu_use[r]
        fabric[r] = row[tick.R_CONTEXT_MOVED] * kv_byte * 8.0
        nic_use[r] = min(1.0, fabric[r] / nics_bit_s)
        for c in range(7):
            flows[c] += row[_FLOW_COLUMNS[c]]
        waiting[0] += state[i, tick.RUNNING]
        waiting[1] += (state[i, tick.Q_TAIL] - state[i, tick.Q_HEAD] + state[i, tick.TRANSIT]
                       + state[i, tick.D_TAIL] - state[i, tick.D_HEAD])
