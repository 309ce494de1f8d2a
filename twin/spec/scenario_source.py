"""Loading a scenario: files, bases, overrides, workload, day of the weather, faults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

from twin.catalogue.modes import load_modes
from twin.errors import Problem, SpecError
from twin.spec.clock import Clock, ClockSpec, duration_us
from twin.spec.elements import elements
from twin.spec.facility import Facility
from twin.spec.faults import resolve_conditions, resolve_faults, resolve_out
from twin.spec.merge import merge, override, parse_set
from twin.spec.problems import at, did_you_mean, show, validate
from twin.spec.resolve import facility_catalogue, resolve_facility
from twin.spec.scenario import Scenario, ScenarioSpec
from twin.spec.sources import PROJECTS, absolute_files, beside, facility_path, reachable, read_tree
from twin.spec.weather_day import WeatherError, run_day
from twin.spec.workload import Workload
from twin.spec.workload_source import workload_from, workload_tree
from twin.spec.yaml_source import Node, plain

APART = ("facility", "workload", "set")  # keys of a scenario file that other models check
Override = tuple[str, Node]


def load_scenario(
    file: str | Path | None = None, facility: str | Path | Facility | None = None, overrides: Sequence[str] = ()
) -> Scenario:
    """Resolved scenario.

    Parameters
    ----------
    file : name or file of a scenario; None: `scenarios/day.yaml` of the facility, or the defaults if it has none
    facility : name, file or a loaded one; None: the one that the scenario names
    overrides : `path.to.value=X`; a path starts in the facility, in `workload`, or in the scenario (`clock.duration`);
        they win over the scenario's own `set:`

    Raises
    ------
    SpecError with every problem of all files
    """
    folders = []
    if facility is not None:
        folder = facility.folder if isinstance(facility, Facility) else facility_path(facility).parent
        folders.append(folder / "scenarios")
    tree = _scenario_tree(file, folders)
    return resolve_scenario(tree, facility, overrides)


def _scenario_tree(file: str | Path | None, folders: list[Path]) -> Node:
    if file is None:
        day = folders[0] / "day.yaml" if folders else None
        if day is not None and reachable(day):
            return read_tree(day, [*folders, *scenario_folders()])
        return Node({"name": Node("day", "(defaults)", 1)}, "(defaults)", 1)
    return read_tree(find_scenario(str(file), folders), [*folders, *scenario_folders()])


def scenario_folders() -> list[Path]:
    """Folders of the reference projects' scenarios, the last place where a name is looked for."""
    return sorted(PROJECTS.glob("*/scenarios"))


def find_scenario(name: str, folders: Sequence[Path]) -> Path:
    """File of a scenario's file name, or of a name in the folders or in a reference project."""
    if reachable(Path(name)):
        return Path(name)
    places = [*folders, *scenario_folders()]
    for folder in places:
        for candidate in (folder / name, folder / f"{name}.yaml"):
            if reachable(candidate):
                return candidate
    known = [p.stem for folder in places for p in sorted(folder.glob("*.yaml"))]
    raise SpecError(
        [
            Problem(
                name,
                1,
                "(file)",
                "no such file or scenario",
                "a scenario file or a scenario's name",
                did_you_mean(Path(name).stem, known),
            )
        ]
    )


def _overrides(tree: Node, texts: Sequence[str], problems: list[Problem]) -> list[Override]:
    """The scenario's own `set:` entries, then those of the command line."""
    out: list[Override] = []
    own = tree.value.get("set") if isinstance(tree.value, dict) else None
    if own is not None and own.value is not None:
        if isinstance(own.value, dict):
            out += list(own.value.items())
        else:
            problems.append(at(tree, ("set",), show(plain(own)), "a map of dotted paths"))
    for number, text in enumerate(texts, start=1):
        try:
            out.append(parse_set(text, number))
        except SpecError as error:
            problems += error.problems
    return out


def resolve_scenario(
    tree: Node, facility: str | Path | Facility | None = None, overrides: Sequence[str] = ()
) -> Scenario:
    """Scenario of a merged tree."""
    problems: list[Problem] = []
    if not isinstance(tree.value, dict):
        raise SpecError([at(tree, (), show(plain(tree)), "a map")])
    own = Node({k: v for k, v in tree.value.items() if k not in APART}, tree.file, tree.line, tree.size)
    if isinstance(facility, Facility):
        below, folder = facility.tree, facility.folder
    else:
        path = _facility_file(tree, facility)
        below, folder = read_tree(path, [PROJECTS]), path.parent
    work = workload_tree(tree.value.get("workload"), folder, problems)
    facility_keys = [k for k in Facility.model_fields if k not in ("name", "label")]
    for where, value in _overrides(tree, overrides, problems):
        first, _, rest = where.partition(".")
        if first == "workload" and rest:
            work = override(work, rest, value, Workload, problems)
        elif first == "workload":
            given = workload_tree(value, folder, problems)
            # a named load replaces, a map lies over
            work = given if isinstance(value.value, str) else merge(work, given)
        elif first in facility_keys:
            below = override(below, where, value, Facility, problems)
        elif first in ScenarioSpec.model_fields:
            own = override(own, where, value, ScenarioSpec, problems)
        else:
            names = [*facility_keys, *ScenarioSpec.model_fields, "workload"]
            problems.append(
                Problem(
                    value.file,
                    value.line,
                    where,
                    f"unknown name {first!r}",
                    "a section of the facility, the workload or the scenario",
                    did_you_mean(first, names),
                )
            )
    built, more = resolve_facility(below, folder)
    problems += more
    own = absolute_files(own, ScenarioSpec, problems)
    spec, wrong = validate(ScenarioSpec, own)
    for problem in wrong:
        problems.append(_with_all_keys(problem))
    workload, more = workload_from(work, built)
    problems += more
    if spec is None or built is None or workload is None:
        raise SpecError(problems)
    scenario = _resolve(spec, own, built, workload, problems)
    if problems or scenario is None:
        raise SpecError(problems)
    return scenario


