"""Ports of the load component, and what it counts per second."""

from __future__ import annotations

from twin.contract import Port

OWN = (
    Port("gpu_tripped", "rack", "mode"),
    Port("throttled", "rack", "mode"),
    Port("rack_up", "rack", "mode", neutral=1.0),
    Port("job_running", "job", "mode", neutral=1.0),
)
FAULTS = (
    Port("gpus_lost", "rack", "mode"),
    Port("hosts_lost", "rack", "mode"),
    Port("nvlink_trays_lost", "rack", "mode"),
    Port("power_shelves_lost", "rack", "mode"),
    Port("power_cap_stuck_fraction", "rack", "mode", neutral=1.0),
    Port("hbm_bandwidth_fraction", "rack", "mode", neutral=1.0),
    Port("gpu_sensor_offset_k", "rack", "mode"),
    Port("pool_workers_lost_fraction", "pool", "mode"),
    Port("job_halted", "job", "mode"),
)
INPUTS = (
    Port("chip_c", "rack", "end", neutral=45.0),
    Port("chip_hottest_c", "rack", "end", neutral=50.0),
    Port("rack_powered", "rack", "mode", neutral=1.0),
    Port("power_cap_fraction", "rack", "mode", neutral=1.0),
    Port("job_network_factor", "job", "mode", neutral=1.0),
    Port("pool_network_factor", "pool", "mode", neutral=1.0),
    *FAULTS,
    *OWN,
)
OUTPUTS = (
    Port("gpu_heat_w", "rack", "mean"),
    Port("cpu_heat_w", "rack", "mean"),
    Port("nvswitch_heat_w", "rack", "mean"),
    Port("rack_air_heat_w", "rack", "mean"),
    Port("rack_power_w", "rack", "mean"),
    Port("clock_fraction", "rack", "end", neutral=1.0),
    Port("gpu_utilization_fraction", "rack", "mean"),
    Port("cpu_utilization_fraction", "rack", "mean"),
    Port("memory_utilization_fraction", "rack", "mean"),
    Port("fabric_demand_bit_s", "rack", "mean"),
    Port("tokens_per_s", "pool", "mean"),
    Port("tokens_in_sla_per_s", "pool", "mean"),
    Port("requests_arrived_per_s", "pool", "mean"),
    Port("requests_completed_per_s", "pool", "mean"),
    Port("requests_rejected_per_s", "pool", "mean"),
    Port("requests_running", "pool", "end"),
    Port("requests_queued", "pool", "end"),
    Port("training_tokens_per_s", "job", "mean"),
    Port("ttft_count_per_s", "ttft_bin", "mean", record="minute"),
    Port("itl_count_per_s", "itl_bin", "mean", record="minute"),
    *OWN,
)
MEANS = frozenset(p.name for p in OUTPUTS if p.kind == "mean")

RATES = (
    "tokens_delivered", "tokens_in_sla", "prompt_tokens", "requests_arrived", "requests_completed",
    "requests_rejected", "prefill_tokens", "gpu_s_scheduled", "gpu_s_able", "gpu_s_busy", "cpu_s_busy",
    "memory_s_used", "rack_s", "serving_gpu_s", "serving_gpu_busy_s", "throttled_gpu_s", "serving_rack_j",
    "training_rack_j", "idle_rack_j", "heat_j",
)  # fmt: skip
