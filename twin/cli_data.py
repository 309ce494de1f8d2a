"""Plain data on the terminal: numbers, rows as tables, nested maps as a tree, catalogue items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree


def number(value: float | None, scale: float = 0.0) -> str:
    """A number as engineers read it, four digits; a dash where none exists; 0 below 1e-9 of the scale it belongs to.

    Examples
    --------
    >>> number(1402735.2), number(1 / 3), number(-1.2e-7, 483.0), number(0.99996), number(None)
    ('1,402,735', '0.3333', '0', '0.99996', '-')
    """
    if value is None:
        return "-"
    if abs(value) <= 1e-9 * scale:
        return "0"
    if 0.999 < value < 1.0:  # an availability: what it lacks of 1 is what it says
        return f"{value:.{min(1 - floor(log10(1.0 - value)), 12)}f}".rstrip("0").rstrip(".")
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def rows_table(title: str, rows: Sequence[Mapping[str, Any]], wide: str = "") -> Table:
    """Rows that share keys as one table, without columns that are empty; `wide` names the column that may wrap."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    keys = [k for k in dict.fromkeys(k for row in rows for k in row) if any(_cell(row.get(k), 0.0) for row in rows)]
    for key in keys:
        numeric = all(_is_number(row.get(key)) or row.get(key) in (None, "") for row in rows)
        table.add_column(
            key,
            justify="right" if numeric else "left",
            ratio=1 if key == wide else None,
            no_wrap=bool(wide) and key != wide,
        )
    scale = scales(rows)
    for row in rows:
        table.add_row(*[Text(_cell(row.get(k), scale.get(_unit(k), 0.0))) for k in keys])
    return table


def catalogue_tables(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """The whole catalogue, or one item: its values with their sources, then the failure modes of its class."""
    if not any("kind" in row for row in rows):
        return [rows_table("catalogue", rows)]
    tables = []
    values = [row for row in rows if row["kind"] == "value"]
    modes = [row for row in rows if row["kind"] == "mode"]
    if values:
        shown = [{k: row.get(k) for k in ("key", "value", "tag", "source", "note")} for row in values]
        tables.append(rows_table("values", shown, wide="source"))
    if modes:
        shown = [
            {
                "mode": row["key"],
                "writes": _cell(row["port"], 0.0),
                "value": row["value"],
                **{k: row[k] for k in ("parameters", "rate_per_year", "repair_h", "common_cause", "demand")},
            }
            for row in modes
        ]
        tables.append(rows_table("failure modes", shown))
        sources = [{"mode": row["key"], "tag": row["tag"], "source": row["source"]} for row in modes]
        tables.append(rows_table("sources of the rates", sources, wide="source"))
    return tables


def scales(data: Any) -> dict[str, float]:
    """Unit (last word of a key) -> largest magnitude under such a key anywhere in the data."""
    found: dict[str, float] = {}

    def look(value: Any, unit: str) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                look(item, _unit(str(key)))
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item, unit)
        elif _is_number(value) and isfinite(value):
            found[unit] = max(found.get(unit, 0.0), abs(value))

    look(data, "")
    return found


def nested(title: str, data: Any) -> list[Any]:
    """Plain nested data as a tree, texts of several lines as they are, and tables (lists of maps)."""
    tree = Tree(Text(title))
    extra: list[Any] = []
    scale = scales(data)

    def add(branch: Tree, name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            below = branch.add(Text(str(name)))
            for key, item in value.items():
                add(below, str(key), item)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, Mapping) for v in value):
            extra.append(rows_table(str(name), value))
        elif isinstance(value, str) and "\n" in value:
            extra.append(Text(f"{name}\n{value}\n", overflow="fold"))
        else:
            branch.add(Text(f"{name}: {_cell(value, scale.get(_unit(name), 0.0))}"))

    for key, value in data.items() if isinstance(data, Mapping) else enumerate(data):
        add(tree, str(key), value)
    return [tree, *extra]


def _unit(key: str) -> str:
    return str(key).rsplit("_", 1)[-1]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any, scale: float) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value, scale)
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_cell(v, scale)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(v, scale) for v in value)
    return str(value)
