"""The second-by-second pool against queueing theory, conservation laws, and its own undo."""

from __future__ import annotations

import numpy as np
import pytest

from tests.load.test_performance import ENGINE, GPU, MODEL
from twin.load import serving_tick as tick
from twin.load.histogram import ITL_BINS, TTFT_BINS, percentile_s
from twin.load.performance import decode_step_s, prefill_pass_s
from twin.load.serving import PoolSettings, ServingPool, rack_capacity
from twin.load.superpose import Superposition
from twin.load.traces import Trace, make_trace


def poisson_trace(rate: float, new: int, output: int, n: int = 40000, cached: int = 0) -> Trace:
    draw = np.random.default_rng(11)
    ones = np.ones(n, np.int64)
    length = n / rate
    return make_trace("p", np.sort(draw.random(n) * length), ones * new, ones * cached, ones * output, length)


def pool(trace: Trace, racks: int = 1, **changes) -> ServingPool:
    base = dict(
        name="P", racks=tuple(range(racks)), gpus_per_rack=72, prefill_gpus=4, worker_gpus=4, shared=False,
        pass_tokens=16384, pass_prompts=1, batch_per_gpu=256, queue_limit=4096, wait_limit=1024, timeout_s=1e6,
        ttft_limit_s=2.0, itl_limit_s=0.05,
    )
    settings = PoolSettings(**{**base, **changes})
    return ServingPool(settings, GPU, MODEL, ENGINE, Superposition.build(trace, 1.0, 1, "P"))


class Drive:
    """Seconds of a pool at nominal clock, with the sums of what happened."""

    def __init__(self, p: ServingPool) -> None:
        self.p, n = p, len(p.settings.racks)
        self.one, self.n = np.ones(n), n
        self.decode = np.full(n, float(p.settings.decode_gpus))
        self.workers = np.full(n, p.settings.workers, np.int64)
        self.total = np.zeros(tick.RESULTS)
        self.ttft, self.itl = np.zeros(TTFT_BINS.count), np.zeros(ITL_BINS.count)
        self.queued: list[int] = []
        self.running: list[int] = []
        self.at = 0

    def second(self, stop: np.ndarray | None = None) -> np.ndarray:
        r, t, i = self.p.advance(self.at, 1.0, self.decode, self.workers, self.one, self.one, self.one,
                                 self.one if stop is None else stop, self.one)
        self.at += 1
        self.total += r.sum(axis=0)
        self.ttft += t
        self.itl += i
        self.queued.append(self.p.queued)
        self.running.append(self.p.running)
        return r

    def run(self, seconds: int) -> Drive:
        for _ in range(seconds):
            self.second()
        return self

    @property
    def balance(self) -> float:
        t = self.total
        return t[tick.R_ARRIVED] - t[tick.R_COMPLETED] - t[tick.R_REJECTED] - self.p.running - self.p.queued


def test_m_d_1_waiting():
    service = float(prefill_pass_s(GPU, MODEL, ENGINE, 4, 4000, 8e6))
    load = 0.7
    trace = poisson_trace(load / service, 4000, 5)
    p = pool(trace)
    d = Drive(p).run(200)
    d.queued.clear()
    d.run(int(trace.length_s) - 300)
    wait = load * service / (2.0 * (1.0 - load))  # Pollaczek-Khinchine, deterministic service
    transfer = 4000 * MODEL.kv_byte_per_token / (GPU.nic_bandwidth_byte_s * 4)
    wanted = load / service * (wait + service + transfer)  # Little's law
    assert np.mean(d.queued) == pytest.approx(wanted, rel=0.06)
    median = percentile_s(d.ttft, TTFT_BINS, 0.5)
    assert service < median < service + 2.0 * wait


def test_little_in_the_decode_batch():
    trace = poisson_trace(60.0, 500, 300)
    d = Drive(pool(trace, prefill_gpus=24, pass_prompts=64)).run(60)
    d.running.clear()
    before = d.total.copy()
    d.run(240)
    rate = (d.total - before)[tick.R_COMPLETED] / 240
    batch = float(np.mean(d.running))
    step = float(decode_step_s(GPU, MODEL, ENGINE, 48, batch, 500 + 150))
    assert batch == pytest.approx(rate * 300 * step, rel=0.05)
    assert percentile_s(d.itl, ITL_BINS, 0.5) == pytest.approx(step, rel=0.06)


def test_requests_and_tokens_balance_every_second():
    trace = poisson_trace(300.0, 900, 120)
    d = Drive(pool(trace, racks=3, prefill_gpus=24, pass_prompts=64))
    for _ in range(30):
        d.second()
        assert d.balance == 0
    t = d.total
    made = float(t[tick.R_COMPLETED]) * 120
    assert made <= t[tick.R_TOKENS] + 2 * d.p.running
    assert t[tick.R_TOKENS] - made <= d.p.running * 120
    assert t[tick.R_TOKENS_OK] <= t[tick.R_TOKENS] * (1 + 1e-9)
    assert d.itl.sum() == pytest.approx(t[tick.R_TOKENS], rel=1e-3)


