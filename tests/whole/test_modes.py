"""Holds when, 6: every failure mode of the catalogue, injected at the design point, changes what physics computes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.whole.factory import fork, scenario, warm
from twin.catalogue.modes import load_modes
from twin.ledger import LEDGERS
from twin.plant import build_plant

BEGIN_S, FAULT_S, END_S = 60.0, 90.0, 420.0
CLOCK = ("clock.start=15:00", "clock.duration=10min")
FULL = ("workload=all-training",)  # the design point: every rack at full load in the hottest hours
MIXED = ()  # serving and training, for what only serving shows
MODES = [(cls, name) for cls, by in sorted(load_modes().items()) for name in by]
CLASSES = build_plant(scenario().facility, scenario().workload).classes
INJECTED = {spec.port for by in load_modes().values() for spec in by.values()}


def injections(cls, name):
    """(faults, what happens without the mode): the mode alone, or with the demand it waits for, on likely elements."""
    demand = load_modes()[cls][name].demand
    at = f"at: {FAULT_S:g}s"
    ids = list(CLASSES.get(cls, ()))
    if demand is None:
        return [(f"[{{{at}, element: {id}, mode: {name}}}]", "[]") for id in ids[:4]]
    needed = f"{{at: {FAULT_S + 1:g}s, element: {demand.example.element}, mode: {demand.example.mode}}}"
    same = demand.mode.split("/")[0] == cls and demand.element.startswith("the same")
    near = sorted(ids, key=lambda id: ((id == demand.example.element) != same, id))
    return [(f"[{{{at}, element: {id}, mode: {name}}}, {needed}]", f"[{needed}]") for id in near[:4]]


@cache
def calm(work, faults):
    return fork(warm("day", *CLOCK, *work, at_s=BEGIN_S), "day", *CLOCK, *work, f"faults={faults}", until_s=END_S)


SEEN = 1e-3  # least relative change; a mode's event alone refines the exchange and moves flows by some 3e-4


def changed(work, faults, without):
    """Quantities of physics that the injection changed by more than `SEEN` of their size, and the run."""
    base = calm(work, without)
    hit = fork(warm("day", *CLOCK, *work, at_s=BEGIN_S), "day", *CLOCK, *work, f"faults={faults}", until_s=END_S)
    found = []
    for name, quantity in base.results.quantities.items():
        if quantity["kind"] == "mode" or name in INJECTED or name not in base.results.arrays["1s"]:
            continue
        a, b = (np.asarray(r.results.arrays["1s"][name], dtype=float) for r in (base, hit))
        if not a.size:
            continue
        size = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-12)
        if float(np.max(np.abs(a - b))) > SEEN * size:
            found.append(name)
    return found, hit


@pytest.mark.parametrize(("cls", "name"), MODES, ids=[f"{c}-{n}" for c, n in MODES])
def test_mode_changes_physics_and_breaks_no_ledger(cls, name):
    options = injections(cls, name)
    assert options, f"no element of class {cls} in the reference project"
    found = []
    for work in (MIXED,) if cls == "pool" else (FULL, MIXED):
        for faults, without in options:
            found, hit = changed(work, faults, without)
            for ledger in LEDGERS:
                whole, worst = ledger.residual_fraction(hit.results.counters)
                assert whole <= 1e-6 and worst <= 1e-6, ledger.name
            if found:
                return
    assert found, f"{cls}/{name} changes nothing that a room computes"


def test_every_mode_is_in_the_list():
    assert len(MODES) > 60
    assert {cls for cls, _ in MODES} >= {
        "cdu",
        "cdu_pump",
        "ups",
        "busway",
        "generator",
        "switch",
        "rack",
        "chiller",
        "ahu",
    }
