"""Heat exchanger of the CDU: limits of the effectiveness law, the published Deschutes point, off-design."""

from __future__ import annotations

import json
from math import exp
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermal.cdu import design_ua_w_k, effectiveness, heat_w, ntu_of_effectiveness, ua_w_k

TRUTH = json.loads((Path(__file__).parents[1] / "truth" / "thermal_tcs.json").read_text())["deschutes"]
FLUIDS = [("water", 4180.0), ("pg25", 3960.0)]


@pytest.mark.parametrize("ntu", [0.01, 0.5, 1.0, 4.5, 20.0])
def test_effectiveness_at_its_limits(ntu: float) -> None:
    assert float(effectiveness(ntu, 0.0)) == pytest.approx(1.0 - exp(-ntu), rel=1e-14)
    assert float(effectiveness(ntu, 1.0)) == pytest.approx(ntu / (1.0 + ntu), rel=1e-14)
    assert float(effectiveness(ntu, 1.0 - 1e-9)) == pytest.approx(ntu / (1.0 + ntu), rel=1e-7)
    assert float(effectiveness(0.0, 0.5)) == 0.0


@given(st.floats(0.0, 30.0), st.floats(0.0, 1.0))
def test_effectiveness_lies_between_zero_and_one_and_inverts(ntu: float, c_ratio: float) -> None:
    e = float(effectiveness(ntu, c_ratio))
    assert 0.0 <= e <= 1.0
    if 1e-6 < ntu and e < 0.999:
        assert float(ntu_of_effectiveness(e, c_ratio)) == pytest.approx(ntu, rel=1e-6)


@given(st.floats(0.0, 1e6), st.floats(1.0, 1e5), st.floats(1.0, 1e5), st.floats(20.0, 90.0), st.floats(0.0, 50.0))
def test_heat_never_crosses_temperatures(ua: float, c_hot: float, c_cold: float, hot_c: float, cold_c: float) -> None:
    q = heat_w(ua, c_hot, c_cold, hot_c, cold_c)
    hot_out, cold_out = hot_c - q / c_hot, cold_c + q / c_cold
    low, high = min(hot_c, cold_c) - 1e-6, max(hot_c, cold_c) + 1e-6
    assert low <= hot_out <= high and low <= cold_out <= high
    assert q * (hot_c - cold_c) >= 0.0


def _rest(
    ua_w_k_: float, cp: float, heat: float, secondary: float, primary: float, fws_c: float
) -> tuple[float, float]:
    """Supply and return at which the exchanger passes on exactly the heat (closed form)."""
    c_hot, c_cold = secondary * cp, primary * 4180.0
    c_min, c_max = min(c_hot, c_cold), max(c_hot, c_cold)
    back = fws_c + heat / (float(effectiveness(ua_w_k_ / c_min, c_min / c_max)) * c_min)
    return back - heat / c_hot, back


@pytest.mark.parametrize("fluid, cp", FLUIDS)
def test_deschutes_point(fluid: str, cp: float) -> None:
    ua = TRUTH[f"ua_{fluid}_w_k"]
    supply, back = _rest(ua, cp, TRUTH["heat_w"], TRUTH["secondary_kg_s"], TRUTH["primary_kg_s"], TRUTH["fws_supply_c"])
    assert supply == pytest.approx(TRUTH["tcs_supply_c"], abs=TRUTH["tolerance_k"])
    assert back == pytest.approx(TRUTH[f"tcs_return_{fluid}_c"], abs=TRUTH["tolerance_k"])
    c_hot, c_cold = TRUTH["secondary_kg_s"] * cp, TRUTH["primary_kg_s"] * 4180.0
    derived = design_ua_w_k(TRUTH["heat_w"], c_hot, c_cold, TRUTH["tcs_supply_c"], TRUTH["fws_supply_c"])
    assert derived == pytest.approx(ua, rel=0.005)


def test_off_design_against_a_cut_of_the_exchanger() -> None:
    """Other flows: effectiveness-NTU against 4,000 slices of counterflow, a linear boundary problem."""
    ua0 = TRUTH["ua_pg25_w_k"]
    for xs, xp in ((0.7, 1.0), (0.5, 0.6), (1.2, 0.8)):
        ua = float(ua_w_k(ua0, xp, xs))
        c_hot, c_cold = xs * TRUTH["secondary_kg_s"] * 3960.0, xp * TRUTH["primary_kg_s"] * 4180.0
        q = heat_w(ua, c_hot, c_cold, 45.0, 26.8)
        assert q == pytest.approx(_sliced_heat_w(ua, c_hot, c_cold, 45.0, 26.8), rel=2e-6)


def _sliced_heat_w(ua: float, c_hot: float, c_cold: float, hot_in: float, cold_in: float) -> float:
    """Shooting on the cold outlet with the midpoint rule: the profile is linear in the guess."""
    n = 4000

    def cold_inlet_of(cold_out: float) -> tuple[float, float]:
        hot, cold = hot_in, cold_out
        for _ in range(n):
            d = hot - cold
            mid = d - 0.5 * (ua / n) * d * (1.0 / c_hot - 1.0 / c_cold)
            q = ua / n * mid
            hot, cold = hot - q / c_hot, cold - q / c_cold
        return cold, (cold_out - cold) * c_cold

    a, _ = cold_inlet_of(cold_in)
    b, _ = cold_inlet_of(cold_in + 10.0)
    return cold_inlet_of(cold_in + 10.0 * (cold_in - a) / (b - a))[1]


def test_conductance_falls_with_flow_and_fouling() -> None:
    x = np.linspace(0.05, 1.5, 30)
    assert np.all(np.diff(ua_w_k(1e5, x, 1.0)) > 0.0) and np.all(np.diff(ua_w_k(1e5, 1.0, x)) > 0.0)
    assert float(ua_w_k(1e5, 1.0, 1.0, 1.3)) == pytest.approx(1e5)
    assert float(ua_w_k(1e5, 1.0, 1.0, 1.3, 1e-5)) == pytest.approx(0.5e5)
    assert float(ua_w_k(1e5, 0.5, 0.5)) == pytest.approx(1e5 * 0.5**0.7)


def test_rated_point_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="effectiveness"):
        design_ua_w_k(1e6, 1e4, 1e4, 20.0, 30.0)
