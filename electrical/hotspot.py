"""Winding temperature and ageing of transformers under a changing load."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np


def steady_hotspot_c(
    ambient_c: Any,
    load_ratio: Any,
    oil_rise_k: float = 52.0,
    hotspot_rise_k: float = 26.0,
    loss_ratio: float = 6.0,
    x: float = 0.8,
    y: float = 1.3,
) -> Any:
    """Hot-spot temperature of a winding after long operation at one load.

    Parameters
    ----------
    ambient_c : float or array
        Temperature of the cooling air. [C]
    load_ratio : float or array
        Current over rated current. [-]
    oil_rise_k, hotspot_rise_k : float
        Top-oil rise over ambient and hot-spot rise over oil at rating. [K]
    loss_ratio : float
        Load loss over no-load loss at rating. [-]
    x, y : float
        Oil and winding exponents. [-]

    Returns
    -------
    float or array
        Hot-spot temperature. [C]

    Notes
    -----
    :math:`\\theta_h = \\theta_a + \\Delta\\theta_{or}((1+RK^2)/(1+R))^x + \\Delta\\theta_{hr} K^y`.

    References
    ----------
    IEC 60076-7, loading guide for mineral-oil-immersed power transformers.

    Examples
    --------
    Rated load at 20 C: 20 + 52 + 26.

    >>> steady_hotspot_c(20.0, 1.0)
    98.0
    """
    k2 = load_ratio * load_ratio
    return ambient_c + oil_rise_k * ((1.0 + loss_ratio * k2) / (1.0 + loss_ratio)) ** x + hotspot_rise_k * load_ratio**y


def ageing_rate(hotspot_c: Any) -> Any:
    """Relative ageing rate of plain paper insulation.

    Parameters
    ----------
    hotspot_c : float or array
        Hot-spot temperature. [C]

    Returns
    -------
    float or array
        Rate, 1 at 98 C. [-]

    Notes
    -----
    :math:`V = 2^{(\\theta_h - 98)/6}`, valid for 80 to 140 C.

    References
    ----------
    IEC 60076-7.

    Examples
    --------
    >>> ageing_rate(104.0)
    2.0
    """
    return 2.0 ** ((hotspot_c - 98.0) / 6.0)


def hotspot_after_step_c(
    minutes: float,
    ambient_c: float,
    before: float,
    after: float,
    *,
    oil_rise_k: float = 52.0,
    hotspot_rise_k: float = 26.0,
    loss_ratio: float = 6.0,
    x: float = 0.8,
    y: float = 1.3,
    k11: float = 0.5,
    k21: float = 2.0,
    k22: float = 2.0,
    oil_tau_min: float = 150.0,
    winding_tau_min: float = 7.0,
) -> float:
    """Hot-spot temperature some time after a step of load from a steady state.

    Parameters
    ----------
    minutes : float
        Time after the step. [min]
    ambient_c : float
        Cooling air. [C]
    before, after : float
        Load ratios. [-]
    oil_rise_k, hotspot_rise_k, loss_ratio, x, y : float
        As in :func:`steady_hotspot_c`.
    k11, k21, k22 : float
        Constants of the cooling mode (ONAF by default). [-]
    oil_tau_min, winding_tau_min : float
        Time constants. [min]

    Returns
    -------
    float
        Hot-spot temperature. [C]

    Notes
    -----
    Exponential solution of IEC 60076-7: the oil rises with :math:`1-e^{-t/(k_{11}\\tau_o)}`, the winding gradient with
    :math:`k_{21}(1-e^{-t/(k_{22}\\tau_w)}) - (k_{21}-1)(1-e^{-t k_{22}/\\tau_o})`.

    References
    ----------
    IEC 60076-7, section on the exponential equations solution.

    Examples
    --------
    >>> round(hotspot_after_step_c(1e6, 20.0, 1.0, 1.5), 1) == round(steady_hotspot_c(20.0, 1.5), 1)
    True
    """

    def oil(k: float) -> float:
        return float(oil_rise_k * ((1.0 + loss_ratio * k * k) / (1.0 + loss_ratio)) ** x)

    def winding(k: float) -> float:
        return float(hotspot_rise_k * k**y)

    f1 = 1.0 - exp(-minutes / (k11 * oil_tau_min))
    f2 = k21 * (1.0 - exp(-minutes / (k22 * winding_tau_min))) - (k21 - 1.0) * (1.0 - exp(-minutes * k22 / oil_tau_min))
    return (
        ambient_c
        + oil(before)
        + (oil(after) - oil(before)) * f1
        + winding(before)
        + (winding(after) - winding(before)) * f2
    )


def ageing_acceleration(hotspot_c: Any) -> Any:
    """Ageing acceleration of thermally upgraded paper.

    Parameters
    ----------
    hotspot_c : float or array
        Hot-spot temperature. [C]

    Returns
    -------
    float or array
        Factor, 1 at 110 C. [-]

    Notes
    -----
    :math:`F_{AA} = e^{15000/383 - 15000/(\\theta+273)}`.

    References
    ----------
    IEEE C57.91, guide for loading mineral-oil-immersed transformers.

    Examples
    --------
    >>> float(ageing_acceleration(110.0))
    1.0
    """
    return np.exp(15000.0 / 383.0 - 15000.0 / (np.asarray(hotspot_c) + 273.0))