def test_overload_rejects_and_still_balances():
    trace = poisson_trace(400.0, 4000, 50)
    d = Drive(pool(trace, pass_prompts=64, queue_limit=200, timeout_s=5.0)).run(60)
    assert d.total[tick.R_REJECTED] > 1000 and d.balance == 0
    assert percentile_s(d.ttft, TTFT_BINS, 0.99) < 12.0


def test_a_full_cache_holds_admission_but_loses_nobody():
    trace = poisson_trace(40.0, 200, 900, cached=100_000)
    d = Drive(pool(trace, prefill_gpus=64, pass_prompts=64)).run(120)
    held = d.p.state[0, tick.RESERVED]
    room = d.p.limit[tick.KV_PER_GPU] * 8
    assert d.p.state[0, tick.D_TAIL] > d.p.state[0, tick.D_HEAD]
    assert 0.97 * room < held <= room and d.balance == 0


def test_a_lost_racks_requests_go_elsewhere_and_tokens_count_once():
    trace = poisson_trace(300.0, 900, 200)
    d = Drive(pool(trace, racks=3, prefill_gpus=24, pass_prompts=64)).run(20)
    running = d.p.state[1, tick.RUNNING]
    tokens_before = d.total[tick.R_TOKENS]
    assert running > 50
    part = np.array([1.0, 0.37, 1.0])
    d.second(part)
    assert d.balance == 0
    for _ in range(20):
        d.second(np.array([1.0, 0.0, 1.0]))
        assert d.balance == 0
    assert d.p.state[1, tick.RUNNING] == 0 and d.p.state[1, tick.TRANSIT] == 0
    d.run(20)
    assert d.balance == 0 and d.total[tick.R_REJECTED] == 0
    produced = d.total[tick.R_TOKENS]
    assert produced > tokens_before
    assert produced == pytest.approx(d.total[tick.R_COMPLETED] * 200, abs=d.p.running * 200 + 400)
    assert produced >= d.total[tick.R_COMPLETED] * 200 - 2 * d.p.running - running


def test_all_racks_lost_rejects_arrivals_and_resumes():
    d = Drive(pool(poisson_trace(50.0, 500, 50), racks=2, prefill_gpus=24, pass_prompts=64)).run(10)
    rejected = 0.0
    for _ in range(5):
        rejected += d.second(np.zeros(2))[:, tick.R_REJECTED].sum()
    assert rejected > 100 and d.balance == 0
    d.run(10)
    assert d.balance == 0 and d.p.running > 0


def test_undo_is_exact():
    trace = poisson_trace(300.0, 900, 120)
    d = Drive(pool(trace, racks=3, prefill_gpus=24, pass_prompts=64)).run(15)

    def snapshot() -> list[np.ndarray]:
        saved = d.p.save()
        names = ("state", "real", "free", "cells", "cell_values", "queue_now", "wait_now")
        most = int(saved["state"][:, tick.TRANSIT].max())
        return [np.array(saved[k]) for k in names] + [saved["transit"][:, :most].copy()]

    before = snapshot()
    first = d.second(np.array([1.0, 0.5, 1.0]))
    after = snapshot()
    d.p.take_back()
    d.at -= 1
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, snapshot(), strict=True))
    second = d.second(np.array([1.0, 0.5, 1.0]))
    assert np.array_equal(first, second)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(after, snapshot(), strict=True))


def test_capacity_is_where_the_queue_starts_to_grow():
    trace = poisson_trace(100.0, 1200, 200, n=60000)
    p = pool(trace, prefill_gpus=24, pass_prompts=64)
    capacity = rack_capacity(p.settings, GPU, MODEL, ENGINE, trace)
    ends = []
    for part in (0.85, 1.3):
        rate = part * capacity.requests_per_s
        q = pool(poisson_trace(rate, 1200, 200, n=int(rate * 200)), prefill_gpus=24, pass_prompts=64, timeout_s=1e9)
        ends.append(Drive(q).run(120))
    assert ends[0].p.queued < 60 and ends[1].p.queued > 1000
    per_gpu = capacity.requests_per_s * 200 / 72
    assert 300 < per_gpu < 5000


def test_shared_pool_slows_tokens_while_it_prefills():
    trace = poisson_trace(60.0, 2000, 100)
    split = Drive(pool(trace, prefill_gpus=24, pass_prompts=64)).run(60)
    shared = Drive(pool(trace, prefill_gpus=0, shared=True, pass_prompts=64)).run(60)
    assert shared.balance == 0 and split.balance == 0
    assert percentile_s(shared.itl, ITL_BINS, 0.5) > 0.0
    assert shared.total[tick.R_COMPLETED] == pytest.approx(split.total[tick.R_COMPLETED], rel=0.05)
