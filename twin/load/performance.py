"""Roofline of one serving engine: decode step, prefill pass, KV capacity (equations of the model, no queueing)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Gpu:
    """One accelerator as the roofline sees it (dense peaks, one way link bandwidth)."""

    memory_bytes: float
    memory_bandwidth_byte_s: float
    linear_peak_flop_s: float  # at the weight precision
    attention_peak_flop_s: float  # at the attention precision
    link_bandwidth_byte_s: float
    nic_bandwidth_byte_s: float


@dataclass(frozen=True)
class Model:
    """A mixture-of-experts (or dense: expert_weight_bytes 0, experts 1) language model."""

    active_parameters: float
    replicated_weight_bytes: float  # read whole by every data-parallel attention rank
    expert_weight_bytes: float  # split over the ranks of a group
    experts: int
    experts_per_token: int
    layers: int
    moe_layers: int
    hidden: int
    kv_byte_per_token: float
    decode_attention_flop_per_pair: float
    prefill_attention_flop_per_pair: float


@dataclass(frozen=True)
class Engine:
    """Software vintage: achieved shares of the peaks and fixed costs per step."""

    memory_efficiency: float
    linear_efficiency: float
    attention_efficiency: float
    prefill_efficiency: float
    link_efficiency: float
    step_overhead_s: float
    exchange_latency_s: float
    draft_tokens: int
    acceptance_tokens: float
    memory_reserve_bytes: float
    memory_use_fraction: float
    exchange_byte_per_element: float = 3.0


def touched_expert_fraction(tokens: ArrayLike, experts: int, experts_per_token: int) -> FloatArray:
    """Share of the experts that at least one of a batch's tokens visits.

    Parameters
    ----------
    tokens : tokens in the step [1]
    experts, experts_per_token : routed experts E and how many of them each token visits K [1]

    Returns
    -------
    fraction [1]

    Notes
    -----
    1 - (1 - K/E)^x for tokens routed evenly and independently; skewed routing touches fewer.

    Examples
    --------
    >>> round(float(touched_expert_fraction(1, 256, 8)), 5)
    0.03125
    >>> round(float(touched_expert_fraction(256, 256, 8)), 4)
    0.9997
    """
    x = np.asarray(tokens, dtype=np.float64)
    if experts_per_token >= experts:
        return np.ones_like(x)
    return 1.0 - (1.0 - experts_per_token / experts) ** x


def exchange_s(
    gpu: Gpu, model: Model, engine: Engine, tokens_per_gpu: ArrayLike, network_factor: float = 1.0
) -> FloatArray:
    """Time of the expert exchange of one pass: dispatch and combine in every MoE layer [s].

    Notes
    -----
    Per layer tokens·K·d·(bytes out + bytes back)/link bandwidth + 2 latencies; FP8 out and BF16 back make 3 bytes.

    Examples
    --------
    >>> g = Gpu(1, 1, 1, 1, 900e9, 1)
    >>> m = Model(1, 1, 1, 256, 8, 61, 58, 7168, 1, 1, 1)
    >>> e = Engine(1, 1, 1, 1, 1.0, 0, 0.0, 0, 1.0, 0, 1)
    >>> round(float(exchange_s(g, m, e, 128)) * 1e3, 3)  # 128·8·7168·3 B / 900 GB/s · 58
    1.419
    """
    per_gpu = np.asarray(tokens_per_gpu, dtype=np.float64)
    size = per_gpu * model.experts_per_token * model.hidden * engine.exchange_byte_per_element
    flow = gpu.link_bandwidth_byte_s * engine.link_efficiency * network_factor
    return model.moe_layers * (size / flow + 2.0 * engine.exchange_latency_s)


def reduce_s(gpu: Gpu, model: Model, engine: Engine, gpus: float, tokens: ArrayLike) -> FloatArray:
    """Time of the two ring all-reduces per layer of a tensor-parallel pass, BF16 activations [s].

    Examples
    --------
    >>> g = Gpu(1, 1, 1, 1, 900e9, 1)
    >>> m = Model(1, 1, 1, 1, 1, 10, 0, 9000, 1, 1, 1)
    >>> e = Engine(1, 1, 1, 1, 1.0, 0, 0.0, 0, 1.0, 0, 1)
    >>> round(float(reduce_s(g, m, e, 2, 1000)) * 1e3, 3)  # 20 · 2·(1/2)·1000·9000·2 B / 900 GB/s
    0.4
    """
    size = np.asarray(tokens, dtype=np.float64) * model.hidden * 2.0
    flow = gpu.link_bandwidth_byte_s * engine.link_efficiency
    return 2.0 * model.layers * (2.0 * (gpus - 1.0) / gpus * size / flow + engine.exchange_latency_s)


def decode_step_s(
    gpu: Gpu, model: Model, engine: Engine, gpus: float, batch: ArrayLike, context: ArrayLike,
    clock: float = 1.0, network_factor: float = 1.0, tensor_parallel: bool = False,
) -> FloatArray:
    """Duration of one decode step of a group of GPUs.

    Parameters
    ----------
    gpus : GPUs in the group [1]
    batch : requests in the group [1]
    context : mean tokens cached per request [1]
    clock : core clock over nominal [1]; it slows compute, not memory
    network_factor : achieved over nominal exchange bandwidth [1]
    tensor_parallel : all ranks share every request (attention weights split, latent KV copied on each rank) instead
        of data-parallel attention with expert-parallel layers

    Returns
    -------
    step time [s]; one step gives `engine.acceptance_tokens` per request

    Notes
    -----
    t = max(weights/BW, linear FLOP/peak) + max(KV/BW, attention FLOP/peak) + exchange + fixed.

    References
    ----------
    Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009. Expert-parallel serving: DeepSeek-V3 report,
    arXiv 2412.19437.

    Examples
    --------
    Weights only: 2 GB over 1 TB/s at efficiency 1 is 2 ms.

    >>> g = Gpu(1e12, 1e12, 1e30, 1e30, 1e30, 1e30)
    >>> m = Model(1.0, 2e9, 0.0, 1, 1, 1, 0, 1, 0.0, 0.0, 0.0)
    >>> e = Engine(1, 1, 1, 1, 1, 0.0, 0.0, 0, 1.0, 0.0, 1.0)
    >>> float(decode_step_s(g, m, e, 1, 1, 1))
    0.002
    """
    b = np.asarray(batch, dtype=np.float64)
    s = np.asarray(context, dtype=np.float64)
    x = b * (1.0 + engine.draft_tokens)
    touched = touched_expert_fraction(x, model.experts, model.experts_per_token)
    ranks = gpus if tensor_parallel else 1.0  # GPUs that hold one request
    weights = model.replicated_weight_bytes / ranks + model.expert_weight_bytes * touched / gpus
    bandwidth = gpu.memory_bandwidth_byte_s * engine.memory_efficiency
    linear = 2.0 * model.active_parameters * x / (gpus * gpu.linear_peak_flop_s * engine.linear_efficiency * clock)
    read = b * ranks / gpus * s * model.kv_byte_per_token / bandwidth
    attend = (
        model.decode_attention_flop_per_pair * s * x
        / (gpus * gpu.attention_peak_flop_s * engine.attention_efficiency * clock)
    )
    if tensor_parallel:
        exchange = reduce_s(gpu, model, engine, gpus, x)
    else:
        exchange = exchange_s(gpu, model, engine, x / gpus, network_factor)
    return np.maximum(weights / bandwidth, linear) + np.maximum(read, attend) + exchange + engine.step_overhead_s


def mixed_token_s(
    gpu: Gpu, model: Model, engine: Engine, gpus: float, concurrency: ArrayLike, prompt: ArrayLike, output: ArrayLike,
    tensor_parallel: bool = True,
) -> FloatArray:
    """Time per output token of one engine that prefills and decodes at constant concurrency.

    Parameters
    ----------
    concurrency : requests in flight [1]
    prompt, output : tokens of every request [1]

    Returns
    -------
    time per output token [s]

    Notes
    -----
    Decode step at the mean context prompt + output/2, plus the prefill work of the requests that replace finished
    ones, batched with others (no weight reading of its own): concurrency·t_prompt/output.
    """
    n, p, o = (np.asarray(v, dtype=np.float64) for v in (concurrency, prompt, output))
    step = decode_step_s(gpu, model, engine, gpus, n, p + 0.5 * o, tensor_parallel=tensor_parallel)
    linear = 2.0 * model.active_parameters * p / (gpus * gpu.linear_peak_flop_s * engine.prefill_efficiency)
    pairs = model.prefill_attention_flop_per_pair * 0.5 * p * p
    attend = pairs / (gpus * gpu.attention_peak_flop_s * engine.attention_efficiency)
    fixed = replace(engine, exchange_latency_s=0.0)
    if tensor_parallel:
        moved = reduce_s(gpu, model, fixed, gpus, p)
    else:
        moved = exchange_s(gpu, model, fixed, p / gpus)
    return step + n * (linear + attend + moved) / o


def prefill_pass_s(
    gpu: Gpu, model: Model, engine: Engine, gpus: float, tokens: ArrayLike, pairs: ArrayLike,
    clock: float = 1.0, network_factor: float = 1.0,
) -> FloatArray:
    """Duration of one prefill pass over the new tokens of one or more prompts.

    Parameters
    ----------
    tokens : new tokens in the pass, S summed over its prompts [1]
    pairs : attended pairs, sum of S·(C + S/2) with C the cached prefix [1]

    Returns
    -------
    time [s]

    Examples
    --------
    1e9 parameters, 500 tokens: 1e12 FLOP on 1 PFLOP/s is 1 ms.

    >>> g = Gpu(1e12, 1e30, 1e15, 1e30, 1e30, 1e30)
    >>> m = Model(1e9, 0.0, 0.0, 1, 1, 1, 0, 1, 0.0, 0.0, 0.0)
    >>> e = Engine(1, 1, 1, 1, 1, 0.0, 0.0, 0, 1.0, 0.0, 1.0)
    >>> float(prefill_pass_s(g, m, e, 1, 500, 0))
    0.001
    """
    x = np.asarray(tokens, dtype=np.float64)
    touched = touched_expert_fraction(x, model.experts, model.experts_per_token)
    weights = model.replicated_weight_bytes + model.expert_weight_bytes * touched / gpus
    bandwidth = gpu.memory_bandwidth_byte_s * engine.memory_efficiency
    linear = 2.0 * model.active_parameters * x / (gpus * gpu.linear_peak_flop_s * engine.prefill_efficiency * clock)
    attend = (
        model.prefill_attention_flop_per_pair * np.asarray(pairs, dtype=np.float64)
        / (gpus * gpu.attention_peak_flop_s * engine.attention_efficiency * clock)
    )
    exchange = exchange_s(gpu, model, engine, x / gpus, network_factor)
    return np.maximum(weights / bandwidth, linear) + attend + exchange + engine.step_overhead_s


def kv_capacity_tokens(gpu: Gpu, model: Model, engine: Engine, gpus: float) -> float:
    """Tokens that the group can cache, each once on the GPU that serves its request.

    Notes
    -----
    gpus · (f·memory - weights per GPU - reserve)/κ, the weights being the replicated ones and 1/gpus of the experts.

    Examples
    --------
    >>> g = Gpu(100e9, 1, 1, 1, 1, 1)
    >>> m = Model(1, 10e9, 40e9, 8, 2, 1, 1, 1, 1e6, 0, 0)
    >>> e = Engine(1, 1, 1, 1, 1, 0, 0, 0, 1, 5e9, 0.9)
    >>> kv_capacity_tokens(g, m, e, 4)  # 4 · (90 - 10 - 10 - 5) GB / 1 MB
    260000.0
    """
    weights = model.replicated_weight_bytes + model.expert_weight_bytes / gpus
    free = engine.memory_use_fraction * gpu.memory_bytes - weights - engine.memory_reserve_bytes
    return max(0.0, gpus * free / model.kv_byte_per_token)


def with_drafts(engine: Engine, draft_tokens: int, acceptance_tokens: float) -> Engine:
    """The same engine with multi-token prediction: `draft_tokens` proposed, `acceptance_tokens` kept per step."""
    return replace(engine, draft_tokens=draft_tokens, acceptance_tokens=acceptance_tokens)
