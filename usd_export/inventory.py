"""What a scene has to show, read from a facility and a catalogue: elements, their equipment, sizes and feeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from usd_export.mesh import Vec

_PREFIX_CLASS = (
    (r"UTIL|GRID", "utility"),
    (r"TX|XFMR", "transformer"),
    (r"GEN", "generator"),
    (r"UPS", "ups"),
    (r"BW|BUSWAY", "busway"),
)
_CLASS_WORDS = ("utility", "transformer", "generator", "ups", "busway", "whip")


@dataclass(frozen=True)
class Inventory:
    """axes: ids by axis; types: element -> catalogue item; classes: element -> equipment class; sizes [m];
    loops: rack -> loop; rooms: element -> room; feeds: (from, to) power connections."""

    axes: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, Vec] = field(default_factory=dict)
    loops: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, str] = field(default_factory=dict)
    feeds: tuple[tuple[str, str], ...] = ()

    def node_class(self, node: str) -> str:
        """Equipment class of a power node as the layout knows them.

        Examples
        --------
        >>> Inventory({}).node_class("BW_A"), Inventory({}).node_class("MSB1")
        ('busway', 'panel')
        """
        cls = self.classes.get(node, "")
        for word in _CLASS_WORDS:
            if word in cls:
                return word
        for pattern, found in _PREFIX_CLASS:
            if re.match(rf"(?:.*_)?(?:{pattern})", node):
                return found
        return "panel"

    def short_type(self, rack: str) -> str:
        """GB300 of gb300-nvl72.

        Examples
        --------
        >>> Inventory({}, types={"RK1": "gb300-nvl72"}).short_type("RK1")
        'GB300'
        """
        return re.sub(r"[^A-Za-z0-9]", "_", self.types.get(rack, "rack").split("-")[0]).upper()


def as_mapping(spec: Any) -> Mapping[str, Any]:
    """A spec as plain mappings, whether it is a model, a plant that holds one, or a mapping already."""
    if hasattr(spec, "facility"):
        spec = spec.facility
    if hasattr(spec, "model_dump"):
        spec = spec.model_dump(mode="python")
    if not isinstance(spec, Mapping):
        raise ValueError(f"facility: found {type(spec).__name__}, wanted a facility model or a mapping")
    return spec


def _entries(node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping keyed by an id anywhere in a spec."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(value, Mapping):
                yield str(key), value
            yield from _entries(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _entries(value)


def read_inventory(facility: Any, catalogue: Any, axes: Mapping[str, Any] | None = None) -> Inventory:
    """Inventory of a facility; `axes` (axis -> ids) come from the plant or from a run's results."""
    if axes is None:
        axes = getattr(facility, "axes", None)
    if not axes:
        raise ValueError("axes: found none, wanted the ids of the facility's elements by axis")
    ids = {i for members in axes.values() for i in members}
    types: dict[str, str] = {}
    classes: dict[str, str] = {}
    sizes: dict[str, Vec] = {}
    loops: dict[str, str] = {}
    rooms: dict[str, str] = {}
    feeds: dict[tuple[str, str], None] = {}
    for key, entry in _entries(as_mapping(facility)):
        if key not in ids:
            continue
        kind = entry.get("type")
        if isinstance(kind, str):
            types[key] = kind
            item = _item(catalogue, kind)
            if item is not None:
                classes[key] = str(item.cls)
                size = _size(item)
                if size is not None:
                    sizes[key] = size
        if isinstance(entry.get("loop"), str):
            loops[key] = entry["loop"]
        if isinstance(entry.get("room"), str):
            rooms[key] = entry["room"]
        for word in ("fed_by", "feed"):
            given = entry.get(word)
            for source in [given] if isinstance(given, str) else given if isinstance(given, (list, tuple)) else []:
                if isinstance(source, str) and source in ids:
                    feeds[(source, key)] = None
    plain = {str(a): tuple(str(i) for i in members) for a, members in axes.items()}
    return Inventory(plain, types, classes, sizes, loops, rooms, tuple(feeds))


def _item(catalogue: Any, name: str) -> Any:
    if catalogue is None:
        return None
    return catalogue.item(name)


def _size(item: Any) -> Vec | None:
    """Width, depth and height of a catalogue item that states all three."""
    try:
        return float(item["width_m"]), float(item["depth_m"]), float(item["height_m"])
    except KeyError:
        return None
