"""Holds when, 6: every failure mode of the catalogue, injected at the design point, changes what physics computes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.whole.factory import SHORT, fork, scenario, warm
from twin.catalogue.modes import load_modes
from twin.ledger import LEDGERS
from twin.plant import build_plant

BEGIN_S, FAULT_S, END_S = 60.0, 90.0, 400.0
CLOCK = ("clock.start=15:00", "clock.duration=10min")
MODES = [(cls, name) for cls, by in sorted(load_modes().items()) for name in by]
CLASSES = build_plant(scenario().facility, scenario().workload).classes


def element_of(cls):
    ids = CLASSES.get(cls) or {"job": ("TRAIN1",), "pool": ("SERVE1",)}.get(cls, ())
    return ids[0] if ids else None


def faults(cls, name):
    """The injection, together with the demand it waits for."""
    spec = load_modes()[cls][name]
    element = element_of(cls)
    lines = [f"{{at: {FAULT_S:g}s, element: {element}, mode: {name}}}"]
    if spec.demand is not None:
        example = spec.demand.example
        lines = [f"{{at: {FAULT_S:g}s, element: {example.get('for', element)}, mode: {name}}}"]
        lines.append(f"{{at: {FAULT_S + 1:g}s, element: {example['element']}, mode: {example['mode']}}}")
    return "[" + ", ".join(lines) + "]", lines


@pytest.mark.parametrize(("cls", "name"), MODES, ids=[f"{c}-{n}" for c, n in MODES])
def test_mode_changes_physics_and_breaks_no_ledger(cls, name):
    assert element_of(cls) is not None, f"no element of class {cls} in the reference project"
    start = warm("day", *CLOCK, at_s=BEGIN_S)
    text, lines = faults(cls, name)
    demand_only = "[" + ", ".join(lines[1:]) + "]"
    calm = fork(start, "day", *CLOCK, f"faults={demand_only}", until_s=END_S)
    hit = fork(start, "day", *CLOCK, f"faults={text}", until_s=END_S)
    modes = {spec.port for by in load_modes().values() for spec in by.values()}
    changed = [
        q
        for q in calm.results.arrays["1s"]
        if q not in modes
        and calm.results.quantities[q]["kind"] != "mode"
        and not np.array_equal(calm.results.arrays["1s"][q], hit.results.arrays["1s"][q])
    ]
    assert changed, f"{cls}/{name} changes nothing that a room computes"
    for ledger in LEDGERS:
        whole, worst = ledger.residual_fraction(hit.results.counters)
        assert whole <= 1e-6 and worst <= 1e-6, ledger.name


def test_the_list_is_not_empty_and_each_mode_has_a_port_of_its_own():
    assert len(MODES) > 40 and len(SHORT) == 1
    ports = [spec.port for by in load_modes().values() for spec in by.values()]
    assert len(ports) >= len(MODES) * 0.8
