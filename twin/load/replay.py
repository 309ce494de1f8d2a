"""Request-by-request replay of a window of a serving pool: discrete prefill passes and decode steps.

An independent check of the day: every request is simulated step by step with continuous batching, from the same
arrivals, without using the code of the second-by-second model. Nominal clock, all racks up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.load.histogram import ITL_BINS, TTFT_BINS, percentile_s
from twin.load.performance import decode_step_s, kv_capacity_tokens, prefill_pass_s
from twin.load.serving import ServingPool
from twin.load.superpose import Superposition
from twin.streams import stream

LEAD_S = 420.0  # simulated before the window, so that it starts with the day's queues and batch
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Requests:
    """Requests of a window and its lead, in order of arrival."""

    arrival_s: FloatArray
    new_tokens: NDArray[np.int64]
    cached_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    draw: FloatArray


@dataclass(frozen=True)
class Replay:
    """What happened in the window [start_s, end_s)."""

    start_s: float
    end_s: float
    tokens: float
    completed: int
    ttft_counts: FloatArray
    itl_counts: FloatArray

    @property
    def itl_p50_s(self) -> float:
        return percentile_s(self.itl_counts, ITL_BINS, 0.5)

    @property
    def ttft_p99_s(self) -> float:
        return percentile_s(self.ttft_counts, TTFT_BINS, 0.99)


@dataclass(frozen=True)
class Comparison:
    """Replay against the day in one window; differences are day over replay minus one."""

    pool: str
    start_s: float
    end_s: float
    tokens: float
    tokens_replayed: float
    itl_p50_s: float
    itl_p50_replayed_s: float
    ttft_p99_s: float
    ttft_p99_replayed_s: float

    @property
    def tokens_difference(self) -> float:
        return self.tokens / self.tokens_replayed - 1.0

    @property
    def itl_p50_difference(self) -> float:
        return self.itl_p50_s / self.itl_p50_replayed_s - 1.0

    @property
    def ttft_p99_difference(self) -> float:
        return self.ttft_p99_s / self.ttft_p99_replayed_s - 1.0


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 of an array (Steele, Lea, Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def window_requests(
    load: Superposition, start_s: float, end_s: float, active: Callable[[int], float]
) -> Requests:
    """All requests of [start_s, end_s), copy by copy and lap by lap."""
    trace = load.trace
    seconds = np.arange(int(np.floor(start_s)), int(np.ceil(end_s)) + 1)
    copies_at = np.array([active(int(s)) for s in seconds])
    times, rows, draws = [], [], []
    index = np.arange(trace.count)
    for c, offset in enumerate(load.offset_s):
        first, last = int((start_s + offset) // trace.length_s), int((end_s + offset) // trace.length_s)
        for lap in range(first, last + 1):
            at = trace.time_s + lap * trace.length_s - offset
            mine = index[(at >= start_s) & (at < end_s)]
            if not mine.size:
                continue
            with np.errstate(over="ignore"):
                place = mine.astype(np.uint64) + np.uint64(lap + 1048576) * np.uint64(0x100000000)
                number = np.uint64(c) * np.uint64(0x1000003)
            bits = _mixed(load.key ^ _mixed(number ^ _mixed(place)))
            playing = copies_at[(np.floor(at[mine]) - seconds[0]).astype(int)]
            share = (bits >> np.uint64(40)).astype(float) / 16777216.0
            kept = (c < np.floor(playing)) | ((c < playing) & (share < playing - np.floor(playing)))
            times.append(at[mine][kept])
            rows.append(mine[kept])
            draws.append((bits & np.uint64(0xFFFFFF)).astype(float)[kept] / 16777216.0)
    time_s, row, draw = np.concatenate(times), np.concatenate(rows), np.concatenate(draws)
    order = np.argsort(time_s, kind="stable")
    row = row[order]
    return Requests(
        time_s[order], trace.new_tokens[row], trace.cached_tokens[row], trace.output_tokens[row], draw[order]
    )


@njit(cache=True)
def _prefill(arrival, new, cached, workers, budget, prompts, durations, per_token_s, per_pair_s):
    """Instants at which each prompt's pass ends: whole prompts in order, the first worker that is free takes them.

    durations: pass time by number of tokens without attention (then linear beyond the table). Also returns when each
    pass begins and ends.
    """
    free = np.full(workers, -1e300)
    done, begins, ends, passes = np.empty(arrival.size), np.empty(arrival.size), np.empty(arrival.size), 0
    i = 0
    while i < arrival.size:
        w = np.argmin(free)
        begin = max(free[w], arrival[i])
        tokens, pairs, j = 0.0, 0.0, i
        while j < arrival.size and arrival[j] <= begin and j - i < prompts:
            if j > i and tokens + new[j] > budget:
                break
            tokens += new[j]
            pairs += new[j] * (cached[j] + 0.5 * new[j])
            j += 1
        top = durations.size - 1
        spent = durations[min(int(tokens), top)] + max(0.0, tokens - top) * per_token_s + pairs * per_pair_s
        free[w] = begin + spent
        done[i:j] = begin + spent
        begins[passes], ends[passes] = begin, begin + spent
        passes += 1
        i = j
    return done, begins[:passes], ends[:passes]


@njit(cache=True)
def _bilinear(table, x_axis, y_axis, x, y):
    i = min(max(np.searchsorted(x_axis, x) - 1, 0), x_axis.size - 2)
    j = min(max(np.searchsorted(y_axis, y) - 1, 0), y_axis.size - 2)
    u = (x - x_axis[i]) / (x_axis[i + 1] - x_axis[i])
    v = (y - y_axis[j]) / (y_axis[j + 1] - y_axis[j])
    low = table[i, j] * (1.0 - u) + table[i + 1, j] * u
    high = table[i, j + 1] * (1.0 - u) + table[i + 1, j + 1] * u
    return low * (1.0 - v) + high * v


@njit(cache=True)
def _decode(ready, prompt, output, arrival, places, room, accept, table, x_axis, y_axis, start, end, change_s, taken,
            ttft, itl, bins):
    """Step by step: join at step boundaries in order of readiness, every step gives `accept` tokens to each request.

    change_s, taken: instants at which the share of the GPUs that prefill changes, and that share from there on.
    """
    running = np.empty(places, np.int64)
    made = np.zeros(ready.size)
    count, held, cached, nxt, now = 0, 0.0, 0.0, 0, 0
    t, tokens, completed = ready[0] if ready.size else end, 0.0, 0
    while t < end:
        while nxt < ready.size and ready[nxt] <= t and count < places:
            need = prompt[nxt] + output[nxt]
            if held + need > room and count > 0:
                break
            running[count] = nxt
            held += need
            cached += prompt[nxt]
            count += 1
            nxt += 1
        if count == 0:
            if nxt >= ready.size:
                break
            t = ready[nxt]
            continue
        while now + 1 < change_s.size and change_s[now + 1] <= t:
            now += 1
        step = _bilinear(table, x_axis, y_axis, float(count), cached / count) / max(0.02, 1.0 - taken[now])
        t += step
        inside = start <= t < end
        k = 0
        while k < count:
            q = running[k]
            before = made[q]
            made[q] = min(float(output[q]), before + accept)
            gained = made[q] - before
            cached += gained
            if inside:
                tokens += gained
                if before == 0.0:
                    b = int(np.log10((t - arrival[q]) / bins[0]) * bins[1])
                    ttft[min(max(b, 0), ttft.size - 1)] += 1.0
                b = int(np.log10(step / accept / bins[2]) * bins[3])
                itl[min(max(b, 0), itl.size - 1)] += gained
            if made[q] >= output[q]:
                held -= prompt[q] + output[q]
                cached -= prompt[q] + output[q]
                count -= 1
                running[k] = running[count]
                completed += 1 if inside else 0
            else:
                k += 1
    return tokens, completed


def replay_window(
    pool: ServingPool, start_s: float, end_s: float, active: Callable[[int], float], lead_s: float = LEAD_S
) -> Replay:
    """Simulate a window of a pool request by request.

    Parameters
    ----------
    pool : settings, hardware, model, engine and arrivals are used, not the state
    active : copies of the trace that play in a second
    """
    s, gpu, model, engine = pool.settings, pool.gpu, pool.model, pool.engine
    requests = window_requests(pool.load, start_s - lead_s, end_s, active)
    racks, gpus = len(s.racks), s.decode_gpus
    room = kv_capacity_tokens(gpu, model, engine, gpus)
    places = s.batch_per_gpu * gpus
    x_axis = np.unique(np.concatenate([np.arange(1.0, 33.0), np.geomspace(32.0, places + 1.0, 96)]))
    y_axis = np.concatenate([np.linspace(0.0, 8192.0, 33), np.geomspace(8704.0, 2e6, 48)])
    table = decode_step_s(gpu, model, engine, gpus, x_axis[:, None], y_axis[None, :])
    counts = np.arange(4.0 * s.pass_tokens)
    durations = prefill_pass_s(gpu, model, engine, s.worker_gpus, np.maximum(counts, 1.0), 0.0)
    per_token = float(durations[-1] - durations[-2])
    pair = prefill_pass_s(gpu, model, engine, s.worker_gpus, 1.0, np.array([0.0, 1e9]))
    transfer = model.kv_byte_per_token / (gpu.nic_bandwidth_byte_s * s.worker_gpus)
    ttft, itl = np.zeros(TTFT_BINS.count), np.zeros(ITL_BINS.count)
    bins = np.array([TTFT_BINS.low_s, TTFT_BINS.per_decade, ITL_BINS.low_s, ITL_BINS.per_decade])
    home = np.minimum((requests.draw * racks).astype(int), racks - 1)
    fits = requests.new_tokens + requests.cached_tokens + requests.output_tokens <= room
    tokens, completed = 0.0, 0
    for rack in range(racks):
        mine = np.flatnonzero((home == rack) & fits)
        arrival, new, cached = requests.arrival_s[mine], requests.new_tokens[mine], requests.cached_tokens[mine]
        done, begins, ends = _prefill(
            arrival, new, cached, s.workers, float(s.pass_tokens), s.pass_prompts, durations, per_token,
            float(pair[1] - pair[0]) / 1e9,
        )  # fmt: skip
        change_s, taken = np.array([-1e300]), np.zeros(1)
        if s.shared:
            at = np.concatenate([begins, ends])
            by_time = np.argsort(at, kind="stable")
            steps = np.concatenate([np.ones(begins.size), -np.ones(ends.size)])[by_time]
            change_s = np.concatenate([change_s, at[by_time]])
            taken = np.concatenate([taken, np.cumsum(steps) / s.workers])
        ready = done + (new + cached) * transfer
        order = np.argsort(ready, kind="stable")
        more, finished = _decode(
            ready[order], (new + cached)[order], requests.output_tokens[mine][order], arrival[order], places, room,
            engine.acceptance_tokens, table, x_axis, y_axis, start_s, end_s, change_s, taken,
            ttft, itl, bins,
        )  # fmt: skip
        tokens += more
        completed += finished
    return Replay(start_s, end_s, tokens, completed, ttft, itl)


def pick_windows(seed: int, minutes: Sequence[int], count: int = 3, length_min: int = 3) -> list[int]:
    """Start minutes of windows apart from each other, drawn from minutes with nominal clock and all racks up."""
    usable = set(minutes)
    starts = [m for m in sorted(usable) if all(m + k in usable for k in range(length_min))]
    chosen: list[int] = []
    for place in stream(seed, "windows", "replay").permutation(len(starts)):
        if len(chosen) < count and all(abs(starts[int(place)] - c) >= length_min for c in chosen):
            chosen.append(starts[int(place)])
    return sorted(chosen)


def compare_window(
    pool: ServingPool, active: Callable[[int], float], start_min: int, tokens_min: FloatArray, ttft_min: FloatArray,
    itl_min: FloatArray,
) -> Comparison:  # fmt: skip
    """Replay the minutes from `start_min` and compare with the day.

    Parameters
    ----------
    tokens_min : tokens of each minute of the window (minute,)
    ttft_min, itl_min : histogram counts of each minute (minute, bin)
    """
    start, end = 60.0 * start_min, 60.0 * (start_min + len(tokens_min))
    replay = replay_window(pool, start, end, active)
    return Comparison(
        pool.settings.name, start, end, float(np.sum(tokens_min)), replay.tokens,
        percentile_s(np.sum(itl_min, axis=0), ITL_BINS, 0.5), replay.itl_p50_s,
        percentile_s(np.sum(ttft_min, axis=0), TTFT_BINS, 0.99), replay.ttft_p99_s,
    )  # fmt: skip

