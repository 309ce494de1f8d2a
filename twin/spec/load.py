"""The front door: a name or a file in, a resolved facility, scenario or study out, or every problem at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from twin.errors import Problem, SpecError
from twin.spec.facility import Facility
from twin.spec.merge import override, parse_set
from twin.spec.problems import at, validate
from twin.spec.resolve import facility_catalogue, resolve_facility
from twin.spec.resolved import resolved_yaml
from twin.spec.scenario_source import load_scenario
from twin.spec.sources import PROJECTS, facility_path, list_projects, read_tree
from twin.spec.study_source import load_study
from twin.spec.yaml_source import Node


def load_facility(name_or_file: str | Path, sets: Sequence[str] = ()) -> Facility:
    """The facility of a reference project's name or a file, with `path.to.value=X` overrides.

    Raises SpecError with every problem: form, cross-references, catalogue types, one id per element.
    """
    path = facility_path(name_or_file)
    tree = read_tree(path, [PROJECTS])
    problems: list[Problem] = []
    tree = apply_sets(tree, Facility, sets, problems)
    facility, more = resolve_facility(tree, path.parent)
    problems += more
    if problems or facility is None:
        raise SpecError(problems)
    return facility


def apply_sets(tree: Node, model: type[BaseModel], sets: Sequence[str], problems: list[Problem]) -> Node:
    """The tree with `path.to.value=X` overrides, in order."""
    for number, text in enumerate(sets, start=1):
        try:
            where, value = parse_set(text, number)
            tree = override(tree, where, value, model, problems)
        except SpecError as error:
            problems += error.problems
    return tree


def section_from(file: str | Path, key: str, model: Any) -> Any:
    """One section of a facility file by itself (for the section's own tests)."""
    tree = read_tree(Path(file))
    part = tree.value.get(key) if isinstance(tree.value, dict) else None
    if part is None:
        raise SpecError([at(tree, (key,), "nothing", f"a section {key}")])
    found, problems = validate(model, part)
    if problems:
        raise SpecError(problems)
    return found


__all__ = [
    "PROJECTS",
    "facility_catalogue",
    "facility_path",
    "list_projects",
    "load_facility",
    "load_scenario",
    "load_study",
    "resolved_yaml",
    "section_from",
]
