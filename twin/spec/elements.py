"""Every element of a facility by class: the ids that faults, studies, results and pictures use."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from twin.catalogue import Catalogue
from twin.spec.model import Id
from twin.spec.shape import Shape, walk
from twin.spec.yaml_source import Node

Path = tuple[str | int, ...]
GLOB = frozenset("*?[")


def entries(tree: Node, model: type[BaseModel]) -> Iterator[tuple[Path, str, Node]]:
    """Every entry of a map keyed by id whose values are maps: path, id, node."""
    for path, node, expected in walk(tree, model):
        if isinstance(node.value, dict) and holds_elements(expected):
            for key, item in node.value.items():
                yield (*path, key), key, item


def holds_elements(expected: Shape) -> bool:
    """Whether a place is a map of elements: keyed by Id, with maps as values."""
    from twin.spec.shape import shape

    return any(key == Id and bool(shape(value).models) for key, value in expected.maps)


def select(selection: str, ids: dict[str, tuple[str, ...]], classes: set[str]) -> list[tuple[str, str]]:
    """(class, id) of an id, a glob or a class name, among the classes that matter."""
    if selection in classes:
        return [(selection, one) for one in ids.get(selection, ())]
    pattern = GLOB & set(selection)
    out = []
    for cls in sorted(classes):
        for one in ids.get(cls, ()):
            if one == selection or (pattern and fnmatch.fnmatchcase(one, selection)):
                out.append((cls, one))
    return out


def elements(facility: Any, catalogue: Catalogue, workload: Any = None) -> dict[str, tuple[str, ...]]:
    """Class -> ids, in file order.

    An entry with a `type` counts in the class of its catalogue item; links of the fabric have templated ids; jobs and
    pools come from the workload; the site as a whole is SITE.
    """
    out: dict[str, list[str]] = {"site": ["SITE"]}
    for _, name, item in entries(facility.tree, type(facility)):
        if isinstance(item.value, dict) and "type" in item.value:
            kind = item.value["type"].value
            if isinstance(kind, str) and kind in catalogue:
                out.setdefault(catalogue.item(kind).cls, []).append(name)
    if facility.fabric:
        out |= fabric_links(facility)
    for axis, key in (("job", "jobs"), ("pool", "pools")):
        group = getattr(workload, key, None)
        if group:
            out[axis] = list(group)
    return {cls: tuple(ids) for cls, ids in out.items()}


def fabric_links(facility: Any) -> dict[str, list[str]]:
    """Ids of the fabric's links: leaf to spine, rack to rail, leaf group to spine."""
    fabric = facility.fabric
    return {
        "leaf_link": [f"{leaf}_{spine}" for leaf in fabric.leaves for spine in fabric.spines],
        "rail_link": [f"{rack}_RAIL{rail}" for rack in facility.racks for rail in range(1, fabric.rails + 1)],
        "trunk": [f"{group}_TO_{spine}" for group in fabric.leaf_groups for spine in fabric.spines],
    }
