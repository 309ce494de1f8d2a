"""The scene of the reference project as `twin usd` writes it: a facility alone."""

from __future__ import annotations

from pathlib import Path

from twin.views import scene_of


def test_scene_of_a_facility_without_a_run(tmp_path: Path) -> None:
    from pxr import Usd

    entry, findings = scene_of("gb300-su", tmp_path)
    assert findings == []
    assert not list(tmp_path.rglob("results.usdc"))
    stage = Usd.Stage.Open(str(entry))
    racks = [p.GetName() for p in stage.GetPrimAtPath("/World/DataHall/hall_GPUs_GB300").GetChildren()]
    units = [c.GetName() for row in stage.GetPrimAtPath("/World/DataHall/hall_GPUs_GB300").GetChildren()
             for c in row.GetChildren()]
    assert len(racks) == 2
    assert units == [f"H1_R0{row}_RK0{k}" for row in (1, 2) for k in (1, 2, 3, 4)]
    names = {p.GetName() for p in stage.Traverse()}
    assert {"H1_CDU1", "H1_CDU2", "H1_CDU3", "UPS_A", "TX1", "CH1", "DC1", "H1_LF01"} <= names
