"""Superposition: position decides, copies are independent, the mean rate is the stated one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.load.bench import RACKS, build, workload_of
from twin.load.replay import window_requests
from twin.load.superpose import Superposition, arrivals_in_second, diurnal_fraction
from twin.load.traces import make_trace

CHILD = """
from tests.load.bench import Bench, build, workload_of
b = Bench(build(workload_of(), seed=5)); b.run(20)
print([float(v).hex() for v in (b.counts["tokens_delivered"], b.joules["load/rack_j"], *b.out["rack_power_w"])])
"""


def small_trace(n: int = 500, length: float = 100.37):
    draw = np.random.default_rng(0)
    ones = np.ones(n, np.int64)
    return make_trace("t", np.sort(draw.random(n) * length), ones * 100, ones * 0, ones * 10, length)


def second(load: Superposition, s: int, active: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at, which, draw, order = np.zeros(9000), np.zeros(9000, np.int64), np.zeros(9000), np.zeros((3, 9000))
    n = arrivals_in_second(
        float(s), active, load.key, load.offset_s, load.trace.length_s, load.trace.time_s, load.first_at, at, which,
        draw, order,
    )
    return at[:n].copy(), which[:n].copy(), draw[:n].copy()


def test_every_request_of_a_lap_comes_once_per_copy():
    load = Superposition.build(small_trace(length=100.0), 3.0, 1, "P")
    rows = np.concatenate([second(load, s, 3.0)[1] for s in range(-50, 50)])
    assert np.array_equal(np.bincount(rows, minlength=500), np.full(500, 3))


def test_requests_come_in_order_to_the_millisecond():
    at, _, _ = second(Superposition.build(small_trace(), 80.0, 1, "P"), 17, 80.0)
    assert at.size > 200 and np.all(np.diff(at) > -1e-3) and at.min() >= 0.0 and at.max() < 1.0


def test_more_copies_change_no_other_copys_requests():
    trace = small_trace()
    few, many = (Superposition.build(trace, c, 1, "P") for c in (5.0, 9.0))
    assert np.array_equal(few.offset_s, many.offset_s[:5])
    a, b = second(few, 3, 5.0), second(many, 3, 5.0)
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(few.offset_s, Superposition.build(trace, 5.0, 2, "P").offset_s)


def test_partial_copy_keeps_its_share():
    load = Superposition.build(small_trace(), 4.5, 1, "P")
    n = sum(second(load, s, 0.25)[0].size for s in range(1000))
    assert n == pytest.approx(0.25 * 1000 * load.trace.rate_per_s, rel=0.1)


def test_independent_enumeration_finds_the_same_requests():
    load = Superposition.build(small_trace(), 20.5, 7, "P")
    found = window_requests(load, 40.0, 60.0, lambda s: 12.3 + 0.1 * (s % 7))
    mine = [second(load, s, 12.3 + 0.1 * (s % 7)) for s in range(40, 60)]
    at = np.concatenate([m[0] + s for m, s in zip(mine, range(40, 60), strict=True)])
    order = np.argsort(at, kind="stable")
    assert np.allclose(at[order], found.arrival_s, atol=1e-6)
    assert np.allclose(np.concatenate([m[2] for m in mine])[order], found.draw)


def test_day_curve():
    hours = np.linspace(0, 24, 97)
    curve = np.array([diurnal_fraction(h, 0.4, 15.0) for h in hours])
    assert curve.max() == pytest.approx(1.0) and curve.min() == pytest.approx(0.4) and hours[curve.argmax()] == 15.0


def test_same_bits_in_other_processes_with_other_hash_seeds():
    out = [
        subprocess.run([sys.executable, "-c", CHILD], env={**os.environ, "PYTHONHASHSEED": h}, capture_output=True,
                       text=True, check=True).stdout
        for h in ("1", "4242")
    ]
    assert out[0] == out[1] and "0x" in out[0]


def test_one_more_rack_changes_no_other_racks_draw():
    work = workload_of("workloads/all-training.yaml")
    few, many = build(work, racks=RACKS[:3]), build(work, racks=RACKS)
    assert np.array_equal(few.fleet.spread, many.fleet.spread[:3])
    assert np.unique(many.fleet.spread).size == 8
    assert not np.array_equal(build(work, seed=2).fleet.spread, many.fleet.spread)
