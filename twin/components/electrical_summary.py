"""The power path of a facility at its design point, as plain data: what `twin power` prints."""

from __future__ import annotations

from typing import Any

from electrical.availability import k_of_n_availability, parallel_availability, series_availability, unit_availability
from electrical.compiled import Compiled
from electrical.one_line import draw, one_line
from electrical.studies import efficiency_fraction, n_minus_1, single_points
from twin.catalogue.modes import load_modes
from twin.components.electrical_demand import design_demand


def summarise_power(facility: Any, catalogue: Any = None, seed: int = 1) -> dict[str, Any]:
    """One-line, loading, single points of failure, N-1 and availability at the design point.

    Parameters
    ----------
    facility, catalogue : a checked facility and its catalogue
    seed : draws the tolerances of the trip units

    Returns
    -------
    dict
        Plain data: numbers, texts, lists and maps.
    """
    demand = design_demand(facility, catalogue, seed)
    c, load_w, axes = demand.c, demand.load_w, demand.axes
    graph = one_line(c.model)
    table = list(demand.table().values())
    unit = {e.id: "VA" if e.limit_is_va else "W" for e in c.model.elements}
    shown = {
        r.id: f"{r.demand_w / 1e3:.0f} k{unit[r.id]}, {100 * r.loading_fraction:.0f} %"
        for r in table
        if r.cls != "whip"
    }
    trunk = graph.copy()
    trunk.remove_nodes_from([n for n, d in graph.nodes(data=True) if d["cls"] in ("whip", "load")])
    losses = n_minus_1(c, load_w)
    racks = tuple(facility.racks)
    return {
        "design_load_w": float(load_w.sum()),
        "rack_load_w": float(load_w[c.group_slices["rack"]].sum()),
        "efficiency_fraction": efficiency_fraction(c, load_w),
        "one_line": draw(trunk, shown),
        "loading": [
            {
                "id": r.id,
                "class": r.cls,
                "demand": r.demand_w,
                "limit": r.limit_w,
                "unit": unit[r.id],
                "loading_fraction": r.loading_fraction,
                "loss_w": r.loss_w,
                "voltage_v": r.voltage_v,
            }
            for r in table
            if r.cls != "whip"
        ],
        "single_points_of_failure": _spof(graph, c, facility),
        "n_minus_1": [
            {
                "lost": r.lost[0],
                "dark_w": r.dark_w,
                "dark_loads": list(r.dark_loads),
                "trips": [{"element": e, "current_over_setting": m, "after_s": s} for e, m, s in r.trips],
                "worst_element": r.worst[0],
                "worst_loading_fraction": r.worst[1],
            }
            for r in losses
            if not r.lost[0].startswith(racks)
        ],
        "availability": _availability(axes),
    }


def _spof(graph: Any, c: Compiled, facility: Any) -> dict[str, list[str]]:
    """Axis -> elements that every path to some load of the axis passes, each with the loads behind it counted."""
    points = single_points(graph)
    out: dict[str, list[str]] = {}
    for group in c.model.groups:
        seen: dict[str, int] = {}
        for id in group.ids:
            for point in points[id]:
                seen[point] = seen.get(point, 0) + 1
        out[group.name] = [f"{point} ({count} of {len(group.ids)})" for point, count in seen.items()]
    return out


def _availability(axes: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """Closed forms from the rates of the catalogue's modes: sources, one path, k of n paths (independent failures)."""
    modes = load_modes()

    def unit(cls: str) -> float:
        return series_availability(
            unit_availability(m.rate_per_year.value, m.repair_h.value)
            for m in modes.get(cls, {}).values()
            if m.demand is None
        )

    utility, generators = unit("utility"), len(axes["generator"])
    start_fails = sum(m.rate_per_year.value for m in modes["generator"].values() if m.demand is not None) / max(
        modes["utility"]["outage"].rate_per_year.value, 1e-9
    )
    standby = 1.0 - min(1.0, start_fails) ** max(generators, 0) if generators else 0.0
    sources = parallel_availability([utility, standby])
    path = series_availability([unit("ups"), unit("busway")])
    busways = len(axes["busway"])
    needed = max(1, busways - 1)
    return {
        "note": "independent failures, closed forms; rates and repair times from the failure modes of the catalogue",
        "utility": utility,
        "generator_start_of_any": standby,
        "sources": sources,
        "ups_and_busway_path": path,
        f"paths_{needed}_of_{busways}": k_of_n_availability(needed, busways, path) if busways else None,
        "rack_feed": sources * (k_of_n_availability(needed, busways, path) if busways else 0.0),
    }
