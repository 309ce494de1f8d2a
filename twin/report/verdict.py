"""The question answered first: what the run shows, in a sentence or two that its numbers support."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.report.limits import limited_minutes
from twin.report.text import clock, number, percent, system_name
from twin.report.view import Array, RunView

BEFORE_S = 600.0  # the course of work before a fault is read from so long
AFTER_S = 300.0  # the last consequence is given so long to show
DIP = 0.05  # a fall of work by more than this share below its course is told


@dataclass(frozen=True)
class Verdict:
    """state: held, degraded or lost; answer: the sentence; facts: what it rests on."""

    state: str
    answer: str
    facts: tuple[str, ...]


def verdict(view: RunView) -> Verdict:
    """Whether the load was carried through what happened, from events, KPIs and series of the run."""
    dark = _dark_racks(view)
    tripped = sorted({str(n["element"]) for n in view.results.events if _is_gpu_trip(n)})
    throttled_h = _kpi(view, "throttled_gpu_hours") or 0.0
    dips = _dips(view)
    parts = []
    if dark:
        parts.append(f"{len(dark)} of {len(view.ids('rack'))} racks lost power ({_some(dark)})")
    if tripped:
        parts.append(f"GPUs tripped on {len(tripped)} of {len(view.ids('rack'))} racks ({_some(tripped)})")
    if throttled_h > 0:
        parts.append(f"{number(throttled_h, 3)} GPU-hours ran throttled")
    parts += dips
    if dark or tripped:
        state, head = "lost", "The load was not carried through"
    elif throttled_h > 0 or dips:
        state, head = "degraded", "The load was carried, with loss of work"
    else:
        state, head = "held", "The load was carried"
        parts = ["no rack lost power, no GPU throttled or tripped"]
        if view.faults:
            parts.append("no work was lost")
    answer = f"{head}: {', '.join(parts)}."
    return Verdict(state, answer, tuple(_facts(view)))


def _is_gpu_trip(event: object) -> bool:
    kind, port = str(event["kind"]), [s[0] for s in event.get("sets") or ()]  # type: ignore[index,attr-defined]
    return "gpu_tripped" in port or kind in ("gpu-trip", "chip-trip", "thermal-trip")


def _dark_racks(view: RunView) -> list[str]:
    if not view.has("rack_powered"):
        return []
    low = view.series("rack_powered", "min")[1].min(axis=0)
    return [i for i, v in zip(view.ids("rack"), low, strict=True) if v < 0.5]


def _some(names: list[str], limit: int = 4) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _kpi(view: RunView, name: str) -> float | None:
    return (view.kpis.get(name) or {}).get("value")


def _dips(view: RunView) -> list[str]:
    """Fall of each kind of work while a fault's consequences unfold, against its course before.

    Only minutes count in which something limits that work: a checkpoint or an ebb of requests is no loss.
    """
    starts = [float(n.event["t_s"]) for n in view.faults if float(n.event["t_s"]) > 0]
    until = max((float(n.event["t_s"]) for root in view.faults for _, n in root.walk()), default=0.0) + AFTER_S
    out = []
    for name, what in (("tokens_per_s", "serving"), ("training_tokens_per_s", "training")):
        if not starts or not view.has(name):
            continue
        time_s, values = view.series(name)
        before = (time_s <= min(starts)) & (time_s > min(starts) - BEFORE_S)
        unfolding = (time_s > min(starts)) & (time_s <= until)
        if not before.any() or not unfolding.any():
            continue
        limited = limited_minutes(view, name)[unfolding]
        ahead_s, lost, courses, noise = time_s[unfolding], np.zeros(unfolding.sum()), np.zeros(unfolding.sum()), 0.0
        for k in range(values.shape[1]):
            course, scatter = _course(time_s[before], np.nan_to_num(values[before, k]), ahead_s)
            lost += np.where(limited[:, k], course - np.nan_to_num(values[unfolding, k]), 0.0)
            courses += course
            noise += scatter
        fall = np.divide(lost, courses, out=np.zeros_like(lost), where=courses > 0)
        worst = int(np.argmax(fall))
        if fall[worst] > max(DIP, 3.0 * noise / max(float(courses[worst]), 1e-9)):
            when = clock(float(ahead_s[worst]))
            out.append(f"{what} fell by {percent(float(fall[worst]), 2)} in its worst minute (ending {when})")
    return out


def _course(time_s: Array, values: Array, ahead_s: Array) -> tuple[Array, float]:
    """Where the straight course of the values before leads, at most BEFORE_S ahead, and their scatter about it.

    Medians (of the slopes between all pairs, of what is left) keep a single checkpoint out of both.
    """
    if len(values) < 3:
        return np.full(len(ahead_s), max(float(np.median(values)), 0.0)), float(values.std())
    since = time_s - time_s[-1]
    i, j = np.triu_indices(len(values), 1)
    slope = float(np.median((values[j] - values[i]) / (since[j] - since[i])))
    rest = values - slope * since
    level = float(np.median(rest))
    scatter = 1.4826 * float(np.median(np.abs(rest - level)))  # the standard deviation, were they normal
    return np.maximum(level + slope * np.minimum(ahead_s - time_s[-1], BEFORE_S), 0.0), scatter


def _facts(view: RunView) -> list[str]:
    out = []
    roots = [n for n in view.faults if float(n.event["t_s"]) >= 0]
    if roots:
        told = [f"{n.event['kind']} of {n.event['element']} at {clock(n.event['t_s'])}" for n in roots[:4]]
        more = f" and {len(roots) - 4} more" if len(roots) > 4 else ""
        out.append(f"Started by {', '.join(told)}{more}.")
    work = [
        f"{number(value)} {unit}"
        for name, unit in (
            ("tokens_per_second", "serving tokens/s"), ("training_tokens_per_second", "training tokens/s"),
        ) if (value := _kpi(view, name)) is not None
    ]  # fmt: skip
    if (peak := _kpi(view, "peak_facility_mw")) is not None:
        work.append(f"facility peak {number(peak, 3)} MW")
    if (pue := _kpi(view, "pue")) is not None:
        work.append(f"PUE {number(pue)}")
    if work:
        out.append(", ".join(work) + ".")
    arrived, rejected = _kpi(view, "requests_arrived"), _kpi(view, "requests_rejected")
    if arrived and rejected:
        out.append(f"{percent(rejected / arrived)} of {number(arrived)} requests were rejected.")
    tight = [(k["value"], n, k) for n, k in view.kpis.items() if n.startswith("headroom_") and k["value"] is not None]
    if tight:
        value, name, entry = min(tight, key=lambda x: x[0])
        where = f" ({entry['element']} at {clock(entry.get('time_s'))})" if entry.get("element") else ""
        if value < 0:
            out.append(f"Limit passed furthest: {system_name(name)}, by {percent(-value)}{where}.")
        else:
            out.append(f"Tightest headroom: {system_name(name)} with {percent(value)}{where}.")
    return out
