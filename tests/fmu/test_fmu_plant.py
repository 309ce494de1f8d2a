"""The facility plant as an FMU: equal to the built-in one, exchangeable behind the same ports."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "thermal"))

from fmu_case import plant_data  # noqa: E402
from fws_case import parameters, plant  # noqa: E402
from plant_rig import Rig, make  # noqa: E402

import twin  # noqa: E402
from twin.components.fmu_plant import FmuPlant, make_fmu_plant  # noqa: E402
from twin.components.fws_parameters import fws_parameters  # noqa: E402
from twin.contract import SECOND, Component  # noqa: E402
from twin.errors import FmuError  # noqa: E402
from twin.fmu.build import STATE_FLAGS, build_fmu  # noqa: E402
from twin.fmu.facility_plant import GUID, build_facility_plant, data_header, plant_variables  # noqa: E402
from twin.fmu.host import FmuHost  # noqa: E402

EXAMPLES = Path(twin.__file__).parent / "fmu" / "examples"
MAPPING = EXAMPLES / "facility_plant_mapping.yaml"


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """FMUs of the reference plant: with and without state functions."""
    folder = tmp_path_factory.mktemp("plant")
    _, spec = make()
    data = plant_data(fws_parameters(spec))
    full = build_facility_plant(data, folder / "plant.fmu")
    bare = build_fmu(
        EXAMPLES / "facility_plant.c",
        folder / "bare.fmu",
        identifier="facility_plant",
        guid=GUID,
        variables=plant_variables(data),
        data={"facility_plant_data.h": data_header(data)},
        flags={"canHandleVariableCommunicationStepSize": "true"},
    )
    return {
        "full": full,
        "bare": bare,
        "ids": {
            a: tuple(spec.axes[a])
            for a in ("site", "cdu", "fws_pump", "dry_cooler", "chiller", "fws_controller", "fws_bypass")
        },
    }


def unit(units, which: str = "full", step_s: float = 1.0, start=None) -> FmuPlant:
    return make_fmu_plant(
        units[which], MAPPING, units["ids"], step=round(step_s * SECOND), supply_set_c=36.0, start=start
    )


def with_unit(units, hour: float = 12.0, **options) -> tuple[Rig, FmuPlant]:
    components, plant = make()
    components[1] = unit(units, **options)
    return Rig(components, plant, round(hour * 3600) * SECOND), components[1]


def vary(rig: Rig, k: int) -> None:
    """Heat and valves that move all the time."""
    heat = 450e3 * (1.0 + 0.3 * np.sin(k / 210.0))
    rig.values["cdu_primary_heat_w"] = np.array([heat, 0.8 * heat, 0.05 * heat])
    rig.values["cdu_valve_position_fraction"] = np.array([0.8 + 0.1 * np.sin(k / 170.0), 0.7, 0.1])


def test_c_and_compiled_python_give_the_same_numbers(tmp_path):
    """Sub-stepped identically, the two implementations differ by rounding only, through a trip and a chiller start."""
    chosen = parameters()
    file = build_facility_plant(plant_data(chosen), tmp_path / "plant.fmu")
    variables = plant_variables(plant_data(chosen))
    built_in = plant()
    with FmuHost(
        file,
        [v.name for v in variables if v.causality == "input"],
        ["loop.supply", "loop.return", "loop.mixed", "loop.flow", "energy.stored"],
    ) as host:
        host.open()
        for k in range(1200):
            built_in.u_cdu[:] = (0.85, 575e3 * (1.0 + 0.3 * np.sin(k / 90.0)))
            built_in.u_site[:3] = 33.0 + k / 600.0, 24.0, 98600.0
            built_in.u_pump[0, 1] = 1.0 if 500 <= k < 700 else 0.0
            built_in.advance(k * SECOND, (k + 1) * SECOND)
            found = host.step(float(k), 1.0, built_in.u.tolist())
            out = built_in.out
            assert found[:4] == pytest.approx([out[5], out[4], out[2], out[0]], abs=1e-8), k
    assert found[4] == pytest.approx(built_in.stored_j(), rel=1e-12)


def test_hours_of_varying_heat_within_a_tenth_of_a_millikelvin(units):
    mine = Rig(*make())
    theirs, component = with_unit(units, hour=11)
    assert isinstance(component, Component)
    stored = theirs.stored_j()
    worst = 0.0
    for k in range(2 * 3600):
        t = (11 * 3600 + k) * SECOND
        for rig in (mine, theirs):
            vary(rig, k)
            rig.step(t, t + SECOND)
        worst = max(
            worst,
            *(
                float(np.abs(mine.values[p] - theirs.values[p]).max())
                for p in ("fws_supply_c", "fws_return_c", "dry_cooler_out_c")
            ),
        )
    assert worst < 1e-4
    assert np.abs(mine.values["cdu_primary_flow_kg_s"] - theirs.values["cdu_primary_flow_kg_s"]).max() < 1e-6
    assert abs(theirs.residual(stored)) < 1e-9 and component.open_terms == ("fws/reused_j",)
    for term in ("fws/pump_j", "fws/fan_j", "fws/chiller_j", "fws/dry_cooler_rejected_j", "fws/chiller_rejected_j"):
        assert theirs.joules[term] == pytest.approx(mine.joules[term], rel=1e-7)
    component.close()


def test_steps_split_by_events_stay_within_a_twentieth_of_a_kelvin(units):
    mine = Rig(*make())
    theirs, component = with_unit(units)
    stored = theirs.stored_j()
    worst = 0.0
    for k in range(1200):
        t = (12 * 3600 + k) * SECOND
        cuts = [t, t + 330_000, t + 780_000, t + SECOND] if k % 7 == 0 else [t, t + SECOND]
        for rig in (mine, theirs):
            vary(rig, k)
            if k in (600, 640):
                rig.set("fws_pump_tripped", 0, float(k == 600), "X")
            for a, b in zip(cuts, cuts[1:], strict=False):
                rig.step(a, b)
        worst = max(worst, float(np.abs(mine.values["fws_supply_c"] - theirs.values["fws_supply_c"]).max()))
    assert worst < 0.05
    assert abs(theirs.residual(stored)) < 1e-9
    component.close()


def test_a_warmer_set_point_reaches_the_outputs(units):
    supplies = []
    for set_c in (36.0, 51.0):
        rig, component = with_unit(units, hour=13, start={"site.supply_set_c": set_c})
        rig.run(13 * 3600, 14 * 3600)
        supplies.append(float(rig.values["fws_supply_c"][0]))
        assert component.record()["start"] == {"site.supply_set_c": set_c}
        component.close()
    assert supplies[1] - supplies[0] == pytest.approx(15.0, abs=0.5)


@pytest.mark.parametrize("which", ["full", "bare"])
def test_saved_state_continues_bit_for_bit(units, which):
    first, a = with_unit(units, which=which)
    assert a.can_rewind == (which == "full")
    first.run(12 * 3600, 12 * 3600 + 240)
    second, b = with_unit(units, which=which)
    for mine, other in zip(first.components, second.components, strict=True):
        other.load(mine.save())
    second.values.update({k: v.copy() for k, v in first.values.items()})
    for rig in (first, second):
        rig.run(12 * 3600 + 240, 12 * 3600 + 300)
    for name, value in first.values.items():
        assert np.array_equal(value, second.values[name]), name
    a.close()
    b.close()


def test_rewind_is_exact(units):
    rig, component = with_unit(units)
    rig.run(12 * 3600, 12 * 3600 + 30)
    t = (12 * 3600 + 30) * SECOND
    mark = component.mark()
    once = component.advance(t, t + SECOND, rig.inputs)
    component.rewind(mark)
    part = component.advance(t, t + 400_000, rig.inputs)
    component.rewind(mark)
    again = component.advance(t, t + SECOND, rig.inputs)
    assert part.joules["fws/dry_cooler_rejected_j"] == 0.0  # its own grid
    assert once.joules == again.joules
    assert all(np.array_equal(once.outputs[k], again.outputs[k]) for k in once.outputs)
    component.close()


def test_a_coarser_grid_keeps_every_joule(units):
    rig, component = with_unit(units, step_s=15.0)
    stored = rig.stored_j()
    rig.run(12 * 3600, 12 * 3600 + 608)  # ends between two grid instants
    assert abs(rig.residual(stored)) < 1e-9
    assert component.stored_j()["transit"] > 0.0
    component.close()


def test_another_file_is_refused_for_a_snapshot(units):
    rig, component = with_unit(units)
    state = component.save() if component.host._process else None
    other = unit(units, which="bare")
    with pytest.raises(FmuError, match="another file"):
        other.load(state)
    component.close()
    assert STATE_FLAGS["canSerializeFMUstate"] == "true"
