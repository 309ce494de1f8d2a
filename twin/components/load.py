"""Builds the load component from the facility, the catalogue and the workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from twin.components.load_component import LoadComponent
from twin.errors import WiringError
from twin.load.fleet import Fleet, ServingPower
from twin.load.generator import RequestClass, generate_trace
from twin.load.performance import Engine, Gpu, Model, with_drafts
from twin.load.power import RackHardware
from twin.load.serving import PoolSettings, ServingPool, rack_capacity
from twin.load.superpose import Superposition
from twin.load.throttle import ThrottleSettings
from twin.load.traces import Trace, read_trace
from twin.load.training import JobSettings, PhasePower, TrainingJob, mtbi_s, optimal_interval_s
from twin.spec.workload import select
from twin.streams import stream


def build_load(plant: Any, scenario: Any) -> LoadComponent:
    """The load of a plant under the scenario's workload."""
    ids = tuple(plant.axes["rack"])
    types = {plant.facility.racks[i].type for i in ids}
    if len(types) != 1:
        raise WiringError(f"racks of {len(types)} types ({', '.join(sorted(types))}): wanted one type per facility")
    rack = plant.catalogue.item(types.pop())
    gpu, cpu = plant.catalogue.item(rack["gpu_type"]), plant.catalogue.item(rack["cpu_type"])
    hardware = rack_hardware(rack, gpu, cpu)
    work = scenario.workload
    pools = [build_pool(name, ids, plant, scenario) for name in work.pools]
    jobs = [build_job(name, spec, ids, plant.catalogue.item(spec.recipe), hardware) for name, spec in work.jobs.items()]
    engine = plant.catalogue.item(next(iter(work.pools.values())).engine) if work.pools else None
    recipe = plant.catalogue.item(next(iter(work.jobs.values())).recipe) if work.jobs else None
    start = scenario.clock.start
    fleet = Fleet(
        ids, hardware, serving_power(gpu, cpu, engine, recipe), pools, jobs,
        silicon_spread(ids, hardware, scenario.seed),
        start_hour=start.hour + start.minute / 60.0 + start.second / 3600.0,
        low_fraction=work.arrivals.low_fraction if work.arrivals else 1.0,
        peak_hour=work.arrivals.peak_hour if work.arrivals else 15.0,
    )  # fmt: skip
    return LoadComponent(fleet, throttle_settings(gpu, rack))


def silicon_spread(ids: tuple[str, ...], hardware: RackHardware, seed: int) -> np.ndarray:
    """Mean board power of each rack's GPUs over nominal: each GPU's own draw, keyed by its rack."""
    sigma = hardware.silicon_sigma_fraction
    return np.array([1.0 + sigma * stream(seed, i, "silicon").standard_normal(hardware.gpus).mean() for i in ids])


def rack_hardware(rack: Any, gpu: Any, cpu: Any) -> RackHardware:
    return RackHardware(
        gpus=int(rack["gpus_count"]), gpu_tdp_w=gpu["tdp_w"], gpu_off_w=gpu["off_w"],
        gpu_idle_fraction=gpu["idle_fraction"], gpu_leakage_w=gpu["leakage_w"],
        leakage_reference_c=gpu["leakage_reference_c"], leakage_per_k=gpu["leakage_per_k"],
        clock_exponent=gpu["clock_exponent"], silicon_sigma_fraction=gpu["silicon_sigma_fraction"],
        cpus=int(rack["cpus_count"]), cpu_idle_w=cpu["idle_w"], cpu_full_w=cpu["full_w"],
        nvswitch_trays=int(rack["nvswitch_trays_count"]), nvswitch_idle_w=rack["nvswitch_idle_w"],
        nvswitch_full_w=rack["nvswitch_full_w"], nics=int(rack["nics_count"]), nic_idle_w=rack["nic_idle_w"],
        nic_full_w=rack["nic_full_w"], trays=int(rack["compute_trays_count"]), tray_other_w=rack["tray_other_w"],
        fan_idle_w=rack["fan_idle_w"], fan_full_w=rack["fan_full_w"],
        board_efficiency=rack["board_efficiency_fraction"],
        board_loss_to_liquid_fraction=rack["board_loss_to_liquid_fraction"], shelves=int(rack["shelves_count"]),
        shelf_capacity_w=rack["shelf_capacity_w"], shelf_no_load_w=rack["shelf_no_load_w"],
        shelf_linear_fraction=rack["shelf_linear_fraction"], shelf_square_fraction=rack["shelf_square_fraction"],
    )  # fmt: skip


def throttle_settings(gpu: Any, rack: Any) -> ThrottleSettings:
    return ThrottleSettings(
        slowdown_c=gpu["slowdown_c"], shutdown_c=gpu["shutdown_c"], release_k=gpu["throttle_release_k"],
        lowest_clock=gpu["lowest_clock_fraction"], gain_per_k=gpu["throttle_gain_per_k"],
        gain_per_k_s=gpu["throttle_gain_per_k_s"], fall_limit=gpu["throttle_fall_fraction"],
        rise_limit=gpu["throttle_rise_fraction"], restart_below_c=gpu["restart_below_c"],
        gpu_restart_s=gpu["restart_s"], boot_s=rack["boot_s"],
    )  # fmt: skip


