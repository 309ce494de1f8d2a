"""Flow of one loop: branch law, parallel branches, pumps and check valves, coast-down."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from thermal.hydraulics import (
    branch_coefficients,
    branch_flow_kg_s,
    coast_down_speed_fraction,
    manifold_dp_pa,
    pump_flow_kg_s,
    residual_flow_fraction,
    speed_rate_per_s,
)


@given(st.floats(-1e6, 1e6), st.floats(0.0, 1e5), st.floats(1e-3, 1e6))
def test_branch_flow_inverts_the_branch_law(dp: float, a: float, b: float) -> None:
    m = branch_flow_kg_s(dp, a, b)
    assert a * m + b * m * abs(m) == pytest.approx(dp, rel=1e-9, abs=1e-9)


def test_shut_branch_passes_nothing() -> None:
    assert branch_flow_kg_s(1e5, 0.0, inf) == 0.0


def test_design_point_lies_on_the_branch_law_with_an_exponent_near_185() -> None:
    a, b = branch_coefficients(2.7, 150e3)
    assert a * 2.7 + b * 2.7**2 == pytest.approx(150e3)
    slope = (a * 2.7 + 2.0 * b * 2.7**2) / 150e3  # d ln dp / d ln m
    assert slope == pytest.approx(1.85, abs=1e-12)


def _flow(head: float, k: float, n: int, running: int, common: float, stuck: float = 0.0) -> float:
    """Flow of n equal quadratic branches behind `running` of two equal pumps."""
    b = np.full(n, 4.0)
    heads = np.array([head, head if running == 2 else 0.0])
    p = manifold_dp_pa(np.zeros(n), b, 0.0, common, heads, np.full(2, k), np.array([0.0, stuck]))
    return sum(branch_flow_kg_s(p, 0.0, 4.0) for _ in range(n))


@given(st.integers(1, 9), st.floats(10.0, 1e4), st.floats(0.1, 10.0), st.floats(0.0, 5.0))
def test_parallel_branches_closed_form(n: int, head: float, k: float, common: float) -> None:
    system = 4.0 / n**2 + common  # equal quadratic branches in parallel add their square roots
    assert _flow(head, k, n, 1, common) == pytest.approx((head / (k + system)) ** 0.5, rel=1e-9)
    assert _flow(head, k, n, 2, common) == pytest.approx((head / (k / 4.0 + system)) ** 0.5, rel=1e-9)


@given(st.floats(0.05, 0.95))
def test_residual_flow_after_losing_one_of_two_pumps(duty_over_shut_off: float) -> None:
    h = duty_over_shut_off
    both, system = 2.0, 4.0
    k = system * both**2 * (1.0 - h) / h / (both / 2.0) ** 2  # so that the duty head is h times the shut-off head
    head = system * both**2 / h
    ratio = _flow(head, k, 1, 1, 0.0) / _flow(head, k, 1, 2, 0.0)
    assert _flow(head, k, 1, 2, 0.0) == pytest.approx(both, rel=1e-9)
    assert ratio == pytest.approx(float(residual_flow_fraction(h)), rel=1e-9)


def test_affinity_flow_with_speed_and_head_with_its_square() -> None:
    full = _flow(1000.0, 1.0, 4, 1, 0.5)
    for speed in (0.2, 0.5, 0.9):
        assert _flow(1000.0 * speed**2, 1.0, 4, 1, 0.5) == pytest.approx(speed * full, rel=1e-10)


def test_stuck_check_valve_lets_coolant_run_back() -> None:
    tight, stuck = _flow(1000.0, 1.0, 2, 1, 0.5), _flow(1000.0, 1.0, 2, 1, 0.5, stuck=1.0)
    assert stuck < 0.9 * tight
    assert pump_flow_kg_s(100.0, 0.0, 4.0, True) == -5.0 and pump_flow_kg_s(100.0, 0.0, 4.0, False) == 0.0


@given(st.floats(0.1, 5.0), st.floats(0.1, 1.0), st.floats(0.01, 60.0))
def test_coast_down_closed_form_solves_its_equation(tau: float, start: float, t: float) -> None:
    run = solve_ivp(lambda _, n: [speed_rate_per_s(n[0], 1.0, tau)], (0.0, t), [start], rtol=1e-10, atol=1e-13)
    assert run.y[0, -1] == pytest.approx(float(coast_down_speed_fraction(t, tau, start)), rel=1e-7)


@given(st.integers(2, 8), st.data())
def test_relabelling_branches_changes_nothing(n: int, data: st.DataObject) -> None:
    b = np.array(data.draw(st.lists(st.floats(0.5, 50.0), min_size=n, max_size=n)))
    order = np.array(data.draw(st.permutations(range(n))))
    a, head, k, tight = np.full(n, 0.3), np.array([500.0]), np.array([2.0]), np.zeros(1)
    p = manifold_dp_pa(a, b, 0.1, 0.2, head, k, tight)
    q = manifold_dp_pa(a, b[order], 0.1, 0.2, head, k, tight)
    assert q == pytest.approx(p, rel=1e-11)


def test_bad_design_point_is_refused() -> None:
    with pytest.raises(ValueError, match="positive flow"):
        branch_coefficients(0.0, 1.0)
