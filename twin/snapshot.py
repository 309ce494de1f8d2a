"""Snapshots on disk: nested plain values and arrays in one .npz, no pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twin.contract import State, Us


@dataclass(frozen=True)
class Snapshot:
    """The state of a whole run at one instant: a run started from it continues bit for bit.

    coupling : modes, causes, counters, every component. recorder : unfinished block and ring buffer.
    plan_hash : digest of facility, workload, weather and seed; a fork may change the script, nothing else.
    """

    t: Us
    coupling: State
    recorder: State
    plan_hash: str = ""

    def write(self, path: Path) -> None:
        """Write to `path` (.npz)."""
        arrays: dict[str, np.ndarray] = {}
        tree = _flatten({"t": self.t, "coupling": self.coupling, "recorder": self.recorder,
                         "plan_hash": self.plan_hash}, arrays)
        text = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
        with open(path, "wb") as file:
            np.savez_compressed(file, tree=text, **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read what `write` wrote."""
        with np.load(path, allow_pickle=False) as file:
            tree = json.loads(file["tree"].tobytes().decode())
            state = _restore(tree, {k: file[k] for k in file.files})
        return cls(state["t"], state["coupling"], state["recorder"], state["plan_hash"])


def _flatten(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        key = f"a{len(arrays)}"
        arrays[key] = value
        return {"$array": key}
    if isinstance(value, np.generic):
        return _flatten(np.asarray(value), arrays) | {"scalar": True}
    if isinstance(value, dict):
        return {"$map": [[k, _flatten(v, arrays)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"$tuple": [_flatten(v, arrays) for v in value]}
    if isinstance(value, list):
        return {"$list": [_flatten(v, arrays) for v in value]}
    if isinstance(value, float):
        return {"$float": value.hex()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"a snapshot holds arrays and plain values, not {type(value).__name__}")


def _restore(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        array = arrays[value["$array"]]
        return array[()] if value.get("scalar") else array
    if "$map" in value:
        return {(tuple(k) if isinstance(k, list) else k): _restore(v, arrays) for k, v in value["$map"]}
    if "$tuple" in value:
        return tuple(_restore(v, arrays) for v in value["$tuple"])
    if "$list" in value:
        return [_restore(v, arrays) for v in value["$list"]]
    return float.fromhex(value["$float"])