def serving_power(gpu: Any, cpu: Any, engine: Any, recipe: Any) -> ServingPower:
    """Phase power and use; the serving part is zero without a pool, the training part without a job."""
    e = (lambda key: engine[key]) if engine is not None else (lambda key: 0.0)
    t = (lambda key: recipe[key]) if recipe is not None else (lambda key: 0.0)
    return ServingPower(
        base_fraction=e("power_base_fraction"), memory_factor=e("power_memory_factor"),
        memory_exponent=e("power_memory_exponent"), compute_factor=e("power_compute_factor"),
        compute_exponent=e("power_compute_exponent"), limit_fraction=e("power_limit_fraction"),
        loaded_idle_fraction=gpu["idle_loaded_fraction"],
        idle_fraction=gpu["idle_fraction"],
        cpu_idle_use=cpu["idle_use_fraction"], cpu_serving_use=cpu["serving_use_fraction"],
        cpu_training_use=cpu["training_use_fraction"], link_serving_use=e("link_serving_fraction"),
        link_training_use=t("link_training_fraction"), nic_training_use=t("nic_training_fraction"),
    )  # fmt: skip


def roofline_gpu(gpu: Any, precision: str = "fp4") -> Gpu:
    return Gpu(
        gpu["memory_bytes"], gpu["memory_bandwidth_byte_s"], gpu[f"{precision}_dense_flop_s"],
        gpu["bf16_dense_flop_s"], gpu["nvlink_byte_s"], gpu["nic_byte_s"],
    )  # fmt: skip


def roofline_model(model: Any) -> Model:
    return Model(
        model["active_parameters_count"], model["replicated_weight_bytes"], model["expert_weight_bytes"],
        int(model["experts_count"]), int(model["experts_per_token_count"]), int(model["layers_count"]),
        int(model["moe_layers_count"]), int(model["hidden_count"]), model["kv_byte_per_token"],
        model["decode_flop_per_pair"], model["prefill_flop_per_pair"],
    )  # fmt: skip


def roofline_engine(engine: Any) -> Engine:
    return Engine(
        engine["memory_efficiency_fraction"], engine["linear_efficiency_fraction"],
        engine["attention_efficiency_fraction"], engine["prefill_efficiency_fraction"],
        engine["link_efficiency_fraction"], engine["step_overhead_s"], engine["exchange_latency_s"],
        int(engine["draft_tokens_count"]), engine["acceptance_tokens_count"], engine["memory_reserve_bytes"],
        engine["memory_use_fraction"],
    )  # fmt: skip


def workload_trace(work: Any, seed: int, element: str) -> Trace:
    """The trace that a pool's superposition repeats: read from its file, or generated."""
    if work.trace is not None:
        return read_trace(Path(work.trace))
    g = work.generator
    classes = {name: RequestClass(**c.model_dump(exclude={"source"})) for name, c in g.classes.items()}
    return generate_trace(
        classes, count=g.requests, length_s=g.length_s, variance_over_mean=g.variance_over_mean, seed=seed,
        element=element,
    )


def build_pool(name: str, ids: tuple[str, ...], plant: Any, scenario: Any) -> ServingPool:
    work, spec = scenario.workload, scenario.workload.pools[name]
    members = select(tuple(spec.racks), ids)
    rack = plant.catalogue.item(plant.facility.racks[members[0]].type)
    gpu = roofline_gpu(plant.catalogue.item(rack["gpu_type"]))
    model = roofline_model(plant.catalogue.item(spec.model))
    engine = roofline_engine(plant.catalogue.item(spec.engine))
    if spec.draft_tokens is not None:
        engine = with_drafts(engine, spec.draft_tokens, spec.acceptance_tokens)
    settings = PoolSettings(
        name, tuple(ids.index(m) for m in members), int(rack["gpus_count"]), spec.prefill_gpus, spec.worker_gpus,
        spec.shared, spec.pass_tokens, spec.pass_prompts, spec.batch_per_gpu, spec.queue_limit, spec.wait_limit,
        spec.timeout_s, spec.sla.ttft_s, spec.sla.itl_s,
    )  # fmt: skip
    trace = workload_trace(work, scenario.seed, name)
    capacity = rack_capacity(settings, gpu, model, engine, trace)
    asked = work.arrivals.utilization_fraction * capacity.requests_per_s * len(members)
    return ServingPool(
        settings, gpu, model, engine, Superposition.build(trace, asked / trace.rate_per_s, scenario.seed, name)
    )


def build_job(name: str, spec: Any, ids: tuple[str, ...], recipe: Any, hardware: RackHardware) -> TrainingJob:
    members = select(tuple(spec.racks), ids)
    gpus = hardware.gpus * len(members)
    interval = spec.checkpoint_interval_s
    if interval == "daly":
        interval = optimal_interval_s(recipe["checkpoint_s"], mtbi_s(gpus, recipe["failures_per_gpu_s"]))
    settings = JobSettings(
        name, tuple(ids.index(m) for m in members), gpus, recipe["parameters_count"], int(recipe["layers_count"]),
        int(recipe["hidden_count"]), int(recipe["sequence_tokens"]), recipe["batch_tokens"],
        recipe["model_flop_s_per_gpu"], recipe["exposed_communication_s"], float(round(interval)),
        recipe["checkpoint_s"], recipe["restart_s"], spec.spare_gpus, recipe["gradient_byte_per_parameter"],
        recipe["memory_fraction"],
    )  # fmt: skip
    power = PhasePower(
        recipe["compute_power_fraction"], recipe["communication_power_fraction"], recipe["checkpoint_power_fraction"],
        recipe["stopped_power_fraction"],
    )  # fmt: skip
    return TrainingJob(settings, power)
