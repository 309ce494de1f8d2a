"""The coupling contract on toys whose answers are closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from tests.coupling.toy import Battery, Load, Room, Toy
from twin.contract import SECOND, Advanced, Event, Port
from twin.coupling import Coupling, Hold
from twin.errors import SolverError, WiringError
from twin.faults import Action, Script

AXES = {"site": ("SITE",)}
FAIL_AT_S = 10


def chain(step=SECOND, stored_j=12_345.678, **more):
    script = Script([Action(FAIL_AT_S * SECOND, "SITE", "mains-fail", (("mains_failed", 0, 1.0),))],
                    [Port("mains_failed", "site", "mode")])
    coupling = Coupling([script, Battery(stored_j), Room(), Load()], AXES, step, **more)
    coupling.start(0)
    return coupling


def run(coupling, until_s):
    events, steps = [], []
    coupling.run(until_s * SECOND, lambda s: (events.extend(s.events), steps.append(s)))
    return events, steps


@pytest.mark.parametrize("step", [SECOND, SECOND // 100, 10 * SECOND])
def test_splitting_event_falls_at_the_exact_instant(step):
    events, _ = run(chain(step), 40)
    assert [e.kind for e in events] == ["mains-fail", "battery-empty"]
    # 12,345.678 J at 1,000 W last 12.345678 s from the failure on
    assert abs(events[1].t - (FAIL_AT_S * SECOND + 12_345_678)) <= 1
    assert events[1].causes == (events[0].id,)


def test_rewind_books_no_joule_twice():
    coupling = chain()
    run(coupling, 40)
    # alive for 10 s + 12.345678 s at 1 kW, nothing after
    assert coupling.counters["load/rack_j"] == pytest.approx(22_345.678, abs=1e-9)


def test_lagged_joules_arrive_whole_and_transit_is_booked():
    coupling = chain()
    run(coupling, 15)
    sent, received = coupling.counters["battery/heat_out_j"], coupling.counters["room/heat_in_j"]
    assert sent == pytest.approx(0.02 * 15_000)
    assert received + coupling.stored_j()["coupling/transit_j"] == pytest.approx(sent, abs=1e-12)
    assert coupling.stored_j()["coupling/transit_j"] > 0


def test_fork_equals_the_whole_run_bit_for_bit():
    whole = chain()
    run(whole, 40)
    first, second = chain(), chain()
    run(first, 17)
    second.load(first.save())
    run(second, 40)
    assert second.counters == whole.counters
    assert all(np.array_equal(second.values[p], whole.values[p]) for p in whole.values)
    assert second.causes == whole.causes


def test_order_follows_needs_not_the_list():
    assert [c.name for c in chain().order].index("load") < [c.name for c in chain().order].index("battery")


def test_hold_freezes_what_consumers_see():
    coupling = chain(hold=Hold(5 * SECOND, ("feed_alive",)))
    run(coupling, 40)
    assert coupling.counters["load/rack_j"] == pytest.approx(40_000)


def test_tamper_changes_one_side_only():
    coupling = chain(tamper={("battery", "load_power_w"): 1.01})
    run(coupling, 5)
    assert coupling.counters["battery/mains_j"] == pytest.approx(1.01 * coupling.counters["load/rack_j"])


class Quarrel(Toy):
    name = "quarrel"
    outputs = (Port("switch_on", "site", "mode"),)

    def settle(self, t, round, inputs):
        return (Event(t, "SITE", "flip", sets=(("switch_on", 0, float(round % 2)),)),)

    def advance(self, t, t_end, inputs):
        return Advanced(t_end, {})


def test_a_quarrel_is_named():
    with pytest.raises(SolverError, match="SITE/flip"):
        coupling = Coupling([Quarrel()], AXES)
        coupling.start(0)
        coupling.run(SECOND)


class Ring(Toy):
    def __init__(self, name, makes, takes):
        self.name = name
        self.inputs = (Port(takes, "site", "mean"),)
        self.outputs = (Port(makes, "site", "mean", needs=(takes,)),)


def test_wiring_errors_are_listed_at_build():
    with pytest.raises(WiringError, match="cycle"):
        Coupling([Ring("a", "x_w", "y_w"), Ring("b", "y_w", "x_w")], AXES)
    with pytest.raises(WiringError, match="nobody produces"):
        Coupling([Load()], AXES)
    with pytest.raises(WiringError, match="both"):
        Coupling([Load(), Load(), Battery()], AXES)


class Thief(Load):
    name = "thief"
    outputs = (Port("other_w", "site", "mean"),)

    def settle(self, t, round, inputs):
        return (Event(t, "SITE", "steal", sets=(("feed_alive", 0, 0.0),)),) if round == 0 else ()


def test_only_the_owner_sets_a_mode():
    script = Script([], [Port("mains_failed", "site", "mode")])
    coupling = Coupling([script, Battery(), Room(), Load(), Thief()], AXES)
    coupling.start(0)
    with pytest.raises(WiringError, match="thief sets feed_alive"):
        coupling.run(SECOND)


def test_causes_through_a_continuous_signal_find_the_event_behind():
    coupling = chain()
    run(coupling, 40)
    # load_power_w -> Load reads feed_alive, which battery-empty set
    behind = coupling.events_behind([("load_power_w", 0)])
    assert len(behind) == 1 and behind[0].endswith("battery-empty")


class Liar(Battery):
    def may_split(self, t, t_end):
        return False


def test_a_split_that_was_not_announced_is_an_error():
    script = Script([Action(SECOND, "SITE", "mains-fail", (("mains_failed", 0, 1.0),))],
                    [Port("mains_failed", "site", "mode")])
    coupling = Coupling([script, Liar(1234.5), Room(), Load()], AXES)
    coupling.start(0)
    with pytest.raises(SolverError, match="said it would not split"):
        coupling.run(10 * SECOND)
