"""The tables of the report: KPIs, headroom, PUE, ledgers, events, causes, sources, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twin.report.causes import CauseNode, faults_first
from twin.report.svg import loading_fill
from twin.report.text import DASH, clock, e, flatten, number, percent, system_name, table
from twin.report.view import RunView

GROUPS = (
    ("Work", ("tokens", "training", "requests", "ttft", "itl", "joules", "sla")),
    ("Energy and water", ("pue", "wue", "cue", "energy", "peak")),
    ("Cost", ("cost", "gpu_hour")),
    ("Use", ("gpu", "cpu", "memory", "network", "uptime", "throttled", "availability")),
)
MOST_EVENTS = 400
MOST_NODES = 400
MOST_ALSO = 3
J_PER_KWH = 3.6e6


def kpi_table(view: RunView) -> str:
    """Every KPI but the headrooms, in groups; what does not exist is a dash with its reason."""
    shown = {n: k for n, k in view.kpis.items() if not n.startswith("headroom_")}
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {g: [] for g in (*(g for g, _ in GROUPS), "Other")}
    for name, entry in shown.items():
        group = next((g for g, words in GROUPS if name.startswith(words)), "Other")
        group = "Other" if name.endswith("residual_fraction") else group
        groups[group].append((name, entry))
    out = []
    for group, entries in groups.items():
        if entries:
            rows = [(f"<code>{e(n)}</code>", _value(k), e(_unit(k)), e(k.get("definition", ""))) for n, k in entries]
            out.append(f"<h3>{e(group)}</h3>" + table(("KPI", "value", "unit", "what it is"), rows, "kpis"))
    return "".join(out)


def _value(entry: Mapping[str, Any]) -> str:
    if entry.get("value") is None:
        reason = entry.get("reason") or "none: nothing to measure it on"
        return f'{DASH} <span class="soft">{e(reason)}</span>'
    return f"<b>{e(number(entry['value']))}</b>"


def _unit(entry: Mapping[str, Any]) -> str:
    return "" if entry.get("unit") in (None, "1") else str(entry["unit"])


def headroom_table(view: RunView) -> str:
    """Headrooms, the tightest first, with the element that binds and when."""
    entries = [(n, k) for n, k in view.kpis.items() if n.startswith("headroom_")]
    entries.sort(key=lambda x: (x[1].get("value") is None, x[1].get("value") or 0.0))
    rows = []
    for name, entry in entries:
        value = entry.get("value")
        bar = ""
        if value is not None:
            width, color = 100.0 * min(max(1.0 - value, 0.0), 1.0), _BAR[loading_fill(1.0 - value)]
            bar = f'<span class="bar"><span style="width:{width:.1f}%;background:{color}"></span></span>'
        rows.append((
            e(system_name(name)),
            f"<b>{e(percent(value))}</b>" if value is not None else _value(entry), bar,
            e(entry.get("element") or DASH), e(clock(entry.get("time_s"))), e(entry.get("definition", "")),
        ))  # fmt: skip
    return table(("system", "headroom", "used", "binding element", "when", "what it is"), rows) if rows else ""


_BAR = {"#e8f2ea": "#6aa67a", "#fdebc8": "#e0a030", "#f6c9c9": "#c8443f"}


_ITEMS = {"ups": "UPS", "cdu": "CDUs", "fws_pumps": "FWS pumps", "fans": "dry-cooler fans"}


def pue_table(view: RunView) -> str:
    """PUE - 1 by item, and whether the items sum to it."""
    entry = view.kpis.get("pue") or {}
    items = entry.get("minus_one_items") or {}
    if entry.get("value") is None or not items:
        return f"<p>{DASH} no PUE in this run</p>"
    it_kwh = (view.kpis.get("energy_it_kwh") or {}).get("value")
    rows = [
        (e(_ITEMS.get(name, name.replace("_", " "))), e(f"{v:.5f}" if v is not None else DASH),
         e(number(v * it_kwh, 4) if v is not None and it_kwh else DASH),
         e(percent(v / (entry["value"] - 1.0), 3) if v is not None and entry["value"] > 1.0 else DASH))
        for name, v in items.items()
    ]  # fmt: skip
    total = sum(v for v in items.values() if v is not None)
    kwh = number(total * it_kwh) if it_kwh else DASH
    rows.append(("<b>sum of the items</b>", f"<b>{total:.5f}</b>", e(kwh), ""))
    over = entry["value"] - 1.0
    rows.append(("<b>PUE − 1</b>", f"<b>{over:.5f}</b>", "", ""))
    said = f"difference between PUE − 1 and the sum of its separately counted items: {over - total:.2e}"
    note = f"<p class='soft'>{e(said)}</p>"
    return table(("item", "share of IT energy", "kWh", "share of PUE − 1"), rows) + note


def ledger_table(view: RunView) -> str:
    """Both ledgers: terms in kWh and what is left over."""
    from twin.ledger import LEDGERS

    counters = view.results.counters
    if len(counters) < 2:
        return ""
    growth = (counters.iloc[-1] - counters.iloc[0]) / J_PER_KWH
    out = []
    for ledger in LEDGERS:
        rows = []
        for side, names in (("in", ledger.inflow), ("out", ledger.outflow), ("stored", ledger.stored)):
            for name in ledger.select(counters, names):
                rows.append((e(side), f"<code>{e(name)}</code>", e(number(float(growth[name])))))
        whole, worst = ledger.residual_fraction(counters)
        left = float(ledger.residual_j(counters)[-1]) / J_PER_KWH
        rows.append(("<b>left over</b>", "", f"<b>{e(number(left, 3))}</b>"))
        said = f"residual / throughput: {number(whole, 3)} over the run, {number(worst, 3)} in the worst 60 s"
        out.append(f"<h3>{e(ledger.name.capitalize())} ledger</h3><p>{e(said)}</p>"
                   f"<details><summary>{len(rows) - 1} terms</summary>{table(('side', 'term', 'kWh'), rows)}</details>")
    return "".join(out)


def event_table(view: RunView) -> str:
    """Events in order of time."""
    events = sorted(view.results.events, key=lambda x: float(x["t_s"]))
    rows = [
        (e(clock(x["t_s"])), e(x["element"]), e(x["kind"]), e(_crossing(view, x)), e(x.get("message") or ""),
         e(_several([_short(c) for c in x["causes"]])), e(", ".join(_via(x))))
        for x in events[:MOST_EVENTS]
    ]  # fmt: skip
    more = f"<p class='soft'>{len(events) - MOST_EVENTS} more in events.jsonl</p>" if len(events) > MOST_EVENTS else ""
    head = ("time", "element", "event", "value / limit", "note", "caused by", "through")
    return table(head, rows, "events") + more if rows else "<p>No events.</p>"


def _short(event_id: str) -> str:
    """element kind of an event's id ("time.round/element/kind")."""
    return " ".join(event_id.split("/")[1:]) or event_id


