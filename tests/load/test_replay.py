"""The day against the request-by-request replay."""

from __future__ import annotations

import numpy as np
import pytest

from tests.load.bench import Bench, build, workload_of
from twin.load import serving_tick as tick
from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.replay import Comparison, compare_window, pick_windows


def compare(bench: Bench, lead_min: int, minutes: int) -> Comparison:
    """Run the bench to the window, gather its minutes, replay."""
    bench.run(60 * lead_min)
    tokens, ttft, itl = np.zeros(minutes), np.zeros((minutes, TTFT_BINS.count)), np.zeros((minutes, ITL_BINS.count))
    for m in range(minutes):
        before = bench.counts["tokens_delivered"]
        for _ in range(60):
            bench.step()
            ttft[m] += bench.out["ttft_count_per_s"]
            itl[m] += bench.out["itl_count_per_s"]
        tokens[m] = bench.counts["tokens_delivered"] - before
    fleet = bench.c.fleet
    pool = fleet.pools[0]
    return compare_window(pool, lambda s: fleet.active_copies(s, pool), lead_min, tokens, ttft, itl)


@pytest.mark.parametrize("utilization", [0.5, 0.9])
def test_generated_load(utilization):
    c = compare(Bench(build(workload_of(arrivals__utilization_fraction=utilization))), 3, 2)
    assert abs(c.tokens_difference) < 0.02
    assert abs(c.itl_p50_difference) < 0.05
    assert abs(c.ttft_p99_difference) < 0.25


def test_drafted_tokens():
    c = compare(Bench(build(workload_of(pools__SERVE1__draft_tokens=1, pools__SERVE1__acceptance_tokens=1.8))), 3, 1)
    assert abs(c.tokens_difference) < 0.02 and abs(c.itl_p50_difference) < 0.05


def test_shared_pool():
    work = workload_of(
        pools__SERVE1__prefill_gpus=0, pools__SERVE1__shared=True, arrivals__utilization_fraction=0.4,
    )
    c = compare(Bench(build(work)), 3, 2)

    assert abs(c.tokens_difference) < 0.02
    assert abs(c.itl_p50_difference) < 0.05
    assert abs(c.ttft_p99_difference) < 0.25


def test_replay_sees_a_wrong_day():
    bench = Bench(build(workload_of(arrivals__utilization_fraction=0.5)))
    pool = bench.c.fleet.pools[0]
    slower = np.full(pool.k.size, 1.15)  # a day on an engine 15 % slower than stated
    slower[[tick.ACCEPT, tick.DRAFTS]] = 1.0
    pool.k = pool.k * slower
    c = compare(bench, 3, 1)
    assert c.itl_p50_difference > 0.10


def test_windows_are_seeded_and_apart():
    minutes = [m for m in range(1440) if not 600 <= m < 700]
    a, b = pick_windows(1, minutes), pick_windows(2, minutes)
    assert a == pick_windows(1, minutes) and a != b and len(a) == 3
    assert all(y - x >= 3 for x, y in zip(a, a[1:], strict=False))
    assert all(m + k not in range(600, 700) for m in a for k in range(3))
    assert pick_windows(1, [1, 2, 4, 5]) == []
