"""Synthetic traces with published statistics: chat requests and steps of tool-using sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.load.traces import Trace, make_trace
from twin.streams import stream


@dataclass(frozen=True)
class RequestClass:
    """One kind of request: lognormal token counts (median, sigma of ln), each cut at its maximum.

    cold_fraction: share whose prefix was lost: new and cached tokens are both prefilled, up to `cold_max_tokens`.
    """

    share: float
    new_median_tokens: float
    new_sigma: float
    new_max_tokens: int
    cached_median_tokens: float
    cached_sigma: float
    cached_max_tokens: int
    output_median_tokens: float
    output_sigma: float
    output_max_tokens: int
    cold_fraction: float = 0.0
    cold_max_tokens: int = 0


def generate_trace(
    classes: dict[str, RequestClass], *, count: int, length_s: float, variance_over_mean: float, seed: int, element: str
) -> Trace:
    """A trace of `count` requests over `length_s`, to be superposed like a measured one.

    Notes
    -----
    Arrivals per second are negative binomial with the stated variance over mean (1 = Poisson), uniform inside the
    second. Classes are drawn by share; token counts are lognormal.
    """
    draw = stream(seed, element, "generated-arrivals")
    seconds = int(length_s)
    mean = count / seconds
    if variance_over_mean > 1.0:
        successes = mean / (variance_over_mean - 1.0)
        per_second = draw.negative_binomial(successes, 1.0 / variance_over_mean, seconds)
    else:
        per_second = draw.poisson(mean, seconds)
    n = int(per_second.sum())
    time_s = np.repeat(np.arange(seconds, dtype=np.float64), per_second) + draw.random(n)
    names = sorted(classes)
    shares = np.array([classes[k].share for k in names])
    kind = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], draw.random(n), side="right")
    new = np.ones(n, dtype=np.int64)
    cached = np.zeros(n, dtype=np.int64)
    output = np.ones(n, dtype=np.int64)
    for i, name in enumerate(names):
        c = classes[name]
        own = stream(seed, element, f"generated-tokens-{name}")
        mine = np.flatnonzero(kind == i)
        new[mine] = _lognormal(own, mine.size, c.new_median_tokens, c.new_sigma, c.new_max_tokens)
        if c.cached_median_tokens > 0.0:
            prefix = _lognormal(own, mine.size, c.cached_median_tokens, c.cached_sigma, c.cached_max_tokens)
            cold = own.random(mine.size) < c.cold_fraction
            new[mine] += np.where(cold, np.minimum(prefix, c.cold_max_tokens), 0)
            cached[mine] = np.where(cold, 0, prefix)
        output[mine] = _lognormal(own, mine.size, c.output_median_tokens, c.output_sigma, c.output_max_tokens)
    return make_trace("generated", time_s, new, cached, output, float(seconds))


def _lognormal(
    draw: np.random.Generator, size: int, median: float, sigma: float, most: int
) -> NDArray[np.int64]:
    values = median * np.exp(sigma * draw.standard_normal(size))
    return np.clip(np.rint(values), 1, most).astype(np.int64)
