"""From a merged tree to a facility: form, one id per element, equipment, submittals, cross-references."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from twin.catalogue import Catalogue, load_catalogue
from twin.catalogue.item import ItemName, Value, check_item, implausible
from twin.errors import Problem, SpecError
from twin.spec.air import check_air
from twin.spec.economics import check_economics
from twin.spec.elements import entries
from twin.spec.fabric import check_fabric
from twin.spec.facility import Facility
from twin.spec.fws import check_fws
from twin.spec.power import check_power
from twin.spec.problems import at, did_you_mean, show, validate
from twin.spec.racks import check_racks
from twin.spec.shape import walk
from twin.spec.sources import absolute_files
from twin.spec.tcs import check_tcs
from twin.spec.yaml_source import Node


def resolve_facility(tree: Node, folder: Path) -> tuple[Facility | None, list[Problem]]:
    """Facility of a merged tree and every problem of it."""
    problems: list[Problem] = []
    tree = absolute_files(tree, Facility, problems)
    facility, wrong = validate(Facility, tree)
    problems += wrong
    problems += unique_ids(tree)
    try:
        catalogue = load_catalogue()
    except SpecError as error:
        return None, problems + list(error.problems)
    problems += check_types(tree, catalogue)
    if facility is None:
        return None, problems
    facility._tree, facility._folder = tree, folder
    problems += check_items(facility)
    if not problems:
        problems += check_sections(facility)
    return facility, problems


def unique_ids(tree: Node) -> list[Problem]:
    """One id per element in the whole facility, ignoring case."""
    seen: dict[str, tuple[str, Node]] = {}
    out = []
    for path, name, node in entries(tree, Facility):
        if name.lower() in seen:
            other, first = seen[name.lower()]
            out.append(
                Problem(
                    node.file,
                    node.line,
                    ".".join(map(str, path)),
                    f"id {name!r} again",
                    "one id per element, ignoring case",
                    f"{other!r} is at {first.file}:{first.line}",
                )
            )
        else:
            seen[name.lower()] = (name, node)
    return out


def check_types(tree: Node, catalogue: Catalogue) -> list[Problem]:
    """Every `type:` of an element, and every field that names an item, names a catalogue item."""
    own = tree.value.get("catalogue") if isinstance(tree.value, dict) else None
    known = [*catalogue, *(own.value if own is not None and isinstance(own.value, dict) else ())]
    item_mark = get_args(ItemName)[1]
    elements_at = {path for path, _, _ in entries(tree, Facility)}
    out = []
    for path, node, expected in walk(tree, Facility):
        if path[:1] == ("catalogue",) or not isinstance(node.value, str) or node.value in known:
            continue
        if item_mark in expected.marks or (path[-1] == "type" and path[:-1] in elements_at):
            out.append(
                at(
                    tree,
                    path,
                    f"unknown equipment {node.value!r}",
                    "an item of the catalogue",
                    did_you_mean(node.value, known),
                )
            )
    return out


# place in the facility (`*` for an id) -> class of the item named there; sections not listed check their own
PLACES = {
    "racks.*.type": "rack",
    "tcs.coolant": "coolant",
    "tcs.primary_coolant": "coolant",
    "tcs.cold_plates": "cold_plate",
    "tcs.loops.*.type": "loop",
    "tcs.cdus.*.type": "cdu",
    "tcs.cdus.*.pumps.*.type": "cdu_pump",
    "fabric.nic": "nic",
    "fabric.optic": "optic",
    "fabric.cable": "cable",
    "fabric.leaves.*.type": "switch",
    "fabric.spines.*.type": "switch",
}


def check_places(facility: Facility, catalogue: Catalogue) -> list[Problem]:
    """Items of the right class, and rooms and feeds that exist, wherever an entry names one."""
    out = []
    rooms = facility.air.rooms
    for path, node, _ in walk(facility.tree, Facility):
        if not isinstance(node.value, str) or path[0] in ("catalogue", "submittal"):
            continue
        if path[-1] == "room" and node.value not in rooms:
            out.append(
                at(facility.tree, path, repr(node.value), "a room of air.rooms", did_you_mean(node.value, rooms))
            )
        if path[-1] == "feed" and node.value not in facility.power.nodes:
            hint = did_you_mean(node.value, facility.power.nodes)
            out.append(at(facility.tree, path, repr(node.value), "a power node", hint))
        wanted = next((cls for place, cls in PLACES.items() if _matches(path, place.split("."))), None)
        if wanted is not None and node.value in catalogue and catalogue.item(node.value).cls != wanted:
            names = [i.name for i in catalogue.of_class(wanted)]
            found = f"{node.value!r} of class {catalogue.item(node.value).cls}"
            out.append(at(facility.tree, path, found, f"an item of class {wanted}", did_you_mean(node.value, names)))
    return out


def _matches(path: tuple[str | int, ...], place: list[str]) -> bool:
    return len(path) == len(place) and all(want in ("*", step) for step, want in zip(path, place, strict=True))


def check_items(facility: Facility) -> list[Problem]:
    """The facility's own catalogue items and its submittals."""
    out = []
    for name, item in facility.catalogue.items():
        if item.name != name:
            out.append(at(facility.tree, ("catalogue", name, "name"), repr(item.name), f"the key above, {name!r}"))
        for path, *rest in check_item(item):
            out.append(at(facility.tree, ("catalogue", name, *path), *rest))
    catalogue = load_catalogue().with_items(facility.catalogue.values())
    for name, values in facility.submittal.items():
        if name not in catalogue:
            out.append(
                at(
                    facility.tree,
                    ("submittal", name),
                    f"unknown equipment {name!r}",
                    "an item of the catalogue",
                    did_you_mean(name, catalogue),
                )
            )
            continue
        item = catalogue.item(name)
        for key, given in values.items():
            if key not in item:
                out.append(
                    at(
                        facility.tree,
                        ("submittal", name, key),
                        f"unknown value {key!r}",
                        f"a value of {name}",
                        did_you_mean(key, item.keys()),
                    )
                )
            elif type(given.value) is not type(item[key]) and not (
                isinstance(given.value, int | float) and isinstance(item[key], int | float)
            ):
                out.append(
                    at(
                        facility.tree,
                        ("submittal", name, key, "value"),
                        show(given.value),
                        f"a value like the catalogue's {show(item[key])}",
                    )
                )
            for number in Value(value=given.value, source="submittal", tag="submittal").numbers():
                if implausible(key, number):
                    place = ("submittal", name, key, "value")
                    out.append(at(facility.tree, place, f"{number:g}", implausible(key, number)))
    return out


def facility_catalogue(facility: Facility) -> Catalogue:
    """The packaged catalogue with the facility's own items and its submittals laid over it."""
    catalogue = load_catalogue().with_items(facility.catalogue.values())
    for name, values in facility.submittal.items():
        for key, given in values.items():
            value = Value(
                value=given.value,
                source=f"{given.document}, revision {given.revision}",
                tag="submittal",
                note=given.note,
                document=given.document,
                revision=given.revision,
            )
            catalogue = catalogue.with_value(name, key, value)
    return catalogue


def check_sections(facility: Facility) -> list[Problem]:
    """The cross-references that each section module checks; a place is told of once."""
    catalogue = facility_catalogue(facility)
    out = check_places(facility, catalogue)
    told = {p.where for p in out}
    found = [
        *check_racks(facility),
        *check_tcs(facility),
        *check_fws(facility, catalogue),
        *check_air(facility, catalogue),
        *check_power(facility, catalogue),
        *check_fabric(facility, catalogue),
        *check_economics(facility),
    ]
    for path, text, wanted, hint in found:
        problem = at(facility.tree, path, text, wanted, hint)
        if problem.where not in told:
            out.append(problem)
    return out
