"""Trip times of relays, breakers and overload-limited equipment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf, log

IEC_CURVES = {"SI": (0.14, 0.02), "VI": (13.5, 1.0), "EI": (80.0, 2.0), "LTI": (120.0, 1.0)}
IEEE_CURVES = {"MI": (0.0515, 0.114, 0.02, 4.85), "VI": (19.61, 0.491, 2.0, 21.6), "EI": (28.2, 0.1217, 2.0, 29.1)}
FLAT_ABOVE = 20.0  # multiple of the setting above which the inverse curves stay at their value there


def iec_trip_s(multiple: float, tms: float, curve: str) -> float:
    """Operating time of an IEC inverse-time relay at constant current.

    Parameters
    ----------
    multiple : float
        Current over the setting. [-]
    tms : float
        Time multiplier setting. [-]
    curve : {"SI", "VI", "EI", "LTI"}
        Standard, very, extremely, long-time inverse.

    Returns
    -------
    float
        Operating time; infinite at or below the setting. [s]

    Notes
    -----
    :math:`t = TMS\\,k/(M^a - 1)`, held flat above 20 times the setting.

    References
    ----------
    IEC 60255-151, functional requirements for over/under current protection.

    Examples
    --------
    Very inverse at twice the setting: 13.5/(2 - 1).

    >>> iec_trip_s(2.0, 1.0, "VI")
    13.5
    """
    k, a = IEC_CURVES[curve]
    if multiple <= 1.0:
        return inf
    return tms * k / (min(multiple, FLAT_ABOVE) ** a - 1.0)


def ieee_trip_s(multiple: float, time_dial: float, curve: str) -> float:
    """Operating time of an IEEE inverse-time relay at constant current.

    Parameters
    ----------
    multiple : float
        Current over pickup. [-]
    time_dial : float
        Time dial. [-]
    curve : {"MI", "VI", "EI"}
        Moderately, very, extremely inverse.

    Returns
    -------
    float
        Operating time; infinite at or below pickup. [s]

    Notes
    -----
    :math:`t = TD\\,(A/(M^p - 1) + B)`, held flat above 20 times pickup.

    References
    ----------
    IEEE C37.112, standard inverse-time characteristic equations for overcurrent relays.

    Examples
    --------
    Extremely inverse at twice pickup: 28.2/3 + 0.1217.

    >>> round(ieee_trip_s(2.0, 1.0, "EI"), 4)
    9.5217
    """
    a, b, p, _ = IEEE_CURVES[curve]
    if multiple <= 1.0:
        return inf
    return time_dial * (a / (min(multiple, FLAT_ABOVE) ** p - 1.0) + b)


def ieee_reset_s(multiple: float, time_dial: float, curve: str) -> float:
    """Time in which a fully travelled IEEE relay resets.

    Parameters
    ----------
    multiple : float
        Current over pickup, below 1. [-]
    time_dial : float
        Time dial. [-]
    curve : {"MI", "VI", "EI"}
        Characteristic.

    Returns
    -------
    float
        Full reset time; infinite at or above pickup. [s]

    Notes
    -----
    :math:`t = TD\\,t_r/(1 - M^2)`.

    References
    ----------
    IEEE C37.112.

    Examples
    --------
    >>> ieee_reset_s(0.0, 1.0, "VI")
    21.6
    """
    if multiple >= 1.0:
        return inf
    return time_dial * IEEE_CURVES[curve][3] / (1.0 - multiple * multiple)


def relay_trip_after_s(steps: Iterable[tuple[float, float]], curve: str, setting: float = 1.0) -> float:
    """When a relay with a memory trips under a current that changes in steps.

    Parameters
    ----------
    steps : iterable of (multiple, seconds)
        Current over the setting, and for how long; the last one may last infinitely. [-], [s]
    curve : str
        An IEC ("SI", "EI" or "IEC-VI", ...) or IEEE ("IEEE-VI", ...) characteristic.
    setting : float
        Time multiplier or time dial. [-]

    Returns
    -------
    float
        Time from the start of the first step to the trip; infinite if it never trips. [s]

    Notes
    -----
    Travel :math:`\\theta' = 1/t(M)` above the setting, trip at 1. Below it an IEEE relay resets with
    :func:`ieee_reset_s`, an IEC relay resets at once.

    References
    ----------
    IEEE C37.112, section on the integrating equation.

    Examples
    --------
    EI, 5 s at three times the setting (half the way), then eight times: 0.5 x 80/63 s more.

    >>> round(relay_trip_after_s([(3.0, 5.0), (8.0, 1e9)], "EI"), 3)
    5.635
    """
    family, _, name = curve.rpartition("-")
    ieee = family == "IEEE"
    travel, elapsed = 0.0, 0.0
    for multiple, seconds in steps:
        if multiple > 1.0:
            trip_s = ieee_trip_s(multiple, setting, name) if ieee else iec_trip_s(multiple, setting, name)
            need_s = (1.0 - travel) * trip_s
            if need_s <= seconds:
                return elapsed + need_s
            travel += seconds / trip_s
        elif ieee:
            travel = max(0.0, travel - seconds / ieee_reset_s(multiple, setting, name))
        else:
            travel = 0.0
        elapsed += seconds
    return inf


def mccb_trip_s(multiple: float, tau_s: float, trip_at: float = 1.44, start: float = 0.0) -> float:
    """Trip time of a thermal-magnetic breaker's bimetal at constant current.

    Parameters
    ----------
    multiple : float
        Current over the rated current. [-]
    tau_s : float
        Thermal time constant. [s]
    trip_at : float
        Trip level of the thermal state, (conventional trip current)^2. [-]
    start : float
        Thermal state at the start: 0 cold, M^2 after long operation at M. [-]

    Returns
    -------
    float
        Trip time; infinite if the final state stays below the trip level. [s]

    Notes
    -----
    :math:`\\tau\\theta' = M^2 - \\theta`. IEC 60947-2 wants no trip at 1.05 (1.1025) and a trip at 1.30 (1.69), so
    the level lies between; 1.44 is a current of 1.2.

    References
    ----------
    IEC 60947-2, inverse time-delay opening.

    Examples
    --------
    Twice rated current, cold: tau ln(4/2.56).

    >>> round(mccb_trip_s(2.0, 1.0), 3)
    0.446
    """
    final = multiple * multiple
    if start >= trip_at:
        return 0.0
    if final <= trip_at:
        return inf
    return tau_s * log((final - start) / (final - trip_at))


def mccb_state(multiple: float, tau_s: float, seconds: float, start: float = 0.0) -> float:
    """Thermal state of a breaker's bimetal after a time at constant current.

    Parameters
    ----------
    multiple, tau_s, start : float
        As in :func:`mccb_trip_s`. [-], [s], [-]
    seconds : float
        Duration. [s]

    Returns
    -------
    float
        Thermal state. [-]

    Examples
    --------
    >>> round(mccb_state(2.0, 1.0, 0.4463, 0.0), 3)
    1.44
    """
    final = multiple * multiple
    return final + (start - final) * exp(-seconds / tau_s)


def i2t_trip_s(multiple: float, pickup: float, delay_at_6_s: float) -> float:
    """Long-time trip of an electronic trip unit at constant current.

    Parameters
    ----------
    multiple, pickup : float
        Current over the setting, and the multiple from which it counts. [-]
    delay_at_6_s : float
        Delay at six times the setting. [s]

    Returns
    -------
    float
        Trip time; infinite below pickup. [s]

    Notes
    -----
    :math:`t = t_6\\,36/M^2` for M >= pickup (IEC 60947-2 allows 1.05 to 1.30).

    Examples
    --------
    >>> i2t_trip_s(3.0, 1.05, 10.0)
    40.0
    """
    return delay_at_6_s * 36.0 / (multiple * multiple) if multiple >= pickup else inf


def overload_trip_s(multiple: float, multiples: Sequence[float], seconds: Sequence[float]) -> float:
    """Time that equipment carries an overload, from a table of the maker.

    Parameters
    ----------
    multiple : float
        Load over rating. [-]
    multiples, seconds : sequence of float
        Rising overloads and the time each is carried. [-], [s]

    Returns
    -------
    float
        Time carried: infinite below the first entry, the last entry above it, geometric in between. [s]

    Examples
    --------
    Half way (in load) between 125 % for 600 s and 150 % for 60 s: sqrt(600 x 60).

    >>> round(overload_trip_s(1.375, [1.25, 1.5], [600.0, 60.0]), 1)
    189.7
    """
    if multiple < multiples[0]:
        return inf
    for k in range(1, len(multiples)):
        if multiple < multiples[k]:
            part = (multiple - multiples[k - 1]) / (multiples[k] - multiples[k - 1])
            return exp(log(seconds[k - 1]) * (1.0 - part) + log(seconds[k]) * part)
    return seconds[-1]
