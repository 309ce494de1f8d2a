"""Faults, conditions and elements out of service: from text to element, port, value and microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from twin.catalogue.modes import ModeSpec
from twin.errors import Problem
from twin.spec.clock import duration_text, duration_us, instant_us
from twin.spec.elements import select
from twin.spec.problems import at, did_you_mean
from twin.spec.scenario import CONDITIONS, Condition, Fault, OutSpec, ScenarioSpec
from twin.spec.yaml_source import Node

Ids = Mapping[str, tuple[str, ...]]
Modes = Mapping[str, Mapping[str, ModeSpec]]
AWAY = ("out-of-service", "fail", "failed", "trip", "loss", "open", "off")


def _targets(
    selection: str,
    ids: Ids,
    modes: Modes,
    mode: str | None,
    tree: Node,
    path: tuple[str | int, ...],
    problems: list[Problem],
) -> list[tuple[str, str]]:
    """(class, id) that a selection means; empty with a problem if it means nothing or the mode is unknown there."""
    found = select(selection, dict(ids), set(ids))
    if not found:
        names = [one for group in ids.values() for one in group]
        problems.append(
            at(
                tree,
                (*path, "element"),
                repr(selection),
                "an element's id, a glob over ids or a class",
                did_you_mean(selection, [*names, *ids]),
            )
        )
        return []
    declared = [(cls, one) for cls, one in found if cls in modes]
    if not declared:
        problems.append(
            at(
                tree,
                (*path, "element"),
                f"{selection!r} of class {found[0][0]}",
                "a class with failure modes",
                did_you_mean(found[0][0], modes),
            )
        )
        return []
    if mode is None:
        return declared
    fitting = [(cls, one) for cls, one in declared if mode in modes[cls]]
    if not fitting:
        cls = declared[0][0]
        problems.append(
            at(
                tree,
                (*path, "mode"),
                f"mode {mode!r} of class {cls}",
                "a mode of that class",
                did_you_mean(mode, modes[cls]),
            )
        )
    return fitting


def resolve_faults(
    spec: ScenarioSpec, tree: Node, start: datetime, duration: int, ids: Ids, modes: Modes, problems: list[Problem]
) -> tuple[Fault, ...]:
    """Every fault for every element it selects, in order of time, then as written."""
    out = []
    for number, fault in enumerate(spec.faults):
        path = ("faults", number)
        begin = instant_us(fault.at, start)
        if begin >= duration:
            problems.append(
                at(
                    tree,
                    (*path, "at"),
                    repr(fault.at),
                    "an instant before the end of the run",
                    f"the run lasts {duration_text(duration)}",
                )
            )
        end = None if fault.duration is None else begin + duration_us(fault.duration)
        for cls, element in _targets(fault.element, ids, modes, fault.mode, tree, path, problems):
            mode = modes[cls][fault.mode]
            for name in fault.parameters:
                if name not in mode.parameters:
                    problems.append(
                        at(
                            tree,
                            (*path, "parameters", name),
                            f"parameter {name!r}",
                            f"a parameter of {cls}/{fault.mode}",
                            did_you_mean(name, mode.parameters) or "this mode has none",
                        )
                    )
            value = mode.written(fault.value, fault.parameters)
            for name, datum in mode.parameters.items():
                low, high = datum.minimum, datum.maximum
                if (low is not None and value < low) or (high is not None and value > high):
                    where = (*path, "parameters", name) if name in fault.parameters else (*path, "value")
                    problems.append(at(tree, where, f"{value:g}", f"{name} from {low} to {high}"))
                break
            out.append(Fault(begin, element, cls, fault.mode, mode.port, value, mode.neutral or 0.0, end, fault.note))
    return tuple(sorted(out, key=lambda f: f.t_us))


def resolve_conditions(
    spec: ScenarioSpec, tree: Node, start: datetime, ids: Ids, problems: list[Problem]
) -> tuple[Condition, ...]:
    out = []
    for number, given in enumerate(spec.conditions):
        path = ("conditions", number)
        cls, neutral, low, high = CONDITIONS[given.quantity]
        if not low <= given.value <= high:
            problems.append(
                at(tree, (*path, "value"), f"{given.value:g}", f"{given.quantity} from {low:g} to {high:g}")
            )
        begin = instant_us(given.at, start)
        end = None if given.duration is None else begin + duration_us(given.duration)
        found = select(given.element or cls, dict(ids), {cls})
        if not found:
            problems.append(
                at(
                    tree,
                    (*path, "element"),
                    repr(given.element),
                    f"an element of class {cls}",
                    did_you_mean(given.element or "", ids.get(cls, ())),
                )
            )
        out += [Condition(begin, one, cls, given.quantity, given.value, neutral, end) for _, one in found]
    return tuple(sorted(out, key=lambda c: c.t_us))


def resolve_out(
    spec: ScenarioSpec, tree: Node, warmup_us: int, ids: Ids, modes: Modes, problems: list[Problem]
) -> tuple[Fault, ...]:
    """Elements away from before the start: their class's mode of being away is set at the start of the warm-up."""
    out = []
    for number, given in enumerate(spec.out_of_service):
        path: tuple[str | int, ...] = ("out_of_service", number)
        one = given if isinstance(given, OutSpec) else OutSpec(element=given)
        for cls, element in _targets(one.element, ids, modes, one.mode, tree, path, problems):
            name = one.mode or next((m for m in AWAY if m in modes[cls]), None)
            if name is None:
                problems.append(
                    at(
                        tree,
                        path,
                        f"{element} of class {cls}",
                        "a mode that says how it is away",
                        did_you_mean("", modes[cls]),
                    )
                )
                continue
            mode = modes[cls][name]
            out.append(
                Fault(-warmup_us, element, cls, name, mode.port, mode.written(), mode.neutral or 0.0, None, one.note)
            )
    return tuple(out)
