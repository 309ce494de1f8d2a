"""The network component in the real coupling: events with causes, power, state."""

from __future__ import annotations

import numpy as np
import pytest

from twin.catalogue.modes import read_modes
from twin.components.network_model import Network
from twin.contract import SECOND, Advanced, Port
from twin.coupling import Coupling, StepRecord
from twin.faults import Action, Script

from .plant import RACKS, reference_network

LEAF_END_W = 12.5  # half a 25 W twin-port optic


class Demand:
    """A constant scale-out demand of every rack."""

    name, grid, can_rewind = "load", 0, True
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = (Port("fabric_demand_bit_s", "rack", "mean"),)

    def __init__(self, demand_bit_s: float):
        self.demand = np.full(len(RACKS), demand_bit_s)

    def start(self, t, inputs): ...
    def next_due(self): return 1 << 62
    def settle(self, t, round, inputs): return ()
    def may_split(self, t, t_end): return False
    def advance(self, t, t_end, inputs): return Advanced(t_end, {"fabric_demand_bit_s": self.demand})
    def stored_j(self): return {}
    def drivers(self, port, index): return ()
    def mark(self): return None
    def rewind(self, mark): ...
    def save(self): return {}
    def load(self, state): ...


def coupled(actions, demand_bit_s=0.0, step=SECOND, **how) -> tuple[Coupling, Network]:
    network, axes = reference_network(**how)
    own = {p.name for p in network.outputs}
    script = Script([Action(int(t * SECOND), element, kind, ((port, index(axes, port, element, network), value),), ends)
                     for t, element, kind, port, value, ends in actions],
                    [p for p in network.inputs if p.kind == "mode" and p.name not in own])
    return Coupling([script, Demand(demand_bit_s), network], axes, step), network


def index(axes, port, element, network) -> int:
    axis = next(p.axis for p in network.inputs if p.name == port)
    return axes[axis].index(element)


def run(coupling: Coupling, seconds: float):
    steps: list[StepRecord] = []
    coupling.start(0)
    coupling.run(int(seconds * SECOND), steps.append)
    return steps, {f"{e.element}/{e.kind}@{e.t / SECOND:g}": e for s in steps for e in s.events}


def test_leaf_loss_stops_the_job_then_it_goes_on_over_three_rails():
    coupling, _ = coupled([(5, "H1_LF01", "failed", "switch_failed", 1.0, False),
                           (400, "H1_LF01", "repaired", "switch_failed", 0.0, True)])
    _, events = run(coupling, 600)
    down, abort = events["H1_LF01/switch-down@5"], events["TRAIN1/job-cut-off@5"]
    assert down.causes == (events["H1_LF01/failed@5"].id,)
    assert abort.causes == (down.id,) and abort.value == 0.0
    slowed = events["TRAIN1/job-slowed@125"]
    assert slowed.causes[0] == abort.id and down.id in slowed.causes
    assert slowed.value == pytest.approx(3 / 4, abs=1e-12)  # three of four rails
    up, restored = events["H1_LF01/switch-up@580"], events["TRAIN1/job-restored@580"]
    assert up.causes == (events["H1_LF01/repaired@400"].id,)
    assert restored.causes == (up.id,) and restored.value == 1.0
    assert len(events) == 7


@pytest.mark.parametrize("rail_loss, expected", [("reroute", 0.75), ("abort", 0.0)])
def test_rail_loss_policy(rail_loss, expected):
    coupling, _ = coupled([(5, "H1_LF03", "failed", "switch_failed", 1.0, False)], rail_loss=rail_loss)
    _, events = run(coupling, 300)
    assert coupling.values["job_network_factor"][0] == pytest.approx(expected, abs=1e-12)
    assert len(events) == 3


def test_spine_loss_slows_a_job_that_crosses_and_spares_one_inside_a_leaf_group():
    lost = [(5, "SP02", "failed", "switch_failed", 1.0, False)]
    _, events = run(coupled(lost)[0], 20)
    assert events["TRAIN1/job-slowed@5"].value == pytest.approx(3 / 4, abs=1e-12)  # d/(d-1) on every cable
    assert events["TRAIN1/job-slowed@5"].causes == (events["SP02/switch-down@5"].id,)
    _, inside = run(coupled(lost, job_racks=("H1_R02_*",))[0], 20)
    assert list(inside) == ["SP02/failed@5", "SP02/switch-down@5"]


