"""Coolant distribution unit: counterflow heat exchanger by effectiveness and number of transfer units."""

from __future__ import annotations

from math import exp, expm1

import numpy as np
from numba import njit, vectorize
from numpy.typing import ArrayLike, NDArray

FLOW_FLOOR = 1e-3  # of the design flow, inside the UA law only: a film coefficient never becomes zero
FILM_EXPONENT = -0.7


@njit(cache=True)
def counterflow(ntu: float, c_ratio: float) -> float:
    """Kernel of :func:`effectiveness` (compiled, scalar)."""
    if ntu <= 0.0:
        return 0.0
    z = ntu * (1.0 - c_ratio)
    if abs(z) < 1e-12:
        return ntu / (1.0 + ntu)
    m = -expm1(-z)
    return m / (m + (1.0 - c_ratio) * exp(-z))


@njit(cache=True)
def film_ua_w_k(
    ua_design_w_k: float, x_primary: float, x_secondary: float, film_ratio: float, fouling_k_w: float
) -> float:
    """Kernel of :func:`ua_w_k` (compiled, scalar)."""
    xp = max(x_primary, FLOW_FLOOR)
    xs = max(x_secondary, FLOW_FLOOR)
    clean = ua_design_w_k * (1.0 + film_ratio) / (xp**FILM_EXPONENT + film_ratio * xs**FILM_EXPONENT)
    return clean / (1.0 + clean * fouling_k_w)


@njit(cache=True)
def exchanged_w(ua_w_k: float, c_hot_w_k: float, c_cold_w_k: float, hot_in_c: float, cold_in_c: float) -> float:
    """Kernel of :func:`heat_w` (compiled, scalar): zero when one side stands still."""
    c_min = min(c_hot_w_k, c_cold_w_k)
    if c_min <= 0.0:
        return 0.0
    c_ratio = c_min / max(c_hot_w_k, c_cold_w_k)
    return counterflow(ua_w_k / c_min, c_ratio) * c_min * (hot_in_c - cold_in_c)


_effectiveness = vectorize(cache=True)(counterflow.py_func)
_ua = vectorize(cache=True)(film_ua_w_k.py_func)


def effectiveness(ntu: ArrayLike, c_ratio: ArrayLike) -> NDArray[np.float64]:
    r"""Effectiveness of a counterflow heat exchanger.

    Parameters
    ----------
    ntu : number of transfer units UA / C_min [1], >= 0
    c_ratio : C_min / C_max [1], 0 to 1

    Returns
    -------
    effectiveness [1]

    Notes
    -----
    :math:`\varepsilon = m / (m + (1 - C_r) e^{-z})` with :math:`z = NTU (1 - C_r)` and :math:`m = 1 - e^{-z}`.
    :math:`NTU / (1 + NTU)` at :math:`C_r = 1`, :math:`1 - e^{-NTU}` at :math:`C_r = 0`.

    References
    ----------
    Kays and London, Compact Heat Exchangers, 3rd ed., chapter 2.

    Examples
    --------
    >>> round(float(effectiveness(1.0, 1.0)), 6), round(float(effectiveness(1.0, 0.0)), 6)
    (0.5, 0.632121)
    """
    return np.asarray(_effectiveness(np.asarray(ntu, dtype=float), np.asarray(c_ratio, dtype=float)))


def ntu_of_effectiveness(effectiveness: ArrayLike, c_ratio: ArrayLike) -> NDArray[np.float64]:
    r"""Number of transfer units that gives a wanted effectiveness in counterflow.

    Parameters
    ----------
    effectiveness : [1], 0 <= e < 1
    c_ratio : C_min / C_max [1], 0 to 1

    Returns
    -------
    number of transfer units [1]

    Notes
    -----
    :math:`NTU = \ln((1 - \varepsilon C_r)/(1 - \varepsilon)) / (1 - C_r)`, and
    :math:`\varepsilon/(1 - \varepsilon)` at :math:`C_r = 1`.

    References
    ----------
    Kays and London, Compact Heat Exchangers, 3rd ed., chapter 2.

    Examples
    --------
    >>> round(float(ntu_of_effectiveness(0.5, 1.0)), 6)
    1.0
    """
    e = np.asarray(effectiveness, dtype=float)
    cr = np.asarray(c_ratio, dtype=float)
    near = np.abs(1.0 - cr) < 1e-12
    spread = np.where(near, 1.0, 1.0 - cr)
    return np.where(near, e / (1.0 - e), np.log((1.0 - e * cr) / (1.0 - e)) / spread)


