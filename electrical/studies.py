"""Static studies of a power path: loading at one load, single points of failure, loading after each single loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from electrical.balance import balance, energise
from electrical.compiled import (
    C_TRIP,
    K_GENERATOR,
    K_SELECT,
    K_UPS,
    O_CABLE,
    O_LOADING,
    O_LOSS,
    O_MULT,
    O_P,
    O_PIN,
    O_U,
    OUT_ROWS,
    S_ON,
    S_SELECT,
    S_SOURCE_U,
    S_UPS,
    UPS_BYPASS,
    Compiled,
    neutral_state,
)
from electrical.trips import travel

DEAD_U = 0.1
ROOT = "(sources)"


@dataclass(frozen=True)
class Loading:
    """One element at a load: demand [W or VA], limit, their ratio, loss with its feeder [W], voltage [V]."""

    id: str
    cls: str
    demand_w: float
    limit_w: float
    loading_fraction: float
    loss_w: float
    voltage_v: float


@dataclass(frozen=True)
class Loss:
    """What the loss of some elements does, after balance, limits and trips have been repeated until quiet."""

    lost: tuple[str, ...]
    trips: tuple[tuple[str, float, float], ...] = ()  # element, current over setting, time to trip [s]
    dark_loads: tuple[str, ...] = ()
    dark_w: float = 0.0
    worst: tuple[str, float] = ("", 0.0)
    overloaded: tuple[str, ...] = field(default=())


def _solve(c: Compiled, state: Any, load_w: Any) -> tuple[Any, Any]:
    out, served = np.zeros((OUT_ROWS, len(c.ids))), np.zeros(len(c.load_ids))
    balance(
        c.kind,
        c.ptr,
        c.src,
        c.const,
        c.lptr,
        c.lsrc,
        c.load_const,
        np.asarray(load_w, dtype=np.float64),
        state,
        out,
        served,
    )
    return out, served


def loading_table(c: Compiled, load_w: Sequence[float], lost: Sequence[str] = ()) -> list[Loading]:
    """Loading of every element, everything else in service, after transfers and before any trip.

    Parameters
    ----------
    c : Compiled
    load_w : sequence of float
        Power of every load, in the order of ``c.load_ids``. [W]
    lost : sequence of str
        Elements out of service.

    Returns
    -------
    list of Loading
        In topological order.
    """
    state = neutral_state(c)
    _take_out(c, state, lost)
    if lost:
        _switch_over(c, state)
    out, _ = _solve(c, state, load_w)
    by_id = {e.id: e for e in c.model.elements}
    return [
        Loading(
            id,
            by_id[id].cls,
            float(out[O_LOADING, i] * by_id[id].limit_w if by_id[id].limit_w else out[O_P, i]),
            by_id[id].limit_w,
            float(out[O_LOADING, i]),
            float(out[O_LOSS, i] + out[O_CABLE, i]),
            float(out[O_U, i] * by_id[id].voltage_v),
        )
        for i, id in enumerate(c.ids)
    ]


def single_points(graph: nx.DiGraph, loads: Iterable[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Elements that every path to a load passes.

    Parameters
    ----------
    graph : networkx.DiGraph
        From :func:`electrical.one_line.one_line`.
    loads : iterable of str, optional
        Loads to look at; all by default.

    Returns
    -------
    dict
        load -> its single points of failure, from source to load: the dominators of the load in the graph with one
        root above all sources. Connectivity only: capacity is :func:`lose`.
    """
    rooted = graph.copy()
    rooted.add_edges_from((ROOT, n) for n in graph if graph.in_degree(n) == 0)
    above = nx.immediate_dominators(rooted, ROOT)
    out = {}
    for load in loads if loads is not None else [n for n, d in graph.nodes(data=True) if d["cls"] == "load"]:
        chain, at = [], load
        while above.get(at, ROOT) not in (ROOT, at, None):
            at = above[at]
            chain.append(at)
        out[load] = tuple(reversed(chain))
    return out


def _take_out(c: Compiled, state: Any, lost: Iterable[str]) -> None:
    for id in lost:
        state[S_ON, c.index[id]] = 0.0
        if c.kind[c.index[id]] != K_SELECT:
            state[S_SOURCE_U, c.index[id]] = 0.0


