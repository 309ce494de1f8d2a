"""The plots of a run as inline SVG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from twin.report.view import Array, RunView

STACK = (  # quantity, label, colour: what facility power is made of, from the bottom
    ("rack_power_w", "racks", "#2a6f97"),
    ("switch_power_w", "fabric", "#61a5c2"),
    ("cdu_pump_power_w", "CDU pumps", "#52796f"),
    ("cdu_controller_power_w", "CDU controllers", "#74a892"),
    ("fws_pump_power_w", "FWS pumps", "#84a98c"),
    ("fan_power_w", "dry-cooler fans", "#cad2c5"),
    ("chiller_power_w", "chiller", "#e9c46a"),
    ("ahu_power_w", "air handlers", "#f4a261"),
)
WORK = (("tokens_per_s", "serving", "#2a6f97"), ("training_tokens_per_s", "training", "#e07a3f"))
LINE_COLORS = ("#b5301f", "#2a6f97", "#e9a23b", "#52796f", "#7b4b94", "#8a5a44")
LEGEND: dict[str, Any] = {"fontsize": 7.5, "loc": "center left", "bbox_to_anchor": (1.0, 0.5), "frameon": False}


def plots(view: RunView) -> list[tuple[str, str]]:
    """(title, SVG) of every plot for which the run has data."""
    made = []
    for title, draw in (
        ("Facility power", _power),
        ("Tokens", _tokens),
        ("Hottest GPU", _chips),
        ("Water and outdoor temperatures", _water),
        ("Battery state of charge", _battery),
    ):
        svg = draw(view)
        if svg:
            made.append((title, svg))
    return made


def _figure(rows: int = 1) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 2.7 * rows if rows > 1 else 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for ax in axes:
        ax.grid(True, color="#e3e6ea", linewidth=0.7)
        ax.set_axisbelow(True)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return figure, axes


def _hours(view: RunView, time_s: Array) -> tuple[Array, str]:
    if time_s[-1] > 2 * 3600:
        return time_s / 3600.0, "hours since the start"
    return time_s / 60.0, "minutes since the start"


def _finish(view: RunView, figure: Any, axes: Any, x: Array, label: str) -> str:
    """Marks of the faults, limits of the axis, and the SVG text without anything that varies between runs."""
    from matplotlib import rc_context

    scale = 3600.0 if label.startswith("hours") else 60.0
    starts = sorted({float(n.event["t_s"]) for n in view.faults if float(n.event["t_s"]) >= 0})[:6]
    for ax in axes:
        for t in starts:
            ax.axvline(t / scale, color="#b00020", linewidth=0.9, linestyle=(0, (4, 3)))
        ax.set_xlim(float(x[0]) if len(x) > 1 else None, float(x[-1]) if len(x) > 1 else None)
    axes[-1].set_xlabel(label + (", dashed red: fault" if starts else ""))
    out = io.StringIO()
    with rc_context({"svg.hashsalt": "twin", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()[out.getvalue().index("<svg"):]


def _power(view: RunView) -> str:
    if not view.has("rack_power_w"):
        return ""
    time_s, _ = view.curve("rack_power_w")
    if len(time_s) < 2:
        return ""
    x, label = _hours(view, time_s)
    layers = [(name, color, total / 1e6) for q, name, color in STACK if (total := view.curve_sum(q)) is not None]
    figure, axes = _figure()
    source = None
    if view.has("utility_w", "generator_w"):
        source = np.asarray(view.curve_sum("utility_w")) / 1e6 + np.asarray(view.curve_sum("generator_w")) / 1e6
        rest = np.maximum(source - np.sum([v for _, _, v in layers], axis=0), 0.0)
        layers.append(("conversion losses and charging", "#9d8189", rest))
    axes[0].stackplot(x, *[v for _, _, v in layers], labels=[n for n, _, _ in layers], colors=[c for _, c, _ in layers],
                      linewidth=0)
    if source is not None:
        axes[0].plot(x, source, color="#1d2530", linewidth=1.0, label="utility and generators")
    axes[0].set_ylabel("MW")
    axes[0].set_ylim(bottom=0)
    handles, names = axes[0].get_legend_handles_labels()
    axes[0].legend(handles[::-1], names[::-1], **LEGEND)
    return _finish(view, figure, axes, x, label)


def _lines(view: RunView, rows: list[tuple[str, list[tuple[str, Array, str, str]]]], time_s: Array, *,
           from_zero: bool = False) -> str:
    """One panel a row: (y label, [(label, values, colour, style)])."""
    if len(time_s) < 2:
        return ""
    x, label = _hours(view, time_s)
    figure, axes = _figure(len(rows))
    for ax, (unit, lines) in zip(axes, rows, strict=True):
        for name, values, color, style in lines:
            ax.plot(x, values, color=color, linestyle=style, linewidth=1.3, label=name)
        ax.set_ylabel(unit)
        if from_zero:
            ax.set_ylim(0, 1.08 * max(float(np.nanmax(values)) for _, values, _, _ in lines))
        if len(lines) > 1:
            ax.legend(**LEGEND)
    return _finish(view, figure, axes, x, label)


def _tokens(view: RunView) -> str:
    rows, time_s = [], np.zeros(0)
    for name, what, color in WORK:
        total = view.curve_sum(name)
        if total is not None and np.any(total > 0):
            time_s = view.curve(name)[0]
            rows.append((f"{what}, k tokens/s", [(what, total / 1e3, color, "-")]))
    return _lines(view, rows, time_s, from_zero=True) if rows else ""


def _chips(view: RunView) -> str:
    name = "chip_hottest_c" if view.has("chip_hottest_c") else "chip_c"
    if not view.has(name):
        return ""
    time_s, values = view.curve(name, "max")
    racks, loops = view.ids("rack"), view.inventory.loops
    groups: dict[str, list[int]] = {}
    for i, rack in enumerate(racks):
        groups.setdefault(loops.get(rack, ""), []).append(i)
    if 2 <= len(groups) <= len(LINE_COLORS):
        lines = [(f"racks of {loop}" if loop else "racks of no loop", np.nanmax(values[:, mine], axis=1), color, "-")
                 for (loop, mine), color in zip(groups.items(), LINE_COLORS, strict=False)]
    else:
        lines = [("hottest rack", np.nanmax(values, axis=1), "#b5301f", "-"),
                 ("coolest rack", np.nanmin(values, axis=1), "#e9a27f", "-")]
    for key, label, style in (("slowdown_c", "slow-down", ":"), ("shutdown_c", "shut-down", "--")):
        limits = {v for r in racks if (v := view.gpu_limit_c(r, key)) is not None}
        if limits and np.nanmax(values) > min(limits) - 15.0:
            lines.append((label, np.full(len(time_s), min(limits)), "#1d2530", style))
    return _lines(view, [("°C", lines)], time_s)


def _water(view: RunView) -> str:
    lines, time_s = [], np.zeros(0)
    for name, label, color, style in (
        ("tcs_return_c", "TCS return, hottest", "#b5301f", "-"),
        ("tcs_supply_c", "TCS supply, hottest", "#e07a3f", "-"),
        ("fws_return_c", "FWS return", "#7b4b94", "-"),
        ("fws_supply_c", "FWS supply, hottest", "#2a6f97", "-"),
        ("outdoor_drybulb_c", "outdoor dry bulb", "#52796f", "--"),
        ("room_c", "hottest room", "#9aa3ad", "-"),
    ):
        if view.has(name):
            time_s, values = view.curve(name)
            lines.append((label, np.nanmax(values, axis=1), color, style))
    return _lines(view, [("°C", lines)], time_s) if lines else ""


def _battery(view: RunView) -> str:
    """Only when an outage moved it."""
    if not view.has("battery_soc_fraction"):
        return ""
    time_s, values = view.curve("battery_soc_fraction", "min")
    if not values.size or np.nanmin(values) > np.nanmax(values) - 1e-3:
        return ""
    colors = ("#2a6f97", "#e07a3f", "#52796f", "#7b4b94", "#b5301f", "#e9c46a")
    lines = [(i, 100.0 * values[:, k], colors[k % len(colors)], "-") for k, i in enumerate(view.ids("ups"))][:12]
    return _lines(view, [("% of energy", lines)], time_s)
