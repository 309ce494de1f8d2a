"""Colour legends: how a number becomes a colour, as data that a client can read and recompute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Color = tuple[float, float, float]

WHITE: Color = (1.0, 1.0, 1.0)
RED: Color = (1.0, 0.0, 0.0)
IDLE: Color = (0.337, 0.337, 0.337)
DE_ENERGISED: Color = (0.55, 1.0, 0.31)
OVERLOADED: Color = (0.50, 0.28, 0.61)
THERMAL: tuple[Color, ...] = ((0.02, 0.10, 0.60), (0.05, 0.60, 0.75), (0.95, 0.85, 0.10), (0.90, 0.05, 0.02))


@dataclass(frozen=True)
class Legend:
    """Evenly spaced colour stops between `low` and `high`, interpolated in linear RGB and clamped.

    over: colour of every value above `high`, where there is one. zero: colour of every value at or below 0.
    """

    name: str
    quantity: str  # the telemetry point the legend reads
    unit: str
    low: float
    high: float
    colors: tuple[Color, ...]
    over: Color | None = None
    zero: Color | None = None


def colors_rgb(values: ArrayLike, legend: Legend) -> NDArray[np.float32]:
    """Linear RGB of each value under a legend.

    Parameters
    ----------
    values : array_like
        Values in the legend's unit. [legend.unit]
    legend : Legend
        Range and stops.

    Returns
    -------
    ndarray
        One colour a value, last axis RGB. [fraction]

    Examples
    --------
    >>> white_red = Legend("L", "Loading", "fraction", 0.0, 1.0, ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)))
    >>> colors_rgb([0.25], white_red).tolist()
    [[1.0, 0.75, 0.75]]
    """
    v = np.asarray(values, dtype=np.float64)
    stops = np.asarray(legend.colors, dtype=np.float64)
    x = np.clip((v - legend.low) / (legend.high - legend.low), 0.0, 1.0) * (len(stops) - 1)
    i = np.minimum(x.astype(np.int64), len(stops) - 2)
    f = (x - i)[..., None]
    rgb = stops[i] + (stops[i + 1] - stops[i]) * f
    if legend.over is not None:
        rgb[v > legend.high] = legend.over
    if legend.zero is not None:
        rgb[v <= 0.0] = legend.zero
    return rgb.astype(np.float32)


LEGENDS: tuple[Legend, ...] = (
    Legend("Legend_RackPower", "RackPower", "kW", 0.0, 150.0, (WHITE, RED), over=OVERLOADED, zero=IDLE),
    Legend("Legend_ChipTemperature", "ChipTemperature", "degC", 25.0, 95.0, THERMAL),
    Legend("Legend_LiquidTemperature", "LiquidTemperature", "degC", 15.0, 65.0, THERMAL),
    Legend("Legend_AirTemperature", "AirTemperature", "degC", 15.0, 45.0, THERMAL),
    Legend("Legend_ValvePosition", "ValvePosition", "%", 0.0, 100.0, (WHITE, RED)),
    Legend("Legend_Loading", "Loading", "fraction", 0.0, 1.0, (WHITE, RED), over=OVERLOADED, zero=DE_ENERGISED),
)
