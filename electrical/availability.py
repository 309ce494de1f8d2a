"""Availability of redundant systems in closed form."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb, prod

HOURS_PER_YEAR = 8760.0


def unit_availability(rate_per_year: float, repair_h: float) -> float:
    """Steady availability of one repairable unit.

    Parameters
    ----------
    rate_per_year : float
        Failures per year of operation. [1/yr]
    repair_h : float
        Mean time to repair. [h]

    Returns
    -------
    float
        Availability. [-]

    Notes
    -----
    :math:`1/(1+u)` with :math:`u = \\lambda\\,MTTR/8760`.

    References
    ----------
    IEEE 493, Gold Book, chapter on reliability calculations.

    Examples
    --------
    One failure a year of 8.76 h: 1/1.001.

    >>> round(unit_availability(1.0, 8.76), 6)
    0.999001
    """
    return 1.0 / (1.0 + rate_per_year * repair_h / HOURS_PER_YEAR)


def series_availability(availabilities: Iterable[float]) -> float:
    """Availability of independent units that are all needed.

    Parameters
    ----------
    availabilities : iterable of float
        Of each unit. [-]

    Returns
    -------
    float
        Product. [-]

    Examples
    --------
    >>> round(series_availability([0.9, 0.9]), 4)
    0.81
    """
    return prod(availabilities)


def parallel_availability(availabilities: Iterable[float]) -> float:
    """Availability of independent units of which one suffices.

    Parameters
    ----------
    availabilities : iterable of float
        Of each unit. [-]

    Returns
    -------
    float
        One minus the product of the unavailabilities. [-]

    Examples
    --------
    >>> round(parallel_availability([0.9, 0.9]), 4)
    0.99
    """
    return 1.0 - prod(1.0 - a for a in availabilities)


def k_of_n_availability(k: int, n: int, availability: float) -> float:
    """Availability of n equal independent units of which k are needed.

    Parameters
    ----------
    k, n : int
        Needed and installed units. [-]
    availability : float
        Of one unit. [-]

    Returns
    -------
    float
        Availability of the group. [-]

    Notes
    -----
    :math:`\\sum_{i=k}^{n} \\binom{n}{i} a^i (1-a)^{n-i}`, summed over the failures for accuracy near one.

    Examples
    --------
    Two of three at 0.9: 3 x 0.81 x 0.1 + 0.729.

    >>> round(k_of_n_availability(2, 3, 0.9), 4)
    0.972
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} units")
    q = 1.0 - availability
    return 1.0 - sum(comb(n, failed) * q**failed * availability ** (n - failed) for failed in range(n - k + 1, n + 1))


def repairable_pair(rate_per_h: float, repair_per_h: float) -> tuple[float, float, float, float]:
    """Two equal repairable units, one suffices, each with its own crew.

    Parameters
    ----------
    rate_per_h, repair_per_h : float
        Failure and repair rate of a unit. [1/h]

    Returns
    -------
    tuple of float
        Unavailability [-], mean time to the first system failure from both up [h], frequency of system failures
        [1/h], mean down time [h].

    Notes
    -----
    Markov chain of three states: :math:`U = (\\lambda/(\\lambda+\\mu))^2`,
    :math:`MTTF = (3\\lambda+\\mu)/(2\\lambda^2)`, :math:`w = 2\\mu U`, mean down time :math:`1/(2\\mu)`.

    Examples
    --------
    >>> u, mttf_h, w, mdt_h = repairable_pair(1 / 50000, 1 / 8)
    >>> f"{mttf_h:.6g}", mdt_h
    ('1.56325e+08', 4.0)
    """
    u = (rate_per_h / (rate_per_h + repair_per_h)) ** 2
    return (
        u,
        (3.0 * rate_per_h + repair_per_h) / (2.0 * rate_per_h**2),
        2.0 * repair_per_h * u,
        1.0 / (2.0 * repair_per_h),
    )


def common_cause_pair(unavailability: float, beta: float) -> float:
    """Unavailability of a redundant pair of which a share of failures takes both.

    Parameters
    ----------
    unavailability : float
        Of one unit. [-]
    beta : float
        Share of failures with a common cause. [-]

    Returns
    -------
    float
        Unavailability of the pair, first order. [-]

    Notes
    -----
    Beta-factor model: :math:`(1-\\beta)^2 q^2 + \\beta q`.

    Examples
    --------
    >>> f"{common_cause_pair(5.1e-5, 0.02):.3g}"
    '1.02e-06'
    """
    return (1.0 - beta) ** 2 * unavailability**2 + beta * unavailability
