"""Dry cooler: finned coil with fans, heat from the loop to outdoor air."""

from __future__ import annotations

import numpy as np


def crossflow_effectiveness(ntu, capacity_ratio):  # type: ignore[no-untyped-def]
    """Effectiveness of a cross-flow exchanger with both streams unmixed.

    Parameters
    ----------
    ntu : UA / C_min [-], zero or more
    capacity_ratio : C_min / C_max [-], 0 < ratio <= 1

    Returns
    -------
    effectiveness [-], Q / (C_min (T_hot,in - T_cold,in))

    Notes
    -----
    ``1 - exp(ntu^0.22 (exp(-c ntu^0.78) - 1) / c)``, an approximation within a few percent of the series solution; its
    limit for c -> 0 is the exact ``1 - exp(-ntu)``.

    References
    ----------
    Incropera, DeWitt, Bergman, Lavine, Fundamentals of Heat and Mass Transfer, 6th ed., table 11.3.

    Examples
    --------
    One stream of great capacity, ntu = 1: 1 - 1/e.

    >>> round(float(crossflow_effectiveness(1.0, 1e-9)), 4)
    0.6321
    """
    return 1.0 - np.exp(ntu**0.22 / capacity_ratio * np.expm1(-capacity_ratio * ntu**0.78))


def coil_conductance_w_k(nominal_w_k, resistance_ratio, water_flow_fraction, air_flow_fraction):  # type: ignore[no-untyped-def]
    """Conductance of a coil away from its nominal flows.

    Parameters
    ----------
    nominal_w_k : UA at nominal flows [W/K]
    resistance_ratio : nominal air-side over liquid-side resistance [-]
    water_flow_fraction, air_flow_fraction : mass flow over nominal [-], above zero

    Returns
    -------
    UA [W/K]

    Notes
    -----
    Two films in series, ``UA_0 (1 + r) / (x_w^-0.8 + r x_a^-0.6)``: turbulent flow in tubes, air across fins.

    Examples
    --------
    >>> float(coil_conductance_w_k(35e3, 4.0, 1.0, 1.0))
    35000.0
    """
    return (
        nominal_w_k
        * (1.0 + resistance_ratio)
        / (water_flow_fraction**-0.8 + resistance_ratio * air_flow_fraction**-0.6)
    )


def fan_power_w(rated_w, running_fraction, speed_fraction, density_ratio):  # type: ignore[no-untyped-def]
    """Electric power of a bank of fans.

    Parameters
    ----------
    rated_w : power of all fans at full speed and rated density [W]
    running_fraction : share of the fans that run [-]
    speed_fraction : speed over full speed [-]
    density_ratio : air density over rated density [-]

    Returns
    -------
    power [W]

    Notes
    -----
    Fan law on a fixed resistance: cube of the speed, proportional to density.

    Examples
    --------
    Half speed takes an eighth of the power.

    >>> float(fan_power_w(3800.0, 1.0, 0.5, 1.0))
    475.0
    """
    return rated_w * running_fraction * speed_fraction**3 * density_ratio
