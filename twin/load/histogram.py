"""Logarithmic latency bins and the percentiles read from them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class LogBins:
    """`per_decade` bins a decade from `low_s` over `decades`; the first also takes what is below, the last above."""

    low_s: float
    per_decade: int
    decades: int

    @property
    def count(self) -> int:
        return self.per_decade * self.decades

    @property
    def edges_s(self) -> NDArray[np.float64]:
        return self.low_s * 10.0 ** (np.arange(self.count + 1) / self.per_decade)


TTFT_BINS = LogBins(1e-3, 16, 6)  # 1 ms .. 1000 s
ITL_BINS = LogBins(1e-3, 32, 4)  # 1 ms .. 10 s


def percentile_s(counts: ArrayLike, bins: LogBins, fraction: float) -> float:
    """Percentile of a histogram, geometric inside the bin; NaN when nothing was counted.

    Examples
    --------
    All counts in the first bin of 1 ms .. 10 ms (one bin a decade): the median is its geometric middle.

    >>> round(percentile_s([10, 0], LogBins(1e-3, 1, 2), 0.5), 6)
    0.003162
    """
    n = np.asarray(counts, dtype=np.float64)
    total = float(n.sum())
    if not total > 0.0 or isnan(total):
        return nan
    target = fraction * total
    below = np.cumsum(n)
    k = min(int(np.searchsorted(below, target)), bins.count - 1)
    share = (target - (below[k] - n[k])) / n[k] if n[k] > 0.0 else 0.5
    return float(bins.low_s * 10.0 ** ((k + min(max(share, 0.0), 1.0)) / bins.per_decade))
