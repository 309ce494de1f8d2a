"""Options and fixtures of the whole test tree."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", default=None, help="folder with real data (traces, weather, telemetry)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Checks against real data are collected only where the data is named; `make validate` names it."""
    if collection_path.name == "validate" and config.getoption("--data") is None:
        return True
    return None
