"""check, init and catalogue as the command line uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.errors import RunConflict, SpecError
from twin.spec.basis import check_weather
from twin.spec.check import catalogue_table, check_files, init_project
from twin.spec.design_point import carnot_power_w, check_design_point, design_groups
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


def test_resolved_prints_values_with_their_sources() -> None:
    (one,) = check_files(["gb300-su"], resolved=True).files
    assert "rated_heat_w:" in one.resolved and "source:" in one.resolved


def test_the_design_meets_its_basis_and_each_finding_cites_a_clause() -> None:
    findings = check_design_point(load_facility("gb300-su"))
    assert findings and [f for f in findings if not f.ok] == []
    assert all(f.clause.startswith("Basis of design gb300-su rev 1, basis_of_design.") for f in findings)
    busway = [f for f in findings if f.element == "busway group"]
    # by hand: 8 x 142 kW x 1.2 = 1363 kW on 4 x 500 kW, then on 3 x 500 kW
    assert [f.found.split("= ")[1] for f in busway] == ["68.2%", "90.9%"]


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
    assert {g.system for g in design_groups(load_facility("gb300-su"))} >= {
        "cdu",
        "busway",
        "ups",
        "generator",
        "whip",
        "ahu",
    }


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
