"""Generator sets: standing by, cranking, running, on the bus, cooling down, locked out."""

from __future__ import annotations

from typing import Any

import numpy as np

from electrical.clocks import Clocks
from electrical.compiled import O_U
from electrical.generator import start_after_failed_cranks_s
from electrical.modes import (
    DEAD_U,
    GEN_COOLING,
    GEN_CRANKING,
    GEN_LOCKED,
    GEN_ON_BUS,
    GEN_RUNNING,
    GEN_STANDBY,
    SECOND,
    Change,
    Modes,
    Refs,
)


def generator_changes(seq: Clocks, t: int, modes: Modes, reached: Any, fuel_l: Any) -> list[Change]:
    out: list[Change] = []
    wants, reasons = requests(seq, t, modes)
    bus_up = {int(s): seq.probe[O_U, s] > DEAD_U for g in seq.members["generator"] for s in buses_of(seq, int(g))}
    taken: set[int] = set()
    for k, i in enumerate(seq.members["generator"]):
        i, data, now = int(i), seq.generators[k], int(modes["generator_state"][k])
        wanted = wants[k]
        blocked, failed = modes["generator_start_blocked"][k], modes["generator_failed"][k]
        dry = modes["generator_fuel_blocked"][k] or reached[i] == 2.0 or fuel_l[i] < 1.0
        want, kind, refs = now, "", list[tuple[str, int]]()
        if now in (GEN_CRANKING, GEN_RUNNING, GEN_ON_BUS, GEN_COOLING) and (failed or (dry and now != GEN_CRANKING)):
            want, kind = GEN_LOCKED, "generator-failed" if failed else "generator-out-of-fuel"
            refs = [("generator_failed", k)] if failed else [("generator_fuel_blocked", k), ("generator_state", k)]
        elif now == GEN_STANDBY and wanted and not failed:
            want, kind, refs = GEN_CRANKING, "generator-cranking", reasons[k]
            data_s = data.start_median_s * float(np.exp(data.start_sigma * seq.deviate(data.id, int(seq.starts[k]))))
            if blocked or dry:
                data_s = start_after_failed_cranks_s(data.attempts, data.crank_s, data.rest_s)
            seq.starts[k] += 1
            seq.ready_at[k] = t + round(data_s * SECOND)
        elif now == GEN_CRANKING:
            if t < seq.ready_at[k]:
                seq.due = min(seq.due, int(seq.ready_at[k]))
            elif blocked or dry:
                want, kind = GEN_LOCKED, "generator-start-failed"
                refs = [
                    ("generator_start_blocked" if blocked else "generator_fuel_blocked", k),
                    ("generator_state", k),
                ]
            else:
                want, kind, refs = GEN_RUNNING, "generator-running", [("generator_state", k)]
        elif now == GEN_RUNNING:
            buses = buses_of(seq, i)
            free = all(not bus_up[b] and b not in taken for b in buses)
            if not wanted:
                want, kind, refs = GEN_COOLING, "generator-cool-down", [("generator_state", k)]
            elif seq.held(f"gen-sync/{k}", True, 0.0 if free else data.sync_s, t) or free:
                want, kind, refs = GEN_ON_BUS, "generator-on-bus", [("generator_state", k)]
                taken.update(buses)
        elif now == GEN_ON_BUS and not wanted:
            want, kind, refs = GEN_COOLING, "generator-cool-down", [("generator_state", k), *released(seq, k)]
        elif now == GEN_COOLING:
            if wanted:
                want, kind, refs = GEN_RUNNING, "generator-recalled", reasons[k]
            elif seq.held(f"gen-cool/{k}", True, data.cooldown_s, t):
                want, kind, refs = GEN_STANDBY, "generator-stopped", [("generator_state", k)]
        elif now == GEN_LOCKED and not (failed or blocked or dry or modes["power_node_tripped"][i]):
            if seq.held(f"gen-reset/{k}", True, 0.0, t):
                want, kind = GEN_STANDBY, "generator-reset"
                refs = [("generator_failed", k), ("generator_start_blocked", k), ("generator_fuel_blocked", k)]
        if want != now:
            for name in ("gen-sync", "gen-cool"):
                seq.since.pop(f"{name}/{k}", None)
            out.append(
                Change(seq.c.ids[i], kind, tuple(dict.fromkeys(refs)), sets=(("generator_state", k, float(want)),))
            )
    return out


def buses_of(seq: Clocks, generator: int) -> list[int]:
    return [n for n, sources in enumerate(seq.sources) if generator in sources]


def released(seq: Clocks, k: int) -> Refs:
    return [("transfer_position", s) for s in seq.serves[k]]


def requests(seq: Clocks, t: int, modes: Modes) -> tuple[list[bool], list[Refs]]:
    """Whether each generator is wanted, and what asks for it."""
    asks: list[Refs] = []
    for k, i in enumerate(seq.members["transfer_switch"]):
        data, preferred = seq.switches[k], seq.sources[i][0]
        bad = seq.probe[O_U, preferred] < data.window_low
        backed = any(k in served for served in seq.serves)
        if backed and seq.held(f"gen-start/{k}", bool(bad), data.start_delay_s, t):
            asks.append(seq.blame(preferred, modes))
        elif backed and modes["transfer_position"][k] != 0.0:
            asks.append([("transfer_position", k)])
        else:
            asks.append([])
    reasons = [list(dict.fromkeys(r for s in served for r in asks[s])) for served in seq.serves]
    return [any(asks[s] for s in served) for served in seq.serves], reasons
