"""Rack power from the bottom up: bands, the split of heat, what clock and temperature do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.load.bench import Bench, build, workload_of
from twin.catalogue import load_catalogue
from twin.load.fleet import serving_power_fraction
from twin.load.power import ITEMS, clock_within, gpu_power_w, shelf_loss_w
from twin.load.training import CHECKPOINT

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "load.json").read_text())["blocks"]
BANDS = TRUTH["rack_power_bands_kw"]


@pytest.fixture(scope="module")
def day() -> Bench:
    b = Bench(build(workload_of()))
    b.run(90)
    return b


def test_bands_of_training_serving_and_idle(day):
    kw = day.out["rack_power_w"] / 1e3
    assert np.all((kw[:4] > BANDS["serving"][0]) & (kw[:4] < BANDS["serving"][1]))
    assert np.all((kw[4:] > BANDS["training"][0]) & (kw[4:] < BANDS["training"][1]))
    idle = Bench(build(workload_of("workloads/all-training.yaml", jobs={})))
    idle.run(2)
    kw = idle.out["rack_power_w"] / 1e3
    assert np.all((kw > BANDS["idle"][0]) & (kw < BANDS["idle"][1]))


def test_all_racks_training_is_over_a_megawatt():
    b = Bench(build(workload_of("workloads/all-training.yaml")))
    b.run(5)
    assert b.out["rack_power_w"].sum() > 1.05e6


def test_four_heats_are_the_rack_power_exactly(day):
    o = day.out
    heat = ((o["gpu_heat_w"] + o["cpu_heat_w"]) + o["nvswitch_heat_w"]) + o["rack_air_heat_w"]
    assert np.array_equal(heat, o["rack_power_w"])
    assert day.joules["load/heat_j"] == pytest.approx(day.joules["load/rack_j"], rel=1e-12)
    liquid = 1.0 - o["rack_air_heat_w"] / o["rack_power_w"]
    assert np.all((liquid > BANDS["liquid_fraction"][0]) & (liquid < BANDS["liquid_fraction"][1]))


def test_items_sum_to_the_rack(day):
    items = day.c.fleet_items()
    assert set(items) == set(ITEMS)
    assert np.sum(list(items.values()), axis=0) == pytest.approx(day.out["rack_power_w"], rel=1e-12)
    h = day.c.fleet.hardware
    loss = items["shelf_loss_w"] / day.out["rack_power_w"]
    assert np.all((loss > 0.02) & (loss < 0.04))
    assert np.all(items["gpu_w"][4:] / h.gpus < h.gpu_tdp_w * 1.02)


def test_heat_raises_leakage_and_power():
    hot, cold = Bench(build(workload_of())), Bench(build(workload_of()))
    hot.value["chip_c"] = np.full(8, 80.0)
    hot.run(3), cold.run(3)
    extra = hot.out["gpu_heat_w"] - cold.out["gpu_heat_w"]
    g = hot.c.fleet.hardware
    wanted = 72 * g.gpu_leakage_w * (np.exp(0.012 * 20.0) - np.exp(0.012 * -15.0))
    assert np.all(extra > wanted) and np.all(extra < 1.06 * wanted)  # converters lose a little of it again


def test_clock_law_inverts():
    h = build(workload_of()).fleet.h
    f = clock_within(h, 0.9, 700.0, 0.2)
    w = gpu_power_w(0.9, f, 60.0, tdp_w=1400.0, idle_fraction=float(h[3]))
    assert w == pytest.approx(700.0, rel=1e-9)
    assert clock_within(h, 0.9, 1400.0, 0.2) == 1.0 and clock_within(h, 0.9, 0.0, 0.2) == 0.2


def test_shelves_share():
    assert shelf_loss_w(100e3, 8.0, 33e3, 90.0, 0.012, 0.02) == pytest.approx(8 * 90 + 1200 + 0.02 * 1e10 / 8 / 33e3)
    assert shelf_loss_w(100e3, 4.0, 33e3, 90.0, 0.012, 0.02) > shelf_loss_w(100e3, 8.0, 33e3, 0.0, 0.012, 0.02)


def test_checkpoints_are_dips():
    b = Bench(build(workload_of("workloads/all-training.yaml", jobs__TRAIN1__checkpoint_interval_s=20.0)))
    watts, phases = [], []
    for _ in range(120):
        b.step()
        watts.append(b.out["rack_power_w"].sum())
        phases.append(b.c.fleet.jobs[0].phase)
    w, dip = np.array(watts), np.array(phases) == CHECKPOINT
    assert 50 <= dip.sum() <= 70 and w[dip].max() < 0.5 * w[~dip].min()


def test_power_cap_binds_and_costs_tokens():
    free, capped = (Bench(build(workload_of("workloads/all-training.yaml"))) for _ in range(2))
    free.run(3), capped.run(3)
    for r in range(8):
        capped.set("power_cap_fraction", r, 0.7)
    free.run(10), capped.run(10)
    gpu = capped.c.fleet_items()["gpu_w"] / 72
    assert np.all(gpu < 0.7 * 1400 * 1.03)
    slow, fast = capped.out["training_tokens_per_s"][0], free.out["training_tokens_per_s"][0]
    assert 0.75 < slow / fast < 0.95
    clock = capped.out["clock_fraction"].min()
    wanted = ((0.7 - 0.12) / (capped.c.fleet.jobs[0].power_fraction - 0.12)) ** (1 / 2.2)
    assert clock == pytest.approx(wanted, abs=0.02)


def test_board_power_law_on_its_rows():
    item = load_catalogue().item("trtllm-gb300-2026-01")
    law = [item[f"power_{k}"] for k in ("base_fraction", "memory_factor", "memory_exponent", "compute_factor",
                                        "compute_exponent")]  # fmt: skip
    found, watts = [], []
    for _, billions, rate, itl_ms, board_w in TRUTH["b200_board_power"]["rows"]:
        memory_use = 2e9 * billions / (itl_ms * 1e-3) / 8e12
        compute_use = 2e9 * billions * rate / 2.25e15
        found.append(1000.0 * serving_power_fraction(*law, 1.0, memory_use, compute_use))
        watts.append(board_w)
    found, watts = np.array(found), np.array(watts)
    error = np.abs(found / watts - 1.0).mean()
    assert len(watts) == 21 and error < 0.15
    assert error < 0.6 * np.abs(np.median(watts) / watts - 1.0).mean()
