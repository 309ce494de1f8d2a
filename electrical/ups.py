"""UPS blocks: double conversion, battery, bypass, off; overload, walk-in and restart."""

from __future__ import annotations

from typing import Any

from electrical.clocks import Clocks
from electrical.compiled import C_SET, C_WINDOW, O_UIN, UPS_BATTERY, UPS_BYPASS, UPS_NORMAL, UPS_OFF
from electrical.modes import BYPASS_RETURN_S, NEVER, SECOND, Change, Modes, Refs


def ups_changes(seq: Clocks, t: int, modes: Modes, reached: Any, x_live: Any, mult: Any, node_w: Any) -> list[Change]:
    out = []
    for k, i in enumerate(seq.members["ups"]):
        i, battery, now = int(i), seq.batteries[k], int(modes["ups_state"][k])
        u_in = seq.probe[O_UIN, i]
        input_ok = u_in >= seq.c.const[C_WINDOW, i]
        bypass_ok = input_ok and not modes["ups_bypass_blocked"][k]
        cells_ok = (
            not modes["ups_battery_disconnected"][k]
            and modes["ups_battery_fraction"][k] > 0.0
            and reached[i] != 1.0
            and x_live[i] > 1.0
        )
        broken = bool(modes["ups_inverter_failed"][k])
        away = bool(modes["ups_failed"][k])
        overload = reached[i] == 3.0 and now in (UPS_NORMAL, UPS_BATTERY)
        src = seq.sources[i][0]
        up: Refs = seq.blame(src, modes)
        if now == UPS_NORMAL and reached[i] == 1.0:  # cells empty in the walk-in: the grid takes all
            seq.walk_from[k] = -NEVER
        want, kind, refs = now, "", list[tuple[str, int]]()
        extra: dict[str, Any] = {}
        if away:
            want, kind, refs = UPS_OFF, "ups-failed", [("ups_failed", k)]
        elif broken and now != UPS_OFF:
            want = UPS_BYPASS if bypass_ok else UPS_OFF
            refs = [("ups_inverter_failed", k)] + ([] if bypass_ok else [("ups_bypass_blocked", k)] if input_ok else up)
            kind = "ups-to-bypass" if bypass_ok else "ups-off"
        elif overload:
            want = UPS_BYPASS if bypass_ok else UPS_OFF
            refs = [("power_node_overloaded", i), *seq.standing(i, modes)]
            refs += [] if bypass_ok else [("ups_bypass_blocked", k)] if input_ok else up
            kind = "ups-overload-to-bypass" if bypass_ok else "ups-overload-off"
            extra = {
                "via": (("power_node_w", i),),
                "value": float(node_w[i]),
                "limit": float(seq.c.const[C_SET, i]),
            }
        elif now == UPS_NORMAL and not input_ok:
            want = UPS_BATTERY if cells_ok else UPS_OFF
            kind = "ups-on-battery" if cells_ok else "ups-off"
            refs = up + ([] if cells_ok else [("ups_battery_disconnected", k), ("ups_battery_fraction", k)])
        elif now == UPS_BATTERY and not cells_ok and not input_ok:
            want, kind, refs = UPS_OFF, "battery-exhausted", [("ups_state", k), *up]
            if modes["ups_battery_disconnected"][k]:
                kind, refs = "battery-disconnected", [("ups_battery_disconnected", k), ("ups_state", k)]
            extra = {"via": (("power_node_w", i),), "value": float(x_live[i]), "limit": 0.0}
        elif now == UPS_BYPASS and not input_ok:
            want = UPS_BATTERY if cells_ok and not broken else UPS_OFF
            kind, refs = ("ups-on-battery" if want == UPS_BATTERY else "ups-off"), up + [("ups_state", k)]
        clear = input_ok and not broken and not away and want == now
        delay = battery.requalify_s + seq.stagger_s * k
        if seq.held(
            f"ups-back/{k}",
            clear and now == UPS_BATTERY and not modes["ups_retransfer_blocked"][k],
            delay if cells_ok else 0.0,
            t,
        ):
            want, kind, refs = UPS_NORMAL, "ups-walk-in", [("ups_state", k), *restored(src)]
            seq.walk_from[k] = t
        if seq.held(f"ups-restart/{k}", clear and now == UPS_OFF, battery.restart_s, t):
            want, kind, refs = UPS_NORMAL, "ups-restart", [("ups_state", k), *restored(src)]
            refs += [("ups_failed", k), ("ups_inverter_failed", k)]
            seq.walk_from[k] = -NEVER
        calm = clear and now == UPS_BYPASS
        if calm:  # the load is not known ahead: look again every second
            seq.due = min(seq.due, (t // SECOND + 1) * SECOND)
        if seq.held(f"ups-inverter/{k}", calm and mult[i] < 1.0, BYPASS_RETURN_S, t):
            want, kind, refs = UPS_NORMAL, "ups-to-inverter", [("ups_state", k), ("ups_inverter_failed", k)]
            seq.walk_from[k] = -NEVER
        end = int(seq.walk_from[k]) + round(battery.walk_in_s * SECOND)
        if t < end:
            seq.due = min(seq.due, end)
        if want != now:
            out.append(
                Change(seq.c.ids[i], kind, tuple(dict.fromkeys(refs)), sets=(("ups_state", k, float(want)),), **extra)
            )
    return out


def restored(i: int) -> Refs:
    """Modes behind a voltage that is back: the dead mode of an element and of what is above it."""
    return [("power_node_dead", i)]
