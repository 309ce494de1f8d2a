"""What the report reads from a run: seconds, bins for drawing, limits of chips."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.report.run_folder import view
from tests.usd_export.synthetic import SyntheticResults
from twin.report.view import FINE_BINS, RunView


def short(seconds: int = 1000) -> tuple[RunView, np.ndarray]:
    """A run of some seconds with a ramp on one element and its mirror on the other."""
    t = np.arange(1.0, seconds + 1.0)
    values = np.stack([t, -t], axis=1)
    results = SimpleNamespace(
        axes={"rack": ["A", "B"]}, quantities={"x": {"axis": "rack", "kind": "mean", "unit": "1"}}, events=[],
        arrays={"time": {"1s": t}, "1s": {"x": values}},
    )  # fmt: skip
    return RunView(Path("nowhere"), {}, {}, {}, {}, results), values


def test_a_short_run_is_drawn_from_its_seconds() -> None:
    of, values = short()
    time_s, mean = of.curve("x")
    assert len(time_s) == 250 <= FINE_BINS and time_s[-1] == 1000.0  # bins of 4 s: the least that keeps to 300
    np.testing.assert_allclose(mean[:, 0], time_s - 1.5)
    np.testing.assert_array_equal(of.curve("x", "max")[1], np.stack([time_s, 3.0 - time_s], axis=1))
    np.testing.assert_array_equal(of.curve("x", "min")[1], np.stack([time_s - 3.0, -time_s], axis=1))


def test_the_last_bin_may_be_short() -> None:
    of, values = short(1003)
    time_s, mean = of.curve("x")
    assert time_s[-1] == 1003.0 and mean[-1, 0] == pytest.approx(values[1000:, 0].mean())


def test_a_long_run_is_drawn_in_minutes() -> None:
    of = view()
    np.testing.assert_array_equal(of.curve("chip_c", "max")[1], SyntheticResults().series("chip_c", stat="max")[1])


def test_values_of_one_second() -> None:
    of, _ = short()
    assert of.in_second("x", 500.0) == {"A": 500.0, "B": -500.0}
    assert of.in_second("x", 499.5) == {"A": 500.0, "B": -500.0}
    assert of.in_second("x", 5000.0) == {"A": 1000.0, "B": -1000.0}
    assert of.in_second("y", 500.0) == {}


def test_chip_limits_come_from_the_rack_or_the_gpu_it_names() -> None:
    facility = dict(view().facility)
    catalogue = {
        "gb300-nvl72": {"class": "rack", "values": {"gpu_type": {"value": "gb300"}}},
        "gb300": {"class": "gpu", "values": {"slowdown_c": {"value": 89.0}, "shutdown_c": {"value": 95.0}}},
    }
    named = view(facility={**facility, "catalogue": catalogue})
    assert named.gpu_limit_c("H1_R01_RK01") == 89.0 and named.gpu_limit_c("H1_R01_RK01", "shutdown_c") == 95.0
    assert view().gpu_limit_c("H1_R01_RK01") == 87.0 and view().gpu_limit_c("H1_R01_RK01", "shutdown_c") is None
