"""Single losses: closed forms of the worst cable's load, and the table of every class of element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .ecmp import all_to_all, ecmp_loads, worst_cable_ratio
from .fabric import Fabric, FabricState, lose
from .generator import Counts


@dataclass(frozen=True)
class SingleLoss:
    """One class of equivalent elements: how many there are, what the loss of one does.

    load_factor : worst ratio of a cable's all-to-all load to its own nominal load [1]
    gpus_cut : endpoints without a fabric link [1]
    """

    tier: str
    elements: int
    load_factor: float
    gpus_cut: int
    example: tuple[int, ...]


def lost_leaf_spine_factor(counts: Counts) -> float:
    """Load factor on the worst cable after losing one leaf-spine cable.

    Notes
    -----
    m' parallel cables per pair: with m' > 1 the spine's remaining m' - 1 cables to that leaf carry all that came on
    m'; with m' = 1 the leaf's uplinks U share it: U/(U - 1). Two tiers; in three tiers m' = 1.

    Examples
    --------
    >>> from network_topology.generator import count_fabric
    >>> from network_topology.spec import FabricSpec
    >>> lost_leaf_spine_factor(count_fabric(FabricSpec(64, 8, 4, 32, 400e9)))  # 32 uplinks to 16 spines
    2.0
    """
    m = counts.leaf_spine
    uplinks = m * counts.spines
    return m / (m - 1) if m > 1 else uplinks / (uplinks - 1)


def lost_spine_factor(counts: Counts) -> float:
    """Load factor after losing one of d spines (of a pod): d/(d - 1)."""
    return counts.spines / (counts.spines - 1) if counts.spines > 1 else np.inf


def lost_spine_core_factor(counts: Counts) -> float:
    """Load factor after losing one spine-core cable: m/(m - 1) with m > 1 parallel cables, else K/(K - 1)."""
    m, k = counts.spine_core, counts.cores
    return m / (m - 1) if m > 1 else k / (k - 1) if k > 1 else np.inf


def lost_core_factor(counts: Counts) -> float:
    """Load factor after losing one of the K cores of a spine position: K/(K - 1)."""
    return counts.cores / (counts.cores - 1) if counts.cores > 1 else np.inf


def lost_trunk_factor(counts: Counts, positions: int) -> float:
    """Load factor after cutting the cables of one pod to c of its K core positions: K/(K - c)."""
    return counts.cores / (counts.cores - positions) if positions < counts.cores else np.inf


def load_factor(fabric: Fabric, whole: FabricState, state: FabricState) -> float:
    """Worst ratio of a cable's load to its own nominal load, under all-to-all of the endpoints still attached [1].

    Notes
    -----
    Each endpoint sends at the same rate before and after; infinite where a pair has lost its path.
    """
    before = ecmp_loads(fabric, whole, all_to_all(whole.live_endpoints()))
    after = ecmp_loads(fabric, state, all_to_all(state.live_endpoints()))
    return worst_cable_ratio(fabric, (state, after), (whole, before))


def _classes(fabric: Fabric) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    c = fabric.counts
    yield "endpoint", c.endpoints, (0,)
    yield "leaf", c.pods * c.leaves, (0, 0)
    yield "spine", c.pods * c.spines, (0, 0)
    yield "leaf-spine", c.pods * c.leaves * c.spines * c.leaf_spine, (0, 0, 0)
    if c.tiers == 3:
        yield "core", c.spines * c.cores, (0, 0)
        yield "spine-core", c.pods * c.spines * c.cores * c.spine_core, (0, 0, 0)


def single_losses(fabric: Fabric, whole: FabricState) -> tuple[SingleLoss, ...]:
    """The N-1 table: one representative for every class of equivalent elements of one plane.

    Notes
    -----
    In a fabric without failures all elements of a tier are images of each other under relabelling as long as the
    leaves carry equally many endpoints, so one loss stands for its class.
    """
    out = []
    for tier, elements, index in _classes(fabric):
        state = lose(whole, tier, index)
        cut = int(round(float(whole.live_endpoints().sum() - state.live_endpoints().sum())))
        out.append(SingleLoss(tier, elements, load_factor(fabric, whole, state), cut, index))
    return tuple(out)
