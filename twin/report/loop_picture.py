"""The cooling loops drawn with the values of one second: racks, CDUs, facility water, heat rejection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from twin.report.svg import ALARM, COLD, HOT, SOFT, Board, loading_fill
from twin.report.text import DASH, clock, number, percent
from twin.report.view import RunView

MOST_LOOPS = 8


def worst_thermal_moment(view: RunView) -> float | None:
    """End of the second with the hottest GPU [s]."""
    for name in ("chip_hottest_c", "chip_c", "rack_return_c"):
        if view.has(name) and len(view.seconds):
            values = np.nan_to_num(np.asarray(view.results.arrays["1s"][name], dtype=np.float64), nan=-1e9)
            return float(view.seconds[int(np.argmax(values.max(axis=1)))])
    return None


def loop_picture(view: RunView) -> str:
    """SVG of the loops at the worst thermal moment; empty if the run has no thermal side."""
    t_s = worst_thermal_moment(view)
    if t_s is None:
        return ""
    loops = list(view.ids("loop"))[:MOST_LOOPS]
    served = _cdu_of_loop(view, t_s)
    spare = [c for c in view.ids("cdu") if c not in served.values()]
    pitch, top, width = 128.0, 66.0, 1120.0
    spare_h = 62.0 * -(-len(spare) // 4) if spare else 0.0
    height = top + pitch * max(len(loops), 1) + spare_h + 40.0
    board = Board(width, max(height, top + 330.0), f"Cooling loops at {clock(t_s)}")
    board.text(14, 24, f"Cooling loops at {clock(t_s)}, when the hottest GPU was hottest", size=15, bold=True)
    board.text(14, 44, "values of that second", size=11, color=SOFT)
    fws_supply, fws_return = view.in_second("fws_supply_c", t_s), view.in_second("fws_return_c", t_s)
    header_x = 640.0
    for k, loop in enumerate(loops):
        _loop(board, view, t_s, loop, served.get(loop), top + pitch * k, header_x, fws_supply)
    for k, cdu in enumerate(spare[:8]):
        x, y = 300.0 + (k % 4) * 120.0 if len(spare) > 1 else 330.0, top + pitch * len(loops) + 62.0 * (k // 4)
        board.box(x, y, 110, 48, dash="5 3")
        board.text(x + 55, y + 20, [cdu, "in reserve"], size=11.5, anchor="middle", color=SOFT)
    _plant(board, view, t_s, top, header_x, top + pitch * max(len(loops), 1), fws_supply, fws_return)
    return board.render()


def _cdu_of_loop(view: RunView, t_s: float) -> dict[str, str]:
    """Serving CDU of each loop: as the run says, else in order."""
    loops, cdus = view.ids("loop"), view.ids("cdu")
    serving = view.in_second("cdu_of_loop", t_s)
    if serving:
        return {loop: cdus[int(i)] for loop, i in serving.items() if 0 <= int(i) < len(cdus)}
    return dict(zip(loops, cdus, strict=False))


def _mean(values: Sequence[float]) -> float | None:
    found = [v for v in values if np.isfinite(v)]
    return float(np.mean(found)) if found else None


def _degc(value: float | None) -> str:
    return f"{DASH if value is None or not np.isfinite(value) else format(value, '.1f')} °C"


def _loop(board: Board, view: RunView, t_s: float, loop: str, cdu: str | None, y: float, header_x: float,
          fws_supply: Mapping[str, float]) -> None:
    racks = [r for r in view.ids("rack") if view.inventory.loops.get(r) == loop]
    power = view.in_second("rack_power_w", t_s)
    chip = view.in_second("chip_hottest_c", t_s) or view.in_second("chip_c", t_s)
    hottest = max(racks, key=lambda r: chip.get(r, -1e9)) if racks and chip else None
    limit = view.gpu_limit_c(hottest) if hottest else None
    hot, coolant = (chip.get(hottest), view.in_second("rack_supply_c", t_s).get(hottest)) if hottest else (None, None)
    near = None if hot is None or limit is None or coolant is None else (hot - coolant) / max(limit - coolant, 0.1)
    board.box(14, y, 190, 92, fill=loading_fill(near))
    board.text(24, y + 19, f"{loop}: {len(racks)} racks", bold=True)
    lines = [f"{number(sum(power.get(r, 0.0) for r in racks) / 1e3, 4)} kW electric"] if power else []
    if hot is not None and hottest is not None:
        lines += [f"hottest GPU {_degc(hot)}", hottest]
    board.text(24, y + 38, lines, size=11.5)
    flow, supply, back = (view.in_second(n, t_s).get(loop) for n in ("loop_flow_kg_s", "tcs_supply_c", "tcs_return_c"))
    board.line([(204, y + 24), (330, y + 24)], color=HOT, width=2.4, arrow=True)
    board.line([(330, y + 72), (204, y + 72)], color=COLD, width=2.4, arrow=True)
    board.text(267, y + 17, _degc(back), size=11.5, anchor="middle", color=HOT)
    board.text(267, y + 88, _degc(supply), size=11.5, anchor="middle", color=COLD)
    board.text(267, y + 52, f"{number(flow, 3)} kg/s", size=11.5, anchor="middle", color=SOFT)
    if cdu is None:
        board.box(330, y, 190, 92, dash="5 3")
        board.text(425, y + 50, "no CDU serves it", size=12, anchor="middle", color=HOT)
        return
    valve = view.in_second("cdu_valve_position_fraction", t_s).get(cdu)
    heat = view.in_second("cdu_primary_heat_w", t_s).get(cdu)
    rated = view.value_of(cdu, "rated_heat_w")
    share = heat / rated if heat is not None and rated else None
    pumps = {p: w for p, w in view.in_second("cdu_pump_power_w", t_s).items() if p.startswith(f"{cdu}_")}
    idle = bool(pumps) and max(pumps.values()) < 1.0
    board.box(330, y, 190, 92, fill=ALARM if idle else loading_fill(share))
    board.text(340, y + 19, cdu, bold=True)
    load = f" ({percent(share, 2)} of rated)" if share is not None else ""
    heat_line = f"{number(heat / 1e3 if heat is not None else None, 4)} kW{load}"
    pump_line = "no pump runs" if idle else f"pumps {number(sum(pumps.values()) / 1e3, 3)} kW"
    board.text(340, y + 38, [heat_line, f"valve {percent(valve, 2)}", pump_line], size=11.5)
    primary = view.in_second("cdu_primary_flow_kg_s", t_s).get(cdu)
    board.line([(520, y + 24), (header_x, y + 24)], color=HOT, width=2.4, arrow=True)
    board.line([(header_x + 26, y + 72), (520, y + 72)], color=COLD, width=2.4, arrow=True)
    warm = view.in_second("cdu_primary_return_c", t_s).get(cdu)
    if warm is not None:
        board.text(576, y + 17, _degc(warm), size=11.5, anchor="middle", color=HOT)
    board.text(576, y + 88, _degc(fws_supply.get(cdu)), size=11.5, anchor="middle", color=COLD)
    board.text(576, y + 52, f"{number(primary, 3)} kg/s", size=11.5, anchor="middle", color=SOFT)


def _plant(board: Board, view: RunView, t_s: float, top: float, x: float, bottom: float,
           fws_supply: Mapping[str, float], fws_return: Mapping[str, float]) -> None:
    """Headers, pumps, dry coolers and chiller."""
    low = max(bottom - 40.0, top + 250.0)
    board.line([(x, top), (x, low)], color=HOT, width=5)
    board.line([(x + 26, top), (x + 26, low)], color=COLD, width=5)
    board.text(x + 13, top - 10, "FWS", size=12, anchor="middle", bold=True)
    left = x + 150.0
    back, mixed = _mean(list(fws_return.values())), _mean(list(view.in_second("dry_cooler_out_c", t_s).values()))
    supply = _mean(list(fws_supply.values()))
    board.line([(x, top + 20), (left, top + 20)], color=HOT, width=2.4, arrow=True)
    board.text(x + 90, top + 13, _degc(back), size=11.5, anchor="middle", color=HOT)

    fans, speed = view.in_second("fan_power_w", t_s), view.in_second("fan_speed_fraction", t_s)
    outdoor = _mean(list(view.in_second("outdoor_drybulb_c", t_s).values()))
    fastest = max(speed.values(), default=None)
    board.box(left, top - 6, 300, 78, fill=loading_fill(fastest))
    board.text(left + 12, top + 14, f"{len(view.ids('dry_cooler'))} dry coolers", bold=True)
    board.text(left + 12, top + 33, [
        f"fans {percent(fastest, 2)}, {number(sum(fans.values()) / 1e3, 3)} kW", f"outdoor dry bulb {_degc(outdoor)}",
    ], size=11.5)
    board.line([(left + 60, top + 72), (left + 60, top + 112)], color=COLD, width=2.4, arrow=True)
    board.text(left + 70, top + 97, _degc(mixed), size=11.5, color=COLD)

    power, load = view.in_second("chiller_power_w", t_s), view.in_second("chiller_load_fraction", t_s)
    busiest = max(load.values(), default=None)
    running = sum(power.values()) > 1.0
    fill, dash = (loading_fill(busiest), "") if running else ("#ffffff", "5 3")
    board.box(left, top + 112, 300, 62, fill=fill, dash=dash)
    count = len(view.ids("chiller"))
    board.text(left + 12, top + 132, f"{count} chiller" if count == 1 else f"{count} chillers", bold=True)
    state = f"load {percent(busiest, 2)}, {number(sum(power.values()) / 1e3, 3)} kW" if running else "off"
    board.text(left + 12, top + 151, state, size=11.5)

    pumps = view.in_second("fws_pump_power_w", t_s)
    on = [p for p, w in pumps.items() if w > 1.0]
    board.line([(left + 60, top + 174), (left + 60, top + 206)], color=COLD, width=2.4, arrow=True)
    board.box(left, top + 206, 300, 48)
    board.text(left + 12, top + 225, "FWS pumps", bold=True)
    said = f"{len(on)} of {len(pumps)} run, {number(sum(pumps.values()) / 1e3, 3)} kW"
    board.text(left + 12, top + 243, said, size=11.5)
    board.line([(left, top + 236), (x + 28, top + 236)], color=COLD, width=2.4, arrow=True)
    board.text(x + 88, top + 228, _degc(supply), size=11.5, anchor="middle", color=COLD)
