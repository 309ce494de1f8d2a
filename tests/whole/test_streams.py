"""Holds when, 5: every random stream belongs to its element; 7: the replay agrees with the fluid day."""

from __future__ import annotations

import numpy as np
import pytest

from tests.whole.factory import run, scenario
from twin.components.load import silicon_spread
from twin.replay import LIMITS, replay_check
from twin.streams import stream


def test_streams_are_keyed_by_seed_element_and_purpose():
    draws = {
        key: stream(*key).random(4).tobytes()
        for key in [(1, "RK01", "silicon"), (1, "RK02", "silicon"), (1, "RK01", "arrivals"), (2, "RK01", "silicon")]
    }
    assert len(set(draws.values())) == 4
    assert stream(1, "RK01", "silicon").random(4).tobytes() == draws[1, "RK01", "silicon"]


def test_one_more_racks_draw_changes_no_other_racks():
    from twin.components.load import rack_hardware
    from twin.plant import build_plant

    plant = build_plant(scenario().facility, scenario().workload)
    item = plant.catalogue.item("gb300-nvl72")
    hardware = rack_hardware(item, plant.catalogue.item(item["gpu_type"]), plant.catalogue.item(item["cpu_type"]))
    racks = tuple(plant.axes["rack"])
    few = silicon_spread(racks, hardware, 1)
    more = silicon_spread(("H1_R00_RK99", *racks), hardware, 1)
    assert np.array_equal(more[1:], few) and len(set(more.tolist())) == len(more)
    assert not np.array_equal(silicon_spread(racks, hardware, 2), few)


def test_sampled_windows_replayed_request_by_request_agree_with_the_run():
    done = run("window")
    found = replay_check(scenario("window"), done.plant, done.results)
    assert found is not None and len(found["windows"]) == 3
    assert all(abs(found["worst"][name]) <= limit for name, limit in LIMITS.items()), found["worst"]
    assert all(w["tokens_replayed"] > 1e6 for w in found["windows"])


def test_requests_balance_at_the_end_of_every_minute():
    """arrived = completed + rejected + (running + queued) - (running + queued at the start)."""
    done = run("cdu-pump-trip-standby-fails")
    table = done.results.counters
    time_s, running = done.results.series("requests_running", "1s")
    inside = running.sum(axis=1) + done.results.series("requests_queued", "1s")[1].sum(axis=1)
    at = {t: n for t, n in zip(time_s, inside, strict=True)}
    flow = (table["requests_arrived"] - table["requests_completed"] - table["requests_rejected"]).to_numpy()
    start = flow[1] - at[60.0]
    assert start <= 0  # what was inside when the run began
    for t, n in zip(table.index[1:], flow[1:], strict=True):
        assert n - at[t] == pytest.approx(start, abs=1e-6), t
