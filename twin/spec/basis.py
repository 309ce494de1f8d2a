"""Basis of design: the rules that a design is checked against, each with a clause that a finding cites."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from twin.spec.model import Fraction, Positive, Spec

System = Literal[
    "cdu",
    "cdu_pump",
    "fws_pump",
    "dry_cooler",
    "chiller",
    "ahu",
    "transformer",
    "generator",
    "ups",
    "busway",
    "whip",
    "utility",
    "leaf_switch",
    "spine_switch",
]


def _is_redundancy(value: str) -> str:
    made = re.fullmatch(r"([1-9][0-9]?)-to-make-([1-9][0-9]?)", value)
    if (made and int(made[2]) > int(made[1])) or not (made or re.fullmatch(r"N|N\+[1-9]|2N|2\(N\+1\)", value)):
        raise ValueError("N, N+1 .. N+9, 2N, 2(N+1) or such as 4-to-make-3")
    return value


RedundancyText = Annotated[str, AfterValidator(_is_redundancy)]
Loading = Annotated[float, Field(gt=0.0, le=2.0)]


class DesignDay(Spec):
    """Outdoor condition that heat rejection is sized for."""

    drybulb_c: Annotated[float, Field(ge=-60.0, le=60.0)]
    wetbulb_c: Annotated[float, Field(ge=-60.0, le=40.0)]
    source: str


class SystemRule(Spec):
    """Redundancy and maximum loading of one system: with all units running, and after the losses it must survive."""

    redundancy: RedundancyText
    maximum_loading_fraction: Loading = 1.0
    maximum_loading_after_loss_fraction: Loading = 1.0
    reason: str = ""


class Margins(Spec):
    """Capacity to be left free at the design point, as a fraction of the demand."""

    cooling_fraction: Fraction = 0.0
    electrical_fraction: Fraction = 0.0


class Basis(Spec):
    """Rules of one design.

    diversity_fraction: coincident demand over the sum of nameplates. peak_factor: short electrical peak over
    nameplate of a rack, which electronics and overload trips see: whips, busways and UPS carry it, while transformers
    and generators, whose heating and governor average it out, are rated for the sustained demand.
    altitude_m: altitude that equipment is rated for.
    """

    document: str
    revision: str
    design_day: DesignDay
    altitude_m: Annotated[float, Field(ge=-430.0, le=5000.0)]
    diversity_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    peak_factor: Positive = 1.0
    margins: Margins = Margins()
    systems: dict[System, SystemRule]


@dataclass(frozen=True)
class Group:
    """Demand and capacity of a group of like units at the design point, as a check or a run has computed it."""

    system: str
    name: str  # the group or its place: "H1_CDUGROUP", "BW_A..BW_D"
    units: int  # installed
    demand: float
    capacity_each: float
    unit: str  # "kW"
    most: tuple[str, float] | None = None  # unit that is loaded most and its loading, if the units differ
    most_after_loss: tuple[str, str, float] | None = None  # worst loss of one unit: lost, loaded most, its loading
    peak_factor: float = 1.0  # of the racks in the demand


@dataclass(frozen=True)
class Finding:
    """One clause of the basis that a design does not meet (or, with ok, meets)."""

    clause: str
    element: str
    found: str
    wanted: str
    ok: bool

    def __str__(self) -> str:
        verdict = "meets" if self.ok else "breaks"
        return f"{self.element}: {self.found} (allowed: {self.wanted}) {verdict} {self.clause}"


def spare_units(redundancy: str, units: int) -> int:
    """Units of `units` installed that may be lost.

    Examples
    --------
    >>> [spare_units(r, n) for r, n in (("N", 3), ("N+1", 3), ("2N", 4), ("4-to-make-3", 4), ("4-to-make-3", 8))]
    [0, 1, 2, 1, 2]
    """
    if redundancy == "N":
        return 0
    if redundancy == "2N":
        return units // 2
    if redundancy == "2(N+1)":
        return units // 2 + 1
    made = re.fullmatch(r"(\d+)-to-make-(\d+)", redundancy)
    if made:
        have, need = int(made[1]), int(made[2])
        return units * (have - need) // have
    return int(redundancy.removeprefix("N+"))


def check_group(basis: Basis, group: Group) -> list[Finding]:
    """Loading of a group against its rule: as installed, and after the losses that its redundancy promises.

    The demand is that of the whole group, margins included. Both the mean of the units left and the unit that is loaded
    most, if the group names it, must keep the limit.
    """
    rule = basis.systems.get(group.system)  # type: ignore[call-overload]
    if rule is None:
        return []
    where = f"{basis.document} rev {basis.revision}, basis_of_design.systems.{group.system}"
    peak = f" with basis_of_design.peak_factor {group.peak_factor:g}" if group.peak_factor != 1.0 else ""
    spare = spare_units(rule.redundancy, group.units)
    out = [
        _loading(group, 0, rule.maximum_loading_fraction, f"{where}.maximum_loading_fraction{peak}"),
    ]
    if spare or rule.redundancy != "N":
        clause = f"{where}.maximum_loading_after_loss_fraction" + (f" ({rule.redundancy})" if spare else "") + peak
        out.append(_loading(group, spare, rule.maximum_loading_after_loss_fraction, clause))
    return out


def _loading(group: Group, lost: int, limit: float, clause: str) -> Finding:
    left = group.units - lost
    capacity = left * group.capacity_each
    loading = group.demand / capacity if capacity > 0 else float("inf")
    if group.capacity_each == 1.0:
        found = f"{group.demand:.0f} needed, {left} of {group.units} {group.unit}s"
    else:
        found = f"{group.demand:.0f} {group.unit} on {left} of {group.units} x {group.capacity_each:.0f} {group.unit}"
    found += f" = {loading:.1%}" if capacity > 0 else ", no unit left"
    if lost and group.most_after_loss is not None:
        gone, unit, most = group.most_after_loss
        found += f", {unit} {most:.1%} without {gone}"
        loading = max(loading, most)
    elif not lost and group.most is not None:
        unit, most = group.most
        found += f", {unit} {most:.1%}"
        loading = max(loading, most)
    return Finding(clause, group.name, found, f"at most {limit:.1%}", loading <= limit * (1 + 1e-9))


def check_basis(basis: Basis, groups: Iterable[Group]) -> list[Finding]:
    """Every finding of every group, those that break a clause first."""
    found = [finding for group in groups for finding in check_group(basis, group)]
    return sorted(found, key=lambda f: f.ok)


def check_place(basis: Basis, altitude_m: float) -> Finding:
    """The site lies no higher than the altitude the equipment is rated for."""
    clause = f"{basis.document} rev {basis.revision}, basis_of_design.altitude_m"
    return Finding(
        clause, "site", f"{altitude_m:g} m", f"at most {basis.altitude_m:g} m", altitude_m <= basis.altitude_m
    )


def check_weather(basis: Basis, drybulb_c: float, wetbulb_c: float) -> list[Finding]:
    """The hottest hour of a weather (each of dry and wet bulb) is no hotter than the design day."""
    out = []
    for name, value, limit in (
        ("drybulb_c", drybulb_c, basis.design_day.drybulb_c),
        ("wetbulb_c", wetbulb_c, basis.design_day.wetbulb_c),
    ):
        clause = f"{basis.document} rev {basis.revision}, basis_of_design.design_day.{name}"
        out.append(Finding(clause, "weather", f"{value:.1f} degC", f"at most {limit:.1f} degC", value <= limit + 0.05))
    return out
