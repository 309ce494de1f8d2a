"""The folder of real data that `make validate DATA=<folder>` names."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path:
    folder = Path(str(request.config.getoption("--data"))).resolve()
    if not folder.is_dir():
        pytest.fail(f"--data {folder}: no such folder")
    return folder
