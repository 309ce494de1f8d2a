"""Failure modes: the mode port written, its value, rate, repair, common cause, demand.

A file declares modes of one class and starts with its name; `rack_liquid.yaml` may add to `rack.yaml`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from twin.catalogue.item import ClassName, KeyName, Source, Tag
from twin.errors import Problem, SpecError
from twin.spec.model import Id, Spec
from twin.spec.problems import at, validate
from twin.spec.yaml_source import read_yaml

ROOT = Path(__file__).parent

ModeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=3, max_length=600)]


class Datum(Spec):
    """A number with its source; `minimum` and `maximum` bound what a scenario may give instead."""

    value: float
    source: Source
    tag: Tag
    note: str = ""
    minimum: float | None = None
    maximum: float | None = None


class DemandExample(Spec):
    """The demand that makes a waiting mode show, for the reference project."""

    element: Id
    mode: ModeName


class Demand(Spec):
    """What a mode waits for, such as a failure to start for the trip of its neighbour."""

    mode: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*/[a-z][a-z0-9-]*$")]
    element: Text
    example: DemandExample


class ModeSpec(Spec):
    """One failure mode. `value` is written to `port`; with a parameter of the same meaning the scenario gives it."""

    port: KeyName
    value: float | None = None
    neutral: float | None = None
    description: Text
    parameters: dict[KeyName, Datum] = {}
    rate_per_year: Datum
    repair_h: Datum
    common_cause: str = ""
    demand: Demand | None = None
    note: str = ""

    def written(self, value: float | None = None, parameters: dict[str, float] | None = None) -> float:
        """Number that an injection writes: the scenario's, else the parameter's, else the declared one."""
        if value is not None:
            return value
        given = parameters or {}
        for name, datum in self.parameters.items():
            return given.get(name, datum.value)
        if self.value is None:
            raise ValueError("a mode with a value or a parameter")
        return self.value


class ModeFile(Spec):
    """All modes of one class; the class is the axis of its elements."""

    cls: ClassName = Field(alias="class")
    label: str = ""
    note: str = ""
    modes: dict[ModeName, ModeSpec]


def read_modes(root: Path = ROOT) -> tuple[dict[str, dict[str, ModeSpec]], list[Problem]]:
    """Every mode by class and name, and every problem of the files."""
    out: dict[str, dict[str, ModeSpec]] = {}
    problems: list[Problem] = []
    for path in sorted(root.glob("*.yaml")):
        shown = f"catalogue/modes/{path.name}"
        try:
            tree = read_yaml(path, shown=shown)
        except SpecError as error:
            problems += error.problems
            continue
        found, wrong = validate(ModeFile, tree)
        problems += wrong
        if found is None:
            continue
        if found.cls != path.stem and not path.stem.startswith(found.cls + "_"):
            problems.append(Problem(shown, 1, "class", repr(found.cls), f"the start of its file's name, {path.stem!r}"))
        for name, mode in found.modes.items():
            if mode.value is None and not mode.parameters:
                problems.append(Problem(shown, 1, f"modes.{name}", "neither a value nor a parameter", "one of them"))
        known = out.setdefault(found.cls, {})
        for name in sorted(set(known) & set(found.modes)):
            problems.append(at(tree, ("modes", name), f"mode {name!r} of class {found.cls} again", "a name used once"))
        known.update(found.modes)
    for cls, modes in out.items():
        for name, mode in modes.items():
            if mode.demand is not None:
                of, _, which = mode.demand.mode.partition("/")
                if which not in out.get(of, {}):
                    problems.append(
                        Problem(
                            f"catalogue/modes/{cls}.yaml",
                            1,
                            f"modes.{name}.demand.mode",
                            repr(mode.demand.mode),
                            "a mode that is declared",
                        )
                    )
    return out, problems


@cache
def load_modes() -> dict[str, dict[str, ModeSpec]]:
    """class -> mode name -> declaration; a SpecError lists every problem of the files."""
    modes, problems = read_modes()
    if problems:
        raise SpecError(problems)
    return modes
