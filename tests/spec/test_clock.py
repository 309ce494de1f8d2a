"""Durations and instants."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.spec.clock import MAX_US, duration_text, duration_us, instant_us


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("24h", 86_400_000_000),
        ("10min", 600_000_000),
        ("1s", 1_000_000),
        ("500ms", 500_000),
        ("7us", 7),
        ("2d", 172_800_000_000),
        ("1h30min", 5_400_000_000),
        ("1.5 h", 5_400_000_000),
        (0.1, 100_000),
        (3, 3_000_000),
        (0, 0),
    ],
)
def test_durations(text: str | float, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "h", "-1s", "1s 2", "0.1us", -1, 1e12, "1e3s", "24:00"])
def test_what_is_no_duration(text: str | float) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration_us(text)


@given(st.integers(0, MAX_US))
def test_duration_text_reads_back(us: int) -> None:
    assert duration_us(duration_text(us)) == us


def test_instants_count_from_the_start() -> None:
    start = datetime(2026, 7, 10, 15, 0)
    assert instant_us("15:05", start) == 300_000_000
    assert instant_us("15:00:00.25", start) == 250_000
    assert instant_us("14:00", start) == 23 * 3_600_000_000
    assert instant_us("2h", start) == 7_200_000_000
    assert instant_us(12.5, start) == 12_500_000
    for wrong in ("25:00", "12:60", "noon", "1:2"):
        with pytest.raises(ValueError):
            instant_us(wrong, start)
