"""Real request traces: statistics of the files, and the day on them against the replay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.load.bench import Bench, build, workload_of
from tests.load.test_replay import compare
from twin.load.traces import Trace, read_trace

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "load.json").read_text())["blocks"]
AZURE = "AzureLLMInferenceTrace_conv.csv"
MOONCAKE = "mooncake_conversation_trace.jsonl"


def per_second(trace: Trace) -> np.ndarray:
    return np.bincount(trace.time_s.astype(int))


def test_azure_conversation(data: Path):
    t, w = read_trace(data / "traces" / AZURE), TRUTH["azure_conversation_2023"]
    assert t.count == w["requests"] and t.length_s / 60 == pytest.approx(w["minutes"], abs=0.1)
    assert t.new_tokens.mean() == pytest.approx(w["context_mean"], rel=0.005)
    for q, name in ((50, "context_median"), (90, "context_p90"), (99, "context_p99")):
        assert np.percentile(t.new_tokens, q) == pytest.approx(w[name], rel=0.01)
    assert t.output_tokens.mean() == pytest.approx(w["output_mean"], rel=0.005)
    assert np.median(t.output_tokens) == pytest.approx(w["output_median"], rel=0.01)
    assert np.percentile(t.output_tokens, 90) == pytest.approx(w["output_p90"], rel=0.01)
    assert t.output_tokens.max() == w["output_max"]
    n = per_second(t)
    assert n.var() / n.mean() == pytest.approx(w["variance_over_mean"], rel=0.05)
    minutes = np.bincount((t.time_s // 60).astype(int))[:58]
    assert minutes.max() / minutes.mean() == pytest.approx(w["busiest_minute_ratio"], rel=0.03)


def test_azure_code(data: Path):
    t = read_trace(data / "traces" / "AzureLLMInferenceTrace_code.csv")
    assert t.count > 5000 and t.output_tokens.mean() < 100 < t.new_tokens.mean()


def test_mooncake_conversation(data: Path):
    t, w = read_trace(data / "traces" / MOONCAKE), TRUTH["mooncake_conversation"]
    whole = t.new_tokens + t.cached_tokens
    assert t.count == w["requests"] and t.length_s / 60 == pytest.approx(w["minutes"], abs=0.5)
    assert whole.mean() == pytest.approx(w["input_mean"], rel=0.005)
    assert np.median(whole) == pytest.approx(w["input_median"], rel=0.01) and whole.max() == w["input_max"]
    assert t.output_tokens.mean() == pytest.approx(w["output_mean"], rel=0.005)
    assert 0.1 < t.cached_tokens.sum() / whole.sum() < 0.8


@pytest.mark.parametrize("name,utilization", [(AZURE, 0.75), (AZURE, 0.95), (MOONCAKE, 0.6)])
def test_the_day_on_a_real_trace_agrees_with_the_replay(data: Path, name: str, utilization: float):
    work = workload_of(trace=str(data / "traces" / name), arrivals__utilization_fraction=utilization)
    bench = Bench(build(work))
    c = compare(bench, 8, 3)
    print(f"{name} at {utilization}: tokens {c.tokens_difference:+.4%}, ITL p50 {c.itl_p50_difference:+.2%}, "
          f"TTFT p99 {c.ttft_p99_difference:+.2%}")
    assert abs(c.tokens_difference) < 0.02
    assert abs(c.itl_p50_difference) < 0.05
    assert abs(c.ttft_p99_difference) < 0.25
    n = bench.counts["requests_arrived"] / (bench.t * 1e-6)
    load = bench.c.fleet.pools[0].load
    assert n == pytest.approx(load.copies * load.trace.rate_per_s, rel=0.1)
