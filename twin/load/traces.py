"""Request traces: strict readers (every problem listed with file and line) and the generator of traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import Problem, SpecError

MAX_TOKENS = 4_000_000
MAX_PROBLEMS = 100
BLOCK_TOKENS = 512
AZURE_HEADER = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]


@dataclass(frozen=True)
class Trace:
    """Requests in order of arrival. time_s starts at 0; `length_s` is the period at which the trace repeats."""

    name: str
    time_s: NDArray[np.float64]
    new_tokens: NDArray[np.int64]  # to prefill
    cached_tokens: NDArray[np.int64]  # prefix already in the KV cache
    output_tokens: NDArray[np.int64]
    length_s: float

    @property
    def count(self) -> int:
        return int(self.time_s.size)

    @property
    def rate_per_s(self) -> float:
        return self.count / self.length_s


def make_trace(
    name: str, time_s: NDArray[np.float64], new: NDArray[np.int64], cached: NDArray[np.int64],
    output: NDArray[np.int64], length_s: float,
) -> Trace:
    order = np.argsort(time_s, kind="stable")
    return Trace(name, time_s[order], new[order], cached[order], output[order], length_s)


def read_trace(path: Path) -> Trace:
    """Azure 2023 CSV (``.csv``) or Mooncake JSONL (``.jsonl``)."""
    path = Path(path)
    if not path.is_file():
        raise SpecError([Problem(str(path), 0, "trace", "no such file", "a request trace", "give the path of a file")])
    if path.suffix == ".csv":
        return read_azure(path)
    if path.suffix == ".jsonl":
        return read_mooncake(path)
    raise SpecError([Problem(str(path), 0, "trace", f"suffix {path.suffix!r}", ".csv (Azure) or .jsonl (Mooncake)")])


def read_azure(path: Path) -> Trace:
    """Read `TIMESTAMP,ContextTokens,GeneratedTokens`, one request a line.

    A request of no output token is a broken line: it is no request for a completion.
    """
    problems: list[Problem] = []
    rows: list[tuple[float, int, int]] = []
    origin: datetime | None = None
    previous = -1.0
    for line, text in _lines(path):
        cells = text.split(",")
        if line == 1:
            if [c.strip() for c in cells] != AZURE_HEADER:
                problems.append(Problem(str(path), 1, "header", repr(text[:80]), ",".join(AZURE_HEADER)))
            continue
        if len(problems) >= MAX_PROBLEMS:
            break
        if len(cells) != 3:
            problems.append(Problem(str(path), line, "line", f"{len(cells)} cells", "3 cells"))
            continue
        moment = _moment(cells[0].strip())
        if moment is None:
            problems.append(Problem(str(path), line, "TIMESTAMP", repr(cells[0][:40]), "YYYY-MM-DD hh:mm:ss.fffffff"))
        context = _tokens(cells[1], 1, path, line, "ContextTokens", problems)
        output = _tokens(cells[2], 1, path, line, "GeneratedTokens", problems)
        if moment is None or context is None or output is None:
            continue
        stamp, seconds = moment
        origin = origin or stamp
        at = (stamp - origin).total_seconds() + seconds
        if at < previous:
            wanted = "a time not before the last line's"
            problems.append(Problem(str(path), line, "TIMESTAMP", repr(cells[0][:40]), wanted))
        previous = max(previous, at)
        rows.append((at, context, output))
    return _finish(path, rows, [0] * len(rows), problems)


def read_mooncake(path: Path) -> Trace:
    """Read one JSON object a line; a prefix of 512-token blocks met before in the trace counts as cached."""
    problems: list[Problem] = []
    rows: list[tuple[float, int, int]] = []
    cached: list[int] = []
    seen: set[int] = set()
    previous = -1.0
    for line, text in _lines(path):
        if len(problems) >= MAX_PROBLEMS:
            break
        try:
            item = json.loads(text)
        except ValueError as error:
            problems.append(Problem(str(path), line, "line", f"broken JSON ({error})", "one JSON object a line"))
            continue
        if not isinstance(item, dict):
            problems.append(Problem(str(path), line, "line", type(item).__name__, "a JSON object"))
            continue
        at = item.get("timestamp")
        if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e12:
            problems.append(Problem(str(path), line, "timestamp", repr(at)[:40], "milliseconds, not negative"))
            at = None
        elif at < previous:
            problems.append(Problem(str(path), line, "timestamp", repr(at), "a time not before the last line's"))
        context = _tokens(item.get("input_length"), 1, path, line, "input_length", problems)
        output = _tokens(item.get("output_length"), 1, path, line, "output_length", problems)
        blocks = item.get("hash_ids", [])
        if not isinstance(blocks, list) or not all(isinstance(b, int) and not isinstance(b, bool) for b in blocks):
            problems.append(Problem(str(path), line, "hash_ids", repr(blocks)[:40], "a list of whole numbers"))
            continue
        if at is None or context is None or output is None:
            continue
        previous = max(previous, float(at))
        hits = 0
        while hits < len(blocks) and blocks[hits] in seen:
            hits += 1
        seen.update(blocks)
        cached.append(min(hits * BLOCK_TOKENS, context - 1))
        rows.append((at * 1e-3, context, output))
    return _finish(path, rows, cached, problems)


def _finish(path: Path, rows: list[tuple[float, int, int]], cached: list[int], problems: list[Problem]) -> Trace:
    if not problems and len(rows) < 2:
        problems.append(Problem(str(path), 1, "trace", f"{len(rows)} requests", "two or more"))
    if problems:
        raise SpecError(problems)
    time_s = np.array([r[0] for r in rows])
    time_s -= time_s[0]
    if time_s[-1] <= 0.0:
        raise SpecError([Problem(str(path), len(rows), "trace", "all requests at one instant", "increasing times")])
    prefix = np.array(cached, dtype=np.int64)
    new = np.array([r[1] for r in rows], dtype=np.int64) - prefix
    output = np.array([r[2] for r in rows], dtype=np.int64)
    length = float(time_s[-1]) * len(rows) / (len(rows) - 1)  # the last request is followed by a mean gap
    return make_trace(path.stem, time_s, new, prefix, output, length)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                yield number, text.rstrip("\r\n")
    except UnicodeDecodeError as error:
        found = f"bytes that are no UTF-8 ({error.reason})"
        raise SpecError([Problem(str(path), 0, "trace", found, "UTF-8")]) from None


def _moment(text: str) -> tuple[datetime, float] | None:
    head, _, fraction = text.partition(".")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    try:
        return datetime.strptime(head, "%Y-%m-%d %H:%M:%S"), float(f"0.{fraction or 0}")
    except ValueError:
        return None


def _tokens(value: object, least: int, path: Path, line: int, where: str, problems: list[Problem]) -> int | None:
    number: int | None = None
    if isinstance(value, str):
        text = value.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or not least <= number <= MAX_TOKENS:
        problems.append(Problem(str(path), line, where, repr(value)[:40], f"a whole number {least} .. {MAX_TOKENS}"))
        return None
    return number
