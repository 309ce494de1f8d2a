"""Training: goodput against a simulation of interruptions, the optimum, the scaling of the step."""

from __future__ import annotations

import numpy as np
import pytest

from tests.load.bench import Bench, build, workload_of
from twin.load.throttle import next_clock, scan_racks, scan_vector
from twin.load.training import daly_goodput_fraction, first_order_goodput_fraction, mtbi_s, optimal_interval_s


def simulated_goodput(tau: float, checkpoint: float, restart: float, mtbi: float, intervals: int = 20000) -> float:
    """Interruptions one by one: each costs what was done since the checkpoint, then a restart that can fail too."""
    draw = np.random.default_rng(5)
    spent = 0.0
    for _ in range(intervals):
        need = tau + checkpoint
        while True:
            failure = draw.exponential(mtbi)
            if failure >= need:
                spent += need
                break
            spent += failure
            need = restart + tau + checkpoint
    return intervals * tau / spent


def test_daly_against_simulation():
    tau, checkpoint, restart, mtbi = 600.0, 30.0, 120.0, 4000.0
    # Daly counts a restart before every interval's exponential cost; the simulation pays it after a failure only
    found = daly_goodput_fraction(tau, checkpoint, restart, mtbi)
    assert found == pytest.approx(simulated_goodput(tau, checkpoint, restart, mtbi), rel=0.04)


def test_optimum_is_a_maximum_and_the_first_order_form_is_its_limit():
    checkpoint, restart, mtbi = 60.0, 300.0, 50_000.0
    best = optimal_interval_s(checkpoint, mtbi)
    top = daly_goodput_fraction(best, checkpoint, restart, mtbi)
    assert all(daly_goodput_fraction(best * f, checkpoint, restart, mtbi) < top for f in (0.7, 0.95, 1.05, 1.5))
    assert first_order_goodput_fraction(best, checkpoint, restart, mtbi) == pytest.approx(top, abs=0.005)
    assert first_order_goodput_fraction(5e4, checkpoint, restart, 2e4) < 0.0 < daly_goodput_fraction(
        5e4, checkpoint, restart, 2e4
    )


def test_interruptions_of_the_published_run():
    per_gpu_s = 419 / (16384 * 54 * 86400)
    assert mtbi_s(16384, per_gpu_s) / 3600 == pytest.approx(54 * 24 / 419)


def test_step_time_halves_its_compute_on_twice_the_gpus():
    half, full = (build(workload_of(name)).fleet.jobs[0] for name in ("workload.yaml", "workloads/all-training.yaml"))
    assert full.settings.gpus == 2 * half.settings.gpus
    assert full.settings.compute_s == pytest.approx(half.settings.compute_s / 2)
    for job in (half, full):
        job.begin_second(1.0, 1.0)
    assert 1.7 < full.tokens_per_s / half.tokens_per_s < 2.0
    assert half.tokens_per_s / half.settings.gpus == pytest.approx(1040, rel=0.10)  # 512 x GB200: 1,034-1,042


def test_an_abort_costs_what_was_trained_since_the_checkpoint():
    b = Bench(build(workload_of("workloads/all-training.yaml", jobs__TRAIN1__checkpoint_interval_s=50.0)))
    b.run(50 + 30 + 20)
    b.set("job_halted", 0, 1.0)
    b.run(1)
    rate = b.c.fleet.jobs[0].settings.batch_tokens / (b.c.fleet.jobs[0].settings.compute_s + 0.8)
    assert b.counts["training_tokens_lost"] == pytest.approx(20 * rate, rel=1e-9)
    assert b.counts["training_tokens"] == pytest.approx(70 * rate, rel=1e-9)


def test_slowest_rack_decides():
    b = Bench(build(workload_of("workloads/all-training.yaml")))
    b.run(2)
    full = b.out["training_tokens_per_s"][0]
    b.set("power_cap_stuck_fraction", 3, 0.5)
    b.run(4)
    slow = b.out["clock_fraction"][3]
    s = b.c.fleet.jobs[0].settings
    wanted = (s.compute_s + s.exposed_communication_s) / (s.compute_s / slow + s.exposed_communication_s)
    assert slow < 0.9 and b.out["training_tokens_per_s"][0] / full == pytest.approx(wanted, rel=1e-9)


def test_scan_follows_the_documented_law():
    c = build(workload_of())
    v, s = scan_vector(c.throttle), c.throttle
    clock, before, engaged = np.array([0.8]), np.array([90.0]), np.ones(1)
    zero, one, code = np.zeros(1), np.ones(1), np.zeros(1, np.int64)
    scan_racks(10.0, np.array([91.5]), before, clock, engaged, zero, zero.copy(), one, v, code)
    assert clock[0] == pytest.approx(next_clock(0.8, 91.5, 90.0, s), rel=1e-12) and before[0] == 91.5
