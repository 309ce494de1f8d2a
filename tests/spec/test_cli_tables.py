"""What the terminal shows: clauses counted, text as it was written, numbers of four digits, no empty columns."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from twin.cli_data import catalogue_tables, nested, number, rows_table, scales
from twin.cli_tables import print_check
from twin.file_check import CheckReport, FileReport
from twin.spec.basis import Finding
from twin.spec.check import catalogue_table


def printed(*parts: Any, width: int = 140) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    for part in parts:
        console.print(part)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (1 / 3, 0.0, "0.3333"),
        (1402735.2, 0.0, "1,402,735"),
        (6.661e-16, 1.0, "0"),
        (-1.155e-07, 482.9, "0"),
        (1e-6, 482.9, "1e-06"),
        (6.661e-16, 0.0, "6.661e-16"),
        (0.9999973, 1.0, "0.9999973"),
        (1.0, 1.0, "1"),
        (-0.0, 0.0, "0"),
        (None, 0.0, "-"),
    ],
)
def test_numbers(value: float | None, scale: float, text: str) -> None:
    assert number(value, scale) == text


def test_rounding_noise_is_zero_on_the_scale_of_its_unit() -> None:
    data = {
        "cdus": [{"heat_kw": 482.9, "t_c": 40.0}, {"heat_kw": -1.155e-07, "t_c": 1e-7}],
        "left_fraction": 0.4,
        "rest_fraction": 6.661e-16,
    }
    assert scales(data) == {"kw": 482.9, "c": 40.0, "fraction": 0.4}
    lines = printed(*nested("cooling", data))
    assert any(line.endswith("rest_fraction: 0") for line in lines)
    assert lines[-1].split() == ["0", "1e-07"]


def test_text_of_several_lines_stays_as_it_is() -> None:
    drawn = "UTIL [utility]\n  MVSG [switchgear]\n    TX1 [transformer]  813 kVA, 33 %\n" + "x" * 200
    lines = printed(*nested("power", {"one_line": drawn, "load_w": 5.0}))
    at = lines.index("one_line")
    assert lines[at + 1 : at + 4] == drawn.splitlines()[:3]
    assert "".join(lines[at + 4 : at + 6]) == "x" * 200  # too long for the terminal: folded, nothing lost


def report() -> CheckReport:
    met = Finding("BoD clause 1", "site", "273 m", "at most 273 m", True)
    broken = Finding("BoD clause 2", "UPS", "76%", "at most 75%", False)
    one = FileReport("a.yaml", "facility", findings=[broken, met, met])
    return CheckReport([one, FileReport("b.yaml", "facility", findings=[met])])


@pytest.mark.parametrize("show_all", [False, True])
def test_only_broken_clauses_are_printed_unless_all_are_wanted(show_all: bool) -> None:
    out = Console(file=io.StringIO(), width=140)
    print_check(report(), False, out, Console(file=io.StringIO()), show_all=show_all)
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    met = "site: 273 m (allowed: at most 273 m) meets BoD clause 1"
    broken = "UPS: 76% (allowed: at most 75%) breaks BoD clause 2"
    first = "a.yaml: a valid facility; breaks 1 of 3 clauses of its basis of design"
    second = "b.yaml: a valid facility; meets all 1 clauses of its basis of design"
    assert lines == ([broken, met, met, first, met, second] if show_all else [broken, first, second])


def test_one_item_is_a_readable_table() -> None:
    tables = catalogue_tables(catalogue_table("gb300-nvl72"))
    assert [[c.header for c in t.columns] for t in tables] == [
        ["key", "value", "tag", "source"],
        ["mode", "writes", "value", "parameters", "rate_per_year", "repair_h", "demand"],
        ["mode", "tag", "source"],
    ]
    lines = printed(*tables)
    assert any(line.split()[:3] == ["nameplate_w", "142,000", "secondary"] for line in lines)
    assert any("per tray, links up; with the other overheads it leaves 40-46 kW beside" in line for line in lines)
    assert not any("…" in line for line in lines)


def test_rows_of_the_whole_catalogue_and_of_a_class() -> None:
    (whole,) = catalogue_tables(catalogue_table())
    assert [c.header for c in whole.columns][:3] == ["name", "class", "label"]
    assert len(catalogue_tables(catalogue_table("busway"))) == 2  # modes and the sources of their rates
    lines = printed(rows_table("t", [{"a": 1 / 3, "b": None, "c": ""}, {"a": 2.0, "b": None}]))
    assert [line.split() for line in lines] == [["t"], ["a"], ["0.3333"], ["2"]]
