"""All racks for one second: what pools and jobs do becomes phase power, heat, use and counts (no contract here)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.load import power
from twin.load import serving_tick as tick
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.power import RackHardware, clock_within
from twin.load.serving import ServingPool
from twin.load.superpose import diurnal_fraction
from twin.load.training import CHECKPOINT, RUN, TrainingJob

FloatArray = NDArray[np.float64]
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
    loaded_idle_fraction: float
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


@dataclass
class Demand:
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
    job_network: FloatArray


@dataclass
class Second:
    """Results of a second; arrays are fresh in each second and never changed afterwards."""

    phase: FloatArray
    items: FloatArray
    gpu_heat_w: FloatArray
    cpu_heat_w: FloatArray
    nvswitch_heat_w: FloatArray
    air_heat_w: FloatArray
    rack_power_w: FloatArray
    input_power_w: float
    gpu_use: FloatArray
    cpu_use: FloatArray
    memory_use: FloatArray
    fabric_bit_s: FloatArray
    flows: FloatArray  # (pool, FLOWS + TTFT bins + ITL bins), totals of the second
    running: FloatArray
    queued: FloatArray


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
        self._held: list[Any] = [None] * len(pools)
        self._power_parameters = _power_vector(serving_power)
        self.width = len(FLOWS) + TTFT_BINS.count + ITL_BINS.count

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
        n, hw, p = len(self.rack_ids), self.hardware, self.serving_power
        flows = np.zeros((len(self.pools), self.width))
        running, queued = np.zeros(len(self.pools)), np.zeros(len(self.pools))
        phase = np.full(n, p.loaded_idle_fraction)
        gpu_use, memory_use = np.zeros(n), np.zeros(n)
        cpu_use, link_use, nic_use = np.full(n, p.cpu_idle_use), np.zeros(n), np.zeros(n)
        fabric = np.zeros(n)
        for i, (pool, own) in enumerate(zip(self.pools, self.pool_racks, strict=True)):
            s = pool.settings
            if not again:
                decode = np.maximum(0.0, s.decode_gpus - d.gpus_lost[own])
                keep = 1.0 - d.pool_workers_lost[i]
                workers = np.full(own.size, int(np.floor(s.workers * keep + 1e-9)), np.int64)
                link = d.pool_network[i] * (1.0 - d.nvlink_trays_lost[own] / hw.nvswitch_trays)
                clock = d.clock[own]
                self._held[i] = (
                    self.active_copies(second, pool), decode, workers, clock, np.maximum(link, 0.01),
                    np.maximum(d.hbm[own], 0.01), d.on[own] * clock * decode,
                )  # fmt: skip
            active, decode, workers, clock, link, hbm, weight = self._held[i]
            results, ttft, itl = pool.advance(
                second, active, decode, workers, clock, link, hbm, d.stop[own], weight
            )
            flows[i, : len(FLOWS)] = results[:, _FLOW_COLUMNS].sum(axis=0)
            flows[i, len(FLOWS) : len(FLOWS) + TTFT_BINS.count] = ttft
            flows[i, len(FLOWS) + TTFT_BINS.count :] = itl
            running[i], queued[i] = pool.running, pool.queued
            _pool_use(
                own, results, pool.state, decode, float(s.workers), float(s.prefill_gpus), s.shared, self._power_parameters,
                pool.model.kv_byte_per_token, pool.gpu.memory_bytes,
                pool.model.replicated_weight_bytes + pool.model.expert_weight_bytes / s.decode_gpus,
                pool.gpu.nic_bandwidth_byte_s * 8.0 * hw.nics, phase, gpu_use, memory_use, cpu_use, link_use, nic_use, fabric,
            )  # fmt: skip
        for job, own in zip(self.jobs, self.job_racks, strict=True):
            phase[own] = job.power_fraction
            busy = 1.0 if job.phase == RUN else 0.0
            gpu_use[own] = busy
            memory_use[own] = 0.85 if job.phase in (RUN, CHECKPOINT) else 0.1
            cpu_use[own] = p.cpu_training_use if job.phase in (RUN, CHECKPOINT) else p.cpu_idle_use
            link_use[own], nic_use[own] = busy * p.link_training_use, busy * p.nic_training_use
            if job.iteration_s > 0.0:
                sent = 8.0 * job.settings.parameters * job.settings.gradient_byte_per_parameter
                fabric[own] = sent / job.iteration_s
        off = d.on <= 0.0
        if off.any():
            phase[off], gpu_use[off], memory_use[off] = p.loaded_idle_fraction, 0.0, 0.0
            cpu_use[off] = np.where(d.powered[off] > 0.0, p.cpu_idle_use, 0.0)
            link_use[off], nic_use[off], fabric[off] = 0.0, 0.0, 0.0
        return self._power(d, phase, gpu_use, cpu_use, memory_use, link_use, nic_use, fabric, flows, running, queued)

    def _power(self, d: Demand, phase: FloatArray, gpu_use: FloatArray, cpu_use: FloatArray, memory_use: FloatArray,
               link_use: FloatArray, nic_use: FloatArray, fabric: FloatArray, flows: FloatArray, running: FloatArray,
               queued: FloatArray) -> Second:  # fmt: skip
        n, hw = len(self.rack_ids), self.hardware
        items = np.empty((n, 8))
        shelves = hw.shelves - d.shelves_lost
        power.rack_items_w(
            self.h, phase, d.clock, d.chip_c, hw.gpus - d.gpus_lost, d.on, d.powered, self.spread, cpu_use, link_use,
            nic_use, shelves, hw.nvswitch_trays - d.nvlink_trays_lost, items,
        )  # fmt: skip
        gpu, cpu, switch, air, total = (np.empty(n) for _ in range(5))
        power.heats_w(self.h, items, gpu, cpu, switch, air, total)
        return Second(
            phase, items, gpu, cpu, switch, air, total, float(power.input_power_w(self.h, items, shelves)), gpu_use,
            cpu_use, memory_use, fabric, flows, running, queued,
        )  # fmt: skip

    def capped_clock(self, last: Second | None, budget_fraction: FloatArray, gpus_lost: FloatArray,
                     shelves_lost: FloatArray, lowest: float) -> FloatArray:  # fmt: skip
        """Highest clock within the power cap and within what the remaining power shelves can give."""
        n, hw = len(self.rack_ids), self.hardware
        clock = np.ones(n)
        if last is None or not ((budget_fraction < 1.0).any() or (shelves_lost > 0.0).any()):
            return clock
        for r in np.flatnonzero((budget_fraction < 1.0) | (shelves_lost > 0.0)):
            rest = last.items[r, 1:7].sum()
            room = (hw.shelves - shelves_lost[r]) * hw.shelf_capacity_w * 0.97 - rest
            live = max(1.0, hw.gpus - gpus_lost[r])
            budget = min(budget_fraction[r] * hw.gpu_tdp_w, room / live)
            clock[r] = clock_within(self.h, last.phase[r], budget, lowest)
        return clock

    def save(self) -> dict[str, Any]:
        return {"pools": [p.save() for p in self.pools], "jobs": [j.save() for j in self.jobs],
                "held": [None if h is None else list(h) for h in self._held]}

    def restore(self, saved: dict[str, Any]) -> None:
        for pool, part in zip(self.pools, saved["pools"], strict=True):
            pool.restore(part)
        for job, part in zip(self.jobs, saved["jobs"], strict=True):
            job.load(part)
        self._held = [None if h is None else tuple(h) for h in saved["held"]]


_FLOW_COLUMNS = np.array([
    tick.R_TOKENS, tick.R_TOKENS_OK, tick.R_PROMPT, tick.R_ARRIVED, tick.R_COMPLETED, tick.R_REJECTED,
    tick.R_PREFILL_TOKENS,
])  # fmt: skip


def _power_vector(p: ServingPower) -> FloatArray:
    return np.array([
        p.base_fraction, p.memory_factor, p.memory_exponent, p.compute_factor, p.compute_exponent, p.limit_fraction,
        p.loaded_idle_fraction, p.cpu_idle_use, p.cpu_serving_use, p.link_serving_use,
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
              nics_bit_s, phase, gpu_use, memory_use, cpu_use, link_use, nic_use, fabric):
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
