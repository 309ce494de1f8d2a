"""Results of a run: series at three levels, counters, histograms, windows and events; in memory or in Zarr.

Levels: "1s" rows (a time-weighted mean for a mean quantity, the value at the end for the others), "60s" and "900s"
with mean, minimum and maximum of the 1 s rows. `time_s` is always the end of the bin. Axis order: time first,
element last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BloscCodec

from twin.contract import SECOND, Array, Event

FORMAT_VERSION = 1
Level = Literal["1s", "60s", "900s"]
Stat = Literal["mean", "min", "max"]
STATS: tuple[Stat, ...] = ("mean", "min", "max")
COMPRESSOR = BloscCodec(cname="lz4", clevel=3)
BIN_S = {"1s": 1, "60s": 60, "900s": 900}


class Sink(Protocol):
    """Where a recorder's blocks go."""

    def block(self, start_s: int, first: int, filled: int, rows: Array, slices: Mapping[str, slice],
              modes: Mapping[str, Array]) -> None: ...

    def close(self, events: Sequence[Event], counters: Sequence[tuple[float, dict[str, float]]],
              windows: Sequence[tuple[Array, Array]], slices: Mapping[str, slice],
              meta: Mapping[str, object]) -> Results: ...


@dataclass
class Results:
    """A finished (or interrupted) run, read by name.

    axes : ids per axis. quantities : name -> {axis, kind, unit}. counters : cumulative, index time_s each 60 s.
    """

    axes: Mapping[str, Sequence[str]]
    quantities: Mapping[str, Mapping[str, str]]
    events: Sequence[Mapping[str, Any]]
    counters: pd.DataFrame
    meta: Mapping[str, Any]
    arrays: Any  # level -> name -> array; a Zarr group or dicts of arrays
    kpis: Mapping[str, Any]

    def series(self, name: str, level: Level = "60s", stat: Stat = "mean") -> tuple[Array, Array]:
        """Times [s] and values (time, element) of one quantity; `stat` applies to 60 s and 900 s."""
        if name not in self.quantities:
            raise KeyError(f"no quantity {name}; there are {', '.join(sorted(self.quantities))}")
        time_s = np.asarray(self.arrays["time"][level], dtype=np.float64)
        array = np.asarray(self.arrays[level][name], dtype=np.float64)
        return time_s, array if level == "1s" else array[:, STATS.index(stat), :]

    def element(self, name: str, element: str, level: Level = "60s", stat: Stat = "mean") -> tuple[Array, Array]:
        """Times [s] and values (time,) of one element's quantity."""
        time_s, values = self.series(name, level, stat)
        return time_s, values[:, list(self.axes[self.quantities[name]["axis"]]).index(element)]

    def total(self, counter: str) -> float:
        """Growth of a counter over the run; 0.0 for a counter nothing was ever booked on."""
        if counter not in self.counters:
            return 0.0
        column = self.counters[counter].to_numpy()
        return float(column[-1] - column[0])

    def histogram(self, name: str) -> Array:
        """Counts (minute, bin) of a minute-recorded quantity."""
        return np.asarray(self.arrays["histograms"][name], dtype=np.float64)

    @property
    def duration_s(self) -> float:
        return float(self.counters.index[-1] - self.counters.index[0])


def event_row(event: Event, axes: Mapping[str, Sequence[str]], port_axis: Mapping[str, str]) -> dict[str, Any]:
    """An event as a JSON row: signals named by port and element, no NaN."""
    row = asdict(event)
    row["t_s"] = event.t / SECOND
    del row["t"]
    row["causes"] = list(event.causes)
    row["via"] = [f"{p}/{axes[port_axis[p]][i]}" for p, i in event.via]
    row["sets"] = [[p, axes[port_axis[p]][i], v] for p, i, v in event.sets]
    for key in ("value", "limit"):
        row[key] = None if not np.isfinite(row[key]) else float(row[key])
    return row


