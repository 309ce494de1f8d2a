"""Engine generator: fuel, and the time until the first set carries load."""

from __future__ import annotations

from typing import Any

import numpy as np


def fuel_l_s(power_w: Any, rated_w: Any, idle_l_s: Any, slope_l_j: Any) -> Any:
    """Fuel flow of a diesel set (Willans line).

    Parameters
    ----------
    power_w, rated_w : float or array
        Electrical output and rating. [W]
    idle_l_s : float or array
        Flow at no load, as litres per second and watt of rating. [L/(s W)]
    slope_l_j : float or array
        Extra fuel per unit of electrical energy. [L/J]

    Returns
    -------
    float or array
        Fuel flow while running. [L/s]

    Notes
    -----
    :math:`\\dot V = a P_r + b P`: straight over 0 to 110 % load for a naturally governed diesel.

    References
    ----------
    Willans line, Heywood, Internal Combustion Engine Fundamentals (1988), chapter 13.

    Examples
    --------
    2 MW set at full load, 0.02 L/kWh of rating idle, 0.20 L/kWh: 0.22 x 2000 / 3600.

    >>> round(fuel_l_s(2e6, 2e6, 0.02 / 3.6e6, 0.20 / 3.6e6), 4)
    0.1222
    """
    return idle_l_s * rated_w + slope_l_j * power_w


def start_s(median_s: float, sigma: float, normal_deviate: float) -> float:
    """Time from the start signal to rated speed and voltage.

    Parameters
    ----------
    median_s : float
        Median. [s]
    sigma : float
        Standard deviation of the logarithm. [-]
    normal_deviate : float
        Standard normal deviate of this start. [-]

    Returns
    -------
    float
        Start time, lognormal. [s]

    Examples
    --------
    >>> start_s(10.0, 0.1, 0.0)
    10.0
    """
    return float(median_s * np.exp(sigma * normal_deviate))


def start_after_failed_cranks_s(attempts: int, crank_s: float, rest_s: float) -> float:
    """Time after which a set that does not fire is locked out.

    Parameters
    ----------
    attempts : int
        Cranking attempts. [-]
    crank_s, rest_s : float
        Length of an attempt and of the pause between two. [s]

    Returns
    -------
    float
        Time from the start signal to the over-crank lock-out. [s]

    Examples
    --------
    Three cranks of 15 s with two pauses of 15 s:

    >>> start_after_failed_cranks_s(3, 15.0, 15.0)
    75.0
    """
    if attempts < 1:
        raise ValueError(f"{attempts} cranking attempts: at least one is needed")
    return attempts * crank_s + (attempts - 1) * rest_s
