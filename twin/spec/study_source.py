"""Loading a study: each member a scenario of its own, the problems of all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twin.errors import Problem, SpecError
from twin.spec.merge import merge
from twin.spec.problems import at, dotted, validate
from twin.spec.scenario import Scenario
from twin.spec.scenario_source import find_scenario, resolve_scenario, scenario_folders
from twin.spec.sources import PROJECTS, lay_over_base, reachable, read_tree, shown
from twin.spec.study import Study, StudySpec
from twin.spec.yaml_source import Node, from_plain, read_yaml


def load_study(file: str | Path, overrides: Sequence[str] = (), facility: str | Path | None = None) -> Study:
    """Resolved study; the problems of all its members at once."""
    path = Path(file)
    if not reachable(path):
        places = sorted(PROJECTS.glob("*/studies"))
        options = [p for folder in places for p in folder.glob("*.yaml")]
        path = next((p for p in options if p.stem == str(file)), path)
    tree = read_yaml(path, shown=shown(path))
    spec, problems = validate(StudySpec, tree)
    if spec is None:
        raise SpecError(problems)
    folders = [path.parent, path.parent.parent / "scenarios", *scenario_folders()]
    members: list[Scenario] = []
    for number, given in enumerate(spec.members):
        where = ("members", number)
        try:
            members.append(resolve_scenario(_member(tree, given, spec, number, folders), facility, overrides))
        except SpecError as error:
            problems += error.problems
        if len(members) > 1 and members[-1].name in {m.name for m in members[:-1]}:
            problems.append(at(tree, where, f"name {members[-1].name!r} again", "members with names of their own"))
            members.pop()
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))
    return Study(spec.name, spec.label or spec.name, spec.question, spec.kind, tuple(members), spec.workers, spec)


def _member(tree: Node, given: str | Mapping[str, Any], spec: StudySpec, number: int, folders: list[Path]) -> Node:
    assert isinstance(tree.value, dict) and isinstance(tree.value["members"].value, list)
    node = tree.value["members"].value[number]
    if isinstance(given, str):
        try:
            return read_tree(find_scenario_beside(given, folders), folders)
        except SpecError as error:
            raise SpecError(
                [
                    Problem(node.file, node.line, dotted(("members", number)), repr(given), p.wanted, p.hint)
                    for p in error.problems
                    if p.where == "(file)"
                ]
                or error.problems
            ) from None
    if "base" not in given and spec.base is not None:
        base = from_plain({"base": spec.base}, node.file, node.line)
        node = merge(base, node)
    return lay_over_base(node, folders[0], folders, [])


def find_scenario_beside(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if reachable(folder / name):
            return folder / name
    return find_scenario(name, folders)
