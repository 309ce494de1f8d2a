"""Circuits of a hall: pipes of both water systems, busways, whips and feeder cables, as polylines [m]."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from usd_export.inventory import Inventory
from usd_export.mesh import Vec
from usd_export.places import BUSWAY_HEIGHT_M, PIPE_HEIGHT_M, RACK_DEPTH_M, RACK_HEIGHT_M, Line, Unit

LIQUID, LOADING = "Legend_LiquidTemperature", "Legend_Loading"
Row = tuple[str, float, float, tuple[str, ...], float]  # name, y, face, racks, x of its end


def circuits(
    inventory: Inventory,
    units: Sequence[Unit],
    rows: Sequence[Row],
    rack_x: Mapping[str, float],
    bounds: tuple[float, ...],
) -> tuple[Line, ...]:
    """Every circuit of the facility."""
    at = {u.id: u.position for u in units}
    top = {u.id: u.position[2] + u.size[2] for u in units}
    return (
        *_tcs(inventory, rows, rack_x),
        *_fws(inventory, rows, at, top, bounds),
        *_busways(inventory, rows, rack_x, bounds),
        *_cables(inventory, at, top, bounds),
        *_fibres(inventory, rows, at, rack_x),
    )


def _tcs(inventory: Inventory, rows: Sequence[Row], rack_x: Mapping[str, float]) -> list[Line]:
    """Supply and return mains behind each row with a drop at each rack, one circuit a loop."""
    loops = inventory.axes.get("loop", ())
    out: list[Line] = []
    for loop in loops:
        for side, lift in (("Supply", 0.0), ("Return", 0.22)):
            z, paths = PIPE_HEIGHT_M + lift, []
            for r, (_, y, face, racks, x_end) in enumerate(rows):
                mine = [i for i in racks if inventory.loops.get(i, loops[r % len(loops)]) == loop]
                if not mine:
                    continue
                rear = y - face * (RACK_DEPTH_M / 2 + 0.15 + 0.8 * lift)
                shift = 0.08 if side == "Return" else -0.08
                paths.append(((min(rack_x[i] for i in mine) - 0.2, rear, z), (x_end, rear, z)))
                paths += [((rack_x[i] + shift, rear, z), (rack_x[i] + shift, rear, 1.9)) for i in mine]
            if paths:
                out.append(
                    Line(
                        f"{loop}_{side}",
                        "Piping",
                        tuple(paths),
                        0.1,
                        loop,
                        f"Liquid{side}Temperature",
                        "Legend_LiquidTemperature",
                    )
                )
    if len(rows) > 1 and loops:
        z = PIPE_HEIGHT_M
        ends = [(x, y - f * (RACK_DEPTH_M / 2 + 0.15), z) for _, y, f, _, x in rows]
        x_cross = max(e[0] for e in ends) + 0.15
        path: list[Vec] = [(x_cross, e[1], z) for e in ends]
        stubs = tuple((e, (x_cross, e[1], z)) for e in ends if e[0] < x_cross)
        out.append(Line("TCS_CrossConnect", "Piping", (tuple(path), *stubs), 0.09))
    return out


def _fws(
    inventory: Inventory,
    rows: Sequence[Row],
    at: Mapping[str, Vec],
    top: Mapping[str, float],
    bounds: tuple[float, ...],
) -> list[Line]:
    """Header along the row ends, a branch to each CDU, mains through the pump room to each heat rejector."""
    cdus = [c for c in inventory.axes.get("cdu", ()) if c in at]
    outdoor = [e for a in ("dry_cooler", "chiller") for e in inventory.axes.get(a, ()) if e in at]
    if not cdus:
        return []
    site = (inventory.axes.get("site") or ("",))[0]
    x_head, x1 = max(r[4] for r in rows) + 0.8, bounds[1]
    ys = [at[c][1] for c in cdus]
    out: list[Line] = []
    for side, lift in (("Supply", 0.0), ("Return", 0.25)):
        z = PIPE_HEIGHT_M + 0.5 + lift
        x = x_head + lift
        paths: list[tuple[Vec, ...]] = []
        if max(ys) > min(ys):
            paths.append(((x, min(ys), z), (x, max(ys), z)))
        y_main = (min(ys) + max(ys)) / 2
        x_yard = x1 + 5.6 + 2 * lift
        paths.append(((x, y_main, z), (x_yard, y_main, z)))
        if outdoor:
            span = sorted({y_main, *(at[e][1] + 0.5 - 2 * lift for e in outdoor)})
            if len(span) > 1:
                paths.append(((x_yard, span[0], z), (x_yard, span[-1], z)))
            for e in outdoor:
                ye = at[e][1] + 0.5 - 2 * lift
                paths.append(((x_yard, ye, z), (at[e][0] - 2.0, ye, z), (at[e][0] - 2.0, ye, top[e] - 0.6)))
        out.append(
            Line(
                f"FWS_{side}",
                "Piping",
                tuple(paths),
                0.16,
                site,
                f"Liquid{side}Temperature",
                "Legend_LiquidTemperature",
            )
        )
        for c in cdus:
            shift = 0.15 if side == "Return" else -0.15
            xc, yc = at[c][0] + shift, at[c][1]
            branch: tuple[Vec, ...] = ((x, yc + shift, z), (xc, yc + shift, z), (xc, yc + shift, top[c]))
            point = ("LiquidTemperature", LIQUID) if side == "Supply" else ("", "")
            out.append(Line(f"FWS_{side}_{c}", "Piping", (branch,), 0.09, c if point[0] else "", *point))
    return out


def _busways(
    inventory: Inventory, rows: Sequence[Row], rack_x: Mapping[str, float], bounds: tuple[float, ...]
) -> list[Line]:
    """Each busway leaves the electrical room and runs above its rows; a whip drops from it to each rack."""
    nodes = list(dict.fromkeys(n for n in inventory.axes.get("power_node", ()) if inventory.node_class(n) == "busway"))
    x0, y_mid = bounds[0], (bounds[2] + bounds[3]) / 2
    out: list[Line] = []
    lanes: dict[tuple[str, ...], int] = {}
    for node in nodes:
        named = re.search(r"(?:^|_)(R\d+)(?:_|$)", node)
        mine = [r for r in rows if named is None or r[0] == named.group(1)]
        lane_key = tuple(r[0] for r in mine)
        off = 0.24 * ((lanes.get(lane_key, 0)) % 4 - 1.5)
        lanes[lane_key] = lanes.get(lane_key, 0) + 1
        z = BUSWAY_HEIGHT_M
        runs: list[tuple[Vec, ...]] = []
        drops: list[tuple[Vec, ...]] = []
        for _, y, _, racks, _ in mine:
            x_trunk, x_end = x0 + 1.2 - off, 0.6 * max(len(racks), 1)
            runs.append(((x0, y_mid + off, z), (x_trunk, y_mid + off, z), (x_trunk, y + off, z), (x_end, y + off, z)))
            drops += [((rack_x[i] + off / 4, y + off, z), (rack_x[i] + off / 4, y + off, RACK_HEIGHT_M)) for i in racks]
        if runs:
            out.append(Line(f"{node}_Busway", "hall_powercables", tuple(runs), 0.12, node, "Loading", LOADING))
        fed = {b for a, b in inventory.feeds if a == node and inventory.node_class(b) == "whip"}
        for rack, drop in zip([i for r in mine for i in r[3]], drops, strict=True):
            for whip in sorted(w for w in fed if w.startswith(f"{rack}_")):
                out.append(Line(f"{whip}_Whip", "interactive_whips", (drop,), 0.03, whip, "Loading", LOADING))
        if drops and not fed:
            out.append(Line(f"{node}_Whips", "interactive_whips", tuple(drops), 0.03, node, "Loading", LOADING))
    return out


def _cables(
    inventory: Inventory, at: Mapping[str, Vec], top: Mapping[str, float], bounds: tuple[float, ...]
) -> list[Line]:
    """One cable a feed between things that stand somewhere; busways are met where they leave the electrical room."""
    out: list[Line] = []
    for k, (a, b) in enumerate(inventory.feeds):
        z = BUSWAY_HEIGHT_M + 0.3 + 0.03 * (k % 8)
        if a not in at:
            continue
        start = at[a]
        if b not in inventory.axes.get("power_node", ()):
            continue  # feeds of machines are not drawn, only the power path
        if b in at:
            end, z_end = at[b], top[b]
        elif inventory.node_class(b) == "busway":
            end, z_end = (bounds[0], (bounds[2] + bounds[3]) / 2, 0.0), BUSWAY_HEIGHT_M
        else:
            continue
        path: tuple[Vec, ...] = (
            (start[0], start[1], top[a]),
            (start[0], start[1], z),
            (end[0], start[1], z),
            (end[0], end[1], z),
            (end[0], end[1], z_end),
        )
        clean = tuple(p for i, p in enumerate(path) if i == 0 or p != path[i - 1])
        out.append(Line(f"Cable_{a}_{b}", "hall_powercables", (clean,), 0.06, b, "Loading", LOADING))
    return out


def _fibres(
    inventory: Inventory, rows: Sequence[Row], at: Mapping[str, Vec], rack_x: Mapping[str, float]
) -> list[Line]:
    """A bundle a row from the network cabinets over the racks."""
    cabinets = sorted(i for i in at if i.startswith("Network_Cabinet_"))
    if not cabinets:
        return []
    out = []
    for k, (name, y, face, racks, _) in enumerate(rows):
        if not racks:
            continue
        x, yc, _ = at[cabinets[k % len(cabinets)]]
        z, lane = BUSWAY_HEIGHT_M - 0.35, y + face * 0.45
        main: tuple[Vec, ...] = ((x, yc, 2.3), (x, yc, z), (x, lane, z), (rack_x[racks[-1]], lane, z))
        drops = tuple(((rack_x[i], lane, z), (rack_x[i], lane, 2.3)) for i in racks)
        out.append(Line(f"Fibres_{name}", "Network", (main, *drops), 0.04))
    return out
