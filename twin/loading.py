"""Demand over limit, system by system, and the headroom at the worst moment with the binding element named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from twin.contract import Array
from twin.plant import Plant
from twin.results import Results


@dataclass(frozen=True)
class Loading:
    """One system: demand / limit of each element in each minute (its worst second).

    ids : elements; time_s : (time,); fraction : (time, element); of : what demand and limit are, in words
    """

    system: str
    ids: tuple[str, ...]
    time_s: Array
    fraction: Array
    of: str

    def worst(self) -> tuple[float, str, float]:
        """Highest demand/limit, the element and the time [s]; NaN if the system has no element."""
        if not self.fraction.size or np.all(np.isnan(self.fraction)):
            return float("nan"), "", float("nan")
        row, column = np.unravel_index(int(np.nanargmax(self.fraction)), self.fraction.shape)
        return float(self.fraction[row, column]), self.ids[column], float(self.time_s[row])


def loadings(results: Results, plant: Plant, throttle_c: Array) -> Iterator[Loading]:
    """Every system of which a limit is known.

    throttle_c : chip temperature at which each rack's GPUs slow down [°C], (rack,)
    """
    yield from _power(results, plant)
    time_s, chip_c = results.series("chip_hottest_c", stat="max")
    _, supply_c = results.series("rack_supply_c", stat="max")
    yield Loading("gpu_temperature", tuple(results.axes["rack"]), time_s,
                  (chip_c - supply_c) / np.maximum(throttle_c - supply_c, 0.1),
                  "rise of the hottest GPU over its coolant / rise at which it slows down")
    for system, port, of in (
        ("dry_cooler", "fan_speed_fraction", "fan speed / full speed"),
        ("chiller", "chiller_load_fraction", "evaporator heat / capacity at the present ambient"),
        ("network", "network_utilization_fraction", "scale-out traffic / fabric bandwidth"),
    ):
        if port in results.quantities:
            yield _fraction(results, system, port, of)


def _fraction(results: Results, system: str, port: str, of: str) -> Loading:
    time_s, values = results.series(port, stat="max")
    return Loading(system, tuple(results.axes[results.quantities[port]["axis"]]), time_s, values, of)


def _power(results: Results, plant: Plant) -> Iterator[Loading]:
    time_s, values = results.series("power_node_loading_fraction", stat="max")
    ids = list(results.axes["power_node"])
    for cls in ("transformer", "generator", "ups", "busway"):
        of_class = [i for i, id in enumerate(ids) if plant.class_of.get(id) == cls]
        if of_class:
            yield Loading(cls, tuple(ids[i] for i in of_class), time_s, values[:, of_class], "output / rating")


def write_loadings(folder: Path, found: Sequence[Loading]) -> None:
    """Write `loading/<system>` (time, element) into a run's results.zarr, with the ids and what is divided by what."""
    root = zarr.open_group(str(folder / "results.zarr"), mode="r+")
    group = root.create_group("loading")
    for loading in found:
        array = group.create_array(loading.system, shape=loading.fraction.shape, dtype="float32")
        array[:] = loading.fraction.astype(np.float32)
        array.attrs.update({"ids": list(loading.ids), "demand_over_limit": loading.of, "time": "time/60s"})