def _alike(event_ids: Sequence[str]) -> list[str]:
    """Each event by its element and kind; several of one kind as their number."""
    kinds = [i.rsplit("/", 1)[-1] for i in event_ids]
    single = [_short(i) for i, kind in zip(event_ids, kinds, strict=True) if kinds.count(kind) == 1]
    return single + [f"{kinds.count(k)} × {k}" for k in dict.fromkeys(kinds) if kinds.count(k) > 1]


def _several(names: list[str]) -> str:
    more = f" and {len(names) - MOST_ALSO} more" if len(names) > MOST_ALSO else ""
    return ", ".join(names[:MOST_ALSO]) + more


def _via(event: Mapping[str, Any]) -> list[str]:
    return [str(v) for v in event.get("via") or ()]


def _crossing(view: RunView, event: Mapping[str, Any]) -> str:
    """Value and limit, in the unit of the signal that crossed."""
    value, limit = event.get("value"), event.get("limit")
    if limit is None:
        return "" if value is None or event.get("sets") else number(value)  # the value of a mode says nothing more
    signal = next(iter(_via(event)), "").split("/")[0]
    unit = str((view.results.quantities.get(signal) or {}).get("unit", ""))
    text = f"{number(value)} / {number(limit)}"
    return text if unit in ("", "1", "fraction") else f"{text} {unit.replace('degC', '°C')}"


