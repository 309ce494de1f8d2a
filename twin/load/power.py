"""Rack power from the bottom up: GPUs by phase, CPUs, NVLink switches, NICs, trays, fans, conversion, power shelves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

ITEMS = (
    "gpu_w", "cpu_w", "nvswitch_w", "nic_w", "tray_w", "fan_w", "board_loss_w", "shelf_loss_w",
)  # fmt: skip
GPU, CPU, NVSWITCH, NIC, TRAY, FAN, BOARD, SHELF = range(8)


@dataclass(frozen=True)
class RackHardware:
    """Numbers of one rack type (catalogue); all powers in W per piece unless named otherwise."""

    gpus: int
    gpu_tdp_w: float
    gpu_off_w: float
    gpu_idle_fraction: float  # of TDP, context loaded, nothing to do: the floor below which the clock has no effect
    gpu_leakage_w: float  # at leakage_reference_c
    leakage_reference_c: float
    leakage_per_k: float
    clock_exponent: float
    silicon_sigma_fraction: float
    cpus: int
    cpu_idle_w: float
    cpu_full_w: float
    nvswitch_trays: int
    nvswitch_idle_w: float  # per tray
    nvswitch_full_w: float
    nics: int
    nic_idle_w: float
    nic_full_w: float
    trays: int
    tray_other_w: float  # management, storage, DPU per compute tray
    fan_idle_w: float  # rack
    fan_full_w: float
    board_efficiency: float
    board_loss_to_liquid_fraction: float
    shelves: int
    shelf_capacity_w: float
    shelf_no_load_w: float
    shelf_linear_fraction: float
    shelf_square_fraction: float  # extra loss at full load as a share of it

    def vector(self) -> NDArray[np.float64]:
        return np.array([
            self.gpus, self.gpu_tdp_w, self.gpu_off_w, self.gpu_idle_fraction, self.gpu_leakage_w,
            self.leakage_reference_c, self.leakage_per_k, self.clock_exponent, self.cpus, self.cpu_idle_w,
            self.cpu_full_w, self.nvswitch_trays, self.nvswitch_idle_w, self.nvswitch_full_w, self.nics,
            self.nic_idle_w, self.nic_full_w, self.trays, self.tray_other_w, self.fan_idle_w, self.fan_full_w,
            self.board_efficiency, self.board_loss_to_liquid_fraction, self.shelves, self.shelf_capacity_w,
            self.shelf_no_load_w, self.shelf_linear_fraction, self.shelf_square_fraction,
        ])  # fmt: skip


def gpu_power_w(
    phase_fraction: float, clock: float, temperature_c: float, *, tdp_w: float, idle_fraction: float,
    leakage_w: float = 0.0, reference_c: float = 60.0, leakage_per_k: float = 0.012, exponent: float = 2.2,
) -> float:  # fmt: skip
    """Board power of one GPU in a phase.

    Parameters
    ----------
    phase_fraction : power of the phase at nominal clock and reference temperature, of TDP [1]
    clock : core clock over nominal [1]
    temperature_c : die temperature [°C]

    Returns
    -------
    power [W]

    Notes
    -----
    P = TDP·(idle + (phase - idle)·clock^2.2) + P_leak·(exp(k·(T - T_ref)) - 1). Below the idle floor the clock has
    no effect. Valid for 20-100 °C and clocks 0.2-1.

    Examples
    --------
    >>> round(gpu_power_w(0.9, 1.0, 60.0, tdp_w=1000.0, idle_fraction=0.2), 6)
    900.0
    >>> round(gpu_power_w(0.9, 0.5, 60.0, tdp_w=1000.0, idle_fraction=0.2), 1)  # 200 + 700·0.5^2.2
    352.3
    """
    floor = min(phase_fraction, idle_fraction)
    leak = leakage_w * (np.exp(leakage_per_k * (temperature_c - reference_c)) - 1.0)
    return float(tdp_w * (floor + (phase_fraction - floor) * clock**exponent) + leak)


@njit(cache=True)
def shelf_loss_w(load_w, shelves, capacity_w, no_load_w, linear, square):
    """Loss of `shelves` power shelves that share `load_w`: no-load + linear + square term [W]."""
    if shelves <= 0.0:
        return 0.0
    each = load_w / shelves
    return shelves * (no_load_w + linear * each + square * each * each / capacity_w)


@njit(cache=True)
def rack_items_w(h, phase, gpu_clock, chip_c, live_gpus, gpus_on, powered, spread, cpu_use, link_use, nic_use,
                 shelves, trays_on, out):
    """Fill out[rack, item] with the items of ITEMS [W]. gpus_on 0: GPUs shut down; powered 0: the rack is dark."""
    for r in range(phase.size):
        for i in range(8):
            out[r, i] = 0.0
        if powered[r] <= 0.0:
            continue
        if gpus_on[r] > 0.0:
            floor = min(phase[r], h[3])
            dynamic = h[1] * (floor + (phase[r] - floor) * gpu_clock[r] ** h[7])
            leak = h[4] * (np.exp(h[6] * (chip_c[r] - h[5])) - 1.0)
            out[r, 0] = live_gpus[r] * max(h[2], dynamic * spread[r] + leak)
        else:
            out[r, 0] = live_gpus[r] * h[2]
        out[r, 1] = h[8] * (h[9] + (h[10] - h[9]) * cpu_use[r])
        out[r, 2] = trays_on[r] * (h[12] + (h[13] - h[12]) * link_use[r])
        out[r, 3] = h[14] * (h[15] + (h[16] - h[15]) * nic_use[r])
        out[r, 4] = h[17] * h[18]
        busy = out[r, 0] / (h[0] * h[1])
        out[r, 5] = h[19] + (h[20] - h[19]) * min(1.0, busy)
        boards = out[r, 0] + out[r, 1] + out[r, 2] + out[r, 3] + out[r, 4]
        out[r, 6] = boards * (1.0 / h[21] - 1.0)
        out[r, 7] = shelf_loss_w(boards + out[r, 5] + out[r, 6], shelves[r], h[24], h[25], h[26], h[27])


@njit(cache=True)
def heats_w(h, items, gpu, cpu, nvswitch, air, total):
    """Where the items leave the rack as heat; total is their sum, in this order of addition."""
    for r in range(items.shape[0]):
        gpu[r] = items[r, 0] + h[22] * items[r, 6]
        cpu[r] = items[r, 1]
        nvswitch[r] = items[r, 2]
        air[r] = items[r, 3] + items[r, 4] + items[r, 5] + (1.0 - h[22]) * items[r, 6] + items[r, 7]
        total[r] = gpu[r] + cpu[r] + nvswitch[r] + air[r]


@njit(cache=True)
def input_power_w(h, items, shelves):
    """Electrical side: the load behind the shelves and their loss [W], without using the heat split."""
    total = 0.0
    for r in range(items.shape[0]):
        boards = 0.0
        for i in range(5):
            boards += items[r, i]
        load = boards / h[21] + items[r, 5]
        total += load + (shelf_loss_w(load, shelves[r], h[24], h[25], h[26], h[27]) if load > 0.0 else 0.0)
    return total


@njit(cache=True)
def clock_within(h, phase, budget_w, lowest):
    """Highest clock at which one GPU in a phase stays within its budget (reference temperature) [1]."""
    floor = min(phase, h[3])
    swing = (phase - floor) * h[1]
    if swing <= 0.0 or floor * h[1] + swing <= budget_w:
        return 1.0
    return max(lowest, (max(0.0, budget_w - floor * h[1]) / swing) ** (1.0 / h[7]))
