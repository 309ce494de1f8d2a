"""The radial balance against an independent nodal solution, and its invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrical.balance import balance
from electrical.compiled import (
    K_UPS,
    O_BATT,
    O_CABLE,
    O_LOADING,
    O_LOSS,
    O_P,
    O_PIN,
    O_U,
    OUT_ROWS,
    S_ON,
    compile_model,
    neutral_state,
)
from electrical.one_line import Element, LoadGroup, PowerModel
from tests.electrical.plant import Run

V = 415.0
VOLTAGE_TOLERANCE = 1e-7  # per unit, against the nodal solution
LOSS_TOLERANCE = 1e-6  # relative


def solve(c, load_w, state=None):
    out, served = np.zeros((OUT_ROWS, len(c.ids))), np.zeros(len(c.load_ids))
    balance(
        c.kind,
        c.ptr,
        c.src,
        c.const,
        c.lptr,
        c.lsrc,
        c.load_const,
        np.asarray(load_w, float),
        neutral_state(c) if state is None else state,
        out,
        served,
    )
    return out, served


def feeder(taps=6):
    """A feeder of cables in a row with a load at every tap."""
    elements = [Element("GRID", "utility", voltage_v=V, limit_w=1e6)]
    for k in range(taps):
        elements.append(
            Element(
                f"T{k}",
                "busway",
                (elements[-1].id,),
                voltage_v=V,
                limit_w=5e5,
                resistance_ohm=2e-3,
                reactance_ohm=1e-3,
                cable_resistance_ohm=1e-3,
                cable_reactance_ohm=2e-3,
            )
        )
    ids = tuple(f"L{k}" for k in range(taps))
    return PowerModel(tuple(elements), (LoadGroup("rack", ids, tuple((f"T{k}",) for k in range(taps)), 0.25, 0.7),))


def nodal(taps, load_w):
    """Complex fixed point V = V0 + Z I on the chain: an independent solution per phase, star-connected."""
    z = (2e-3 + 1e-3) + 1j * (1e-3 + 2e-3)
    v0 = V / np.sqrt(3)
    v = np.full(taps, v0, dtype=complex)
    s = np.asarray(load_w) / 3 * (1 + 0.25j)
    for _ in range(200):
        current = np.conj(s / v)
        through = np.cumsum(current[::-1])[::-1]
        v = v0 - np.cumsum(z * through)
    loss = 3 * np.sum(np.abs(through) ** 2) * z.real
    return np.abs(v) / v0, loss


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_voltage_and_loss_against_nodal_solution(scale):
    taps = 6
    load_w = scale * np.array([30e3, 10e3, 45e3, 0.0, 25e3, 40e3])
    c = compile_model(feeder(taps))
    out, _ = solve(c, load_w)
    volts, loss_w = nodal(taps, load_w)
    index = [c.index[f"T{k}"] for k in range(taps)]
    assert out[O_U, index] == pytest.approx(volts, abs=VOLTAGE_TOLERANCE)
    assert float(out[O_LOSS].sum() + out[O_CABLE].sum()) == pytest.approx(loss_w, rel=LOSS_TOLERANCE)
    assert out[O_PIN, c.index["GRID"]] == pytest.approx(load_w.sum() + loss_w, rel=1e-9)
    if scale == 3.0:
        assert volts.min() < 0.99  # the case is not trivial


def two_sides(sides=("A", "B")):
    """Racks between ideal feeders and converters of constant efficiency."""
    elements = [Element("GRID", "utility", voltage_v=V, limit_w=1e7)]
    for s in sides:
        elements.append(Element(f"UPS_{s}", "ups", ("GRID",), voltage_v=V, limit_w=5e5, linear=0.04))
        elements.append(Element(f"BW_{s}", "busway", (f"UPS_{s}",), voltage_v=V, limit_w=5e5))
    feeds = tuple(f"BW_{s}" for s in sides)
    return PowerModel(tuple(elements), (LoadGroup("rack", ("R1", "R2"), (feeds, feeds), 0.1, 0.7),))


def test_input_does_not_change_when_a_side_is_lost():
    c = compile_model(two_sides())
    load_w = [120e3, 90e3]
    state = neutral_state(c)
    both, _ = solve(c, load_w, state)
    state[S_ON, c.index["BW_A"]] = 0.0
    one, served = solve(c, load_w, state)
    assert served.tolist() == [1.0, 1.0]
    assert one[O_PIN, c.index["GRID"]] == pytest.approx(both[O_PIN, c.index["GRID"]], rel=1e-12)
    assert one[O_P, c.index["BW_B"]] == pytest.approx(210e3)
    assert both[O_P, c.index["BW_B"]] == pytest.approx(105e3)


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_equal_split_over_live_busways(lost):
    c = compile_model(two_sides("ABCD"))
    state = neutral_state(c)
    for side in "ABCD"[:lost]:
        state[S_ON, c.index[f"BW_{side}"]] = 0.0
    out, _ = solve(c, [700e3, 616e3], state)
    for side in "ABCD"[lost:]:
        assert out[O_P, c.index[f"BW_{side}"]] == pytest.approx(1316e3 / (4 - lost))
        assert (out[O_LOADING, c.index[f"BW_{side}"]] > 1.0) == (lost >= 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 150e3), min_size=8, max_size=8), st.sets(st.sampled_from(range(57)), max_size=4))
def test_energy_is_conserved_whatever_is_out(load_w, out_of_service):
    c = MODEL
    full = np.zeros(len(c.load_ids))
    full[c.group_slices["rack"]] = load_w
    state = neutral_state(c)
    for k in out_of_service:
        state[S_ON, k % len(c.ids)] = 0.0
    out, served = solve(c, full, state)
    sources = np.flatnonzero(np.diff(c.ptr) == 0)
    delivered = float((full * served).sum())
    taken = float(out[O_PIN, sources].sum()) + float(out[O_BATT].sum())
    lost = float(out[O_LOSS].sum() + out[O_CABLE].sum())
    assert taken == pytest.approx(delivered + lost, rel=1e-10, abs=1e-6)


MODEL = compile_model(Run().model)


def test_relabelling_changes_nothing():
    model = feeder(4)
    other = PowerModel(
        (model.elements[0], *model.elements[1:]),
        (LoadGroup("rack", ("L3", "L1", "L0", "L2"), (("T3",), ("T1",), ("T0",), ("T2",)), 0.25, 0.7),),
    )
    load = {"L0": 10e3, "L1": 20e3, "L2": 30e3, "L3": 40e3}
    first, second = compile_model(model), compile_model(other)
    a, _ = solve(first, [load[i] for i in first.load_ids])
    b, _ = solve(second, [load[i] for i in second.load_ids])
    assert a[O_U] == pytest.approx(b[O_U], abs=1e-14)
    assert a[O_PIN] == pytest.approx(b[O_PIN], rel=1e-14)


def test_bad_graphs_are_refused():
    loop = PowerModel((Element("A", "switchgear", ("B",)), Element("B", "switchgear", ("A",))), ())
    with pytest.raises(ValueError, match="cycle"):
        compile_model(loop)
    with pytest.raises(ValueError, match="NOWHERE"):
        compile_model(PowerModel((Element("A", "switchgear", ("NOWHERE",)),), ()))
    with pytest.raises(ValueError, match="no feed"):
        compile_model(PowerModel((Element("A", "utility"),), (LoadGroup("rack", ("R",), ((),), 0.1, 0.7),)))


def test_kernel_kinds():
    assert sorted(c for c in set(MODEL.kind.tolist())) == [0, 1, 2, 3, K_UPS]