def cause_lists(view: RunView) -> str:
    """The trees of causes; those with consequences open, the others counted."""
    trees = faults_first(view.trees)
    told = [t for t in trees if t.children]
    standing = {c for t in told for _, node in t.walk() for c in node.also}
    conditions = [t for t in trees if not t.children and t.event["id"] in standing]
    alone = [t for t in trees if not t.children and t.event["id"] not in standing]
    out, left = [], MOST_NODES
    for tree in told:
        if left <= 0:
            break
        html, used = _tree(view, tree, left)
        left -= used
        out.append(html)
    total = sum(t.size for t in told)
    if total > MOST_NODES:
        out.append(f"<p class='soft'>{total - MOST_NODES} more events in these trees; see events.jsonl</p>")
    if conditions:
        told_by = [f"{t.event['element']} {t.event['kind']} since {clock(t.event['t_s'])}" for t in conditions[:20]]
        out.append(f"<p>Standing conditions named above: {e('; '.join(told_by))}.</p>")
    if alone:
        kinds: dict[str, int] = {}
        for t in alone:
            kinds[str(t.event["kind"])] = kinds.get(str(t.event["kind"]), 0) + 1
        listed = ", ".join(f"{n} × {k}" for k, n in sorted(kinds.items(), key=lambda x: (-x[1], x[0]))[:20])
        out.append(f"<p>Events without consequences: {e(listed)}.</p>")
    return "".join(out) or "<p>No events.</p>"


def _tree(view: RunView, tree: CauseNode, limit: int) -> tuple[str, int]:
    """Nested list of one tree, written without recursion: chains can be long."""
    parts, depth, used = ['<ul class="tree">'], 0, 0
    for level, node in tree.walk():
        if used >= limit:
            break
        if level > depth:
            parts.append("<ul>" * (level - depth))
        elif used:
            parts.append("</li>" + "</ul></li>" * (depth - level))
        depth = level
        parts.append(f"<li>{_node(view, node, level == 0)}")
        used += 1
    parts.append("</li>" + "</ul></li>" * depth + "</ul>")
    return "".join(parts), used


def _node(view: RunView, node: CauseNode, root: bool) -> str:
    x = node.event
    text = f"<span class='t'>{e(clock(x['t_s']))}</span> <b>{e(x['element'])}</b> {e(x['kind'])}"
    if x.get("limit") is not None:
        text += f" <span class='soft'>{e(_crossing(view, x))}</span>"
    if _via(x):
        text += f" <span class='via'>through {e(', '.join(_via(x)))}</span>"
    if node.also:
        text += f" <span class='soft'>with {e(_several(_alike(node.also)))}</span>"
    return f"<span class='root'>{text}</span>" if root else text


def source_tables(view: RunView) -> str:
    """Catalogue values used: how many of each trust tag, the estimates and recalled ones, and all of them."""
    rows: list[tuple[str, str, str, Mapping[str, Any]]] = []
    for name, item in sorted(view.catalogue.items()):
        for key, value in (item.get("values") or {}).items():
            rows.append((name, str(item.get("class", "")), key, value))
    if not rows:
        return "<p>The facility file of this run names no catalogue values.</p>"
    tags: dict[str, int] = {}
    for _, _, _, value in rows:
        tags[str(value.get("tag"))] = tags.get(str(value.get("tag")), 0) + 1
    listed = ", ".join(f"{n} {t}" for t, n in sorted(tags.items(), key=lambda x: (-x[1], x[0])))
    weak = [r for r in rows if r[3].get("tag") in ("estimate", "recalled")]
    submitted = flatten(view.facility.get("submittal") or {})
    head = ("item", "class", "value", "tag", "source")
    out = [f"<p>{len(rows)} values of {len(view.catalogue)} items: {e(listed)}.</p>"]
    if submitted:
        out.append("<h3>Submittals</h3>" + table(("key", "value"), [(e(k), e(v)) for k, v in submitted]))
    folded = ((f"{len(weak)} estimates and recalled values", weak), ("all values with their sources", rows))
    for summary, chosen in folded:
        out.append(f"<details><summary>{summary}</summary>{table(head, map(_source, chosen))}</details>")
    return "".join(out)


def _source(row: tuple[str, str, str, Mapping[str, Any]]) -> tuple[str, ...]:
    name, cls, key, value = row
    data = value.get("value")
    text = number(data) if isinstance(data, int | float) and not isinstance(data, bool) else str(data)
    tag = str(value.get("tag"))
    css = ' class="weak"' if tag in ("estimate", "recalled") else ""
    shown = f"<code>{e(key)}</code> = {e(text)}"
    return e(name), e(cls), shown, f"<span{css}>{e(tag)}</span>", e(value.get("source", ""))


def provenance_table(view: RunView) -> str:
    """run.json, flat."""
    return table(("", ""), [(f"<code>{e(k)}</code>", e(v)) for k, v in flatten(view.run)], "plain")
