"""From the power section and the catalogue to the frozen model that the electrical room takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electrical.one_line import (
    Battery,
    Element,
    GeneratorSet,
    LoadGroup,
    PowerModel,
    TransferSwitch,
    Trip,
    topological_ids,
)
from twin.spec.power import LOAD_AXES, PowerNode, load_feeds
from twin.streams import stream

KWH = 3.6e6
NODE_AXES = ("utility", "transformer", "generator", "ups", "switchgear", "transfer_switch", "busway", "whip")


def power_axes(facility: Any, catalogue: Any = None) -> dict[str, tuple[str, ...]]:
    """Axis -> ids of the power section: "power_node" (all, sources first) and one axis a class, in the same order."""
    if catalogue is None:
        from twin.catalogue import load_catalogue

        catalogue = load_catalogue()
    nodes: Mapping[str, PowerNode] = facility.power.nodes
    order = topological_ids((id, node.fed_by) for id, node in nodes.items())
    axes = {cls: tuple(id for id in order if catalogue.item(nodes[id].type).cls == cls) for cls in NODE_AXES}
    return {"power_node": order, **axes}


def model_axes(model: PowerModel) -> dict[str, tuple[str, ...]]:
    """The same axes from a built model."""
    order = tuple(e.id for e in model.elements)
    return {"power_node": order, **{cls: tuple(e.id for e in model.elements if e.cls == cls) for cls in NODE_AXES}}


def load_axes(facility: Any) -> dict[str, tuple[str, ...]]:
    """Axis -> ids of every electrical load, and the rooms, in the order of their sections."""
    return {**{axis: tuple(ids) for axis, ids in load_feeds(facility).items()}, "room": tuple(facility.air.rooms)}


def stagger_s(facility: Any, catalogue: Any) -> float:
    """Delay between UPS units that take up load again."""
    return max((catalogue.item(node.type).get("stagger_s", 0.0) for node in facility.power.nodes.values()), default=0.0)


def power_model(facility: Any, catalogue: Any, axes: Mapping[str, tuple[str, ...]], seed: int) -> PowerModel:
    """Elements, stores, sets, switches and load groups of a facility; trip tolerances are drawn by seed and element."""
    nodes: Mapping[str, PowerNode] = facility.power.nodes
    order = topological_ids((id, node.fed_by) for id, node in nodes.items())
    volts: dict[str, float] = {}
    elements, batteries, sets, switches = [], [], [], []
    for id in order:
        node, item = nodes[id], catalogue.item(nodes[id].type)
        upstream = volts[node.fed_by[0]] if node.fed_by else item["line_voltage_v"]
        volts[id] = item.get("secondary_v", upstream)
        elements.append(_element(id, node, item, catalogue, volts[id], upstream, seed))
        if item.cls == "ups":
            batteries.append(_battery(id, item))
        elif item.cls == "generator":
            sets.append(_generator(id, item))
        elif item.cls == "transfer_switch":
            switches.append(
                TransferSwitch(
                    id,
                    item["sense_s"],
                    item["transfer_s"] + node.transfer_delay_s,
                    item["start_delay_s"],
                    item["retransfer_s"],
                    bool(item["closed_transition"]),
                    item["low_fraction"],
                )
            )
    feeds = load_feeds(facility)
    groups = tuple(
        _group(axis, axes[axis], feeds[axis], catalogue.item(facility.power.terminals[axis])) for axis in LOAD_AXES
    )
    rooms = tuple(axes["room"])
    return PowerModel(tuple(elements), groups, tuple(batteries), tuple(sets), tuple(switches), rooms)


def _element(id: str, node: PowerNode, item: Any, catalogue: Any, volts: float, upstream: float, seed: int) -> Element:
    cls = item.cls
    values: dict[str, Any] = {
        "limit_w": item.get("limit_w", item.get("rated_w", 0.0)),
        "resistance_ohm": item.get("resistance_ohm", 0.0),
        "reactance_ohm": item.get("reactance_ohm", 0.0),
    }
    if "limit_va" in item:
        values |= {"limit_w": item["limit_va"], "limit_is_va": True}
    if cls == "transformer":
        rated, load = item["rated_va"], item["load_w"]
        resistance = load / rated / rated * volts * volts
        impedance = item["impedance_fraction"] * volts * volts / rated
        values |= {
            "limit_w": rated,
            "limit_is_va": True,
            "no_load_w": item["no_load_w"],
            "resistance_ohm": resistance,
            "reactance_ohm": (impedance * impedance - resistance * resistance) ** 0.5,
        }
    if cls == "ups":
        rated = item["rated_w"]
        pf = item["input_power_factor_ratio"]
        values |= {
            "no_load_w": rated * item["loss_no_load_fraction"],
            "linear": item["loss_linear_fraction"],
            "quadratic_per_w": item["loss_quadratic_fraction"] / rated,
            "bypass_no_load_w": rated * item["bypass_no_load_fraction"],
            "bypass_linear": item["bypass_linear_fraction"],
            "battery_loss_share": item["battery_mode_loss_fraction"],
            "window_low": item["input_low_fraction"],
            "tan_phi_in": (1.0 - pf * pf) ** 0.5 / pf,
        }
    if node.cable is not None:
        cable, ways = catalogue.item(node.cable.type), node.cable.length_m / node.cable.parallel
        scale = (volts / upstream) ** 2  # the feeder lies on the source side of a transformer
        values |= {
            "cable_resistance_ohm": cable["resistance_ohm_m"] * ways * scale,
            "cable_reactance_ohm": cable["reactance_ohm_m"] * ways * scale,
        }
    return Element(
        id,
        cls,
        node.fed_by,
        cls == "transfer_switch",
        node.room or "",
        volts,
        trip=_trip(id, node, item, seed),
        **values,
    )


def _trip(id: str, node: PowerNode, item: Any, seed: int) -> Trip | None:
    """Overload trip of an item, from the keys it has."""
    setting = item.get("trip_setting_va", 0.0) * node.trip_setting_fraction
    instant = {"instant_multiple": item["trip_instant_ratio"]} if "trip_instant_ratio" in item else {}
    if "trip_tau_s" in item:
        return Trip("thermal", setting, delay_s=item["trip_tau_s"], level=item["trip_level_ratio"], **instant)
    if "trip_delay_s" in item:
        band = item.get("trip_tolerance_fraction", 0.0)
        drawn = 1.0 + band * float(stream(seed, id, "trip time").uniform(-1.0, 1.0))
        return Trip(
            "electronic",
            setting,
            item["trip_pickup_ratio"],
            item["trip_delay_s"] * drawn,
            reset_s=item["trip_reset_s"],
            **instant,
        )
    if "overload_multiple_ratio" in item:
        rated = item.get("rated_va", item.get("rated_w", 0.0))
        return Trip(
            "table",
            rated * node.trip_setting_fraction,
            multiples=tuple(item["overload_multiple_ratio"]),
            seconds=tuple(item["overload_time_s"]),
        )
    return None


def _battery(id: str, item: Any) -> Battery:
    return Battery(
        id,
        item["battery_kwh"] * KWH,
        item["discharge_fraction"],
        item["charge_fraction"],
        item["charge_w"],
        item["requalify_s"],
        item["walk_in_s"],
        item["restart_s"],
    )


def _generator(id: str, item: Any) -> GeneratorSet:
    return GeneratorSet(
        id,
        item["start_median_s"],
        item["start_log_sigma_ratio"],
        int(item["crank_attempts_count"]),
        item["crank_s"],
        item["crank_rest_s"],
        item["sync_s"],
        item["cooldown_s"],
        item["rated_w"],
        item["tank_l"],
        item["fuel_idle_l_kwh"] / KWH,
        item["fuel_slope_l_kwh"] / KWH,
    )


def _group(axis: str, ids: tuple[str, ...], feeds: Mapping[str, tuple[str, ...]], item: Any) -> LoadGroup:
    pf = item["power_factor_ratio"]
    holdup_j = item["rated_w"] * item["holdup_load_fraction"] * item["holdup_s"] if item.cls == "power_shelf" else 0.0
    holdup_s = item["longest_holdup_s"] if item.cls == "power_shelf" else item["holdup_s"]
    return LoadGroup(
        axis,
        ids,
        tuple(feeds[id] for id in ids),
        (1.0 - pf * pf) ** 0.5 / pf,
        item["dropout_fraction"],
        holdup_s,
        holdup_j,
    )
