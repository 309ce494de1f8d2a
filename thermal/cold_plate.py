"""Cold plate: thermal resistance against flow, from the inlet and from the mean fluid temperature."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

# Fit on the points 0.5 to 2.0 L/min of a 1 kW OAM cold plate with PG25 (largest error 0.50 %).
OAM_R_INFINITE_K_W = 0.0160
OAM_R_UNIT_K_W = 0.00848
OAM_FLOW_EXPONENT = -0.962
HOLD_BELOW_L_MIN = 0.5  # below this the fit would break R >= 1 / (rho c_p V): the mean-fluid form is held


@njit(cache=True)
def plate_mean_resistance_k_w(
    flow_l_min: float, r_infinite_k_w: float, r_unit_k_w: float, exponent: float, rho_cp_j_m3_k: float
) -> float:
    """Kernel of :func:`mean_fluid_resistance_k_w` for one plate (compiled, scalar)."""
    v = max(flow_l_min, HOLD_BELOW_L_MIN)
    return r_infinite_k_w + r_unit_k_w * v**exponent - 30_000.0 / (rho_cp_j_m3_k * v)


@njit(cache=True)
def mean_fluid_weight(flow_l_min: float) -> float:
    """Weight of the inlet in the mean fluid temperature: T_m = T_out - weight (T_out - T_in).

    Parameters
    ----------
    flow_l_min : flow per plate [L/min]

    Returns
    -------
    weight [1]: one half, falling to zero with the flow below 0.5 L/min (still water has one temperature)

    Examples
    --------
    >>> mean_fluid_weight(1.2), mean_fluid_weight(0.1)
    (0.5, 0.1)
    """
    return min(0.5, max(flow_l_min, 0.0))


def resistance_k_w(
    flow_l_min: ArrayLike,
    r_infinite_k_w: float = OAM_R_INFINITE_K_W,
    r_unit_k_w: float = OAM_R_UNIT_K_W,
    exponent: float = OAM_FLOW_EXPONENT,
) -> NDArray[np.float64]:
    r"""Thermal resistance of a cold plate from case to coolant *inlet*.

    Parameters
    ----------
    flow_l_min : coolant flow per plate [L/min]
    r_infinite_k_w : resistance at unlimited flow [K/W]
    r_unit_k_w : flow-dependent part at 1 L/min [K/W]
    exponent : [1]

    Returns
    -------
    resistance [K/W]

    Notes
    -----
    :math:`R = R_\infty + R_1 V^{n}`. The defaults hold for 0.5 to 2.0 L/min of PG25 within 0.5 %.

    References
    ----------
    Open Compute Project, OAI System Liquid Cooling Guidelines, March 2023, Fig. 7 (1 kW OAM plate, PG25).

    Examples
    --------
    >>> round(float(resistance_k_w(1.0)), 5)
    0.02448
    """
    return r_infinite_k_w + r_unit_k_w * np.asarray(flow_l_min, dtype=float) ** exponent


def mean_fluid_resistance_k_w(
    flow_l_min: ArrayLike,
    rho_cp_j_m3_k: float,
    r_infinite_k_w: float = OAM_R_INFINITE_K_W,
    r_unit_k_w: float = OAM_R_UNIT_K_W,
    exponent: float = OAM_FLOW_EXPONENT,
) -> NDArray[np.float64]:
    r"""Thermal resistance of a cold plate from case to *mean* coolant temperature.

    Parameters
    ----------
    flow_l_min : coolant flow per plate [L/min]
    rho_cp_j_m3_k : volumetric heat capacity of the coolant [J/(m3 K)]
    r_infinite_k_w, r_unit_k_w, exponent : as in :func:`resistance_k_w`

    Returns
    -------
    resistance [K/W]

    Notes
    -----
    :math:`R_m = R(V) - 1/(2 \rho c_p V)`: half the coolant's own rise is taken out, so that a plate between a
    known inlet and a known outlet is not charged with it twice. Held at its value at 0.5 L/min below that flow.

    References
    ----------
    Energy balance on the plate with a linear coolant profile.

    Examples
    --------
    >>> round(float(mean_fluid_resistance_k_w(1.0, 4.0e6)), 5)
    0.01698
    """
    v = np.maximum(np.asarray(flow_l_min, dtype=float), HOLD_BELOW_L_MIN)
    return resistance_k_w(v, r_infinite_k_w, r_unit_k_w, exponent) - 30_000.0 / (rho_cp_j_m3_k * v)
