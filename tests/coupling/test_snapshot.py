"""A snapshot on disk is exact and holds no pickle."""

from __future__ import annotations

import numpy as np
import pytest

from twin.snapshot import Snapshot


def test_round_trip_is_exact(tmp_path):
    state = {"a": np.array([1.0, np.pi, -0.0]), "b": [1, "x", None, True], "c": {"d": 0.1 + 0.2, "e": (1, 2.5)},
             "n": np.float64(1 / 3), 7: "key", "inf": float("inf")}
    Snapshot(5, state, {"rows": np.zeros((0, 3))}, "h").write(tmp_path / "s.npz")
    back = Snapshot.read(tmp_path / "s.npz")
    assert back.t == 5 and back.plan_hash == "h"
    assert back.coupling["a"].tobytes() == state["a"].tobytes()
    assert {k: v for k, v in back.coupling.items() if k != "a"} == {k: v for k, v in state.items() if k != "a"}
    assert back.recorder["rows"].shape == (0, 3)


def test_objects_are_refused(tmp_path):
    with pytest.raises(TypeError, match="plain values"):
        Snapshot(0, {"x": object()}, {}).write(tmp_path / "s.npz")
