"""The KPIs of a run: name -> {value, unit, definition}; pure functions of results, computed from counters.

A value that does not exist (the latency of no request) is None, never 0, NaN or infinity.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from twin.economics import carbon_kg, facility_gpu_hour, run_token_cost
from twin.ledger import ELECTRICAL, THERMAL
from twin.load.histogram import ITL_BINS, TTFT_BINS, LogBins, percentile_s
from twin.loading import loadings
from twin.plant import Plant
from twin.results import Results
from twin.spec.scenario import Scenario

J_PER_KWH = 3.6e6
Kpi = dict[str, Any]

PUE_ITEMS = {  # item -> counters whose sum it is
    "transformer": ("electrical/loss_transformer_j",),
    "ups": ("electrical/loss_ups_j", "electrical/loss_battery_j"),
    "busway": ("electrical/loss_busway_j",),
    "cdu": ("tcs/cdu_pump_j", "tcs/cdu_controller_j"),
    "fws_pumps": ("fws/pump_j",),
    "fans": ("fws/fan_j",),
    "chiller": ("fws/chiller_j",),
    "air_handlers": ("air/ahu_j",),
}


def kpi(value: float | None, unit: str, definition: str, **more: Any) -> Kpi:
    """One entry; what is not finite does not exist."""
    exists = value is not None and isfinite(value)
    return {"value": float(value) if exists and value is not None else None, "unit": unit, "definition": definition,
            **more}


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0.0 else None


def compute_kpis(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    """Every KPI of the run."""
    out: dict[str, Kpi] = {}
    for part in (_energy, _serving, _training, _utilization, _latency, _cost, _ledgers, _headroom):
        out.update(part(results, plant, scenario))
    return out


# ---------------------------------------------------------------------------------------------------- energy


def energy_it_j(results: Results) -> float:
    """IT energy [J]: racks at their input (shelf loss on the IT side) and fabric switches."""
    return results.total("load/rack_j") + results.total("network/switch_j")


def energy_facility_j(results: Results) -> float:
    """Energy at the point of interconnection and from on-site generators [J]."""
    return results.total("electrical/utility_j") + results.total("electrical/generator_j")


def serving_share(results: Results, kind: str = "serving") -> float | None:
    """Share of the racks' energy drawn while they serve (or train, or idle)."""
    return _ratio(results.total(f"{kind}_rack_j"), results.total("load/rack_j"))


def pue_items_j(results: Results) -> dict[str, float]:
    """Overhead energy by item [J], each from its own counters; `other` is the rest of the named losses."""
    items = {name: sum(results.total(c) for c in counters) for name, counters in PUE_ITEMS.items()}
    named = {c for counters in PUE_ITEMS.values() for c in counters}
    losses = [c for c in results.counters.columns if c.startswith("electrical/loss_") and c not in named]
    charge = sum(results.total(f"electrical/{store}_charge_j") - results.total(f"electrical/{store}_discharge_j")
                 for store in ("battery", "holdup"))
    late = sum(results.total(c) for c in results.counters.columns if c.startswith("coupling/late_"))
    items["other"] = sum(results.total(c) for c in losses) + results.total("fws/controller_j") + charge + late
    return items


