"""The component behind the contract: exchange period, save and load, mark and rewind, racks lost, every mode."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tests.load.bench import Bench, build, workload_of
from twin.catalogue.modes import load_modes
from twin.components.load_ports import FAULTS, INPUTS
from twin.contract import SECOND


def fresh(**changes) -> Bench:
    return Bench(build(workload_of(**changes)))


def equal(a: dict, b: dict) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in a)


def test_ten_milliseconds_and_one_second_give_the_same_tokens():
    slow, fine = fresh(), fresh()
    slow.run(6)
    fine.run(6, 10_000)
    for name in ("tokens_delivered", "training_tokens", "requests_arrived", "serving_rack_j"):
        assert fine.counts[name] == pytest.approx(slow.counts[name], rel=1e-12)
    assert equal(slow.out, fine.out)


def test_a_rack_lost_inside_a_second():
    runs = []
    for dt in (SECOND, 10_000):
        b = fresh()
        b.run(10, dt)
        rate = b.out["tokens_per_s"][0]
        b.settle()
        a = b.c.advance(b.t, b.t + 400_000, b.inputs())
        for k, v in a.counts.items():
            b.counts[k] += v
        b.t += 400_000
        b.set("rack_powered", 1, 0.0)
        b.step(dt)
        assert b.out["rack_power_w"][1] == 0.0 and np.all(b.out["rack_power_w"][[0, 2, 3]] > 50e3)
        assert 0.4 * rate < b.out["tokens_per_s"][0] < rate
        while b.t < 20 * SECOND:
            b.step(dt)
        left = b.counts["requests_arrived"] - b.counts["requests_completed"] - b.counts["requests_rejected"]
        assert left == pytest.approx(b.out["requests_running"][0] + b.out["requests_queued"][0], abs=1e-6)
        dark = next(e for e in b.events if e.kind == "rack-dark")
        assert dark.element == "H1_R01_RK02" and dark.t == 10_400_000 and dark.causes == ("10400000/rack_powered/1",)
        runs.append(b)
    assert runs[0].t == runs[1].t
    assert runs[0].counts["tokens_delivered"] == pytest.approx(runs[1].counts["tokens_delivered"], rel=1e-9)


def test_power_comes_back_and_the_rack_boots():
    b = fresh()
    b.run(3)
    b.set("rack_powered", 0, 0.0)
    b.set("rack_powered", 5, 0.0)
    b.run(20)
    assert b.kinds() == ["rack-dark", "rack-dark", "job-abort"]
    b.set("rack_powered", 0, 1.0)
    b.set("rack_powered", 5, 1.0)
    b.run(2)
    assert 15e3 < b.out["rack_power_w"][0] < 45e3  # it boots, and serves nobody
    b.run(b.c.throttle.boot_s + 320)
    assert b.kinds()[3:] == ["rack-up", "rack-up", "job-restart"]
    restart = b.events[-1]
    assert any("job-abort" in c for c in restart.causes) and any("rack-up" in c for c in restart.causes)
    assert b.out["rack_power_w"][0] > 80e3 and b.out["training_tokens_per_s"][0] > 0


def test_network_loss_slows_and_aborts_the_job():
    b = fresh()
    b.run(2)
    full = b.out["training_tokens_per_s"][0]
    b.set("job_network_factor", 0, 0.5)
    b.run(2)
    assert 0.85 < b.out["training_tokens_per_s"][0] / full < 0.97
    b.set("job_network_factor", 0, 0.0)
    b.run(2)
    assert b.events[-1].kind == "job-abort" and b.events[-1].causes == ("4000000/job_network_factor/0",)
    b.set("job_network_factor", 0, 1.0)
    b.run(b.c.fleet.jobs[0].settings.restart_s + 3)
    assert b.events[-1].kind == "job-restart" and b.out["training_tokens_per_s"][0] == full


@pytest.mark.parametrize("at_us", [25 * SECOND, 25 * SECOND + 300_000])
def test_saved_state_goes_on_bit_for_bit(at_us):
    a, b = fresh(), fresh()
    a.set("rack_powered", 2, 0.0)
    a.run(25)
    while a.t < at_us:
        a.step(100_000)
    state = pickle.loads(pickle.dumps(a.c.save()))
    b.c.load(state)
    b.t, b.value, b.cause = a.t, dict(a.value), {k: list(v) for k, v in a.cause.items()}
    for bench in (a, b):
        bench.counts, bench.joules = {}, {}
        bench.set("rack_powered", 1, 0.0)
        bench.run(20, 100_000)
    assert equal(a.out, b.out) and a.counts == b.counts and a.joules == b.joules


def test_rewound_step_repeats_bit_for_bit():
    b = fresh()
    b.run(5)
    b.settle()
    mark = b.c.mark()
    first = b.c.advance(b.t, b.t + SECOND, b.inputs())
    b.c.rewind(mark)
    part = b.c.advance(b.t, b.t + 250_000, b.inputs())
    b.c.rewind(mark)
    again = b.c.advance(b.t, b.t + SECOND, b.inputs())
    assert equal(dict(first.outputs), dict(again.outputs)) and first.counts == again.counts
    assert equal(dict(first.outputs), dict(part.outputs))
    assert part.counts["tokens_delivered"] == pytest.approx(0.25 * first.counts["tokens_delivered"], rel=1e-12)


def test_settle_is_idempotent():
    b = fresh()
    b.run(2)
    b.set("rack_powered", 4, 0.0)
    b.settle()
    assert b.kinds() == ["rack-dark", "job-abort"]
    assert b.c.settle(b.t, 0, b.inputs()) == () == b.c.settle(b.t, 1, b.inputs())


def test_requests_balance_at_every_minute():
    b = fresh(arrivals__utilization_fraction=1.1)
    for _ in range(3):
        b.run(60)
        c = b.counts
        there = b.out["requests_running"][0] + b.out["requests_queued"][0]
        assert c["requests_arrived"] == c["requests_completed"] + c["requests_rejected"] + there


def test_warm_up_runs_before_zero():
    b = Bench(build(workload_of()), t=-30 * SECOND)
    b.run(31)
    assert b.t == SECOND and b.out["tokens_per_s"][0] > 0


OUR_MODES = [
    (cls, name, spec) for cls, modes in load_modes().items() for name, spec in modes.items()
    if spec.port in {p.name for p in FAULTS}
]


def test_every_fault_port_has_its_mode():
    assert {spec.port for _, _, spec in OUR_MODES} == {p.name for p in FAULTS}
    neutral = {p.name: p.neutral for p in INPUTS}
    assert all(spec.neutral == neutral[spec.port] for _, _, spec in OUR_MODES)


@pytest.mark.parametrize("cls,name,spec", OUR_MODES, ids=[f"{c}-{n}" for c, n, _ in OUR_MODES])
def test_every_mode_changes_power_or_tokens(cls, name, spec):
    plain, hit = fresh(), fresh()
    for b in (plain, hit):
        b.value["chip_hottest_c"] = np.full(8, 62.0)
        b.run(4)
    hit.set(spec.port, 0, spec.written())
    plain.run(8), hit.run(8)
    power = np.abs(hit.out["rack_power_w"] - plain.out["rack_power_w"]).max()
    tokens = abs(hit.counts["tokens_delivered"] - plain.counts["tokens_delivered"])
    trained = abs(hit.counts["training_tokens"] - plain.counts["training_tokens"])
    assert power > 20.0 or tokens > 100 or trained > 100


def test_drivers_name_inputs_of_the_component():
    c = build(workload_of())
    names = {p.name for p in INPUTS}
    for port in c.outputs:
        for name, index in c.drivers(port.name, 0):
            assert name in names and index >= 0
    assert ("pool_network_factor", 0) in c.drivers("tokens_per_s", 0)
    assert ("chip_hottest_c", 6) in c.drivers("training_tokens_per_s", 0)
