"""A built fabric (counts and ids by arithmetic, no edge list) and the state of its cables and switches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .generator import Counts, count_fabric
from .spec import FabricError, FabricSpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fabric:
    """One plane of a fabric: counts, rate, and for every leaf (flat: pod-major) its pod and rail."""

    spec: FabricSpec
    counts: Counts
    leaf_pod: NDArray[np.int64]
    leaf_rail: NDArray[np.int64]
    leaf_endpoints: NDArray[np.int64]

    @property
    def link_bit_s(self) -> float:
        return self.spec.link_bit_s

    @property
    def shape_low(self) -> tuple[int, int, int]:
        """(pod, leaf, spine) of the leaf-spine cable counts."""
        return self.counts.pods, self.counts.leaves, self.counts.spines

    @property
    def shape_high(self) -> tuple[int, int, int]:
        """(pod, spine, core) of the spine-core cable counts."""
        return self.counts.pods, self.counts.spines, self.counts.cores


def build_fabric(spec: FabricSpec) -> Fabric:
    """Build a fabric from its spec.

    Parameters
    ----------
    spec : the fabric asked for

    Returns
    -------
    fabric; leaves are ordered (unit, leaf of the unit, rail), an under-filled pod is one (unit, rail)

    Examples
    --------
    One GB300 scalable unit: 8 racks x 18 NICs per rail, 4 rails, radix 144.

    >>> f = build_fabric(FabricSpec(radix=144, rails=4, units=1, endpoints_per_rail=144, link_bit_s=800e9))
    >>> f.counts.leaves, f.counts.spines, f.counts.leaf_spine
    (8, 4, 18)
    """
    counts = count_fabric(spec)
    flat = np.arange(counts.pods * counts.leaves)
    pod = flat // counts.leaves
    if spec.under_fill is not None:
        rail = pod % spec.rails
        within = flat % counts.leaves
    else:
        rail = flat % spec.rails
        per_unit = -(-spec.endpoints_per_rail // counts.leaf_down)
        within = (flat // spec.rails) % per_unit
    left = spec.endpoints_per_rail - within * counts.leaf_down
    return Fabric(spec, counts, pod, rail, np.minimum(left, counts.leaf_down))


@dataclass(frozen=True)
class FabricState:
    """What is alive in one plane.

    low : (pod, leaf, spine) live leaf-spine cables [1]
    high : (pod, spine, core) live spine-core cables [1]; no core dimension in two tiers
    endpoints : (leaf,) live endpoints per leaf, flat over pods [1]
    leaf_up, spine_up, core_up : live switches (True), shapes (pod, leaf), (pod, spine), (spine, core)
    low_rate : (pod, leaf, spine) rate of the slowest live cable of the bundle against nominal [fraction]
    """

    low: Array
    high: Array
    endpoints: Array
    leaf_up: NDArray[np.bool_]
    spine_up: NDArray[np.bool_]
    core_up: NDArray[np.bool_]
    low_rate: Array

    def live_low(self) -> Array:
        """Live leaf-spine cables with both switches alive, (pod, leaf, spine)."""
        return self.low * self.leaf_up[:, :, None] * self.spine_up[:, None, :]

    def live_high(self) -> Array:
        """Live spine-core cables with both switches alive, (pod, spine, core)."""
        return self.high * self.spine_up[:, :, None] * self.core_up[None, :, :]

    def live_endpoints(self) -> Array:
        """Live endpoints of live leaves, (leaf,) flat over pods."""
        return self.endpoints * self.leaf_up.ravel()


def whole_state(fabric: Fabric) -> FabricState:
    """State in which nothing has failed."""
    c = fabric.counts
    return FabricState(
        low=np.full(fabric.shape_low, float(c.leaf_spine)),
        high=np.full(fabric.shape_high, float(c.spine_core)),
        endpoints=fabric.leaf_endpoints.astype(np.float64),
        leaf_up=np.ones((c.pods, c.leaves), dtype=bool),
        spine_up=np.ones((c.pods, c.spines), dtype=bool),
        core_up=np.ones((c.spines, c.cores), dtype=bool),
        low_rate=np.ones(fabric.shape_low),
    )


def lose(state: FabricState, tier: str, index: tuple[int, ...], number: float = 1.0) -> FabricState:
    """State after losing one element.

    Parameters
    ----------
    state : state before
    tier : "leaf", "spine", "core", "leaf-spine", "spine-core", "endpoint" or "trunk"
    index : (pod, leaf), (pod, spine), (spine, core), (pod, leaf, spine), (pod, spine, core), (leaf,); for a trunk
        (pod, first core position): ``number`` core switches' worth of cables of one pod, cut together
    number : cables, endpoints or (trunk) core positions lost [1]

    Returns
    -------
    new state; the given one is unchanged
    """
    low, high, ends = state.low.copy(), state.high.copy(), state.endpoints.copy()
    leaf, spine, core = state.leaf_up.copy(), state.spine_up.copy(), state.core_up.copy()
    if tier == "leaf":
        leaf[index] = False
    elif tier == "spine":
        spine[index] = False
    elif tier == "core":
        core[index] = False
    elif tier == "leaf-spine":
        low[index] = max(0.0, low[index] - number)
    elif tier == "spine-core":
        high[index] = max(0.0, high[index] - number)
    elif tier == "endpoint":
        ends[index] = max(0.0, ends[index] - number)
    elif tier == "trunk":
        pod, first = index
        high[pod, :, first : first + int(number)] = 0.0
    else:
        raise FabricError(f"tier: found {tier!r}, wanted leaf, spine, core, leaf-spine, spine-core, endpoint or trunk")
    return FabricState(low, high, ends, leaf, spine, core, state.low_rate)