def _switch_over(c: Compiled, state: Any) -> None:
    """Static end of the sequences: generators run where wanted, switches go to a live source."""
    probe = np.zeros((OUT_ROWS, len(c.ids)))
    for _ in range(len(c.ids)):
        energise(c.kind, c.ptr, c.src, c.const, state, probe)
        moved = False
        for i in np.flatnonzero(c.kind == K_SELECT):
            first, second = c.src[c.ptr[i]], c.src[c.ptr[i] + 1]
            if probe[O_U, first] > DEAD_U:
                want = 0.0
            else:
                want = 1.0 if state[S_ON, second] > 0.0 else 0.0
                for g in np.flatnonzero(c.kind == K_GENERATOR):
                    if state[S_SOURCE_U, g] == 0.0 and state[S_ON, g] > 0.0 and _reaches(c, int(g), int(second)):
                        state[S_SOURCE_U, g] = 1.0
                        moved = True
            if state[S_SELECT, i] != want:
                state[S_SELECT, i] = want
                moved = True
        if not moved:
            return


def _reaches(c: Compiled, source: int, target: int) -> bool:
    todo, seen = [target], set()
    while todo:
        i = todo.pop()
        if i == source:
            return True
        if i not in seen:
            seen.add(i)
            todo += [int(s) for s in c.src[c.ptr[i] : c.ptr[i + 1]]]
    return False


def lose(c: Compiled, load_w: Sequence[float], lost: Sequence[str]) -> Loss:
    """What happens to a power path at constant load when some elements are lost.

    Parameters
    ----------
    c : Compiled
    load_w : sequence of float
        Power of every load. [W]
    lost : sequence of str
        Elements out of service. An UPS is lost with its output.

    Returns
    -------
    Loss
        After transfers, the balance is taken, the element that trips first is opened, and so on until quiet. A UPS
        whose overload time runs out goes to bypass.
    """
    state = neutral_state(c)
    _take_out(c, state, lost)
    x = np.zeros((5, len(c.ids)))
    trips: list[tuple[str, float, float]] = []
    while True:
        _switch_over(c, state)
        out, served = _solve(c, state, load_w)
        due = [
            (travel(i, out[O_MULT, i], 1.0, x, c.const, c.table, float(state[S_UPS, i] == UPS_BYPASS), False), i)
            for i in range(len(c.ids))
            if c.const[C_TRIP, i] > 0 and out[O_U, i] > DEAD_U
        ]
        after_s, first = min(due, default=(np.inf, -1))
        if not np.isfinite(after_s):
            break
        trips.append((c.ids[first], float(out[O_MULT, first]), float(after_s)))
        if c.kind[first] == K_UPS:
            state[S_UPS, first] = UPS_BYPASS
        else:
            state[S_ON, first] = 0.0
            state[S_SOURCE_U, first] = 0.0
    dark = [j for j in range(len(c.load_ids)) if served[j] == 0.0 and load_w[j] > 0.0]
    worst = int(np.argmax(out[O_LOADING]))
    return Loss(
        tuple(lost),
        tuple(trips),
        tuple(c.load_ids[j] for j in dark),
        float(sum(load_w[j] for j in dark)),
        (c.ids[worst], float(out[O_LOADING, worst])),
        tuple(c.ids[i] for i in np.flatnonzero(out[O_LOADING] > 1.0)),
    )


def n_minus_1(c: Compiled, load_w: Sequence[float]) -> list[Loss]:
    """Loss of every element in turn.

    Parameters
    ----------
    c : Compiled
    load_w : sequence of float
        Power of every load. [W]

    Returns
    -------
    list of Loss
        Worst first: dark watts, then loading.
    """
    return sorted((lose(c, load_w, [id]) for id in c.ids), key=lambda r: (-r.dark_w, -r.worst[1], r.lost))


def efficiency_fraction(c: Compiled, load_w: Sequence[float]) -> float:
    """Power at the loads over power at the sources, everything in service.

    Parameters
    ----------
    c : Compiled
    load_w : sequence of float
        Power of every load. [W]

    Returns
    -------
    float
    """
    out, _ = _solve(c, neutral_state(c), load_w)
    sources = np.flatnonzero(np.diff(c.ptr) == 0)
    return float(np.sum(load_w) / out[O_PIN, sources].sum())
