"""Quasi-steady flow of one cooling loop: parallel rack branches, a common path, pumps with check valves."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

LINEAR_SHARE = 0.15  # share of the linear term at the design point that mimics an exponent of about 1.85


@njit(cache=True)
def branch_flow_kg_s(dp_pa: float, a_pa_s_kg: float, b_pa_s2_kg2: float) -> float:
    """Flow of one branch under a pressure drop, the inverse of dp = a m + b m |m| (compiled, scalar).

    Parameters
    ----------
    dp_pa : pressure drop [Pa]
    a_pa_s_kg : linear coefficient [Pa s/kg]
    b_pa_s2_kg2 : quadratic coefficient [Pa s2/kg2]; infinite for a shut branch

    Returns
    -------
    flow [kg/s], with the sign of the pressure drop

    Examples
    --------
    >>> branch_flow_kg_s(6.0, 1.0, 1.0)
    2.0
    """
    p = abs(dp_pa)
    m = 2.0 * p / (a_pa_s_kg + sqrt(a_pa_s_kg * a_pa_s_kg + 4.0 * b_pa_s2_kg2 * p) + 1e-300)
    return m if dp_pa >= 0.0 else -m


@njit(cache=True)
def pump_flow_kg_s(dp_pa: float, head_pa: float, k_pa_s2_kg2: float, check_valve_open: bool) -> float:
    """Flow a pump gives against a pressure difference (compiled, scalar).

    Parameters
    ----------
    dp_pa : pressure difference across the pump [Pa]
    head_pa : shut-off head at its present speed [Pa]
    k_pa_s2_kg2 : internal curve coefficient, dp = head - k m^2 [Pa s2/kg2]
    check_valve_open : True when the check valve does not close (stuck), so that coolant can run backwards

    Returns
    -------
    flow [kg/s]; zero behind a closed check valve, negative through a stuck one

    Examples
    --------
    >>> pump_flow_kg_s(5.0, 9.0, 1.0, False), pump_flow_kg_s(9.0, 5.0, 1.0, False), pump_flow_kg_s(9.0, 5.0, 1.0, True)
    (2.0, 0.0, -2.0)
    """
    margin = head_pa - dp_pa
    if margin > 0.0:
        return sqrt(margin / k_pa_s2_kg2)
    return -sqrt(-margin / k_pa_s2_kg2) if check_valve_open else 0.0


@njit(cache=True)
def manifold_dp_pa(
    a_pa_s_kg: NDArray[np.float64],
    b_pa_s2_kg2: NDArray[np.float64],
    common_a_pa_s_kg: float,
    common_b_pa_s2_kg2: float,
    head_pa: NDArray[np.float64],
    k_pa_s2_kg2: NDArray[np.float64],
    check_valve_open: NDArray[np.float64],
) -> float:
    """Pressure across the rack manifolds at which the pumps' flow equals the branches' flow.

    Parameters
    ----------
    a_pa_s_kg, b_pa_s2_kg2 : coefficients of each branch : (branch,)
    common_a_pa_s_kg, common_b_pa_s2_kg2 : coefficients of the common path (exchanger, strainer, pipes)
    head_pa, k_pa_s2_kg2, check_valve_open : pumps in parallel : (pump,)

    Returns
    -------
    manifold pressure difference [Pa], zero when no pump gives head

    Notes
    -----
    The surplus of the branches over the pumps rises with the pressure: Newton's method inside a bracket that only
    shrinks, so that it cannot leave the root. Depends on nothing but its arguments (no warm start).

    Examples
    --------
    One branch and one pump, both quadratic: m = sqrt(8 / (1 + 1)) = 2, dp = 4.

    >>> one, zero = np.array([1.0]), np.array([0.0])
    >>> round(manifold_dp_pa(zero, one, 0.0, 0.0, np.array([8.0]), one, zero), 9)
    4.0
    """
    top = 0.0
    for j in range(head_pa.size):
        top = max(top, head_pa[j])
    if top <= 1e-6:
        return 0.0
    low, high = 0.0, top
    p = 0.6 * top
    for _ in range(80):
        total = 0.0
        slope = 0.0
        for i in range(a_pa_s_kg.size):
            m = branch_flow_kg_s(p, a_pa_s_kg[i], b_pa_s2_kg2[i])
            total += m
            slope += 1.0 / (a_pa_s_kg[i] + 2.0 * b_pa_s2_kg2[i] * m + 1e-30)
        across = p + common_a_pa_s_kg * total + common_b_pa_s2_kg2 * total * total
        rise = 1.0 + (common_a_pa_s_kg + 2.0 * common_b_pa_s2_kg2 * total) * slope
        pumped = 0.0
        give = 0.0
        for j in range(head_pa.size):
            q = pump_flow_kg_s(across, head_pa[j], k_pa_s2_kg2[j], check_valve_open[j] > 0.0)
            pumped += q
            if q != 0.0:
                give += 1.0 / (2.0 * k_pa_s2_kg2[j] * abs(q))
        surplus = total - pumped
        if surplus > 0.0:
            high = p
        else:
            low = p
        step = surplus / (slope + rise * give)
        new = p - step
        if not (low < new < high):
            new = 0.5 * (low + high)
        if abs(new - p) <= 1e-13 * top:
            return new
        p = new
    return p


@njit(cache=True)
def speed_rate_per_s(speed_fraction: float, torque_fraction: float, coast_down_s: float) -> float:
    """Rate at which an unpowered pump loses speed.

    Parameters
    ----------
    speed_fraction : speed over rated speed [1]
    torque_fraction : hydraulic torque over rated torque at the same speed ratio squared [1], 1 at the rated flow ratio
    coast_down_s : time constant J omega^2 / P_shaft at rated speed [s]

    Returns
    -------
    rate [1/s]

    Notes
    -----
    n' = -g n^2 / tau; with g = 1 the speed is n0 / (1 + n0 t / tau).

    Examples
    --------
    >>> speed_rate_per_s(0.5, 1.0, 2.0)
    -0.125
    """
    return -torque_fraction * speed_fraction * speed_fraction / coast_down_s


def coast_down_speed_fraction(
    time_s: ArrayLike, coast_down_s: float, start_fraction: float = 1.0
) -> NDArray[np.float64]:
    """Speed of an unpowered pump on a load torque that goes with the square of the speed.

    Parameters
    ----------
    time_s : since power was lost [s]
    coast_down_s : time constant [s]
    start_fraction : speed at that instant [1]

    Returns
    -------
    speed fraction [1]

    Examples
    --------
    >>> float(coast_down_speed_fraction(3.0, 3.0))
    0.5
    """
    return start_fraction / (1.0 + start_fraction * np.asarray(time_s, dtype=float) / coast_down_s)


def branch_coefficients(flow_kg_s: float, dp_pa: float, linear_share: float = LINEAR_SHARE) -> tuple[float, float]:
    """Coefficients of dp = a m + b m |m| through a design point.

    Parameters
    ----------
    flow_kg_s, dp_pa : the design point [kg/s], [Pa]
    linear_share : share of the linear term at that point [1]; 0.15 behaves like an exponent of 1.85

    Returns
    -------
    a [Pa s/kg], b [Pa s2/kg2]

    Examples
    --------
    >>> branch_coefficients(2.0, 100.0, 0.5)
    (25.0, 12.5)
    """
    if flow_kg_s <= 0.0 or dp_pa < 0.0:
        raise ValueError(f"design point needs a positive flow and no negative drop, found {flow_kg_s}, {dp_pa}")
    return linear_share * dp_pa / flow_kg_s, (1.0 - linear_share) * dp_pa / flow_kg_s**2


def residual_flow_fraction(duty_over_shut_off: ArrayLike) -> NDArray[np.float64]:
    r"""Flow left when one of two equal parallel pumps is lost.

    Parameters
    ----------
    duty_over_shut_off : duty head over shut-off head before the loss [1], 0 to 1

    Returns
    -------
    flow over the flow before [1]

    Notes
    -----
    :math:`0.5 / \sqrt{1 - 0.75 h}`, for a quadratic pump curve on a quadratic system with a tight check valve.

    Examples
    --------
    >>> round(float(residual_flow_fraction(0.8)), 3)
    0.791
    """
    return 0.5 / np.sqrt(1.0 - 0.75 * np.asarray(duty_over_shut_off, dtype=float))
