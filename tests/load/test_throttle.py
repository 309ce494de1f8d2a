"""Throttle, trip and restart with a first-order chip in the loop."""

from __future__ import annotations

import numpy as np

from tests.load.bench import Bench, build, workload_of
from twin.contract import SECOND


class Chip:
    """Die above coolant by power times resistance, first order; dry: no coolant, heat only stored."""

    def __init__(self, supply_c: float, k_per_w: float = 42.0 / 95e3, tau_s: float = 3.0) -> None:
        self.supply_c, self.k_per_w, self.tau_s, self.t_us, self.c = supply_c, k_per_w, tau_s, 0, np.full(8, 60.0)
        self.dry_k_s_w = 0.0

    def __call__(self, bench: Bench) -> None:
        dt, heat = (bench.t - self.t_us) * 1e-6, bench.out["gpu_heat_w"]
        self.t_us = bench.t
        if self.dry_k_s_w:
            self.c = self.c + heat * self.dry_k_s_w * dt
        else:
            to = self.supply_c + heat * self.k_per_w
            self.c = to + (self.c - to) * np.exp(-dt / self.tau_s)
        bench.value["chip_hottest_c"], bench.value["chip_c"] = self.c, self.c - 4.0


def hot_bench(supply_c: float, **chip) -> Bench:
    b = Bench(build(workload_of("workloads/all-training.yaml")))
    b.thermal = Chip(supply_c, **chip)
    return b


def test_hot_coolant_throttles_once_and_settles_without_limit_cycle():
    for tau in (2.0, 3.0, 6.0):
        b = hot_bench(58.0, tau_s=tau)
        b.run(120)
        clock, hottest = [], []
        for _ in range(180):
            b.step()
            clock.append(b.out["clock_fraction"].copy())
            hottest.append(b.value["chip_hottest_c"].copy())
        clock, hottest = np.array(clock), np.array(hottest)
        assert np.ptp(clock, axis=0).max() < 0.01 and np.ptp(hottest, axis=0).max() < 0.3
        assert np.all((clock > 0.5) & (clock < 0.99)) and np.all(np.abs(hottest - 89.0) < 0.5)
        assert b.kinds().count("throttle-start") == 8 and "gpu-trip" not in b.kinds()
        assert b.counts["throttled_gpu_s"] > 0


def test_no_throttle_below_the_limit():
    b = hot_bench(40.0)
    b.run(60)
    assert b.kinds() == [] and b.counts["throttled_gpu_s"] == 0.0


def test_dry_plates_throttle_then_trip_and_recover():
    b = hot_bench(40.0)
    b.run(30)
    b.thermal.dry_k_s_w = 4.0 / 95e3
    b.run(40)
    first = {k: b.kinds().index(k) for k in ("throttle-start", "gpu-trip", "job-abort")}
    assert first["throttle-start"] < first["gpu-trip"] < first["job-abort"]
    assert b.kinds().count("gpu-trip") == 8 and b.kinds().count("job-abort") == 1
    assert np.all(b.out["rack_power_w"] < 30e3) and b.out["training_tokens_per_s"][0] == 0.0
    trip = next(e for e in b.events if e.kind == "gpu-trip")
    assert trip.value >= trip.limit == 95.0 and trip.via == (("chip_hottest_c", trip.sets[0][1]),)
    abort = next(e for e in b.events if e.kind == "job-abort")
    assert len(abort.causes) >= 7 and all("gpu-trip" in c for c in abort.causes)
    assert b.counts["training_tokens_lost"] == abort.value > 0
    b.thermal.dry_k_s_w = 0.0
    b.run(700)
    assert b.kinds().count("gpu-restart") == 8 and b.kinds()[-1] == "job-restart"
    assert b.out["training_tokens_per_s"][0] > 0 and np.all(b.value["gpu_tripped"] == 0)


def test_scan_does_not_depend_on_the_exchange_period():
    events = []
    for dt in (SECOND, 100_000):
        b = hot_bench(57.0)
        b.run(40, dt)
        events.append([(e.t, e.element, e.kind) for e in b.events])
    assert [e[1:] for e in events[0]] == [e[1:] for e in events[1]] and len(events[0]) == 8
    assert all(abs(a[0] - b[0]) <= SECOND for a, b in zip(*events, strict=True))


def test_a_sensor_that_reads_high_throttles_for_no_reason():
    b = hot_bench(40.0)
    b.run(20)
    b.set("gpu_sensor_offset_k", 2, 9.0)
    b.run(60)
    start = next(e for e in b.events if e.kind == "throttle-start")
    assert start.element == "H1_R01_RK03" and start.causes == ("20000000/gpu_sensor_offset_k/2",)
    assert b.out["clock_fraction"][2] < 0.97 and b.out["clock_fraction"][3] == 1.0
