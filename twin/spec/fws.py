"""The `fws:` section: the facility water loop, from the CDU branches to the heat rejection, or an FMU instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from twin.spec.model import Id, NonNegative, Positive, Spec
from twin.spec.shape import FileName

Finding = tuple[tuple[str | int, ...], str, str, str]


class Driven(Spec):
    """An electrically driven piece: catalogue item, power node that feeds it, delay from power back to running."""

    type: str
    feed: Id
    restart_s: NonNegative
    label: str = ""


class Passive(Spec):
    """A piece without a motor of its own account."""

    type: str
    label: str = ""


class PipeEntry(Spec):
    """A run of pipe, single length from plant to hall."""

    type: str
    length_m: Positive
    label: str = ""


class FmuPlant(Spec):
    """A functional mock-up unit in the place of the built-in plant.

    file, mapping : .fmu and .yaml, beside the facility file; start: start values that override the FMU's own;
    trust : foreign native code runs only when this says so.
    """

    file: Annotated[str, FileName(suffixes=(".fmu",))]
    mapping: Annotated[str, FileName(suffixes=(".yaml",))]
    step_s: Positive = 1.0
    start: dict[str, float] = {}
    trust: bool = False
    step_limit_s: Positive = 30.0


class FwsSection(Spec):
    """Equipment of the loop and the set-points of its controller."""

    fluid: str
    cdu_branch: str
    supply_setpoint_c: Annotated[float, Field(ge=5.0, le=70.0)]
    header_dp_pa: Positive = 100e3
    duty_pumps: Annotated[int, Field(ge=1)] = 1
    supply_pipe: PipeEntry
    return_pipe: PipeEntry
    pumps: Annotated[dict[Id, Driven], Field(min_length=1)]
    controller: Annotated[dict[Id, Driven], Field(min_length=1, max_length=1)]
    heat_rejection: Annotated[dict[Id, Driven], Field(min_length=1)]
    chillers: dict[Id, Driven] = {}
    bypass: Annotated[dict[Id, Passive], Field(min_length=1, max_length=1)]
    pipe_cells: Annotated[int, Field(ge=2, le=200)] = 20
    held_air_density_kg_m3: Positive | None = None  # instead of the density of the weather, for comparisons
    fmu: FmuPlant | None = None


def _classes(catalogue: Any, pairs: Iterable[tuple[tuple[str | int, ...], str, str]]) -> list[Finding]:
    found: list[Finding] = []
    for path, name, wanted in pairs:
        if catalogue is not None and name in catalogue and catalogue.item(name).cls != wanted:
            found.append((path, f"{name} (a {catalogue.item(name).cls})", f"a catalogue item of class {wanted}", ""))
    return found


def check_fws(facility: Any, catalogue: Any = None) -> list[Finding]:
    """Cross-references of the section: classes of the items, duty pumps against pumps, the FMU's consent."""
    section: FwsSection | None = facility.fws
    if section is None:
        return []
    maps: Mapping[str, tuple[str, Mapping[Id, Any]]] = {
        "pumps": ("fws_pump", section.pumps),
        "controller": ("fws_controller", section.controller),
        "heat_rejection": ("dry_cooler", section.heat_rejection),
        "chillers": ("chiller", section.chillers),
        "bypass": ("fws_bypass", section.bypass),
    }
    pairs: list[tuple[tuple[str | int, ...], str, str]] = [
        (("fws", key, id, "type"), entry.type, cls)
        for key, (cls, entries) in maps.items()
        for id, entry in entries.items()
    ]
    pairs += [(("fws", key, "type"), getattr(section, key).type, "pipe") for key in ("supply_pipe", "return_pipe")]
    pairs += [(("fws", "fluid"), section.fluid, "fws_fluid"), (("fws", "cdu_branch"), section.cdu_branch, "fws_branch")]
    found = _classes(catalogue, pairs)
    if section.duty_pumps > len(section.pumps):
        found.append(
            (("fws", "duty_pumps"), str(section.duty_pumps), f"at most the {len(section.pumps)} pumps listed", "")
        )
    if section.fmu is not None and not section.fmu.trust:
        found.append(
            (("fws", "fmu", "trust"), "false", "true", "an FMU is foreign native code: say that you trust this file")
        )
    return found