def ua_w_k(
    ua_design_w_k: ArrayLike,
    x_primary: ArrayLike,
    x_secondary: ArrayLike,
    film_ratio: ArrayLike = 1.0,
    fouling_k_w: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    r"""Overall conductance of a plate heat exchanger away from its design flows.

    Parameters
    ----------
    ua_design_w_k : at design flows, clean [W/K]
    x_primary, x_secondary : flow over design flow on each side [1]
    film_ratio : (hA) primary / (hA) secondary at design [1]
    fouling_k_w : added resistance [K/W]

    Returns
    -------
    conductance [W/K]

    Notes
    -----
    :math:`UA = UA_0 (1 + r)/(x_p^{-0.7} + r x_s^{-0.7})`, then :math:`1/UA_f = 1/UA + R_f`. The wall's own
    resistance is neglected. Flows are floored at 0.1 % of design.

    References
    ----------
    Film law h ~ m^0.7 of plate exchangers, as in the generic CDU of the LBNL Modelica Buildings library (0.8).

    Examples
    --------
    >>> float(ua_w_k(1000.0, 1.0, 1.0)), float(ua_w_k(1000.0, 1.0, 1.0, 1.0, 0.001))
    (1000.0, 500.0)
    """
    return np.asarray(_ua(*np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in
                                                 (ua_design_w_k, x_primary, x_secondary, film_ratio, fouling_k_w)))))


def heat_w(
    ua_w_k: float, c_hot_w_k: float, c_cold_w_k: float, hot_in_c: float, cold_in_c: float
) -> float:
    """Heat a counterflow exchanger moves from the hot to the cold stream.

    Parameters
    ----------
    ua_w_k : conductance [W/K]
    c_hot_w_k, c_cold_w_k : heat capacity flows m c_p [W/K]
    hot_in_c, cold_in_c : inlet temperatures [degC]

    Returns
    -------
    heat [W]; negative when the "hot" stream is the colder one, zero when either stream stands still

    Examples
    --------
    >>> heat_w(1000.0, 1000.0, 1000.0, 40.0, 30.0)
    5000.0
    """
    return float(exchanged_w(ua_w_k, c_hot_w_k, c_cold_w_k, hot_in_c, cold_in_c))


def design_ua_w_k(heat_w: float, c_hot_w_k: float, c_cold_w_k: float, hot_out_c: float, cold_in_c: float) -> float:
    """Conductance that makes an exchanger meet a rated point.

    Parameters
    ----------
    heat_w : rated heat [W]
    c_hot_w_k, c_cold_w_k : heat capacity flows at the rated point [W/K]
    hot_out_c, cold_in_c : secondary supply and primary inlet [degC]; their difference is the approach

    Returns
    -------
    conductance [W/K]

    Raises
    ------
    ValueError : the rated point asks for an effectiveness of 1 or more

    Examples
    --------
    >>> round(design_ua_w_k(5000.0, 1000.0, 1000.0, 35.0, 30.0), 6)
    1000.0
    """
    c_min, c_max = min(c_hot_w_k, c_cold_w_k), max(c_hot_w_k, c_cold_w_k)
    rated = heat_w / (c_min * (hot_out_c + heat_w / c_hot_w_k - cold_in_c))
    if not 0.0 < rated < 1.0:
        raise ValueError(f"rated point needs an effectiveness of {rated:.3f}; it must lie between 0 and 1")
    return float(ntu_of_effectiveness(rated, c_min / c_max)) * c_min
