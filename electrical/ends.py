"""Ends of the power path: elements and loads that lose or regain voltage, and elements that trip."""

from __future__ import annotations

from typing import Any

import numpy as np

from electrical.clocks import Clocks
from electrical.compiled import C_SET, K_GENERATOR, K_UPS, L_DROPOUT, O_U, S_TRIPFACTOR
from electrical.modes import DEAD_U, GEN_LOCKED, ISOLATE, Change, Modes, Refs, powered_port


def voltage_changes(seq: Clocks, modes: Modes, before: Modes | None) -> list[Change]:
    """Elements that lost or regained voltage, one change per cause, at the topmost element."""
    live = seq.probe[O_U] > DEAD_U
    was = modes["power_node_dead"] == 0.0
    groups: dict[int, list[int]] = {}
    top: dict[int, int] = {}
    for i in np.flatnonzero((live != was) & seq.normal_live).tolist():
        parents = [s for s in seq.live_sources(i) if s in top and bool(live[s]) == bool(live[i])]
        own = seq.own_faults(i, modes) if not live[i] else []
        top[i] = top[parents[0]] if parents and not own else i
        groups.setdefault(top[i], []).append(i)
    out = []
    for head, ids in groups.items():
        back = bool(live[head])
        if back:
            refs = seq.changed(head, modes, before)
        else:
            refs = seq.own_faults(head, modes)
            for s in [] if refs else seq.live_sources(head):
                refs += seq.blame(s, modes)
        out.append(
            Change(
                seq.c.ids[head],
                "power-returned" if back else "power-lost",
                tuple(dict.fromkeys(refs)),
                sets=tuple(("power_node_dead", i, 0.0 if back else 1.0) for i in ids),
            )
        )
    return out


def trip_changes(seq: Clocks, modes: Modes, reached: Any, mult: Any, node_w: Any) -> list[Change]:
    out = []
    for i in np.flatnonzero(reached == 3.0).tolist():
        if modes["power_node_tripped"][i] or seq.c.kind[i] == K_UPS or seq.probe[O_U, i] <= DEAD_U:
            continue
        refs = [("power_node_overloaded", i)] if modes["power_node_overloaded"][i] else []
        sets: tuple[tuple[str, int, float], ...] = (("power_node_tripped", i, 1.0),)
        if seq.c.kind[i] == K_GENERATOR:
            sets += (("generator_state", seq.place["generator", i], float(GEN_LOCKED)),)
        out.append(
            Change(
                seq.c.ids[i],
                "overload-trip",
                tuple(refs + seq.standing(i, modes)),
                via=(("power_node_w", i),),
                sets=sets,
                value=float(node_w[i]),
                limit=float(seq.c.const[C_SET, i] * seq.state[S_TRIPFACTOR, i]),
            )
        )
    return out


def load_changes(seq: Clocks, modes: Modes, expired: Any) -> list[Change]:
    """Loads whose hold-up is over, that are isolated, or that have voltage again."""
    out: list[Change] = []
    for group in seq.c.model.groups:
        span = seq.c.group_slices[group.name]
        on, isolated = modes[powered_port(group.name)], modes.get(ISOLATE.get(group.name, ""))
        gone: dict[tuple[str, str], list[int]] = {}
        why: dict[tuple[str, str], Refs] = {}
        for k in range(len(group.ids)):
            j = span.start + k
            dropout = seq.c.load_const[L_DROPOUT, j]
            live = [f for f in seq.feeds[j] if seq.probe[O_U, f] >= dropout]
            cut = isolated is not None and isolated[k] > 0.0
            if on[k] and (cut or (not live and expired[j])):
                refs = [(ISOLATE[group.name], k)] if cut else [r for f in seq.feeds[j] for r in seq.blame(f, modes)]
                kind = "isolated" if cut else "power-lost"
            elif not on[k] and live and not cut:
                refs = [("power_node_dead", f) for f in live] + (
                    [(ISOLATE[group.name], k)] if isolated is not None else []
                )
                kind = "power-returned"
            else:
                continue
            head = group.ids[k] if len(seq.feeds[j]) > 1 or cut else seq.c.ids[seq.feeds[j][0]]
            key = (head, kind if head == group.ids[k] else f"{group.name.replace('_', '-')}-{kind}")
            gone.setdefault(key, []).append(k)
            why.setdefault(key, []).extend(refs)
        for (head, kind), ks in gone.items():
            value = 1.0 if kind.endswith("returned") else 0.0
            out.append(
                Change(
                    head,
                    kind,
                    tuple(dict.fromkeys(why[head, kind])),
                    sets=tuple((powered_port(group.name), k, value) for k in ks),
                )
            )
    return out
