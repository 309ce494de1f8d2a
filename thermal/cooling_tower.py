"""Closed-circuit wet tower: heat and water from the loop to outdoor air."""

from __future__ import annotations

import numpy as np

from thermal.psychrometrics import H_VAPORISATION_J_KG


def tower_ntu(nominal_ntu, water_to_air_ratio, nominal_ratio):  # type: ignore[no-untyped-def]
    """Number of transfer units of the wet surface, on the air side.

    Parameters
    ----------
    nominal_ntu : at the nominal ratio of flows [-]
    water_to_air_ratio, nominal_ratio : water over air mass flow [-]

    Returns
    -------
    NTU [-]

    Notes
    -----
    ``NTU ~ (m_w / m_a)^0.4``, the exponent of common fills (1 + n with n = -0.6).

    References
    ----------
    J. E. Braun, S. A. Klein, J. W. Mitchell, Effectiveness models for cooling towers and cooling coils, ASHRAE
    Transactions 95 (2), 1989.
    """
    return nominal_ntu * (water_to_air_ratio / nominal_ratio) ** 0.4


def tower_effectiveness(ntu, capacity_ratio):  # type: ignore[no-untyped-def]
    """Air-side effectiveness on enthalpy, counterflow.

    Parameters
    ----------
    ntu : transfer units [-]
    capacity_ratio : m_a c_s / (m_w c_w) [-], c_s the slope of saturation enthalpy

    Returns
    -------
    (h_out - h_in) / (h_s(T_w,in) - h_in) [-]

    Notes
    -----
    ``(1 - e) / (1 - c e)`` with ``e = exp(-ntu (1 - c))``; ``ntu / (1 + ntu)`` at c = 1.

    Examples
    --------
    >>> round(float(tower_effectiveness(1.0, 1.0)), 6)
    0.5
    """
    gap = 1.0 - capacity_ratio
    near = np.abs(gap) < 1e-9
    decay = np.exp(-ntu * gap)
    ratio = (1.0 - decay) / np.where(near, 1.0, 1.0 - capacity_ratio * decay)
    return np.where(near, ntu / (1.0 + ntu), ratio)


def makeup_water_kg_s(evaporation_kg_s, cycles, drift_fraction, circulation_kg_s):  # type: ignore[no-untyped-def]
    """Water a tower takes: evaporation, blowdown and drift.

    Parameters
    ----------
    evaporation_kg_s : evaporated [kg/s]
    cycles : cycles of concentration, above 1 [-]
    drift_fraction : droplets lost per circulated water [-]
    circulation_kg_s : water sprayed [kg/s]

    Returns
    -------
    make-up [kg/s]

    Notes
    -----
    Salt balance with drift counted apart: ``E N / (N - 1) + drift``.

    Examples
    --------
    Four cycles: a third more than what evaporates.

    >>> round(makeup_water_kg_s(0.3, 4.0, 0.0, 30.0), 6)
    0.4
    """
    return evaporation_kg_s * cycles / (cycles - 1.0) + drift_fraction * circulation_kg_s


def evaporation_limit_l_per_kwh() -> float:
    """Water per heat when all heat evaporates water: the most a tower can take.

    Returns
    -------
    [L/kWh of heat]

    Examples
    --------
    3.6e6 J / 2.43e6 J/kg, latent heat near 30 degC.

    >>> round(evaporation_limit_l_per_kwh(), 2)
    1.48
    """
    return 3.6e6 / (H_VAPORISATION_J_KG - 2326.0 * 30.0)
