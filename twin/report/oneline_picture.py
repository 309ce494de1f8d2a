"""The electrical one-line drawn with the values of one minute, from the utility to the racks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin.report.svg import SOFT, Board, loading_fill
from twin.report.text import clock, number, percent
from twin.report.view import RunView

MOST_BOXES = 12  # of one rank; more become one box of their class
_OPENED = ("trip", "lost", "loss", "fail", "open", "exhausted", "outage", "destroyed")
_CLOSED = ("restored", "repaired", "reset", "closed", "returned", "recovered", "ends", "end")


@dataclass(frozen=True)
class _Box:
    name: str
    lines: tuple[str, ...]
    loading: float | None
    out: bool
    members: tuple[str, ...]


def worst_electrical_moment(view: RunView) -> float | None:
    """End of the minute after the last opening of a power node [s]; without one, that of the highest loading."""
    if not view.has("power_node_loading_fraction"):
        return None
    time_s, values = view.series("power_node_loading_fraction", "max")
    if not len(time_s):
        return None
    nodes = set(view.ids("power_node"))
    opened = [float(x["t_s"]) for x in view.results.events if x["element"] in nodes and _says(str(x["kind"]), _OPENED)]
    if opened:
        return float(time_s[min(int(np.searchsorted(time_s, max(opened), side="right")), len(time_s) - 1)])
    return float(time_s[int(np.argmax(np.nan_to_num(values).max(axis=1)))])


def _says(kind: str, words: Sequence[str]) -> bool:
    parts = kind.replace("_", "-").split("-")
    return any(p == w or p.startswith(w) and w in ("trip", "fail", "open") for p in parts for w in words)


def out_of_service(view: RunView, t_s: float) -> set[str]:
    """Power nodes that an event before `t_s` opened and none closed since."""
    out: set[str] = set()
    nodes = set(view.ids("power_node"))
    for event in sorted(view.results.events, key=lambda x: float(x["t_s"])):
        if float(event["t_s"]) > t_s or event["element"] not in nodes:
            continue
        kind = str(event["kind"])
        if _says(kind, _CLOSED):
            out.discard(str(event["element"]))
        elif _says(kind, _OPENED):
            out.add(str(event["element"]))
    return out


def oneline_picture(view: RunView) -> str:
    """SVG of the one-line; empty if the run has no electrical side."""
    t_s = worst_electrical_moment(view)
    if t_s is None:
        return ""
    power, loading = view.at("power_node_w", t_s), view.at("power_node_loading_fraction", t_s, "max")
    out = out_of_service(view, t_s)
    layers = _layers(view, power, loading, out)
    widest = max(len(layer) for layer in layers)
    pitch_y, top = 104.0, 66.0
    width = max(760.0, 96.0 * widest + 40.0)
    board = Board(width, top + pitch_y * len(layers) + 6.0, f"One-line in the minute ending {clock(t_s)}")
    said = "after the last opening" if out else "highest loading of the run"
    board.text(14, 24, f"Electrical one-line, minute ending {clock(t_s)} ({said})", size=15, bold=True)
    board.text(14, 44, "mean kW and highest loading of that minute; struck out: out of service", size=11, color=SOFT)
    places: dict[str, tuple[float, float, float]] = {}
    drawn: list[tuple[_Box, float, float, float]] = []
    for depth, layer in enumerate(layers):
        step = (width - 28.0) / len(layer)
        w = min(step - 8.0, 150.0)
        for k, box in enumerate(layer):
            x, y = 14.0 + step * (k + 0.5), top + pitch_y * depth
            drawn.append((box, x, y, w))
            places.update({m: (x, y, w) for m in box.members})
    seen: set[tuple[float, float, float, float]] = set()
    lanes: dict[float, list[float]] = {}  # rank -> x of its sources: each source has a height of its own
    for a, b in (*view.inventory.feeds, *_rack_feeds(view)):
        if a not in places or b not in places:
            continue
        (xa, ya, _), (xb, yb, _) = places[a], places[b]
        key = (xa, ya, xb, yb)
        if key in seen or yb <= ya:
            continue
        seen.add(key)
        dead = a in out or b in out
        lane = lanes.setdefault(yb, [])
        if xa not in lane:
            lane.append(xa)
        y_mid = yb - 5.0 - 5.0 * (lane.index(xa) % 5)
        board.line([(xa, ya + 72), (xa, y_mid), (xb, y_mid), (xb, yb)], color="#b00020" if dead else "#7a8594",
                   width=1.3, dash="4 3" if dead else "")
    for box, x, y, w in drawn:
        board.box(x - w / 2, y, w, 72, fill=loading_fill(box.loading) if not box.out else "#ececec",
                  title=", ".join(box.members[:40]))
        size = 11.0 if w >= 84 else 9.0
        board.text(x, y + 17, box.name, size=size, anchor="middle", bold=True)
        board.text(x, y + 35, box.lines, size=size, anchor="middle")
        if box.out:
            board.cross(x - w / 2, y, w, 72)
    return board.render()


def _rack_feeds(view: RunView) -> list[tuple[str, str]]:
    """Power node -> rack: through its whips, else from every busway."""
    racks = view.ids("rack")
    whips = [n for n in view.ids("power_node") if view.inventory.node_class(n) == "whip"]
    if whips:
        return [(w, r) for w in whips for r in racks if w.startswith(f"{r}_")]
    buses = [n for n in view.ids("power_node") if view.inventory.node_class(n) == "busway"]
    return [(b, r) for b in buses for r in racks]


def _layers(view: RunView, power: Mapping[str, float], loading: Mapping[str, float], out: set[str]) -> list[list[_Box]]:
    """Boxes by distance from the sources; the racks last, one box a row."""
    nodes = list(view.ids("power_node"))
    sources: dict[str, list[str]] = {n: [] for n in nodes}
    for a, b in view.inventory.feeds:
        if a in sources and b in sources:
            sources[b].append(a)
    depth = {n: 0 for n in nodes}
    for _ in nodes:  # longest path; at most one pass a node
        changed = False
        for n in nodes:
            d = max((depth[s] + 1 for s in sources[n]), default=0)
            if d != depth[n]:
                depth[n], changed = d, True
        if not changed:
            break
    fed: dict[str, list[str]] = {}
    for n in nodes:
        for source in sources[n]:
            fed.setdefault(source, []).append(n)
    mains = {n for n in nodes if view.inventory.node_class(n) == "utility"}
    for n in sorted(nodes, key=lambda x: depth[x]):
        if any(s in mains for s in sources[n]):
            mains.add(n)
    for n in sorted(nodes, key=lambda x: -depth[x]):  # generators stand just above what they feed
        if n not in mains and n in fed:
            depth[n] = max(0, min(depth[c] for c in fed[n]) - 1)
    ranks: dict[int, list[str]] = {}
    for n in nodes:
        ranks.setdefault(depth[n], []).append(n)
    place: dict[str, float] = {}
    for d in sorted(ranks):  # each rank in the order of what feeds it, so that fewer lines cross
        count = len(ranks[d])
        first = {n: (k + 0.5) / count for k, n in enumerate(ranks[d])}
        above = {n: [place[s] for s in sources[n] if s in place] for n in ranks[d]}
        ranks[d].sort(key=lambda n: float(np.mean(above[n])) if above[n] else first[n])
        place.update({n: (k + 0.5) / count for k, n in enumerate(ranks[d])})
    layers = [_rank(view, ranks[d], power, loading, out) for d in sorted(ranks)]
    return [*layers, _racks(view, power)]


def _rank(view: RunView, members: Sequence[str], power: Mapping[str, float], loading: Mapping[str, float],
          out: set[str]) -> list[_Box]:
    if len(members) <= MOST_BOXES:
        return [_Box(n, (f"{number(power.get(n, float('nan')) / 1e3, 3)} kW", percent(loading.get(n), 2)),
                     loading.get(n), n in out, (n,)) for n in members]
    boxes = []
    for cls in dict.fromkeys(view.inventory.node_class(n) for n in members):
        mine = [n for n in members if view.inventory.node_class(n) == cls]
        if len(mine) <= 4:
            boxes += _rank(view, mine, power, loading, out)
            continue
        top = max(mine, key=lambda n: loading.get(n, -1.0))
        dead = sum(n in out for n in mine)
        lines = (f"{number(sum(power.get(n, 0.0) for n in mine) / 1e3, 3)} kW", f"most {percent(loading.get(top), 2)}",
                 f"{dead} out of service" if dead else top)
        boxes.append(_Box(f"{len(mine)} × {cls}", lines, loading.get(top), dead == len(mine), tuple(mine)))
    return boxes


def _racks(view: RunView, power: Mapping[str, float]) -> list[_Box]:
    from usd_export.layout import rows_of

    t_s = worst_electrical_moment(view)
    rack_w = view.at("rack_power_w", t_s) if t_s is not None else {}
    powered = view.at("rack_powered", t_s, "min") if t_s is not None else {}
    boxes = []
    for row, racks in list(rows_of(view.ids("rack")).items())[:MOST_BOXES]:
        dark = sum(powered.get(r, 1.0) < 0.5 for r in racks)
        total_w = sum(rack_w.get(r, 0.0) for r in racks)
        lines = (f"{number(total_w / 1e3, 4)} kW", f"{dark} dark" if dark else "all powered")
        boxes.append(_Box(f"Row {row}: {len(racks)} racks", lines, None, dark == len(racks), tuple(racks)))
    return boxes