def _with_all_keys(problem: Problem) -> Problem:
    """An unknown top-level key may also be meant for one of the keys that other models check."""
    if problem.found.startswith("unknown key") and "." not in problem.where:
        hint = did_you_mean(problem.where, [*ScenarioSpec.model_fields, *APART])
        return Problem(problem.file, problem.line, problem.where, problem.found, problem.wanted, hint)
    return problem


def _facility_file(tree: Node, given: str | Path | None) -> Path:
    if given is not None:
        return facility_path(given)
    assert isinstance(tree.value, dict)
    name = tree.value.get("facility")
    if name is None:
        raise SpecError(
            [
                at(
                    tree,
                    ("facility",),
                    "nothing",
                    "the name or file of a facility",
                    "write `facility:` or give one on the command line",
                )
            ]
        )
    if not isinstance(name.value, str):
        raise SpecError([at(tree, ("facility",), show(plain(name)), "the name or file of a facility")])
    for candidate in (beside(name) / name.value, beside(name) / name.value / "facility.yaml"):
        if reachable(candidate):
            return candidate
    try:
        return facility_path(name.value)
    except SpecError as error:
        raise SpecError([at(tree, ("facility",), repr(name.value), p.wanted, p.hint) for p in error.problems]) from None


def _resolve(
    spec: ScenarioSpec, tree: Node, facility: Facility, workload: Workload, problems: list[Problem]
) -> Scenario | None:
    weather = spec.weather or facility.site.weather
    chosen = spec.date or facility.site.date
    from_site = spec.weather is None
    origin = facility.tree if from_site else tree
    try:
        year, day = run_day(weather, chosen)
    except WeatherError as error:
        path = ("site", "weather") if from_site else ("weather",)
        shown_problems = error.problems[:50]
        problems += [
            at(origin, path, f"{place}: {found}", "a complete weather year") for place, found in shown_problems
        ]
        return None
    except ValueError as error:
        problems.append(
            at(
                tree if spec.date else facility.tree,
                ("date",) if spec.date else ("site", "date"),
                repr(chosen),
                str(error),
            )
        )
        return None
    clock = _clock(spec.clock, year, day, tree, problems)
    if clock is None:
        return None
    ids = elements(facility, facility_catalogue(facility), workload)
    taken = {one.lower(): one for cls, group in ids.items() if cls not in ("job", "pool") for one in group}
    for kind, names in (("jobs", workload.jobs), ("pools", workload.pools)):
        for name in names:
            if name.lower() in taken:
                found = f"id {name!r} again"
                problems.append(at(tree, ("workload", kind, name), found, "one id per element, ignoring case"))
    try:
        modes = load_modes()
    except SpecError as error:
        problems += error.problems
        return None
    faults = resolve_faults(spec, tree, clock.start, clock.duration_us, ids, modes, problems)
    conditions = resolve_conditions(spec, tree, clock.start, ids, problems)
    out = resolve_out(spec, tree, clock.warmup_us, ids, modes, problems)
    date = f"{clock.start:%m-%d}"
    return Scenario(
        spec.name,
        spec.label or spec.name,
        spec.question,
        spec.hypothesis,
        facility,
        workload,
        clock,
        spec.seed,
        spec.solver,
        weather,
        date,
        faults,
        conditions,
        out,
        spec,
        tree,
        spec.note,
    )


def _clock(spec: ClockSpec, year: int, day: str, tree: Node, problems: list[Problem]) -> Clock | None:
    if "T" in spec.start or "-" in spec.start:
        start = datetime.fromisoformat(spec.start)
    else:
        hour, minute, *second = spec.start.split(":")
        start = datetime.combine(
            datetime.fromisoformat(f"{year}-{day}").date(),
            time.fromisoformat(f"{int(hour):02d}:{minute}:{second[0] if second else '00'}"),
        )
    clock = Clock(start, duration_us(spec.duration), duration_us(spec.step), duration_us(spec.warmup))
    if not 1_000 <= clock.step_us <= 60_000_000:
        problems.append(at(tree, ("clock", "step"), show(spec.step), "a step from 1ms to 1min"))
    elif clock.duration_us < clock.step_us:
        problems.append(at(tree, ("clock", "duration"), show(spec.duration), "at least one step"))
    elif 1_000_000 % clock.step_us and clock.step_us % 1_000_000:
        problems.append(at(tree, ("clock", "step"), show(spec.step), "a step that divides a second, or whole seconds"))
    else:
        return clock
    return None