def test_nic_and_cable_losses():
    coupling, _ = coupled([(5, "H1_R01_RK02_RAIL3", "nic-failed", "rail_nics_lost_count", 1.0, False)],
                          rail_loss="reroute")
    _, events = run(coupling, 10)
    # 71 of its rack's 72 NICs; the fabric itself carries less than before
    assert events["TRAIN1/job-slowed@5"].value == pytest.approx(71 / 72, abs=1e-9)
    coupling, _ = coupled([(5, "H1_LF01_SP01", "cable-lost", "leaf_link_cables_lost_count", 1.0, False)])
    _, events = run(coupling, 10)
    # the spine's down side has 17 of 18 cables left to this leaf
    assert events["TRAIN1/job-slowed@5"].value == pytest.approx(17 / 18, abs=1e-9)


def test_a_second_loss_blames_itself_first_and_the_standing_one_after():
    coupling, _ = coupled([(5, "SP01", "failed", "switch_failed", 1.0, False),
                           (9, "SP03", "failed", "switch_failed", 1.0, False)])
    _, events = run(coupling, 12)
    second = events["TRAIN1/job-slowed@9"]
    assert second.causes == (events["SP03/switch-down@9"].id, events["SP01/switch-down@5"].id)
    assert second.value == pytest.approx(1 / 2, abs=1e-12)


def test_no_path_stops_the_job_until_one_returns():
    coupling, _ = coupled([(5 + i, f"SP0{i}", "failed", "switch_failed", 1.0, False) for i in (1, 2, 3, 4)]
                          + [(20, "SP01", "repaired", "switch_failed", 0.0, True)])
    _, events = run(coupling, 300)
    assert events["TRAIN1/job-cut-off@9"].value == 0.0
    assert events["TRAIN1/job-slowed@200"].value == pytest.approx(1 / 4, abs=1e-12)


def test_power_loss_of_a_switch_boots_it_again():
    coupling, _ = coupled([(5, "SP01", "dark", "switch_powered", 0.0, False),
                           (6, "SP01", "back", "switch_powered", 1.0, True)])
    steps, events = run(coupling, 200)
    power = np.array([s.outputs["switch_power_w"] for s in steps])[:, 8]
    assert power[4] == pytest.approx(1400 + 144 * LEAF_END_W) and power[5] == 0.0
    assert power[6] == pytest.approx(1400.0)  # boots: base power, no light
    assert events["SP01/switch-up@186"].causes == (events["SP01/back@6"].id,)
    assert power[-1] == power[4]


def test_power_follows_utilisation_and_lit_ends():
    demand = 0.25 * 72 * 800e9  # a quarter of line rate of each rack
    coupling, _ = coupled([(5, "H1_LF01_SP01", "cable-lost", "leaf_link_cables_lost_count", 2.0, False)], demand)
    steps, _ = run(coupling, 8)
    before, after = steps[3].outputs, steps[6].outputs
    crossing = 72 / 143  # N = 144 endpoints of a rail, 72 on the own leaf
    used = 0.25 * (1 + crossing) / 2
    assert before["switch_utilization_fraction"][:8] == pytest.approx(np.full(8, used))
    assert before["switch_utilization_fraction"][8:] == pytest.approx(np.full(4, 0.25 * crossing))
    assert before["network_utilization_fraction"][0] == pytest.approx(0.25)
    assert before["switch_power_w"][0] == pytest.approx(1400 + 400 * used + 144 * LEAF_END_W)
    # two cables dark: two ends at the leaf and at the spine
    assert before["switch_power_w"][0] - after["switch_power_w"][0] == pytest.approx(2 * LEAF_END_W)
    assert np.sum(after["switch_power_w"]) < np.sum(before["switch_power_w"]) - 2 * LEAF_END_W
    total = sum(float(np.sum(s.outputs["switch_power_w"])) * (s.t_end - s.t) / SECOND for s in steps)
    assert coupling.counters["network/switch_j"] == pytest.approx(total, rel=1e-12)