class MemorySink:
    """Keeps a run in memory; the same reductions as the store on disk."""

    def __init__(self, axes: Mapping[str, Sequence[str]], quantities: Mapping[str, Mapping[str, str]],
                 minute_only: frozenset[str] = frozenset()):
        self.axes, self.quantities, self.minute_only = axes, quantities, minute_only
        self.parts: dict[str, dict[str, list[Array]]] = {"1s": {}, "60s": {}, "900s": {}, "histograms": {}}
        self.times: dict[str, list[Array]] = {"1s": [], "60s": [], "900s": []}

    def block(self, start_s: int, first: int, filled: int, rows: Array, slices: Mapping[str, slice],
              modes: Mapping[str, Array]) -> None:
        quantities = {**{n: rows[:, s] for n, s in slices.items()}, **modes}
        self.times["1s"].append(start_s + np.arange(first, filled, dtype=np.float64) + 1.0)
        edges: dict[str, Any] = {}
        for level in ("60s", "900s"):
            size = BIN_S[level]
            edges[level] = np.arange(0, filled, size)
            last = np.minimum(edges[level] + size, filled)
            keep = last > first
            edges[level] = edges[level][keep]
            self.times[level].append(start_s + last[keep].astype(float))
        for name, values in quantities.items():
            values = values[:filled]
            if name in self.minute_only:
                part = np.add.reduceat(np.nan_to_num(values), edges["60s"], axis=0)
                self._put("histograms", name, part)
                continue
            self._put("1s", name, values[first:].astype(np.float32))  # type: ignore[arg-type]
            for level in ("60s", "900s"):
                self._put(level, name, _reduce(values, edges[level], filled))

    def _put(self, level: str, name: str, part: Array) -> None:
        self.parts[level].setdefault(name, []).append(part)

    def close(self, events: Sequence[Event], counters: Sequence[tuple[float, dict[str, float]]],
              windows: Sequence[tuple[Array, Array]], slices: Mapping[str, slice],
              meta: Mapping[str, object]) -> Results:
        arrays: dict[str, Any] = {
            level: {n: np.concatenate(p) for n, p in by.items()} for level, by in self.parts.items()
        }
        arrays["time"] = {level: np.concatenate(t) if t else np.zeros(0) for level, t in self.times.items()}
        arrays["windows"] = {str(k): {"time_s": t, "values": v} for k, (t, v) in enumerate(windows)}
        port_axis = {n: q["axis"] for n, q in self.quantities.items()}
        rows = [event_row(e, self.axes, port_axis) for e in events]
        return Results(self.axes, self.quantities, rows, counter_table(counters),
                       {**meta, "columns": columns(slices, self.axes, port_axis)}, arrays, {})


class ZarrSink(MemorySink):
    """Streams 1 s rows to `results.zarr` four hours at a time; the rest is small and is written at the end."""

    CHUNK_S = 4 * 3600

    def __init__(self, folder: Path, axes: Mapping[str, Sequence[str]],
                 quantities: Mapping[str, Mapping[str, str]], minute_only: frozenset[str] = frozenset()):
        super().__init__(axes, quantities, minute_only)
        self.folder = folder
        self.root = zarr.open_group(str(folder / "results.zarr"), mode="w-")
        self.waiting = 0
        self.made: dict[str, Any] = {}

    def _put(self, level: str, name: str, part: Array) -> None:
        """A mode that did not change is kept as one row seen many times; modes are written at the end."""
        if level == "1s" and self._is_mode(name) and len(part) and (part == part[:1]).all():
            part = np.broadcast_to(part[:1].copy(), part.shape)
        super()._put(level, name, part)

    def _is_mode(self, name: str) -> bool:
        return self.quantities[name]["kind"] == "mode"

    def block(self, start_s: int, first: int, filled: int, rows: Array, slices: Mapping[str, slice],
              modes: Mapping[str, Array]) -> None:
        super().block(start_s, first, filled, rows, slices, modes)
        self.waiting += filled - first
        if self.waiting >= self.CHUNK_S:
            self._write_seconds(modes=False)

    def _write_seconds(self, modes: bool) -> None:
        for name, parts in self.parts["1s"].items():
            if not parts or self._is_mode(name) != modes:  # nothing since the last chunk was written
                continue
            self._append(f"1s/{name}", np.concatenate(parts))
            parts.clear()
        self.waiting = 0

    def _append(self, path: str, values: Array) -> None:
        if path in self.made:
            array = self.made[path]
            old = array.shape[0]
            array.resize((old + len(values), *array.shape[1:]))
            array[old:] = values
        else:
            array = self.root.create_array(path, shape=values.shape, dtype=values.dtype, compressors=[COMPRESSOR],
                                           chunks=(max(min(self.CHUNK_S, len(values)), 1), *values.shape[1:]))
            array[:] = values
            self.made[path] = array

    def close(self, events: Sequence[Event], counters: Sequence[tuple[float, dict[str, float]]],
              windows: Sequence[tuple[Array, Array]], slices: Mapping[str, slice],
              meta: Mapping[str, object]) -> Results:
        for modes in (False, True):
            self._write_seconds(modes)
        self.parts["1s"].clear()
        memory = super().close(events, counters, windows, slices, meta)
        for level in ("60s", "900s"):
            for name, values in memory.arrays[level].items():
                self._append(f"{level}/{name}", values.astype(np.float32))
        for name, values in memory.arrays["histograms"].items():
            self._append(f"histograms/{name}", values)
        for level, time_s in memory.arrays["time"].items():
            self._append(f"time/{level}", time_s)
        for k, window in memory.arrays["windows"].items():
            self._append(f"windows/{k}/time_s", window["time_s"])
            self._append(f"windows/{k}/values", window["values"].astype(np.float32))
        table = memory.counters
        self._append("counters/time_s", table.index.to_numpy(dtype=np.float64))
        self._append("counters/values", table.to_numpy(dtype=np.float64))
        self.root["counters"].attrs["names"] = list(table.columns)
        self.root.attrs.update({
            "format_version": FORMAT_VERSION, "axes": {k: list(v) for k, v in self.axes.items()},
            "quantities": {k: dict(v) for k, v in self.quantities.items()}, **memory.meta,
        })
        with open(self.folder / "events.jsonl", "w", encoding="utf-8") as file:
            for row in memory.events:
                file.write(json.dumps(row, allow_nan=False) + "\n")
        return open_results(self.folder)


