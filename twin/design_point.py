"""The cooling at its design point: all racks at full load in the hottest hour of the design day, simulated to rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.kpi import throttle_limits_c
from twin.loading import loadings
from twin.simulate import simulate
from twin.spec.facility import Facility
from twin.spec.load import load_scenario

SETTLE_MIN = 40.0
FULL_LOAD = "{racks: ['*'], recipe: llama-405b-gb300, checkpoint_interval_s: 86400.0}"


def cooling_design_point(facility: Facility) -> dict[str, Any]:
    """Flows, temperatures, approach and headroom with every rack training.

    Returns
    -------
    plain data: site (weather, FWS), cdus, racks, headroom (system -> fraction left and the binding element)
    """
    hour = _hottest_hour(facility)
    work = load_scenario(None, facility=facility).workload
    others = [f"workload.pools.{p}=null" for p in work.pools] + [f"workload.jobs.{j}=null" for j in work.jobs]
    scenario = load_scenario(None, facility=facility, overrides=(
        *others, f"workload.jobs.DESIGN={FULL_LOAD}", f"clock.start={hour:02d}:00",
        f"clock.duration={SETTLE_MIN:g}min", "clock.warmup=2h"))
    run = simulate(scenario)

    def last(name: str) -> np.ndarray:
        return run.results.series(name, "60s")[1][-1]

    axes = run.results.axes
    loops = {id: i for i, id in enumerate(axes["loop"])}
    cdu_of_loop = last("cdu_of_loop").astype(int)
    cdus = []
    for i, id in enumerate(axes["cdu"]):
        served = [loop for loop, k in loops.items() if cdu_of_loop[k] == i]
        row: dict[str, Any] = {"cdu": id, "serves": ", ".join(served) or "(reserve)",
                               "heat_kw": last("cdu_primary_heat_w")[i] / 1e3,
                               "primary_flow_kg_s": last("cdu_primary_flow_kg_s")[i],
                               "fws_supply_c": last("fws_supply_c")[i],
                               "valve_position_fraction": last("cdu_valve_position_fraction")[i]}
        for loop in served[:1]:
            k = loops[loop]
            row |= {"tcs_supply_c": last("tcs_supply_c")[k], "tcs_return_c": last("tcs_return_c")[k],
                    "tcs_flow_kg_s": last("loop_flow_kg_s")[k],
                    "approach_k": last("tcs_supply_c")[k] - row["fws_supply_c"]}
        cdus.append(row)
    racks = [{"rack": id, "power_kw": last("rack_power_w")[i] / 1e3, "flow_kg_s": last("rack_flow_kg_s")[i],
              "supply_c": last("rack_supply_c")[i], "return_c": last("rack_return_c")[i],
              "chip_c": last("chip_c")[i], "hottest_chip_c": last("chip_hottest_c")[i]}
             for i, id in enumerate(axes["rack"])]
    headroom = []
    for loading in loadings(run.results, run.plant, throttle_limits_c(run.plant)):
        fraction, element, _ = loading.worst()
        headroom.append({"system": loading.system, "headroom_fraction": 1.0 - fraction, "binding_element": element,
                         "demand_over_limit": loading.of})
    return {
        "statement": f"all racks train; {scenario.clock.start:%m-%d %H:%M} plus {SETTLE_MIN:g} min, weather "
                     f"{scenario.weather}",
        "site": {"outdoor_drybulb_c": float(last("outdoor_drybulb_c")[0]),
                 "outdoor_wetbulb_c": float(last("outdoor_wetbulb_c")[0]),
                 "dry_cooler_out_c": float(last("dry_cooler_out_c")[0]), "fws_return_c": float(last("fws_return_c")[0]),
                 "fan_speed_fraction": float(last("fan_speed_fraction").max()),
                 "chiller_load_fraction": float(last("chiller_load_fraction").max())},
        "cdus": cdus, "racks": racks, "headroom": sorted(headroom, key=lambda h: float(h["headroom_fraction"])),
    }


def _hottest_hour(facility: Facility) -> int:
    """Hour of the highest dry bulb of the facility's day, from its weather component."""
    from twin.components.weather import build_weather
    from twin.contract import SECOND, Inputs
    from twin.plant import build_plant

    scenario = load_scenario(None, facility=facility)
    weather = build_weather(build_plant(facility), scenario)
    calm = Inputs({"outdoor_offset_k": np.zeros(1)}, {"outdoor_offset_k": [""]})
    weather.start(0, calm)
    found = [float(weather.advance(h * 3600 * SECOND, (h * 3600 + 1) * SECOND, calm).outputs["outdoor_drybulb_c"][0])
             for h in range(24)]
    return int(np.argmax(found))