def test_pool_goes_on_over_the_other_rails():
    coupling, _ = coupled([(5, "H1_LF01", "failed", "switch_failed", 1.0, False)], job_racks=("H1_R02_*",),
                          pool_racks=("H1_R01_*",))
    _, events = run(coupling, 10)
    assert events["SERVE1/pool-slowed@5"].value == pytest.approx(1 / (0.95 + 0.05 / 0.75), abs=1e-12)
    assert coupling.values["job_network_factor"][0] == 1.0


def test_quiet_settle_and_fork_continue_bit_for_bit():
    actions = [(5, "H1_LF01", "failed", "switch_failed", 1.0, False),
               (60, "SP01", "failed", "switch_failed", 1.0, False),
               (70, "SP01", "repaired", "switch_failed", 0.0, True)]
    whole, _ = coupled(actions, 1e12)
    steps, events = run(whole, 400)
    first, _ = coupled(actions, 1e12)
    run(first, 100)
    second, network = coupled(actions, 1e12)
    second.load(first.save())
    rest: list = []
    second.run(400 * SECOND, rest.append)
    for a, b in zip(steps[-len(rest):], rest, strict=True):
        assert a.events == b.events
        assert all(np.array_equal(a.outputs[k], b.outputs[k]) for k in a.outputs)
    assert network.settle(400 * SECOND, 0, second._view(network)) == ()
    assert events["TRAIN1/job-slowed@125"].value == pytest.approx(9 / 16, abs=1e-12)
    assert events["TRAIN1/job-eased@250"].value == pytest.approx(3 / 4, abs=1e-12)
    assert events["TRAIN1/job-eased@250"].causes[0] == events["SP01/switch-up@250"].id


def test_exchange_step_does_not_move_events():
    actions = [(5.0, "H1_LF01", "failed", "switch_failed", 1.0, False)]
    coarse, fine = (run(coupled(actions, step=step)[0], 130)[1] for step in (SECOND, SECOND // 100))
    assert list(coarse) == list(fine)
    assert all(coarse[k].value == fine[k].value for k in coarse if "job" in k)


MODES = [(cls, name, mode) for cls in ("switch", "leaf_link", "rail_link", "trunk")
         for name, mode in read_modes()[0][cls].items()]


@pytest.mark.parametrize("cls, name, mode", MODES, ids=[f"{cls}/{name}" for cls, name, _ in MODES])
def test_every_declared_mode_changes_power_and_the_job_and_can_end(cls, name, mode):
    elements = {"switch": "SP04", "leaf_link": "H1_LF06_SP02", "rail_link": "H1_R02_RK03_RAIL2",
                "trunk": "H1_R02_TO_SP03"}
    coupling, _ = coupled([(5, elements[cls], name, mode.port, mode.written(), False),
                           (300, elements[cls], f"{name}-end", mode.port, 0.0, True)], 1e12)
    steps, events = run(coupling, 600)
    power = [float(np.sum(s.outputs["switch_power_w"])) for s in steps]
    assert power[10] < power[3] and power[-1] == power[3]
    slowed = [e for e in events.values() if e.element == "TRAIN1"]
    assert slowed[0].t == 5 * SECOND and slowed[0].value < 1.0
    assert slowed[-1].kind == "job-restored" and coupling.values["job_network_factor"][0] == 1.0
    root = events[f"{elements[cls]}/{name}@5"].id
    ids = {e.id: e for e in events.values()}
    behind, todo = set(), [slowed[0].id]
    while todo:
        one = todo.pop()
        behind.add(one)
        todo += [c for c in ids[one].causes if c not in behind]
    assert root in behind


def test_component_reads_exactly_the_ports_that_modes_declare():
    network, _ = reference_network()
    declared = {mode.port for _, _, mode in MODES}
    others = {"switch_powered", "rack_powered", "switch_up", "job_network_factor", "pool_network_factor"}
    assert {p.name for p in network.inputs if p.kind == "mode"} == declared | others
