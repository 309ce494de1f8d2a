"""What tokens cost: capital recovery, the GPU-hour built up, money per million tokens with its statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HOURS_PER_YEAR = 8760.0
HOURS_PER_MONTH = 730.0


def capital_recovery_factor(discount_rate_fraction: float, life_years: float) -> float:
    """Annual payment per unit of capital.

    Parameters
    ----------
    discount_rate_fraction : interest i per year [fraction]
    life_years : n [year]

    Returns
    -------
    factor [1/year]

    Notes
    -----
    CRF = i/(1 - (1 + i)^-n); 1/n at i = 0.

    Examples
    --------
    A loan at 10 % over 2 years: 1 = x/1.1 + x/1.21, so x = 1.21/2.1.

    >>> round(capital_recovery_factor(0.10, 2.0), 6) == round(1.21 / 2.1, 6)
    True
    >>> capital_recovery_factor(0.0, 4.0)
    0.25
    """
    if life_years <= 0.0:
        raise ValueError(f"life_years: found {life_years}, wanted more than 0")
    if discount_rate_fraction < 0.0:
        raise ValueError(f"discount_rate_fraction: found {discount_rate_fraction}, wanted at least 0")
    if discount_rate_fraction == 0.0:
        return 1.0 / life_years
    return discount_rate_fraction / (1.0 - (1.0 + discount_rate_fraction) ** -life_years)


def electricity_cost_usd(energy_kwh: float, electricity_usd_mwh: float) -> float:
    """Cost of energy.

    Parameters
    ----------
    energy_kwh : energy at the meter [kWh]
    electricity_usd_mwh : price [USD/MWh]

    Returns
    -------
    cost [USD]

    Examples
    --------
    >>> electricity_cost_usd(24_000.0, 70.0)
    1680.0
    """
    return energy_kwh * electricity_usd_mwh / 1000.0


def carbon_kg(grid_kwh: float, grid_carbon_kg_kwh: float, generator_kwh: float,
              generator_carbon_kg_kwh: float) -> float:
    """Carbon dioxide of grid and on-site generation.

    Parameters
    ----------
    grid_kwh, generator_kwh : energy taken from the grid and made on site [kWh]
    grid_carbon_kg_kwh, generator_carbon_kg_kwh : intensities [kg/kWh]

    Returns
    -------
    mass [kg]

    Examples
    --------
    >>> carbon_kg(1000.0, 0.38, 10.0, 0.7)
    387.0
    """
    return grid_kwh * grid_carbon_kg_kwh + generator_kwh * generator_carbon_kg_kwh


@dataclass(frozen=True)
class GpuHour:
    """Cost of one GPU for one hour by part [USD/h]."""

    it_capital_usd_h: float
    building_usd_h: float  # own walls, or the colocation rent: one of them, never both
    electricity_usd_h: float
    opex_usd_h: float

    @property
    def total_usd_h(self) -> float:
        return self.fixed_usd_h + self.electricity_usd_h

    @property
    def fixed_usd_h(self) -> float:
        """Everything but electricity, which a run meters."""
        return self.it_capital_usd_h + self.building_usd_h + self.opex_usd_h


def gpu_hour(
    *, it_capex_usd_gpu: float, it_kw_gpu: float, load_fraction: float, pue: float, electricity_usd_mwh: float,
    discount_rate_fraction: float, it_life_years: float, opex_fraction_year: float, facility_life_years: float,
    facility_capex_usd_mw: float = 0.0, colocation_usd_kw_month: float = 0.0,
) -> GpuHour:
    """Cost of one GPU-hour, built up.

    Parameters
    ----------
    it_capex_usd_gpu : racks and network per GPU [USD]
    it_kw_gpu : provisioned IT power per GPU [kW]
    load_fraction : mean over provisioned IT power [fraction]
    pue : facility over IT energy [1]
    electricity_usd_mwh : price [USD/MWh]
    discount_rate_fraction : interest per year [fraction]
    it_life_years, facility_life_years : lives [year]
    opex_fraction_year : staff, software and maintenance per year over the IT capital [fraction]
    facility_capex_usd_mw : own building and plant per MW of IT [USD/MW]; 0 with a colocation rent
    colocation_usd_kw_month : rent per provisioned kW and month [USD]; 0 in an own building

    Returns
    -------
    parts of the cost [USD/h]

    Notes
    -----
    c = CRF capex/8760 + building + P_IT load PUE price + opex, building = CRF P_IT capex/8760 or P_IT rent/730.
    The GPU is paid for every hour; what it does in the hour is the utilization of the cost per token.

    Examples
    --------
    >>> c = gpu_hour(it_capex_usd_gpu=35_040.0, it_kw_gpu=2.0, load_fraction=0.5, pue=1.25, electricity_usd_mwh=80.0,
    ...     discount_rate_fraction=0.0, it_life_years=4.0, opex_fraction_year=0.05, facility_life_years=10.0,
    ...     facility_capex_usd_mw=8_760_000.0)
    >>> c.it_capital_usd_h, c.building_usd_h, c.electricity_usd_h, c.opex_usd_h
    (1.0, 0.2, 0.1, 0.2)
    """
    if facility_capex_usd_mw > 0.0 and colocation_usd_kw_month > 0.0:
        raise ValueError("building: found own capital and a colocation rent, wanted one of them (counted once)")
    it = capital_recovery_factor(discount_rate_fraction, it_life_years) * it_capex_usd_gpu / HOURS_PER_YEAR
    walls = capital_recovery_factor(discount_rate_fraction, facility_life_years) * facility_capex_usd_mw / 1000.0
    building = it_kw_gpu * (walls / HOURS_PER_YEAR + colocation_usd_kw_month / HOURS_PER_MONTH)
    electricity = electricity_cost_usd(it_kw_gpu * load_fraction * pue, electricity_usd_mwh)
    return GpuHour(it, building, electricity, opex_fraction_year * it_capex_usd_gpu / HOURS_PER_YEAR)


def facility_gpu_hour(section: Any, gpus_per_rack: int, it_kw_gpu: float, load_fraction: float, pue: float) -> GpuHour:
    """`gpu_hour` with the numbers of a facility's `economics:` section.

    Parameters
    ----------
    section : the section (twin/spec/economics.py)
    gpus_per_rack : GPUs that share a rack's and its network's capital [1]
    it_kw_gpu : provisioned IT power per GPU [kW]
    load_fraction, pue : mean load, and facility over IT energy, as metered [1]

    Returns
    -------
    parts of the cost [USD/h]
    """
    own = section.building == "own"
    return gpu_hour(
        it_capex_usd_gpu=(section.rack_capex_usd + section.network_capex_usd_rack) / gpus_per_rack,
        it_kw_gpu=it_kw_gpu, load_fraction=load_fraction, pue=pue, electricity_usd_mwh=section.electricity_usd_mwh,
        discount_rate_fraction=section.discount_rate_fraction, it_life_years=section.it_life_years,
        opex_fraction_year=section.opex_fraction_year, facility_life_years=section.facility_life_years,
        facility_capex_usd_mw=section.facility_capex_usd_mw if own else 0.0,
        colocation_usd_kw_month=0.0 if own else section.colocation_usd_kw_month,
    )


def cost_per_million_tokens_usd(gpu_hour_usd: float, tokens_per_s_gpu: float, utilization_fraction: float) -> float:
    """Cost of a million tokens.

    Parameters
    ----------
    gpu_hour_usd : cost of one GPU-hour [USD/h]
    tokens_per_s_gpu : rate of one GPU while it serves, within the SLA [token/s]
    utilization_fraction : share of the paid hours at that rate [fraction]

    Returns
    -------
    cost [USD per million tokens]

    Notes
    -----
    c/(3600 r U) 1e6. Vendors state U = 1.

    Examples
    --------
    >>> cost_per_million_tokens_usd(3.6, 1000.0, 0.5)
    2.0
    """
    if tokens_per_s_gpu <= 0.0 or not 0.0 < utilization_fraction <= 1.0:
        raise ValueError(f"tokens_per_s_gpu, utilization_fraction: found {tokens_per_s_gpu}, {utilization_fraction}, "
                         "wanted more than 0, and within (0, 1]")
    return gpu_hour_usd / (3600.0 * tokens_per_s_gpu * utilization_fraction) * 1e6


@dataclass(frozen=True)
class TokenCost:
    """A cost per million tokens with everything that it stands on.

    usd_per_million_tokens is None when no token was delivered.
    """

    usd_per_million_tokens: float | None
    capital_usd: float
    electricity_usd: float
    gpu_hours: float
    tokens: float
    utilization_fraction: float
    sla_attainment_fraction: float | None
    token_basis: str
    currency_year: int

    @property
    def statement(self) -> str:
        sla = "no request" if self.sla_attainment_fraction is None else f"{self.sla_attainment_fraction:.1%}"
        cost = "no token delivered" if self.usd_per_million_tokens is None else (
            f"{self.usd_per_million_tokens:.4g} USD per million {self.token_basis} tokens")
        return (f"{cost} (USD of {self.currency_year}; utilization {self.utilization_fraction:.1%}; "
                f"SLA attainment {sla}; token basis: {self.token_basis})")


def run_token_cost(
    *, tokens: float, gpu_hours: float, fixed_usd_gpu_h: float, energy_kwh: float, electricity_usd_mwh: float,
    utilization_fraction: float, sla_attainment_fraction: float | None, currency_year: int,
    token_basis: str = "delivered serving output",
) -> TokenCost:
    """Cost of the tokens that a run delivered: GPU-hours at their fixed cost plus the energy that was metered.

    Parameters
    ----------
    tokens : delivered within the SLA [token]
    gpu_hours : GPU-hours allocated to serving, idle ones included [h]
    fixed_usd_gpu_h : capital, building and opex of a GPU-hour, electricity excluded [USD/h]
    energy_kwh : facility energy allocated to serving [kWh]
    electricity_usd_mwh : price [USD/MWh]
    utilization_fraction : mean GPU utilization over these hours [fraction]
    sla_attainment_fraction : tokens within the SLA over tokens delivered; None without a token [fraction]
    currency_year, token_basis : for the statement

    Returns
    -------
    cost with its statement

    Examples
    --------
    >>> c = run_token_cost(tokens=4e6, gpu_hours=2.0, fixed_usd_gpu_h=3.0, energy_kwh=25.0, electricity_usd_mwh=80.0,
    ...     utilization_fraction=0.5, sla_attainment_fraction=0.99, currency_year=2026)
    >>> c.usd_per_million_tokens
    2.0
    """
    capital = gpu_hours * fixed_usd_gpu_h
    electricity = electricity_cost_usd(energy_kwh, electricity_usd_mwh)
    cost = (capital + electricity) / tokens * 1e6 if tokens > 0.0 else None
    return TokenCost(cost, capital, electricity, gpu_hours, tokens, utilization_fraction, sla_attainment_fraction,
                     token_basis, currency_year)


def tokens_per_mw_ratio(tokens_s: float, all_in_kw: float, other_tokens_s: float, other_all_in_kw: float) -> float:
    """How many times the tokens per second and MW of another system.

    Parameters
    ----------
    tokens_s, other_tokens_s : per GPU [token/s]
    all_in_kw, other_all_in_kw : per GPU, cooling and losses included [kW]

    Returns
    -------
    ratio [1]

    Examples
    --------
    >>> tokens_per_mw_ratio(600.0, 2.0, 100.0, 1.0)
    3.0
    """
    return (tokens_s / all_in_kw) / (other_tokens_s / other_all_in_kw)
