"""Roofline: closed forms are doctests; here the fitted engine against held-out rows and the compiled copy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twin.catalogue import load_catalogue
from twin.components.load import roofline_engine, roofline_gpu, roofline_model
from twin.load import serving_tick as tick
from twin.load.performance import Gpu, decode_step_s, kv_capacity_tokens, mixed_token_s, prefill_pass_s, with_drafts
from twin.load.serving import coefficients

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "load.json").read_text())["blocks"]
ITEMS = load_catalogue()
GPU = roofline_gpu(ITEMS.item("gb300"))
MODEL = roofline_model(ITEMS.item("deepseek-r1-fp4"))
ENGINE = roofline_engine(ITEMS.item("trtllm-gb300-2026-01"))
B200 = {"fp4": Gpu(193.3e9, 8e12, 9e15, 2.25e15, 900e9, 50e9), "fp8": Gpu(193.3e9, 8e12, 4.5e15, 2.25e15, 900e9, 50e9)}
EXPERT_BYTES = {"fp4": 367.9e9, "fp8": 654e9}
SGLANG_OVERHEAD_S = 0.00508


def errors(rows: list[list]) -> np.ndarray:
    out = []
    for precision, gpus, concurrency, prompt, output, expert_parallel, engine, tpot_ms in rows:
        e = replace(ENGINE, step_overhead_s=SGLANG_OVERHEAD_S) if engine == "sglang" else ENGINE
        model = replace(MODEL, expert_weight_bytes=EXPERT_BYTES[precision])
        t = mixed_token_s(
            B200[precision], model, e, gpus, concurrency, prompt, output, tensor_parallel=not expert_parallel
        )
        out.append(float(t) * 1e3 / tpot_ms - 1.0)
    return np.array(out)


def test_engine_of_the_catalogue_meets_the_held_out_rows():
    rows = TRUTH["deepseek_r1_b200_tpot"]["rows"]
    held_out = errors(rows[1::2])
    assert len(held_out) == 50
    assert np.abs(held_out).mean() < 0.15
    assert abs(held_out.mean()) < 0.08


def test_constant_time_would_miss_them():
    times = np.array([r[-1] for r in TRUTH["deepseek_r1_b200_tpot"]["rows"]])
    assert np.abs(np.median(times[::2]) / times[1::2] - 1.0).mean() > 0.4


@pytest.mark.parametrize("batch,context,gpus,clock", [(1, 100, 8, 1.0), (640, 2000, 40, 1.0), (3000, 120000, 24, 0.5)])
def test_compiled_equations_equal_the_documented_ones(batch, context, gpus, clock):
    engine = with_drafts(ENGINE, 2, 1.9)
    k = coefficients(GPU, MODEL, engine, 4)
    wanted = float(decode_step_s(GPU, MODEL, engine, gpus, batch, context, clock=clock, network_factor=0.7))
    compiled = tick.decode_s(k, float(batch), float(context), float(gpus), clock, 0.7, 1.0)
    assert compiled == pytest.approx(wanted, rel=1e-12)
    pairs = batch * (context + 0.5 * batch)
    wanted = float(prefill_pass_s(GPU, MODEL, engine, 4, batch, pairs, clock=clock, network_factor=0.7))
    assert tick.prefill_s(k, float(batch), pairs, 4.0, clock, 0.7, 1.0) == pytest.approx(wanted, rel=1e-12)


def test_step_grows_with_batch_and_context_and_falls_with_clock():
    batch = np.arange(1, 4000, 50)
    assert np.all(np.diff(decode_step_s(GPU, MODEL, ENGINE, 24, batch, 1500)) > 0)
    assert np.all(np.diff(decode_step_s(GPU, MODEL, ENGINE, 24, 500, np.arange(100, 100000, 500))) > 0)
    slow, fast = (decode_step_s(GPU, MODEL, ENGINE, 24, 3000, 3000, clock=c) for c in (0.3, 1.0))
    assert 1.0 < slow / fast < 1 / 0.3


def test_rack_throughput_is_a_few_thousand_tokens_per_gpu_at_most():
    step = float(decode_step_s(GPU, MODEL, ENGINE, 72, 72 * 256, 1500))
    assert 1000 < 72 * 256 / step / 72 < 9000  # decode alone, without the GPUs that prefill


def test_drafts_pay_when_weights_bind():
    plain, drafted = ENGINE, with_drafts(ENGINE, 1, 1.8)
    small = [float(decode_step_s(GPU, MODEL, e, 8, 4, 1000)) / e.acceptance_tokens for e in (plain, drafted)]
    assert small[1] < 0.75 * small[0]


def test_capacity_counts_weights_once_per_group_and_once_per_rank():
    tokens = kv_capacity_tokens(GPU, MODEL, ENGINE, 24)
    by_hand = 24 * (0.9 * 298e9 - 17.0e9 - 367.9e9 / 24 - 4.2e9) / 35136
    assert tokens == pytest.approx(by_hand, rel=1e-9)
