"""A serving pool: racks of one engine behind one router, stepped second by second, undone by a journal."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.load import serving_tick as tick
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.performance import Engine, Gpu, Model, decode_step_s, kv_capacity_tokens, prefill_pass_s
from twin.load.superpose import Superposition, arrivals_in_second
from twin.load.taking_back import go_back, turn_over
from twin.load.traces import Trace

SUB_STEPS = 10  # sub-steps of a second (100 ms)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PoolSettings:
    """What a pool is made of; all GPUs of a rack that do not prefill decode as one expert-parallel group."""

    name: str
    racks: tuple[int, ...]
    gpus_per_rack: int
    prefill_gpus: int  # per rack; 0 with `shared`: every GPU does both
    worker_gpus: int  # GPUs of one prefill worker
    shared: bool
    pass_tokens: int
    pass_prompts: int
    batch_per_gpu: int
    queue_limit: int
    wait_limit: int
    timeout_s: float
    ttft_limit_s: float
    itl_limit_s: float

    @property
    def decode_gpus(self) -> int:
        return self.gpus_per_rack if self.shared else self.gpus_per_rack - self.prefill_gpus

    @property
    def workers(self) -> int:
        return (self.gpus_per_rack if self.shared else self.prefill_gpus) // self.worker_gpus


def coefficients(gpu: Gpu, model: Model, engine: Engine, worker_gpus: int) -> FloatArray:
    """The scalars of the compiled step, in the order of its columns."""
    bandwidth = gpu.memory_bandwidth_byte_s * engine.memory_efficiency
    miss = 1.0 - model.experts_per_token / model.experts
    k = np.zeros(tick.COEFFICIENTS)
    k[tick.W_REP] = model.replicated_weight_bytes / bandwidth
    k[tick.W_EXP] = model.expert_weight_bytes / bandwidth
    k[tick.LN_MISS] = log(miss) if miss > 0.0 else -1e9
    k[tick.LIN] = 2.0 * model.active_parameters / (gpu.linear_peak_flop_s * engine.linear_efficiency)
    k[tick.READ] = model.kv_byte_per_token / bandwidth
    attention = gpu.attention_peak_flop_s * engine.attention_efficiency
    k[tick.ATT] = model.decode_attention_flop_per_pair / attention
    flow = gpu.link_bandwidth_byte_s * engine.link_efficiency
    size = model.experts_per_token * model.hidden * engine.exchange_byte_per_element
    k[tick.EXCH] = model.moe_layers * size / flow
    k[tick.LATENCY] = model.moe_layers * 2.0 * engine.exchange_latency_s
    k[tick.FIXED] = engine.step_overhead_s
    k[tick.P_LIN] = 2.0 * model.active_parameters / (gpu.linear_peak_flop_s * engine.prefill_efficiency)
    k[tick.P_ATT] = model.prefill_attention_flop_per_pair / attention
    k[tick.ACCEPT] = engine.acceptance_tokens
    k[tick.DRAFTS] = engine.draft_tokens
    k[tick.KV_S] = model.kv_byte_per_token / (gpu.nic_bandwidth_byte_s * worker_gpus)
    k[tick.B_REP] = model.replicated_weight_bytes / gpu.memory_bandwidth_byte_s
    k[tick.B_EXP] = model.expert_weight_bytes / gpu.memory_bandwidth_byte_s
    k[tick.B_KV] = model.kv_byte_per_token / gpu.memory_bandwidth_byte_s
    k[tick.F_LIN] = 2.0 * model.active_parameters / gpu.linear_peak_flop_s
    k[tick.F_PRE] = model.prefill_attention_flop_per_pair / gpu.attention_peak_flop_s
    k[tick.F_ATT] = model.decode_attention_flop_per_pair / gpu.attention_peak_flop_s
    return k


@dataclass(frozen=True)
class Capacity:
    """What one rack sustains of a mix of requests, and what binds it."""

    requests_per_s: float
    prefill_requests_per_s: float
    decode_requests_per_s: float
    batch: float
    step_s: float


def rack_capacity(settings: PoolSettings, gpu: Gpu, model: Model, engine: Engine, trace: Trace) -> Capacity:
    """Requests per second that a rack sustains: full prefill passes, and the largest decode batch within limits.

    Notes
    -----
    Prefill: all workers busy with passes filled to the token budget. Decode: the batch is the least of the stated
    maximum, the room for KV (prompt and whole output), and what keeps the step within the ITL limit. A shared
    engine spends its time on both: the rates add as times.
    """
    new, cached = trace.new_tokens.astype(float), trace.cached_tokens.astype(float)
    output = trace.output_tokens.astype(float)
    pairs = float(np.mean(new * (cached + 0.5 * new)))
    prompts = max(1.0, min(settings.pass_tokens / float(new.mean()), float(settings.pass_prompts)))
    full = float(prefill_pass_s(gpu, model, engine, settings.worker_gpus, prompts * new.mean(), prompts * pairs))
    prefill = settings.workers * prompts / full
    gpus = settings.decode_gpus
    prompt = new + cached
    context = float(np.sum(output * (prompt + 0.5 * output)) / np.sum(output))  # met by a token, not by a request
    room = kv_capacity_tokens(gpu, model, engine, gpus) / float(np.sum(output * (prompt + output)) / np.sum(output))
    low, high = 1.0, max(1.0, min(room, float(settings.batch_per_gpu * gpus)))
    if float(decode_step_s(gpu, model, engine, gpus, high, context)) / engine.acceptance_tokens > settings.itl_limit_s:
        for _ in range(60):
            middle = 0.5 * (low + high)
            step = float(decode_step_s(gpu, model, engine, gpus, middle, context))
            low, high = (middle, high) if step / engine.acceptance_tokens <= settings.itl_limit_s else (low, middle)
        high = low
    step = float(decode_step_s(gpu, model, engine, gpus, high, context))
    decode = high * engine.acceptance_tokens / step / float(output.mean())
    both = 1.0 / (1.0 / prefill + 1.0 / decode) if settings.shared else min(prefill, decode)
    return Capacity(both, prefill, decode, high, step)


class ServingPool:
    """State of a pool. `advance` moves it by one second; `take_back` undoes the latest second."""

    def __init__(self, settings: PoolSettings, gpu: Gpu, model: Model, engine: Engine, load: Superposition) -> None:
        self.settings, self.gpu, self.model, self.engine, self.load = settings, gpu, model, engine, load
        racks, trace = len(settings.racks), load.trace
        self.k = coefficients(gpu, model, engine, settings.worker_gpus)
        s = settings
        per_gpu = kv_capacity_tokens(gpu, model, engine, s.decode_gpus) / s.decode_gpus
        self.weight_bytes = model.replicated_weight_bytes + model.expert_weight_bytes / s.decode_gpus
        self.limit = np.zeros(tick.LIMITS)
        self.limit[:] = (
            s.queue_limit, s.wait_limit, s.pass_tokens, s.pass_prompts, per_gpu, s.batch_per_gpu, s.timeout_s,
            s.ttft_limit_s, s.itl_limit_s, 1.0 if s.shared else 0.0,
        )  # fmt: skip
        calendar = 1 << int(trace.output_tokens.max() + 1024).bit_length()
        self.state = np.zeros((racks, tick.INTEGERS), np.int64)
        self.real = np.zeros((racks, tick.FLOATS))
        self.free = np.full((racks, max(1, s.workers)), -1e18)
        # two buffers each: a second starts by moving what waits to the other one, and is undone by going back
        self.queue = np.zeros((2, racks, s.queue_limit + 16384, 5))
        self.wait = np.zeros((2, racks, s.wait_limit + 16384, 5))
        self.side = 0
        self.transit = np.zeros((racks, max(256, 2 * s.workers * s.pass_prompts), 4))
        self.calendar = np.zeros((racks, calendar, 8), np.int32)  # 5 used: a row is half a cache line
        self.journal = np.zeros((1 << 16, 8), np.int32)
        self._sizes = np.zeros((trace.count, 4), np.int32)
        self._sizes[:, :3] = np.stack([trace.new_tokens, trace.cached_tokens, trace.output_tokens], axis=1)
        self.used = np.zeros(1, np.int64)
        self._small = (self.state, self.real, self.free, self.transit)
        self.before: tuple[NDArray[Any], ...] = tuple(a.copy() for a in self._small)
        size = 1 << 14
        while size < 3.0 * load.offset_s.size * max(1.0, trace.rate_per_s):
            size *= 2
        self._at, self._which = np.zeros(size), np.zeros(size, np.int64)
        self._draw, self._order = np.zeros(size), np.zeros((3, size))
        self._ttft_bins = np.array([TTFT_BINS.low_s, float(TTFT_BINS.per_decade)])
        self._itl_bins = np.array([ITL_BINS.low_s, float(ITL_BINS.per_decade)])

    def arrivals(self, second: int, active: float) -> tuple[int, FloatArray, NDArray[np.int64], FloatArray]:
        """Number, time inside the second, trace row and uniform draw of each request of a second."""
        load, trace = self.load, self.load.trace
        n = arrivals_in_second(
            float(second), active, load.key, load.offset_s, trace.length_s, trace.time_s, load.first_at,
            self._at, self._which, self._draw, self._order,
        )  # fmt: skip
        if n < 0:
            raise OverflowError(f"more than {self._at.size} requests in second {second} of pool {self.settings.name}")
        return n, self._at, self._which, self._draw

    def advance(
        self, second: int, active: float, decode_gpus: FloatArray, workers: NDArray[np.int64], clock: FloatArray,
        net: FloatArray, hbm: FloatArray, stop: FloatArray, weight: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
        """One second; returns results per rack, TTFT counts, ITL counts (tokens)."""
        turn_over(*self._small, *self.before, self.queue, self.wait, self.side)  # type: ignore[call-arg]
        self.side = new = 1 - self.side
        n, at, which, draw = self.arrivals(second, active)
        results = np.empty((len(self.settings.racks), tick.RESULTS))
        ttft, itl = np.empty(TTFT_BINS.count), np.empty(ITL_BINS.count)
        code = tick.serve_second(
            float(second), SUB_STEPS, n, at, which, draw, self._sizes,
            self.state, self.real, self.free, self.queue[new], self.wait[new], self.transit, self.calendar,
            self.journal, self.used, self.k, self.limit, decode_gpus, workers, float(self.settings.worker_gpus), clock,
            net, hbm, stop, weight, ttft, itl, self._ttft_bins, self._itl_bins, results,
        )  # fmt: skip
        if code:
            raise OverflowError(f"buffer {code} of pool {self.settings.name} is full in second {second}")
        return results, ttft, itl

    def take_back(self) -> None:
        """Undo the latest `advance`, exactly."""
        go_back(*self._small, *self.before, self.calendar, self.journal, self.used)  # type: ignore[call-arg]
        self.side = 1 - self.side

    @property
    def running(self) -> int:
        return int(self.state[:, tick.RUNNING].sum())

    @property
    def queued(self) -> int:
        """Requests in the prefill queue, in prefill or transfer, and waiting for a place in the batch."""
        s = self.state
        waiting = s[:, tick.Q_TAIL] - s[:, tick.Q_HEAD] + s[:, tick.D_TAIL] - s[:, tick.D_HEAD]
        return int((waiting + s[:, tick.TRANSIT]).sum())

    def save(self) -> dict[str, Any]:
        used = int(self.used[0])
        cells = np.flatnonzero(self.calendar.any(axis=2))
        saved: dict[str, Any] = {
            "state": self.state.copy(), "real": self.real.copy(), "free": self.free.copy(),
            "transit": self.transit.copy(), "journal": self.journal[:used].copy(), "cells": cells, "side": self.side,
            "cell_values": self.calendar.reshape(-1, 8)[cells].copy(),
        }  # fmt: skip
        for name, rings, head, tail in self._rings():
            for when, state, side in (("now", self.state, self.side), ("before", self.before[0], 1 - self.side)):
                rows = [_live(rings[side, r], int(state[r, head]), int(state[r, tail])) for r in range(len(state))]
                saved[f"{name}_{when}"] = np.concatenate(rows)
        for name, part in zip(("state", "real", "free", "transit"), self.before, strict=True):
            saved[f"before_{name}"] = part.copy()
        return saved

    def restore(self, saved: dict[str, Any]) -> None:
        self.state[:], self.real[:], self.free[:] = saved["state"], saved["real"], saved["free"]
        self.transit[:] = saved["transit"]
        self.used[0] = len(saved["journal"])
        self.journal[: self.used[0]] = saved["journal"]
        self.calendar[:] = 0
        self.calendar.reshape(-1, 8)[saved["cells"]] = saved["cell_values"]
        for name, part in zip(("state", "real", "free", "transit"), self.before, strict=True):
            part[:] = saved[f"before_{name}"]
        self.side = int(saved["side"])
        for name, rings, head, tail in self._rings():
            for when, state, side in (("now", self.state, self.side), ("before", self.before[0], 1 - self.side)):
                at = 0
                for r in range(len(state)):
                    first, last = int(state[r, head]), int(state[r, tail])
                    rings[side, r, first:last] = saved[f"{name}_{when}"][at : at + last - first]
                    at += last - first

    def _rings(self) -> tuple[tuple[str, FloatArray, int, int], ...]:
        return ("queue", self.queue, tick.Q_HEAD, tick.Q_TAIL), ("wait", self.wait, tick.D_HEAD, tick.D_TAIL)


def _live(ring: FloatArray, head: int, tail: int) -> FloatArray:
    return ring[head:tail].copy()
