"""What the report reads: a run folder, opened once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from twin.report.causes import CauseNode, cause_tree
from usd_export.inventory import Inventory, read_inventory

Array = NDArray[np.float64]
FINE_S = 3600.0  # runs shorter than this are drawn from their seconds
FINE_BINS = 300


@dataclass(frozen=True)
class RunView:
    """A run as the report sees it; `results` follows the protocol of `twin.results.Results`."""

    folder: Path
    run: Mapping[str, Any]
    facility: Mapping[str, Any]
    scenario: Mapping[str, Any]
    kpis: Mapping[str, Mapping[str, Any]]
    results: Any

    @cached_property
    def trees(self) -> tuple[CauseNode, ...]:
        return cause_tree(self.results.events, peers=self.ids("rack"))

    @cached_property
    def faults(self) -> list[CauseNode]:
        """Root events that had consequences, and those that the scenario injected."""
        injected = {str(f.get("element")) for f in self.scenario.get("faults") or () if isinstance(f, Mapping)}
        return [n for n in self.trees if n.children or n.event["element"] in injected]

    @cached_property
    def catalogue(self) -> Mapping[str, Mapping[str, Any]]:
        return self.facility.get("catalogue") or {}

    @cached_property
    def inventory(self) -> Inventory:
        def item(name: str) -> Any:
            found = self.catalogue.get(name)
            return None if found is None else _Item(str(found.get("class", "")), found.get("values") or {})

        spec = {k: v for k, v in self.facility.items() if k not in ("catalogue", "submittal")}
        return read_inventory(spec, SimpleNamespace(item=item), self.results.axes)

    def value_of(self, element: str, key: str) -> float | None:
        """A catalogue value of an element's equipment, where the facility's file holds it."""
        found = self.catalogue.get(self.inventory.types.get(element, ""), {}).get("values", {}).get(key)
        return None if found is None else float(found["value"])

    def gpu_limit_c(self, rack: str, key: str = "slowdown_c") -> float | None:
        """Chip temperature at which a rack's GPUs slow down or shut down [°C], of its item or of the GPU it names."""
        for item in (self.inventory.types.get(rack, ""), self._text_of(rack, "gpu_type")):
            found = self.catalogue.get(item, {}).get("values", {}).get(key)
            if found is not None:
                return float(found["value"])
        return None

    def _text_of(self, element: str, key: str) -> str:
        values = self.catalogue.get(self.inventory.types.get(element, ""), {}).get("values", {})
        return str(values.get(key, {}).get("value", ""))

    def has(self, *names: str) -> bool:
        return all(n in self.results.quantities for n in names)

    def ids(self, axis: str) -> Sequence[str]:
        return list(self.results.axes.get(axis, ()))

    def series(self, name: str, stat: str = "mean") -> tuple[Array, Array]:
        """Time [s] and values (time, element) at 60 s."""
        time_s, values = self.results.series(name, "60s", stat=stat)
        return np.asarray(time_s, dtype=np.float64), np.asarray(values, dtype=np.float64)

    def at(self, name: str, t_s: float, stat: str = "mean") -> dict[str, float]:
        """Values by element in the minute that ends at or first after t_s; empty if the run has no such quantity."""
        if not self.has(name):
            return {}
        time_s, values = self.series(name, stat)
        if not len(time_s):
            return {}
        k = min(int(np.searchsorted(time_s, t_s - 1e-6)), len(time_s) - 1)
        return dict(zip(self.ids(self.results.quantities[name]["axis"]), values[k].tolist(), strict=True))

    def in_second(self, name: str, t_s: float) -> dict[str, float]:
        """Values by element in the second that ends at or first after t_s; empty if the run has no such quantity."""
        if not self.has(name) or not len(self.seconds):
            return {}
        k = min(int(np.searchsorted(self.seconds, t_s - 1e-6)), len(self.seconds) - 1)
        row = np.asarray(self.results.arrays["1s"][name][k], dtype=np.float64)
        return dict(zip(self.ids(self.results.quantities[name]["axis"]), row.tolist(), strict=True))

    @cached_property
    def seconds(self) -> Array:
        """Ends of the 1 s rows [s]."""
        return np.asarray(self.results.arrays["time"]["1s"], dtype=np.float64)

    def curve(self, name: str, stat: str = "mean") -> tuple[Array, Array]:
        """Time [s] and values (time, element) for drawing: minutes, or in a run of up to an hour finer bins."""
        if not len(self.seconds) or self.seconds[-1] - self.seconds[0] >= FINE_S:
            return self.series(name, stat)
        values = np.asarray(self.results.arrays["1s"][name], dtype=np.float64)
        size = max(1, -(-len(values) // FINE_BINS))
        edges = np.arange(0, len(values), size)
        last = np.append(edges[1:], len(values))
        if stat == "mean":
            return self.seconds[last - 1], np.add.reduceat(values, edges, axis=0) / (last - edges)[:, None]
        return self.seconds[last - 1], {"min": np.minimum, "max": np.maximum}[stat].reduceat(values, edges, axis=0)

    def curve_sum(self, name: str) -> Array | None:
        """Sum over elements (time,) for drawing, or None."""
        return np.nansum(self.curve(name)[1], axis=1) if self.has(name) else None

    @cached_property
    def time_s(self) -> Array:
        for name in self.results.quantities:
            try:
                return self.series(name)[0]
            except KeyError:  # recorded as minute sums only
                continue
        return np.zeros(0)


class _Item:
    """A catalogue item as the resolved facility file holds it."""

    def __init__(self, cls: str, values: Mapping[str, Mapping[str, Any]]):
        self.cls, self._values = cls, values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]["value"]


def read_run(folder: Path | str) -> RunView:
    """Open a run folder.

    Raises
    ------
    FileNotFoundError : a file of the run is missing
    """
    from twin.results import open_results

    folder = Path(folder)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("run.json", "kpis.json")}
    specs = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in ("facility", "scenario")}
    return RunView(
        folder,
        json.loads(texts["run.json"]),
        yaml.load(specs["facility"], Loader=loader) or {},
        yaml.load(specs["scenario"], Loader=loader) or {},
        json.loads(texts["kpis.json"]),
        open_results(folder),
    )
