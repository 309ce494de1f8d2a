"""Money: closed forms, the published claim's arithmetic, the section of the reference project."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.catalogue import read_catalogue
from twin.economics import (
    capital_recovery_factor,
    cost_per_million_tokens_usd,
    facility_gpu_hour,
    gpu_hour,
    run_token_cost,
    tokens_per_mw_ratio,
)
from twin.spec.economics import EconomicsSection, check_economics
from twin.spec.load import PROJECTS, section_from


@given(st.floats(0.0001, 0.5), st.integers(1, 40))
def test_payments_discounted_return_the_capital(rate, years):
    payment = capital_recovery_factor(rate, years)
    assert sum(payment / (1 + rate) ** k for k in range(1, years + 1)) == pytest.approx(1.0, rel=1e-9)


def test_recovery_is_continuous_at_no_interest():
    assert capital_recovery_factor(1e-7, 10) == pytest.approx(capital_recovery_factor(0.0, 10), rel=1e-6)


def test_claim_of_50x_tokens_per_mw_and_35x_lower_cost_follows_from_its_constants():
    c = read_catalogue()[0].item("inferencex-gb300-h200")
    per_mw = tokens_per_mw_ratio(c["gb300_tokens_s"], c["gb300_all_in_kw"], c["h200_tokens_s"], c["h200_all_in_kw"])
    gb300 = cost_per_million_tokens_usd(c["gb300_usd_h"], c["gb300_tokens_s"], 1.0)
    h200 = cost_per_million_tokens_usd(c["h200_usd_h"], c["h200_tokens_s"], 1.0)
    assert per_mw == pytest.approx(54.9, abs=0.05)  # stated as "50x"
    assert h200 / gb300 == pytest.approx(35.5, abs=0.05)  # stated as "35x"
    assert gb300 == pytest.approx(0.1227, abs=5e-5)
    assert h200 == pytest.approx(4.35, abs=0.005)


def test_halved_utilization_doubles_the_cost():
    assert cost_per_million_tokens_usd(2.0, 500.0, 0.4) == pytest.approx(
        2 * cost_per_million_tokens_usd(2.0, 500.0, 0.8), rel=1e-12)


def test_run_cost_equals_the_rate_formula():
    """10 GPU-hours, half of the time at 100 tokens/s per GPU, no electricity."""
    run = run_token_cost(tokens=10 * 3600 * 0.5 * 100, gpu_hours=10.0, fixed_usd_gpu_h=2.5, energy_kwh=0.0,
                         electricity_usd_mwh=80.0, utilization_fraction=0.5, sla_attainment_fraction=1.0,
                         currency_year=2026)
    assert run.usd_per_million_tokens == pytest.approx(cost_per_million_tokens_usd(2.5, 100.0, 0.5), rel=1e-12)


def test_a_run_without_tokens_has_no_cost_per_token():
    run = run_token_cost(tokens=0.0, gpu_hours=1.0, fixed_usd_gpu_h=2.0, energy_kwh=1.0, electricity_usd_mwh=80.0,
                         utilization_fraction=0.0, sla_attainment_fraction=None, currency_year=2026)
    assert run.usd_per_million_tokens is None and "no token" in run.statement and "2026" in run.statement


def test_building_is_counted_once():
    with pytest.raises(ValueError, match="counted once"):
        gpu_hour(it_capex_usd_gpu=1.0, it_kw_gpu=1.0, load_fraction=1.0, pue=1.1, electricity_usd_mwh=50.0,
                 discount_rate_fraction=0.1, it_life_years=4, opex_fraction_year=0.0, facility_life_years=10,
                 facility_capex_usd_mw=1e7, colocation_usd_kw_month=100.0)


def test_reference_section_gives_a_source_for_every_number():
    section = section_from(PROJECTS / "gb300-su" / "facility.yaml", "economics", EconomicsSection)
    assert check_economics(SimpleNamespace(economics=section)) == []
    short = section.model_copy(update={"sources": {"it_life_years": "x y z", "wages": "none"}})
    found = check_economics(SimpleNamespace(economics=short))
    assert len(found) == len(section.numbers()) - 1 + 1


def test_reference_gpu_hour_lies_where_rented_gpus_do():
    """GB300 at 4 M USD a rack and 2 kW a GPU: between the lowest and the highest published rent, both buildings."""
    section = section_from(PROJECTS / "gb300-su" / "facility.yaml", "economics", EconomicsSection)
    own = facility_gpu_hour(section, 72, 1.9, 0.8, 1.15)
    rent = facility_gpu_hour(section.model_copy(update={"building": "colocation"}), 72, 1.9, 0.8, 1.15)
    for cost in (own, rent):
        assert 2.652 < cost.total_usd_h < 3.96
        assert cost.total_usd_h == pytest.approx(cost.fixed_usd_h + 1.9 * 0.8 * 1.15 * 0.0775, rel=1e-12)
