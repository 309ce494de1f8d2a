"""Holds when, 4: the facility plant replaced by an FMU in a child process, in the coupled factory."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.whole.factory import SHORT
from twin.components.fmu_example import export_plant_fmu
from twin.ledger import LEDGERS
from twin.plant import build_plant
from twin.simulate import simulate
from twin.spec.load import PROJECTS, load_facility, load_scenario
from twin.wiring import build_components

FMU = """base: gb300-su
name: gb300-su-fmu
fws:
  fmu: {{file: facility_plant.fmu, mapping: facility_plant_mapping.yaml, step_s: 1.0, trust: true, start: {start}}}
"""
OUTPUTS = ("fws_supply_c", "cdu_primary_flow_kg_s", "tcs_supply_c", "chip_c")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A facility that takes its own plant as an FMU."""
    folder = tmp_path_factory.mktemp("fmu-site")
    plant = build_plant(load_facility("gb300-su"), load_scenario("window", facility="gb300-su").workload)
    build_components(plant, load_scenario("window", facility="gb300-su"))  # brings the axes
    export_plant_fmu(plant, folder)
    shutil.copytree(PROJECTS / "gb300-su" / "workloads", folder / "workloads")
    shutil.copy(PROJECTS / "gb300-su" / "workload.yaml", folder)
    return folder


def run(folder, name, *more, start="{}"):
    overrides = (*SHORT, "clock.duration=7min", *more)
    if folder is None:
        return simulate(load_scenario(name, facility="gb300-su", overrides=overrides))
    file = folder / f"facility{abs(hash(start))}.yaml"
    file.write_text(FMU.format(start=start))
    return simulate(load_scenario(name, facility=file, overrides=overrides))


def apart(a, b, name):
    return float(np.max(np.abs(a.results.series(name, "1s")[1] - b.results.series(name, "1s")[1])))


def test_without_splitting_events_the_fmu_equals_the_built_in_plant(site):
    built_in, fmu = run(None, "window"), run(site, "window")
    assert all(apart(built_in, fmu, name) <= 1e-4 for name in OUTPUTS), [apart(built_in, fmu, n) for n in OUTPUTS]
    for ledger in LEDGERS:
        assert max(ledger.residual_fraction(fmu.results.counters)) <= 1e-6, ledger.name


def test_with_splitting_events_it_stays_within_a_twentieth_of_a_kelvin(site):
    """A CDU pump trips: its running-up splits the steps; the FMU keeps to its own grid of 1 s."""
    built_in, fmu = run(None, "cdu-pump-trip"), run(site, "cdu-pump-trip")
    assert fmu.steps > 7 * 60
    for name in ("fws_supply_c", "tcs_supply_c", "chip_c"):
        assert apart(built_in, fmu, name) <= 0.05, name
    assert [e["kind"] for e in built_in.results.events] == [e["kind"] for e in fmu.results.events]


def test_a_supply_set_point_15_k_higher_through_the_fmu_warms_the_chips(site):
    normal = run(site, "window")
    warmer = run(site, "window", start="{site.supply_set_c: 51.0}")

    def last(done, name):
        return done.results.series(name, "60s")[1][-1]

    assert np.all(last(warmer, "fws_supply_c") > last(normal, "fws_supply_c") + 3.0)
    assert np.all(last(warmer, "chip_c") > last(normal, "chip_c") + 1.0)
    power = [r.results.total("load/rack_j") for r in (normal, warmer)]
    throttled = [r.results.total("throttled_gpu_s") for r in (normal, warmer)]
    assert throttled[1] > throttled[0] or power[1] > power[0]  # leakage grows with temperature until clocks fall
