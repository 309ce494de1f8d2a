"""The verdict: what it counts as lost work, on runs made up so that the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.report.run_folder import view
from tests.usd_export.synthetic import TRIP_S, SyntheticResults
from twin.report.limits import LIMITS, limited_minutes
from twin.report.verdict import verdict

CHECKPOINT = 62  # index of the minute, the third after the fault, in which half a minute goes into a checkpoint
JOB_K = 306.0


def trained(throttled_rack: int | None = None, checkpoints: tuple[int, ...] = (CHECKPOINT,)) -> SyntheticResults:
    """Serving and training at a constant rate but for checkpoints of the job."""
    results = SyntheticResults()
    minutes = len(results.time_s)
    tokens = np.full((minutes, 1), JOB_K * 1e3)
    tokens[list(checkpoints)] *= 0.5
    put(results, "training_tokens_per_s", "job", tokens)
    put(results, "tokens_per_s", "pool", np.full((minutes, 1), 1e5))
    throttled = np.zeros((minutes, 8))
    if throttled_rack is not None:
        throttled[CHECKPOINT, throttled_rack] = 1.0
    put(results, "throttled", "rack", throttled)
    return results


def put(results: SyntheticResults, name: str, axis: str, values: np.ndarray) -> None:
    results._data[name] = (axis, "mode", "1", values)
    results.quantities[name] = {"axis": axis, "kind": "mode", "unit": "1"}


def answer(results: SyntheticResults) -> str:
    kpis = {**view().kpis, "throttled_gpu_hours": {"value": 0.0, "unit": "h", "definition": ""}}
    return verdict(view(results, kpis=kpis)).answer


def test_a_checkpoint_alone_is_no_loss() -> None:
    assert answer(trained()).startswith("The load was carried: ") and "fell" not in answer(trained())


def test_the_same_fall_with_a_rack_of_the_job_throttled_is_a_loss() -> None:
    said = answer(trained(throttled_rack=5))
    assert said.startswith("The load was carried, with loss of work: training fell by 50 % in its worst minute")
    assert "(ending 01:03:00)" in said and TRIP_S + 180.0 == 3780.0


def test_a_throttled_rack_of_the_pool_does_not_explain_the_job() -> None:
    assert "fell" not in answer(trained(throttled_rack=2))


@pytest.mark.parametrize(("axis", "name"), [(a, n) for a in ("rack", "job") for n in LIMITS[a]])
def test_every_limit_of_the_job_makes_the_fall_count(axis: str, name: str) -> None:
    results = trained()
    normal = LIMITS[axis][name]
    values = np.full((len(results.time_s), len(results.axes[axis])), normal)
    put(results, name, axis, values)
    assert "fell" not in answer(results)
    values[CHECKPOINT, -1] = 1.0 - normal
    assert "training fell by 50 %" in answer(results)


@pytest.mark.parametrize("name", LIMITS["pool"])
def test_limits_of_the_pool_make_a_fall_of_serving_count(name: str) -> None:
    results = trained(checkpoints=())
    results._data["tokens_per_s"][3][CHECKPOINT] *= 0.8
    assert "fell" not in answer(results)
    values = np.full((len(results.time_s), 1), LIMITS["pool"][name])
    values[CHECKPOINT] = 0.5
    put(results, name, "pool", values)
    assert "serving fell by 20 %" in answer(results)


def test_a_checkpoint_before_the_fault_does_not_bend_the_course() -> None:
    """Half a minute of work lost at the start of the ten minutes before would tilt a least-squares line."""
    results = trained(throttled_rack=5, checkpoints=(52, CHECKPOINT))
    assert "training fell by 50 %" in answer(results)


def test_limited_minutes_are_those_of_the_racks_it_uses() -> None:
    of = view(trained(throttled_rack=5))
    assert limited_minutes(of, "training_tokens_per_s")[:, 0].nonzero()[0].tolist() == [CHECKPOINT]
    assert not limited_minutes(of, "tokens_per_s").any()
