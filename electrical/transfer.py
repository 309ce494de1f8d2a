"""Transfer switches: to the alternate source, back after a delay, open or closed transition."""

from __future__ import annotations

from electrical.clocks import Clocks
from electrical.compiled import O_U, S_SOURCE_U
from electrical.modes import Change, Modes, Refs


def transfer_changes(seq: Clocks, t: int, modes: Modes) -> list[Change]:
    out = []
    for k, i in enumerate(seq.members["transfer_switch"]):
        data, (preferred, alternate) = seq.switches[k], seq.sources[i][:2]
        now, stuck = int(modes["transfer_position"][k]), bool(modes["transfer_switch_stuck"][k])
        first, second = (seq.probe[O_U, s] >= data.window_low for s in (preferred, alternate))
        wrong = bool(modes["transfer_switch_misplaced"][k])
        want, kind, refs = now, "", list[tuple[str, int]]()
        if wrong and now == 0:
            want, kind, refs = 1, "transfer-misplaced", [("transfer_switch_misplaced", k)]
        elif seq.held(
            f"to-alternate/{k}", now == 0 and not first and second and not stuck, data.sense_s + data.transfer_s, t
        ):
            want, kind = 1, "transfer-to-alternate"
            refs = seq.blame(preferred, modes) + live_sets(seq, alternate)
        elif seq.held(
            f"lost-alternate/{k}",
            now == 1 and first and not second and not stuck and not wrong,
            data.sense_s + data.transfer_s,
            t,
        ):
            want, kind, refs = 0, "transfer-to-preferred", seq.blame(alternate, modes) + [("transfer_position", k)]
        elif seq.held(f"retransfer/{k}", now == 1 and bool(first) and not stuck and not wrong, data.retransfer_s, t):
            want = 0 if data.closed_transition else -1
            kind = "retransfer" if data.closed_transition else "transfer-open"
            refs = [("transfer_position", k), ("power_node_dead", preferred), ("transfer_switch_misplaced", k)]
        elif seq.held(f"open/{k}", now == -1, data.transfer_s, t):
            want, kind, refs = 0, "retransfer", [("transfer_position", k)]
        if want != now:
            out.append(
                Change(seq.c.ids[i], kind, tuple(dict.fromkeys(refs)), sets=(("transfer_position", k, float(want)),))
            )
    return out


def live_sets(seq: Clocks, i: int) -> Refs:
    """What gave an alternate source its voltage: generators that feed it."""
    return [
        ("generator_state", k)
        for k, g in enumerate(seq.members["generator"])
        if (int(g) in seq.above[i] or int(g) == i) and seq.state[S_SOURCE_U, g] > 0.0
    ]
