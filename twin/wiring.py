"""From the plant to the wired components: builders in the order of settling, the script, the axes of every port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from twin.catalogue.modes import ModeSpec, load_modes
from twin.contract import Component, Port
from twin.errors import WiringError
from twin.faults import Action, Script
from twin.plant import Plant
from twin.spec.scenario import CONDITIONS, Condition, Fault, Scenario


def build_components(plant: Plant, scenario: Scenario) -> list[Component]:
    """Every component of the scenario; the list's order is the order of settling."""
    from twin.components.air import build_air
    from twin.components.electrical import build_electrical, power_axes
    from twin.components.fws import build_fws
    from twin.components.load import build_load
    from twin.components.network import build_network, switch_axes
    from twin.components.tcs import build_tcs
    from twin.components.weather import build_weather

    plant.axes.update(power_axes(plant.facility, plant.catalogue))
    plant.axes.update(switch_axes(plant.facility))
    plant.axes["pool"], plant.axes["job"] = tuple(scenario.workload.pools), tuple(scenario.workload.jobs)
    built: list[Component] = [
        build_electrical(plant, scenario), build_weather(plant, scenario), build_tcs(plant, scenario),
        build_fws(plant, scenario), build_air(plant, scenario), build_network(plant, scenario),
        build_load(plant, scenario),
    ]
    return [build_script(plant, scenario, built), *built]


def build_script(plant: Plant, scenario: Scenario, components: Sequence[Component]) -> Script:
    """The script: owner of every fault mode that a component reads and of the conditions.

    Raises
    ------
    WiringError : a mode without a component that reads its port, or a component's fault port without a mode
    """
    made = {p.name for c in components for p in c.outputs}
    wanted = {p.name: p for c in components for p in c.inputs if p.kind == "mode" and p.name not in made}
    modes = load_modes()
    _check_modes(modes, wanted)
    axes = plant_axes(plant, components)
    neutral = {s.port: s.neutral for by in modes.values() for s in by.values() if s.neutral is not None}
    neutral |= {port: condition[1] for port, condition in CONDITIONS.items()}
    wrong = [f"{n} is {p.neutral} when nothing is wrong for its reader, its declaration says {neutral[n]}"
             for n, p in wanted.items() if p.neutral != neutral.get(n, p.neutral)]
    if wrong:
        raise WiringError("; ".join(wrong))
    ports = [Port(name, port.axis, "mode", neutral=port.neutral) for name, port in sorted(wanted.items())]
    actions = [a for fault in (*scenario.out_of_service, *scenario.faults) for a in _actions(fault, fault.mode, axes)]
    actions += [a for c in scenario.conditions for a in _actions(c, c.port.replace("_", "-"), axes)]
    return Script(actions, ports)


def _check_modes(modes: Mapping[str, Mapping[str, ModeSpec]], wanted: Mapping[str, Port]) -> None:
    declared = {spec.port: f"{cls}/{name}" for cls, by in modes.items() for name, spec in by.items()}
    problems = [f"mode {mode} writes {port}, which no component reads" for port, mode in declared.items()
                if port not in wanted]
    problems += [f"{port} is read but no mode declares it" for port in wanted
                 if port not in declared and port not in CONDITIONS]
    if problems:
        raise WiringError("; ".join(sorted(problems)))


def _actions(what: Fault | Condition, kind: str, axes: Mapping[str, tuple[str, ...]]) -> Iterable[Action]:
    try:
        index = axes[what.cls].index(what.element)
    except (KeyError, ValueError):
        raise WiringError(f"{what.element} of class {what.cls} has no place on the axis of {what.port}") from None
    note = getattr(what, "note", "")
    yield Action(what.t_us, what.element, kind, ((what.port, index, what.value),), message=note)
    if what.end_us is not None:
        yield Action(what.end_us, what.element, f"{kind}-end", ((what.port, index, what.neutral),), ends=True)


def plant_axes(plant: Plant, components: Sequence[Component]) -> dict[str, tuple[str, ...]]:
    """Ids of every axis: the plant's, and those a component brings for its own ports."""
    axes = dict(plant.axes)
    for component in components:
        own: Mapping[str, tuple[str, ...]] = getattr(component, "axes", {})
        for axis, ids in own.items():
            if axis in axes and set(axes[axis]) != set(ids):
                raise WiringError(f"{component.name} counts {len(ids)} elements on axis {axis}, "
                                  f"the plant {len(axes[axis])}")
            axes[axis] = tuple(ids)
    plant.axes.update(axes)
    return axes
