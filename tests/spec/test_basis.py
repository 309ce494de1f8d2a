"""Basis of design: redundancy arithmetic and findings that cite their clause."""

from __future__ import annotations

import pytest

from twin.errors import Problem
from twin.spec.basis import Basis, Group, check_basis, spare_units
from twin.spec.problems import validate
from twin.spec.yaml_source import parse_yaml

TEXT = """
document: BoD
revision: "2"
design_day: {drybulb_c: 35.0, wetbulb_c: 25.0, source: test}
altitude_m: 100
systems:
  busway: {redundancy: 4-to-make-3, maximum_loading_fraction: 0.75}
  cdu: {redundancy: N+1}
  chiller: {redundancy: N}
"""


def basis(text: str = TEXT) -> Basis:
    found, problems = validate(Basis, parse_yaml(text, "f.yaml"))
    assert found is not None, problems
    return found


def test_four_to_make_three_is_75_percent() -> None:
    """Closed form: four units at 75 % carry what three carry at 100 %."""
    good = check_basis(basis(), [Group("busway", "BW", 4, 300.0, 100.0, "kW")])
    assert [f.ok for f in good] == [True, True]
    assert [f.found.split("= ")[1] for f in good] == ["75.0%", "100.0%"]
    bad = check_basis(basis(), [Group("busway", "BW", 4, 301.0, 100.0, "kW")])
    assert [f.ok for f in bad] == [False, False]
    assert "BoD rev 2, basis_of_design.systems.busway.maximum_loading_fraction" in bad[0].clause
    assert "(4-to-make-3)" in bad[1].clause


def test_the_unit_loaded_most_decides_and_the_peak_is_cited() -> None:
    uneven = Group("busway", "BW", 4, 280.0, 100.0, "kW", ("B2", 0.76), ("B1", "B2", 0.99), 1.2)
    broken, met = check_basis(basis(), [uneven])[0], check_basis(basis(), [uneven])[1]
    assert not broken.ok and broken.found == "280 kW on 4 of 4 x 100 kW = 70.0%, B2 76.0%"
    assert met.ok and met.found == "280 kW on 3 of 4 x 100 kW = 93.3%, B2 99.0% without B1"
    assert broken.clause.endswith("maximum_loading_fraction with basis_of_design.peak_factor 1.2")
    assert str(broken).startswith("BW: 280 kW on 4 of 4 x 100 kW = 70.0%, B2 76.0% (allowed: at most 75.0%) breaks BoD")


def test_n_plus_1_counts_the_reserve_and_no_unit_left_breaks() -> None:
    ok = check_basis(basis(), [Group("cdu", "G", 3, 200.0, 100.0, "kW")])
    assert all(f.ok for f in ok) and len(ok) == 2
    alone = check_basis(basis(), [Group("cdu", "G", 1, 50.0, 100.0, "kW")])
    assert not alone[0].ok and "no unit left" in alone[0].found and "breaks" in str(alone[0])
    assert len(check_basis(basis(), [Group("chiller", "G", 1, 50.0, 100.0, "kW")])) == 1
    assert check_basis(basis(), [Group("ups", "G", 1, 50.0, 100.0, "kW")]) == []


@pytest.mark.parametrize(
    ("rule", "units", "spare"),
    [("N", 4, 0), ("N+2", 4, 2), ("2N", 6, 3), ("2(N+1)", 6, 4), ("3-to-make-2", 3, 1), ("4-to-make-3", 12, 3)],
)
def test_spare_units(rule: str, units: int, spare: int) -> None:
    assert spare_units(rule, units) == spare


@pytest.mark.parametrize("rule", ["N+0", "n+1", "3-to-make-4", "N-1", "2-N"])
def test_a_rule_that_is_none(rule: str) -> None:
    found, problems = validate(Basis, parse_yaml(TEXT.replace("N+1", rule), "f.yaml"))
    assert found is None
    assert problems == [
        Problem("f.yaml", 8, "systems.cdu.redundancy", repr(rule), "N, N+1 .. N+9, 2N, 2(N+1) or such as 4-to-make-3")
    ]
