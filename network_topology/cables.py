"""Cable lengths from places, rounded up to stock; the medium that reaches so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spec import FabricError

Array = NDArray[np.float64]

STOCK_M: tuple[float, ...] = (0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200, 300, 500, 2000)
SLACK_RATIO = 1.10


@dataclass(frozen=True)
class Medium:
    """A kind of cable: how far it reaches and what the device at each of its ends draws for it."""

    name: str
    reach_m: float
    end_w: float


def route_length_m(start_m: Array, end_m: Array, rise_and_drop_m: float) -> Array:
    """Length of cables along rectangular trays.

    Parameters
    ----------
    start_m, end_m : (..., 2) places in the plan [m]
    rise_and_drop_m : up to the tray and down from it, both together [m]

    Returns
    -------
    (...,) length with 10 % slack [m]

    Examples
    --------
    >>> round(float(route_length_m(np.array([0.0, 0.0]), np.array([3.0, -2.0]), 5.0)), 6)
    11.0
    """
    return (np.abs(end_m - start_m).sum(axis=-1) + rise_and_drop_m) * SLACK_RATIO


def stock_length_m(length_m: Array, stock_m: Sequence[float] = STOCK_M) -> Array:
    """Shortest stock length that is long enough [m].

    Examples
    --------
    >>> stock_length_m(np.array([2.0, 5.06])).tolist()
    [2.0, 7.0]
    """
    stock = np.sort(np.asarray(stock_m, dtype=np.float64))
    at = np.searchsorted(stock, np.asarray(length_m) - 1e-9)
    if np.any(at >= len(stock)):
        longest = float(np.max(length_m))
        raise FabricError(f"length: found {longest:.1f} m, wanted at most the longest stock {stock[-1]} m")
    return stock[at]


def choose_medium(length_m: float, media: Sequence[Medium]) -> Medium:
    """The medium with the shortest sufficient reach: copper where it reaches, then active copper, then optics.

    Examples
    --------
    >>> media = [Medium("fibre", 500, 12.5), Medium("dac", 2, 0.0)]
    >>> choose_medium(1.5, media).name, choose_medium(3.0, media).name
    ('dac', 'fibre')
    """
    fit = [m for m in sorted(media, key=lambda m: (m.reach_m, m.name)) if m.reach_m >= length_m]
    if not fit:
        raise FabricError(f"length: found {length_m:.1f} m, wanted at most the longest reach "
                          f"{max((m.reach_m for m in media), default=0.0):.1f} m")
    return fit[0]
