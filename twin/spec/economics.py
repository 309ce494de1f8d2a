"""The `economics:` section: prices, lives, discount and carbon, each with its source."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from twin.spec.model import Fraction, NonNegative, Positive, Spec

_TEXTS = frozenset({"currency", "currency_year", "building", "carbon_basis", "sources"})


class EconomicsSection(Spec):
    """Money in the currency of `currency_year`; `building` decides what is counted: own walls or a colocation rent."""

    currency: Literal["USD"] = "USD"
    currency_year: Annotated[int, Field(ge=2000, le=2100)]
    building: Literal["own", "colocation"] = "own"
    electricity_usd_mwh: NonNegative
    rack_capex_usd: Positive
    network_capex_usd_rack: NonNegative
    facility_capex_usd_mw: NonNegative
    colocation_usd_kw_month: NonNegative
    it_life_years: Positive
    facility_life_years: Positive
    discount_rate_fraction: Fraction
    opex_fraction_year: Fraction
    grid_carbon_kg_kwh: NonNegative
    generator_carbon_kg_kwh: NonNegative
    carbon_basis: Literal["location", "market"] = "location"
    sources: dict[str, str]

    def numbers(self) -> dict[str, float]:
        """Every priced or physical number of the section by name."""
        return {name: value for name, value in self if name not in _TEXTS}


def check_economics(facility: Any) -> list[tuple[tuple[str | int, ...], str, str, str]]:
    """Each number has a source; no source names a number that is not there."""
    section: EconomicsSection = facility.economics
    found: list[tuple[tuple[str | int, ...], str, str, str]] = []
    numbers = section.numbers()
    for name in numbers:
        if not section.sources.get(name, "").strip():
            found.append((("economics", "sources"), f"no source for {name}", "a source for every number",
                          "write 'estimate: why' where there is none"))
    for name in section.sources:
        if name not in numbers:
            found.append((("economics", "sources", name), name, "a number of this section",
                          "known: " + ", ".join(numbers)))
    return found
