"""Loading a workload: inline, a file, a name below `workloads/` or the facility's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from twin.errors import Problem, SpecError
from twin.load.traces import read_trace
from twin.spec.facility import Facility
from twin.spec.problems import at, did_you_mean, show, validate
from twin.spec.resolve import facility_catalogue
from twin.spec.sources import absolute_files, beside, lay_over_base, reachable, read_tree, shown
from twin.spec.workload import Workload, check_workload
from twin.spec.yaml_source import Node, plain


def workload_tree(given: Node | None, folder: Path, problems: list[Problem]) -> Node:
    """Tree of a workload: inline (maybe upon a base), a file, a name below `workloads/`, or the facility's own."""
    places = [folder / "workloads"]
    if given is None:
        own = next((p for p in (folder / "workload.yaml", folder / "workloads" / "default.yaml") if reachable(p)), None)
        if own is not None:
            return read_tree(own, places)
        return Node({}, shown(folder), 1)
    try:
        if isinstance(given.value, dict):
            return lay_over_base(given, beside(given), places, [])
        if isinstance(given.value, str):
            for candidate in (beside(given) / given.value, *(p / f"{given.value}.yaml" for p in places)):
                if reachable(candidate):
                    return read_tree(candidate, places)
        known = [p.stem for p in sorted(places[0].glob("*.yaml"))]
        problems.append(
            Problem(
                given.file,
                given.line,
                "workload",
                show(plain(given)),
                "a workload's name, a file or a map",
                did_you_mean(str(given.value), known),
            )
        )
    except SpecError as error:
        problems += error.problems
    return Node({}, given.file, given.line)


def workload_from(tree: Node, facility: Facility | None) -> tuple[Workload | None, list[Problem]]:
    """Workload of a tree and every problem of it: form, trace lines, racks, items."""
    problems: list[Problem] = []
    tree = absolute_files(tree, Workload, problems)
    workload, wrong = validate(Workload, tree)
    problems += wrong
    if workload is None:
        return None, [replace(p, where=f"workload.{p.where}") for p in problems]
    if workload.trace is not None and not problems:
        try:
            read_trace(Path(workload.trace))
        except SpecError as error:  # every broken line of the trace
            return workload, list(error.problems)
    if facility is not None:
        for path, found, wanted, hint in check_workload(workload, facility, facility_catalogue(facility)):
            problems.append(at(tree, path, found, wanted, hint))
    return workload, [replace(p, where=f"workload.{p.where}") for p in problems]
