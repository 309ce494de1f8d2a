"""The README is true: its commands exist, its files exist, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from twin.cli import app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_nothing_is_left_open_and_every_file_named_exists():
    assert "@@" not in TEXT
    for name in re.findall(r"\]\(([^)#:]+)\)", TEXT) + ["ARCHITECTURE.md", "BENCHMARKS.md", "LICENSE"]:
        assert (ROOT / name).is_file(), name


def test_every_command_named_is_a_command():
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^\s*(?:\$ )?twin ([a-z]+)", TEXT, re.MULTILINE))
    assert len(named) >= 11 and named <= known, named - known


def test_scenarios_named_exist():
    folder = ROOT / "twin" / "projects" / "gb300-su" / "scenarios"
    listed = re.search(r"Scenarios of the reference project:(.*?)\. All", TEXT, re.DOTALL)
    assert listed
    for name in re.findall(r"`([a-z-]+)`", listed.group(1)):
        assert (folder / f"{name}.yaml").is_file(), name


def test_python_blocks_run():
    space: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, space)  # noqa: S102
    time_s, chip_c = space["time_s"], space["chip_c"]
    assert len(time_s) == len(chip_c) == 1800 and 60.0 < chip_c[-1].max() < 89.0  # type: ignore[arg-type,index]
    assert space["converter_loss_w"](500.0, 1000.0, 0.01, 0.0, 0.0) == 10.0  # type: ignore[operator]