def _energy(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    it_j, site_j = energy_it_j(results), energy_facility_j(results)
    economics = scenario.facility.economics
    grid_kwh, generator_kwh = (results.total(f"electrical/{s}_j") / J_PER_KWH for s in ("utility", "generator"))
    carbon = carbon_kg(grid_kwh, economics.grid_carbon_kg_kwh, generator_kwh, economics.generator_carbon_kg_kwh)
    power_w = results.series("utility_w", "1s")[1].sum(axis=1) + results.series("generator_w", "1s")[1].sum(axis=1)
    peak = int(np.argmax(power_w))
    items = {name: _ratio(j, it_j) for name, j in pue_items_j(results).items()}
    return {
        "energy_it_kwh": kpi(it_j / J_PER_KWH, "kWh", "racks at their input plus fabric switches"),
        "energy_facility_kwh": kpi(site_j / J_PER_KWH, "kWh", "point of interconnection plus on-site generators"),
        "peak_facility_mw": kpi(float(power_w[peak]) / 1e6, "MW", "highest 1 s mean of utility plus generators",
                                time_s=float(results.series("utility_w", "1s")[0][peak])),
        "pue": kpi(_ratio(site_j, it_j), "1", "facility energy / IT energy",
                   minus_one_items=items, minus_one_sum=_finite_sum(items.values())),
        "wue_l_per_kwh": kpi(_ratio(results.total("fws/water_l"), it_j / J_PER_KWH), "L/kWh", "site water / IT energy"),
        "cue_kg_per_kwh": kpi(_ratio(carbon, it_j / J_PER_KWH), "kg/kWh",
                              f"CO2 of grid ({economics.carbon_basis} basis) and generators / IT energy"),
        "energy_serving_kwh": kpi(_times(serving_share(results), site_j / J_PER_KWH), "kWh",
                                  "facility energy allocated to serving, overhead pro rata to rack energy"),
        "energy_training_kwh": kpi(_times(serving_share(results, "training"), site_j / J_PER_KWH), "kWh",
                                   "facility energy allocated to training, overhead pro rata to rack energy"),
        "energy_idle_kwh": kpi(_times(serving_share(results, "idle"), site_j / J_PER_KWH), "kWh",
                               "facility energy of racks that neither serve nor train, overhead pro rata"),
    }


def _times(share: float | None, of: float) -> float | None:
    return None if share is None else share * of


def _finite_sum(values: Any) -> float | None:
    listed = list(values)
    return None if any(v is None for v in listed) else float(sum(listed))


# ---------------------------------------------------------------------------------------------------- work


def _serving(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    seconds = results.duration_s
    tokens, all_out = results.total("tokens_in_sla"), results.total("tokens_delivered")
    total = all_out + results.total("prompt_tokens")
    share = serving_share(results)
    site_j = (share or 0.0) * energy_facility_j(results)
    it_j = (share or 0.0) * energy_it_j(results)
    per_j = _ratio(tokens, site_j)
    arrived = results.total("requests_arrived")
    out = {
        "tokens_per_second": kpi(tokens / seconds, "token/s", "serving output tokens delivered within the SLA"),
        "tokens_per_second_delivered": kpi(all_out / seconds, "token/s", "output tokens, within the SLA or not"),
        "tokens_per_second_total": kpi(total / seconds, "token/s", "prompt and output tokens"),
        "tokens_per_joule": kpi(per_j, "token/J", "tokens within the SLA / facility energy allocated to serving"),
        "tokens_per_it_joule": kpi(_ratio(tokens, it_j), "token/J", "tokens within the SLA / IT energy of serving"),
        "tokens_per_second_per_mw": kpi(_times(per_j, 1e6), "token/s/MW", "1e6 x tokens_per_joule"),
        "sla_attainment_fraction": kpi(_ratio(tokens, all_out), "1", "tokens within the SLA / tokens delivered"),
    }
    for name in ("arrived", "completed", "rejected"):
        out[f"requests_{name}"] = kpi(results.total(f"requests_{name}"), "1", f"requests {name} during the run")
    for name in ("running", "queued"):
        port = f"requests_{name}"
        if port in results.quantities:
            series = results.series(port, "1s")[1]
            out[port] = kpi(float(series[-1].sum()), "1", f"requests {name} at the end of the run")
    out["requests_arrived"]["per_second"] = arrived / seconds
    return out


def _training(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    tokens, lost = results.total("training_tokens"), results.total("training_tokens_lost")
    share = serving_share(results, "training") or 0.0
    kept = tokens - lost
    return {
        "training_tokens_per_second": kpi(kept / results.duration_s, "token/s", "trained tokens that were kept"),
        "training_goodput_fraction": kpi(_ratio(kept, tokens), "1", "tokens kept / tokens computed"),
        "joules_per_trained_token": kpi(_ratio(share * energy_facility_j(results), kept), "J/token",
                                        "facility energy allocated to training / tokens kept"),
    }


def _utilization(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    scheduled = results.total("gpu_s_scheduled")

    rack_s = results.total("rack_s")
    network = results.series("network_utilization_fraction", "1s")[1]
    return {
        "gpu_utilization_fraction": kpi(_ratio(results.total("gpu_s_busy"), scheduled), "1",
                                        "GPU-seconds with a kernel running / scheduled"),
        "cpu_utilization_fraction": kpi(_ratio(results.total("cpu_s_busy"), rack_s), "1", "mean over racks and time"),
        "memory_utilization_fraction": kpi(_ratio(results.total("memory_s_used"), rack_s), "1",
                                           "GPU memory in use / installed, mean over racks and time"),
        "network_utilization_fraction": kpi(float(network.mean()) if network.size else None, "1",
                                            "scale-out traffic / NIC bandwidth, mean over time"),
        "uptime_fraction": kpi(_ratio(results.total("gpu_s_able"), scheduled), "1",
                               "GPU-seconds able to work / scheduled in this run"),
        "throttled_gpu_hours": kpi(results.total("throttled_gpu_s") / 3600.0, "h",
                                   "GPU-hours below full clock for temperature or power"),
    }


def _latency(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    out = {}
    for name, port, bins, what in (
        ("ttft", "ttft_count_per_s", TTFT_BINS, "time to first token"),
        ("itl", "itl_count_per_s", ITL_BINS, "time between output tokens"),
    ):
        counts = pooled_histogram(results, port, bins)
        for label, fraction in (("p50", 0.5), ("p99", 0.99)):
            out[f"{name}_{label}_s"] = kpi(percentile_s(counts, bins, fraction), "s",
                                           f"{label} of the {what}, all pools, from the histogram of the run")
    return out


def pooled_histogram(results: Results, port: str, bins: LogBins) -> np.ndarray:
    """Counts (bin,) of the whole run, summed over pools."""
    if port not in results.quantities:
        return np.zeros(bins.count)
    return results.histogram(port).sum(axis=0).reshape(-1, bins.count).sum(axis=0)


def _cost(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    economics = scenario.facility.economics
    racks = scenario.facility.racks
    gpus_rack = {id: int(plant.catalogue.item(rack.type)["gpus_count"]) for id, rack in racks.items()}
    gpus = sum(gpus_rack.values())
    nameplate_w = sum(float(plant.catalogue.item(rack.type)["nameplate_w"]) for rack in racks.values())
    it_w = energy_it_j(results) / results.duration_s
    hour = facility_gpu_hour(economics, gpus // len(racks), nameplate_w / gpus / 1e3, it_w / nameplate_w,
                             _ratio(energy_facility_j(results), energy_it_j(results)) or 1.0)
    serving_h = results.total("serving_gpu_s") / 3600.0
    busy = _ratio(results.total("serving_gpu_busy_s"), results.total("serving_gpu_s")) or 0.0
    tokens, delivered = results.total("tokens_in_sla"), results.total("tokens_delivered")
    cost = run_token_cost(
        tokens=tokens, gpu_hours=serving_h, fixed_usd_gpu_h=hour.fixed_usd_h,
        energy_kwh=(serving_share(results) or 0.0) * energy_facility_j(results) / J_PER_KWH,
        electricity_usd_mwh=economics.electricity_usd_mwh, utilization_fraction=busy,
        sla_attainment_fraction=_ratio(tokens, delivered), currency_year=economics.currency_year,
    )
    return {
        "cost_per_million_tokens_usd": kpi(cost.usd_per_million_tokens, "USD/1e6 token", cost.statement),
        "gpu_hour_usd": kpi(hour.total_usd_h, "USD/h", f"capital, building, opex and electricity of a GPU-hour, USD of "
                                                       f"{economics.currency_year}"),
    }


# ---------------------------------------------------------------------------------------------------- trust


def _ledgers(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    parts = {led.name: led.residual_fraction(results.counters) for led in (ELECTRICAL, THERMAL)}
    worst = max(max(pair) for pair in parts.values())
    return {
        "energy_residual_fraction": kpi(worst, "1", "worst of both ledgers, over the run and in the worst 60 s",
                                        **{f"{n}_{when}": v for n, pair in parts.items()
                                           for when, v in zip(("run", "worst_60s"), pair, strict=True)}),
    }


def throttle_limits_c(plant: Plant) -> np.ndarray:
    """Chip temperature at which each rack's GPUs slow down [°C], (rack,)."""
    racks = plant.facility.racks
    items = (plant.catalogue.item(racks[id].type) for id in plant.axes["rack"])
    return np.array([float(plant.catalogue.item(item["gpu_type"])["slowdown_c"]) for item in items])


def _headroom(results: Results, plant: Plant, scenario: Scenario) -> dict[str, Kpi]:
    out = {}
    for loading in loadings(results, plant, throttle_limits_c(plant)):
        fraction, element, time_s = loading.worst()
        out[f"headroom_{loading.system}_fraction"] = kpi(
            1.0 - fraction, "1", f"1 - demand/limit at the worst moment ({loading.of})",
            element=element, time_s=time_s if isfinite(time_s) else None)
    return out


def binding(kpis: dict[str, Kpi]) -> Iterator[tuple[str, Kpi]]:
    """Headrooms, the tightest first."""
    found = [(n, k) for n, k in kpis.items() if n.startswith("headroom_") and k["value"] is not None]
    yield from sorted(found, key=lambda pair: pair[1]["value"])
