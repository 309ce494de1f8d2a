"""check, init and catalogue as the command line uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.components.electrical_demand import design_demand, design_loads_w, power_groups
from twin.errors import RunConflict, SpecError
from twin.file_check import check_design_point, check_files
from twin.spec.basis import check_weather
from twin.spec.check import catalogue_table, init_project
from twin.spec.design_point import carnot_power_w, duty_ids
from twin.spec.load import facility_catalogue, load_facility, load_scenario
from twin.spec.sources import PROJECTS

PROJECT = PROJECTS / "gb300-su"


def test_every_file_of_the_reference_project_is_right_and_known_by_kind() -> None:
    files = sorted(PROJECT.rglob("*.yaml"))
    report = check_files(files)
    assert report.problems == [] and report.ok and report.broken_clauses == []
    kinds = {Path(one.file).parent.name: one.kind for one in report.files}
    assert kinds["scenarios"] == "scenario" and kinds["studies"] == "study" and kinds["workloads"] == "workload"
    assert next(one.kind for one in report.files if one.file.endswith("facility.yaml")) == "facility"


def test_wrong_files_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: gb300-su\nsite: {altitud_m: 1}\n")
    (tmp_path / "b.yaml").write_text("name: x\nname: y\n")
    (tmp_path / "item.yaml").write_text(
        "name: p\nclass: pump\nlabel: p\nvalues: {power: {value: 1, source: abc, tag: estimate}}\n"
    )
    before = sorted(p.name for p in tmp_path.iterdir())
    report = check_files(
        [tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "item.yaml", tmp_path / "none.yaml"], resolved=True
    )
    assert not report.ok and [len(one.problems) for one in report.files] == [1, 1, 1, 1]
    assert report.files[2].kind == "item" and all(one.resolved == "" for one in report.files)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_nan_hides_no_other_problem(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        "base: gb300-su\n"
        "site: {altitude_m: .nan, latitude_deg: -.inf, altitud: 3}\n"
        "basis_of_design: {peak_factor: 1e999, altitude_m: text}\n"
        "racks: {H1_R01_RK01: {type: gb300-nvl71}}\n"
    )
    (one,) = check_files([tmp_path / "f.yaml"]).files
    assert {(p.line, p.where, p.found) for p in one.problems} == {
        (2, "site.altitude_m", ".nan"),
        (2, "site.latitude_deg", "-.inf"),
        (2, "site.altitud", "unknown key 'altitud'"),
        (3, "basis_of_design.peak_factor", "1e999"),
        (3, "basis_of_design.altitude_m", "'text'"),
        (4, "racks.H1_R01_RK01.type", "unknown equipment 'gb300-nvl71'"),
    }
    with pytest.raises(SpecError, match="site.altitude_m: found .nan, wanted a finite number"):
        load_facility("gb300-su", ["site.altitude_m=.nan"])


def test_resolved_prints_values_with_their_sources() -> None:
    (one,) = check_files(["gb300-su"], resolved=True).files
    assert "rated_heat_w:" in one.resolved and "source:" in one.resolved


def test_the_design_meets_its_basis_and_each_finding_cites_a_clause() -> None:
    findings = check_design_point(load_facility("gb300-su"))
    assert findings and [f for f in findings if not f.ok] == []
    assert all(f.clause.startswith("Basis of design gb300-su rev 1, basis_of_design.") for f in findings)
    busway = [f for f in findings if f.element == "busway group"]
    # by hand: 8 x 142 kW x 1.2 = 1363 kW and 2 kW lost in the whips on 4 x 500 kW, then on 3 x 500 kW
    assert [f.found.split("= ")[1].split(",")[0] for f in busway] == ["68.2%", "91.0%"]
    assert all("with basis_of_design.peak_factor 1.2" in f.clause for f in busway)


@pytest.fixture(scope="module")
def demand():
    return design_demand(load_facility("gb300-su"))


def test_the_design_loads_by_hand(demand) -> None:
    watts = design_loads_w(demand.facility, demand.catalogue)
    switches = [*demand.facility.fabric.leaves, *demand.facility.fabric.spines]
    # 1,800 W at full traffic and 144 links of twin-port optics of 25 W
    assert {watts[s] for s in switches} == {1800.0 + 144 * 12.5}
    assert watts["H1_CDU1_P1"] == pytest.approx(5570.0 / 0.88, rel=1e-12)
    assert watts["FWS_CTL"] == 250.0 and watts["H1_CDU3"] == 150.0
    # reserve and standby do not run, though the reserve CDU's controller does
    idle = {"H1_CDU1_P2", "H1_CDU2_P2", "H1_CDU3_P1", "H1_CDU3_P2", "FWS_P3", "H1_AHU3", "ER1_AHU2"}
    assert set(demand.c.load_ids) - set(watts) == idle
    assert not idle & duty_ids(demand.facility)


def test_ups_carry_the_peak_of_the_racks_and_all_that_is_fed_through_them(demand) -> None:
    groups = {g.name: g for g in power_groups(demand.facility)}
    ups = groups["ups group"]
    # racks, switches, two duty pumps, three CDU controllers, the plant controller
    loads_w = 8 * 142e3 * 1.2 + 12 * 3600.0 + 2 * 5570.0 / 0.88 + 3 * 150.0 + 250.0
    rows = demand.table(peak=True)
    below = ("busway", "whip")
    lost_w = sum(r.loss_w for r in rows.values() if r.cls in below or r.id in ("STS1", "STS2", "UP1", "UP2"))
    assert ups.demand * 1e3 == pytest.approx(loads_w + lost_w, rel=1e-9)
    assert ups.unit == "kW" and ups.peak_factor == 1.2
    assert ups.most is not None and ups.most[0] == "UPS_A" and 0.74 < ups.most[1] < 0.75  # also the board UP1
    assert ups.most_after_loss is not None and 0.97 < ups.most_after_loss[2] < 0.98
    assert ups.demand / 1500.0 == pytest.approx(0.952, abs=1e-3)
    moved = power_groups(load_facility("gb300-su", ["fws.controller.FWS_CTL.feed=MDB1"]))
    (less,) = [g for g in moved if g.system == "ups"]
    assert 0.250 < ups.demand - less.demand < 0.252  # and the little it lost on its way


def test_generators_and_transformers_carry_the_losses(demand) -> None:
    groups = {g.system: g for g in power_groups(demand.facility)}
    loads_w = float(demand.load_w.sum())
    generators = groups["generator"]
    rows = demand.table(lost=("UTIL",))
    lost_w = sum(r.loss_w for r in rows.values() if r.voltage_v > 0.0)
    assert rows["TX1"].voltage_v == 0.0 and rows["UTIL"].demand_w == 0.0
    assert generators.unit == "kW" and generators.demand * 1e3 == pytest.approx(loads_w + lost_w, rel=1e-9)
    assert lost_w > 0.03 * loads_w
    transformers = groups["transformer"]
    rows = demand.table()
    below_w = rows["UTIL"].demand_w - sum(rows[id].loss_w for id in ("MVSG", "TX1", "TX2"))
    assert transformers.unit == "kVA"
    assert 0.98 < below_w / (transformers.demand * 1e3) < 0.995  # power factor: rectifiers 0.99, drives below
    assert transformers.peak_factor == generators.peak_factor == 1.0


def test_a_unit_that_is_loaded_more_than_its_fellows_breaks_the_clause() -> None:
    facility = load_facility("gb300-su", ["basis_of_design.systems.ups.maximum_loading_fraction=0.73"])
    (broken,) = [f for f in check_design_point(facility) if not f.ok]
    assert "= 71.4%, UPS_A 74.3%" in broken.found and "systems.ups.maximum_loading_fraction" in broken.clause


def test_equipment_without_a_value_of_its_class_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        "base: gb300-su\npower: {nodes: {UPS_A: {type: bare}}}\n"
        "catalogue: {bare: {name: bare, class: ups, label: bare, "
        "values: {rated_w: {value: 5.0e5, source: none, tag: estimate}}}}\n"
    )
    report = check_files([tmp_path / "f.yaml"])
    assert len(report.problems) == 1 and "bare has no" in report.problems[0].found


def test_a_design_that_breaks_its_basis_says_which_clause() -> None:
    facility = load_facility("gb300-su", ["tcs.cdus.H1_CDU3=null"])
    broken = [f for f in check_design_point(facility) if not f.ok]
    assert {f.clause.rsplit(".", 1)[1] for f in broken} == {"maximum_loading_after_loss_fraction (N+1)"}
    assert {f.element for f in broken} == {"CDU group", "H1_TCS1", "H1_TCS2"}
    lean = load_facility("gb300-su", ["tcs.cdus.H1_CDU3=null", "basis_of_design.systems.cdu.redundancy=N"])
    assert [f for f in check_design_point(lean) if not f.ok] == []


def test_a_site_above_the_design_altitude_is_found() -> None:
    (broken,) = [f for f in check_design_point(load_facility("gb300-su", ["site.altitude_m=1600"])) if not f.ok]
    assert broken.clause.endswith("basis_of_design.altitude_m") and broken.found == "1600 m"


def test_weather_hotter_than_the_design_day_is_found() -> None:
    basis = load_facility("gb300-su").basis_of_design
    assert [f.ok for f in check_weather(basis, 35.6, 25.0)] == [True, True]
    hot, _ = check_weather(basis, 38.0, 20.0)
    assert not hot.ok and hot.clause.endswith("basis_of_design.design_day.drybulb_c")


def test_a_scenario_is_checked_against_the_design_day(tmp_path: Path) -> None:
    hot = "name: s\nfacility: gb300-su\nset: {basis_of_design.design_day.drybulb_c: 30.0}\n"
    (tmp_path / "s.yaml").write_text(hot)
    (broken,) = check_files([tmp_path / "s.yaml"]).broken_clauses
    assert broken.found == "35.6 degC" and broken.wanted == "at most 30.0 degC"  # 35.6: the rows of 10 July in the file


def test_the_cdu_loss_scenario_also_resolves_without_reserve() -> None:
    scenario = load_scenario(
        "cdu-loss", overrides=["tcs.cdus.H1_CDU3=null", "basis_of_design.systems.cdu.redundancy=N"]
    )
    assert list(scenario.facility.tcs.cdus) == ["H1_CDU1", "H1_CDU2"]


def test_a_cooling_machine_by_hand() -> None:
    """36 degC leaving - 6 K = 30 degC evaporation, 35 + 15 = 50 degC condensation: COP 0.38 x 303.15 / 20 = 5.76."""
    item = facility_catalogue(load_facility("gb300-su")).item("trim-chiller-600")
    assert carnot_power_w(item) == pytest.approx(600e3 / (0.38 * 303.15 / 20.0), rel=1e-12)


def test_init_copies_a_project_that_loads_and_never_overwrites(tmp_path: Path) -> None:
    written = init_project("gb300-su", tmp_path / "mine")
    assert tmp_path / "mine" / "facility.yaml" in written
    assert load_facility(tmp_path / "mine").name == "gb300-su"
    assert load_scenario(tmp_path / "mine" / "scenarios" / "busway-loss.yaml").facility.folder == (
        tmp_path / "mine" / "scenarios" / ".."
    )
    assert check_files(written).ok
    (tmp_path / "mine" / "facility.yaml").write_text("kept")
    with pytest.raises(RunConflict, match="nothing was written"):
        init_project("gb300-su", tmp_path / "mine")
    assert (tmp_path / "mine" / "facility.yaml").read_text() == "kept"
    with pytest.raises(SpecError, match=r"did you mean gb300-su\?"):
        init_project("gb300-xu", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_catalogue_table_has_items_values_and_modes() -> None:
    rows = catalogue_table()
    assert {"gb300-nvl72", "cdu-800kw"} <= {r["name"] for r in rows}
    one = catalogue_table("cdu-pump-5kw")
    assert {r["kind"] for r in one} == {"value", "mode"}
    assert all(r["source"] for r in one)
    assert "trip" in {r["key"] for r in one if r["kind"] == "mode"}
    assert {r["key"] for r in catalogue_table("busway")} >= {"lost"}
    with pytest.raises(SpecError, match="did you mean cdu-800kw"):
        catalogue_table("cdu-801kw")
