"""A synchronous training job: iteration time, power of its phases, checkpoints, goodput, what an abort costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
from scipy.special import lambertw

RUN, CHECKPOINT, STOPPED = 0, 1, 2


@dataclass(frozen=True)
class JobSettings:
    name: str
    racks: tuple[int, ...]
    gpus: int
    parameters: float
    layers: int
    hidden: int
    sequence_tokens: int
    batch_tokens: float
    model_flop_s_per_gpu: float  # achieved in compute alone, at nominal clock
    exposed_communication_s: float  # per iteration, at nominal network
    checkpoint_interval_s: float
    checkpoint_s: float
    restart_s: float
    spare_gpus: int
    gradient_byte_per_parameter: float
    memory_fraction: float  # of GPU memory, held by weights, optimiser and activations

    @property
    def compute_s(self) -> float:
        return iteration_compute_s(
            self.parameters, self.layers, self.hidden, self.sequence_tokens, self.batch_tokens, self.gpus,
            self.model_flop_s_per_gpu,
        )  # fmt: skip


def iteration_compute_s(
    parameters: float, layers: int, hidden: int, sequence_tokens: int, batch_tokens: float, gpus: float,
    flop_s_per_gpu: float,
) -> float:  # fmt: skip
    """Compute time of one training iteration.

    Returns
    -------
    time [s]

    Notes
    -----
    (6·N + 6·L·d·s) FLOP per token for forward and backward with causal attention; N active parameters.

    Examples
    --------
    1e9 parameters, no attention, 1e6 tokens: 6e15 FLOP on one PFLOP/s is 6 s.

    >>> iteration_compute_s(1e9, 0, 0, 0, 1e6, 1, 1e15)
    6.0
    """
    return (6.0 * parameters + 6.0 * layers * hidden * sequence_tokens) * batch_tokens / (gpus * flop_s_per_gpu)


def daly_goodput_fraction(interval_s: float, checkpoint_s: float, restart_s: float, mtbi_s: float) -> float:
    """Useful share of time with exponential interruptions that can also strike in checkpoint and restart.

    Notes
    -----
    tau / (M·e^(R/M)·(e^((tau + c)/M) - 1)).

    References
    ----------
    Daly, "A higher order estimate of the optimum checkpoint interval", FGCS 22(3), 2006.

    Examples
    --------
    No failures in sight: only the checkpoint costs, 90/(90 + 10).

    >>> round(daly_goodput_fraction(90.0, 10.0, 5.0, 1e9), 4)
    0.9
    """
    spent = mtbi_s * exp(restart_s / mtbi_s) * np.expm1((interval_s + checkpoint_s) / mtbi_s)
    return float(interval_s / spent)


def optimal_interval_s(checkpoint_s: float, mtbi_s: float) -> float:
    """Interval of useful work that maximises the goodput: M·(1 + W0(-e^(-1 - c/M))).

    Examples
    --------
    Near sqrt(2·c·M) when c is much smaller than M.

    >>> bool(abs(optimal_interval_s(1.0, 1e6) / (2.0 * 1e6) ** 0.5 - 1.0) < 1e-3)
    True
    """
    return float(mtbi_s * (1.0 + lambertw(-exp(-1.0 - checkpoint_s / mtbi_s)).real))


@dataclass(frozen=True)
class PhasePower:
    """Power of the phases as a share of TDP."""

    compute_fraction: float
    communication_fraction: float
    checkpoint_fraction: float
    stopped_fraction: float


_STATE = (
    "phase", "in_phase_s", "unsaved_tokens", "lost_tokens", "tokens_per_s", "compute_share", "power_fraction",
    "iteration_s",
)  # fmt: skip


class TrainingJob:
    """State of a job: phase, seconds in it, tokens since the last checkpoint."""

    def __init__(self, settings: JobSettings, power: PhasePower) -> None:
        self.settings, self.power = settings, power
        self.phase = RUN
        self.in_phase_s = 0.0
        self.unsaved_tokens = 0.0
        self.lost_tokens = 0.0  # not yet reported
        self.tokens_per_s = 0.0
        self.compute_share = 0.0
        self.power_fraction = power.stopped_fraction
        self.iteration_s = 0.0
        self._compute_s = settings.compute_s

    def begin_second(self, clock: float, network_factor: float) -> None:
        """Phase changes at whole seconds only; rates then hold for the second."""
        s = self.settings
        if self.phase == RUN and self.in_phase_s >= s.checkpoint_interval_s - 1e-6:
            self.phase, self.in_phase_s = CHECKPOINT, 0.0
        elif self.phase == CHECKPOINT and self.in_phase_s >= s.checkpoint_s - 1e-6:
            self.phase, self.in_phase_s, self.unsaved_tokens = RUN, 0.0, 0.0
        self.set_rates(clock, network_factor)

    def set_rates(self, clock: float, network_factor: float) -> None:
        s, p = self.settings, self.power
        if self.phase == RUN and network_factor > 0.0:
            compute = self._compute_s / clock
            exposed = s.exposed_communication_s / network_factor
            self.iteration_s = compute + exposed
            self.tokens_per_s = s.batch_tokens / self.iteration_s
            self.compute_share = compute / self.iteration_s
            self.power_fraction = (
                self.compute_share * p.compute_fraction + (1.0 - self.compute_share) * p.communication_fraction
            )
            return
        self.tokens_per_s, self.compute_share, self.iteration_s = 0.0, 0.0, 0.0
        self.power_fraction = p.checkpoint_fraction if self.phase == CHECKPOINT else p.stopped_fraction

    def pass_time(self, dt_s: float) -> float:
        """Tokens trained in dt at the held rate."""
        made = self.tokens_per_s * dt_s
        self.unsaved_tokens += made
        self.in_phase_s += dt_s
        return made

    def abort(self) -> float:
        """Stop; what was trained since the last checkpoint is lost. Returns the lost tokens."""
        lost = self.unsaved_tokens
        self.phase, self.in_phase_s, self.unsaved_tokens = STOPPED, 0.0, 0.0
        self.lost_tokens += lost
        self.set_rates(1.0, 1.0)
        return lost

    def restart(self) -> None:
        self.phase, self.in_phase_s = RUN, 0.0

    def swing_w(self, gpu_tdp_w: float) -> float:
        """Peak-to-peak power of all GPUs between compute and exposed communication, for waveforms [W]."""
        p = self.power
        return self.settings.gpus * gpu_tdp_w * (p.compute_fraction - p.communication_fraction)

    def mark(self) -> tuple[float | int, ...]:
        return tuple([getattr(self, name) for name in _STATE])

    def rewind(self, mark: tuple[float | int, ...]) -> None:
        for name, value in zip(_STATE, mark, strict=True):
            setattr(self, name, value)

    def save(self) -> dict[str, float | int]:
        return {name: getattr(self, name) for name in _STATE}

    def load(self, saved: dict[str, float | int]) -> None:
        for name, value in saved.items():
            setattr(self, name, value)


def first_order_goodput_fraction(interval_s: float, checkpoint_s: float, restart_s: float, mtbi_s: float) -> float:
    """1 - (c/tau + (tau/2 + R)/M): only for c much smaller than tau, and tau and R much smaller than M.

    Examples
    --------
    >>> round(first_order_goodput_fraction(1000.0, 10.0, 100.0, 1e5), 4)  # 1 - (0.01 + 0.006)
    0.984
    """
    return 1.0 - (checkpoint_s / interval_s + (interval_s / 2.0 + restart_s) / mtbi_s)


def mtbi_s(gpus: float, failures_per_gpu_s: float) -> float:
    """Mean time between interruptions of a job whose every GPU must work [s].

    Examples
    --------
    >>> mtbi_s(100.0, 1e-8)
    1000000.0
    """
    return 1.0 / (gpus * failures_per_gpu_s)
