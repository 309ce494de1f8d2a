"""Mapping files: units, multiplicity, every problem at once."""

from __future__ import annotations

import pytest
from fmu_case import lag_fmu

from twin.errors import SpecError
from twin.fmu.description import inspect_fmu
from twin.fmu.host import FmuHost
from twin.fmu.mapping import read_mapping
from twin.fmu.units import KNOWN

INPUTS = {"cdu_primary_heat_w": ["C1"], "outdoor_drybulb_c": ["SITE"], "fan_powered": ["F1", "F2"]}
OUTPUTS = {"fws_supply_c": ["C1"], "fws_header_dp_pa": ["SITE"], "fws_flow_kg_s": ["SITE"], "fws_pump_power_w": ["P1"]}
GOOD = """
inputs:
  cdu_primary_heat_w: {variable: "sources.heat[{n}]", scale: 2.0}
  outdoor_drybulb_c/SITE: ambient
outputs:
  fws_supply_c: "a[{n}].b[2].port.T"
  fws_header_dp_pa: pressure
  fws_pump_power_w: {variable: seen, scale: 2.0}
energy:
  fws/ambient_j: {variables: [energy], kind: total, scale: 2.0}
stored: {variables: [stored]}
start: {tau: 40.0}
"""


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fmus")
    return {True: lag_fmu(folder), False: lag_fmu(folder, "bare", units=False)}


def read(folder, text, fmu, required=()):
    path = folder / "mapping.yaml"
    path.write_text(text)
    return read_mapping(path, inspect_fmu(fmu), INPUTS, OUTPUTS, ["fws/ambient_j"], required)


@pytest.mark.parametrize("declared", [True, False])
def test_values_arrive_in_the_units_of_the_unit(tmp_path, units, declared):
    text = GOOD
    if not declared:  # the same, with every unit said by the mapping
        text = (
            text.replace('[{n}]", scale', '[{n}]", unit: kW, scale')
            .replace(": ambient", ": {variable: ambient, unit: degC}")
            .replace('"a[{n}].b[2].port.T"', '{variable: "a[{n}].b[2].port.T", unit: K}')
            .replace(": pressure", ": {variable: pressure, unit: psi}")
            .replace("variable: seen,", "variable: seen, unit: W,")
            .replace("kind: total,", "kind: total, unit: J,")
            .replace("[stored]", "[stored], unit: J")
        )
    mapping = read(tmp_path, text, units[declared])
    heat, air = mapping.inputs
    supply, pressure, power = mapping.outputs
    with FmuHost(
        units[declared], [heat.variable, air.variable], [supply.variable, pressure.variable, power.variable]
    ) as host:
        host.open()
        raw = host.step(0.0, 1e9, [heat.theirs(60e3), air.theirs(31.0)])
    # two units share 60 kW: each sees 30 kW = 30,000 W, warms by 0.5 K/kW x 30 kW over 31 degC
    assert raw[2] == pytest.approx(30e3, rel=1e-12)
    assert supply.ours(raw[0]) == pytest.approx(31.0 + 15.0, abs=1e-9)
    assert pressure.ours(raw[1]) == pytest.approx(300.0 * 6894.757293168361, rel=1e-12)
    assert power.ours(raw[2]) == pytest.approx(60e3, rel=1e-12)
    assert mapping.start == {"tau": 40.0} and mapping.energy[0].rows[0].scale == 2.0


def test_what_is_not_mapped_is_listed(tmp_path, units):
    mapping = read(tmp_path, "outputs: {fws_supply_c: 'a[1].b[2].port.T'}", units[True])
    assert "cdu_primary_heat_w/C1" in mapping.unmapped and "fws_flow_kg_s/SITE" in mapping.unmapped
    assert set(mapping.unused) == {"sources.heat[1]", "ambient"}


def test_every_problem_at_once_with_place_and_near_name(tmp_path, units):
    text = """inputs:
  cdu_primary_heat_w: source.heat[1]
  outdoor_drybulbb_c: ambient
  fan_powered: ambient
outputs:
  fws_supply_c: {variable: pressure}
  fws_header_dp_pa: {variable: pressure, scale: 2.0}
  fws_flow_kg_s: {variable: seen, unit: stone/s}
  fws_pump_power_w: {variable: seen, factor: 2}
energy: {fws/ambiant_j: {variables: [energy]}}
start: {tauu: 1.0}
extra: 1
"""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, text, units[True], required=("fws_flow_kg_s",))
    said = "\n".join(str(p) for p in caught.value.problems)
    lines = {p.line: str(p) for p in caught.value.problems}
    assert "near: sources.heat[1]" in lines[2] and "near: outdoor_drybulb_c" in lines[3]
    assert "ambient in degC" in said  # a switch on a temperature
    assert "pressure in psi" in lines[6] and "scale on heats" not in lines[6]
    assert "heats, energies and flows only" in lines[7]
    assert "stone/s" in lines[8] and "'factor'" in lines[9]
    assert "near: fws/ambient_j" in lines[10] and "near: tau" in lines[11] and lines[12]
    assert "no row for fws_flow_kg_s/SITE" in said


def test_a_unit_that_is_absent_is_asked_for(tmp_path, units):
    with pytest.raises(SpecError, match="without a known unit"):
        read(tmp_path, "inputs: {outdoor_drybulb_c: ambient}", units[False])


def test_doubled_rows_and_keys(tmp_path, units):
    with pytest.raises(SpecError, match="set twice"):
        read(
            tmp_path,
            "inputs: {outdoor_drybulb_c: ambient, fan_powered/F1: {variable: ambient, unit: '1'}}",
            units[True],
        )
    with pytest.raises(SpecError, match="each key once"):
        read(tmp_path, "inputs: {outdoor_drybulb_c: ambient, outdoor_drybulb_c: ambient}", units[True])
    with pytest.raises(SpecError, match="valid YAML"):
        read(tmp_path, "inputs: {", units[True])


def test_units_there_and_back():
    for unit in KNOWN.values():
        for value in (-3.0, 0.0, 41.5):
            assert unit.from_base(unit.to_base(value)) == pytest.approx(value, abs=1e-9)
