"""After a run: sampled windows replayed request by request, and how far the fluid day is from them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from twin.load.histogram import ITL_BINS, TTFT_BINS
from twin.load.replay import LEAD_S, compare_window, pick_windows
from twin.plant import Plant
from twin.results import Results
from twin.spec.scenario import Scenario

WINDOW_MIN, WINDOWS = 3, 3
LIMITS = {"tokens": 0.02, "itl_p50": 0.05, "ttft_p99": 0.25}


def replay_check(scenario: Scenario, plant: Plant, results: Results) -> dict[str, Any] | None:
    """Replay up to three windows of each pool in which the clock is nominal and nothing is lost.

    Returns
    -------
    {windows, worst, limits, statement}; None where the run serves nothing, or has no window long enough to replay
    """
    from twin.components.load import build_load

    fleet = build_load(plant, scenario).fleet
    windows: list[dict[str, Any]] = []
    for i, pool in enumerate(fleet.pools):
        usable = _usable_minutes(results, pool.settings.racks, i)
        for start in pick_windows(scenario.seed, usable, WINDOWS, WINDOW_MIN):
            rows = slice(start, start + WINDOW_MIN)
            ttft, itl = (
                results.histogram(port)[rows].reshape(WINDOW_MIN, -1, bins.count)[:, i]
                for port, bins in (("ttft_count_per_s", TTFT_BINS), ("itl_count_per_s", ITL_BINS))
            )
            tokens = results.series("tokens_per_s", "60s")[1][rows, i] * 60.0
            found = compare_window(pool, partial(_active, fleet, pool), start, tokens, ttft, itl)
            windows.append(
                {
                    "pool": found.pool,
                    "start_s": found.start_s,
                    "end_s": found.end_s,
                    "tokens": found.tokens,
                    "tokens_replayed": found.tokens_replayed,
                    "itl_p50_s": found.itl_p50_s,
                    "itl_p50_replayed_s": found.itl_p50_replayed_s,
                    "ttft_p99_s": found.ttft_p99_s,
                    "ttft_p99_replayed_s": found.ttft_p99_replayed_s,
                    "difference": {
                        "tokens": found.tokens / found.tokens_replayed - 1.0,
                        "itl_p50": found.itl_p50_s / found.itl_p50_replayed_s - 1.0,
                        "ttft_p99": found.ttft_p99_s / found.ttft_p99_replayed_s - 1.0,
                    },
                }
            )
    if not windows:
        return None
    worst = {name: max((w["difference"][name] for w in windows), key=abs) for name in LIMITS}
    inside = all(abs(worst[n]) <= limit for n, limit in LIMITS.items())
    text = ", ".join(f"{n} {worst[n]:+.1%} (limit {limit:.0%})" for n, limit in LIMITS.items())
    return {
        "windows": windows,
        "worst": worst,
        "limits": LIMITS,
        "inside": inside,
        "statement": f"Replay of {len(windows)} x {WINDOW_MIN} min request by request; the fluid run differs "
        f"at most by: {text}{'' if inside else '  OUTSIDE THE LIMITS'}",
    }


def _active(fleet: Any, pool: Any, second: int) -> float:
    return float(fleet.active_copies(second, pool))


def _usable_minutes(results: Results, racks: Any, pool: int) -> list[int]:
    """Whole minutes in which the pool's racks run at full clock and nothing is cut off, also through the lead."""
    if float(results.counters.index[0]) != 0.0:
        return []
    racks = np.asarray(racks, dtype=int)
    full = np.ones(int(results.duration_s // 60), dtype=bool)
    for port, columns in (("clock_fraction", racks), ("rack_up", racks), ("pool_network_factor", np.array([pool]))):
        lowest = results.series(port, "60s", "min")[1][: len(full), columns]
        full &= np.all(lowest >= 1.0, axis=1)
    lead = int(np.ceil(LEAD_S / 60.0))
    return [m for m in range(len(full)) if m >= lead and full[m - lead : m + 1].all()]