def _reduce(values: Array, edges: Any, filled: int) -> Array:
    """(bin, stat, element): mean, min and max of the rows of each bin, rows that were never filled left out."""
    start = int(np.argmax(~np.isnan(values[:, :1]).ravel())) if values.shape[1] and len(values) else 0
    inner = np.maximum(edges, start)
    count = np.diff(np.append(inner, filled))[:, None]
    part = np.add.reduceat(values, inner, axis=0) / count
    return np.stack([part, np.minimum.reduceat(values, inner, axis=0), np.maximum.reduceat(values, inner, axis=0)], 1)


def counter_table(rows: Sequence[tuple[float, dict[str, float]]]) -> pd.DataFrame:
    """Counters by time; a counter that was not booked yet stands at 0."""
    names = sorted({n for _, row in rows for n in row})
    values = np.array([[row.get(n, 0.0) for n in names] for _, row in rows], dtype=np.float64)
    return pd.DataFrame(values.reshape(len(rows), len(names)), columns=names,
                        index=pd.Index([t for t, _ in rows], name="time_s"))


def columns(slices: Mapping[str, slice], axes: Mapping[str, Sequence[str]], port_axis: Mapping[str, str]) -> list[str]:
    """Names of the columns of a window: quantity/element."""
    return [f"{name}/{id}" for name in slices for id in axes[port_axis[name]]]


def open_results(folder: Path | str) -> Results:
    """Read a run folder.

    Raises
    ------
    FileNotFoundError : no results there; ValueError : written in a format this version does not read
    """
    folder = Path(folder)
    root = zarr.open_group(str(folder / "results.zarr"), mode="r")
    attrs: dict[str, Any] = dict(root.attrs.asdict())
    if attrs.get("format_version") != FORMAT_VERSION:
        found = attrs.get("format_version")
        raise ValueError(f"{folder}: results of format {found}, this version reads {FORMAT_VERSION}")
    group: Any = root["counters"]
    counters = pd.DataFrame(np.asarray(group["values"]), columns=list(group.attrs["names"]),
                            index=pd.Index(np.asarray(group["time_s"]), name="time_s"))
    with open(folder / "events.jsonl", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    kpis_file = folder / "kpis.json"
    kpis = json.loads(kpis_file.read_text(encoding="utf-8")) if kpis_file.exists() else {}
    return Results(attrs["axes"], attrs["quantities"], events, counters, attrs, root, kpis)
