"""A run folder in memory for report tests: the synthetic run of the scene tests with files around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.usd_export.synthetic import FACILITY, KPIS, SyntheticResults
from twin.report.view import RunView

CATALOGUE: dict[str, Any] = {
    "gb300-nvl72": {
        "name": "gb300-nvl72",
        "class": "rack",
        "label": "rack",
        "values": {
            "slowdown_c": {"value": 87.0, "source": "a datasheet", "tag": "primary"},
            "width_m": {"value": 0.6, "source": "a datasheet", "tag": "primary"},
            "mass_kg": {"value": 1360.0, "source": "somebody's <memory>", "tag": "recalled"},
        },
    },
    "cdu-1400": {
        "name": "cdu-1400",
        "class": "cdu",
        "values": {"rated_heat_w": {"value": 800e3, "source": "class of machine", "tag": "estimate"}},
    },
    "tx-2500": {"class": "transformer", "values": {"rated_va": {"value": 2.5e6, "source": "plate", "tag": "primary"}}},
    "busway-800": {"class": "busway", "values": {"limit_a": {"value": 800.0, "source": "nameplate", "tag": "primary"}}},
}


def view(results: Any = None, **changes: Any) -> RunView:
    results = results or SyntheticResults()
    kpis = {n: dict(k) for n, k in KPIS.items()}
    it = results.counters["load/rack_j"].iloc[-1] + results.counters["network/switch_j"].iloc[-1]
    site = results.counters["electrical/utility_j"].iloc[-1]
    groups = {
        "transformer": ["electrical/loss_transformer_j"],
        "ups": ["electrical/loss_ups_j"],
        "busway": ["electrical/loss_busway_j"],
        "cdu": ["tcs/cdu_pump_j", "tcs/cdu_controller_j"],
        "fws_pumps": ["fws/pump_j"],
        "fans": ["fws/fan_j"],
        "chiller": ["fws/chiller_j"],
        "air_handlers": ["air/ahu_j"],
        "other": ["fws/controller_j"],
    }
    kpis["pue"] |= {
        "value": site / it,
        "minus_one_items": {g: sum(results.counters[c].iloc[-1] for c in cs) / it for g, cs in groups.items()},
    }
    given: dict[str, Any] = {
        "folder": Path("nowhere"),
        "run": {"facility": "small", "seed": 7, "start": "2025-07-01T00:00:00", "versions": {"numpy": "2"}},
        "facility": {**FACILITY, "catalogue": CATALOGUE},
        "scenario": {
            "name": "cdu-pump-trip-standby-fails",
            "question": "Does the standby <pump> matter?",
            "faults": [{"at": "1h", "element": "H1_CDU1_P1", "mode": "trip"}],
            "workload": {"pools": {"SERVE1": {"racks": ["H1_R01_*"]}}, "jobs": {"TRAIN1": {"racks": ["H1_R02_*"]}}},
        },
        "kpis": kpis,
        "results": results,
    }
    return RunView(**(given | changes))


def write_folder(folder: Path, of: RunView) -> None:
    """The same run as files on disk, in the layout that `twin.results.open_results` reads."""
    import json

    import numpy as np
    import yaml
    import zarr

    from twin.results import FORMAT_VERSION

    results = of.results
    for name, value in (("run", of.run), ("kpis", of.kpis)):
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    for name, value in (("facility", of.facility), ("scenario", of.scenario)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(dict(value), sort_keys=False), encoding="utf-8")
    with open(folder / "events.jsonl", "w", encoding="utf-8") as file:
        for event in results.events:
            file.write(json.dumps(event) + "\n")
    root = zarr.open_group(str(folder / "results.zarr"), mode="w")
    root.attrs.update({"format_version": FORMAT_VERSION, "axes": results.axes, "quantities": results.quantities})
    for name in results.quantities:
        stats = np.stack([results.series(name, "60s", stat=s)[1] for s in ("mean", "min", "max")], axis=1)
        root.create_array(f"60s/{name}", data=stats)
        root.create_array(f"1s/{name}", data=np.asarray(results.arrays["1s"][name], dtype=np.float32))
    root.create_array("time/1s", data=results.arrays["time"]["1s"])
    root.create_array("time/60s", data=results.time_s)
    root.create_array("counters/time_s", data=results.counters.index.to_numpy(dtype=np.float64))
    root.create_array("counters/values", data=results.counters.to_numpy(dtype=np.float64))
    root["counters"].attrs["names"] = list(results.counters.columns)
